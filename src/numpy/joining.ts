/** `np`: joining and splitting arrays. */
import { calledAs } from '../core/calledAs.ts'
import type { DType } from '../core/dtype.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { normalizeAxis, range, showShape } from '../core/shape.ts'
import type { PartsOf } from '../core/tuples.ts'
import * as ops from '../ops/movement.ts'
import { asArray, functions } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { promoteAll } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import { NDArray } from '../trace/value.ts'
import { astype } from './movement.ts'

/** Arrays in a list, or the slices of one array along its first axis. */
export type Arrays = readonly ArrayLike[] | NDArray

/** Slices of an array along its first axis, or the arrays of a list. */
export const listOf = (xs: Arrays): readonly ArrayLike[] =>
  xs instanceof NDArray && xs.ndim > 0 ? unstack(xs) : (xs as readonly ArrayLike[])

/** The arrays in one dtype: their promoted one, or a given one. */
const arraysOf = (operation: string, xs: Arrays, dtype?: DType): readonly NDArray[] => {
  const list = listOf(xs)
  if (!Array.isArray(list) || list.length === 0)
    throw new ArgumentError(`${operation}: needs an array of at least one array.`)
  asArray(0)
  return dtype === undefined ? promoteAll(list) : list.map((x) => astype(x as ArrayLike, dtype))
}

/** Options of `concatenate`. */
export interface ConcatenateOptions {
  readonly axis?: number | null
  /** The dtype of the result; by default the promoted one. */
  readonly dtype?: DType
}

/** Several arrays: a list of them, or the slices of one. */
export const someArrays = must.anyOf(
  must.listOf(must.arrayLike, 'a list of arrays'),
  must.kind('an array of rank 1 or more', (x) => x instanceof NDArray && x.ndim > 0),
)

const concatenateOptions: must.OptionTable<ConcatenateOptions> = { axis: must.nullable(must.axis), dtype: must.dtype }

/** Options of `stack`. */
export interface StackOptions {
  /** Where the new axis goes; first by default. */
  readonly axis?: number
  /** The dtype of the result; by default the promoted one. */
  readonly dtype?: DType
}

const stackOptions: must.OptionTable<StackOptions> = { axis: must.axis, dtype: must.dtype }

const concatenateDoor = must.door('np.concatenate', {
  xs: someArrays,
  options: must.optionsOf(concatenateOptions),
})

/**
 * Arrays joined along an axis that they have, the first by default. `axis: null` joins their elements in one axis.
 *
 * @throws ShapeError if they differ in another axis; ArgumentError for no arrays.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.concatenate([np.array([1]), np.array([2, 3])]) // => [1. 2. 3.]
 * np.concatenate([np.ones([2, 3]), np.ones([2, 5])], { axis: 1 }).shape // => 2,8
 * np.concatenate([np.array([[1, 2]]), np.array([3])], { axis: null }) // => [1. 2. 3.]
 * ```
 */
export const concatenate = (xs: Arrays, options: ConcatenateOptions = {}): NDArray => {
  concatenateDoor(xs, options)
  return calledAs('np.concatenate', () => {
    const { axis = 0, dtype } = options
    const arrays = arraysOf('np.concatenate', xs, dtype)
    if (axis === null) {
      return ops.concatenate(
        arrays.map((x) => ops.reshape(x, [x.aval.size])),
        0,
      )
    }
    return ops.concatenate(arrays, normalizeAxis('np.concatenate', axis, arrays[0]!.aval.rank))
  })
}

const stackDoor = must.door('np.stack', {
  xs: someArrays,
  options: must.optionsOf(stackOptions),
})

/**
 * Arrays of one shape joined along a new axis.
 *
 * @throws ShapeError if shapes differ.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const [x, y] = [np.array([1, 2, 3]), np.array([4, 5, 6])]
 * np.stack([x, y]) // => [[1. 2. 3.]\n [4. 5. 6.]]
 * np.stack([x, y], { axis: 1 }).shape // => 3,2
 * ```
 */
export const stack = (xs: Arrays, options: StackOptions = {}): NDArray => {
  stackDoor(xs, options)
  const { axis = 0, dtype } = options
  const arrays = arraysOf('np.stack', xs, dtype)
  const odd = arrays.find((x) => x.aval.shape.join() !== arrays[0]!.aval.shape.join())
  if (odd !== undefined) {
    throw new ShapeError(`np.stack: shapes must agree, got ${showShape(arrays[0]!.shape)} and ${showShape(odd.shape)}.`)
  }
  const place = normalizeAxis('np.stack', axis, arrays[0]!.aval.rank + 1)
  return ops.concatenate(
    arrays.map((x) => ops.expandDims(x, place)),
    place,
  )
}

const unstackDoor = must.door('np.unstack', {
  x: must.arrayLike,
  options: must.optionsOf<{ readonly axis?: number }>({ axis: must.axis }),
})

/**
 * Slices along an axis, the first by default, which is removed.
 *
 * @returns one array for each index of the axis.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const points = np.array([[1, 2], [3, 4], [5, 6]])
 * np.unstack(points).length // => 3
 * np.unstack(points, { axis: 1 }).map(String) // => [1. 3. 5.],[2. 4. 6.]
 * ```
 */
