/** The `np.linalg` namespace: NumPy's linear algebra, on matrices in the last two axes, with derivatives. */
import { customLinearSolve } from '../api/roots.ts'
import { customJvp } from '../api/custom.ts'
import { stopGradient } from '../api/derivatives.ts'
import { promoteTypes } from '../core/dtype.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { broadcastTwo, normalizeAxis, range, showShape, sizeOf } from '../core/shape.ts'
import * as ops from '../ops/linalg.ts'
import { asArray } from '../runtime/array.ts'
import { inexact } from '../surface/promote.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'
import { matmul as matrixProduct, outer as outerProduct, tensordot as tensorProduct } from './contraction.ts'
import { eye, tril, triu } from './creation.ts'
import * as np from './elementwise.ts'
import {
  broadcastTo,
  diagonal as diagonalOf,
  expandDims,
  moveaxis,
  reshape,
  swapaxes,
  takeAlongAxis,
  trace as traceOf,
} from './movement.ts'
import { cross as crossProduct, vecdot as vectorProduct } from './products.ts'
import { max, min, prod, sum } from './reduction.ts'

const matrices = (name: string, x: ArrayLike): NDArray => {
  const array = inexact(asArray(x))
  if (array.ndim >= 2) return array
  throw new ShapeError(`linalg.${name} takes matrices, arrays of rank 2 or more, got ${array.aval}.`)
}

const squares = (name: string, x: ArrayLike): NDArray => {
  const array = matrices(name, x)
  if (array.shape.at(-1) === array.shape.at(-2)) return array
  throw new ShapeError(`linalg.${name} takes square matrices, got ${array.aval}.`)
}

const turned = (x: NDArray): NDArray => swapaxes(x, -1, -2)
/** A row vector that multiplies columns. */
const asRow = (x: NDArray): NDArray => expandDims(x, -2)
const identityLike = (x: NDArray): NDArray => broadcastTo(eye(x.shape.at(-1)!, { dtype: x.dtype }), x.shape)

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
 * Eigenvalues, ascending, and eigenvectors in columns, of symmetric matrices. Derivatives with respect to eigenvectors of
 * equal eigenvalues are those of functions that do not care which basis of their space is chosen.
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
 * `a = Q R`. Derivatives are those of reduced factors of tall or square matrices.
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
  /** Square U and V; true by default. Derivatives need false, unless the matrices are square. */
  readonly fullMatrices?: boolean
}

/**
 * `a = U diag(s) Vᵀ`, s descending.
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

interface Factors {
  readonly lu: NDArray
  readonly permutation: NDArray
}

const factors = (a: NDArray): Factors => {
  const [lu, , permutation] = ops.lu(a)
  return { lu, permutation }
}

const rowsInOrder = (x: NDArray, permutation: NDArray): NDArray =>
  takeAlongAxis(x, broadcastTo(expandDims(permutation, -1), [...permutation.shape, x.shape.at(-1)!]), -2)

const inverseOrder = (permutation: NDArray): NDArray => {
  const n = permutation.shape.at(-1)!
  const places = np.equal(expandDims(permutation, -2), expandDims(asArray(Int32Array.from(range(n))), -1))
  return sum(np.multiply(places, asArray(Int32Array.from(range(n)))), { axis: -1, dtype: 'int32' })
}

/** The x with a x = b, or aᵀ x = b, from the factors of a. */
const solveWith = ({ lu, permutation }: Factors, b: NDArray, transposed: boolean): NDArray => {
  const lower = { leftSide: true, lower: true, unitDiagonal: true, transposeA: transposed }
  const upper = { leftSide: true, lower: false, unitDiagonal: false, transposeA: transposed }
  if (!transposed) return ops.triangularSolve(lu, ops.triangularSolve(lu, rowsInOrder(b, permutation), lower), upper)
  const y = ops.triangularSolve(lu, ops.triangularSolve(lu, b, upper), lower)
  return rowsInOrder(y, inverseOrder(permutation))
}

/** Both in the wider of their dtypes. */
const sameDType = (x: NDArray, y: NDArray): readonly [NDArray, NDArray] => {
  const dtype = promoteTypes(x.dtype, y.dtype)
  return [x.astype(dtype), y.astype(dtype)]
}

