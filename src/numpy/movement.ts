/** `np`: functions that rearrange elements. */
import { calledAs } from '../core/calledAs.ts'
import { isLinearOperator, takeFromOperator } from '../api/linearOperator.ts'
import type { Factor } from '../api/quantized.ts'
import { isQuantized, takeQuantized } from '../api/quantized.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { broadcastTwo, normalizeAxes, normalizeAxis, range } from '../core/shape.ts'
import { Slice } from '../core/slice.ts'
import { fullLike, zerosOf } from '../ops/creation.ts'
import * as ops from '../ops/movement.ts'
import { arrayFor, asArray, functions } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike, GetOptions, TakeOptions } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

/**
 * The shape of an array or array-like; empty for a number.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.shape(np.zeros([2, 3])) // => 2,3
 * np.shape([[1, 2, 3], [4, 5, 6]]) // => 2,3
 * np.shape(7).length // => 0
 * ```
 */
export const shape = (x: ArrayLike): Shape => arrayFor('np.shape', x).aval.shape

/**
 * Number of axes: 0 for a number.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.ndim(np.zeros([2, 3])) // => 2
 * np.ndim(7) // => 0
 * ```
 */
export const ndim = (x: ArrayLike): number => arrayFor('np.ndim', x).aval.rank

const getOptions: must.OptionTable<GetOptions> = {
  mode: must.oneOf(['clip', 'fill', 'promiseInBounds']),
  fillValue: must.number,
}

const sizeDoor = must.door('np.size', { x: must.arrayLike, axis: must.optional(must.axis) })

/**
 * Number of elements, or extent of one axis.
 *
 * @throws ShapeError for an axis that `x` does not have.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.size(np.zeros([2, 3])) // => 6
 * np.size(np.zeros([2, 3]), -1) // => 3
 * ```
 */
export const size = (x: ArrayLike, axis?: number): number => {
  sizeDoor(x, axis)
  const { aval } = asArray(x)
  return axis === undefined ? aval.size : aval.shape[normalizeAxis('np.size', axis, aval.rank)]!
}

/**
 * The elements, row after row, in another shape; one extent may be -1 and is inferred.
 *
 * @throws ShapeError if the number of elements differs.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.reshape(np.arange(6), [2, 3]) // => [[0 1 2]\n [3 4 5]]
 * np.reshape(np.zeros([8, 28, 28]), [8, -1]).shape // => 8,784
 * np.reshape(np.arange(6), [4, 2]) // throws ShapeError
 * ```
 */
export const reshape: (x: ArrayLike, shape: Shape | number) => NDArray = functions.reshape

/**
 * Flattens to one axis, row after row.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.ravel(np.array([[1, 2], [3, 4]])) // => [1. 2. 3. 4.]
 * np.ravel(7) // => [7]
 * ```
 */
export const ravel = functions.ravel

/**
 * Permutes the axes; reverses them by default.
 *
 * @param axes - for each axis of the result, the axis of `x`.
 * @throws ShapeError unless `axes` names every axis once.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.transpose(np.array([[1, 2, 3], [4, 5, 6]])) // => [[1. 4.]\n [2. 5.]\n [3. 6.]]
 * // Channels in front of height and width.
 * const images = np.zeros([8, 32, 16, 3])
 * np.transpose(images, [0, 3, 1, 2]).shape // => 8,3,32,16
 * ```
 */
export const transpose = functions.transpose

/**
 * Swaps two axes.
 *
 * @throws ShapeError for an axis that `x` does not have.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const keys = np.zeros([2, 4, 10, 64])
 * np.swapaxes(keys, -1, -2).shape // => 2,4,64,10
 * ```
 */
export const swapaxes = functions.swapaxes

/**
 * Removes axes of extent 1: all, or the given ones.
 *
 * @throws ShapeError if a given axis has another extent.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.squeeze(np.zeros([1, 3, 1])).shape // => 3
 * np.squeeze(np.zeros([1, 3, 1]), { axis: 0 }).shape // => 3,1
 * np.squeeze(np.zeros([1, 3, 1]), { axis: 1 }) // throws ShapeError
 * ```
 */
export const squeeze = functions.squeeze

/**
 * Adds axes of extent 1, at these positions in the result.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * // All differences.
 * const x = np.array([1, 4, 9])
 * np.expandDims(x, 1).sub(x) // => [[ 0. -3. -8.]\n [ 3.  0. -5.]\n [ 8.  5.  0.]]
 * np.expandDims(x, [0, -1]).shape // => 1,3,1
 * ```
 */
