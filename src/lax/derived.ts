/** `lax`: functions made of others. Axes are not negative. */
import { associativeScan } from '../api/associativeScan.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import type { DType } from '../core/dtype.ts'
import type { Shape } from '../core/shape.ts'
import { dropAxes, normalizeAxis, range, sizeOf } from '../core/shape.ts'
import type { EachAs } from '../core/tuples.ts'
import { dotGeneral } from '../ops/contraction.ts'
import * as creation from '../ops/creation.ts'
import * as e from '../ops/elementwise.ts'
import * as ops from '../ops/movement.ts'
import * as sorting from '../ops/sorting.ts'
import { asArray, asIndices } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { stretched } from './stretched.ts'

const cumlogsumexpDoor = must.door('lax.cumlogsumexp', {
  x: must.arrayLike,
  axis: must.optional(must.axis),
  options: must.optionsOf<{ readonly reverse?: boolean }>({ reverse: must.boolean }),
})

/**
 * Running `log(Σ exp x)` along an axis, without overflow; from the end with `reverse`.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.cumlogsumexp(np.array([1000, 1000, 1000])).at(0).get() // => 1000.
 * ```
 */
export const cumlogsumexp = (x: ArrayLike, axis = 0, options: { readonly reverse?: boolean } = {}): NDArray => {
  cumlogsumexpDoor(x, axis, options)
  const { reverse = false } = options
  return associativeScan((a: NDArray, b: NDArray) => e.logaddexp(a, b), asArray(x), { axis, reverse })
}

const fullLikeDoor = must.door('lax.fullLike', {
  x: must.arrayLike,
  value: must.arrayLike,
  dtype: must.optional(must.dtype),
})

/**
 * An array of the shape of `x` with one value everywhere; of its dtype by default.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.fullLike(np.zeros([2]), 3) // => [3. 3.]
 * ```
 */
export const fullLike = (x: ArrayLike, value: ArrayLike, dtype?: DType): NDArray => {
  fullLikeDoor(x, value, dtype)
  const { aval } = asArray(x)
  const target = dtype ?? aval.dtype
  if (typeof value === 'number') return creation.full(aval.shape, value, target)
  return stretched('lax.fullLike', aval.shape, value, target)
}
const squareDoor = must.door('lax.square', { x: must.arrayLike })

/**
 * `x * x`.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.square(np.array([1, 2])) // => [1. 4.]
 * ```
 */
export const square = (x: ArrayLike): NDArray => {
  squareDoor(x)
  return e.integerPow(asArray(x), 2)
}
const reciprocalDoor = must.door('lax.reciprocal', { x: must.arrayLike })

/**
 * `1 / x`.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.reciprocal(np.array([2, 4])) // => [0.5  0.25]
 * ```
 */
export const reciprocal = (x: ArrayLike): NDArray => {
  reciprocalDoor(x)
  return e.integerPow(asArray(x), -1)
}

const broadcastDoor = must.door('lax.broadcast', { x: must.arrayLike, sizes: must.shape })

/**
 * Adds leading axes.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.broadcast(np.zeros([2]), [3]).shape // => 3,2
 * ```
 */
export const broadcast = (x: ArrayLike, sizes: Shape): NDArray => {
  broadcastDoor(x, sizes)
  const array = asArray(x)
  return ops.broadcast(array, [...sizes, ...array.shape], range(array.ndim).map((d) => d + sizes.length)) // prettier-ignore
}

const expandDimsDoor = must.door('lax.expandDims', { x: must.arrayLike, axes: must.axisList })

/**
 * New axes of extent 1, at these positions of the result.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.expandDims(np.zeros([2]), [0, 2]).shape // => 1,2,1
 * ```
 */
export const expandDims = (x: ArrayLike, axes: readonly number[]): NDArray => {
  expandDimsDoor(x, axes)
  return axes.toSorted((a, b) => a - b).reduce((y, axis) => ops.expandDims(y, axis), asArray(x))
}

const squeezeDoor = must.door('lax.squeeze', { x: must.arrayLike, axes: must.axisList })

/**
 * Axes of extent 1 removed.
 *
 * @throws ShapeError for an axis of another extent.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.squeeze(np.zeros([1, 2, 1]), [0]).shape // => 2,1
 * ```
 */
export const squeeze = (x: ArrayLike, axes: readonly number[]): NDArray => {
  squeezeDoor(x, axes)
  const array = asArray(x)
  const long = axes.find((d) => array.shape[d] !== 1)
  if (long !== undefined) throw new ShapeError(`lax.squeeze: axis ${long} of ${array.aval} has not extent 1.`)
  return ops.reshape(array, dropAxes(array.shape, axes))
}

const collapseDoor = must.door('lax.collapse', {
  x: must.arrayLike,
  start: must.integer,
  stop: must.optional(must.integer),
})

