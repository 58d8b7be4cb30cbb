/** Options that JAX and NumPy have: what goldens do not say. */
import * as fc from 'fast-check'
import { ArgumentError, DTypeError, IndexError, ShapeError, TracerError, grad, jit, lax, np, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { checkGrads } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

const float64 = { dtype: 'float64' } as const
const ints = (...xs: readonly number[]): NDArray => np.array(Int32Array.from(xs))

describe('pad', () => {
  const modes = ['constant', 'edge', 'empty', 'linearRamp', 'maximum', 'mean', 'median', 'minimum', 'reflect', 'symmetric', 'wrap'] as const // prettier-ignore

  it.each(modes)('%s leaves the middle as it is, and is the same under jit and vmap', (mode) => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 6 }),
        fc.nat({ max: 8 }),
        fc.nat({ max: 8 }),
        fc.boolean(),
        (xs, before, after, odd) => {
          const x = np.array(xs)
          const reflects = mode === 'reflect' || mode === 'symmetric'
          const f = (y: NDArray): NDArray =>
            np.pad(y, [[before, after]], { mode, ...(reflects && odd ? { reflectType: 'odd' } : {}) })
          const padded = f(x).toArray() as number[]
          expect(padded.length).toBe(xs.length + before + after)
          expect(padded.slice(before, before + xs.length)).toEqual(x.toArray())
          expect(np.allclose(jit(f)(x), f(x)).bool()).toBe(true)
          expect(vmap(f)(np.stack([x, np.negative(x)])).at(0).get().toArray()).toEqual(padded) // prettier-ignore
        },
      ),
      { numRuns: 25 },
    )
  })

  it('an odd reflection of a line goes on with it', () => {
    const line = np.array([2, 5, 8, 11])
    const padded = np.pad(line, 7, { mode: 'reflect', reflectType: 'odd' })
    expect(padded.toArray()).toEqual(np.arange(-19, 35, 3, { dtype: 'float32' }).toArray())
  })

  it.each(modes)('%s has the right derivatives', (mode) => {
    const x = np.array([[0.3, -1.2, 2.1], [1.7, 0.2, -0.9]], float64) // prettier-ignore
    checkGrads((y: NDArray) => np.square(np.pad(y, [[1, 2], [0, 4]], { mode })), [x], { order: 2 }) // prettier-ignore
  })

  it('refuses what means nothing', () => {
    const x = np.ones([2, 2])
    expect(() => np.pad(x, 1, { mode: 'edge', reflectType: 'odd' })).toThrow(
      /reflectType means nothing to the mode 'edge'/,
    )
    expect(() => np.pad(x, 1, { mode: 'wrap', constantValues: 1 })).toThrow(ArgumentError)
    expect(() => np.pad(x, 1, { mode: 'reflect', reflectType: 'other' as 'odd' })).toThrow(
      /reflectType must be 'even' or 'odd', got the string "other"/,
    )
    expect(() => np.pad(x, 1, { mode: 'mean', statLength: 0 })).toThrow(/statLength of 0/)
    expect(() => np.pad(x, -1)).toThrow(/width cannot be negative, got -1/)
    expect(() => np.pad(x, [1, 2, 3] as unknown as np.PadWidth)).toThrow(ShapeError)
    expect(() => np.pad(np.ones([2], { dtype: 'bool' }), 1, { mode: 'reflect', reflectType: 'odd' })).toThrow(
      DTypeError,
    )
    for (const mode of ['mean', 'linearRamp', 'reflect'] as const) {
      expect(() => np.pad(np.zeros([0]), 1, { mode })).toThrow(/has no elements/)
    }
  })
})

