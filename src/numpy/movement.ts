/** `np`: functions that move elements about. */
import { isLinearOperator, takeFromOperator } from '../api/linearOperator.ts'
import type { Factor } from '../api/quantized.ts'
import { isQuantized, takeQuantized } from '../api/quantized.ts'
import type { DType } from '../core/dtype.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { broadcastTwo, normalizeAxes, normalizeAxis, range, showShape } from '../core/shape.ts'
import { Slice } from '../core/slice.ts'
import type { PartsOf } from '../core/tuples.ts'
import * as e from '../ops/elementwise.ts'
import * as ops from '../ops/movement.ts'
import { fullLike, iota, zerosOf } from '../ops/creation.ts'
import { arrayFor, asArray, asIndices, functions } from '../runtime/array.ts'
import * as must from '../surface/arguments.ts'
import { promoteAll } from '../surface/promote.ts'
import type { ArrayLike, GetOptions, TakeOptions } from '../trace/value.ts'
import { NDArray } from '../trace/value.ts'

/** The shape of an array. */
export const shape = (x: ArrayLike): Shape => arrayFor('np.shape', x).aval.shape
/** Number of axes. */
export const ndim = (x: ArrayLike): number => arrayFor('np.ndim', x).aval.rank
const getOptions: must.OptionTable<GetOptions> = {
  mode: must.oneOf(['clip', 'fill', 'promiseInBounds']),
  fillValue: must.number,
}

const sizeDoor = must.door('np.size', { x: must.arrayLike, axis: must.optional(must.axis) })

/** Number of elements, or extent of one axis. */
export const size = (x: ArrayLike, axis?: number): number => {
  sizeDoor(x, axis)
  const { aval } = asArray(x)
  return axis === undefined ? aval.size : aval.shape[normalizeAxis('np.size', axis, aval.rank)]!
}

/** The elements in another shape; one extent may be -1 and is worked out. @throws ShapeError if they do not fill it. */
export const reshape = (x: ArrayLike, newShape: Shape | number): NDArray => functions.reshape(x, newShape)
/** The elements in one axis. */
export const ravel = (x: ArrayLike): NDArray => functions.ravel(x)
/** Axes in another order; reversed by default. */
export const transpose = (x: ArrayLike, axes?: readonly number[] | null): NDArray => functions.transpose(x, axes)
/** Two axes exchanged. */
export const swapaxes = (x: ArrayLike, a: number, b: number): NDArray => functions.swapaxes(x, a, b)
const squeezeDoor = must.door('np.squeeze', {
  x: must.arrayLike,
  options: must.optionsOf<{ readonly axis?: number | readonly number[] | null }>({ axis: must.nullable(must.axes) }),
})

/** Axes of extent 1 removed: all, or those named. */
export const squeeze = (x: ArrayLike, options: { readonly axis?: number | readonly number[] | null } = {}): NDArray => {
  squeezeDoor(x, options)
  return functions.squeeze(x, options)
}
/** New axes of extent 1, at these places of the result. */
export const expandDims = (x: ArrayLike, axis: number | readonly number[]): NDArray => functions.expandDims(x, axis)
/** The array stretched to a shape. @throws ShapeError if it does not broadcast. */
export const broadcastTo = (x: ArrayLike, newShape: Shape): NDArray => functions.broadcastTo(x, newShape)
/** The elements converted; floats saturate into integers, NaN gives 0. */
export const astype = (x: ArrayLike, dtype: DType): NDArray => functions.astype(x, dtype)

const moveaxisDoor = must.door('np.moveaxis', {
  x: must.arrayLike,
  source: must.axes,
  destination: must.axes,
})

/** Axes moved to other places; the others keep their order. */
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

/** Arrays in a list, or the slices of one array along its first axis. */
export type Arrays = readonly ArrayLike[] | NDArray

/** Slices of an array along its first axis, or the arrays of a list. */
export const listOf = (xs: Arrays): readonly ArrayLike[] =>
  xs instanceof NDArray && xs.ndim > 0 ? unstack(xs) : (xs as readonly ArrayLike[])

/** Arrays in one dtype: theirs, by promotion, or a given one. */
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
  /** Of the result; what the dtypes are promoted to by default. */
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
  /** Of the result; what the dtypes are promoted to by default. */
  readonly dtype?: DType
}

const stackOptions: must.OptionTable<StackOptions> = { axis: must.axis, dtype: must.dtype }

const concatenateDoor = must.door('np.concatenate', {
  xs: someArrays,
  options: must.optionsOf(concatenateOptions),
})

/**
 * Arrays joined along an axis that they have. `axis: null` joins their elements in one axis.
 *
 * @throws ShapeError if they differ in another axis.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.concatenate([np.array([1]), np.array([2, 3])]) // => [1. 2. 3.]
 * ```
 */
