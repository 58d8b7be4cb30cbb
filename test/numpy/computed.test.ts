/** Arguments that may be computed: under `jit`, `vmap` and `grad` they mean what they do as numbers. */
import { grad, hessian, jit, np, vmap } from 'pullback'
import type { ArrayLike, NDArray } from 'pullback'
import { checkGrads } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

const float64 = { dtype: 'float64' } as const
const x = np.array([[0.3, -1.2, 2.1, 0.4], [1.7, 0.2, -0.9, 3.3], [0.8, 2.6, -0.1, 1.4]], float64) // prettier-ignore

type Case = readonly [name: string, f: (v: ArrayLike) => NDArray, values: readonly number[]]

const integral: readonly Case[] = [
  ['roll', (k) => np.roll(x, k), [0, 3, -5, 17]],
  ['roll along an axis', (k) => np.roll(x, k, { axis: 1 }), [0, 3, -5]],
  ['roll along two axes', (k) => np.roll(x, k, { axis: [0, 1] }), [1, -2]],
  ['repeat', (k) => np.repeat(x, k, { axis: 1, totalRepeatLength: 8 }), [2]],
  ['eye', (k) => np.eye(3, 4, { k }), [-1, 0, 2, 9]],
  ['trace', (k) => np.trace(x, k), [-2, 0, 1, 8]],
  ['delete', (k) => np.delete(x, np.reshape(k, [1]), { axis: 1, assumeUniqueIndices: true }), [0, 2]],
  ['insert', (k) => np.insert(x, k, 9, { axis: 0 }), [0, 1, 3]],
  ['take', (k) => np.take(x, k, { axis: 1 }), [0, 3]],
]

const real: readonly Case[] = [
  ['clip', (v) => np.clip(x, np.negative(v), v), [0.5, 1.5]],
  ['linspace from', (v) => np.linspace(v, 2, 5), [-1.5, 0.5]],
  ['linspace to', (v) => np.linspace(1, v, 4, { endpoint: false }), [-1.5, 3]],
  ['logspace', (v) => np.logspace(v, 2, 3), [0.5, 1]],
  ['logspace, its base', (v) => np.logspace(0, 2, 3, { base: v, dtype: 'float64' }), [2.5, 3]],
  ['geomspace from', (v) => np.geomspace(v, 8, 4), [0.5, 2]],
  ['geomspace to', (v) => np.geomspace(0.5, v, 4), [2, 9]],
  ['full', (v) => np.full([2, 2], v), [1.5]],
  ['quantile', (v) => np.quantile(x, v, { axis: 1 }), [0.21, 0.83]],
  ['percentile', (v) => np.percentile(x, v), [21, 83]],
  ['interp, its ends', (v) => np.interp([-1, 0.5, 9], [0, 1], [2, 3], { left: v, right: v }), [1.5]],
  ['interp, a period', (v) => np.interp([0.2, 1.1], [0, 0.5, 1], [2, 3, 1], { period: v }), [1.9]],
  ['unwrap', (v) => np.unwrap(x, { period: v }), [1.13]],
  ['trapezoid', (v) => np.trapezoid(x, { dx: v }), [0.5]],
  ['pad', (v) => np.pad(x, 1, { constantValues: v }), [1.5]],
  ['pad with a ramp', (v) => np.pad(x, 2, { mode: 'linearRamp', endValues: v }), [1.5]],
  ['sum from', (v) => np.sum(x, { axis: 0, initial: v }), [1.5]],
  ['prod from', (v) => np.prod(x, { axis: 0, initial: v }), [1.5]],
  ['max from', (v) => np.max(x, { axis: 0, initial: v }), [0.5, 2.2]],
  ['var around', (v) => np.var(x, { mean: v }), [0.5]],
  ['nanToNum', (v) => np.nanToNum(np.array([NaN, 1], float64), { nan: v }), [1.5]],
  ['heaviside', (v) => np.heaviside([-1, 0, 1], v), [0.5]],
  ['kaiser', (v) => np.kaiser(4, v), [2.5]],
  ['set', (v) => x.at([0, 2], 1).set(v), [1.5]],
  ['divide', (v) => x.at([0, 2, 0], 1).divide(v), [1.5]],
  ['power', (v) => np.abs(x).at([0, 2, 0], 1).power(v), [1.5]],
]