/**
 * Merges the axes from `start` up to `stop` into one.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.collapse(np.zeros([2, 3, 4]), 0, 2).shape // => 6,4
 * ```
 */
export const collapse = (x: ArrayLike, start: number, stop?: number): NDArray => {
  collapseDoor(x, start, stop)
  const array = asArray(x)
  const end = stop ?? array.ndim
  const { shape } = array
  return ops.reshape(array, [...shape.slice(0, start), sizeOf(shape.slice(start, end)), ...shape.slice(end)])
}

const splitDoor = must.door('lax.split', { x: must.arrayLike, sizes: must.shape, axis: must.optional(must.axis) })

/**
 * Parts of these sizes along an axis.
 *
 * @throws ShapeError unless the sizes add up to the extent.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.split(np.arange(5), [2, 3]).map(String) // => [0 1],[2 3 4]
 * ```
 */
export const split = <const S extends readonly number[]>(x: ArrayLike, sizes: S, axis = 0): EachAs<NDArray, S> => {
  splitDoor(x, sizes, axis)
  const array = asArray(x)
  const total = sizes.reduce((a, b) => a + b, 0)
  if (total !== array.shape[axis]) {
    throw new ShapeError(
      `lax.split: sizes ${sizes.join(' + ')} are ${total}, not the extent of axis ${axis} of ${array.aval}.`,
    )
  }
  let start = 0
  return sizes.map((size) => ops.sliceInDim(array, start, (start += size), axis)) as EachAs<NDArray, S>
}

const indexInDimDoor = must.door('lax.indexInDim', {
  x: must.arrayLike,
  index: must.integer,
  axis: must.optional(must.axis),
  keepdims: must.optional(must.boolean),
})

/**
 * One element along an axis, which stays with extent 1 unless `keepdims` is false; a negative index counts from the end.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.indexInDim(np.array([1, 2, 3]), -1) // => [3.]
 * ```
 */
export const indexInDim = (x: ArrayLike, index: number, axis = 0, keepdims = true): NDArray => {
  indexInDimDoor(x, index, axis, keepdims)
  const array = asArray(x)
  const place = index < 0 ? index + array.shape[axis]! : index
  const one = ops.sliceInDim(array, place, place + 1, axis)
  return keepdims ? one : squeeze(one, [axis])
}

/** The starts of a slice that takes all of every axis but one. Negative ones count from the end, as in JAX. */
const startsAlong = (x: NDArray, start: ArrayLike, axis: number): NDArray[] => {
  const given = asIndices('lax.dynamicSliceInDim', start).astype('int32')
  const fromEnd = e.add(given, creation.scalar(x.shape[axis]!, 'int32'))
  const place = e.select(e.lt(given, creation.zerosLike(given)), fromEnd, given)
  return range(x.ndim).map((d) => (d === axis ? place : creation.scalar(0, 'int32')))
}

const dynamicSliceInDimDoor = must.door('lax.dynamicSliceInDim', {
  x: must.arrayLike,
  start: must.arrayLike,
  size: must.natural,
  axis: must.optional(must.axis),
})

/**
 * `dynamicSlice` along one axis.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.dynamicSliceInDim(np.array([1, 2, 3, 4]), 1, 2) // => [2. 3.]
 * ```
 */
export const dynamicSliceInDim = (x: ArrayLike, start: ArrayLike, size: number, axis = 0): NDArray => {
  dynamicSliceInDimDoor(x, start, size, axis)
  const array = asArray(x)
  const along = normalizeAxis('lax.dynamicSliceInDim', axis, array.ndim)
  return ops.dynamicSlice(array, startsAlong(array, start, along), array.shape.with(along, size))
}

const dynamicIndexInDimDoor = must.door('lax.dynamicIndexInDim', {
  x: must.arrayLike,
  index: must.arrayLike,
  axis: must.optional(must.axis),
  keepdims: must.optional(must.boolean),
})

/**
 * The element at a computed index along an axis, which stays with extent 1 unless `keepdims` is false.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.dynamicIndexInDim(np.arange(5), np.array(new Int32Array([3])).reshape([]), 0, false) // => 3
 * ```
 */
export const dynamicIndexInDim = (x: ArrayLike, index: ArrayLike, axis = 0, keepdims = true): NDArray => {
  dynamicIndexInDimDoor(x, index, axis, keepdims)
  const one = dynamicSliceInDim(x, index, 1, axis)
  return keepdims ? one : squeeze(one, [axis])
}

const dynamicUpdateSliceInDimDoor = must.door('lax.dynamicUpdateSliceInDim', {
  x: must.arrayLike,
  update: must.arrayLike,
  start: must.arrayLike,
  axis: must.optional(must.axis),
})

/**
 * `dynamicUpdateSlice` along one axis.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.dynamicUpdateSliceInDim(np.array([1, 2, 3]), np.array([8, 9]), 1) // => [1. 8. 9.]
 * ```
 */