export const concatenate = (xs: Arrays, options: ConcatenateOptions = {}): NDArray => {
  concatenateDoor(xs, options)
  const { axis = 0, dtype } = options
  const arrays = arraysOf('np.concatenate', xs, dtype)
  if (axis === null) {
    return ops.concatenate(
      arrays.map((x) => ops.reshape(x, [x.aval.size])),
      0,
    )
  }
  return ops.concatenate(arrays, normalizeAxis('np.concatenate', axis, arrays[0]!.aval.rank))
}

const stackDoor = must.door('np.stack', {
  xs: someArrays,
  options: must.optionsOf(stackOptions),
})

/** Arrays of one shape joined along a new axis. */
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

/** Slices along an axis, which goes. */
export const unstack = (x: ArrayLike, options: { readonly axis?: number } = {}): NDArray[] => {
  unstackDoor(x, options)
  const { axis = 0 } = options
  const array = asArray(x)
  const along = normalizeAxis('np.unstack', axis, array.aval.rank)
  return range(array.aval.shape[along]!).map((i) =>
    functions.squeeze(ops.sliceInDim(array, i, i + 1, along), { axis: along }),
  )
}

/** Rank at least 1. */
const atLeast = (x: ArrayLike, rank: number): NDArray => {
  const array = asArray(x)
  return array.aval.rank >= rank
    ? array
    : ops.reshape(array, [...Array<number>(rank - array.aval.rank).fill(1), ...array.aval.shape])
}
const atleast1dDoor = must.door('np.atleast1d', { x: must.arrayLike })

/** The array with at least one axis. */
export const atleast1d = (x: ArrayLike): NDArray => {
  atleast1dDoor(x)
  return atLeast(x, 1)
}
const atleast2dDoor = must.door('np.atleast2d', { x: must.arrayLike })

/** The array with at least two axes. */
export const atleast2d = (x: ArrayLike): NDArray => {
  atleast2dDoor(x)
  return atLeast(x, 2)
}
const vstackDoor = must.door('np.vstack', {
  xs: someArrays,
  options: must.optionsOf<Pick<StackOptions, 'dtype'>>({ dtype: must.dtype }),
})

/** Arrays joined along the first axis, vectors as rows. */
export const vstack = (xs: Arrays, options: Pick<StackOptions, 'dtype'> = {}): NDArray => {
  vstackDoor(xs, options)
  return concatenate(listOf(xs).map(atleast2d), { ...options, axis: 0 })
}
const hstackDoor = must.door('np.hstack', {
  xs: someArrays,
  options: must.optionsOf<Pick<StackOptions, 'dtype'>>({ dtype: must.dtype }),
})

/** Arrays joined along the second axis; vectors along their only one. */
export const hstack = (xs: Arrays, options: Pick<StackOptions, 'dtype'> = {}): NDArray => {
  hstackDoor(xs, options)
  const arrays = listOf(xs).map(atleast1d)
  return concatenate(arrays, { ...options, axis: arrays[0]?.ndim === 1 ? 0 : 1 })
}

const splitDoor = must.door('np.split', {
  x: must.arrayLike,
  parts: must.anyOf(must.times, must.listOf(must.integer)),
  options: must.optionsOf<{ readonly axis?: number }>({ axis: must.axis }),
})

/**
 * Parts along an axis: `parts` equal ones, or cut at these places.
 *
 * @returns as many as there are; where `parts` is written out, as a tuple.
 * @throws ShapeError if equal parts are not possible; ArgumentError if a place is no integer.
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

const flipDoor = must.door('np.flip', {
  x: must.arrayLike,
  options: must.optionsOf<{ readonly axis?: number | readonly number[] | null }>({ axis: must.nullable(must.axes) }),
})

/** The order reversed along axes; all by default. */
export const flip = (x: ArrayLike, options: { readonly axis?: number | readonly number[] | null } = {}): NDArray => {
  flipDoor(x, options)
  const { axis = null } = options
  const array = asArray(x)
  return ops.rev(array, normalizeAxes('np.flip', axis, array.aval.rank))
}

/**
 * Elements at these places along an axis (in all elements by default); out of range gives NaN. Of a `QuantizedArray`, rows: along an
 * axis other than the last; of a `LinearOperator`, rows along axis 0.
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
 * Elements of `x` at `indices` along an axis, matched up in all other axes (which broadcast). Out of range gives NaN, as in
 * `take`, or what the options say.
 *
 * @throws ShapeError if ranks differ.
 */
export const takeAlongAxis = (
  x: ArrayLike,
  indices: ArrayLike,
  axis: number | null = -1,
  options: GetOptions = {},
): NDArray => {
  takeAlongAxisDoor(x, indices, axis, options)
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
  // Of nothing there is nothing inside: a line of one element, and every index beyond it.
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
}

