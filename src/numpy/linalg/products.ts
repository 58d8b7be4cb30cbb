/** Powers and products of matrices, and the functions that both `np` and `np.linalg` have. */
import { calledAs } from '../../core/calledAs.ts'
import { ArgumentError, ShapeError } from '../../core/errors.ts'
import { range } from '../../core/shape.ts'
import { asArray } from '../../runtime/installArrays.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import {
  contractedAxes,
  matmul as matrixProduct,
  outer as outerProduct,
  tensordot as tensorProduct,
} from '../contraction.ts'
import { diagonal as diagonalOf, trace as traceOf } from '../diagonals.ts'
import { moveaxis } from '../movement.ts'
import { cross as crossProduct, vecdot as vectorProduct } from '../products.ts'
import * as must from '../../conversions/arguments.ts'
import { checkMatrices, checkSquares, identityLike, turned } from './matrices.ts'
import { inv } from './solving.ts'

const matrixPowerDoor = must.door('np.linalg.matrixPower', { a: must.arrayLike, n: must.integer })

/**
 * The n-th power of square matrices, by squaring; negative powers of the inverse. In the dtype of the matrices; negative powers of
 * integers are floats.
 *
 * @throws ArgumentError unless n is an integer; ShapeError unless the matrices are square.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.matrixPower(np.array([[1, 1], [0, 1]]), 5) // => [[1. 5.]\n [0. 1.]]
 * // Fibonacci numbers, exact in integers.
 * np.linalg.matrixPower(np.array([[1, 1], [1, 0]], { dtype: 'int32' }), 40).get(0, 1) // => 102334155
 * ```
 */
export const matrixPower = (a: ArrayLike, n: number): NDArray => {
  matrixPowerDoor(a, n)
  const x = checkSquares('np.linalg.matrixPower', asArray(a))
  if (!Number.isInteger(n)) throw new ArgumentError(`np.linalg.matrixPower: the exponent must be an integer, got ${n}.`)
  let result: NDArray | null = null
  let power = n < 0 ? inv(x) : x
  for (let rest = Math.abs(n); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = result === null ? power : matrixProduct(result, power)
    if (rest > 1) power = matrixProduct(power, power)
  }
  return result ?? identityLike(x)
}

const multiDotDoor = must.door('np.linalg.multiDot', { arrays: must.listOf(must.arrayLike) })

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
  multiDotDoor(arrays)
  return calledAs('np.linalg.multiDot', () => {
    const xs = arrays.map((x) => asArray(x))
    if (xs.length < 2) throw new ArgumentError(`np.linalg.multiDot takes two arrays or more, got ${xs.length}.`)
    const odd = xs.find((x, i) => x.ndim !== 2 && (x.ndim !== 1 || (i > 0 && i < xs.length - 1)))
    if (odd !== undefined) {
      throw new ShapeError(`np.linalg.multiDot: matrices, of which the first and last may be vectors, got ${odd.aval}.`)
    }
    const sizes = [
      xs[0]!.ndim === 1 ? 1 : xs[0]!.shape[0]!,
      ...xs.map((x, i) => (i === 0 ? x.shape.at(-1)! : (x.shape[1] ?? 1))),
    ]
    return chain(xs, bestSplits(sizes), 0, xs.length - 1)
  })
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

const crossDoor = must.door('np.linalg.cross', {
  x: must.arrayLike,
  y: must.arrayLike,
  options: must.optionsOf<{ readonly axis?: number }>({ axis: must.axis }),
})

/**
 * Cross products of vectors of 3 elements.
 *
 * @throws ShapeError for vectors of another length: `np.cross` also takes those of 2.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.cross(np.array([1, 0, 0]), np.array([0, 1, 0])) // => [0. 0. 1.]
 * ```
 */
export const cross = (x: ArrayLike, y: ArrayLike, options: { readonly axis?: number } = {}): NDArray => {
  crossDoor(x, y, options)
  return calledAs('np.linalg.cross', () => {
    const { axis = -1 } = options
    const odd = [x, y].map((v) => asArray(v)).find((v) => v.ndim === 0 || moveaxis(v, axis, -1).shape.at(-1) !== 3)
    if (odd !== undefined) throw new ShapeError(`np.linalg.cross: takes vectors of 3 elements, got ${odd.aval}.`)
    return crossProduct(x, y, { axis })
  })
}

const vecdotDoor = must.door('np.linalg.vecdot', {
  x: must.arrayLike,
  y: must.arrayLike,
  options: must.optionsOf<{ readonly axis?: number }>({ axis: must.axis }),
})

/**
 * `np.vecdot`: sums of products along an axis, the last by default.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.vecdot(np.array([[1, 2], [3, 4]]), np.array([1, 10])) // => [21. 43.]
 * ```
 */