const solveMatrices = (a: NDArray, b: NDArray): NDArray => {
  const known = factors(stopGradient(a))
  return customLinearSolve(
    (x: NDArray) => matrixProduct(a, x),
    b,
    (_, r) => solveWith(known, r, false),
    {
      transposeSolve: (_, r) => solveWith(known, r, true),
    },
  )
}

/**
 * The x with `a x = b`. Derivatives come from the equation.
 *
 * @param a - shape `[..., n, n]`.
 * @param b - shape `[n]`, or `[..., n, k]`; batch axes are broadcast.
 * @throws ShapeError if the shapes do not fit.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.solve(np.array([[2, 0], [0, 4]]), np.array([2, 8])) // => [1. 2.]
 * ```
 */
export const solve = (a: ArrayLike, b: ArrayLike): NDArray => {
  const [left, right] = sameDType(squares('solve', a), inexact(asArray(b)))
  const isVector = right.ndim === 1
  const columns = isVector ? expandDims(right, -1) : right
  if (right.ndim === 0 || columns.shape.at(-2) !== left.shape.at(-1)) {
    throw new ShapeError(`linalg.solve: matrices ${left.aval} do not fit right-hand sides ${right.aval}.`)
  }
  const batch = broadcastTwo('linalg.solve', left.shape.slice(0, -2), columns.shape.slice(0, -2))
  const [m, r] = [left, columns].map((x) => broadcastTo(x, [...batch, ...x.shape.slice(-2)])) as [NDArray, NDArray]
  const x = solveMatrices(m, r)
  return isVector ? x.at('...', 0).get() : x
}

/**
 * The inverse. Of a singular matrix it has infinities or NaN.
 *
 * @throws ShapeError unless the matrices are square.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.inv(np.array([[2, 0], [0, 4]])).toArray() // => 0.5,0,0,0.25
 * ```
 */
export const inv = (a: ArrayLike): NDArray => {
  const x = squares('inv', a)
  return solveMatrices(x, identityLike(x))
}

/** Sign of a permutation: -1 to the number of row exchanges. */
const parity = (pivots: NDArray, dtype: NDArray['dtype']): NDArray => {
  const moved = np.notEqual(pivots, asArray(Int32Array.from(range(pivots.shape.at(-1)!))))
  const odd = np.remainder(sum(moved, { axis: -1, dtype: 'int32' }), 2)
  return np.subtract(1, np.multiply(2, odd)).astype(dtype)
}

/**
 * Sign and logarithm of the absolute value of the determinant: for those that overflow.
 *
 * @returns `[sign, logabsdet]`; 0 and -∞ for singular matrices.
 * @throws ShapeError unless the matrices are square.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.slogdet(np.array([[2, 0], [0, -2]]))[1] // => 1.3862944
 * ```
 */
export const slogdet = (a: ArrayLike): readonly [sign: NDArray, logabsdet: NDArray] => {
  const x = squares('slogdet', a)
  const [lu, pivots] = ops.lu(x)
  const diagonal = diagonalOf(lu, 0, { axis1: -2, axis2: -1 })
  const sign = np.multiply(parity(pivots, x.dtype), prod(np.sign(diagonal), { axis: -1 }))
  // Adding 0 makes -0 the 0 that it should be.
  return [stopGradient(np.add(sign, 0)), sum(np.log(np.abs(diagonal)), { axis: -1 })]
}

/** The product of all singular values but one, for each: right where some are 0. */
const productOfOthers = (s: NDArray): NDArray => {
  const n = s.shape.at(-1)!
  const rows = broadcastTo(asRow(s), [...s.shape, n])
  return prod(np.where(np.equal(eye(n, { dtype: s.dtype }), 1), 1, rows), { axis: -1 })
}

const fromLu = (x: NDArray): NDArray => {
  const [lu, pivots] = ops.lu(x)
  return np.multiply(parity(pivots, x.dtype), prod(diagonalOf(lu, 0, { axis1: -2, axis2: -1 }), { axis: -1 }))
}

/** P[i, j]: the product of all singular values but those at i and j; 0 where i = j. */
const productOfOtherPairs = (s: NDArray): NDArray => {
  const n = s.shape.at(-1)!
  const same = np.equal(eye(n, { dtype: s.dtype }), 1)
  const left = np.logicalOr(expandDims(same, 1), expandDims(same, 0))
  const cube = broadcastTo(asRow(asRow(s)), [...s.shape, n, n])
  return np.where(same, 0, prod(np.where(left, 1, cube), { axis: -1 }))
}

