/** Factorisations: Cholesky, QR, eigenvalues and singular values. */
import { calledAs } from '../../core/calledAs.ts'
import * as ops from '../../primitives/linalg/operations.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import { tril, triu } from '../creation.ts'
import * as np from '../elementwise.ts'
import * as must from '../../conversions/arguments.ts'
import { matrices, squares, turned } from './matrices.ts'

const choleskyDoor = must.door('np.linalg.cholesky', {
  a: must.arrayLike,
  options: must.optionsOf<{ readonly upper?: boolean; readonly symmetrizeInput?: boolean }>({
    upper: must.boolean,
    symmetrizeInput: must.boolean,
  }),
})

/**
 * The lower triangular L with `L Lᵀ = a`, or with `upper` the R with `Rᵀ R = a`. NaN where `a` is not positive definite.
 *
 * @param a - shape `[..., n, n]`; only its symmetric part is used.
 * @throws ShapeError unless the matrices are square.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.cholesky(np.array([[4, 2], [2, 5]])).toArray() // => 2,0,1,2
 * ```
 */
export const cholesky = (
  a: ArrayLike,
  options: { readonly upper?: boolean; readonly symmetrizeInput?: boolean } = {},
): NDArray => {
  choleskyDoor(a, options)
  const { upper = false, symmetrizeInput = true } = options
  const x = squares('np.linalg.cholesky', a)
  const l = ops.cholesky(symmetrizeInput ? ops.symmetrized(x) : x)
  return upper ? turned(l) : l
}

/** Options of `eigh` and `eigvalsh`. */
export interface EighOptions {
  /** The triangle that is read if `symmetrizeInput` is false: lower by default. */
  readonly UPLO?: 'L' | 'U'
  /** Whether to use the mean of the matrix and its transpose; true by default. */
  readonly symmetrizeInput?: boolean
}

const eighOptions: must.OptionTable<EighOptions> = { UPLO: must.oneOf(['L', 'U']), symmetrizeInput: must.boolean }

const oneTriangle = (x: NDArray, which: 'L' | 'U'): NDArray =>
  which === 'L' ? np.add(tril(x), turned(tril(x, -1))) : np.add(triu(x), turned(triu(x, 1)))

const eighDoor = must.door('np.linalg.eigh', { a: must.arrayLike, options: must.optionsOf(eighOptions) })

/**
 * Eigenvalues, ascending, and eigenvectors in columns, of symmetric matrices. Where eigenvalues are equal, values that do not
 * depend on the basis chosen for their eigenspace, such as `V diag(f(w)) Vᵀ`, have right first derivatives, and other values
 * have NaN. Symmetric functions of the eigenvalues alone have second derivatives, too. See `functionOfSymmetric`, `sqrtm` and
 * `logm` for more.
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
  options: EighOptions = {},
): readonly [eigenvalues: NDArray, eigenvectors: NDArray] => {
  eighDoor(a, options)
  const { UPLO = 'L', symmetrizeInput = true } = options
  const x = squares('np.linalg.eigh', a)
  return ops.eigh(symmetrizeInput ? ops.symmetrized(x) : oneTriangle(x, UPLO))
}

const eigvalshDoor = must.door('np.linalg.eigvalsh', { a: must.arrayLike, options: must.optionsOf(eighOptions) })

/**
 * The eigenvalues of `eigh`, ascending: of matrices of shape `[..., n, n]`, shape `[..., n]`.
 *
 * @throws ShapeError unless the matrices are square.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.eigvalsh(np.array([[[2, 1], [1, 2]], [[5, 0], [0, -1]]])) // => [[ 1.  3.]\n [-1.  5.]]
 * const onlyUpper = np.array([[0, 1], [0, 0]])
 * np.linalg.eigvalsh(onlyUpper, { symmetrizeInput: false, UPLO: 'U' }) // => [-1.  1.]
 * ```
 */
export const eigvalsh = (a: ArrayLike, options: EighOptions = {}): NDArray => {
  eigvalshDoor(a, options)
  return calledAs('np.linalg.eigvalsh', () => eigh(a, options)[0])
}

const qrDoor = must.door('np.linalg.qr', {
  a: must.arrayLike,
  options: must.optionsOf<{ readonly mode?: 'reduced' | 'complete' | 'r' }>({
    mode: must.oneOf(['reduced', 'complete', 'r']),
  }),
})

/**
 * `a = Q R`. Derivatives exist where the first min(m, n) columns are linearly independent; for the further columns of Q in mode
 * `complete`, only values that do not depend on their choice have one; for others it is NaN.
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
  options: { readonly mode?: M } = {},
): M extends 'r' ? NDArray : readonly [q: NDArray, r: NDArray] => {
  qrDoor(a, options)
  const { mode = 'reduced' as M } = options
  const [q, r] = ops.qr(matrices('np.linalg.qr', a), mode === 'complete')
  return (mode === 'r' ? r : [q, r]) as never
}

/** Options of `svd`. */
export interface SvdOptions {
  /** Whether U and V are square; true by default. */
  readonly fullMatrices?: boolean
}

const svdOptions: must.OptionTable<SvdOptions> = { fullMatrices: must.boolean }

const svdDoor = must.door('np.linalg.svd', { a: must.arrayLike, options: must.optionsOf(svdOptions) })

/**
 * `a = U diag(s) Vᵀ`, s descending. Derivatives of the vectors of equal or zero singular values, and of those that
 * `fullMatrices` adds, are as in `eigh`: right for values that do not depend on their choice, and NaN for others.
 *
 * @returns `[U, s, Vᵀ]`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.svd(np.array([[3, 0], [0, -4]]))[1] // => [4. 3.]
 * ```
 */
export const svd = (a: ArrayLike, options: SvdOptions = {}): readonly [u: NDArray, s: NDArray, vt: NDArray] => {
  svdDoor(a, options)
  const { fullMatrices = true } = options
  return ops.svd(matrices('np.linalg.svd', a), fullMatrices)
}

const svdvalsDoor = must.door('np.linalg.svdvals', { a: must.arrayLike })

/**
 * The singular values of `svd`, descending: of matrices of shape `[..., m, n]`, shape `[..., min(m, n)]`; differentiable for any
 * shape.
 *
 * @throws ShapeError for a rank below 2.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.svdvals(np.array([[3, 0], [0, -4], [0, 0]])) // => [4. 3.]
 * np.linalg.svdvals(np.ones([5, 2, 3])).shape // => 5,2
 * ```
 */
export const svdvals = (a: ArrayLike): NDArray => {
  svdvalsDoor(a)
  return calledAs('np.linalg.svdvals', () => svd(a, { fullMatrices: false })[1])
}
