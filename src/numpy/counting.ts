/** `np`: counts by value. Their shapes depend on values: under transformations an option sets them. */
import { calledAs } from '../core/calledAs.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { range } from '../core/shape.ts'
import { asArray, asIndices, functions } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { inexact } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { ones, zeros } from './creation.ts'
import * as np from './elementwise.ts'
import { concatenate } from './joining.ts'
import { expandDims, reshape, slice } from './movement.ts'
import { max, min, sum } from './reduction.ts'
import { searchsorted } from './sorting.ts'

/** Options of `bincount`. */
export interface BincountOptions {
  /** The weight of each element; 1 by default. */
  readonly weights?: ArrayLike
  /** The least number of counts. */
  readonly minlength?: number
  /** The exact number of counts, needed under transformations; larger numbers are not counted. */
  readonly length?: number
}

const bincountOptions: must.OptionTable<BincountOptions> = {
  weights: must.arrayLike,
  minlength: must.number,
  length: must.extent,
}

const bincountDoor = must.door('np.bincount', { x: must.arrayLike, options: must.optionsOf(bincountOptions) })

/**
 * How often each of the numbers 0, 1, ... occurs in a vector of integers; negative ones count as 0. With weights, their sums.
 *
 * @throws ShapeError unless it is a vector; TracerError under `jit` without `length`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.bincount(np.array(new Int32Array([0, 2, 2]))) // => [1 0 2]
 * np.bincount(np.array(new Int32Array([0, 2, 2])), { length: 2 }) // => [1 0]
 * ```
 */
export const bincount = (x: ArrayLike, options: BincountOptions = {}): NDArray => {
  bincountDoor(x, options)
  const { weights, minlength = 0, length } = options
  const numbers = asIndices('np.bincount', x)
  if (numbers.ndim !== 1) throw new ShapeError(`np.bincount: takes a vector, got ${numbers.aval}.`)
  const places = np.maximum(numbers.astype('int32'), 0)
  const known = (): readonly number[] => Array.from(places.body.host('bincount without { length }') as Int32Array)
  const count = length ?? known().reduce((n, i) => Math.max(n, i + 1), minlength)
  const updates = weights === undefined ? functions.astype(np.equal(places, places), 'int32') : asArray(weights)
  return zeros([count], { dtype: updates.dtype }).at(places).add(updates)
}

/** Options of histograms. */
export interface HistogramOptions {
  /** The number of bins of equal width, 10 by default, or their edges. */
  readonly bins?: number | ArrayLike
  /** The range of the bins, if their number is given; all elements by default. */
  readonly range?: readonly [ArrayLike, ArrayLike]
  /** The weight of each element; 1 by default. */
  readonly weights?: ArrayLike
  /** Whether to return densities, whose integral is 1, instead of counts. */
  readonly density?: boolean
}

const histogramOptions: must.OptionTable<HistogramOptions> = {
  bins: must.anyOf(must.integer, must.arrayLike),
  range: must.pairOf(must.arrayLike),
  weights: must.arrayLike,
  density: must.boolean,
}

const histogramBinEdgesDoor = must.door('np.histogramBinEdges', {
  x: must.arrayLike,
  options: must.optionsOf<Pick<HistogramOptions, 'bins' | 'range'>>({
    bins: must.anyOf(must.integer, must.arrayLike),
    range: must.pairOf(must.arrayLike),
  }),
})

/**
 * The edges of the bins of `histogram`.
 *
 * @throws ArgumentError for a number of bins that is not a positive integer.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.histogramBinEdges(np.array([0, 1, 4]), { bins: 2 }) // => [0. 2. 4.]
 * ```
 */
export const histogramBinEdges = (x: ArrayLike, options: Pick<HistogramOptions, 'bins' | 'range'> = {}): NDArray => {
  histogramBinEdgesDoor(x, options)
  const { bins = 10, range: ends } = options
  if (typeof bins !== 'number') return asArray(bins)
  if (!Number.isInteger(bins) || bins < 1)
    throw new ArgumentError(`np.histogram: bins is a positive number, got ${bins}.`)
  const array = inexact(asArray(x))
  const [from, to] = (ends ?? (array.size === 0 ? [0, 1] : [min(array), max(array)])).map((end) =>
    asArray(end).astype(array.dtype),
  ) as [NDArray, NDArray]
  const half = np.where(np.equal(from, to), 0.5, 0)
  const [low, high] = [np.subtract(from, half), np.add(to, half)]
  const steps = np.divide(asArray(Float64Array.from(range(bins))), bins).astype(array.dtype)
  const inside = np.add(np.multiply(low, np.subtract(1, steps)), np.multiply(high, steps))
  return concatenate([inside, reshape(high, [1])])
}

/** The bin of each element: 0 below all edges, as many as there are edges above them; the last bin includes its right edge. */
const binOf = (x: NDArray, edges: NDArray): NDArray =>
  np.where(np.equal(x, edges.at(-1).get()), edges.size - 1, searchsorted(edges, x, { side: 'right' }))

const widths = (edges: NDArray): NDArray => np.subtract(edges.at(slice(1, null)).get(), edges.at(slice(0, -1)).get())

const histogramDoor = must.door('np.histogram', { x: must.arrayLike, options: must.optionsOf(histogramOptions) })

/**
 * The number of elements in each bin (floats, since they may have weights).
 *
 * @returns `[counts, edges]`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.histogram(np.array([1, 2, 2, 5]), { bins: 2 })[0] // => [3. 1.]
 * ```
 */
