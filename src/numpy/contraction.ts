/** `np`: sums of products. */
import type { Factor } from '../api/quantized.ts'
import { ShapeError } from '../core/errors.ts'
import { normalizeAxis, range } from '../core/shape.ts'
import { dotGeneral } from '../ops/contraction.ts'
import { broadcast } from '../ops/movement.ts'
import { asArray, functions } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { promoteAll } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

/**
 * Matrix product; leading axes broadcast; a vector is a row on the left and a column on the right. One of the operands may be a
 * `QuantizedArray` or a `LinearOperator`.
 *
 * @throws ShapeError if the inner extents differ, or one is a scalar.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.matmul(np.array([[1, 2], [3, 4]]), np.array([1, 1])) // => [3. 7.]
 * np.matmul(np.ones([10, 2, 3]), np.ones([3, 4])).shape // => 10,2,4
 * np.matmul(np.ones([2, 3]), np.ones([2, 3])) // throws ShapeError
 * ```
 */
export const matmul: (x: Factor, y: Factor) => NDArray = functions.matmul
/**
 * Sum over the last axis of `x` and the last but one of `y`; a product where one is a scalar. One of the operands may be a
 * `QuantizedArray` or a `LinearOperator`: a matrix on the right of arrays, or on the left of vectors and matrices.
 *
 * For vectors and matrices it is `np.matmul`. For higher ranks it combines all leading axes, where `matmul` broadcasts them.
 *
 * @throws ShapeError if the summed extents differ.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.dot(np.array([1, 2, 3]), np.array([4, 5, 6])) // => 32.
 * np.dot(np.array([[1, 2], [3, 4]]), np.array([1, 1])) // => [3. 7.]
 * np.dot(np.ones([2, 3]), np.ones([4, 3, 5])).shape // => 2,4,5
 * ```
 */
export const dot: (x: Factor, y: Factor) => NDArray = functions.dot

const two = (x: ArrayLike, y: ArrayLike): readonly [NDArray, NDArray] =>
  promoteAll([asArray(x), asArray(y)]) as readonly [NDArray, NDArray]

const outerDoor = must.door('np.outer', { x: must.arrayLike, y: must.arrayLike })

/**
 * All products of an element of `x` with one of `y`, both flattened: shape `[x.size, y.size]`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.outer(np.array([1, 10]), np.array([1, 2, 3])) // => [[ 1.  2.  3.]\n [10. 20. 30.]]
 * np.outer(np.ones([2, 2]), np.ones(3)).shape // => 4,3
 * ```
 */
export const outer = (x: ArrayLike, y: ArrayLike): NDArray => {
  outerDoor(x, y)
  const [a, b] = two(functions.ravel(x), functions.ravel(y))
  const shape = [a.aval.size, b.aval.size]
  return functions.multiply(broadcast(a, shape, [0]), broadcast(b, shape, [1]))
}

/** Sums of products over pairs of axes of equal extent, one of `x` and one of `y`. */
const sumOverPairs = (
  name: string,
  x: NDArray,
  y: NDArray,
  left: readonly number[],
  right: readonly number[],
): NDArray => {
  if (left.length !== right.length || left.some((d, i) => x.shape[d] !== y.shape[right[i]!])) {
    throw new ShapeError(
      `${name}: axes [${left.join(', ')}] of ${x.aval} and [${right.join(', ')}] of ${y.aval} do not fit: ` +
        'both must be as many, of the same extents.',
    )
  }
  return dotGeneral(x, y, { contract: [left, right], batch: [[], []] })
}

const innerDoor = must.door('np.inner', { x: must.arrayLike, y: must.arrayLike })

/**
 * Sum of products over the last axes: shape `[...x's others, ...y's others]`; a product where one is a scalar.
 *
 * @throws ShapeError if the last extents differ.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.inner(np.array([1, 2, 3]), np.array([4, 5, 6])) // => 32.
 * np.inner(np.ones([2, 3]), np.ones([4, 3])).shape // => 2,4
 * ```
 */
export const inner = (x: ArrayLike, y: ArrayLike): NDArray => {
  innerDoor(x, y)
  const [a, b] = two(x, y)
  if (a.aval.rank === 0 || b.aval.rank === 0) return functions.multiply(a, b)
  return sumOverPairs('np.inner', a, b, [a.aval.rank - 1], [b.aval.rank - 1])
}

/** The number of contracted axes, or the axes. */
export const contractedAxes = must.kind(
  'a number of axes, or two axes or lists of axes',
  (x) => must.natural.accepts(x) || must.pairOf(must.axes).accepts(x),
  { error: ShapeError },
)

const tensordotDoor = must.door('np.tensordot', {
  x: must.arrayLike,
  y: must.arrayLike,
  axes: must.optional(contractedAxes),
})

/**
 * Sum of products over pairs of axes. The remaining axes of `x` come first in the result, then those of `y`.
 *
 * @param axes - the number of last axes of `x` to contract with first axes of `y` (2 by default), or the two lists of axes.
 * @throws ShapeError if the extents of a pair differ.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.tensordot(np.ones([5, 3, 4]), np.ones([3, 4, 2])).shape // => 5,2
 * np.tensordot(np.ones([5, 3, 4]), np.ones([4, 3]), [[1, 2], [1, 0]]).shape // => 5
 * np.tensordot(np.array([1, 2]), np.array([3, 4]), 0) // => [[3. 4.]\n [6. 8.]]
 * ```
 */
export const tensordot = (
  x: ArrayLike,
  y: ArrayLike,
  axes: number | readonly [number | readonly number[], number | readonly number[]] = 2,
): NDArray => {
  tensordotDoor(x, y, axes)
  const [a, b] = two(x, y)
  if (typeof axes === 'number' && !(Number.isInteger(axes) && axes >= 0 && axes <= Math.min(a.ndim, b.ndim))) {
    throw new ShapeError(`np.tensordot: ${axes} axes of ${a.aval} and ${b.aval}; both must have as many.`)
  }
  const listOf = (xs: number | readonly number[]): readonly number[] => (typeof xs === 'number' ? [xs] : xs)
  const [left, right] =
    typeof axes === 'number'
      ? [range(axes).map((i) => a.aval.rank - axes + i), range(axes)]
      : [listOf(axes[0]), listOf(axes[1])]
  const axesOf = (ds: readonly number[], array: NDArray): number[] =>
    ds.map((d) => normalizeAxis('np.tensordot', d, array.aval.rank))
  return sumOverPairs('np.tensordot', a, b, axesOf(left, a), axesOf(right, b))
}