const asMatrix = (x: NDArray): NDArray => expandDims(expandDims(x, -1), -1)
const orientation = (u: NDArray, vt: NDArray): NDArray => asMatrix(np.multiply(fromLu(u), fromLu(vt)))

/** adj(A) = det(U V) V diag(∏_{j≠i} s_j) Uᵀ: of singular matrices too. */
const adjugateOf = ([u, s, vt]: ReturnType<typeof ops.svd>): NDArray => {
  const scaled = np.multiply(turned(vt), asRow(productOfOthers(s)))
  return np.multiply(orientation(u, vt), matrixProduct(scaled, turned(u)))
}

/**
 * d adj(A) = det(U V) V (diag(P diag F) − P ∘ F) Uᵀ, with F = Uᵀ dA V and P[i, j] = ∏_{k≠i,j} s_k: the minors of a diagonal
 * matrix that has moved by F. Nothing is divided, so that it is right for singular matrices too.
 */
const adjugate = customJvp((x: NDArray) => adjugateOf(ops.svd(x, false))).defjvp(([x], [t]) => {
  const factors = ops.svd(x, false)
  const [u, s, vt] = factors
  const others = productOfOtherPairs(s)
  const moved = matrixProduct(matrixProduct(turned(u), t), turned(vt))
  const diagonal = matrixProduct(others, expandDims(diagonalOf(moved, 0, { axis1: -2, axis2: -1 }), -1))
  const minors = np.subtract(np.multiply(identityLike(moved), diagonal), np.multiply(others, moved))
  const back = matrixProduct(matrixProduct(turned(vt), minors), turned(u))
  return [adjugateOf(factors), np.multiply(orientation(u, vt), back)]
})

const inner = (x: NDArray, y: NDArray): NDArray => sum(np.multiply(x, turned(y)), { axis: [-2, -1] })

/** Jacobi's formula: d det(A) = tr(adj(A) dA). */
const generalDet = customJvp((x: NDArray) => fromLu(x)).defjvp(([x], [t]) => [fromLu(x), inner(adjugate(x), t)])

/** Written out: a polynomial, whose derivatives of all orders are right everywhere. */
const smallDet = (x: NDArray): NDArray => {
  const n = x.shape.at(-1)!
  const e = (i: number, j: number): NDArray => x.at('...', i, j).get()
  const two = (i: number, j: number, k: number, l: number): NDArray =>
    np.subtract(np.multiply(e(i, k), e(j, l)), np.multiply(e(i, l), e(j, k)))
  if (n === 1) return e(0, 0)
  if (n === 2) return two(0, 1, 0, 1)
  const first = np.multiply(e(0, 0), two(1, 2, 1, 2))
  const second = np.multiply(e(0, 1), two(1, 2, 0, 2))
  return np.add(np.subtract(first, second), np.multiply(e(0, 2), two(1, 2, 0, 1)))
}

/**
 * The determinant. First and second derivatives are right for singular matrices of any rank; further ones for matrices of
 * different singular values, and for all up to 3 × 3.
 *
 * @throws ShapeError unless the matrices are square.
 * @example
 * ```ts
 * import { grad, np } from 'pullback'
 * np.linalg.det(np.array([[1, 2], [3, 4]])) // => -2.
 * grad((a: NDArray) => np.linalg.det(a))(np.array([[1, 2], [2, 4]])).toArray() // => 4,-2,-2,1
 * ```
 */
export const det = (a: ArrayLike): NDArray => {
  const x = squares('det', a)
  const n = x.shape.at(-1)!
  return n >= 1 && n <= 3 ? smallDet(x) : generalDet(x)
}

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

/** An order of a norm. */
export type NormOrder = number | 'fro' | 'nuc'

const flat = (axis: number | readonly number[] | null | undefined, rank: number): readonly number[] =>
  axis === null || axis === undefined ? range(rank) : typeof axis === 'number' ? [axis] : axis

/** Options of `vectorNorm`. */
export interface VectorNormOptions {
  /** 2 by default; any number, infinities included. */
  readonly ord?: number
  readonly axis?: number | readonly number[] | null
  readonly keepdims?: boolean
}