describe('updates', () => {
  const x = np.array([1, 2, 4], float64)

  it('divide and power leave alone what is not named, whatever it is', () => {
    const odd = np.array([NaN, -2, 0, Infinity, -Infinity])
    expect(odd.at(1).divide(4).toArray()).toEqual([NaN, -0.5, 0, Infinity, -Infinity])
    expect(odd.at(1).power(2).toArray()).toEqual([NaN, 4, 0, Infinity, -Infinity])
    const total = (v: NDArray): NDArray => np.sum(odd.at(1).divide(v).at(1).get())
    expect(grad(total)(np.array(4)).item()).toBe(0.125)
  })

  it('have right derivatives, at places named twice too', () => {
    const v = np.array([2, 3, 0.5], float64)
    for (const method of ['subtract', 'divide', 'power'] as const) {
      checkGrads((y: NDArray, w: NDArray) => y.at([0, 2, 0])[method](w), [x, v], { order: 2 })
    }
  })

  it('apply: as often as an element is named', () => {
    const f = (y: NDArray): NDArray => y.at([0, -1, 0, 5]).apply((e) => np.add(np.multiply(e, 2), 1))
    expect(f(x).toArray()).toEqual([7, 2, 9])
    expect(jit(f)(x).toArray()).toEqual([7, 2, 9])
    checkGrads(f, [x], { order: 2 })
    const square = np.reshape(np.arange(4, float64), [2, 2])
    expect(square.at([0, 1], [1, 1]).apply(np.negative).toArray()).toEqual([[0, -1], [2, -3]]) // prettier-ignore
    expect(square.at(np.greater(square, 1)).apply(np.sqrt).toArray()).toEqual([[0, 1], [Math.SQRT2, Math.sqrt(3)]]) // prettier-ignore
  })

  it('apply: computed places must be promised to differ', () => {
    const twice = (y: NDArray, i: NDArray): NDArray => y.at(i).apply((e) => np.multiply(e, 2))
    const once = (y: NDArray, i: NDArray): NDArray => y.at(i).apply((e) => np.multiply(e, 2), { uniqueIndices: true })
    expect(() => jit(twice)(x, ints(0, 1))).toThrow(TracerError)
    expect(() => jit(twice)(x, ints(0, 1))).toThrow(/uniqueIndices: true/)
    expect(jit(once)(x, ints(0, -1)).toArray()).toEqual([2, 2, 8])
  })

  it('say what does not fit', () => {
    expect(() => ints(1, 2).at(0).subtract(0.5)).toThrow(/at\(...\).subtract: values/)
    expect(() => np.array([true]).at(0).subtract(true)).toThrow(DTypeError)
    expect(() => x.at(0).divide([1, 2])).toThrow(/at\(...\).divide/)
  })
})

describe('reductions', () => {
  it('ddof and correction are one thing', () => {
    expect(() => np.var([1, 2], { ddof: 0, correction: 1 })).toThrow(/one thing by two names/)
    expect(() => np.std([1, 2], { dtype: 'int32' })).toThrow(/dtype is one of floats/)
  })

  it('sums of bytes stay bytes if they are told so', () => {
    const bytes = np.array(new Uint8Array([3, 4]))
    expect(np.sum(bytes).dtype).toBe('uint32')
    expect(np.sum(bytes, { promoteIntegers: false }).dtype).toBe('uint8')
    expect(np.prod(bytes, { promoteIntegers: false }).item()).toBe(12)
  })

  it('running sums as bools, compiled too', () => {
    const f = (x: NDArray): NDArray => np.cumsum(x, { dtype: 'bool' })
    expect(f(ints(0, 1, -1)).toArray()).toEqual([false, true, true])
    expect(jit(f)(np.array([0, 0.5, -0.5])).toArray()).toEqual([false, true, true])
    expect(np.cumsum(5, { axis: 0 }).toArray()).toEqual([5])
  })
})

describe('places and grids', () => {
  it('ravelMultiIndex refuses what is out of range, if asked to', () => {
    expect(() => np.ravelMultiIndex([[0, 2], [1, 1]], [2, 3], { mode: 'raise' })).toThrow(IndexError) // prettier-ignore
    expect(np.ravelMultiIndex([[0, 1], [1, 2]], [2, 3], { mode: 'raise' }).toArray()).toEqual([1, 5]) // prettier-ignore
  })

  it('extents are whole numbers', () => {
    expect(() => np.diagIndices(-1)).toThrow(/n must be a whole number, 0 or above, got -1/)
    expect(() => np.trilIndices(2, 0, -3)).toThrow(ArgumentError)
    expect(() => np.triuIndices(1.5)).toThrow(ArgumentError)
    expect(() => np.maskIndices(-1, np.tril)).toThrow(ArgumentError)
  })

  it('maskIndices under jit needs a size', () => {
    const f = (size?: number) => (): readonly NDArray[] =>
      np.maskIndices(2, np.tril, 0, size === undefined ? {} : { size })
    expect(() => jit(f())()).toThrow(/size/)
    expect(jit(f(3))()[1]!.toArray()).toEqual([0, 0, 1])
  })

  it('arange counts in floats what int32 does not hold', () => {
    expect(np.arange(2 ** 31, 2 ** 31 + 1024, 512).dtype).toBe('float32')
    expect(np.arange(2 ** 31 - 2, 2 ** 31).toArray()).toEqual([2 ** 31 - 2, 2 ** 31 - 1])
  })
})