const int32 = (v: number): NDArray => np.array(Int32Array.of(v)).reshape([])
const agree = (a: NDArray, b: NDArray): void => {
  expect(a.shape).toEqual(b.shape)
  expect(np.allclose(a, b, { rtol: 2e-6, atol: 1e-6, equalNan: true }).bool()).toBe(true)
}

describe('integers that are computed', () => {
  it.each(integral)('%s', (_, f, values) => {
    for (const v of values) {
      agree(f(int32(v)), f(v))
      agree(jit(f)(int32(v)), f(v))
    }
    const all = vmap(f)(np.array(Int32Array.from(values)))
    values.forEach((v, i) => {
      agree(all.at(i).get(), f(v))
    })
  })
})

describe('numbers that are computed', () => {
  it.each(real)('%s', (_, f, values) => {
    for (const v of values) {
      agree(f(np.array(v)), f(v))
      agree(jit(f)(np.array(v)), f(v))
      checkGrads((y: NDArray) => f(y), [np.array(v, float64)], { order: 2 })
    }
    const all = vmap(f)(np.array([...values]))
    values.forEach((v, i) => {
      agree(all.at(i).get(), f(v))
    })
  })

  it('tolerances', () => {
    const close = (atol: ArrayLike): NDArray => np.isclose([1, 2], [1.1, 2.3], { rtol: 0, atol })
    expect(jit(close)(np.array(0.2)).toArray()).toEqual([true, false])
    expect(vmap(close)(np.array([0.2, 0.5])).toArray()).toEqual([[true, false], [true, true]]) // prettier-ignore
  })
})

describe('repeats that are computed', () => {
  const f = (counts: NDArray): NDArray => np.repeat(np.array([1, 2, 3]), counts, { totalRepeatLength: 5 })
  const counts = np.array(Int32Array.of(2, 0, 2, 1, 3, 4)).reshape([2, 3])

  it('are cut, and filled with the last element', () => {
    expect(jit(f)(counts.at(0).get()).toArray()).toEqual([1, 1, 3, 3, 3])
    expect(jit(f)(counts.at(1).get()).toArray()).toEqual([1, 2, 2, 2, 3])
    expect(vmap(f)(counts).toArray()).toEqual([[1, 1, 3, 3, 3], [1, 2, 2, 2, 3]]) // prettier-ignore
  })

  it('need the length of the result', () => {
    expect(() => jit((c: NDArray) => np.repeat(np.ones([3]), c))(counts.at(0).get())).toThrow(/totalRepeatLength/)
    expect(() => np.repeat(np.ones([3]), counts.at(0).get(), { totalRepeatLength: -1 })).toThrow(/totalRepeatLength/)
    expect(() => np.repeat(np.ones([3]), [1, 2], { totalRepeatLength: 3 })).toThrow(/2 counts for 3 elements/)
  })

  it('give gradients to what they repeat', () => {
    const total = (y: NDArray, c: NDArray): NDArray => np.sum(np.square(np.repeat(y, c, { totalRepeatLength: 4 })))
    const y = np.array([1, 2, 3])
    expect(jit(grad(total))(y, np.array(Int32Array.of(1, 3, 0))).toArray()).toEqual([2, 12, 0])
    expect(hessian((z: NDArray) => total(z, np.array(Int32Array.of(1, 3, 0))))(y).toArray()).toEqual(
      [[2, 0, 0], [0, 6, 0], [0, 0, 0]], // prettier-ignore
    )
  })
})
