/** Rank, pseudo-inverse and least squares, from the singular values above a threshold. */
import { stopGradient } from '../../api/derivatives.ts'
import { epsilonOf } from '../../core/dtype.ts'
import { ShapeError } from '../../core/errors.ts'
import { broadcastTwo, sameShape } from '../../core/shape.ts'
import * as ops from '../../primitives/linalg/operations.ts'
import { asArray } from '../../runtime/installArrays.ts'
import { inexact } from '../../conversions/promote.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import { matmul as matrixProduct } from '../contraction.ts'
import * as np from '../elementwise.ts'
import { atleast1d } from '../joining.ts'
import { broadcastTo, expandDims } from '../movement.ts'
import { max, sum } from '../reduction.ts'
import * as must from '../../conversions/arguments.ts'
import { svdvals } from './factors.ts'
import { matrices } from './matrices.ts'

/** A threshold for each matrix, in the matrices' dtype. It has no derivative. */
const thresholds = (name: string, x: NDArray, rtol: ArrayLike | undefined, fallback: number): NDArray => {
  const given = asArray(rtol ?? fallback)
  const batch = x.shape.slice(0, -2)
  if (sameShape(broadcastTwo(`${name}: rtol`, given.shape, batch), batch)) {
    return broadcastTo(stopGradient(given.astype(x.dtype)), batch)
  }
  throw new ShapeError(`${name}: rtol is one number, or one for each of the matrices ${x.aval}, got ${given.aval}.`)
}

/** Options of `pinv` and `matrixRank`. */
export interface RankOptions {
  /** Singular values up to `rtol` times the largest count as 0: one number, or one for each matrix. */
  readonly rtol?: ArrayLike
}

const rankOptions: must.OptionTable<RankOptions> = { rtol: must.arrayLike }

const pinvDoor = must.door('np.linalg.pinv', { a: must.arrayLike, options: must.optionsOf(rankOptions) })

/**
 * The Moore–Penrose inverse, from singular values above `rtol` times the largest. Its derivatives are right to all orders, for
 * matrices of any rank and with equal singular values, as long as the rank does not change. (Golub and Pereyra, The
 * differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate, 1973.)
 *
 * @param a - shape `[..., m, n]`.
 * @param options - `rtol`: by default `10 · max(m, n)` times the dtype's precision, as in JAX.
 * @returns shape `[..., n, m]`; NaN where `a` is not finite.
 * @throws ShapeError unless `a` holds matrices, and `rtol` is one number or one for each.
 * @example
 * ```ts
 * import { grad, np } from 'pullback'
 * np.linalg.pinv(np.array([[2, 0], [0, 0]])).toArray() // => 0.5,0,0,0
 * grad((a: NDArray) => np.sum(np.linalg.pinv(a)))(np.eye(2)).toArray() // => -1,-1,-1,-1
 * ```
 */
export const pinv = (a: ArrayLike, options: RankOptions = {}): NDArray => {
  pinvDoor(a, options)
  const { rtol } = options
  const x = matrices('np.linalg.pinv', a)
  return ops.pinv(x, thresholds('np.linalg.pinv', x, rtol, 10 * roundingOf(x)))
}

/** The dtype's precision, times the matrices' larger extent. */
const roundingOf = (x: NDArray): number => epsilonOf(x.dtype) * Math.max(...x.shape.slice(-2))

/** Which singular values are above `rtol` times the largest. */
const significant = (s: NDArray, rtol: NDArray): NDArray =>
  np.greater(s, np.multiply(expandDims(rtol, -1), max(s, { axis: -1, keepdims: true, initial: 0 })))

const rankOf = (s: NDArray, rtol: NDArray): NDArray => sum(significant(s, rtol), { axis: -1, dtype: 'int32' })

const matrixRankDoor = must.door('np.linalg.matrixRank', { a: must.arrayLike, options: must.optionsOf(rankOptions) })

/**
 * The number of singular values above `rtol` times the largest (by default `max(m, n)` times the dtype's precision).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.matrixRank(np.ones([3, 3])) // => 1
 * ```
 */
export const matrixRank = (a: ArrayLike, options: RankOptions = {}): NDArray => {
  matrixRankDoor(a, options)
  const { rtol } = options
  const x = matrices('np.linalg.matrixRank', a)
  return rankOf(svdvals(x), thresholds('np.linalg.matrixRank', x, rtol, roundingOf(x)))
}

const lstsqDoor = must.door('np.linalg.lstsq', {
  a: must.arrayLike,
  b: must.arrayLike,
  options: must.optionsOf<{ readonly rcond?: ArrayLike }>({ rcond: must.arrayLike }),
})

/**
 * The x that minimises `‖a x − b‖`, of least norm. Derivatives are those of `pinv`.
 *
 * @param a - shape `[m, n]`.
 * @param b - shape `[m]` or `[m, k]`.
 * @param options - `rcond`: singular values up to `rcond` times the largest count as 0; by default `max(m, n)` times the
 *   dtype's precision.
 * @returns `[x, residuals, rank, singularValues]`; residuals are sums of squares, one for each column of `b`.
 * @throws ShapeError unless `a` is a matrix with as many rows as `b`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.lstsq(np.eye(2), np.array([1, 3]))[0] // => [1. 3.]
 * ```
 */
export const lstsq = (
  a: ArrayLike,
  b: ArrayLike,
  options: { readonly rcond?: ArrayLike } = {},
): readonly [x: NDArray, residuals: NDArray, rank: NDArray, singularValues: NDArray] => {
  lstsqDoor(a, b, options)
  const { rcond } = options
  const [left, right] = [matrices('np.linalg.lstsq', a), inexact(asArray(b))]
  if (left.ndim !== 2 || right.ndim === 0 || right.ndim > 2 || right.shape[0] !== left.shape[0]) {
    throw new ShapeError(
      `np.linalg.lstsq: a matrix and a vector or matrix with as many rows, got ${left.aval} and ${right.aval}.`,
    )
  }
  const rtol = thresholds('np.linalg.lstsq', left, rcond, roundingOf(left))
  const x = matrixProduct(ops.pinv(left, rtol), right)
  const error = np.subtract(right, matrixProduct(left, x))
  const s = svdvals(left)
  return [x, atleast1d(sum(np.square(error), { axis: 0 })), rankOf(s, rtol), s]
}
