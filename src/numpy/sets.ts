/**
 * `np`: sets of values, and indices of values. The number of results depends on values: under transformations the option `size`
 * sets it, and shorter results are filled.
 */
import { calledAs } from '../core/calledAs.ts'
import { normalizeAxis, range, sizeOf, stridesOf } from '../core/shape.ts'
import * as sorting from '../ops/sorting.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { promoteAll } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { full } from './creation.ts'
import * as np from './elementwise.ts'
import { concatenate, stack, unstack } from './joining.ts'
import { broadcastTo, moveaxis, ravel, reshape, slice, take } from './movement.ts'
import { any, cumsum, sum } from './reduction.ts'
import { argsort, countTo, searchsorted, sort } from './sorting.ts'

/** Options of functions whose number of results depends on values. */
export interface SizeOptions {
  /** The number of results, needed under transformations: longer results are cut, shorter ones filled. */
  readonly size?: number
  /** What shorter results are filled with; 0 by default. */
  readonly fillValue?: ArrayLike
}

const sizeOptions: must.OptionTable<SizeOptions> = { size: must.extent, fillValue: must.arrayLike }

/** Options of `nonzero`. */
export interface NonzeroOptions extends SizeOptions {
  /** What shorter results are filled with, 0 by default; a vector has a value for each axis. */
  readonly fillValue?: ArrayLike
}

const nonzeroOptions: must.OptionTable<NonzeroOptions> = { fillValue: must.arrayLike, size: must.extent }

/** The number of true elements, as a JS number. */
const knownCount = (name: string, mask: NDArray): number =>
  Array.from(mask.body.host(`${name} without { size }`), Number).reduce((a, b) => a + b, 0)

/** For each element of a mask, the number of true ones before it; out of range where it is false. */
const ranks = (mask: NDArray, size: number): NDArray =>
  np.where(mask, np.subtract(cumsum(mask.astype('int32')), 1), size)

/** Along the first axis, the elements where a mask holds, in order; then the fill value. */
export const compacted = (
  name: string,
  x: NDArray,
  mask: NDArray,
  size: number | undefined,
  fillValue: ArrayLike,
): NDArray => {
  const count = size ?? knownCount(name, mask)
  const start = broadcastTo(asArray(fillValue).astype(x.dtype), [count, ...x.shape.slice(1)])
  return start.at(ranks(mask, count)).set(x)
}

const nonzeroDoor = must.door('np.nonzero', { x: must.arrayLike, options: must.optionsOf(nonzeroOptions) })

/**
 * Coordinates of the elements that are not 0: an array for each axis (int32).
 *
 * @throws TracerError under transformations without `size`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nonzero(np.array([0, 3, 0, 4]))[0] // => [1 3]
 * ```
 */
export const nonzero = (x: ArrayLike, options: NonzeroOptions = {}): readonly NDArray[] => {
  nonzeroDoor(x, options)
  const { size, fillValue = 0 } = options
  const array = asArray(x)
  const shaped = array.ndim === 0 ? reshape(array, [1]) : array
  const mask = ravel(np.notEqual(shaped, 0))
  const places = compacted('np.nonzero', countTo(mask.size), mask, size, -1)
  const strides = stridesOf(shaped.shape)
  const isFilled = np.less(places, 0)
  const fills = broadcastTo(asArray(fillValue), [shaped.ndim])
  return shaped.shape.map((n, d) =>
    np
      .where(
        isFilled,
        fills.at(d).get(),
        np.remainder(np.floorDivide(places, Math.max(strides[d]!, 1)), Math.max(n, 1)),
      )
      .astype('int32'),
  )
}

const flatnonzeroDoor = must.door('np.flatnonzero', { x: must.arrayLike, options: must.optionsOf(sizeOptions) })

/**
 * Flat indices of the elements that are not 0, in row-major order (int32).
 *
 * @throws TracerError under transformations without `size`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.flatnonzero(np.array([[0, 3], [0, 4]])) // => [1 3]
 * ```
 */
export const flatnonzero = (x: ArrayLike, options: SizeOptions = {}): NDArray => {
  flatnonzeroDoor(x, options)
  return nonzero(ravel(x), options)[0]!
}

const argwhereDoor = must.door('np.argwhere', { x: must.arrayLike, options: must.optionsOf(sizeOptions) })