export const vecdot = (x: ArrayLike, y: ArrayLike, options: { readonly axis?: number } = {}): NDArray => {
  vecdotDoor(x, y, options)
  return vectorProduct(x, y, options)
}

const tensordotDoor = must.door('np.linalg.tensordot', {
  x: must.arrayLike,
  y: must.arrayLike,
  axes: must.optional(contractedAxes),
})

/**
 * `np.tensordot`: sums of products over pairs of axes.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.tensordot(np.ones([2, 3]), np.ones([2, 3])) // => 6.
 * ```
 */
export const tensordot = (x: ArrayLike, y: ArrayLike, axes: Parameters<typeof tensorProduct>[2] = 2): NDArray => {
  tensordotDoor(x, y, axes)
  return tensorProduct(x, y, axes)
}

const traceDoor = must.door('np.linalg.trace', {
  x: must.arrayLike,
  options: must.optionsOf<{ readonly offset?: number }>({ offset: must.integer }),
})

/**
 * The sum along the diagonal of matrices in the last two axes.
 *
 * @param options - `offset`: the diagonal, positive above the main one; 0 by default.
 * @throws ShapeError for a rank below 2.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.trace(np.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])) // => [ 5. 13.]
 * np.linalg.trace(np.array([[1, 2], [3, 4]]), { offset: 1 }) // => 2.
 * ```
 */
export const trace = (x: ArrayLike, options: { readonly offset?: number } = {}): NDArray => {
  traceDoor(x, options)
  return calledAs('np.linalg.trace', () => {
    const { offset = 0 } = options
    return traceOf(asArray(x), offset, { axis1: -2, axis2: -1 })
  })
}

const diagonalDoor = must.door('np.linalg.diagonal', {
  x: must.arrayLike,
  options: must.optionsOf<{ readonly offset?: number }>({ offset: must.integer }),
})

/**
 * The diagonal of matrices in the last two axes, which becomes the last axis.
 *
 * @param options - `offset`: the diagonal, positive above the main one; 0 by default.
 * @throws ShapeError for a rank below 2.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.diagonal(np.zeros([10, 3, 4])).shape // => 10,3
 * np.linalg.diagonal(np.array([[1, 2], [3, 4]]), { offset: -1 }) // => [3.]
 * ```
 */
export const diagonal = (x: ArrayLike, options: { readonly offset?: number } = {}): NDArray => {
  diagonalDoor(x, options)
  return calledAs('np.linalg.diagonal', () => {
    const { offset = 0 } = options
    return diagonalOf(asArray(x), offset, { axis1: -2, axis2: -1 })
  })
}

const outerDoor = must.door('np.linalg.outer', { x: must.arrayLike, y: must.arrayLike })

/**
 * Products of all pairs of elements of two vectors, a matrix of rank 1.
 *
 * @throws ShapeError unless both are vectors; `np.outer` flattens other arrays.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const product = np.linalg.outer(np.array([1, 2]), np.array([3, 4, 5]))
 * product // => [[ 3.  4.  5.]\n [ 6.  8. 10.]]
 * np.linalg.matrixRank(product) // => 1
 * ```
 */
export const outer = (x: ArrayLike, y: ArrayLike): NDArray => {
  outerDoor(x, y)
  const [a, b] = [asArray(x), asArray(y)]
  if (a.ndim !== 1 || b.ndim !== 1) {
    throw new ShapeError(
      `np.linalg.outer: takes two vectors, got ${a.aval} and ${b.aval}. Use np.outer for other ranks.`,
    )
  }
  return outerProduct(a, b)
}

const matmulDoor = must.door('np.linalg.matmul', { x: must.arrayLike, y: must.arrayLike })

/**
 * `np.matmul`: the matrix product; leading axes broadcast.
 *
 * @throws ShapeError if the inner extents differ.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.matmul(np.array([[1, 2], [3, 4]]), np.array([[0, 1], [1, 0]])) // => [[2. 1.]\n [4. 3.]]
 * np.linalg.matmul(np.ones([10, 2, 3]), np.ones([3, 4])).shape // => 10,2,4
 * ```
 */
export const matmul = (x: ArrayLike, y: ArrayLike): NDArray => {
  matmulDoor(x, y)
  return matrixProduct(x, y)
}

const matrixTransposeDoor = must.door('np.linalg.matrixTranspose', { x: must.arrayLike })

/**
 * Swaps the last two axes: from shape `[..., m, n]` to `[..., n, m]`.
 *
 * @throws ShapeError for a rank below 2.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.matrixTranspose(np.zeros([10, 2, 3])).shape // => 10,3,2
 * np.transpose(np.zeros([10, 2, 3])).shape // => 3,2,10
 * ```
 */
export const matrixTranspose = (x: ArrayLike): NDArray => {
  matrixTransposeDoor(x)
  return turned(checkMatrices('np.linalg.matrixTranspose', asArray(x)))
}
