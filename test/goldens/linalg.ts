/** Linear algebra, by the keys under which `recording/linalg.py` has the same mathematics. */
import { lax, np } from 'pullback'
import type { NDArray } from 'pullback'
import type { AnyFunction } from './functions.ts'

const { linalg } = np
const turned = (x: NDArray): NDArray => np.swapaxes(x, -1, -2)
const symmetric = (a: NDArray): NDArray => np.add(a, turned(a))
const positive = (a: NDArray): NDArray =>
  np.add(np.matmul(a, turned(a)), np.multiply(2, np.eye(a.shape.at(-1)!, { dtype: a.dtype })))
const reduced = (a: NDArray) => linalg.svd(a, { fullMatrices: false })
const sumOfSines = (x: NDArray): NDArray => np.sum(np.sin(x))

const functions: { readonly [name: string]: (a: NDArray, b: NDArray) => NDArray } = {
  choleskyOf: (a) => linalg.cholesky(positive(a)),
  choleskyUpper: (a) => linalg.cholesky(positive(a), { upper: true }),
  eigenvalues: (a) => linalg.eigh(symmetric(a))[0],
  eigenvectors: (a) => np.square(linalg.eigh(symmetric(a))[1]),
  projectors: (a) => {
    const [w, v] = linalg.eigh(symmetric(a))
    return np.matmul(v, np.multiply(np.expandDims(np.sin(w), -1), turned(v)))
  },
  singularValues: linalg.svdvals,
  leftVectors: (a) => np.square(reduced(a)[0]),
  rightVectors: (a) => np.square(reduced(a)[2]),
  ofSingular: (a) => {
    const [u, s, vt] = reduced(a)
    return np.matmul(np.multiply(u, np.expandDims(np.tanh(s), -2)), vt)
  },
  q: (a) => linalg.qr(a)[0],
  r: (a) => linalg.qr(a, { mode: 'r' }),
  lu: (a) => lax.linalg.lu(a)[0],
  permutation: (a) => lax.linalg.lu(a)[2],
  lowerSolve: (a, b) => lax.linalg.triangularSolve(a, b, { leftSide: true, lower: true }),
  rightSolve: (a, b) => lax.linalg.triangularSolve(a, b, { transposeA: true, unitDiagonal: true }),
  logdet: (a) => linalg.slogdet(a)[1],
  sign: (a) => linalg.slogdet(a)[0],
  scalarDet: (a) => np.sin(linalg.det(a)),
  scalarInv: (a) => sumOfSines(linalg.inv(a)),
  scalarSolve: (a, b) => sumOfSines(linalg.solve(a, b)),
  scalarCholesky: (a) => sumOfSines(linalg.cholesky(positive(a))),
  scalarEigenvalues: (a) => {
    const [w] = linalg.eigh(symmetric(a))
    return np.dot(np.sin(w), np.arange(1, w.size + 1, 1, { dtype: w.dtype }))
  },
  scalarLogdet: (a) => linalg.slogdet(a)[1],
  scalarSingular: (a) => sumOfSines(linalg.svdvals(a)),
  scalarR: (a) => sumOfSines(linalg.qr(a)[1]),
  solution: (a, b) => linalg.lstsq(a, b)[0],
  scalarPinv: (a) => sumOfSines(linalg.pinv(a)),
  exponential: (a) => linalg.functionOfSymmetric(np.exp, a),
  scalarExponential: (a) => sumOfSines(linalg.functionOfSymmetric(np.exp, a)),
  root: (a) => linalg.sqrtm(positive(a)),
}

export const linalgFunctions = Object.fromEntries(
  Object.entries(functions).map(([name, f]) => [`linalg.${name}`, f]),
) as unknown as { readonly [name: string]: AnyFunction }