export const expandDims = functions.expandDims

/**
 * Broadcasts the array to a shape: it is repeated along axes of extent 1 and missing leading axes.
 *
 * @throws ShapeError if it does not broadcast to that shape.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.broadcastTo(np.array([1, 2]), [3, 2]) // => [[1. 2.]\n [1. 2.]\n [1. 2.]]
 * np.broadcastTo(np.array([[1], [2]]), [2, 3]) // => [[1. 1. 1.]\n [2. 2. 2.]]
 * np.broadcastTo(np.array([1, 2, 3]), [2]) // throws ShapeError
 * ```
 */
export const broadcastTo = functions.broadcastTo

/**
 * Converts the elements. Floats become integers by truncation, saturating, and NaN becomes 0; integers out of range wrap
 * around; all but 0 is true.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.astype(np.array([1.9, -1.9, 300, NaN]), 'uint8') // => [  1   0 255   0]
 * np.astype(np.array([0, 0.5, -1]), 'bool') // => [False  True  True]
 * ```
 */
export const astype = functions.astype

const moveaxisDoor = must.door('np.moveaxis', {
  x: must.arrayLike,
  source: must.axes,
  destination: must.axes,
})

/**
 * Moves axes to other positions; the others keep their order.
 *
 * @throws ArgumentError unless there are as many sources as destinations.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.moveaxis(np.zeros([8, 3, 32, 16]), 1, -1).shape // => 8,32,16,3
 * np.moveaxis(np.zeros([2, 3, 4]), [0, 1], [-1, -2]).shape // => 4,3,2
 * ```
 */
export const moveaxis = (
  x: ArrayLike,
  source: number | readonly number[],
  destination: number | readonly number[],
): NDArray => {
  moveaxisDoor(x, source, destination)
  const array = asArray(x)
  const { rank } = array.aval
  const from = normalizeAxes('np.moveaxis', source, rank)
  const to = normalizeAxes('np.moveaxis', destination, rank)
  if (from.length !== to.length) {
    throw new ArgumentError(`np.moveaxis: ${from.length} sources and ${to.length} destinations; both must be as many.`)
  }
  const order = range(rank).filter((d) => !from.includes(d))
  const pairs = from.map((f, i) => [f, to[i]!] as const).toSorted((a, b) => a[1] - b[1])
  for (const [f, t] of pairs) order.splice(t, 0, f)
  return ops.transpose(array, order)
}

const flipDoor = must.door('np.flip', {
  x: must.arrayLike,
  options: must.optionsOf<{ readonly axis?: number | readonly number[] | null }>({ axis: must.nullable(must.axes) }),
})

/**
 * Reverses the order along axes; all by default.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const image = np.array([[1, 2], [3, 4]])
 * np.flip(image, { axis: 1 }) // => [[2. 1.]\n [4. 3.]]
 * np.flip(image) // => [[4. 3.]\n [2. 1.]]
 * ```
 */
export const flip = (x: ArrayLike, options: { readonly axis?: number | readonly number[] | null } = {}): NDArray => {
  flipDoor(x, options)
  const { axis = null } = options
  const array = asArray(x)
  return ops.rev(array, normalizeAxes('np.flip', axis, array.aval.rank))
}

/**
 * Elements at these indices along an axis (of the flattened array by default). For a `QuantizedArray` the axis must not be the
 * last; for a `LinearOperator` it is axis 0.
 *
 * Negative indices count from the end. An index out of range gives `fillValue`, by default NaN (for integers the least, for
 * unsigned ones the greatest). In mode `wrap` indices wrap around; mode `clip` takes the nearest, which for negative indices is
 * the first.
 *
 * @throws DTypeError for indices that are not integers; IndexError for an axis without elements.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * // Rows of a table.
 * const embeddings = np.array([[0, 0], [1, 10], [2, 20]])
 * np.take(embeddings, [2, 1], { axis: 0 }) // => [[ 2. 20.]\n [ 1. 10.]]
 * np.take(np.array([1, 2, 3]), [-1, 3]) // => [ 3. nan]
 * np.take(np.array([1, 2, 3]), [-1, 3], { mode: 'wrap' }) // => [3. 1.]
 * ```
 */
export const take = (x: Factor, indices: ArrayLike, options: TakeOptions = {}): NDArray => {
  if (isLinearOperator(x)) return takeFromOperator(x, indices, options)
  return isQuantized(x) ? takeQuantized(x, indices, options) : functions.take(x, indices, options)
}

