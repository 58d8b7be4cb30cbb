/** Factorisations: Cholesky, QR, eigenvalues and singular values. */
import * as ops from '../../ops/linalg.ts'
import type { ArrayLike, NDArray } from '../../trace/value.ts'
import { tril, triu } from '../creation.ts'
import * as np from '../elementwise.ts'
import { matrices, squares, turned } from './matrices.ts'

/**
 * The lower triangular L with `L Lᵀ = a`, or with `upper` the R with `Rᵀ R = a`. NaN where `a` is not positive definite.
 *
 * @param a - shape `[..., n, n]`; its symmetric part counts.
 * @throws ShapeError unless the matrices are square.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.cholesky(np.array([[4, 2], [2, 5]])).toArray() // => 2,0,1,2
 * ```
 */
export const cholesky = (
  a: ArrayLike,
  { upper = false, symmetrizeInput = true }: { readonly upper?: boolean; readonly symmetrizeInput?: boolean } = {},
): NDArray => {
  const x = squares('cholesky', a)
  const l = ops.cholesky(symmetrizeInput ? ops.symmetrized(x) : x)
  return upper ? turned(l) : l
}

/** Options of `eigh` and `eigvalsh`. */
export interface EighOptions {
  /** Which triangle is read where `symmetrizeInput` is false: lower by default. */
  readonly UPLO?: 'L' | 'U'
  /** The mean of the matrix and its transpose counts; true by default. */
  readonly symmetrizeInput?: boolean
}

const oneTriangle = (x: NDArray, which: 'L' | 'U'): NDArray =>
  which === 'L' ? np.add(tril(x), turned(tril(x, -1))) : np.add(triu(x), turned(triu(x, 1)))

/**
 * Eigenvalues, ascending, and eigenvectors in columns, of symmetric matrices. Where eigenvalues are equal, what does not depend
 * on which basis of their space is chosen has right first derivatives, as `V diag(f(w)) Vᵀ` has, and what does has NaN; symmetric
 * functions of the eigenvalues alone have second derivatives too. See `functionOfSymmetric`, `sqrtm` and `logm` for more.
 *
 * @returns `[eigenvalues, eigenvectors]`.
 * @throws ShapeError unless the matrices are square.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.eigh(np.array([[2, 1], [1, 2]]))[0] // => [1. 3.]
 * ```
 */
export const eigh = (
  a: ArrayLike,
  { UPLO = 'L', symmetrizeInput = true }: EighOptions = {},
): readonly [eigenvalues: NDArray, eigenvectors: NDArray] => {
  const x = squares('eigh', a)
  return ops.eigh(symmetrizeInput ? ops.symmetrized(x) : oneTriangle(x, UPLO))
}

/** The eigenvalues of `eigh`. */
export const eigvalsh = (a: ArrayLike, options: EighOptions = {}): NDArray => eigh(a, options)[0]

/**
 * `a = Q R`. Derivatives exist where the first min(m, n) columns are linearly independent; of the further columns of Q that mode
 * `complete` adds, only what does not depend on how they are chosen has one, other things NaN.
 *
 * @param mode - `reduced` (default): Q has min(m, n) columns; `complete`: m; `r`: only R.
 * @returns `[Q, R]`; for mode `r`, R itself.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.qr(np.ones([3, 2]))[0].shape // => 3,2
 * np.linalg.qr(np.ones([3, 2]), { mode: 'r' }).shape // => 2,2
 * ```
 */
export const qr = <M extends 'reduced' | 'complete' | 'r' = 'reduced'>(
  a: ArrayLike,
  { mode = 'reduced' as M }: { readonly mode?: M } = {},
): M extends 'r' ? NDArray : readonly [q: NDArray, r: NDArray] => {
  const [q, r] = ops.qr(matrices('qr', a), mode === 'complete')
  return (mode === 'r' ? r : [q, r]) as never
}

/** Options of `svd`. */
export interface SvdOptions {
  /** Square U and V; true by default. */
  readonly fullMatrices?: boolean
}

/**
 * `a = U diag(s) Vᵀ`, s descending. Derivatives of vectors of equal singular values, of zeros, and of the further vectors that
 * `fullMatrices` adds are as in `eigh`: right for what does not depend on how they are chosen, and NaN for what does.
 *
 * @returns `[U, s, Vᵀ]`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.svd(np.array([[3, 0], [0, -4]]))[1] // => [4. 3.]
 * ```
 */
export const svd = (
  a: ArrayLike,
  { fullMatrices = true }: SvdOptions = {},
): readonly [u: NDArray, s: NDArray, vt: NDArray] => ops.svd(matrices('svd', a), fullMatrices)

/** The singular values of `svd`, descending; differentiable for any shape. */
export const svdvals = (a: ArrayLike): NDArray => svd(a, { fullMatrices: false })[1]
