import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as fc from 'fast-check'
import { blockUntilReady, deviceGet, jit, np } from 'pullback'
import type { NDArray } from 'pullback'
import { describe, expect, it } from 'vitest'
import { Findable, finder } from '../../../src/backends/wasm/collector.ts'
import { compile } from '../../../src/backends/wasm/compile.ts'
import { WasmDevice } from '../../../src/backends/wasm/device.ts'
import { withBackend } from '../../../src/runtime/backend.ts'

const MB = 2 ** 20
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const increment = jit((x: NDArray) => x.add(1))
const total = jit((x: NDArray) => x.sum())

/** Counts the turns of the event loop while `f` is awaited, and collects in each. */
const turnsOf = async (f: () => Promise<void>): Promise<number> => {
  let turns = 0
  let isDone = false
  const tick = (): void => {
    if (isDone) return
    turns++
    collect()
    setImmediate(tick)
  }
  await new Promise(setImmediate)
  setImmediate(tick)
  await f()
  isDone = true
  return turns
}

describe('waiting for elements', () => {
  const ways: readonly [string, (x: NDArray) => Promise<unknown>][] = [
    ['data', (x) => x.data()],
    ['data of what was made from it', (x) => total(x).data()],
    ['blockUntilReady', (x) => blockUntilReady([x])],
    ['deviceGet', (x) => deviceGet(total(x))],
  ]
  it.each(ways)('%s gives the host a turn when garbage has piled up', async (_, wait) => {
    const device = new WasmDevice(compile, { threads: 1, softLimit: 320 * MB })
    const x = np.ones([4 * MB])
    const turns = await turnsOf(async () => {
      for (let i = 0; i < 32; i++) await wait(withBackend(device, () => increment(x)))
    })
    // 16 MB each: four of them to a turn.
    expect(turns).toBeGreaterThanOrEqual(6)
    expect(turns).toBeLessThanOrEqual(12)
    expect(device.memory.evictions).toBe(0)
    device.dispose()
  })

  it('gives none where nothing is to be freed', async () => {
    const device = new WasmDevice(compile, { threads: 1 })
    const step = jit((x: NDArray) => x.add(1), { donateArgnums: 0 })
    const small = np.ones([3])
    let x = withBackend(device, () => increment(np.ones([2 * MB])))
    const turns = await turnsOf(async () => {
      for (let i = 0; i < 200; i++) {
        x = withBackend(device, () => step(x))
        await small.data()
        await blockUntilReady(x)
      }
    })
    expect(turns).toBe(0)
    expect(x.get(0).item()).toBe(202)
    device.dispose()
  })
})

describe('loops that never pause', () => {
  const ways: readonly [string, () => Promise<void> | null][] = [
    ['without a pause', () => null],
    ['awaiting resolved promises', () => Promise.resolve()],
  ]
  it.each(ways)('evict next to nothing %s', async (_, pause) => {
    const device = new WasmDevice(compile, { threads: 1, softLimit: 64 * MB })
    const x = np.ones([2 * MB])
    for (let i = 0; i < 64; i++) {
      withBackend(device, () => increment(x))
      const promise = pause()
      if (promise !== null) await promise
    }
    // 512 MB were made, of which 448 would have to be copied out: 56 arrays.
    expect(device.memory.evictions).toBeLessThan(6)
    expect(device.memory.limit).toBe(64 * MB)
    device.dispose()
  })

  it('keep what can be reached', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(11), { minLength: 30, maxLength: 80 }), (uses) => {
        const device = new WasmDevice(compile, { threads: 1, softLimit: 2 * MB, guards: true })
        withBackend(device, () => {
          const arrays = Array.from({ length: 4 }, (_, i) => increment(np.full([32_768], i)))
          const values = arrays.map((_, i) => i + 1)
          for (const use of uses) {
            const i = use % 4
            // Some results are kept, some are dropped at once.
            const y = increment(arrays[i]!)
            if (use < 6) continue
            arrays[i] = y
            values[i]!++
          }
          expect(arrays.map((x) => [x.get(0).item(), x.get(-1).item()])).toEqual(values.map((v) => [v, v]))
        })
        device.dispose()
      }),
      { numRuns: 20 },
    )
  })

  it('raise the limit where more is alive than half of it', () => {
    const device = new WasmDevice(compile, { threads: 1, softLimit: 32 * MB })
    withBackend(device, () => {
      let xs = Array.from({ length: 10 }, () => increment(np.ones([MB])))
      for (let i = 0; i < 8; i++) xs = xs.map((x) => increment(x))
      expect(device.memory.limit).toBeGreaterThan(80 * MB)
      expect(device.memory.evictions).toBeLessThan(20)
      expect(xs[9]!.get(5).item()).toBe(10)
    })
    device.dispose()
  })
})

describe('finding what is alive', () => {
  class Seen extends Findable {
    count = 0
    wasFound(): void {
      this.count++
    }
  }
  const find = finder()!
  /** A set of these, and of as many that nobody else refers to. */
  const among = (kept: readonly Seen[]): WeakSet<Findable> => {
    const set = new WeakSet<Findable>()
    for (const x of kept) set.add(x).add(new Seen())
    return set
  }

  it.each(['young', 'all'] as const)('finds each once, in mid-job, after a collection (%s)', (generation) => {
    const kept = Array.from({ length: 300 }, () => new Seen())
    expect(find(among(kept), generation)).toBe(true)
    expect(kept.every((x) => x.count === 1)).toBe(true)
  })

  it('says when it could not tell all', () => {
    class Fails extends Findable {
      wasFound(): void {
        const again = (): number => again() + 1
        again()
      }
    }
    const fails = new Fails()
    const set = among([new Seen()]).add(fails)
    expect(find(set, 'young')).toBe(false)
    fails.toString()
  })
})
