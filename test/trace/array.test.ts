import { inspect } from 'node:util'
import * as fc from 'fast-check'
import { grad, jit, np, TracerError, vmap } from 'pullback'
import type { DType, NDArray } from 'pullback'
import { arrays, assertClose, broadcastableShapes, dtypes } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

describe('arrays are values', () => {
  it('typed arrays keep their dtype and are copied', () => {
    const cases: readonly (readonly [Parameters<typeof np.array>[0], DType])[] = [
      [Float32Array.of(1), 'float32'],
      [Float64Array.of(1), 'float64'],
      [Int32Array.of(1), 'int32'],
      [Uint32Array.of(1), 'uint32'],
      [Int8Array.of(1), 'int8'],
      [Uint8Array.of(1), 'uint8'],
      [BigInt64Array.of(1n), 'int64'],
    ]
    for (const [data, dtype] of cases) expect(np.array(data).dtype).toBe(dtype)
    const data = Float32Array.of(1, 2)
    const x = np.array(data)
    data[0] = 99
    expect(x.toArray()).toEqual([1, 2])
  })

  it('what comes out may be written to without changing the array', () => {
    const x = np.array([1, 2])
    x.dataSync()[0] = 99
    ;(x.toArray() as number[])[1] = 99
    expect(x.toArray()).toEqual([1, 2])
  })

  it('no method changes its array', () => {
    const x = np.array([3, 1, 2])
    x.at(0).set(9)
    x.at([1, 1]).add(5)
    x.add(1).mul(2)
    expect(x.toArray()).toEqual([3, 1, 2])
  })

  it('methods forward to functions', () => {
    const x = np.array([
      [1, -2],
      [3, 4],
    ])
    expect(x.add(1).mul(2).sum().item()).toBe(np.sum(np.multiply(np.add(x, 1), 2)).item())
    expect(x.matmul(x).toArray()).toEqual(np.matmul(x, x).toArray())
    expect(x.max({ axis: 0 }).toArray()).toEqual([3, 4])
    expect(x.reshape([4]).shape).toEqual([4])
    expect(x.transpose().toArray()).toEqual([
      [1, 3],
      [-2, 4],
    ])
    expect(x.abs().sqrt().std().item()).toBeCloseTo(np.std(np.sqrt(np.abs(x))).item())
  })

  it('iterate over the first axis, and come out asynchronously', async () => {
    const rows = [
      ...np.array([
        [1, 2],
        [3, 4],
      ]),
    ]
    expect(rows.map((r) => r.toArray())).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(await np.array([1, 2]).data()).toEqual(Float32Array.of(1, 2))
  })

  it('items are numbers, and have siblings for booleans and bigints', () => {
    for (const dtype of ['float32', 'float64', 'float16', 'bfloat16', 'int32', 'uint32', 'int8', 'uint8'] as const) {
      expect(np.array([[3]], { dtype }).item()).toBe(3)
    }
    expect([np.array([true]).bool(), np.array(false).bool()]).toEqual([true, false])
    expect([0, -0, 2, NaN].map((x) => np.array(x).bool())).toEqual([false, false, true, true])
    expect([0n, 2n].map((x) => np.array([x]).bool())).toEqual([false, true])
    expect(np.array([2n ** 60n + 1n]).bigint()).toBe(2n ** 60n + 1n)
    expect(np.array([-7], { dtype: 'int8' }).bigint()).toBe(-7n)
    expect(np.isTrue(1)).toBe(true)
  })

  it('items refuse what they cannot give, and say what can', () => {
    for (const read of [(x: NDArray) => x.item(), (x: NDArray) => x.bool(), (x: NDArray) => x.bigint(), np.isTrue]) {
      expect(() => read(np.array([1, 2], { dtype: 'int32' }))).toThrow(/\[2\]; only an array of one element .*np\.any/)
      expect(() => read(np.array([], { dtype: 'int32' }))).toThrow(/one element/)
      expect(() => jit((x: NDArray) => (read(x), x))(np.array(1))).toThrow(TracerError)
      expect(() => vmap((x: NDArray) => (read(x), x))(np.array([1, 2], { dtype: 'int32' }))).toThrow(TracerError)
    }
    expect(() => np.array(true).item()).toThrow(/dtype bool, not numbers.*x\.bool\(\)/)
    expect(() => np.array([5n]).item()).toThrow(/dtype int64, not numbers.*x\.bigint\(\)/)
    expect(() => np.array(1.5).bigint()).toThrow(/float32; bigints are of integers/)
    // Under grad values are known: a condition on one is a condition.
    expect(grad((x) => (x.greater(0).bool() ? x.mul(2) : x))(np.array(1)).item()).toBe(2)
  })

  it('what is known of an array gives the type that comes out, and is checked', () => {
    const x = np.array([[1, 2]])
    expect(x.dataSync('float32')).toEqual(Float32Array.of(1, 2))
    expect(x.astype('bfloat16').dataSync('bfloat16')).toEqual(Float32Array.of(1, 2))
    expect(x.toArray({ rank: 2 })).toEqual([[1, 2]])
    expect(x.greater(1).toArray({ rank: 2, dtype: 'bool' })).toEqual([[false, true]])
    expect(np.array([5n]).toArray({ rank: 1, dtype: 'int64' })).toEqual([5n])
    expect(() => x.dataSync('int32')).toThrow(/dataSync: the dtype is float32, not int32.*astype\('int32'\)/)
    expect(() => x.toArray({ rank: 1 })).toThrow(/toArray: the array has rank 2, not 1/)
    expect(() => x.greater(1).toArray({ rank: 2 })).toThrow(/bool, not numbers.*dtype: 'bool'/)
  })

  it('rank 8 and zero sizes', () => {
    const x = np.ones([1, 2, 1, 2, 1, 2, 1, 2])
    expect(np.sum(x.add(x), { axis: [1, 3, 5, 7] }).shape).toEqual([1, 1, 1, 1])
    expect(np.matmul(np.zeros([2, 0]), np.zeros([0, 3])).toArray()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ])
    expect(np.sum(np.zeros([0])).item()).toBe(0)
    expect(np.mean(np.zeros([0])).item()).toBeNaN()
    expect(np.zeros([2, 0, 3]).toArray()).toEqual([[], []])
  })

  it('JSON keeps the numbers', () => {
    expect(JSON.stringify({ x: np.array([[1], [2]]) })).toBe('{"x":[[1],[2]]}')
  })
})

