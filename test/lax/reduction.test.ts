/** `lax`: rounding, reductions of nothing, and contractions at the edges. */
import { ArgumentError, DTypeError, grad, jit, lax, np, ShapeError, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

describe('round', () => {
  const halves = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997, 8388607.5])

  it('takes halves away from 0, or to the even neighbour', () => {
    const away = [1, 2, 3, -1, -2, -3, 0, 8388608]
    const even = [0, 2, 2, -0, -2, -2, 0, 8388608]
    const byDefault = (x: NDArray) => lax.round(x)
    const toEven = (x: NDArray) => lax.round(x, { roundingMethod: 'toNearestEven' })
    for (const f of [byDefault, jit(byDefault)]) expect(f(halves).toArray()).toEqual(away)
    for (const f of [toEven, jit(toEven)]) expect(f(halves).toArray()).toEqual(even)
    expect(np.round(halves).toArray()).toEqual(even)
    expect(Object.is(lax.round(np.array(-0.2)).item(), -0)).toBe(true)
  })

  it('is odd, and what is not a half is as it was', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), (value) => {
        const x = np.array(value, { dtype: 'float64' })
        expect(lax.round(x).item()).toBeCloseTo(Math.sign(value) * Math.round(Math.abs(value)), 10)
        expect(lax.neg(lax.round(x)).item()).toBe(lax.round(lax.neg(x)).item())
      }),
    )
  })

  it('has derivative 0, and takes floats only', () => {
    expect(grad((x: NDArray) => lax.round(x))(np.array(0.5)).item()).toBe(0)
    expect(() => lax.round(np.arange(3))).toThrow(DTypeError)
    expect(() => lax.round(np.arange(3))).toThrow(/lax.round: takes floats, got i32\[3\]/)
    expect(() => lax.round(0.5, { roundingMethod: 'up' as never })).toThrow(ArgumentError)
    expect(() => lax.round(0.5, { roundingMethod: 'up' as never })).toThrow(
      /lax\.round: roundingMethod must be 'awayFromZero' or 'toNearestEven'/,
    )
  })
})

describe('the largest and smallest of nothing', () => {
  it('change no other element', () => {
    for (const dtype of ['float32', 'float64', 'int32', 'uint32'] as const) {
      const x = np.array([0, 1, 7], { dtype })
      const nothing = np.zeros([3, 0], { dtype })
      for (const reduce of [(y: NDArray) => lax.reduceMax(y, [1]), jit((y: NDArray) => lax.reduceMax(y, [1]))]) {
        expect([reduce(nothing).dtype, lax.max(reduce(nothing), x).toArray()]).toEqual([dtype, [0, 1, 7]])
      }
      expect(lax.min(lax.reduceMin(nothing, [1]), x).toArray()).toEqual([0, 1, 7])
    }
    expect(lax.reduceMax(np.zeros([0]), [0]).item()).toBe(-Infinity)
    expect(lax.reduceMin(np.zeros([0], { dtype: 'int32' }), [0]).item()).toBe(2 ** 31 - 1)
    expect(lax.reduceMax(np.zeros([0], { dtype: 'bool' }), [0]).bool()).toBe(false)
    expect(lax.reduceMin(np.zeros([0], { dtype: 'bool' }), [0]).bool()).toBe(true)
  })

  it('have no gradient, and batch', () => {
    expect(grad((x: NDArray) => lax.reduceMax(x, [1]).sum())(np.zeros([2, 0])).shape).toEqual([2, 0])
    expect(vmap((x: NDArray) => lax.reduceMax(x, [0]))(np.zeros([2, 0])).toArray()).toEqual([-Infinity, -Infinity])
  })

  it('np.max still refuses, and axes that are none are named', () => {
    expect(() => np.max(np.zeros([0]))).toThrow()
    expect(() => lax.reduceMax(np.zeros([2, 0]), [1, 5])).toThrow(ShapeError)
    expect(() => lax.reduceMax(np.zeros([2, 0]), [1, 5])).toThrow(/reduceMax: axes \[1, 5\]/)
  })
})

describe('dotGeneral', () => {
  it('has no batch axes by default', () => {
    const y = lax.dotGeneral(np.ones([2, 3]), np.ones([4, 3]), { contract: [[1], [1]] })
    expect(y.toArray()).toEqual(Array(2).fill(Array(4).fill(3)))
  })

  it('names itself for axes that are not a pair of lists', () => {
    const x = np.ones([2, 2])
    for (const options of [{}, { contract: [1, 0] }, { contract: [[1], [0]], batch: [] }]) {
      expect(() => lax.dotGeneral(x, x, options as never)).toThrow(ArgumentError)
    }
    expect(() => lax.dotGeneral(x, x, { contract: [1, 0] } as never)).toThrow(
      /lax\.dotGeneral: contract must be a list of axes of each operand/,
    )
  })
})

describe('padding of a window by name', () => {
  it('is that of the array without base dilation', () => {
    const x = np.array([1, 2, 3, 4, 5])
    const options = { kind: 'sum', windowDimensions: [4], windowStrides: [3], baseDilation: [2] } as const
    // Two outputs of 5 elements need one on each side of 1 0 2 0 3 0 4 0 5; three outputs of 9 would need one, last.
    expect(lax.reduceWindow(x, { ...options, padding: 'SAME' }).toArray()).toEqual([3, 5, 9])
  })
})