export const dynamicUpdateSliceInDim = (x: ArrayLike, update: ArrayLike, start: ArrayLike, axis = 0): NDArray => {
  dynamicUpdateSliceInDimDoor(x, update, start, axis)
  const array = asArray(x)
  return ops.dynamicUpdateSlice(array, asArray(update), startsAlong(array, start, axis))
}

const dynamicUpdateIndexInDimDoor = must.door('lax.dynamicUpdateIndexInDim', {
  x: must.arrayLike,
  update: must.arrayLike,
  index: must.arrayLike,
  axis: must.optional(must.axis),
})

/**
 * `x` with the element at a computed index along an axis replaced; the update may lack the axis.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.dynamicUpdateIndexInDim(np.array([1, 2, 3]), np.array(9), 1) // => [1. 9. 3.]
 * ```
 */
export const dynamicUpdateIndexInDim = (x: ArrayLike, update: ArrayLike, index: ArrayLike, axis = 0): NDArray => {
  dynamicUpdateIndexInDimDoor(x, update, index, axis)
  const [array, given] = [asArray(x), asArray(update)]
  const one = given.ndim === array.ndim ? given : ops.expandDims(given, axis)
  return dynamicUpdateSliceInDim(array, one, index, axis)
}

const topKDoor = must.door('lax.topK', { x: must.arrayLike, k: must.integer })

/**
 * The k largest elements along the last axis, descending, and their indices (int32). Among equal elements, those with lower
 * indices come first. * * @throws ArgumentError if there are fewer than k.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.topK(np.array([3, 1, 2]), 2).map(String) // => [3. 2.],[0 2]
 * ```
 */
export const topK = (x: ArrayLike, k: number): readonly [values: NDArray, indices: NDArray] => {
  topKDoor(x, k)
  const array = asArray(x)
  const axis = array.ndim - 1
  const n = array.shape[axis] ?? 0
  if (array.ndim === 0 || !Number.isInteger(k) || k < 0 || k > n) {
    throw new ArgumentError(`lax.topK: k must be from 0 to the last extent of ${array.aval}, got ${k}.`)
  }
  // Sorted in reverse, so that among equal elements the first comes last.
  const places = ops.rev(creation.iota('int32', array.shape, axis), [axis])
  const sorted = sorting.sort([ops.rev(array, [axis]), places], axis)
  const [values, indices] = sorted.map((y) => ops.rev(ops.sliceInDim(y, n - k, n, axis), [axis]))
  return [values!, indices!]
}

const sortKeyValDoor = must.door('lax.sortKeyVal', {
  keys: must.arrayLike,
  values: must.arrayLike,
  axis: must.optional(must.axis),
})

/**
 * Values in the order of their keys, along an axis, the last by default.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.sortKeyVal(np.array([3, 1]), np.array([10, 20])).map(String) // => [1. 3.],[20. 10.]
 * ```
 */
export const sortKeyVal = (keys: ArrayLike, values: ArrayLike, axis?: number): readonly [NDArray, NDArray] => {
  sortKeyValDoor(keys, values, axis)
  const array = asArray(keys)
  return sorting.sort([array, asArray(values)], axis ?? array.ndim - 1) as readonly [NDArray, NDArray]
}

const selectNDoor = must.door('lax.selectN', { which: must.arrayLike, cases: must.listOf(must.arrayLike) })

/**
 * Chooses, element by element, the case with the index in `which`; a bool chooses the first for false.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.selectN(np.array([true, false]), np.array([1, 2]), np.array([3, 4])) // => [3. 2.]
 * ```
 */
export const selectN = (which: ArrayLike, ...cases: readonly ArrayLike[]): NDArray => {
  selectNDoor(which, cases)
  const arrays = cases.map((c) => asArray(c))
  const [last] = arrays.slice(-1)
  if (last === undefined) throw new ArgumentError('lax.selectN: needs at least one case.')
  const given = e.cast(asArray(which), 'int32')
  const number = ops.broadcastTo(given, last.shape)
  return arrays
    .slice(0, -1)
    .reduceRight((rest, x, i) => e.select(e.le(number, creation.fullLike(number, i)), x, rest), last)
}

const dotDoor = must.door('lax.dot', { x: must.arrayLike, y: must.arrayLike })

/**
 * Sum over the last axis of `x` and the first of `y`: products of vectors and matrices.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.dot(np.array([[1, 2], [3, 4]]), np.array([1, 1])) // => [3. 7.]
 * ```
 */
export const dot = (x: ArrayLike, y: ArrayLike): NDArray => {
  dotDoor(x, y)
  const [a, b] = [asArray(x), asArray(y)]
  return dotGeneral(a, b, { contract: [[a.ndim - 1], [0]], batch: [[], []] })
}
