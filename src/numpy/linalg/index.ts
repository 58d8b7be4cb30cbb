/** The `np.linalg` namespace: NumPy's linear algebra, on matrices in the last two axes, with derivatives. */
export { cholesky, eigh, eigvalsh, qr, svd, svdvals } from './factors.ts'
export type { EighOptions, SvdOptions } from './factors.ts'
export { solve, inv, tensorsolve, tensorinv } from './solving.ts'
export { slogdet, det } from './determinants.ts'
export { functionOfSymmetric, logm, sqrtm } from './symmetric.ts'
export { pinv, matrixRank, lstsq } from './leastSquares.ts'
export type { RankOptions } from './leastSquares.ts'
export { vectorNorm, matrixNorm, norm, cond } from './norms.ts'
export type { NormOrder, VectorNormOptions, MatrixNormOptions, NormOptions } from './norms.ts'
export {
  matrixPower,
  multiDot,
  cross,
  vecdot,
  tensordot,
  trace,
  diagonal,
  outer,
  matmul,
  matrixTranspose,
} from './products.ts'
