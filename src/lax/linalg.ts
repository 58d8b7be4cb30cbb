/** The `lax.linalg` namespace: factorisations of matrices in the last two axes, as in JAX's `lax.linalg`. */
import { ShapeError } from '../core/errors.ts'
import * as ops from '../primitives/linalg/operations.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

const matrices = (name: string, x: ArrayLike): NDArray => {
  const array = asArray(x)
  if (array.ndim >= 2) return array
  throw new ShapeError(`${name} takes matrices, arrays of rank 2 or more, got ${array.aval}.`)
}

/** Options of `cholesky` and `eigh`. */
export interface SymmetricOptions {
  /** Whether the matrix is first replaced by the mean of itself and its transpose; true by default. */
  readonly symmetrizeInput?: boolean
}

const symmetricOptions: must.OptionTable<SymmetricOptions> = { symmetrizeInput: must.boolean }

const choleskyDoor = must.door('lax.linalg.cholesky', { x: must.arrayLike, options: must.optionsOf(symmetricOptions) })

/**
 * The lower triangular L with `L Lᵀ = x`. NaN where `x` is not positive definite.
 *
 * @param x - shape `[..., n, n]`, float32 or float64.
 * @throws ShapeError unless the matrices are square; DTypeError for other dtypes.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.linalg.cholesky(np.array([[4, 2], [2, 5]])).toArray() // => 2,0,1,2
 * ```
 */
export const cholesky = (x: ArrayLike, options: SymmetricOptions = {}): NDArray => {
  choleskyDoor(x, options)
  const { symmetrizeInput = true } = options
  const array = matrices('cholesky', x)
  const square = array.shape.at(-1) === array.shape.at(-2)
  return ops.cholesky(symmetrizeInput && square ? ops.symmetrized(array) : array)
}

/** Options of `triangularSolve`. */
export interface TriangularSolveOptions {
  /** `op(a) x = b` (true), or `x op(a) = b` (false, the default). */
  readonly leftSide?: boolean
  /** Which triangle of `a` is read; the upper one by default. */
  readonly lower?: boolean
  readonly transposeA?: boolean
  /** The diagonal of `a` counts as ones. */
  readonly unitDiagonal?: boolean
}

const triangularSolveOptions: must.OptionTable<TriangularSolveOptions> = {
  leftSide: must.boolean,
  lower: must.boolean,
  transposeA: must.boolean,
  unitDiagonal: must.boolean,
}

const triangularSolveDoor = must.door('lax.linalg.triangularSolve', {
  a: must.arrayLike,
  b: must.arrayLike,
  options: must.optionsOf(triangularSolveOptions),
})

/**
 * Solutions of triangular equations.
 *
 * @param a - shape `[..., n, n]`.
 * @param b - shape `[..., n, k]` on the left, `[..., k, n]` on the right; or a vector `[..., n]` on the left.
 * @throws ShapeError if the shapes do not fit.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.linalg.triangularSolve(np.array([[2, 0], [1, 4]]), np.array([[2], [9]]), { leftSide: true, lower: true }).toArray() // => 1,2
 * ```
 */
export const triangularSolve = (a: ArrayLike, b: ArrayLike, options: TriangularSolveOptions = {}): NDArray => {
  triangularSolveDoor(a, b, options)
  const { leftSide = false, lower = false, transposeA = false, unitDiagonal = false } = options
  return ops.triangularSolve(asArray(a), asArray(b), { leftSide, lower, transposeA, unitDiagonal })
}

const luDoor = must.door('lax.linalg.lu', { x: must.arrayLike })

/**
 * `P x = L U`, with partial pivoting.
 *
 * @returns L and U in one matrix (the ones of L's diagonal left out); row exchanges; the permutation of rows.
 * @throws DTypeError unless float32 or float64.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const [lu, pivots, permutation] = lax.linalg.lu(np.array([[1, 2], [4, 4]]))
 * permutation // => [1 0]
 * ```
 */
export const lu = (x: ArrayLike): readonly [lu: NDArray, pivots: NDArray, permutation: NDArray] => {
  luDoor(x)
  return ops.lu(matrices('lu', x))
}

/** Options of `qr` and `svd`. */
export interface FullOptions {
  /** Square orthogonal factors; true by default. */
  readonly fullMatrices?: boolean
}

const fullOptions: must.OptionTable<FullOptions> = { fullMatrices: must.boolean }

const qrDoor = must.door('lax.linalg.qr', { x: must.arrayLike, options: must.optionsOf(fullOptions) })

/**
 * `x = Q R`: Q orthogonal, R upper triangular. Derivatives exist where the first min(m, n) columns are linearly independent.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const [q, r] = lax.linalg.qr(np.ones([3, 2]), { fullMatrices: false })
 * q.shape // => 3,2
 * ```
 */
export const qr = (x: ArrayLike, options: FullOptions = {}): readonly [q: NDArray, r: NDArray] => {
  qrDoor(x, options)
  const { fullMatrices = true } = options
  return ops.qr(matrices('qr', x), fullMatrices)
}

const eighDoor = must.door('lax.linalg.eigh', { x: must.arrayLike, options: must.optionsOf(symmetricOptions) })

/**
 * Eigenvectors and eigenvalues of symmetric matrices: `x v = v diag(w)`, w ascending. At equal eigenvalues, results that do not
 * depend on the choice of a basis of their space have correct first derivatives, and others have NaN.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const [v, w] = lax.linalg.eigh(np.array([[2, 1], [1, 2]]))
 * w // => [1. 3.]
 * ```
 */
export const eigh = (x: ArrayLike, options: SymmetricOptions = {}): readonly [v: NDArray, w: NDArray] => {
  eighDoor(x, options)
  const { symmetrizeInput = true } = options
  const array = matrices('eigh', x)
  const square = array.shape.at(-1) === array.shape.at(-2)
  const [w, v] = ops.eigh(symmetrizeInput && square ? ops.symmetrized(array) : array)
  return [v, w]
}

const svdDoor = must.door('lax.linalg.svd', { x: must.arrayLike, options: must.optionsOf(fullOptions) })

/**
 * `x = U diag(s) Vᵀ`, s descending. Derivatives of vectors of equal singular values, of zeros, and of the additional vectors of
 * full matrices are as in `eigh`.
 *
 * @returns `[U, s, Vᵀ]`.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.linalg.svd(np.array([[3, 0], [0, -4]]))[1] // => [4. 3.]
 * ```
 */
export const svd = (x: ArrayLike, options: FullOptions = {}): readonly [u: NDArray, s: NDArray, vt: NDArray] => {
  svdDoor(x, options)
  const { fullMatrices = true } = options
  return ops.svd(matrices('svd', x), fullMatrices)
}