export const unstack = (x: ArrayLike, options: { readonly axis?: number } = {}): NDArray[] => {
  unstackDoor(x, options)
  const { axis = 0 } = options
  const array = asArray(x)
  const along = normalizeAxis('np.unstack', axis, array.aval.rank)
  return range(array.aval.shape[along]!).map((i) =>
    functions.squeeze(ops.sliceInDim(array, i, i + 1, along), { axis: along }),
  )
}

/** The array with at least this rank. */
const atLeast = (x: ArrayLike, rank: number): NDArray => {
  const array = asArray(x)
  return array.aval.rank >= rank
    ? array
    : ops.reshape(array, [...Array<number>(rank - array.aval.rank).fill(1), ...array.aval.shape])
}

const atleast1dDoor = must.door('np.atleast1d', { x: must.arrayLike })

/**
 * The array with at least one axis: a number becomes a vector of one.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.atleast1d(7) // => [7]
 * np.atleast1d(np.zeros([2, 3])).shape // => 2,3
 * ```
 */
export const atleast1d = (x: ArrayLike): NDArray => {
  atleast1dDoor(x)
  return atLeast(x, 1)
}

const atleast2dDoor = must.door('np.atleast2d', { x: must.arrayLike })

/**
 * The array with at least two axes: a vector becomes a row.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.atleast2d(np.array([1, 2, 3])).shape // => 1,3
 * np.atleast2d(7) // => [[7]]
 * ```
 */
export const atleast2d = (x: ArrayLike): NDArray => {
  atleast2dDoor(x)
  return atLeast(x, 2)
}

const vstackDoor = must.door('np.vstack', {
  xs: someArrays,
  options: must.optionsOf<Pick<StackOptions, 'dtype'>>({ dtype: must.dtype }),
})

/**
 * Arrays joined along the first axis, vectors as rows.
 *
 * @throws ShapeError if they differ in another axis.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.vstack([np.array([1, 2]), np.array([[3, 4], [5, 6]])]) // => [[1. 2.]\n [3. 4.]\n [5. 6.]]
 * ```
 */
export const vstack = (xs: Arrays, options: Pick<StackOptions, 'dtype'> = {}): NDArray => {
  vstackDoor(xs, options)
  return calledAs('np.vstack', () => concatenate(listOf(xs).map(atleast2d), { ...options, axis: 0 }))
}

const hstackDoor = must.door('np.hstack', {
  xs: someArrays,
  options: must.optionsOf<Pick<StackOptions, 'dtype'>>({ dtype: must.dtype }),
})

/**
 * Arrays joined along the second axis; vectors along their only one.
 *
 * @throws ShapeError if they differ in another axis.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const x = np.array([[5], [6]])
 * np.hstack([np.ones([2, 1]), x, x.square()]) // => [[ 1.  5. 25.]\n [ 1.  6. 36.]]
 * np.hstack([np.array([1, 2]), np.array([3])]) // => [1. 2. 3.]
 * ```
 */
export const hstack = (xs: Arrays, options: Pick<StackOptions, 'dtype'> = {}): NDArray => {
  hstackDoor(xs, options)
  return calledAs('np.hstack', () => {
    const arrays = listOf(xs).map(atleast1d)
    return concatenate(arrays, { ...options, axis: arrays[0]?.ndim === 1 ? 0 : 1 })
  })
}

const splitDoor = must.door('np.split', {
  x: must.arrayLike,
  parts: must.anyOf(must.times, must.listOf(must.integer)),
  options: must.optionsOf<{ readonly axis?: number }>({ axis: must.axis }),
})

/**
 * Splits along an axis into `parts` equal parts, or at these indices.
 *
 * @returns the parts; a tuple where `parts` is a literal.
 * @throws ShapeError if equal parts are not possible; ArgumentError if an index is not an integer.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const [query, key, value] = np.split(np.ones([4, 6]), 3, { axis: 1 })
 * query.add(key).add(value).shape // => 4,2
 * np.split(np.arange(5), [2]).map(String) // => [0 1],[2 3 4]
 * ```
 */
export const split = <const P extends number | readonly number[]>(
  x: ArrayLike,
  parts: P,
  options: { readonly axis?: number } = {},
): PartsOf<NDArray, P> => {
  splitDoor(x, parts, options)
  const { axis = 0 } = options
  const array = asArray(x)
  const along = normalizeAxis('np.split', axis, array.aval.rank)
  const n = array.aval.shape[along]!
  if (typeof parts === 'number' && (!Number.isInteger(parts) || parts < 1 || n % parts !== 0)) {
    throw new ShapeError(`np.split: axis ${along} of ${array.aval} does not divide into ${parts} equal parts.`)
  }
  const cuts: readonly number[] = typeof parts === 'number' ? range(parts - 1).map((i) => ((i + 1) * n) / parts) : parts
  const clamp = (p: number): number => Math.min(Math.max(p < 0 ? p + n : p, 0), n)
  const starts = [0, ...cuts.map(clamp)]
  const limits = [...cuts.map(clamp), n]
  const pieces = starts.map((start, i) => ops.sliceInDim(array, start, Math.max(start, limits[i]!), along))
  return pieces as PartsOf<NDArray, P>
}