/**
 * Coordinates of the elements that are not 0, in rows (int32).
 *
 * @throws TracerError under transformations without `size`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.argwhere(np.array([[0, 3], [4, 0]])).toArray() // => 0,1,1,0
 * ```
 */
export const argwhere = (x: ArrayLike, options: SizeOptions = {}): NDArray => {
  argwhereDoor(x, options)
  return stack(nonzero(x, options), { axis: 1 })
}

/** Options of `unique` and `uniqueAll`. */
export interface UniqueOptions extends SizeOptions {
  /** The axis whose slices are compared as a whole; null, by default, for elements. */
  readonly axis?: number | null
  /** Whether all NaN are one value: true by default for `unique`, and false for `uniqueAll`, as in the array API. */
  readonly equalNan?: boolean
}

const uniqueOptions: must.OptionTable<UniqueOptions> = {
  axis: must.nullable(must.axis),
  equalNan: must.boolean,
  size: must.extent,
  fillValue: must.arrayLike,
}

/** The result of `uniqueAll`. */
export interface Unique {
  /** Each value once, ascending; slices in lexicographic order. */
  readonly values: NDArray
  /** The index of the first occurrence of each value, in row-major order, or along the axis (int32). */
  readonly indices: NDArray
  /** The index in `values` of each element, in the array's shape, or of each slice (int32). */
  readonly inverseIndices: NDArray
  /** How often each value occurs (int32). */
  readonly counts: NDArray
}

/** Which elements of a sorted vector, or slices along the first axis, are the first of their value. */
const firsts = (sorted: NDArray, equalNan = true): NDArray => {
  if (sorted.length === 0) return full([0], false)
  const [here, before] = [sorted.at(slice(1, null)).get(), sorted.at(slice(0, -1)).get()]
  const differs = np.notEqual(here, before)
  const isNew = equalNan ? np.logicalAnd(differs, np.logicalNot(np.logicalAnd(np.isnan(here), np.isnan(before)))) : differs // prettier-ignore
  return concatenate([asArray([true]), any(isNew, { axis: range(sorted.ndim - 1).map((d) => d + 1) })])
}

/** Slices along the first axis in lexicographic order, and the index of each before. */
const sortedSlices = (slices: NDArray): readonly [sorted: NDArray, order: NDArray] => {
  const places = countTo(slices.length)
  if (slices.ndim === 1) return sorting.sort([slices, places], 0) as readonly [NDArray, NDArray]
  if (slices.size === 0) return [slices, places]
  const columns = unstack(reshape(slices, [slices.length, sizeOf(slices.shape.slice(1))]), { axis: 1 })
  const order = sorting.sort([...columns, places], 0, { numKeys: columns.length }).at(-1)!
  return [take(slices, order, { axis: 0 }), order]
}

const uniqueAllDoor = must.door('np.uniqueAll', { x: must.arrayLike, options: must.optionsOf(uniqueOptions) })

/**
 * The distinct values, their indices and their counts. If `size` is larger, results are padded with the smallest value, its
 * index, and count 0.
 *
 * @throws TracerError under transformations without `size`; ShapeError if there is no such axis.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.uniqueAll(np.array([3, 1, 3])).counts // => [1 2]
 * np.uniqueAll(np.array([[1, 2], [0, 5], [1, 2]]), { axis: 0 }).inverseIndices // => [1 0 1]
 * ```
 */
export const uniqueAll = (x: ArrayLike, options: UniqueOptions = {}): Unique => {
  uniqueAllDoor(x, options)
  return calledAs('np.uniqueAll', () => {
    const { size, fillValue, equalNan = false, axis = null } = options
    const array = asArray(x)
    const along = axis === null ? null : normalizeAxis('np.unique', axis, array.ndim)
    const slices = along === null ? ravel(array) : moveaxis(array, along, 0)
    const n = slices.length
    const [sorted, order] = sortedSlices(slices)
    const isFirst = firsts(sorted, equalNan)
    const count = size ?? knownCount('np.unique', isFirst)
    const least = (y: NDArray): ArrayLike => (n === 0 ? 0 : y.at(0).get())
    const values = compacted('np.unique', sorted, isFirst, count, fillValue ?? least(sorted))
    const which = np.subtract(cumsum(isFirst.astype('int32')), 1)
    const nothing = full([count], 0, { dtype: 'int32' })
    return {
      values: along === null ? values : moveaxis(values, 0, along),
      indices: compacted('np.unique', order, isFirst, count, least(order)),
      inverseIndices: reshape(
        full([n], 0, { dtype: 'int32' }).at(order).set(which),
        along === null ? array.shape : [n],
      ),
      counts: nothing.at(which).add(full([n], 1, { dtype: 'int32' })),
    }
  })
}

