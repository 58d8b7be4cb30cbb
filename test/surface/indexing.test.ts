import * as fc from 'fast-check'
import { grad, IndexError, jit, np, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { checkGrads } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

const m = np.reshape(np.arange(12, { dtype: 'float32' }), [3, 4])
const rows = m.toArray({ rank: 2 })

/** What a slice of a JS array gives for Python's start, stop and step. */
const pythonSlice = (xs: readonly number[], start: number | null, stop: number | null, step: number): number[] => {
  const n = xs.length
  const clamp = (i: number, low: number, high: number): number => Math.min(Math.max(i < 0 ? i + n : i, low), high)
  const from = start === null ? (step > 0 ? 0 : n - 1) : clamp(start, step > 0 ? 0 : -1, step > 0 ? n : n - 1)
  const to = stop === null ? (step > 0 ? n : -1) : clamp(stop, step > 0 ? 0 : -1, step > 0 ? n : n - 1)
  const out: number[] = []
  for (let i = from; step > 0 ? i < to : i > to; i += step) out.push(xs[i]!)
  return out
}

const bound = fc.option(fc.integer({ min: -8, max: 8 }))

describe('at', () => {
  it('slices as Python does', () => {
    fc.assert(
      fc.property(fc.nat({ max: 6 }), bound, bound, fc.constantFrom(1, 2, 3, -1, -2), (n, start, stop, step) => {
        const xs = Array.from({ length: n }, (_, i) => i)
        const got = np
          .array(xs)
          .at(np.slice(start, stop, step))
          .get()
          .toArray()
        expect(got).toEqual(pythonSlice(xs, start, stop, step))
      }),
      { numRuns: 500 },
    )
  })

  it('slices as JS does, where JS does', () => {
    const index = fc.option(fc.integer({ min: -8, max: 8 }), { nil: undefined })
    fc.assert(
      fc.property(fc.nat({ max: 6 }), index, index, (n, start, stop) => {
        const xs = Array.from({ length: n }, (_, i) => i)
        const wanted = xs.slice(start, stop)
        expect(np.array(xs).slice(start, stop).toArray()).toEqual(wanted)
        expect(np.array(xs).get(np.slice(start, stop)).toArray()).toEqual(wanted)
      }),
      { numRuns: 200 },
    )
    expect(np.arange(4).slice(1).toArray()).toEqual([1, 2, 3])
    expect(np.arange(4).slice(null, null, -1).toArray()).toEqual([3, 2, 1, 0])
    expect(m.slice(1).toArray()).toEqual(rows.slice(1))
    expect(() => np.array(1).slice(1)).toThrow(IndexError)
    expect(() => np.arange(4).slice(0.5)).toThrow(IndexError)
    expect(() => np.arange(4).slice(0, 2, 0)).toThrow(IndexError)
  })

  it('get is at().get()', () => {
    expect(m.get(1).toArray()).toEqual(rows[1])
    expect(m.get(':', np.slice(2)).toArray()).toEqual(rows.map((row) => row.slice(2)))
    expect(m.get([2, 0], -1).toArray()).toEqual([11, 3])
    expect(m.get().toArray()).toEqual(rows)
    const f = (x: NDArray): NDArray => x.get(1).mul(x.slice(1).sum())
    expect(grad(f)(np.array([1, 2, 3])).toArray()).toEqual(grad((x) => x.at(1).get().mul(x.at(np.slice(1)).get().sum()))(np.array([1, 2, 3])).toArray()) // prettier-ignore
    expect(vmap(jit((x) => x.get(-1)))(m).toArray()).toEqual([3, 7, 11])
  })

  it('takes positions, whole axes, new axes and ellipses', () => {
    expect(m.at(1).get().toArray()).toEqual(rows[1])
    expect(m.at(-1, -1).get().item()).toBe(11)
    expect(m.at(':', 2).get().toArray()).toEqual([2, 6, 10])
    expect(m.at('...', 0).get().toArray()).toEqual([0, 4, 8])
    expect(m.at(null, 0, null).get().shape).toEqual([1, 1, 4])
  })

  it('takes arrays of integers and masks', () => {
    expect(m.at([2, 0]).get().toArray()).toEqual([rows[2], rows[0]])
    expect(m.at([0, 1], [1, 2]).get().toArray()).toEqual([1, 6])
    expect(m.at(':', [3, 0]).get().shape).toEqual([3, 2])
    expect(m.at(np.greater(m, 8)).get().toArray()).toEqual([9, 10, 11])
    expect(
      m
        .at(np.array([true, false, true]))
        .get()
        .toArray(),
    ).toEqual([rows[0], rows[2]])
  })

  it('updates functionally', () => {
    const z = np.zeros([4])
    expect(z.at(1).set(5).toArray()).toEqual([0, 5, 0, 0])
    expect(z.at([1, 1, 2]).add(1).toArray()).toEqual([0, 2, 1, 0])
    expect(np.ones([4]).at([0, 0]).mul(3).toArray()).toEqual([9, 1, 1, 1])
    expect(np.array([1, 5]).at([0, 1]).max(3).toArray()).toEqual([3, 5])
    expect(np.array([1, 5]).at([0, 1]).min(3).toArray()).toEqual([1, 3])
    expect(m.at(np.slice(0, 2), ':').set(0).sum().item()).toBe(8 + 9 + 10 + 11)
  })

  it('drops updates and clips reads out of range, as JAX does', () => {
    expect(np.zeros([2]).at([5]).set(1).toArray()).toEqual([0, 0])
    expect(np.array([1, 2]).at([5]).get().toArray()).toEqual([2])
    expect(np.array([1, 2]).at([5]).get({ mode: 'fill' }).toArray()).toEqual([NaN])
    expect(np.array([1, 2]).at([5]).get({ mode: 'fill', fillValue: 7 }).toArray()).toEqual([7])
  })

  it('has derivatives, which are 0 for what was out of range', () => {
    const f = (x: NDArray): NDArray => np.sum(np.square(x.at([0, 9, 1, 0]).get({ mode: 'fill', fillValue: 1 })))
    expect(grad(f)(np.array([1, 2])).toArray()).toEqual([4, 4])
    checkGrads((x: NDArray, v: NDArray) => np.sin(x.at([2, 0, 2]).add(v)), [np.array([1, 2, 3]), np.array([4, 5, 6])])
    checkGrads((x: NDArray, v: NDArray) => np.sin(x.at(np.slice(0, 2)).set(v)), [np.array([1, 2, 3]), np.array([4, 5])])
    checkGrads(
      (x: NDArray) =>
        np.cos(
          x
            .at([
              [0, 1],
              [1, 2],
            ])
            .get(),
        ),
      [np.array([1, 2, 3])],
    )
  })

  it('takes traced integers under jit', () => {
    const f = jit((x: NDArray, i: NDArray) => x.at(i).get())
    expect(f(m, np.array(1, { dtype: 'int32' })).toArray()).toEqual(rows[1])
    expect(f(m, np.array(-1, { dtype: 'int32' })).toArray()).toEqual(rows[2])
  })
})