describe('dtypes', () => {
  it('casts there and back keep small integers', () => {
    fc.assert(
      fc.property(arrays({ dtype: 'int32', max: 100 }), dtypes('any'), (x, dtype) => {
        fc.pre(dtype !== 'bool')
        const small = np.clip(x, 0, 100)
        expect(np.astype(np.astype(small, dtype), 'int32').toArray()).toEqual(small.toArray())
      }),
    )
  })

  it('float to integer saturates; NaN gives 0', () => {
    const x = np.array([NaN, Infinity, -Infinity, 1e20, -1e20, 1.9, -1.9])
    expect(np.astype(x, 'int32').toArray()).toEqual([0, 2147483647, -2147483648, 2147483647, -2147483648, 1, -1])
    expect(np.astype(x, 'uint32').toArray()).toEqual([0, 4294967295, 0, 4294967295, 0, 1, 0])
    expect(np.astype(x, 'uint8').toArray()).toEqual([0, 255, 0, 255, 0, 1, 0])
  })

  it('16-bit floats round to even', () => {
    expect(np.astype(np.astype(np.array([1 / 3, 65504, 65520, 1e-8]), 'float16'), 'float32').toArray()).toEqual([
      0.333251953125,
      65504,
      Infinity,
      0,
    ])
    expect(
      np
        .astype(np.astype(np.array([1 / 3, 3e38]), 'bfloat16'), 'float32')
        .at(0)
        .get()
        .item(),
    ).toBe(0.333984375)
  })

  it('integers wrap around', () => {
    const max = np.array([2147483647], { dtype: 'int32' })
    expect(np.add(max, 1).toArray()).toEqual([-2147483648])
    expect(np.multiply(max, max).toArray()).toEqual([1])
    expect(np.subtract(np.array([0], { dtype: 'uint32' }), 1).toArray()).toEqual([4294967295])
  })

  it('JS numbers are weak', () => {
    expect(np.add(np.array([1], { dtype: 'int32' }), 1).dtype).toBe('int32')
    expect(np.add(np.array([1], { dtype: 'int32' }), 0.5).dtype).toBe('float32')
    expect(np.add(np.array([1], { dtype: 'float64' }), 0.5).dtype).toBe('float64')
    expect(np.multiply(np.array([true]), 2).dtype).toBe('int32')
  })
})

describe('broadcasting', () => {
  it('is that of an explicit loop', () => {
    fc.assert(
      fc.property(broadcastableShapes({ maxExtent: 3 }), ([a, b]) => {
        const fill = (shape: readonly number[]): NDArray =>
          np.reshape(
            np.arange(
              shape.reduce((n, d) => n * d, 1),
              { dtype: 'float32' },
            ),
            shape,
          )
        const [x, y] = [fill(a), fill(b)]
        const shape = np.broadcastShapes(a, b)
        assertClose('sum', np.add(x, y), np.add(np.broadcastTo(x, shape), np.broadcastTo(y, shape)))
        assertClose('commutes', np.add(x, y), np.add(y, x))
      }),
    )
  })
})

describe('text', () => {
  // What NumPy 2 prints for the same elements.
  it.each([
    [np.array([1, 2.5, -3]), '[ 1.   2.5 -3. ]'],
    [
      np.array(
        [
          [1, 2],
          [3, 4],
        ],
        { dtype: 'int32' },
      ),
      '[[1 2]\n [3 4]]',
    ],
    [np.array([true, false]), '[ True False]'],
    [np.array(3.5), '3.5'],
    [np.array([NaN, Infinity, -1]), '[nan inf -1.]'],
    [np.array([1e10, 1]), '[1.e+10 1.e+00]'],
    [np.array([1e-5, 1]), '[1.e-05 1.e+00]'],
    [np.array([0.00099999975, 0.5]), '[0.001 0.5  ]'],
    [np.array([-0, 0]), '[-0.  0.]'],
    [np.zeros([0]), '[]'],
    [np.arange(2000), '[   0    1    2 ... 1997 1998 1999]'],
    [np.ones([2, 1, 2]), '[[[1. 1.]]\n\n [[1. 1.]]]'],
  ])('%#', (x, text) => {
    expect(String(x)).toBe(text)
  })

  it('node inspects arrays with their type', () => {
    expect(inspect(np.array([1, 2]))).toContain('[1. 2.]')
    expect(inspect({ x: np.zeros([2, 2], { dtype: 'int32' }) })).toContain('int32')
  })
})
