/** Matrices whose eigenvalues or singular values are given: equal ones, clusters, zeros. */
import * as fc from 'fast-check'
import { np, random } from 'pullback'
import type { NDArray } from 'pullback'

export const f64 = (x: readonly unknown[]): NDArray => np.array(x as never, { dtype: 'float64' })
export const normal = (seed: number, ...shape: number[]): NDArray =>
  random.normal(random.key(seed), shape, { dtype: 'float64' })
export const turned = (x: NDArray): NDArray => np.swapaxes(x, -1, -2)

/** Orthonormal columns. */
export const orthonormal = (seed: number, m: number, n: number): NDArray => np.linalg.qr(normal(seed, m, n))[0]

/** A symmetric matrix with these eigenvalues. */
export const symmetricWith = (seed: number, values: readonly number[]): NDArray => {
  const q = orthonormal(seed, values.length, values.length)
  return np.matmul(np.multiply(q, f64(values)), turned(q))
}

/** An m × n matrix with these singular values, min(m, n) of them. */
export const matrixWith = (seed: number, m: number, n: number, values: readonly number[]): NDArray => {
  const [u, v] = [orthonormal(seed, m, values.length), orthonormal(seed + 1, n, values.length)]
  return np.matmul(np.multiply(u, f64(values)), turned(v))
}

/** Gaps between eigenvalues that count as equal, as nearly equal, and as different. */
export const gaps = fc.constantFrom(0, 1e-12, 1e-9, 1e-6, 1e-3, 0.7)

/** From one to four values, in clusters of members so far apart. */
export const clustered = (smallest: number): fc.Arbitrary<readonly number[]> =>
  fc
    .array(fc.record({ gap: gaps, next: fc.boolean() }), { minLength: 0, maxLength: 3 })
    .map((steps) =>
      steps.reduce<number[]>((values, { gap, next }) => [...values, values.at(-1)! + (next ? 0.6 : gap)], [smallest]),
    )
