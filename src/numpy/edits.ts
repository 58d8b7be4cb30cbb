/** `np`: appending, inserting and deleting elements; resizing and trimming. */
import { decode } from '../core/convert.ts'
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.ts'
import { normalizeAxis, range } from '../core/shape.ts'
import { Slice } from '../core/slice.ts'
import { sliceInDim } from '../ops/movement.ts'
import { asArray, asIndices, functions } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { full } from './creation.ts'
import * as np from './elementwise.ts'
import { concatenate } from './joining.ts'
import { broadcastTo, moveaxis, reshape, slice, take } from './movement.ts'
import { cumsum, sum } from './reduction.ts'
import { argsort, countTo, sort } from './sorting.ts'

const appendDoor = must.door('np.append', {
  x: must.arrayLike,
  values: must.arrayLike,
  options: must.optionsOf<{ readonly axis?: number | null }>({ axis: must.nullable(must.axis) }),
})

/**
 * Appends values along an axis; without one, both are flattened.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.append(np.array([1, 2]), 3) // => [1. 2. 3.]
 * ```
 */
export const append = (x: ArrayLike, values: ArrayLike, options: { readonly axis?: number | null } = {}): NDArray => {
  appendDoor(x, values, options)
  const { axis = null } = options
  return axis === null ? concatenate([functions.ravel(x), functions.ravel(values)]) : concatenate([x, values], { axis })
}

const isSlice = (where: ArrayLike | Slice): where is Slice => typeof where === 'object' && 'stop' in where

/** Indices along an axis of n elements as JS numbers. */
const placesOf = (name: string, where: ArrayLike | Slice, n: number): number[] => {
  const all = range(n)
  if (isSlice(where)) return Array.from(asArray(Int32Array.from(all)).at(where).get().dataSync(), Number)
  const given = asIndices(name, where)
  const host = Array.from(given.body.host(name), Number)
  if (given.dtype === 'bool') {
    if (given.ndim !== 1 || given.size !== n) throw new ShapeError(`${name}: a mask ${given.aval} for ${n} elements.`)
    return all.filter((i) => host[i] !== 0)
  }
  const odd = host.find((i) => i < -n || i > n)
  if (odd !== undefined) throw new ArgumentError(`${name}: place ${odd} is out of range for ${n} elements.`)
  return host.map((i) => (i < 0 ? i + n : i))
}

const lineOf = (name: string, x: ArrayLike, axis: number | null): readonly [NDArray, number] => {
  const array = axis === null ? functions.ravel(x) : asArray(x)
  return [array, normalizeAxis(name, axis ?? 0, array.ndim)]
}

/** Options of `delete`. */
export interface DeleteOptions {
  /** The axis; by default the array is flattened. */
  readonly axis?: number | null
  /** A promise that no index occurs twice: then indices may be traced. Those out of range are clipped. */
  readonly assumeUniqueIndices?: boolean
}

const deleteOptions: must.OptionTable<DeleteOptions> = {
  axis: must.nullable(must.axis),
  assumeUniqueIndices: must.boolean,
}
const somewhere = must.anyOf(must.arrayLike, must.instance('np.slice', Slice))
const deleteDoor = must.door('np.delete', {
  x: must.arrayLike,
  where: somewhere,
  options: must.optionsOf(deleteOptions),
})

/**
 * The array without the elements at these indices along an axis; without one, of the flattened array.
 *
 * @param where - an index, indices, a slice, or a concrete mask.
 * @throws ArgumentError if an index is out of range; TracerError for traced indices without `assumeUniqueIndices`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.delete(np.array([1, 2, 3, 4]), [1, -1]) // => [1. 3.]
 * ```
 */
const remove = (x: ArrayLike, where: ArrayLike | Slice, options: DeleteOptions = {}): NDArray => {
  deleteDoor(x, where, options)
  const { axis = null, assumeUniqueIndices = false } = options
  const [array, along] = lineOf('np.delete', x, axis)
  const n = array.shape[along]!
  if (assumeUniqueIndices && !isSlice(where)) return removeComputed(array, where, along)
  const gone = new Set(placesOf('np.delete', where, n))
  return take(array, Int32Array.from(range(n).filter((i) => !gone.has(i))), { axis: along })
}
export { remove as delete }

/** Remaining elements move down by the number of deleted ones before them. */
const removeComputed = (x: NDArray, where: ArrayLike, along: number): NDArray => {
  const n = x.shape[along]!
  const given = functions.ravel(asIndices('np.delete', where)).astype('int32')
  const inside = np.clip(np.where(np.less(given, 0), np.add(given, n), given), 0, n)
  const gone = np.subtract(sort(inside), countTo(given.size))
  const left = countTo(Math.max(n - given.size, 0))
  const before = sum(np.greaterEqual(reshape(left, [1, -1]), reshape(gone, [-1, 1])), { axis: 0, dtype: 'int32' })
  return take(x, np.add(left, before), { axis: along })
}