const takeAlongAxisDoor = must.door('np.takeAlongAxis', {
  x: must.arrayLike,
  indices: must.arrayLike,
  axis: must.nullable(must.axis),
  options: must.optionsOf(getOptions),
})

/**
 * Elements of `x` at `indices` along an axis, matched in all other axes (which broadcast). An index out of range gives NaN, as
 * in `take`, or follows the options.
 *
 * @param axis - the last by default; null for the flattened array.
 * @throws ShapeError if ranks differ; DTypeError for indices that are not integers.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const scores = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
 * // Of each row the score of its label.
 * const labels = np.array([[1], [2]], { dtype: 'int32' })
 * np.takeAlongAxis(scores, labels, 1) // => [[0.7]\n [0.2]]
 * np.takeAlongAxis(scores, np.argsort(scores)) // => [[0.1 0.2 0.7]\n [0.2 0.3 0.5]]
 * ```
 */
export const takeAlongAxis = (
  x: ArrayLike,
  indices: ArrayLike,
  axis: number | null = -1,
  options: GetOptions = {},
): NDArray => {
  takeAlongAxisDoor(x, indices, axis, options)
  return calledAs('np.takeAlongAxis', () => {
    const { mode = 'fill', fillValue } = options
    const array = axis === null ? ravel(asArray(x)) : asArray(x)
    const where = asArray(indices)
    const { rank } = array.aval
    const along = normalizeAxis('np.takeAlongAxis', axis ?? 0, rank)
    if (where.aval.rank !== rank) {
      throw new ShapeError(`np.takeAlongAxis: operand ${array.aval} and indices ${where.aval} must have one rank.`)
    }
    const extents = array.aval.shape
    const grid = broadcastTwo('np.takeAlongAxis', extents.with(along, 1), where.aval.shape)
    // An empty axis has no index inside: use one element, and make every index out of range.
    const nothing = extents[along] === 0
    const source = nothing ? zerosOf(array.aval.withShape(extents.with(along, 1))) : array
    const places = nothing ? fullLike(where, 1) : where
    const index = range(rank).map((d) => {
      if (d === along) return ops.broadcastTo(places, grid)
      const n = extents[d]!
      const line = Int32Array.from(range(grid[d]!), (i) => (n === 1 ? 0 : i))
      return ops.reshape(
        asArray(line),
        grid.map((m, k) => (k === d ? m : 1)),
      )
    })
    return functions.at(source, index).get({ mode, ...(fillValue === undefined ? {} : { fillValue }) })
  })
}

const sliceDoor = must.door('np.slice', {
  start: must.nullable(must.integer),
  stop: must.nullable(must.integer),
  step: must.optional(must.integer),
})

/**
 * A range of indices for `x.at` and `x.get`, as in `Array.prototype.slice`: from `start` up to, but not including, `stop`;
 * negatives count from the end. `np.slice(1)` is all but the first (Python's `slice(1)` is the first alone: here
 * `np.slice(0, 1)`). With a negative step it runs backwards, from the end by default.
 *
 * @param start - null or omitted: the first (with a negative step the last).
 * @param stop - null or omitted: to the end (with a negative step through the first).
 * @throws IndexError from the array that is indexed, for bounds and steps that are not integers, and for step 0.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const x = np.arange(5)
 * x.get(np.slice(1)) // => [1 2 3 4]
 * x.get(np.slice(1, -1)) // => [1 2 3]
 * x.get(np.slice(null, null, -2)) // => [4 2 0]
 * ```
 */
export const slice = (start?: number | null, stop?: number | null, step = 1): Slice => {
  sliceDoor(start, stop, step)
  return new Slice(start ?? null, stop ?? null, step)
}

const broadcastShapesDoor = must.door('np.broadcastShapes', { shapes: must.listOf(must.shape) })

/**
 * The shape that shapes broadcast to, aligned at their last axes.
 *
 * @throws ShapeError if they do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.broadcastShapes([3, 1], [4]) // => 3,4
 * np.broadcastShapes([8, 1, 6, 1], [7, 1, 5]) // => 8,7,6,5
 * np.broadcastShapes([2], [3]) // throws ShapeError
 * ```
 */
export const broadcastShapes = (...shapes: readonly (readonly number[])[]): readonly number[] => {
  broadcastShapesDoor(shapes)
  return shapes.reduce((a, b) => broadcastTwo('np.broadcastShapes', a, b), [])
}
