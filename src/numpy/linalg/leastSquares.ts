/** Rank, pseudo-inverse and least squares: what singular values above a threshold say. */
import { ShapeError } from '../../core/errors.ts'
import * as ops from '../../ops/linalg.ts'
import { asArray } from '../../runtime/array.ts'
import { inexact } from '../../surface/promote.ts'
import type { ArrayLike, NDArray } from '../../trace/value.ts'
import { matmul as matrixProduct } from '../contraction.ts'
import * as np from '../elementwise.ts'
import { max, sum } from '../reduction.ts'
import { svdvals } from './factors.ts'
import { asRow, matrices, turned } from './matrices.ts'

/**
 * The Moore–Penrose inverse, from singular values above `rtol` times the largest.
 *
 * @param options - `rtol`: by default `10 · max(m, n)` times the dtype's precision, as in JAX.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.pinv(np.array([[2, 0], [0, 0]])).toArray() // => 0.5,0,0,0
 * ```
 */
export const pinv = (a: ArrayLike, { rtol }: { readonly rtol?: number } = {}): NDArray => {
  const x = matrices('pinv', a)
  const [u, s, vt] = ops.svd(x, false)
  const counts = significant(s, rtol ?? 10 * roundingOf(x))
  const inverse = np.where(counts, np.divide(1, np.where(counts, s, 1)), 0)
  return matrixProduct(np.multiply(turned(vt), asRow(inverse)), turned(u))
}

/** The dtype's precision, times the matrices' larger extent. */
const roundingOf = (x: NDArray): number =>
  (x.dtype === 'float64' ? 2 ** -52 : 2 ** -23) * Math.max(...x.shape.slice(-2))

/** Which singular values are above `rtol` times the largest. */
const significant = (s: NDArray, rtol: number): NDArray =>
  np.greater(s, np.multiply(rtol, max(s, { axis: -1, keepdims: true, initial: 0 })))

/**
 * How many singular values are above `rtol` times the largest (by default `max(m, n)` times the dtype's precision).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.matrixRank(np.ones([3, 3])) // => 1
 * ```
 */
export const matrixRank = (a: ArrayLike, { rtol }: { readonly rtol?: number } = {}): NDArray => {
  const x = matrices('matrixRank', a)
  return sum(significant(svdvals(x), rtol ?? roundingOf(x)), { axis: -1, dtype: 'int32' })
}

/**
 * The x that minimises `‖a x − b‖`, of least norm.
 *
 * @param b - shape `[m]` or `[m, k]`.
 * @returns `[x, residuals, rank, singularValues]`; residuals are sums of squares.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.lstsq(np.eye(2), np.array([1, 3]))[0] // => [1. 3.]
 * ```
 */
export const lstsq = (
  a: ArrayLike,
  b: ArrayLike,
  { rcond }: { readonly rcond?: number } = {},
): readonly [x: NDArray, residuals: NDArray, rank: NDArray, singularValues: NDArray] => {
  const [left, right] = [matrices('lstsq', a), inexact(asArray(b))]
  if (left.ndim !== 2 || right.ndim === 0 || right.ndim > 2 || right.shape[0] !== left.shape[0]) {
    throw new ShapeError(
      `linalg.lstsq: a matrix and a vector or matrix with as many rows, got ${left.aval} and ${right.aval}.`,
    )
  }
  const rtol = rcond ?? roundingOf(left)
  const x = matrixProduct(pinv(left, { rtol }), right)
  const error = np.subtract(right, matrixProduct(left, x))
  return [x, sum(np.square(error), { axis: 0 }), matrixRank(left, { rtol }), svdvals(left)]
}
