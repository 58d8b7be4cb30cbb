/** Systems of linear equations, and inverses. */
import { customLinearSolve } from '../../api/roots.ts'
import { stopGradient } from '../../api/derivatives.ts'
import { ArgumentError, ShapeError } from '../../core/errors.ts'
import { broadcastTwo, normalizeAxis, range, showShape, sizeOf } from '../../core/shape.ts'
import * as ops from '../../primitives/linalg/operations.ts'
import { asArray } from '../../runtime/installArrays.ts'
import { inexact } from '../../conversions/promote.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import { matmul as matrixProduct } from '../contraction.ts'
import * as np from '../elementwise.ts'
import { broadcastTo, expandDims, reshape, takeAlongAxis } from '../movement.ts'
import { sum } from '../reduction.ts'
import * as must from '../../conversions/arguments.ts'
import { identityLike, sameDType, squares } from './matrices.ts'

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

/** The solution x of a x = b, or of aᵀ x = b, from the factors of a. */
const solveWith = ({ lu, permutation }: Factors, b: NDArray, transposed: boolean): NDArray => {
  const lower = { leftSide: true, lower: true, unitDiagonal: true, transposeA: transposed }
  const upper = { leftSide: true, lower: false, unitDiagonal: false, transposeA: transposed }
  if (!transposed) return ops.triangularSolve(lu, ops.triangularSolve(lu, rowsInOrder(b, permutation), lower), upper)
  const y = ops.triangularSolve(lu, ops.triangularSolve(lu, b, upper), lower)
  return rowsInOrder(y, inverseOrder(permutation))
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

const solveDoor = must.door('np.linalg.solve', { a: must.arrayLike, b: must.arrayLike })

/**
 * The solution x of `a x = b`. It is differentiated implicitly.
 *
 * @param a - shape `[..., n, n]`.
 * @param b - shape `[n]`, or `[..., n, k]`; batch axes are broadcast.
 * @throws ShapeError if the shapes do not match.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.solve(np.array([[2, 0], [0, 4]]), np.array([2, 8])) // => [1. 2.]
 * ```
 */
export const solve = (a: ArrayLike, b: ArrayLike): NDArray => {
  solveDoor(a, b)
  const [left, right] = sameDType(squares('np.linalg.solve', a), inexact(asArray(b)))
  const isVector = right.ndim === 1
  const columns = isVector ? expandDims(right, -1) : right
  if (right.ndim === 0 || columns.shape.at(-2) !== left.shape.at(-1)) {
    throw new ShapeError(`np.linalg.solve: matrices ${left.aval} do not fit right-hand sides ${right.aval}.`)
  }
  const batch = broadcastTwo('np.linalg.solve', left.shape.slice(0, -2), columns.shape.slice(0, -2))
  const [m, r] = [left, columns].map((x) => broadcastTo(x, [...batch, ...x.shape.slice(-2)])) as [NDArray, NDArray]
  const x = solveMatrices(m, r)
  return isVector ? x.at('...', 0).get() : x
}

const invDoor = must.door('np.linalg.inv', { a: must.arrayLike })

/**
 * The inverse. For a singular matrix it has infinities or NaN.
 *
 * @throws ShapeError unless the matrices are square.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.inv(np.array([[2, 0], [0, 4]])).toArray() // => 0.5,0,0,0.25
 * ```
 */
export const inv = (a: ArrayLike): NDArray => {
  invDoor(a)
  const x = squares('np.linalg.inv', a)
  return solveMatrices(x, identityLike(x))
}

const tensorsolveDoor = must.door('np.linalg.tensorsolve', {
  a: must.arrayLike,
  b: must.arrayLike,
  options: must.optionsOf<{ readonly axes?: readonly number[] | null }>({ axes: must.nullable(must.axisList) }),
})

/**
 * The solution x of `tensordot(a, x, x.ndim) = b`: a system of equations whose unknowns and equations have several axes.
 *
 * @param a - shape `[...b.shape, ...x.shape]`, with as many equations as unknowns; the axes of the unknowns may come elsewhere:
 *   `axes` moves them to the end, in its order.
 * @throws ShapeError if the numbers differ.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.tensorsolve(np.reshape(np.eye(6), [6, 2, 3]), np.arange(6)).shape // => 2,3
 * ```
 */
export const tensorsolve = (
  a: ArrayLike,
  b: ArrayLike,
  options: { readonly axes?: readonly number[] | null } = {},
): NDArray => {
  tensorsolveDoor(a, b, options)
  const { axes = null } = options
  const [given, right] = [asArray(a), asArray(b)]
  const last = (axes ?? []).map((axis) => normalizeAxis('np.linalg.tensorsolve', axis, given.ndim))
  const left = given.transpose([...range(given.ndim).filter((d) => !last.includes(d)), ...last])
  const shape = left.shape.slice(right.ndim)
  if (left.ndim < right.ndim || sizeOf(shape) ** 2 !== left.size || sizeOf(shape) !== right.size) {
    throw new ShapeError(
      `np.linalg.tensorsolve: ${left.aval} does not give as many equations as unknowns for ${right.aval}.`,
    )
  }
  return reshape(solve(reshape(left, [right.size, right.size]), reshape(right, [right.size])), shape)
}

const tensorinvDoor = must.door('np.linalg.tensorinv', {
  a: must.arrayLike,
  options: must.optionsOf<{ readonly ind?: number }>({ ind: must.integer }),
})

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
export const tensorinv = (a: ArrayLike, options: { readonly ind?: number } = {}): NDArray => {
  tensorinvDoor(a, options)
  const { ind = 2 } = options
  const array = asArray(a)
  if (!Number.isInteger(ind) || ind < 1)
    throw new ArgumentError(`np.linalg.tensorinv: ind must be a positive integer, got ${ind}.`)
  const [rows, columns] = [array.shape.slice(0, ind), array.shape.slice(ind)]
  if (sizeOf(rows) !== sizeOf(columns)) {
    throw new ShapeError(
      `np.linalg.tensorinv: axes ${showShape(rows)} and ${showShape(columns)} of ${array.aval} must have as many elements.`,
    )
  }
  return reshape(inv(reshape(array, [sizeOf(rows), sizeOf(columns)])), [...columns, ...rows])
}
