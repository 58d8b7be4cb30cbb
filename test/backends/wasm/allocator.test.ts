import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Range } from '../../../src/backends/wasm/allocator.ts'
import { ALIGNMENT, Allocator } from '../../../src/backends/wasm/allocator.ts'

const start = 100
const limit = 1 << 22

/** Requests, and releases of the range that was taken so many requests ago. */
const steps = fc.array(
  fc.oneof(fc.record({ take: fc.oneof(fc.nat(300), fc.nat(1 << 19)) }), fc.record({ give: fc.nat(1000) })),
  { maxLength: 200 },
)

describe('the allocator', () => {
  it('gives aligned ranges that are large enough, apart from each other, and inside the heap', () => {
    fc.assert(
      fc.property(steps, (list) => {
        let end = 0
        const allocator = new Allocator(start, limit, (to) => {
          end = Math.max(end, to)
          return true
        })
        const live: { readonly range: Range; readonly bytes: number }[] = []
        for (const step of list) {
          if ('take' in step) {
            const range = allocator.allocate(step.take)
            if (range !== null) live.push({ range, bytes: step.take })
          } else if (live.length > 0) {
            const [gone] = live.splice(step.give % live.length, 1)
            allocator.free(gone!.range)
          }
          allocator.check()
          const sorted = live.toSorted((a, b) => a.range.address - b.range.address)
          sorted.forEach(({ range, bytes }, i) => {
            expect(range.address % ALIGNMENT).toBe(0)
            expect(range.size).toBeGreaterThanOrEqual(bytes)
            expect(range.address).toBeGreaterThanOrEqual(sorted[i - 1]?.range.end ?? start)
          })
          expect(sorted.at(-1)?.range.end ?? 0).toBeLessThanOrEqual(Math.min(end, limit))
        }
        for (const { range } of live) allocator.free(range)
        allocator.check()
        expect(allocator.used).toBe(0)
        if (allocator.extent === 0) return
        const whole = allocator.extent
        expect(allocator.allocate(whole - (whole >> 4))).not.toBeNull()
        expect(allocator.extent).toBe(whole)
      }),
      { numRuns: 200 },
    )
  })

  it('takes the same place again for the same size', () => {
    const allocator = new Allocator(0, limit, () => true)
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1 << 18 }), (bytes) => {
        const first = allocator.allocate(bytes)!
        const { address } = first
        allocator.free(first)
        const second = allocator.allocate(bytes)!
        expect(second.address).toBe(address)
        allocator.free(second)
      }),
    )
  })

  it('wastes a sixteenth at most, and nothing on powers of two', () => {
    const allocator = new Allocator(0, 2 ** 32, () => true)
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1 << 30 }), (bytes) => {
        const range = allocator.allocate(bytes)!
        expect(range.size - Math.ceil(bytes / 64) * 64).toBeLessThanOrEqual(bytes / 16)
        allocator.free(range)
      }),
    )
    for (let n = 64; n <= 2 ** 31; n *= 2) {
      const range = allocator.allocate(n)!
      expect(range.size).toBe(n)
      allocator.free(range)
    }
  })

  it('doubles, then takes what there is, then says that there is no more', () => {
    const asked: number[] = []
    const allocator = new Allocator(0, 1 << 20, (to) => {
      asked.push(to)
      return to <= 600_000
    })
    expect(allocator.allocate(200_000)?.address).toBe(0)
    expect(allocator.allocate(200_000)).not.toBeNull()
    expect(allocator.allocate(150_000)).not.toBeNull()
    expect(allocator.allocate(150_000)).toBeNull()
    expect(asked.slice(0, 3)).toEqual([204_800, 409_600, 819_200])
    expect(allocator.allocate(2 ** 21)).toBeNull()
    allocator.check()
  })

  it('has whole units only, whatever its limit is', () => {
    const allocator = new Allocator(0, 20 * ALIGNMENT + 37, () => true)
    expect(allocator.allocate(17 * ALIGNMENT)).not.toBeNull()
    expect(allocator.allocate(ALIGNMENT)).not.toBeNull()
    expect(allocator.allocate(3 * ALIGNMENT)).toBeNull()
    expect(allocator.allocate(2 * ALIGNMENT)).not.toBeNull()
    expect(allocator.extent).toBe(20 * ALIGNMENT)
    allocator.check()
  })

  it('has nothing for sizes beyond all memory, however its free ranges are', () => {
    const allocator = new Allocator(0, 2 ** 32, () => true)
    allocator.free(allocator.allocate(2 ** 20)!)
    const sizes = fc
      .tuple(fc.integer({ min: 32, max: 52 }), fc.nat(2 ** 31))
      .map(([power, more]) => 2 ** power + more + 1)
    fc.assert(
      fc.property(sizes, (bytes) => {
        expect(allocator.allocate(bytes)).toBeNull()
        allocator.check()
      }),
    )
    expect(allocator.used).toBe(0)
  })
})