/**
 * The p-norm of vectors: `(Σ |x|ᵖ)^(1/p)`; the largest or smallest absolute value for ±∞, the number of non-zeros for 0.
 * Of nothing it is 0; there is no smallest value of nothing, which is an error.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.vectorNorm(np.array([3, -4])) // => 5.
 * np.linalg.vectorNorm(np.array([3, -4]), { ord: Infinity }) // => 4.
 * ```
 */
export const vectorNorm = (
  x: ArrayLike,
  { ord = 2, axis = null, keepdims = false }: VectorNormOptions = {},
): NDArray => {
  const array = inexact(asArray(x))
  const over = { axis: flat(axis, array.ndim), keepdims }
  if (ord === 2) return np.sqrt(sum(np.square(array), over))
  if (ord === Infinity) return max(np.abs(array), { ...over, initial: 0 })
  if (ord === -Infinity) return min(np.abs(array), over)
  if (ord === 0) return sum(np.notEqual(array, 0), { ...over, dtype: array.dtype })
  if (ord === 1) return sum(np.abs(array), over)
  return np.power(sum(np.power(np.abs(array), ord), over), 1 / ord)
}

/** Options of `matrixNorm`. */
export interface MatrixNormOptions {
  /** `fro` by default; `nuc`, ±1, ±2, ±∞. */
  readonly ord?: NormOrder
  readonly keepdims?: boolean
}

/**
 * A norm of matrices: Frobenius', nuclear, or the largest (smallest, for negative orders) sum of columns (1), of rows (∞), or
 * singular value (2). The largest of nothing is 0; the smallest of nothing is an error.
 *
 * @throws ArgumentError for another order.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.matrixNorm(np.array([[1, -2], [3, 4]]), { ord: 1 }) // => 6.
 * ```
 */
export const matrixNorm = (x: ArrayLike, { ord = 'fro', keepdims = false }: MatrixNormOptions = {}): NDArray => {
  const array = matrices('matrixNorm', x)
  const kept = (y: NDArray): NDArray => (keepdims ? expandDims(expandDims(y, -1), -1) : y)
  if (ord === 'fro') return np.sqrt(sum(np.square(array), { axis: [-2, -1], keepdims }))
  if (ord === 'nuc') return kept(sum(svdvals(array), { axis: -1 }))
  const extreme = (y: NDArray): NDArray => kept(ord > 0 ? max(y, { axis: -1, initial: 0 }) : min(y, { axis: -1 }))
  const size = Math.abs(ord)
  if (size === 2) return extreme(svdvals(array))
  if (size === 1) return extreme(sum(np.abs(array), { axis: -2 }))
  if (size === Infinity) return extreme(sum(np.abs(array), { axis: -1 }))
  throw new ArgumentError(`linalg.matrixNorm: there is no norm of order ${ord}.`)
}

/** Options of `norm`. */
export interface NormOptions {
  readonly ord?: NormOrder | null
  readonly axis?: number | readonly number[] | null
  readonly keepdims?: boolean
}

/**
 * A norm: of vectors along one axis, of matrices over two; without axis and order, of all elements.
 *
 * @throws ArgumentError if the order does not suit the number of axes.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.norm(np.array([3, 4])) // => 5.
 * np.linalg.norm(np.array([[3, 4], [6, 8]]), { axis: 1 }) // => [ 5. 10.]
 * ```
 */
export const norm = (x: ArrayLike, { ord = null, axis = null, keepdims = false }: NormOptions = {}): NDArray => {
  const array = inexact(asArray(x))
  if (ord === null) return vectorNorm(array, { axis, keepdims })
  const axes = flat(axis, array.ndim)
  if (axes.length === 1) {
    if (typeof ord === 'string') throw new ArgumentError(`linalg.norm: order '${ord}' is for matrices.`)
    return vectorNorm(array, { ord, axis: axes, keepdims })
  }
  if (axes.length !== 2) throw new ArgumentError(`linalg.norm: an order needs one axis or two, got ${axes.length}.`)
  const places = axes.map((a) => (a < 0 ? a + array.ndim : a))
  const others = range(array.ndim).filter((d) => !places.includes(d))
  const result = matrixNorm(array.transpose([...others, ...places]), { ord })
  return keepdims ? [...places].sort((a, b) => a - b).reduce((y, d) => expandDims(y, d), result) : result
}