const uniqueDoor = must.door('np.unique', { x: must.arrayLike, options: must.optionsOf(uniqueOptions) })

/**
 * Each value of an array once, ascending; NaN last, and once. With an `axis`, each slice along it once, in lexicographic order.
 * `uniqueAll` also returns indices and counts.
 *
 * @throws TracerError under transformations without `size`; ShapeError if there is no such axis.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.unique(np.array([3, 1, 3])) // => [1. 3.]
 * np.unique(np.array([3, 1, 3]), { size: 3, fillValue: -1 }) // => [ 1.  3. -1.]
 * np.unique(np.array([[1, 2], [0, 5], [1, 2]]), { axis: 0 }) // => [[0. 5.]\n [1. 2.]]
 * ```
 */
export const unique = (x: ArrayLike, options: UniqueOptions = {}): NDArray => {
  uniqueDoor(x, options)
  return calledAs('np.unique', () => uniqueAll(x, { equalNan: true, ...options }).values)
}

/** The vectors of two arrays in one dtype. */
const lines = (x: ArrayLike, y: ArrayLike): readonly [NDArray, NDArray] =>
  promoteAll([ravel(x), ravel(y)]) as readonly [NDArray, NDArray]

/** Options of functions of sets. */
export interface AssumeUnique {
  /** A promise that neither array has duplicates. */
  readonly assumeUnique?: boolean
}

const isinDoor = must.door('np.isin', {
  x: must.arrayLike,
  among: must.arrayLike,
  options: must.optionsOf<AssumeUnique & { readonly invert?: boolean }>({
    assumeUnique: must.boolean,
    invert: must.boolean,
  }),
})

/**
 * Which elements occur in another array. NaN occurs in none.
 *
 * @param invert - whether to invert the result.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.isin(np.array([1, 2, 3]), np.array([3, 1])) // => [ True False  True]
 * ```
 */
export const isin = (
  x: ArrayLike,
  among: ArrayLike,
  options: AssumeUnique & { readonly invert?: boolean } = {},
): NDArray => {
  isinDoor(x, among, options)
  const { invert = false } = options
  const [line, set] = lines(x, among)
  if (set.size === 0) return full(asArray(x).shape, invert)
  const sorted = sort(set)
  const known = np.equal(take(sorted, searchsorted(sorted, line), { axis: 0, mode: 'clip' }), line)
  return reshape(invert ? np.logicalNot(known) : known, asArray(x).shape)
}

/** The values of a sorted vector to keep, filled with the least of them, or 0 if there is none. */
const leastFilled = (name: string, sorted: NDArray, keep: NDArray, { size, fillValue }: SizeOptions): NDArray => {
  const values = compacted(name, sorted, keep, size, fillValue ?? 0)
  if (fillValue !== undefined || size === undefined || size === 0) return values
  const count = sum(keep, { dtype: 'int32' })
  return np.where(np.less(countTo(size), count), values, values.at(0).get())
}

/** The distinct values of a vector that another one does not have, as a mask over the sorted values. */
const onlyIn = (line: NDArray, other: NDArray): readonly [sorted: NDArray, keep: NDArray] => {
  const sorted = sort(line)
  return [sorted, np.logicalAnd(firsts(sorted), isin(sorted, other, { invert: true }))]
}

/** Options of `intersect1d`. */
export interface IntersectOptions extends SizeOptions, AssumeUnique {
  /** Whether to also return the indices of the values. */
  readonly returnIndices?: boolean
}

const intersectOptions: must.OptionTable<IntersectOptions> = {
  ...sizeOptions,
  assumeUnique: must.boolean,
  returnIndices: must.boolean,
}
const intersect1dDoor = must.door('np.intersect1d', {
  x: must.arrayLike,
  y: must.arrayLike,
  options: must.optionsOf(intersectOptions),
})

/**
 * The values that both arrays have, ascending.
 *
 * @throws TracerError under transformations without `size`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.intersect1d(np.array([1, 2, 2, 3]), np.array([2, 3, 4])) // => [2. 3.]
 * np.intersect1d(np.array([1, 2, 2]), np.array([2, 3]), { returnIndices: true }).map(String) // => [2.],[1],[0]
 * ```
 */
