/** `lax`: reductions, cumulative operations, contraction and sorting. Axes are not negative, except that of `sort`. */
import type { ComputeDType } from '../core/dtype.ts'
import { isCompute } from '../core/dtype.ts'
import { ArgumentError } from '../core/errors.ts'
import { normalizeAxis } from '../core/shape.ts'
import type { DotGeneralParams } from '../ir/op.ts'
import * as contraction from '../ops/contraction.ts'
import * as creation from '../ops/creation.ts'
import * as ops from '../ops/reduction.ts'
import * as sorting from '../ops/sorting.ts'
import { asArray } from '../runtime/array.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'

type Axes = readonly number[]

const reducer =
  (op: (x: NDArray, axes: Axes) => NDArray) =>
  (x: ArrayLike, axes: Axes): NDArray =>
    op(asArray(x), axes)

/** Sum over axes. */
export const reduceSum = reducer(ops.reduceSum)
/** Product over axes. */
export const reduceProd = reducer(ops.reduceProd)
// Of nothing, what changes no other element: so of each dtype that can be compared.
const extremum =
  (op: (x: NDArray, axes: Axes) => NDArray, ofNothing: { readonly [D in ComputeDType]: number }) =>
  (x: ArrayLike, axes: Axes): NDArray => {
    const array = asArray(x)
    const { dtype, shape } = array.aval
    const extents = axes.map((axis) => shape[axis])
    if (!isCompute(dtype) || extents.includes(undefined) || !extents.includes(0)) return op(array, axes)
    // The sum has the shape.
    const { shape: left } = ops.reduceSum(creation.full(shape, 0, 'float32'), axes)
    return creation.full(left, ofNothing[dtype], dtype)
  }

/** Largest over axes; NaN if any is. Of nothing: -Infinity, the least integer, false. Ties share the gradient. */
export const reduceMax = extremum(ops.reduceMax, {
  float32: -Infinity,
  float64: -Infinity,
  int32: -(2 ** 31),
  uint32: 0,
  bool: 0,
})
/** Smallest over axes; NaN if any is. Of nothing: Infinity, the greatest integer, true. Ties share the gradient. */
export const reduceMin = extremum(ops.reduceMin, {
  float32: Infinity,
  float64: Infinity,
  int32: 2 ** 31 - 1,
  uint32: 2 ** 32 - 1,
  bool: 1,
})
/** Whether all are true over axes (bool). */
export const reduceAnd = reducer(ops.reduceAnd)
/** Whether any is true over axes (bool). */
export const reduceOr = reducer(ops.reduceOr)

/** Index (int32) of the first largest element along an axis; of the first NaN if there is one. */
export const argmax = (x: ArrayLike, axis: number): NDArray => ops.argmax(asArray(x), axis)
/** Index (int32) of the first smallest element along an axis; of the first NaN if there is one. */
export const argmin = (x: ArrayLike, axis: number): NDArray => ops.argmin(asArray(x), axis)

const cumulative =
  (op: (x: NDArray, axis: number, reverse: boolean) => NDArray) =>
  (x: ArrayLike, axis = 0, { reverse = false }: { readonly reverse?: boolean } = {}): NDArray =>
    op(asArray(x), axis, reverse)

/** Running sums along an axis; from the end with `reverse`. */
export const cumsum = cumulative(ops.cumsum)
/** Running products along an axis; from the end with `reverse`. */
export const cumprod = cumulative(ops.cumprod)
/** Running maxima along an axis; from the end with `reverse`. */
export const cummax = cumulative(ops.cummax)
/** Running minima along an axis; from the end with `reverse`. */
export const cummin = cumulative(ops.cummin)

/** Parameters of `dotGeneral`. */
export interface DotGeneralOptions {
  /** The axes of `x`, and those of `y`, that are summed over. */
  readonly contract: DotGeneralParams['contract']
  /** The axes of `x`, and those of `y`, that go together; none by default. */
  readonly batch?: DotGeneralParams['batch']
}

const isPairOfLists = (axes: unknown): boolean =>
  Array.isArray(axes) && axes.length === 2 && axes.every((list) => Array.isArray(list))

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
  const { contract, batch = [[], []] } = options
  if (!isPairOfLists(contract) || !isPairOfLists(batch)) {
    throw new ArgumentError(
      'lax.dotGeneral: axes are pairs of lists, those of x and those of y, as in { contract: [[1], [0]], batch: [[], []] }; ' +
        `got ${JSON.stringify(options)}.`,
    )
  }
  return contraction.dotGeneral(asArray(x), asArray(y), { contract, batch })
}

/**
 * Sorts arrays of one shape together along an axis (last by default), by the first `numKeys` of them. NaN comes last.
 *
 * @throws ArgumentError for a bare array; ShapeError if there is no such axis.
 */
export const sort = (
  operands: readonly ArrayLike[],
  axis = -1,
  options: { readonly numKeys?: number; readonly stable?: boolean } = {},
): readonly NDArray[] => {
  if (!Array.isArray(operands)) throw new ArgumentError('lax.sort: needs a list of arrays, as in lax.sort([x]).')
  const arrays = operands.map(asArray)
  return sorting.sort(arrays, normalizeAxis('lax.sort', axis, arrays[0]?.aval.rank ?? 1), options)
}
