/** `np`: quantiles, medians. */
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { normalizeAxes, range, sameShape, sizeOf } from '../core/shape.ts'
import { fullLike } from '../ops/creation.ts'
import { asArray, functions } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { inexact } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import * as np from './elementwise.ts'
import { expandDims, moveaxis, takeAlongAxis } from './movement.ts'
import { any, cumsum, sum } from './reduction.ts'
import { argsort, sort } from './sorting.ts'

/**
 * The value between two elements: `linear` interpolates (default), `midpoint` is their mean. `invertedCdf` is the least element
 * at which the fraction of elements, or of their weights, reaches `q`.
 */
export type QuantileMethod = 'linear' | 'lower' | 'higher' | 'midpoint' | 'nearest' | 'invertedCdf'

/** Options of quantiles. */
export interface QuantileOptions {
  /** The axes to reduce; all by default. */
  readonly axis?: number | readonly number[] | null
  readonly method?: QuantileMethod
  readonly keepdims?: boolean
  /** The weight of each element, for `invertedCdf`: of the array's shape, or of its extents along the axes. */
  readonly weights?: ArrayLike
}

const quantileOptions: must.OptionTable<QuantileOptions> = {
  axis: must.nullable(must.axes),
  method: must.oneOf(['linear', 'lower', 'higher', 'midpoint', 'nearest', 'invertedCdf']),
  keepdims: must.boolean,
  weights: must.arrayLike,
}

/** Options of medians. */
export type MedianOptions = Omit<QuantileOptions, 'method' | 'weights'>

/** The reduced axes flattened into one, the last. */
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

const between: {
  readonly [M in Exclude<QuantileMethod, 'invertedCdf'>]: (low: NDArray, high: NDArray, part: NDArray) => NDArray
} = {
  // Where the weight of the higher one is 0, it may be infinite.
  linear: (low, high, part) => {
    const step = np.multiply(np.where(np.greater(part, 0), high, 0), part)
    return np.add(np.multiply(low, np.subtract(1, part)), step)
  },
  lower: (low) => low,
  higher: (_, high) => high,
  midpoint: (low, high) => np.multiply(np.add(low, high), 0.5),
  nearest: (low, high, part) => np.where(np.lessEqual(part, 0.5), low, high),
}

/** Quantiles `q`, a vector, of the first `counts` elements of sorted 1-D slices, in a new first axis. */
const sortedQuantiles = (lines: NDArray, counts: NDArray, q: NDArray, method: keyof typeof between): NDArray => {
  const last = np.subtract(counts, 1).astype(lines.dtype)
  const place = np.multiply(expandDims(last, -1), q)
  const low = np.floor(place)
  const at = (index: NDArray): NDArray =>
    takeAlongAxis(lines, np.clip(index, 0, np.maximum(expandDims(last, -1), 0)).astype('int32'), -1)
  return moveaxis(between[method](at(low), at(np.ceil(place)), np.subtract(place, low)), -1, 0)
}

/** The first element at which the running sum of weights, in order of the elements, reaches the fraction `q` of their sum. */
const invertedCdf = (lines: NDArray, weights: NDArray, counts: NDArray, q: NDArray): NDArray => {
  const [sorted, order] = [sort(lines), argsort(lines)]
  const counted = np.where(np.isnan(sorted), 0, takeAlongAxis(weights, order, -1)).astype(lines.dtype)
  const running = cumsum(counted, { axis: -1 })
  const targets = np.multiply(expandDims(running.at('...', -1).get(), -1), q)
  const before = np.less(expandDims(running, -2), expandDims(targets, -1))
  const place = np.minimum(sum(before, { axis: -1 }), np.maximum(np.subtract(expandDims(counts, -1), 1), 0))
  return moveaxis(takeAlongAxis(sorted, place, -1), -1, 0)
}

/** Weights in the shape of the array. */
const weightsFor = (name: string, x: NDArray, weights: NDArray, axes: readonly number[]): NDArray => {
  const given = weights.astype(x.dtype)
  if (sameShape(given.shape, x.shape)) return given
  if (
    !sameShape(
      given.shape,
      axes.map((d) => x.shape[d]!),
    )
  ) {
    // prettier-ignore
    throw new ShapeError(`${name}: weights ${weights.aval} must have the shape of ${x.aval}, or its extents along the axes.`)
  }
  const order = range(axes.length).sort((a, b) => axes[a]! - axes[b]!)
  const open = x.shape.map((n, d) => (axes.includes(d) ? n : 1))
  return functions.broadcastTo(functions.reshape(functions.transpose(given, order), open), x.shape)
}