const insertDoor = must.door('np.insert', {
  x: must.arrayLike,
  where: somewhere,
  values: must.arrayLike,
  options: must.optionsOf<{ readonly axis?: number | null }>({ axis: must.nullable(must.axis) }),
})

/**
 * Inserts values before indices along an axis; without one, into the flattened array.
 *
 * @param where - an index, indices, or a slice, in the original array. A single index takes all values along the axis. Traced
 *   indices out of range are clipped.
 * @throws ArgumentError if a concrete index is out of range.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.insert(np.array([1, 2, 3]), 1, 9) // => [1. 9. 2. 3.]
 * np.insert(np.array([1, 2, 3]), [0, 3], np.array([8, 9])) // => [8. 1. 2. 3. 9.]
 * ```
 */
export const insert = (
  x: ArrayLike,
  where: ArrayLike | Slice,
  values: ArrayLike,
  options: { readonly axis?: number | null } = {},
): NDArray => {
  insertDoor(x, where, values, options)
  const { axis = null } = options
  const [array, along] = lineOf('np.insert', x, axis)
  const n = array.shape[along]!
  const given = isSlice(where) ? knownPlaces(where, n) : asIndices('np.insert', where)
  if (given.dtype === 'bool') throw new DTypeError('np.insert: places are integers, got bools. Use np.flatnonzero.')
  if (given.ndim > 1) throw new ShapeError(`np.insert: places are a number or a vector, got ${given.aval}.`)
  if (given.body.trace === null) placesOf('np.insert', given, n)
  const block = blockOf(asArray(values).astype(array.dtype), array.ndim, given.ndim === 0 ? along : null)
  const count = given.size === 1 ? block.shape[along]! : given.size
  const added = broadcastTo(block, array.shape.with(along, count))
  const line = functions.ravel(given).astype('int32')
  const inside = np.clip(np.where(np.less(line, 0), np.add(line, n), line), 0, n)
  return take(concatenate([array, added], { axis: along }), sources(broadcastTo(inside, [count]), n), { axis: along })
}

const knownPlaces = (where: Slice, n: number): NDArray => asArray(Int32Array.from(placesOf('np.insert', where, n)))

/** Values with as many axes as the array; for a single index they are a cross-section, which gets the axis added. */
const blockOf = (values: NDArray, rank: number, crossed: number | null): NDArray => {
  const full = reshape(values, [...Array<number>(Math.max(rank - values.ndim, 0)).fill(1), ...values.shape])
  return crossed === null ? full : moveaxis(full, 0, crossed)
}

/** The source index of each element of the result, among n elements and those inserted before these indices. */
const sources = (places: NDArray, n: number): NDArray => {
  const count = places.size
  const inOrder = argsort(places)
  const ends = places.at(inOrder).add(countTo(count))
  const isOld = full([n + count], 1, { dtype: 'int32' })
    .at(ends)
    .set(0)
  return np
    .subtract(cumsum(isOld), 1)
    .at(ends)
    .set(np.add(countTo(count), n))
}

const resizeDoor = must.door('np.resize', { x: must.arrayLike, shape: must.shapeOrExtent })

/**
 * A new shape, filled with the elements in order, repeated as needed.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.resize(np.array([1, 2, 3]), [2, 2]).toArray() // => 1,2,3,1
 * ```
 */
export const resize = (x: ArrayLike, shape: number | readonly number[]): NDArray => {
  resizeDoor(x, shape)
  const line = functions.ravel(x)
  const target = typeof shape === 'number' ? [shape] : shape
  const size = target.reduce((a, b) => a * b, 1)
  if (line.size === 0) return reshape(broadcastTo(asArray(0).astype(line.dtype), [size]), target)
  const copies = Math.ceil(size / line.size)
  const all = concatenate([...range(Math.max(copies, 1)).map(() => line)])
  return reshape(sliceInDim(all, 0, size, 0), target)
}

const trimZerosDoor = must.door('np.trimZeros', { x: must.arrayLike, trim: must.optional(must.string) })

/**
 * A concrete vector without zeros at its ends.
 *
 * @param trim - `f` only in front, `b` only at the end, `fb` both (default).
 * @throws TracerError under transformations: their number depends on values.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.trimZeros(np.array([0, 0, 1, 0, 2, 0])) // => [1. 0. 2.]
 * ```
 */
export const trimZeros = (x: ArrayLike, trim = 'fb'): NDArray => {
  trimZerosDoor(x, trim)
  const line = functions.ravel(x)
  const data = Array.from<number | bigint, number>(decode(line.dtype, line.body.host('trimZeros')), Number)
  const first = trim.includes('f') ? data.findIndex((v) => v !== 0) : 0
  const last = trim.includes('b') ? data.findLastIndex((v) => v !== 0) : data.length - 1
  return line.at(slice(first < 0 ? data.length : first, last + 1)).get()
}
