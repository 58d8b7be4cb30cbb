/** `lax`: reductions, cumulative operations, contraction and sorting. Axes are not negative, except that of `sort`. */
import type { FoldName } from '../primitives/folds.ts'
import { identityOf } from '../primitives/folds.ts'
import { normalizeAxis } from '../core/shape.ts'
import type { DotGeneralParams } from '../ir/op.ts'
import * as contraction from '../ops/contraction.ts'
import * as creation from '../ops/creation.ts'
import * as ops from '../ops/reduction.ts'
import * as sorting from '../ops/sorting.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

type Axes = readonly number[]

const reducerParameters = { x: must.arrayLike, axes: must.axisList }

const reducer =
  (name: string, op: (x: NDArray, axes: Axes) => NDArray, enter = must.door(name, reducerParameters)) =>
  (x: ArrayLike, axes: Axes): NDArray => {
    enter(x, axes)
    return op(asArray(x), axes)
  }

/**
 * Sum over axes, which are removed. An empty sum is 0.
 *
 * @throws ShapeError for an axis that does not exist; DTypeError for bools.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.reduceSum(np.array([[1, 2], [3, 4]]), [0]) // => [4. 6.]
 * lax.reduceSum(np.array([[1, 2], [3, 4]]), [0, 1]) // => 10.
 * ```
 */
export const reduceSum = reducer('lax.reduceSum', ops.reduceSum)

/**
 * Product over axes, which are removed. An empty product is 1. The derivative is correct where elements are 0.
 *
 * @throws ShapeError for an axis that does not exist; DTypeError for bools.
 * @example
 * ```ts
 * import { grad, lax, np } from 'pullback'
 * lax.reduceProd(np.array([[1, 2], [3, 4]]), [1]) // => [ 2. 12.]
 * grad((x) => lax.reduceProd(x, [0]))(np.array([0, 3, 4])) // => [12.  0.  0.]
 * ```
 */
export const reduceProd = reducer('lax.reduceProd', ops.reduceProd)

// Of an empty axis, the identity of the operation.
const extremum =
  (name: string, op: (x: NDArray, axes: Axes) => NDArray, fold: FoldName, enter = must.door(name, reducerParameters)) =>
  (x: ArrayLike, axes: Axes): NDArray => {
    enter(x, axes)
    const array = asArray(x)
    const { dtype, shape } = array.aval
    const extents = axes.map((axis) => shape[axis])
    if (extents.includes(undefined) || !extents.includes(0)) return op(array, axes)
    // The shape of the result is that of the sum.
    const { shape: left } = ops.reduceSum(creation.full(shape, 0, 'float32'), axes)
    return creation.full(left, identityOf(fold, dtype), dtype)
  }

/**
 * Largest over axes; NaN if any is. Of an empty axis: -Infinity, the lowest integer, false. Ties share the gradient.
 *
 * @throws ShapeError for an axis that does not exist.
 * @example
 * ```ts
 * import { grad, lax, np } from 'pullback'
 * lax.reduceMax(np.array([[1, 9], [NaN, 4]]), [1]) // => [ 9. nan]
 * lax.reduceMax(np.zeros([0]), [0]) // => -inf
 * grad((x) => lax.reduceMax(x, [0]))(np.array([5, 5, 1])) // => [0.5 0.5 0. ]
 * ```
 */
export const reduceMax = extremum('lax.reduceMax', ops.reduceMax, 'max')

/**
 * Smallest over axes; NaN if any is. Of an empty axis: Infinity, the highest integer, true. Ties share the gradient.
 *
 * @throws ShapeError for an axis that does not exist.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.reduceMin(np.array([[1, 9], [7, 4]]), [0]) // => [1. 4.]
 * lax.reduceMin(np.zeros([0, 2], { dtype: 'int32' }), [0]) // => [2147483647 2147483647]
 * ```
 */
export const reduceMin = extremum('lax.reduceMin', ops.reduceMin, 'min')

/**
 * Whether all are true over axes; for integers the bitwise and.
 *
 * @throws ShapeError for an axis that does not exist; DTypeError for floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const x = np.array([[true, false], [true, true]])
 * lax.reduceAnd(x, [1]) // => [False  True]
 * lax.reduceAnd(np.array([6, 3], { dtype: 'int32' }), [0]) // => 2
 * ```
 */
export const reduceAnd = reducer('lax.reduceAnd', ops.reduceAnd)

/**
 * Whether any is true over axes; for integers the bitwise or.
 *
 * @throws ShapeError for an axis that does not exist; DTypeError for floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.reduceOr(lax.gt(np.array([1, 2, 3]), 2), [0]) // => True
 * ```
 */
export const reduceOr = reducer('lax.reduceOr', ops.reduceOr)

const argmaxDoor = must.door('lax.argmax', { x: must.arrayLike, axis: must.axis })

/**
 * Index (int32) of the first largest element along an axis; of the first NaN if there is one.
 *
 * @throws ShapeError for an axis that does not exist.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.argmax(np.array([1, 7, 7]), 0) // => 1
 * lax.argmax(np.array([[1, 9], [8, NaN]]), 1) // => [1 1]
 * ```
 */
export const argmax = (x: ArrayLike, axis: number): NDArray => {
  argmaxDoor(x, axis)
  return ops.argmax(asArray(x), axis)
}
const argminDoor = must.door('lax.argmin', { x: must.arrayLike, axis: must.axis })