describe('names and kinds', () => {
  it('resultType', () => {
    expect(() => np.resultType()).toThrow(/at least one/)
    expect(() => np.resultType('float' as 'float32')).toThrow(DTypeError)
  })

  it('einsum with lists says what they are', () => {
    expect(() => np.einsum(np.ones([2]), [0.5])).toThrow(/numbers from 0 to 51/)
    expect(() => np.einsum(np.ones([2]), 3 as unknown as np.Labels)).toThrow(/labels are lists/)
  })

  it('methods of searching and of quantiles', () => {
    expect(() => np.searchsorted([1, 2], 1, { side: 'middle' as 'left' })).toThrow(
      /side must be 'left' or 'right', got the string "middle"/,
    )
    expect(() => np.searchsorted([1, 2], 1, { method: 'guess' as 'scan' })).toThrow(
      /method must be 'scan' or .*"guess"/,
    )
    expect(() => np.quantile([1, 2], 0.5, { method: 'guess' as 'linear' })).toThrow(
      /method must be 'linear' or .*"guess"/,
    )
    expect(() => np.quantile([1, 2], 0.5, { weights: [1, 2] })).toThrow(/only the method 'invertedCdf'/)
  })
})

describe('values and starts of lax', () => {
  it('full and fullLike take computed values', () => {
    const f = (v: NDArray): NDArray => np.add(lax.full([2], v), lax.fullLike(np.zeros([2]), v))
    expect(jit(f)(np.array(3)).toArray()).toEqual([6, 6])
    expect(grad((v: NDArray) => np.sum(f(v)))(np.array(3)).item()).toBe(4)
    expect(vmap(f)(np.array([1, 2])).toArray()).toEqual([[2, 2], [4, 4]]) // prettier-ignore
    expect(() => lax.full([2], np.ones([2]))).toThrow(/lax.full: the value has rank 0, got f32\[2\]/)
  })

  it('slices start where a vector says', () => {
    const x = np.reshape(np.arange(12), [3, 4])
    const f = (starts: NDArray): NDArray => lax.dynamicSlice(x, starts, [2, 2])
    expect(jit(f)(ints(1, -2)).toArray()).toEqual([[6, 7], [10, 11]]) // prettier-ignore
    expect(vmap(f)(np.reshape(ints(0, 0, 1, 1), [2, 2])).at(1).get().toArray()).toEqual([[5, 6], [9, 10]]) // prettier-ignore
    expect(lax.dynamicUpdateSlice(x, ints(7).reshape([1, 1]), ints(2, 3)).at(2, 3).get().item()).toBe(7) // prettier-ignore
    expect(() => lax.dynamicSlice(x, np.zeros([1, 2], { dtype: 'int32' }), [2, 2])).toThrow(/a list or a vector/)
  })
})

describe('bigints', () => {
  it('beyond int64 are errors', () => {
    expect(() => np.array(2n ** 63n)).toThrow(/9223372036854775808 is out of the range of int64/)
    expect(() => np.full([2], -(2n ** 63n) - 1n)).toThrow(ArgumentError)
    expect(() => np.array(2n ** 40n, { dtype: 'int32' })).toThrow(/out of the range of int32/)
    expect(np.array(2n ** 63n - 1n).bigint()).toBe(2n ** 63n - 1n)
    expect(np.array(-(2n ** 63n)).toArray()).toBe(-(2n ** 63n))
    expect(np.array(7n, { dtype: 'float64' }).item()).toBe(7)
  })
})