export const histogram = (x: ArrayLike, options: HistogramOptions = {}): readonly [counts: NDArray, edges: NDArray] => {
  histogramDoor(x, options)
  const { bins = 10, range: ends, weights, density = false } = options
  const line = inexact(functions.ravel(x))
  const [counts, [edges]] = histogramdd(expandDims(line, 1), {
    density,
    weights: weights ?? ones([line.size], { dtype: line.dtype }),
    bins: typeof bins === 'number' ? bins : [bins],
    ...(ends === undefined ? {} : { range: [ends] }),
  })
  return [counts, edges!]
}

/** Options of histograms of several variables. */
export interface HistogramddOptions {
  /** The number of bins for all variables, 10 by default, or for each variable the number or the edges. */
  readonly bins?: number | readonly (number | ArrayLike)[]
  /** The range of the bins for each variable. */
  readonly range?: readonly (readonly [ArrayLike, ArrayLike])[]
  readonly weights?: ArrayLike
  readonly density?: boolean
}

const histogramddOptions: must.OptionTable<HistogramddOptions> = {
  bins: must.anyOf(must.integer, must.listOf(must.anyOf(must.integer, must.arrayLike))),
  range: must.listOf(must.pairOf(must.arrayLike)),
  weights: must.arrayLike,
  density: must.boolean,
}

const histogramddDoor = must.door('np.histogramdd', { x: must.arrayLike, options: must.optionsOf(histogramddOptions) })

/**
 * The number of points in each box (int32, without weights).
 *
 * @param x - points in rows, shape `[n, d]`.
 * @returns `[counts, edges]`: shape `[bins, bins, ...]`, and the edges along each variable.
 * @throws ShapeError unless it is a matrix; ArgumentError unless there are bins for each variable.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.histogramdd(np.array([[0, 0], [1, 1], [1, 1]]), { bins: 2 })[0].toArray() // => 1,0,0,2
 * ```
 */
export const histogramdd = (
  x: ArrayLike,
  options: HistogramddOptions = {},
): readonly [counts: NDArray, edges: readonly NDArray[]] => {
  histogramddDoor(x, options)
  const { bins = 10, range: ends, weights, density = false } = options
  const points = inexact(asArray(x))
  if (points.ndim !== 2) throw new ShapeError(`np.histogramdd: points are the rows of a matrix, got ${points.aval}.`)
  const d = points.shape[1]!
  if (d === 0) throw new ShapeError(`np.histogramdd: points need a variable or more, got ${points.aval}.`)
  const each = typeof bins === 'number' ? range(d).map(() => bins) : bins
  if (each.length !== d || (ends !== undefined && ends.length !== d)) {
    throw new ArgumentError(`np.histogramdd: needs bins and ranges for each of the ${d} variables of ${points.aval}.`)
  }
  const columns = range(d).map((i) => points.at(':', i).get())
  const edges = columns.map((column, i) =>
    histogramBinEdges(column, { bins: each[i]!, ...(ends === undefined ? {} : { range: ends[i]! }) }),
  )
  const added = asArray(weights ?? new Int32Array(points.shape[0]!).fill(1))
  const shape = edges.map((e) => e.size - 1)
  const places = columns.map((column, i) => np.subtract(binOf(column, edges[i]!), 1))
  const outside = places.map((p, i) => np.logicalOr(np.less(p, 0), np.greaterEqual(p, shape[i]!)))
  // Points that are not counted get an index out of range on the first axis.
  const first = np.where(outside.reduce((a, b) => np.logicalOr(a, b)), shape[0]!, places[0]!) // prettier-ignore
  const counts = zeros(shape, { dtype: added.dtype }).at(first, ...places.slice(1)).add(added) // prettier-ignore
  if (!density) return [counts, edges]
  const volume = edges
    .map((e, i) =>
      reshape(
        widths(e),
        range(d).map((k) => (k === i ? -1 : 1)),
      ),
    ) // prettier-ignore
    .reduce((a, b) => np.multiply(a, b))
  return [np.divide(np.divide(counts, sum(counts)), volume), edges]
}

const histogram2dDoor = must.door('np.histogram2d', {
  x: must.arrayLike,
  y: must.arrayLike,
  options: must.optionsOf(histogramddOptions),
})

/**
 * The number of points (x, y) in each rectangle.
 *
 * @returns `[counts, edges along x, edges along y]`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.histogram2d(np.array([0, 1, 1]), np.array([0, 1, 1]), { bins: 2 })[0].toArray() // => 1,0,0,2
 * ```
 */
export const histogram2d = (
  x: ArrayLike,
  y: ArrayLike,
  options: HistogramddOptions = {},
): readonly [counts: NDArray, xEdges: NDArray, yEdges: NDArray] => {
  histogram2dDoor(x, y, options)
  return calledAs('np.histogram2d', () => {
    const points = concatenate([expandDims(functions.ravel(x), 1), expandDims(functions.ravel(y), 1)], { axis: 1 })
    const [counts, [xEdges, yEdges]] = histogramdd(points, options)
    return [counts, xEdges!, yEdges!]
  })
}

const countNonzeroDoor = must.door('np.countNonzero', {
  x: must.arrayLike,
  options: must.optionsOf<{ readonly axis?: number | readonly number[] | null; readonly keepdims?: boolean }>({
    axis: must.nullable(must.axes),
    keepdims: must.boolean,
  }),
})

/**
 * The number of elements that are not 0 (int32).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.countNonzero(np.array([0, 3, 4])) // => 2
 * ```
 */
export const countNonzero = (
  x: ArrayLike,
  options: { readonly axis?: number | readonly number[] | null; readonly keepdims?: boolean } = {},
): NDArray => {
  countNonzeroDoor(x, options)
  return calledAs('np.countNonzero', () => sum(np.notEqual(x, 0), { ...options, dtype: 'int32' }))
}