/**
 * Sensitivity of solutions: `‖a‖ ‖a⁻¹‖`; with the norm of order 2 (default), the ratio of singular values.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.cond(np.array([[4, 0], [0, 2]])) // => 2.
 * ```
 */
export const cond = (a: ArrayLike, { p = 2 }: { readonly p?: NormOrder } = {}): NDArray => {
  if (p !== 2 && p !== -2) return np.multiply(matrixNorm(a, { ord: p }), matrixNorm(inv(a), { ord: p }))
  const s = svdvals(a)
  const [first, last] = [s.at('...', 0).get(), s.at('...', -1).get()]
  return p === 2 ? np.divide(first, last) : np.divide(last, first)
}

/**
 * The n-th power of square matrices, by squaring; negative powers of the inverse.
 *
 * @throws ArgumentError unless n is an integer.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.matrixPower(np.array([[1, 1], [0, 1]]), 5).toArray() // => 1,5,0,1
 * ```
 */
export const matrixPower = (a: ArrayLike, n: number): NDArray => {
  const x = squares('matrixPower', a)
  if (!Number.isInteger(n)) throw new ArgumentError(`linalg.matrixPower: the exponent must be an integer, got ${n}.`)
  let result: NDArray | null = null
  let power = n < 0 ? inv(x) : x
  for (let rest = Math.abs(n); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = result === null ? power : matrixProduct(result, power)
    if (rest > 1) power = matrixProduct(power, power)
  }
  return result ?? identityLike(x)
}

/**
 * The product of several matrices, in the order of products that takes the fewest operations. The first and last may be vectors.
 *
 * @throws ArgumentError for fewer than two.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.multiDot([np.ones([2, 3]), np.ones([3, 4]), np.ones([4])]) // => [12. 12.]
 * ```
 */
export const multiDot = (arrays: readonly ArrayLike[]): NDArray => {
  const xs = arrays.map((x) => asArray(x))
  if (xs.length < 2) throw new ArgumentError(`linalg.multiDot takes two arrays or more, got ${xs.length}.`)
  const sizes = [
    xs[0]!.ndim === 1 ? 1 : xs[0]!.shape[0]!,
    ...xs.map((x, i) => (i === 0 ? x.shape.at(-1)! : (x.shape[1] ?? 1))),
  ]
  return chain(xs, bestSplits(sizes), 0, xs.length - 1)
}

/** Where to cut each run of factors: Cormen et al., Introduction to Algorithms, matrix-chain multiplication. */
const bestSplits = (sizes: readonly number[]): readonly (readonly number[])[] => {
  const n = sizes.length - 1
  const cost = range(n).map(() => new Array<number>(n).fill(0))
  const splits = range(n).map(() => new Array<number>(n).fill(0))
  for (let length = 2; length <= n; length++) {
    for (let i = 0; i + length <= n; i++) {
      const j = i + length - 1
      const options = range(length - 1).map(
        (k) => cost[i]![i + k]! + cost[i + k + 1]![j]! + sizes[i]! * sizes[i + k + 1]! * sizes[j + 1]!,
      )
      cost[i]![j] = Math.min(...options)
      splits[i]![j] = i + options.indexOf(cost[i]![j]!)
    }
  }
  return splits
}

const chain = (xs: readonly NDArray[], splits: readonly (readonly number[])[], i: number, j: number): NDArray => {
  if (i === j) return xs[i]!
  const k = splits[i]![j]!
  return matrixProduct(chain(xs, splits, i, k), chain(xs, splits, k + 1, j))
}

/**
 * The x with `tensordot(a, x, x.ndim) = b`: a system of equations whose unknowns, and equations, have several axes.
 *
 * @param a - shape `[...b.shape, ...x.shape]`, with as many equations as unknowns; axes of the unknowns may stand elsewhere, and
 *   are moved to the end in the order of `axes`.
 * @throws ShapeError if there are not as many.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.tensorsolve(np.reshape(np.eye(6), [6, 2, 3]), np.arange(6)).shape // => 2,3
 * ```
 */