export function intersect1d(
  x: ArrayLike,
  y: ArrayLike,
  options?: IntersectOptions & { readonly returnIndices?: false },
): NDArray
/**
 * With `returnIndices`: the values, and the index of the first occurrence of each in either array (int32; shorter results are
 * filled with its size).
 */
export function intersect1d(
  x: ArrayLike,
  y: ArrayLike,
  options: IntersectOptions & { readonly returnIndices: true },
): readonly [values: NDArray, inFirst: NDArray, inSecond: NDArray]
export function intersect1d(
  x: ArrayLike,
  y: ArrayLike,
  options: IntersectOptions = {},
): NDArray | readonly [NDArray, NDArray, NDArray] {
  intersect1dDoor(x, y, options)
  const { returnIndices = false, ...wanted } = options
  const [a, b] = lines(x, y)
  const sorted = sort(a)
  const inBoth = np.logicalAnd(firsts(sorted), isin(sorted, b))
  const values = leastFilled('np.intersect1d', sorted, inBoth, wanted)
  if (!returnIndices) return values
  const count = sum(inBoth, { dtype: 'int32' })
  const isValue = np.less(countTo(values.size), count)
  const placeIn = (line: NDArray): NDArray => {
    const order = argsort(line)
    const place = searchsorted(line, values, { sorter: order })
    return np.where(isValue, take(order, place, { mode: 'clip' }), line.size)
  }
  return [values, placeIn(a), placeIn(b)]
}

const union1dDoor = must.door('np.union1d', {
  x: must.arrayLike,
  y: must.arrayLike,
  options: must.optionsOf(sizeOptions),
})

/**
 * The values of both arrays, ascending. Shorter results are filled with the smallest value.
 *
 * @throws TracerError under transformations without `size`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.union1d(np.array([1, 2]), np.array([2, 3])) // => [1. 2. 3.]
 * ```
 */
export const union1d = (x: ArrayLike, y: ArrayLike, options: SizeOptions = {}): NDArray => {
  union1dDoor(x, y, options)
  return unique(concatenate(lines(x, y)), options)
}

const setdiff1dDoor = must.door('np.setdiff1d', {
  x: must.arrayLike,
  y: must.arrayLike,
  options: must.optionsOf<SizeOptions & AssumeUnique>({
    size: must.extent,
    fillValue: must.arrayLike,
    assumeUnique: must.boolean,
  }),
})

/**
 * The values of the first array that the second does not have, ascending; with `assumeUnique`, in the order of the first.
 *
 * @throws TracerError under transformations without `size`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.setdiff1d(np.array([1, 2, 3]), np.array([2])) // => [1. 3.]
 * ```
 */
export const setdiff1d = (x: ArrayLike, y: ArrayLike, options: SizeOptions & AssumeUnique = {}): NDArray => {
  setdiff1dDoor(x, y, options)
  const { assumeUnique = false, size, fillValue = 0 } = options
  const [a, b] = lines(x, y)
  if (assumeUnique) return compacted('np.setdiff1d', a, isin(a, b, { invert: true }), size, fillValue)
  return compacted('np.setdiff1d', ...onlyIn(a, b), size, fillValue)
}

const setxor1dDoor = must.door('np.setxor1d', {
  x: must.arrayLike,
  y: must.arrayLike,
  options: must.optionsOf<SizeOptions & AssumeUnique>({
    size: must.extent,
    fillValue: must.arrayLike,
    assumeUnique: must.boolean,
  }),
})

/**
 * The values that one of the arrays has and the other does not, ascending; NaN of both, since NaN is equal to nothing.
 *
 * @throws TracerError under transformations without `size`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.setxor1d(np.array([1, 2]), np.array([2, 3])) // => [1. 3.]
 * ```
 */
export const setxor1d = (x: ArrayLike, y: ArrayLike, options: SizeOptions & AssumeUnique = {}): NDArray => {
  setxor1dDoor(x, y, options)
  const [a, b] = lines(x, y)
  const [[ofFirst, keepFirst], [ofSecond, keepSecond]] = [onlyIn(a, b), onlyIn(b, a)]
  const [line, keep] = [concatenate([ofFirst, ofSecond]), concatenate([keepFirst, keepSecond])]
  const order = argsort(line)
  return leastFilled('np.setxor1d', take(line, order), take(keep, order), options)
}
