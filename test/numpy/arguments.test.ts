/** What functions make of arguments at the edges, and of those that make no sense. */
import { ArgumentError, DTypeError, grad, jit, lax, nn, np, random, ShapeError, valueAndGrad, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { describe, expect, it } from 'vitest'

const uint32 = (...xs: number[]) => np.array(xs, { dtype: 'uint32' })
const int32 = (...xs: number[]) => np.array(xs, { dtype: 'int32' })
/** A value that the types do not allow. */
const any = (x: unknown): never => x as never

describe('floats of integers', () => {
  it('come of each operand by itself: a negative number beside uint32 does not wrap around', () => {
    expect(np.divide(uint32(7), -2).toArray()).toEqual([-3.5])
    expect(np.divide(-2, uint32(4)).toArray()).toEqual([-0.5])
    expect(np.hypot(uint32(4), -3).toArray()).toEqual([5])
    expect(np.arctan2(uint32(0), -1).item()).toBeCloseTo(Math.PI, 6)
    expect(np.logaddexp(uint32(7), -1).item()).toBeCloseTo(7.000335, 5)
    expect(np.isclose(uint32(2 ** 32 - 1), -1).toArray()).toEqual([false])
  })

  it('are weak where both operands are', () => {
    expect(np.divide(1, 2).aval.weak).toBe(true)
    expect(np.divide(true, 2).aval.weak).toBe(true)
    expect(np.divide(int32(1), 2).aval.weak).toBe(false)
    expect(np.divide(1, np.array([2], { dtype: 'float64' })).dtype).toBe('float64')
    expect(np.divide(int32(1, 2), uint32(2, 4)).toArray()).toEqual([0.5, 0.5])
    expect(np.divide(int32(1, 2), np.ones([3, 1])).shape).toEqual([3, 2])
  })
})

describe('floorDivide', () => {
  it('keeps weakness: of a number with a fraction beside integers', () => {
    expect(np.floorDivide(uint32(7), -2.5).aval.weak).toBe(true)
    expect(np.floorDivide(7, 2.5).aval.weak).toBe(true)
    expect(np.floorDivide(np.ones([1]), 2.5).aval.weak).toBe(false)
    expect(np.floorDivide(int32(7), np.array([2], { dtype: 'float64' })).dtype).toBe('float64')
  })

  it('constants with a dtype make strong: log2, log10, hypot', () => {
    expect([np.log2(3), np.log10(3), np.hypot(3, 4)].map((x) => x.aval.weak)).toEqual([false, false, false])
  })
})

describe('linspace', () => {
  it('takes options in the place of the count', () => {
    expect(np.linspace(0, 1, { dtype: 'float64' }).dtype).toBe('float64')
    expect(np.linspace(0, 50, { endpoint: false }).toArray()).toEqual(np.arange(50).toArray())
    expect(np.linspace(0, 3, 3, { endpoint: false }).toArray()).toEqual([0, 1, 2])
  })
})

describe('takeAlongAxis', () => {
  it('fills where there is nothing to take, and has no gradient there', () => {
    const take = (x: NDArray) => np.takeAlongAxis(x, np.zeros([2, 3], { dtype: 'int32' }), 1)
    const nothing = np.zeros([2, 0])
    for (const f of [take, jit(take)]) expect(f(nothing).toArray()).toEqual(Array(2).fill(Array(3).fill(NaN)))
    expect(take(nothing.astype('int32')).at(0, 0).get().item()).toBe(-(2 ** 31))
    expect(grad((x: NDArray) => take(x).sum())(nothing).shape).toEqual([2, 0])
    expect(vmap((x: NDArray) => np.takeAlongAxis(x, int32(0, 0), 0))(nothing).toArray()).toEqual(
      Array(2).fill([NaN, NaN]),
    )
  })

  it('broadcasts other axes of extent 0, and names itself where they do not fit', () => {
    expect(np.takeAlongAxis(np.zeros([0, 2]), np.zeros([1, 3], { dtype: 'int32' }), 1).shape).toEqual([0, 3])
    const places = np.zeros([2, 1], { dtype: 'int32' })
    expect(() => np.takeAlongAxis(np.zeros([3, 2]), places, 1)).toThrow(ShapeError)
    expect(() => np.takeAlongAxis(np.zeros([3, 2]), places, 1)).toThrow(/takeAlongAxis: shapes \[3, 1\] and \[2, 1\]/)
  })
})

describe('var', () => {
  it('is NaN where ddof leaves nothing to divide by', () => {
    const x = np.array([1, 2])
    expect([0, 1, 2, 3].map((ddof) => np.var(x, { ddof }).item())).toEqual([0.25, 0.5, NaN, NaN])
    const where = np.array([[true, true], [true, false], [false, false]]) // prettier-ignore
    expect(np.var(np.ones([3, 2]).mul(x), { axis: 1, ddof: 1, where }).toArray()).toEqual([0.5, NaN, NaN])
  })
})

describe('square and round', () => {
  it('square counts bools', () => {
    const y = np.square(np.array([true, false]))
    expect([y.dtype, y.toArray()]).toEqual(['int32', [1, 0]])
  })

  it('round refuses to leave integers unrounded, and keeps weakness', () => {
    expect(() => np.round(int32(15), -1)).toThrow(DTypeError)
    expect(() => np.round(int32(15), -1)).toThrow(/i32\[1\].*-1 decimals.*float32/)
    expect(() => np.round(np.ones([1]), 0.5)).toThrow(/decimals must be an integer, got 0.5/)
    expect(np.round(int32(15), 1).toArray()).toEqual([15])
    expect(np.round(12.345, 1).aval.weak).toBe(true)
  })
})

describe('roll', () => {
  it('adds up shifts along one axis, and moves several axes by one shift', () => {
    const x = np.arange(5)
    expect(np.roll(x, [1, 2], { axis: 0 }).toArray()).toEqual(np.roll(x, 3).toArray())
    expect(np.roll(x, [1, -1, 2], { axis: [0] }).toArray()).toEqual(np.roll(x, 2).toArray())
    expect(np.roll(x, 1, { axis: [0, 0] }).toArray()).toEqual(np.roll(x, 2).toArray())
    const m = np.reshape(np.arange(6), [2, 3])
    expect(np.roll(m, [1], { axis: [0, 1] }).toArray()).toEqual([[5, 3, 4], [2, 0, 1]]) // prettier-ignore
    expect(np.roll(m, [], { axis: [] }).toArray()).toEqual(m.toArray())
  })

  it('says what does not match', () => {
    expect(() => np.roll(np.ones([2, 3]), [1, 2, 3], { axis: [0, 1] })).toThrow(ShapeError)
    expect(() => np.roll(np.ones([2, 3]), [1, 2, 3], { axis: [0, 1] })).toThrow(/3 shifts along 2 axes/)
    expect(() => np.roll(np.ones([2]), 1.5)).toThrow(/a shift must be an integer, got 1.5/)
  })
})

describe('counts and places', () => {
  it('are whole numbers', () => {
    const x = np.arange(4)
    expect(() => np.split(x, [1.5])).toThrow(/np\.split: parts must be a whole number.*, or a list.*got \[1\.5\]/)
    expect(() => np.tile(x, 1.5)).toThrow(/np\.tile: repeats must be an integer, or a list.*got 1\.5/)
    expect(() => np.tile(x, [1, -1])).toThrow(ArgumentError)
    expect(() => np.repeat(x, -1)).toThrow(/repeat: a number of repeats must be a whole number, got -1/)
    expect(() => np.repeat(x, [1, 2, -1, 1])).toThrow(ArgumentError)
    expect(() => np.pad(x, 0.5)).toThrow(/np\.pad: width must be an integer, or.*got 0\.5/)
    expect(() => np.pad(x, [[1, 0.5]])).toThrow(ArgumentError)
    expect(() => np.diag(x, 0.5)).toThrow(/diag: k must be an integer, got 0.5/)
    expect(() => np.diagonal(np.ones([2, 2]), 0.5)).toThrow(/np\.diagonal: offset must be an integer/)
    expect(() => np.eye(2, 2, { k: 0.5 })).toThrow(/eye: k/)
    expect(() => np.tril(np.ones([2, 2]), 0.5)).toThrow(/tril: k/)
    expect(() => np.tensordot(x, x, -1)).toThrow(ShapeError)
    expect(() => np.tensordot(x, x, 0.5)).toThrow(ShapeError)
  })

  it('repeat takes a scalar for an axis of one element, as NumPy does', () => {
    expect(np.repeat(3, 2, { axis: 0 }).toArray()).toEqual([3, 3])
  })

  it('pad says that there is nothing to repeat', () => {
    expect(() => np.pad(np.zeros([2, 0]), 1, { mode: 'edge' })).toThrow(
      /pad: axis 1 of f32\[2,0\] has no elements for 'edge'/,
    )
    expect(np.pad(np.zeros([0]), 1).toArray()).toEqual([0, 0])
  })
})

describe('indices and modes', () => {
  it('nested lists of fractions are not indices', () => {
    expect(() => np.arange(3).at([0.5]).get()).toThrow(DTypeError)
    expect(() => np.take(np.arange(3), [0.5])).toThrow(/indices must be integers/)
    expect(() => nn.oneHot([0.5], 3)).toThrow(DTypeError)
    expect(() => np.repeat(np.arange(2), [0.5, 1])).toThrow(DTypeError)
    expect(np.arange(3).at([]).get().shape).toEqual([0])
    expect(np.take(np.arange(3), [int32(1).sum(), int32(2).sum()]).toArray()).toEqual([1, 2])
  })

  it('unknown modes are refused, whatever the index', () => {
    const x = np.arange(3)
    expect(() => x.at(5).get({ mode: any('wrap') })).toThrow(
      /at\(\.\.\.\)\.get: mode must be 'clip' or 'fill'.*got the string "wrap"/,
    )
    expect(() => x.at(0).get({ mode: any('raise') })).toThrow(ArgumentError)
    expect(() => x.at(5).set(1, { mode: any('wrap') })).toThrow(/at\(\.\.\.\)\.set: mode must be 'drop'/)
    expect(() => np.take(x, [5], { mode: any('raise') })).toThrow(/np\.take: mode must be 'fill' or 'clip' or 'wrap'/)
    expect(() => np.pad(x, 1, { mode: any('mirror') })).toThrow(/np\.pad: mode must be .*"mirror"/)
  })
})

describe('options', () => {
  it('an axis alone is refused where it would be ignored', () => {
    const x = np.ones([2, 2])
    const calls: readonly (() => unknown)[] = [
      () => np.concatenate([x, x], any(1)),
      () => np.stack([x, x], any(1)),
      () => np.unstack(x, any(1)),
      () => np.split(x, 2, any(1)),
      () => np.repeat(x, 2, any(1)),
      () => np.flip(x, any(0)),
      () => np.roll(x, 1, any(0)),
      () => np.squeeze(np.ones([1, 1]), any(0)),
      () => np.take(x, [0], any(0)),
      () => nn.softmax(x, any(0)),
      () => nn.logSoftmax(x, any(0)),
      () => nn.logsumexp(x, any(0)),
    ]
    for (const call of calls) {
      expect(call).toThrow(ArgumentError)
      expect(call).toThrow(/options go in one object/)
    }
  })
})

describe('int64', () => {
  it('truncates and saturates what floats say, as other integers do', () => {
    const x = np.array([1.7, -1.7, NaN, Infinity, -Infinity], { dtype: 'int64' })
    expect(x.toArray()).toEqual([1n, -1n, 0n, 2n ** 63n - 1n, -(2n ** 63n)])
  })
})

describe('einsum', () => {
  it('refuses a diagonal of axes of different extents', () => {
    expect(() => np.einsum('ii->i', np.ones([1, 2]))).toThrow(/label 'i' names axes of extents 1 and 2 of f32\[1,2\]/)
    expect(np.einsum('ii->i', np.ones([2, 2])).toArray()).toEqual([1, 1])
  })
})

describe('random', () => {
  const key = random.key(0)
  it('samplers name themselves when a shape is none', () => {
    for (const sample of [random.gumbel, random.exponential, random.laplace, random.normal, random.uniform]) {
      expect(() => sample(key, [-3])).toThrow(
        new RegExp(`random\\.${sample.name}: shape must be a shape.* got \\[-3\\]`),
      )
      expect(() => sample(key, any(3))).toThrow(/a shape: a list of extents.*In a list: \[3\]/)
    }
    expect(() => random.bernoulli(key, 0.5, [-1])).toThrow(/random.bernoulli: shape .* \[-1\]/)
    expect(() => random.categorical(key, np.zeros([2]), { shape: [-1] })).toThrow(/random.categorical: shape .* \[-1\]/)
    expect(() => random.truncatedNormal(key, 0, 1, [-1])).toThrow(/random.truncatedNormal: shape .* \[-1\]/)
    expect(() => random.orthogonal(key, -1)).toThrow(/random.orthogonal: n must be an extent, got -1/)
  })

  it('choice says what it cannot draw from', () => {
    expect(() => random.choice(key, 0, [2])).toThrow(/2 draws of no elements/)
    expect(random.choice(key, 0, [0]).shape).toEqual([0])
    expect(() => random.choice(key, 2.5, [2])).toThrow(ShapeError)
    expect(() => random.choice(key, 3, [2], { p: np.array([0.5, 0.5]) })).toThrow(/p is f32\[2\].*each of 3 elements/)
    expect(() => random.choice(key, 3, [-1])).toThrow(/random.choice: shape .* \[-1\]/)
  })
})

describe('lax', () => {
  it('a number that the other operand cannot hold is refused, not truncated', () => {
    const x = np.arange(3)
    expect(() => lax.add(x, 0.5)).toThrow(DTypeError)
    expect(() => lax.add(0.5, x)).toThrow(/lax.add: 0.5 beside i32\[3\] would be truncated/)
    expect(() => lax.max(x, -Infinity)).toThrow(DTypeError)
    expect(() => lax.lt(x, NaN)).toThrow(/lax.lt: NaN/)
    expect(() => lax.select(x.greater(0), 0.5, x)).toThrow(/lax.select: 0.5/)
    expect(() => lax.clamp(0.5, x, 2)).toThrow(/lax.clamp: 0.5/)
    expect(() => lax.bitwiseAnd(np.array([true]), 2)).toThrow(/2 beside bool\[1\]/)
    expect(lax.bitwiseAnd(np.array([true]), 1).toArray()).toEqual([true])
    expect(lax.add(x, 2).toArray()).toEqual([2, 3, 4])
    expect(lax.max(np.ones([1]), Infinity).toArray()).toEqual([Infinity])
  })

  it('clamp takes scalars for bounds', () => {
    const x = np.array([-1, 0.5, 3])
    expect(lax.clamp(np.array(0), x, np.array([1, 0, 2])).toArray()).toEqual([0, 0, 2])
    expect(grad((low: NDArray) => lax.clamp(low, x, 1).sum())(np.array(0)).item()).toBe(1)
  })

  it('clamp between bounds the wrong way round is the upper one, in derivatives too', () => {
    const f = (low: NDArray, x: NDArray, high: NDArray) => lax.clamp(low, x, high)
    for (const x of [-2, 0, 2]) {
      expect(f(np.array(1), np.array(x), np.array(-1)).item()).toBe(-1)
      const slopes = grad(f, { argnums: [0, 1, 2] })(np.array(1), np.array(x), np.array(-1))
      expect(slopes.map((t) => t.item())).toEqual([0, 0, 1])
    }
  })

  it('negative starts of slices count from the end, then are clamped', () => {
    const x = np.arange(5)
    const read = (i: NDArray) => lax.dynamicSlice(x, [i], [2])
    const write = (i: NDArray) => lax.dynamicUpdateSlice(x, int32(9, 9), [i])
    for (const [start, place] of [
      [-2, 3],
      [-1, 3],
      [-5, 0],
      [-9, 0],
      [0, 0],
      [2, 2],
      [7, 3],
    ] as const) {
      // prettier-ignore
      const [wanted, written] = [x.toArray() as number[], x.toArray() as number[]]
      written.splice(place, 2, 9, 9)
      for (const i of [np.array(start, { dtype: 'int32' }), start as unknown as NDArray]) {
        expect(read(i).toArray()).toEqual(wanted.slice(place, place + 2))
        expect(write(i).toArray()).toEqual(written)
      }
      expect(jit(read)(np.array(start, { dtype: 'int32' })).toArray()).toEqual(wanted.slice(place, place + 2))
    }
  })
})

describe('what JS lets through', () => {
  it('lax names itself for shapes, dtypes and kinds that are none', () => {
    const x = np.arange(3)
    expect(() => lax.iota('int32', 2.5)).toThrow(/lax.iota: size must be an extent, got 2.5/)
    expect(() => lax.iota('int32', -2)).toThrow(ShapeError)
    expect(() => lax.broadcastedIota('int32', [-1], 0)).toThrow(/lax.broadcastedIota/)
    expect(() => lax.full([-2], 1)).toThrow(/lax.full: shape .* \[-2\]/)
    expect(() => lax.convertElementType(x, any('double'))).toThrow(
      /lax.convertElementType: dtype must be a dtype, got the string "double"/,
    )
    expect(() => lax.bitcastConvertType(x, any('i32'))).toThrow(DTypeError)
    expect(() => lax.pad(x, 0.5, [[1, 1, 0]])).toThrow(/lax.pad: 0.5 beside i32\[3\]/)
    expect(() => lax.integerPow(x, -1)).toThrow(/lax.integerPow: i32\[3\] to a negative power/)
    expect(() => lax.reduceWindow(np.ones([3]), { kind: any('prod'), windowDimensions: [2] })).toThrow(
      /lax\.reduceWindow: kind must be 'sum' or 'max' or 'min', got the string "prod"/,
    )
    expect(() => lax.sort(any(x))).toThrow(/lax.sort: operands must be a list, each an array/)
    expect(() => lax.sort([x], 1)).toThrow(/lax.sort: axis 1/)
    expect(lax.sort([np.array([[2, 1]])], -1)[0]!.toArray()).toEqual([[1, 2]])
  })

  it('transformations refuse bare options', () => {
    const f = (x: NDArray, y: NDArray) => x.mul(y)
    expect(() => grad(f, any(1))).toThrow(/grad: options go in one object, as in grad\(f, { argnums: 1 }\)/)
    expect(() => valueAndGrad(f, any([0, 1]))).toThrow(ArgumentError)
    expect(() => vmap(f, any([0, null]))).toThrow(/vmap\(f, { inAxes: \[0, null\] }\)/)
  })

  it('samplers say what they got for a key', () => {
    expect(() => random.normal(any(undefined), [2])).toThrow(/random.normal: a key is.*got undefined/)
    expect(() => random.split(any(4))).toThrow(/random.split: a key is.*got 4/)
    expect(() => random.normal(any([3]), any(random.key(0)))).toThrow(ShapeError)
  })
})