export const tensorsolve = (
  a: ArrayLike,
  b: ArrayLike,
  { axes = null }: { readonly axes?: readonly number[] | null } = {},
): NDArray => {
  const [given, right] = [asArray(a), asArray(b)]
  const last = (axes ?? []).map((axis) => normalizeAxis('linalg.tensorsolve', axis, given.ndim))
  const left = given.transpose([...range(given.ndim).filter((d) => !last.includes(d)), ...last])
  const shape = left.shape.slice(right.ndim)
  if (left.ndim < right.ndim || sizeOf(shape) ** 2 !== left.size || sizeOf(shape) !== right.size) {
    throw new ShapeError(
      `linalg.tensorsolve: ${left.aval} does not give as many equations as unknowns for ${right.aval}.`,
    )
  }
  return reshape(solve(reshape(left, [right.size, right.size]), reshape(right, [right.size])), shape)
}

/**
 * The inverse of `a` as a linear map from its last axes to its first `ind` ones: `tensordot(tensorinv(a), b, ind)` solves
 * `tensordot(a, x, x.ndim) = b`.
 *
 * @throws ShapeError unless the first axes have as many elements as the others; ArgumentError unless `ind` is positive.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.tensorinv(np.reshape(np.eye(6), [2, 3, 6]), { ind: 2 }).shape // => 6,2,3
 * ```
 */
export const tensorinv = (a: ArrayLike, { ind = 2 }: { readonly ind?: number } = {}): NDArray => {
  const array = asArray(a)
  if (!Number.isInteger(ind) || ind < 1)
    throw new ArgumentError(`linalg.tensorinv: ind must be a positive integer, got ${ind}.`)
  const [rows, columns] = [array.shape.slice(0, ind), array.shape.slice(ind)]
  if (sizeOf(rows) !== sizeOf(columns)) {
    throw new ShapeError(
      `linalg.tensorinv: axes ${showShape(rows)} and ${showShape(columns)} of ${array.aval} must have as many elements.`,
    )
  }
  return reshape(inv(reshape(array, [sizeOf(rows), sizeOf(columns)])), [...columns, ...rows])
}

/**
 * Cross products of vectors of 3 elements.
 *
 * @throws ShapeError for vectors of another length: `np.cross` takes those of 2 too.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.cross(np.array([1, 0, 0]), np.array([0, 1, 0])) // => [0. 0. 1.]
 * ```
 */
export const cross = (x: ArrayLike, y: ArrayLike, { axis = -1 }: { readonly axis?: number } = {}): NDArray => {
  const odd = [x, y].map((v) => asArray(v)).find((v) => v.ndim === 0 || moveaxis(v, axis, -1).shape.at(-1) !== 3)
  if (odd !== undefined) throw new ShapeError(`linalg.cross: takes vectors of 3 elements, got ${odd.aval}.`)
  return crossProduct(x, y, { axis })
}

/**
 * `np.vecdot`: sums of products along an axis, the last by default.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.vecdot(np.array([[1, 2], [3, 4]]), np.array([1, 10])) // => [21. 43.]
 * ```
 */
export const vecdot = (x: ArrayLike, y: ArrayLike, options: { readonly axis?: number } = {}): NDArray =>
  vectorProduct(x, y, options)

/**
 * `np.tensordot`: sums of products over pairs of axes.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.tensordot(np.ones([2, 3]), np.ones([2, 3])) // => 6.
 * ```
 */
export const tensordot = (x: ArrayLike, y: ArrayLike, axes: Parameters<typeof tensorProduct>[2] = 2): NDArray =>
  tensorProduct(x, y, axes)

/** The sum along the diagonal of matrices in the last two axes. */
export const trace = (x: ArrayLike, { offset = 0 }: { readonly offset?: number } = {}): NDArray =>
  traceOf(asArray(x), offset, { axis1: -2, axis2: -1 })

/** The diagonal of matrices in the last two axes. */
export const diagonal = (x: ArrayLike, { offset = 0 }: { readonly offset?: number } = {}): NDArray =>
  diagonalOf(asArray(x), offset, { axis1: -2, axis2: -1 })

/** Products of all pairs of elements of two vectors. */
export const outer = (x: ArrayLike, y: ArrayLike): NDArray => outerProduct(x, y)

/** `np.matmul`. */
export const matmul = (x: ArrayLike, y: ArrayLike): NDArray => matrixProduct(x, y)

/** The last two axes exchanged. */
export const matrixTranspose = (x: ArrayLike): NDArray => turned(matrices('matrixTranspose', x))
