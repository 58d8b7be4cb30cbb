/** `lax`: reductions, cumulative operations, contraction and sorting. Axes are not negative, except that of `sort`. */
import { ArgumentError } from '../core/errors.ts'
import { normalizeAxis } from '../core/shape.ts'
import type { DotGeneralParams } from '../ir/op.ts'
import * as contraction from '../ops/contraction.ts'
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
/** Largest over axes; NaN if any is. Ties share the gradient. */
export const reduceMax = reducer(ops.reduceMax)
/** Smallest over axes; NaN if any is. Ties share the gradient. */
export const reduceMin = reducer(ops.reduceMin)
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

/** Sum of products over contracting axes. Output axes: batch, then free axes of `x`, then free axes of `y`. */
export const dotGeneral = (x: ArrayLike, y: ArrayLike, params: DotGeneralParams): NDArray =>
  contraction.dotGeneral(asArray(x), asArray(y), params)

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
