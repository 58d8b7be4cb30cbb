/** Functions of symmetric matrices, by their eigenvalues, with right derivatives where these are equal. */
import { closureConvert, customLinearSolve, customRoot } from '../../api/roots.ts'
import { customJvp } from '../../api/custom.ts'
import { jvp } from '../../api/derivatives.ts'
import { vmap } from '../../api/vmap.ts'
import { epsilonOf } from '../../core/dtype.ts'
import { ShapeError } from '../../core/errors.ts'
import * as ops from '../../primitives/linalg/operations.ts'
import { stopGradient } from '../../ops/elementwise.ts'
import { asArray } from '../../runtime/installArrays.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import { isDifferentiable } from '../../trace/value.ts'
import { matmul as matrixProduct } from '../contraction.ts'
import { ones, zeros } from '../creation.ts'
import * as np from '../elementwise.ts'
import { broadcastTo, expandDims } from '../movement.ts'
import { max } from '../reduction.ts'
import * as must from '../../conversions/arguments.ts'
import { asRow, identityLike, squares, turned } from './matrices.ts'

/** A function of each element. */
type Scalar = (w: NDArray) => NDArray

const precisionOf = (x: NDArray): number => epsilonOf(x.dtype)

/** V diag(w) Vᵀ, or V W Vᵀ for a matrix W. */
const between = (v: NDArray, w: NDArray): NDArray =>
  matrixProduct(w.ndim === v.ndim ? matrixProduct(v, w) : np.multiply(v, asRow(w)), turned(v))

/** Gauss and Legendre's points in [0, 1], with their weights: two of them, and three. */
const two = [
  [0.5 - Math.sqrt(1 / 12), 1 / 2],
  [0.5 + Math.sqrt(1 / 12), 1 / 2],
] as const
const three = [
  [0.5 - Math.sqrt(0.15), 5 / 18],
  [0.5, 8 / 18],
  [0.5 + Math.sqrt(0.15), 5 / 18],
] as const

/**
 * f[x, y] = (f(y) - f(x)) / (y - x), or ∫ f'(x + t (y - x)) dt over [0, 1] where that is more accurate: the quotient loses the
 * digits that f(x) and f(y) have in common; the integral by three points is exact to the fifth power of y - x.
 */
const dividedDifferences = (f: Scalar, w: NDArray): NDArray => {
  const shape = [...w.shape, w.shape.at(-1)!]
  const [x, y] = [broadcastTo(expandDims(w, -1), shape), broadcastTo(asRow(w), shape)]
  const slope: Scalar = (z) => jvp(f, [z], [ones(z.shape, { dtype: z.dtype })])[1]
  const integral = (points: typeof two | typeof three, from: NDArray, length: NDArray): NDArray =>
    points
      .map(([t, weight]) => np.multiply(weight, slope(np.add(from, np.multiply(t, length)))))
      .reduce((sum, term) => np.add(sum, term))
  const length = np.subtract(y, x)
  const [fx, fy] = [f(x), f(y)]

  const [from, by] = [stopGradient(x), stopGradient(length)]
  const lost = np.multiply(precisionOf(w), np.add(np.abs(stopGradient(fx)), np.abs(stopGradient(fy))))
  const missed = np.multiply(np.abs(by), np.abs(np.subtract(integral(three, from, by), integral(two, from, by))))
  const near = np.logicalOr(np.equal(by, 0), np.lessEqual(missed, lost))

  const quotient = np.divide(np.subtract(fy, fx), np.where(near, 1, length))
  return np.where(near, integral(three, x, np.where(near, length, 0)), quotient)
}

type Parametrised = (w: NDArray, ...parameters: readonly NDArray[]) => NDArray

const spectral = (g: Parametrised) =>
  customJvp((a: NDArray, ...parameters: readonly NDArray[]): NDArray => {
    const [w, v] = ops.eigh(a, true)
    return between(v, g(w, ...parameters))
  }).defjvp(([a, ...parameters], [t, ...moving]) => {
    const [w, v] = ops.eigh(a, true)
    // Daleckii and Krein: within vᵀ dA v, element (i, j) is multiplied by f[wᵢ, wⱼ].
    const weights = dividedDifferences((z) => g(z, ...parameters), w)
    const inside = between(turned(v), ops.symmetrized(t))
    const moved = between(v, np.multiply(weights, inside))
    const places = parameters.flatMap((p, i) => (isDifferentiable(p.aval) ? [i] : []))
    const value = between(v, g(w, ...parameters))
    if (places.length === 0) return [value, moved]
    const only = (...xs: NDArray[]): NDArray =>
      g(w, ...parameters.map((p, i) => (places.includes(i) ? xs[places.indexOf(i)]! : p)))
    const [, byParameters] = jvp(only, places.map((i) => parameters[i]!), places.map((i) => moving[i]!)) // prettier-ignore
    return [value, np.add(moved, between(v, byParameters))]
  })

