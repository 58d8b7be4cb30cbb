/** `np`: quantiles, medians. */
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { normalizeAxes, range, sizeOf } from '../core/shape.ts'
import { asArray, functions } from '../runtime/array.ts'
import { inexact } from '../surface/promote.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'
import * as np from './elementwise.ts'
import { expandDims, moveaxis, takeAlongAxis } from './movement.ts'
import { any, sum } from './reduction.ts'
import { sort } from './sorting.ts'

/** What lies between two elements: `linear` interpolates (default), `midpoint` is their mean. */
export type QuantileMethod = 'linear' | 'lower' | 'higher' | 'midpoint' | 'nearest'

/** Options of quantiles. */
export interface QuantileOptions {
  /** Axes to go; all by default. */
  readonly axis?: number | readonly number[] | null
  readonly method?: QuantileMethod
  readonly keepdims?: boolean
}

/** Options of medians. */
export type MedianOptions = Omit<QuantileOptions, 'method'>

/** The reduced axes as one, the last. */
const linesOf = (
  name: string,
  x: NDArray,
  axis: QuantileOptions['axis'],
): readonly [lines: NDArray, axes: number[]] => {
  const axes = normalizeAxes(name, axis ?? null, x.ndim)
  const others = range(x.ndim).filter((d) => !axes.includes(d))
  const count = sizeOf(axes.map((d) => x.shape[d]!))
  if (count === 0) throw new ShapeError(`${name}: there is no quantile of nothing (${x.aval}).`)
  const moved = functions.transpose(x, [...others, ...axes])
  return [functions.reshape(moved, [...others.map((d) => x.shape[d]!), count]), axes]
}

const between: { readonly [M in QuantileMethod]: (low: NDArray, high: NDArray, part: NDArray) => NDArray } = {
  // Where nothing of the higher one is wanted it may be infinite.
  linear: (low, high, part) => {
    const step = np.multiply(np.where(np.greater(part, 0), high, 0), part)
    return np.add(np.multiply(low, np.subtract(1, part)), step)
  },
  lower: (low) => low,
  higher: (_, high) => high,
  midpoint: (low, high) => np.multiply(np.add(low, high), 0.5),
  nearest: (low, high, part) => np.where(np.lessEqual(part, 0.5), low, high),
}

/** Of sorted lines, the first `counts` elements of which count: quantiles `q`, a vector, in a new first axis. */
const sortedQuantiles = (lines: NDArray, counts: NDArray, q: NDArray, method: QuantileMethod): NDArray => {
  const last = np.subtract(counts, 1).astype(lines.dtype)
  const place = np.multiply(expandDims(last, -1), q)
  const low = np.floor(place)
  const at = (index: NDArray): NDArray =>
    takeAlongAxis(lines, np.clip(index, 0, np.maximum(expandDims(last, -1), 0)).astype('int32'), -1)
  return moveaxis(between[method](at(low), at(np.ceil(place)), np.subtract(place, low)), -1, 0)
}

const quantileOf = (
  name: string,
  x: ArrayLike,
  q: ArrayLike,
  { axis = null, method = 'linear', keepdims = false }: QuantileOptions,
  ignoreNan: boolean,
): NDArray => {
  const given = inexact(asArray(x))
  const array = given.dtype === 'float64' ? given : given.astype('float32')
  const probabilities = inexact(asArray(q)).astype(array.dtype)
  if (probabilities.ndim > 1) throw new ShapeError(`${name}: q is a number or a vector, got ${probabilities.aval}.`)
  if (!Object.hasOwn(between, method)) throw new ArgumentError(`${name}: '${method}' is not a method.`)
  const [lines, axes] = linesOf(name, array, axis)
  const isNan = np.isnan(lines)
  const counts = sum(np.logicalNot(isNan), { axis: -1, dtype: 'int32' })
  const found = sortedQuantiles(sort(lines), counts, functions.ravel(probabilities), method)
  const known = ignoreNan ? np.greater(counts, 0) : np.logicalNot(any(isNan, { axis: -1 }))
  const results = np.where(known, found, NaN).astype(given.dtype)
  const one = probabilities.ndim === 0 ? results.at(0).get() : results
  return keepdims ? expandDims(one, axes.map((d) => d + probabilities.ndim)) : one // prettier-ignore
}

/**
 * The values below which fractions `q` of the elements lie; NaN where any element is.
 *
 * @param q - in [0, 1]: a number, or a vector, whose axis comes first in the result.
 * @throws ShapeError of nothing; ArgumentError for an unknown method.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.quantile(np.array([1, 2, 3, 4]), 0.5) // => 2.5
 * np.quantile(np.array([1, 2, 3, 4]), np.array([0, 1])) // => [1. 4.]
 * ```
 */
export const quantile = (x: ArrayLike, q: ArrayLike, options: QuantileOptions = {}): NDArray =>
  quantileOf('quantile', x, q, options, false)

/**
 * `quantile` of the elements that are not NaN; NaN where there are none.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nanquantile(np.array([1, NaN, 3]), 0.5) // => 2.
 * ```
 */
export const nanquantile = (x: ArrayLike, q: ArrayLike, options: QuantileOptions = {}): NDArray =>
  quantileOf('nanquantile', x, q, options, true)

/**
 * `quantile` of `q / 100`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.percentile(np.array([1, 2, 3, 4, 5]), 25) // => 2.
 * ```
 */
export const percentile = (x: ArrayLike, q: ArrayLike, options: QuantileOptions = {}): NDArray =>
  quantileOf('percentile', x, np.divide(q, 100), options, false)

/**
 * `nanquantile` of `q / 100`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nanpercentile(np.array([1, NaN, 5]), 25) // => 2.
 * ```
 */
export const nanpercentile = (x: ArrayLike, q: ArrayLike, options: QuantileOptions = {}): NDArray =>
  quantileOf('nanpercentile', x, np.divide(q, 100), options, true)

/**
 * The element in the middle, or the mean of the two; NaN where any element is.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.median(np.array([[1, 9], [2, 3], [7, 4]]), { axis: 0 }) // => [2. 4.]
 * ```
 */
export const median = (x: ArrayLike, options: MedianOptions = {}): NDArray =>
  quantileOf('median', x, 0.5, { ...options, method: 'midpoint' }, false)

/**
 * `median` of the elements that are not NaN.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nanmedian(np.array([5, NaN, 1])) // => 3.
 * ```
 */
export const nanmedian = (x: ArrayLike, options: MedianOptions = {}): NDArray =>
  quantileOf('nanmedian', x, 0.5, { ...options, method: 'midpoint' }, true)