const quantileOf = (
  name: string,
  x: ArrayLike,
  q: ArrayLike,
  { axis = null, method = 'linear', keepdims = false, weights }: QuantileOptions,
  ignoreNan: boolean,
): NDArray => {
  const given = inexact(asArray(x))
  const array = given.dtype === 'float64' ? given : given.astype('float32')
  const probabilities = inexact(asArray(q)).astype(array.dtype)
  if (probabilities.ndim > 1) throw new ShapeError(`${name}: q is a number or a vector, got ${probabilities.aval}.`)
  if (weights !== undefined && method !== 'invertedCdf') {
    throw new ArgumentError(`${name}: only the method 'invertedCdf' has weights, not '${method}'.`)
  }
  const [lines, axes] = linesOf(name, array, axis)
  const isNan = np.isnan(lines)
  const counts = sum(np.logicalNot(isNan), { axis: -1, dtype: 'int32' })
  const wanted = functions.ravel(probabilities)
  const w = weights === undefined ? null : linesOf(name, weightsFor(name, array, asArray(weights), axes), axis)[0]
  const found =
    method === 'invertedCdf'
      ? invertedCdf(lines, w ?? fullLike(lines, 1), counts, wanted)
      : sortedQuantiles(sort(lines), counts, wanted, method)
  const isBad = w === null ? isNan : np.logicalOr(ignoreNan ? false : isNan, np.logicalNot(np.greaterEqual(w, 0)))
  const hasSome = np.greater(counts, 0)
  const known = ignoreNan && w === null ? hasSome : np.logicalAnd(hasSome, np.logicalNot(any(isBad, { axis: -1 })))
  const results = np.where(known, found, NaN).astype(given.dtype)
  const one = probabilities.ndim === 0 ? results.at(0).get() : results
  return keepdims ? expandDims(one, axes.map((d) => d + probabilities.ndim)) : one // prettier-ignore
}

const quantileDoor = must.door('np.quantile', {
  x: must.arrayLike,
  q: must.arrayLike,
  options: must.optionsOf(quantileOptions),
})

/**
 * The values below which fractions `q` of the elements are; NaN where any element is NaN.
 *
 * @param q - in [0, 1]: a number, or a vector, whose axis comes first in the result.
 * @throws ShapeError for an empty array; ArgumentError for an unknown method.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.quantile(np.array([1, 2, 3, 4]), 0.5) // => 2.5
 * np.quantile(np.array([1, 2, 3, 4]), np.array([0, 1])) // => [1. 4.]
 * ```
 */
export const quantile = (x: ArrayLike, q: ArrayLike, options: QuantileOptions = {}): NDArray => {
  quantileDoor(x, q, options)
  return quantileOf('np.quantile', x, q, options, false)
}

const nanquantileDoor = must.door('np.nanquantile', {
  x: must.arrayLike,
  q: must.arrayLike,
  options: must.optionsOf(quantileOptions),
})

/**
 * `quantile` of the elements that are not NaN; NaN where there are none.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nanquantile(np.array([1, NaN, 3]), 0.5) // => 2.
 * ```
 */
export const nanquantile = (x: ArrayLike, q: ArrayLike, options: QuantileOptions = {}): NDArray => {
  nanquantileDoor(x, q, options)
  return quantileOf('np.nanquantile', x, q, options, true)
}

const percentileDoor = must.door('np.percentile', {
  x: must.arrayLike,
  q: must.arrayLike,
  options: must.optionsOf(quantileOptions),
})

/**
 * `quantile` of `q / 100`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.percentile(np.array([1, 2, 3, 4, 5]), 25) // => 2.
 * ```
 */
export const percentile = (x: ArrayLike, q: ArrayLike, options: QuantileOptions = {}): NDArray => {
  percentileDoor(x, q, options)
  return quantileOf('np.percentile', x, np.divide(q, 100), options, false)
}

const nanpercentileDoor = must.door('np.nanpercentile', {
  x: must.arrayLike,
  q: must.arrayLike,
  options: must.optionsOf(quantileOptions),
})

/**
 * `nanquantile` of `q / 100`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nanpercentile(np.array([1, NaN, 5]), 25) // => 2.
 * ```
 */
export const nanpercentile = (x: ArrayLike, q: ArrayLike, options: QuantileOptions = {}): NDArray => {
  nanpercentileDoor(x, q, options)
  return quantileOf('np.nanpercentile', x, np.divide(q, 100), options, true)
}

const medianDoor = must.door('np.median', {
  x: must.arrayLike,
  options: must.optionsOf<Omit<QuantileOptions, 'method' | 'weights'>>({
    axis: must.nullable(must.axes),
    keepdims: must.boolean,
  }),
})

/**
 * The middle element, or the mean of the two middle ones; NaN where any element is NaN.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.median(np.array([[1, 9], [2, 3], [7, 4]]), { axis: 0 }) // => [2. 4.]
 * ```
 */
export const median = (x: ArrayLike, options: MedianOptions = {}): NDArray => {
  medianDoor(x, options)
  return quantileOf('np.median', x, 0.5, { ...options, method: 'midpoint' }, false)
}

const nanmedianDoor = must.door('np.nanmedian', {
  x: must.arrayLike,
  options: must.optionsOf<Omit<QuantileOptions, 'method' | 'weights'>>({
    axis: must.nullable(must.axes),
    keepdims: must.boolean,
  }),
})

/**
 * `median` of the elements that are not NaN.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nanmedian(np.array([5, NaN, 1])) // => 3.
 * ```
 */
export const nanmedian = (x: ArrayLike, options: MedianOptions = {}): NDArray => {
  nanmedianDoor(x, options)
  return quantileOf('np.nanmedian', x, 0.5, { ...options, method: 'midpoint' }, true)
}
