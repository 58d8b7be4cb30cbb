/** Factorisations of matrices in the last two axes, and triangular equations. */
import type { TriangularSolveParams } from '../ir/op.ts'
import { fullLike } from './creation.ts'
import { add, mul } from './elementwise.ts'
import { swapLast } from './movement.ts'
import { bind, bindAll } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'

/** The mean of matrices and their transposes. */
export const symmetrized = (x: NDArray): NDArray => mul(fullLike(x, 0.5), add(x, swapLast(x)))

/** L with L Lᵀ = x. */
export const cholesky = (x: NDArray): NDArray => bind('cholesky', {}, [x])

/** The x with op(a) x = b, or x op(a) = b. */
export const triangularSolve = (a: NDArray, b: NDArray, params: TriangularSolveParams): NDArray =>
  bind('triangularSolve', params, [a, b])

type Triple = readonly [NDArray, NDArray, NDArray]

/** L and U in one matrix, row exchanges, and the permutation of rows. */
export const lu = (x: NDArray): Triple => bindAll('lu', {}, [x]) as unknown as Triple

export const qr = (x: NDArray, fullMatrices: boolean): readonly [q: NDArray, r: NDArray] =>
  bindAll('qr', { fullMatrices }, [x]) as unknown as readonly [NDArray, NDArray]

/**
 * Eigenvalues and eigenvectors of symmetric matrices. With `basisFree`, eigenvalues that share half of their digits count as
 * equal for derivatives, and results computed from the vectors must not depend on the choice of the vectors.
 */
export const eigh = (x: NDArray, basisFree = false): readonly [values: NDArray, vectors: NDArray] =>
  bindAll('eigh', { basisFree }, [x]) as unknown as readonly [NDArray, NDArray]

/** U, singular values, Vᵀ. */
export const svd = (x: NDArray, fullMatrices: boolean): Triple =>
  bindAll('svd', { fullMatrices }, [x]) as unknown as Triple

/** The Moore–Penrose inverse, from singular values above `rtol` (one for each matrix) times the largest. */
export const pinv = (x: NDArray, rtol: NDArray): NDArray => bind('pinv', {}, [x, rtol])
