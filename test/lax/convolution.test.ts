import * as fc from 'fast-check'
import { ArgumentError, DTypeError, ShapeError, lax, np } from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

/** Numbers that no formula below has in common. */
const numbers = (shape: readonly number[], seed: number): NDArray =>
  np.sin(np.multiply(np.reshape(np.arange(shape.reduce((n, e) => n * e, 1), undefined, 1, { dtype: 'float64' }), shape), 1 + seed / 7)) // prettier-ignore

const extent = fc.integer({ min: 1, max: 5 })
const small = fc.integer({ min: 1, max: 3 })
const runs = { numRuns: 50 }

describe('convGeneralDilated', () => {
  it('with kernels of one element is a product of matrices', () => {
    fc.assert(
      fc.property(extent, extent, extent, small, (h, w, features, kernels) => {
        const x = numbers([2, h, w, features], 1)
        const k = numbers([1, 1, features, kernels], 2)
        const got = lax.convGeneralDilated(x, k, { dimensionNumbers: ['NHWC', 'HWIO', 'NHWC'] })
        assertClose('conv', got, np.matmul(x, np.reshape(k, [features, kernels])))
      }),
      runs,
    )
  })

  it('of a line is the sum that the formula says', () => {
    fc.assert(
      fc.property(extent, small, small, small, small, small, (n, window, stride, lhsD, rhsD, low) => {
        const [x, k] = [numbers([n], 3), numbers([window], 4)]
        const options = { windowStrides: [stride], padding: [[low, window * rhsD]], lhsDilation: [lhsD] } as const
        const got = lax.convGeneralDilated(np.reshape(x, [1, 1, n]), np.reshape(k, [1, 1, window]), {
          ...options,
          rhsDilation: [rhsD],
        })
        const [xs, ks] = [x.toArray() as number[], k.toArray() as number[]]
        const wanted = Array.from({ length: got.size }, (_, p) => {
          let sum = 0
          for (let i = 0; i < n; i++) {
            for (let j = 0; j < window; j++) if (lhsD * i + low === stride * p + rhsD * j) sum += xs[i]! * ks[j]!
          }
          return sum
        })
        assertClose('conv', np.reshape(got, [got.size]), np.array(Float64Array.from(wanted)))
      }),
      runs,
    )
  })

  it('of groups is one convolution for each', () => {
    const [x, k] = [numbers([2, 4, 5, 3], 1), numbers([6, 2, 2, 2], 2)]
    const half = (y: NDArray, axis: number, i: number): NDArray => np.split(y, 2, { axis })[i]!
    const parts = [0, 1].map((i) => lax.conv(half(x, 1, i), half(k, 0, i)))
    assertClose('groups', lax.convGeneralDilated(x, k, { featureGroupCount: 2 }), np.concatenate(parts, { axis: 1 }))
  })

  it('gives zeros where there is nothing to sum, and nothing for nothing', () => {
    expect(lax.conv(np.zeros([1, 0, 2]), np.ones([1, 0, 2])).toArray()).toEqual([[[0]]])
    expect(lax.conv(np.ones([0, 1, 2]), np.ones([3, 1, 2])).shape).toEqual([0, 3, 1])
    expect(lax.conv(np.ones([1, 1, 2]), np.ones([3, 1, 4])).shape).toEqual([1, 3, 0])
  })

  it('says what does not fit', () => {
    const [x, k] = [np.ones([2, 3, 4]), np.ones([5, 3, 2])]
    expect(() => lax.conv(x, np.ones([5, 2, 2]))).toThrow(ShapeError)
    expect(() => lax.conv(x, np.ones([5, 3]))).toThrow(ShapeError)
    expect(() => lax.conv(np.ones([2]), np.ones([2]))).toThrow(/rank 2/)
    expect(() => lax.conv(x, np.astype(k, 'float64'))).toThrow(DTypeError)
    expect(() => lax.conv(x, k, { windowStrides: [0] })).toThrow(/positive/)
    expect(() => lax.conv(x, k, { windowStrides: [1, 1] })).toThrow(ShapeError)
    expect(() => lax.conv(x, k, { padding: 'FULL' as 'SAME' })).toThrow(/"FULL"/)
    expect(() => lax.convGeneralDilated(x, k, { featureGroupCount: 2 })).toThrow(/2 groups/)
    expect(() => lax.convGeneralDilated(x, k, { batchGroupCount: 2 })).toThrow(/divide/)
    expect(() => lax.convGeneralDilated(x, k, { featureGroupCount: 3, batchGroupCount: 2 })).toThrow(/one of them is 1/)
    expect(() => lax.convGeneralDilated(x, k, { lhsDilation: [2], padding: 'SAME' })).toThrow(/convTranspose/)
    for (const bad of ['NC', 'NCHW', 'NCC', 'NCX']) {
      expect(() => lax.convGeneralDilated(x, k, { dimensionNumbers: [bad, 'OIH', 'NCH'] })).toThrow(ArgumentError)
    }
  })
})

describe('reduceWindow', () => {
  it('takes the sum, maximum and minimum of shifted slices', () => {
    fc.assert(
      fc.property(extent, small, small, (n, window, stride) => {
        const length = n + window
        const x = numbers([length], n)
        const slices = Array.from({ length: window }, (_, i) => {
          const limit = length - window + 1 + i
          return x.at(np.slice(i, limit, stride)).get()
        })
        const stacked = np.stack(slices)
        const options = { windowDimensions: [window], windowStrides: [stride] }
        assertClose('sum', lax.reduceWindow(x, { kind: 'sum', ...options }), np.sum(stacked, { axis: 0 }))
        assertClose('max', lax.reduceWindow(x, { kind: 'max', ...options }), np.max(stacked, { axis: 0 }))
        assertClose('min', lax.reduceWindow(x, { kind: 'min', ...options }), np.min(stacked, { axis: 0 }))
      }),
      runs,
    )
  })

  it('has a neutral element where a window meets none', () => {
    const options = { windowDimensions: [1], padding: [[1, 0]] } as const
    const [x, ints] = [np.array([2]), np.array(Int32Array.of(2))]
    expect(lax.reduceWindow(x, { kind: 'sum', ...options }).toArray()).toEqual([0, 2])
    expect(lax.reduceWindow(x, { kind: 'max', ...options }).toArray()).toEqual([-Infinity, 2])
    expect(lax.reduceWindow(ints, { kind: 'max', ...options }).toArray()).toEqual([-(2 ** 31), 2])
    expect(lax.reduceWindow(ints, { kind: 'min', ...options }).toArray()).toEqual([2 ** 31 - 1, 2])
  })

  it('passes NaN on', () => {
    const x = np.array([1, NaN, 0, 2])
    const windows = { windowDimensions: [2] }
    expect(lax.reduceWindow(x, { kind: 'max', ...windows }).toArray()).toEqual([NaN, NaN, 2])
    expect(lax.reduceWindow(x, { kind: 'min', ...windows }).toArray()).toEqual([NaN, NaN, 0])
  })

  it('says what does not fit', () => {
    const x = np.ones([3])
    expect(() => lax.reduceWindow(x, { kind: 'sum', windowDimensions: [1, 1] })).toThrow(ShapeError)
    expect(() => lax.reduceWindow(x, { kind: 'sum', windowDimensions: [0] })).toThrow(/positive whole numbers/)
    expect(() => lax.reduceWindow(np.array([true]), { kind: 'max', windowDimensions: [1] })).toThrow(DTypeError)
  })
})