const functionOfSymmetricDoor = must.door('np.linalg.functionOfSymmetric', { f: must.func, a: must.arrayLike })

/**
 * f(A) = V diag(f(w)) Vᵀ of symmetric matrices A = V diag(w) Vᵀ: the matrix function of a scalar `f`. First and second
 * derivatives are right also where eigenvalues are equal, or nearly so; a composition with `eigh` has only first ones there,
 * and loses precision. `f` may close over differentiated values. Third derivatives are NaN at equal eigenvalues.
 *
 * @param f - from arrays to arrays, element by element; differentiable once more than the result is to be.
 * @param a - shape `[..., n, n]`; its symmetric part counts.
 * @throws ShapeError unless the matrices are square and `f` keeps shapes.
 * @example
 * ```ts
 * import { grad, np } from 'pullback'
 * np.linalg.functionOfSymmetric(np.square, np.array([[1, 0], [0, 3]])).toArray() // => 1,0,0,9
 * const f = (a: NDArray) => np.linalg.functionOfSymmetric(np.exp, a).at(0, 1).get()
 * grad(f)(np.zeros([2, 2])).toArray() // => 0,0.5,0.5,0
 * ```
 */
export const functionOfSymmetric = (f: (w: NDArray) => ArrayLike, a: ArrayLike): NDArray => {
  functionOfSymmetricDoor(f, a)
  const x = ops.symmetrized(squares('np.linalg.functionOfSymmetric', a))
  const vector: Scalar = (w) => {
    const y = asArray(f(w))
    if (y.shape.length === w.ndim && y.shape.every((n, d) => n === w.shape[d])) return y.astype(w.dtype)
    throw new ShapeError(
      `np.linalg.functionOfSymmetric: f must give as many values as it takes, ${w.aval}, got ${y.aval}.`,
    )
  }
  const [g, parameters] = closureConvert(vector, zeros(x.shape.slice(0, -1), { dtype: x.dtype }))
  // Also for matrices of values: row by row.
  const rowwise: Parametrised = (w, ...rest) =>
    w.ndim < x.ndim ? g(w, ...rest) : vmap((row: NDArray) => g(row, ...rest), { inAxes: -2, outAxes: -2 })(w)
  return spectral(rowwise)(x, ...parameters)
}

/** Sets eigenvalues within rounding of 0 to 0. */
const withoutNoise = (w: NDArray): NDArray => {
  const noise = np.multiply(w.shape.at(-1)! * precisionOf(w), max(np.abs(w), { axis: -1, keepdims: true, initial: 0 }))
  return np.where(np.lessEqual(np.abs(w), noise), 0, w)
}

/** The solution Y of M Y + Y M = 2 R, for a symmetric M. */
const solveSylvester = (m: NDArray, r: NDArray): NDArray => {
  const [w, v] = ops.eigh(m)
  const sums = np.add(asRow(w), expandDims(w, -1))
  return between(v, np.divide(np.multiply(2, between(turned(v), r)), sums))
}

const sqrtmDoor = must.door('np.linalg.sqrtm', { a: must.arrayLike })

/**
 * The symmetric positive semidefinite root: `X X = A`. Derivatives come from that equation, and are right to all orders, also
 * for equal eigenvalues; they are not finite where A is singular.
 *
 * @param a - shape `[..., n, n]`, symmetric (only its symmetric part is used) and positive semidefinite; otherwise NaN.
 *   Eigenvalues within rounding of 0 count as 0.
 * @throws ShapeError unless the matrices are square.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.sqrtm(np.array([[4, 0], [0, 9]])).toArray() // => 2,0,0,3
 * ```
 */
export const sqrtm = (a: ArrayLike): NDArray => {
  sqrtmDoor(a)
  const x = ops.symmetrized(squares('np.linalg.sqrtm', a))
  return customRoot(
    (root: NDArray) => np.subtract(matrixProduct(root, root), x),
    zeros(x.shape, { dtype: x.dtype }),
    () => {
      const [w, v] = ops.eigh(x)
      return between(v, np.sqrt(withoutNoise(w)))
    },
    // The slope Y ↦ X Y + Y X, applied to the identity, gives X.
    (slope, b) => customLinearSolve(slope, b, (map, r) => solveSylvester(map(identityLike(x)), r), { symmetric: true }),
  )
}

const logmDoor = must.door('np.linalg.logm', { a: must.arrayLike })

/**
 * The symmetric logarithm of symmetric positive definite matrices: `exp(X) = A`. Derivatives are those of `functionOfSymmetric`.
 *
 * @param a - shape `[..., n, n]`, symmetric (only its symmetric part is used) and positive definite; otherwise not finite.
 * @throws ShapeError unless the matrices are square.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.logm(np.eye(2)).toArray() // => 0,0,0,0
 * ```
 */
export const logm = (a: ArrayLike): NDArray => {
  logmDoor(a)
  return functionOfSymmetric(np.log, squares('np.linalg.logm', a))
}