const sliceDoor = must.door('np.slice', {
  start: must.nullable(must.integer),
  stop: must.nullable(must.integer),
  step: must.optional(must.integer),
})

/**
 * A range of indices for `x.at` and `x.get`, as `Array.prototype.slice` has them: from `start` up to, but not including, `stop`;
 * negatives count from the end. `np.slice(1)` is all but the first (Python's `slice(1)` is the first alone: here
 * `np.slice(0, 1)`). With a negative step it goes backwards, from the end by default.
 *
 * @param start - null or nothing: the first (of a negative step the last).
 * @param stop - null or nothing: to the end (of a negative step through the first).
 * @throws IndexError from the array that is indexed, for bounds and steps that are no integers, and for step 0.
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

const diagDoor = must.door('np.diag', { x: must.arrayLike, k: must.optional(must.integer) })

/** The diagonal of a matrix, or a matrix with this diagonal. */
export const diag = (x: ArrayLike, k = 0): NDArray => {
  diagDoor(x, k)
  const array = asArray(x)
  if (array.ndim > 2 || array.ndim === 0)
    throw new ShapeError(`np.diag: needs a vector or a matrix, got ${array.aval}.`)
  if (array.ndim === 2) return diagonal(array, k)
  const n = array.shape[0]! + Math.abs(k)
  const zeros = ops.broadcast(zerosOf(array.aval.withShape([])), [n, n], [])
  const places = Int32Array.from(range(array.shape[0]!))
  const rows = places.map((i) => i + Math.max(-k, 0))
  const columns = places.map((i) => i + Math.max(k, 0))
  return functions.at(zeros, [asArray(rows), asArray(columns)]).set(array, { uniqueIndices: true })
}

const diagonalDoor = must.door('np.diagonal', {
  x: must.arrayLike,
  offset: must.optional(must.integer),
  options: must.optionsOf<{ readonly axis1?: number; readonly axis2?: number }>({
    axis1: must.axis,
    axis2: must.axis,
  }),
})

/** Diagonals of matrices in two axes, the first two by default; above the main one for a positive offset. They become the last axis. */
export const diagonal = (
  x: ArrayLike,
  offset = 0,
  options: { readonly axis1?: number; readonly axis2?: number } = {},
): NDArray => {
  diagonalDoor(x, offset, options)
  const { axis1 = 0, axis2 = 1 } = options
  const array = asArray(x)
  if (array.ndim < 2) throw new ShapeError(`np.diagonal: needs a matrix, got ${array.aval}.`)
  const [i, j] = normalizeAxes('np.diagonal', [axis1, axis2], array.ndim) as [number, number]
  const others = range(array.ndim).filter((d) => d !== i && d !== j)
  const matrices = functions.transpose(array, [...others, i, j])
  const [n, m] = matrices.shape.slice(-2) as [number, number]
  const count = Math.max(0, Math.min(offset > 0 ? n : n + offset, offset > 0 ? m - offset : m))
  const places = Int32Array.from(range(count))
  const rows = asArray(places.map((k) => k + Math.max(-offset, 0)))
  return functions.at(matrices, ['...', rows, asArray(places.map((k) => k + Math.max(offset, 0)))]).get()
}

/** Options of `trace`. */
export interface TraceOptions {
  readonly axis1?: number
  readonly axis2?: number
  /** Of the result, as in `np.sum`. */
  readonly dtype?: DType
}

const traceOptions: must.OptionTable<TraceOptions> = { axis1: must.axis, axis2: must.axis, dtype: must.dtype }

const traceDoor = must.door('np.trace', {
  x: must.arrayLike,
  offset: must.optional(must.arrayLike),
  options: must.optionsOf(traceOptions),
})

/** Sums of diagonals, as in `diagonal`; the offset may be computed. */
export const trace = (x: ArrayLike, offset: ArrayLike = 0, options: TraceOptions = {}): NDArray => {
  traceDoor(x, offset, options)
  const { dtype, ...axes } = options
  const total = dtype === undefined ? {} : { dtype }
  if (typeof offset === 'number') return functions.sum(diagonal(x, offset, axes), { ...total, axis: -1 })
  const array = asArray(x)
  const matrices = moveaxis(array, [axes.axis1 ?? 0, axes.axis2 ?? 1], [-2, -1])
  const by = e.cast(asIndices('np.trace', offset), 'int32')
  const { rank, shape: extents } = matrices.aval
  const rows = ops.broadcastTo(by, extents)
  const onDiagonal = e.eq(e.add(iota('int32', extents, rank - 2), rows), iota('int32', extents, rank - 1))
  return functions.sum(e.select(onDiagonal, matrices, zerosOf(matrices.aval)), { ...total, axis: [-2, -1] })
}
