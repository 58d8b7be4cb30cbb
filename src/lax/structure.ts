/** `lax`: creation, movement and indexing. Axes are not negative. */
import type { DType } from '../core/dtype.ts'
import { ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { range } from '../core/shape.ts'
import type { GatherParams, ScatterParams } from '../ir/op.ts'
import * as creation from '../ops/creation.ts'
import * as e from '../ops/elementwise.ts'
import * as indexing from '../ops/indexing.ts'
import * as ops from '../ops/movement.ts'
import { asArray, asIndices } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { checkFits } from '../conversions/checks.ts'
import type { ArrayLike } from '../trace/surface.ts'
import { NDArray } from '../trace/value.ts'
import { stretched } from './stretched.ts'

export { stopGradient } from '../api/derivatives.ts'

const fullDoor = must.door('lax.full', { shape: must.shape, value: must.arrayLike, dtype: must.optional(must.dtype) })

/**
 * An array filled with one value, a number or a scalar array; float32 by default.
 *
 * @throws ShapeError for a value of higher rank.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.full([3], 7) // => [7. 7. 7.]
 * lax.full([2], np.array(2.9), 'int32') // => [2 2]
 * ```
 */
export const full = (shape: Shape, value: ArrayLike, dtype: DType = 'float32'): NDArray => {
  fullDoor(shape, value, dtype)
  return typeof value === 'number' ? creation.full(shape, value, dtype) : stretched('lax.full', shape, value, dtype)
}
const iotaDoor = must.door('lax.iota', { dtype: must.dtype, size: must.extent })

/**
 * The integers 0 to `size - 1`.
 *
 * @example
 * ```ts
 * import { lax } from 'pullback'
 * lax.iota('int32', 4) // => [0 1 2 3]
 * lax.iota('float32', 3) // => [0. 1. 2.]
 * ```
 */
export const iota = (dtype: DType, size: number): NDArray => {
  iotaDoor(dtype, size)
  return creation.iota(dtype, [size], 0)
}
const broadcastedIotaDoor = must.door('lax.broadcastedIota', { dtype: must.dtype, shape: must.shape, axis: must.axis })

/**
 * The integers 0, 1, ... along an axis, the same along all others.
 *
 * @example
 * ```ts
 * import { lax } from 'pullback'
 * lax.broadcastedIota('int32', [2, 3], 1) // => [[0 1 2]\n [0 1 2]]
 * lax.broadcastedIota('int32', [2, 3], 0) // => [[0 0 0]\n [1 1 1]]
 * ```
 */
export const broadcastedIota = (dtype: DType, shape: Shape, axis: number): NDArray => {
  broadcastedIotaDoor(dtype, shape, axis)
  return creation.iota(dtype, shape, axis)
}

const broadcastInDimDoor = must.door('lax.broadcastInDim', {
  x: must.arrayLike,
  shape: must.shape,
  dims: must.axisList,
})

/**
 * Operand axis `i` becomes output axis `dims[i]`, and extents 1 are stretched; along axes that are not named, the elements are
 * repeated.
 *
 * @throws ShapeError unless each extent is 1 or that of the output.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const x = np.array([1, 2])
 * lax.broadcastInDim(x, [2, 3], [0]) // => [[1. 1. 1.]\n [2. 2. 2.]]
 * lax.broadcastInDim(x, [3, 2], [1]) // => [[1. 2.]\n [1. 2.]\n [1. 2.]]
 * ```
 */
export const broadcastInDim = (x: ArrayLike, shape: Shape, dims: readonly number[]): NDArray => {
  broadcastInDimDoor(x, shape, dims)
  return ops.broadcast(asArray(x), shape, dims)
}
const reshapeDoor = must.door('lax.reshape', { x: must.arrayLike, shape: must.shape })

/**
 * The same elements, in row-major order, in another shape. No extent is inferred: -1 is for `np.reshape`.
 *
 * @throws ShapeError unless the shape has as many elements.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.reshape(np.arange(6), [2, 3]) // => [[0 1 2]\n [3 4 5]]
 * lax.reshape(np.arange(6), [4]) // throws ShapeError
 * ```
 */
export const reshape = (x: ArrayLike, shape: Shape): NDArray => {
  reshapeDoor(x, shape)
  return ops.reshape(asArray(x), shape)
}
const transposeDoor = must.door('lax.transpose', { x: must.arrayLike, permutation: must.axisList })

/**
 * Output axis `i` is operand axis `permutation[i]`.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.transpose(np.zeros([2, 3, 4]), [2, 0, 1]).shape // => 4,2,3
 * lax.transpose(np.array([[1, 2], [3, 4]]), [1, 0]) // => [[1. 3.]\n [2. 4.]]
 * ```
 */
export const transpose = (x: ArrayLike, permutation: readonly number[]): NDArray => {
  transposeDoor(x, permutation)
  return ops.transpose(asArray(x), permutation)
}
const revDoor = must.door('lax.rev', { x: must.arrayLike, axes: must.axisList })

/**
 * Reverses the order along axes.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.rev(np.array([[1, 2], [3, 4]]), [1]) // => [[2. 1.]\n [4. 3.]]
 * lax.rev(np.array([[1, 2], [3, 4]]), [0, 1]) // => [[4. 3.]\n [2. 1.]]
 * ```
 */
export const rev = (x: ArrayLike, axes: readonly number[]): NDArray => {
  revDoor(x, axes)
  return ops.rev(asArray(x), axes)
}
const sliceDoor = must.door('lax.slice', {
  x: must.arrayLike,
  start: must.listOf(must.integer),
  limit: must.listOf(must.integer),
  strides: must.optional(must.positiveExtents),
})

/**
 * Every `strides`-th element from `start` up to `limit`, along each axis.
 *
 * @throws ShapeError if the slice does not lie inside: unlike `np`, nothing is clamped, and -1 is not the last index.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.slice(np.arange(10), [1], [8], [3]) // => [1 4 7]
 * lax.slice(np.arange(10), [5], [11]) // throws ShapeError
 * ```
 */
export const slice = (
  x: ArrayLike,
  start: readonly number[],
  limit: readonly number[],
  strides?: readonly number[],
): NDArray => {
  sliceDoor(x, start, limit, strides)
  return ops.slice(asArray(x), start, limit, strides)
}
const sliceInDimDoor = must.door('lax.sliceInDim', {
  x: must.arrayLike,
  start: must.integer,
  limit: must.integer,
  axis: must.optional(must.axis),
  stride: must.optional(must.count),
})

/**
 * `slice` along one axis.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const x = np.array([[1, 2, 3], [4, 5, 6]])
 * lax.sliceInDim(x, 1, 3, 1) // => [[2. 3.]\n [5. 6.]]
 * ```
 */
export const sliceInDim = (x: ArrayLike, start: number, limit: number, axis = 0, stride = 1): NDArray => {
  sliceInDimDoor(x, start, limit, axis, stride)
  return ops.sliceInDim(asArray(x), start, limit, axis, stride)
}
const concatenateDoor = must.door('lax.concatenate', {
  xs: must.listOf(must.arrayLike),
  axis: must.optional(must.axis),
})

/**
 * Arrays one after the other along an axis.
 *
 * @throws ShapeError if the shapes differ along another axis; DTypeError if the dtypes differ.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.concatenate([np.array([1, 2]), np.array([3])]) // => [1. 2. 3.]
 * lax.concatenate([np.ones([2, 1]), np.zeros([2, 2])], 1) // => [[1. 0. 0.]\n [1. 0. 0.]]
 * ```
 */
export const concatenate = (xs: readonly ArrayLike[], axis = 0): NDArray => {
  concatenateDoor(xs, axis)
  return ops.concatenate(xs.map(asArray), axis)
}
const padDoor = must.door('lax.pad', {
  x: must.arrayLike,
  value: must.arrayLike,
  config: must.listOf(
    must.listOf(must.integer, '[low, high, interior]', 3),
    'a list with [low, high, interior] for each axis',
  ),
})

/**
 * Adds `value` before, after and between elements, `[low, high, interior]` for each axis; negative ones crop.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.pad(np.array([1, 2, 3]), 0, [[1, 2, 0]]) // => [0. 1. 2. 3. 0. 0.]
 * lax.pad(np.array([1, 2, 3]), 0, [[0, 0, 1]]) // => [1. 0. 2. 0. 3.]
 * lax.pad(np.array([1, 2, 3]), 0, [[-1, 0, 0]]) // => [2. 3.]
 * ```
 */
export const pad = (
  x: ArrayLike,
  value: ArrayLike,
  config: readonly (readonly [number, number, number])[],
): NDArray => {
  padDoor(x, value, config)
  const array = asArray(x)
  if (typeof value === 'number') checkFits('lax.pad', value, array)
  const padding = typeof value === 'number' ? creation.scalar(value, array.aval.dtype) : asArray(value)
  return ops.pad(
    array,
    padding,
    config.map(([low]) => low),
    config.map(([, high]) => high),
    config.map(([, , interior]) => interior),
  )
}

/** The start of a slice along each axis: numbers, scalar arrays, or one vector. */
type Starts = readonly ArrayLike[] | NDArray

const listOfStarts = (name: string, starts: Starts): readonly ArrayLike[] => {
  if (!(starts instanceof NDArray)) return starts
  if (starts.ndim !== 1) throw new ShapeError(`${name}: starts are a list or a vector, got ${starts.aval}.`)
  return range(starts.size).map((i) => ops.reshape(ops.sliceInDim(starts, i, i + 1, 0), []))
}

const mustBeStarts = must.anyOf(must.instance('a vector', NDArray), must.listOf(must.arrayLike))

// Negative starts count from the end.
const startsOf = (name: string, x: NDArray, starts: Starts): NDArray[] =>
  listOfStarts(name, starts).map((start, d) => {
    const s = asIndices(name, start)
    const n = x.shape[d] ?? 0
    if (typeof start === 'number') return start < 0 ? asArray(start + n) : s
    if (s.aval.dtype !== 'int32' || s.aval.rank !== 0) return s
    return e.select(e.lt(s, creation.zerosLike(s)), e.add(s, creation.fullLike(s, n)), s)
  })

const dynamicSliceDoor = must.door('lax.dynamicSlice', {
  x: must.arrayLike,
  starts: mustBeStarts,
  sizes: must.shape,
})

/**
 * A slice whose start is computed. Negative starts count from the end, as in JAX; then starts are clamped so that the
 * slice lies inside.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.dynamicSlice(np.arange(5), [-2], [2]) // => [3 4]
 * lax.dynamicSlice(np.arange(5), [4], [2]) // => [3 4]
 * ```
 */
export const dynamicSlice = (x: ArrayLike, starts: Starts, sizes: Shape): NDArray => {
  dynamicSliceDoor(x, starts, sizes)
  const array = asArray(x)
  return ops.dynamicSlice(array, startsOf('lax.dynamicSlice', array, starts), sizes)
}

const dynamicUpdateSliceDoor = must.door('lax.dynamicUpdateSlice', {
  x: must.arrayLike,
  update: must.arrayLike,
  starts: mustBeStarts,
})

/**
 * `x` with a slice replaced; starts as in `dynamicSlice`.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const x = np.zeros([5])
 * const update = np.array([1, 2])
 * lax.dynamicUpdateSlice(x, update, [1]) // => [0. 1. 2. 0. 0.]
 * lax.dynamicUpdateSlice(x, update, [9]) // => [0. 0. 0. 1. 2.]
 * ```
 */
export const dynamicUpdateSlice = (x: ArrayLike, update: ArrayLike, starts: Starts): NDArray => {
  dynamicUpdateSliceDoor(x, update, starts)
  const array = asArray(x)
  return ops.dynamicUpdateSlice(array, asArray(update), startsOf('lax.dynamicUpdateSlice', array, starts))
}

const indexMode = must.required(must.oneOf(['clip', 'fill', 'promiseInBounds']))
const dims = must.required(must.axisList)

const gatherParams: must.OptionTable<GatherParams> = {
  offsetDims: dims,
  collapsedSliceDims: dims,
  operandBatchingDims: dims,
  startIndicesBatchingDims: dims,
  startIndexMap: dims,
  sliceSizes: must.required(must.shape),
  mode: indexMode,
}

const scatterParams: must.OptionTable<ScatterParams> = {
  updateWindowDims: dims,
  insertedWindowDims: dims,
  operandBatchingDims: dims,
  scatterIndicesBatchingDims: dims,
  scatterDimsToOperandDims: dims,
  mode: indexMode,
  uniqueIndices: must.required(must.boolean),
}

const gatherDoor = must.door('lax.gather', {
  x: must.arrayLike,
  indices: must.arrayLike,
  params: must.optionsOf(gatherParams),
})

/**
 * Slices of `x` at computed indices: XLA's gather (https://openxla.org/xla/operation_semantics#gather). `np.take` and
 * `x.at(...).get()` are easier to use, and made of it.
 *
 * @param indices - integers; their last axis holds the start of a slice, one number for each axis in `startIndexMap`.
 * @throws ShapeError if the parameters do not fit the shapes; DTypeError for indices that are not integers.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * // The rows 2 and 0.
 * const x = np.array([[1, 2], [3, 4], [5, 6]])
 * const rows = lax.gather(x, np.array([[2], [0]], { dtype: 'int32' }), {
 *   offsetDims: [1],
 *   collapsedSliceDims: [0],
 *   operandBatchingDims: [],
 *   startIndicesBatchingDims: [],
 *   startIndexMap: [0],
 *   sliceSizes: [1, 2],
 *   mode: 'clip',
 * })
 * rows // => [[5. 6.]\n [1. 2.]]
 * ```
 */
export const gather = (x: ArrayLike, indices: ArrayLike, params: GatherParams): NDArray => {
  gatherDoor(x, indices, params)
  return indexing.gather(asArray(x), asIndices('lax.gather', indices), params)
}

const scatterParameters = {
  x: must.arrayLike,
  indices: must.arrayLike,
  updates: must.arrayLike,
  params: must.optionsOf(scatterParams),
}

const scatterer =
  (op: indexing.ScatterName, enter = must.door(`lax.${op}`, scatterParameters)) =>
  (x: ArrayLike, indices: ArrayLike, updates: ArrayLike, params: ScatterParams): NDArray => {
    enter(x, indices, updates, params)
    return indexing.scatterWith(op, asArray(x), asIndices(`lax.${op}`, indices), asArray(updates), params)
  }

/**
 * `x` with slices at computed indices replaced (https://openxla.org/xla/operation_semantics#scatter). `x.at(...).set(y)` is
 * easier to use, and made of it.
 *
 * @param indices - integers; their last axis holds the start of a slice, one number for each axis in
 *   `scatterDimsToOperandDims`.
 * @throws ShapeError if the parameters do not fit the shapes; DTypeError for indices that are not integers.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const elements = {
 *   updateWindowDims: [],
 *   insertedWindowDims: [0],
 *   operandBatchingDims: [],
 *   scatterIndicesBatchingDims: [],
 *   scatterDimsToOperandDims: [0],
 *   mode: 'fill',
 *   uniqueIndices: false,
 * } as const
 * const places = np.array([[3], [0], [9]], { dtype: 'int32' })
 * // Out of range, the place 9 drops its update.
 * lax.scatter(np.zeros([4]), places, np.array([1, 2, 5]), elements) // => [2. 0. 0. 1.]
 * ```
 */
export const scatter = scatterer('scatter')

/**
 * `x` with updates added at computed indices; parameters as in `scatter`. Updates of the same element add up, as in a
 * histogram.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const elements = {
 *   updateWindowDims: [],
 *   insertedWindowDims: [0],
 *   operandBatchingDims: [],
 *   scatterIndicesBatchingDims: [],
 *   scatterDimsToOperandDims: [0],
 *   mode: 'fill',
 *   uniqueIndices: false,
 * } as const
 * const places = np.array([[1], [1], [3]], { dtype: 'int32' })
 * lax.scatterAdd(np.zeros([4]), places, np.ones([3]), elements) // => [0. 2. 0. 1.]
 * ```
 */
export const scatterAdd = scatterer('scatterAdd')

/**
 * `x` multiplied by updates at computed indices; parameters as in `scatter`.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * // Whole rows: the axis 1 of the updates is one of the window.
 * const rows = {
 *   updateWindowDims: [1],
 *   insertedWindowDims: [0],
 *   operandBatchingDims: [],
 *   scatterIndicesBatchingDims: [],
 *   scatterDimsToOperandDims: [0],
 *   mode: 'fill',
 *   uniqueIndices: true,
 * } as const
 * const x = np.array([[1, 2], [3, 4]])
 * lax.scatterMul(x, np.array([[1]], { dtype: 'int32' }), np.array([[10, 100]]), rows) // => [[  1.   2.]\n [ 30. 400.]]
 * ```
 */
export const scatterMul = scatterer('scatterMul')

/**
 * `x` with the smaller of itself and the update at computed indices; parameters as in `scatter`.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const elements = {
 *   updateWindowDims: [],
 *   insertedWindowDims: [0],
 *   operandBatchingDims: [],
 *   scatterIndicesBatchingDims: [],
 *   scatterDimsToOperandDims: [0],
 *   mode: 'clip',
 *   uniqueIndices: false,
 * } as const
 * const places = np.array([[0], [7]], { dtype: 'int32' })
 * // With 'clip' the place 7 is the last.
 * lax.scatterMin(np.array([5, 5, 5]), places, np.array([9, 2]), elements) // => [5. 5. 2.]
 * ```
 */
export const scatterMin = scatterer('scatterMin')

/**
 * `x` with the larger of itself and the update at computed indices; parameters as in `scatter`.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const elements = {
 *   updateWindowDims: [],
 *   insertedWindowDims: [0],
 *   operandBatchingDims: [],
 *   scatterIndicesBatchingDims: [],
 *   scatterDimsToOperandDims: [0],
 *   mode: 'fill',
 *   uniqueIndices: false,
 * } as const
 * const places = np.array([[1], [1], [2]], { dtype: 'int32' })
 * lax.scatterMax(np.zeros([3]), places, np.array([4, 6, -1]), elements) // => [0. 6. 0.]
 * ```
 */
export const scatterMax = scatterer('scatterMax')
