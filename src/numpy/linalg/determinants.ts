/** Determinants, with derivatives that are also right for singular matrices. */
import { customJvp } from '../../api/custom.ts'
import { stopGradient } from '../../api/derivatives.ts'
import { range } from '../../core/shape.ts'
import * as ops from '../../primitives/linalg/operations.ts'
import { asArray } from '../../runtime/installArrays.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import { matmul as matrixProduct } from '../contraction.ts'
import { eye } from '../creation.ts'
import * as np from '../elementwise.ts'
import { diagonal as diagonalOf } from '../diagonals.ts'
import { broadcastTo, expandDims } from '../movement.ts'
import { prod, sum } from '../reduction.ts'
import * as must from '../../conversions/arguments.ts'
import { asMatrix, asRow, identityLike, squares, turned } from './matrices.ts'

/** The sign of a permutation: -1 to the power of the number of row exchanges. */
const parity = (pivots: NDArray, dtype: NDArray['dtype']): NDArray => {
  const moved = np.notEqual(pivots, asArray(Int32Array.from(range(pivots.shape.at(-1)!))))
  const odd = np.remainder(sum(moved, { axis: -1, dtype: 'int32' }), 2)
  return np.subtract(1, np.multiply(2, odd)).astype(dtype)
}

const slogdetDoor = must.door('np.linalg.slogdet', { a: must.arrayLike })

/**
 * Sign and logarithm of the absolute value of the determinant: for determinants that would overflow.
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
  slogdetDoor(a)
  const x = squares('np.linalg.slogdet', a)
  const [lu, pivots] = ops.lu(x)
  const diagonal = diagonalOf(lu, 0, { axis1: -2, axis2: -1 })
  const sign = np.multiply(parity(pivots, x.dtype), prod(np.sign(diagonal), { axis: -1 }))
  // Adding 0 turns -0 into 0.
  return [stopGradient(np.add(sign, 0)), sum(np.log(np.abs(diagonal)), { axis: -1 })]
}

/** The product of all singular values but one, for each: exact where some are 0. */
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

const orientation = (u: NDArray, vt: NDArray): NDArray => asMatrix(np.multiply(fromLu(u), fromLu(vt)))

/** adj(A) = det(U V) V diag(∏_{j≠i} s_j) Uᵀ: also of singular matrices. */
const adjugateOf = ([u, s, vt]: ReturnType<typeof ops.svd>): NDArray => {
  const scaled = np.multiply(turned(vt), asRow(productOfOthers(s)))
  return np.multiply(orientation(u, vt), matrixProduct(scaled, turned(u)))
}

/**
 * d adj(A) = det(U V) V (diag(P diag F) − P ∘ F) Uᵀ, with F = Uᵀ dA V and P[i, j] = ∏_{k≠i,j} s_k: the minors of a diagonal
 * matrix perturbed by F. There is no division, so it also holds for singular matrices.
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

/** Written out as a polynomial, whose derivatives of all orders are right everywhere. */
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

const detDoor = must.door('np.linalg.det', { a: must.arrayLike })

/**
 * The determinant. First to third derivatives are right for all matrices, including singular ones of any rank. Higher
 * derivatives are right for matrices up to 3 × 3, and for those with distinct singular values, of which one may be 0; elsewhere
 * they are NaN.
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
  detDoor(a)
  const x = squares('np.linalg.det', a)
  const n = x.shape.at(-1)!
  return n >= 1 && n <= 3 ? smallDet(x) : generalDet(x)
}