/**
 * Index (int32) of the first smallest element along an axis; of the first NaN if there is one.
 *
 * @throws ShapeError for an axis that does not exist.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.argmin(np.array([[3, 1], [0, 2]]), 0) // => [1 0]
 * ```
 */
export const argmin = (x: ArrayLike, axis: number): NDArray => {
  argminDoor(x, axis)
  return ops.argmin(asArray(x), axis)
}

interface CumulativeOptions {
  readonly reverse?: boolean
}

const cumulativeOptions: must.OptionTable<CumulativeOptions> = { reverse: must.boolean }
const cumulativeParameters = {
  x: must.arrayLike,
  axis: must.optional(must.axis),
  options: must.optionsOf(cumulativeOptions),
}

const cumulative =
  (
    name: string,
    op: (x: NDArray, axis: number, reverse: boolean) => NDArray,
    enter = must.door(name, cumulativeParameters),
  ) =>
  (x: ArrayLike, axis = 0, options: CumulativeOptions = {}): NDArray => {
    enter(x, axis, options)
    return op(asArray(x), axis, options.reverse ?? false)
  }

/**
 * Running sums along an axis; from the end with `reverse`.
 *
 * @throws ShapeError for an axis that does not exist; DTypeError for bools.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.cumsum(np.array([1, 2, 3])) // => [1. 3. 6.]
 * lax.cumsum(np.array([1, 2, 3]), 0, { reverse: true }) // => [6. 5. 3.]
 * ```
 */
export const cumsum = cumulative('lax.cumsum', ops.cumsum)

/**
 * Running products along an axis; from the end with `reverse`.
 *
 * @throws ShapeError for an axis that does not exist; DTypeError for bools.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.cumprod(np.array([[1, 2, 3], [4, 5, 6]]), 1) // => [[  1.   2.   6.]\n [  4.  20. 120.]]
 * ```
 */
export const cumprod = cumulative('lax.cumprod', ops.cumprod)

/**
 * Running maxima along an axis; from the end with `reverse`.
 *
 * @throws ShapeError for an axis that does not exist; DTypeError for bools.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.cummax(np.array([1, 3, 2, NaN, 9])) // => [ 1.  3.  3. nan nan]
 * ```
 */
export const cummax = cumulative('lax.cummax', ops.cummax)

/**
 * Running minima along an axis; from the end with `reverse`.
 *
 * @throws ShapeError for an axis that does not exist; DTypeError for bools.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.cummin(np.array([5, 3, 4, 1]), 0, { reverse: true }) // => [1. 1. 1. 1.]
 * ```
 */
export const cummin = cumulative('lax.cummin', ops.cummin)

/** Parameters of `dotGeneral`. */
export interface DotGeneralOptions {
  /** The axes of `x`, and those of `y`, that are summed over. */
  readonly contract: DotGeneralParams['contract']
  /** The batch axes of `x`, and those of `y`; none by default. */
  readonly batch?: DotGeneralParams['batch']
}

const pairOfAxes = must.pairOf(must.axisList, 'a list of axes of each operand, as in [[1], [0]]')

const dotGeneralOptions: must.OptionTable<DotGeneralOptions> = {
  contract: must.required(pairOfAxes),
  batch: pairOfAxes,
}

const dotGeneralDoor = must.door('lax.dotGeneral', {
  x: must.arrayLike,
  y: must.arrayLike,
  options: must.optionsOf(dotGeneralOptions),
})

/**
 * Sum of products over contracting axes. Output axes: batch, then free axes of `x`, then free axes of `y`.
 *
 * @throws ArgumentError unless axes are pairs of lists; ShapeError or DTypeError if the operands do not fit.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.dotGeneral(np.ones([2, 3]), np.ones([4, 3]), { contract: [[1], [1]] }).shape // => 2,4
 * ```
 */
export const dotGeneral = (x: ArrayLike, y: ArrayLike, options: DotGeneralOptions): NDArray => {
  dotGeneralDoor(x, y, options)
  const { contract, batch = [[], []] } = options
  return contraction.dotGeneral(asArray(x), asArray(y), { contract, batch })
}

const sortDoor = must.door('lax.sort', {
  operands: must.listOf(must.arrayLike),
  axis: must.optional(must.axis),
  options: must.optionsOf<{ readonly numKeys?: number; readonly stable?: boolean }>({
    numKeys: must.count,
    stable: must.boolean,
  }),
})

/**
 * Sorts arrays of the same shape together along an axis (last by default), by the first `numKeys` of them. NaN comes last.
 *
 * @throws ArgumentError for a bare array; ShapeError if there is no such axis.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.sort([np.array([3, NaN, 1])]).map(String) // => [ 1.  3. nan]
 * // By the first array, and where it has ties by the second.
 * const [years, names] = [np.array([2, 1, 2]), np.array([9, 8, 7])]
 * lax.sort([years, names], 0, { numKeys: 2 }).map(String) // => [1. 2. 2.],[8. 7. 9.]
 * ```
 */
export const sort = (
  operands: readonly ArrayLike[],
  axis = -1,
  options: { readonly numKeys?: number; readonly stable?: boolean } = {},
): readonly NDArray[] => {
  sortDoor(operands, axis, options)
  const arrays = operands.map(asArray)
  return sorting.sort(arrays, normalizeAxis('lax.sort', axis, arrays[0]?.aval.rank ?? 1), options)
}
