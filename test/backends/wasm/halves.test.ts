/** Weights of 16 bits: products convert them as they read them, and no float32 copy of them is made. */
import type { NDArray } from 'pullback'
import { explain, grad, jit, np, random } from 'pullback'
import { describe, expect, test } from 'vitest'

const normal = (seed: number, shape: readonly number[]): NDArray => random.normal(random.key(seed), shape)

/** Within roundings of what is added up. */
const near = (got: NDArray, x: NDArray, w: NDArray, subscripts: string): void => {
  const wide = (a: NDArray): NDArray => np.astype(a, 'float64')
  const exact = np.einsum(subscripts, wide(x), wide(w))
  const size = np.einsum(subscripts, np.abs(wide(x)), np.abs(wide(w)))
  const error = np.abs(np.subtract(wide(got), exact))
  expect(np.all(np.lessEqual(error, np.add(np.multiply(size, 4e-6), 1e-12))).bool()).toBe(true)
}

const operations = (f: (w: NDArray, x: NDArray) => NDArray, w: NDArray, x: NDArray): readonly string[] =>
  explain(jit(f), w, x).steps.flatMap((step) => step.operations)

describe.each(['bfloat16', 'float16'] as const)('%s', (dtype) => {
  test.each([
    [1, 1, 1],
    [1, 131, 515],
    [2, 7, 33],
    [3, 9, 4],
    [5, 70, 300],
    [130, 67, 259],
    [257, 3, 17],
    [4, 600, 64],
  ])('%i rows with %i × %i', (m, n, k) => {
    const w = np.astype(normal(n, [n, k]), dtype)
    const [x, g] = [normal(k, [m, k]), normal(m, [m, n])]
    const straight = (v: NDArray, y: NDArray): NDArray => np.einsum('ti,oi->to', y, v)
    const turned = (v: NDArray, y: NDArray): NDArray => np.matmul(y, v)
    const throughView = (v: NDArray, y: NDArray): NDArray => np.matmul(y, v.T)
    near(jit(straight)(w, x), x, w, 'ti,oi->to')
    near(jit(throughView)(w, x), x, w, 'ti,oi->to')
    near(jit(turned)(w, g), g, w, 'to,oi->ti')
    expect(operations(straight, w, x)).toEqual(['quantizedDot'])
    expect(operations(throughView, w, x)).toEqual(['quantizedDot'])
    expect(operations(turned, w, g)).toEqual(['quantizedDot'])
  })

  test('infinities, NaN and subnormal numbers', () => {
    const odd = np.array([Infinity, -Infinity, NaN, -0, 6e-8, -6e-8, 6e-5, 65504, 1e-40])
    const w = np.reshape(np.astype(odd, dtype), [9, 1])
    expect(jit((v: NDArray) => np.matmul(v, np.ones([1])))(w).toString()).toBe(
      np.ravel(np.astype(w, 'float32')).toString(),
    )
    const x = np.ones([3, 1])
    const y = jit((v: NDArray) => np.matmul(x, v.T))(w)
    expect(y.at(2).get().toString()).toBe(np.ravel(np.astype(w, 'float32')).toString())
  })

  test('gradients of either operand', () => {
    const [x, w] = [normal(1, [5, 40]), np.astype(normal(2, [6, 40]), dtype)]
    const loss = (y: NDArray, v: NDArray): NDArray => np.sum(np.square(np.einsum('ti,oi->to', y, v)))
    const both = grad(loss, { argnums: [0, 1] })
    const [dx, dw] = jit(both)(x, w)
    const [ex, ew] = both(x, w)
    expect(np.allclose(dx, ex, { rtol: 1e-4, atol: 1e-4 }).bool()).toBe(true)
    expect(dw.dtype).toBe(dtype)
    expect(np.allclose(np.astype(dw, 'float32'), np.astype(ew, 'float32'), { rtol: 2e-2, atol: 1e-3 }).bool()).toBe(
      true,
    )
  })

  test('both of 16 bits: computed in float32, rounded once', () => {
    const [x, w] = [np.astype(normal(3, [4, 64]), dtype), np.astype(normal(4, [8, 64]), dtype)]
    const f = (y: NDArray, v: NDArray): NDArray => np.einsum('ti,oi->to', y, v)
    const [got, wanted] = [jit(f)(x, w), f(x, w)].map((y) => np.astype(y, 'float32')) as [NDArray, NDArray]
    expect(np.allclose(got, wanted, { rtol: 1e-2, atol: 1e-3 }).bool()).toBe(true)
  })

  test('no float32 copy of the weights is made', () => {
    const w = np.zeros([2048, 1024], { dtype })
    for (const rows of [1, 200]) {
      const x = np.ones([rows, 1024])
      const f = jit((v: NDArray, y: NDArray) => np.einsum('ti,oi->to', y, v))
      expect(explain(f, w, x).livePeak).toBeLessThan(2 * w.size + 4 * (x.size + rows * 2048) + 2 ** 16)
    }
  })
})
