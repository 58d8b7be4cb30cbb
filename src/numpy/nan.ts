/** `np`: reductions of the elements that are not NaN. Gradients at NaN elements are 0. */
import { calledAs } from '../core/calledAs.ts'
import { isFloat } from '../core/dtype.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { inexact } from '../conversions/promote.ts'
import {
  argOptions,
  cumulativeOptions,
  extremumOptions,
  meanOptions,
  sumOptions,
  varOptions,
} from '../surface/reduce.ts'
import type {
  ArgOptions,
  ArrayLike,
  CumulativeOptions,
  ExtremumOptions,
  MeanOptions,
  SumOptions,
  VarOptions,
} from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import * as np from './elementwise.ts'
import * as reduction from './reduction.ts'

const without = (x: ArrayLike, value: number): NDArray => {
  const array = asArray(x)
  return isFloat(array.dtype) ? np.where(np.isnan(array), value, array).astype(array.dtype) : array
}

const numbers = (x: ArrayLike): NDArray => np.logicalNot(np.isnan(x))

const nansumDoor = must.door('np.nansum', { x: must.arrayLike, options: must.optionsOf(sumOptions) })

/**
 * Sum of the elements that are not NaN.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nansum(np.array([1, NaN, 2])) // => 3.
 * ```
 */
export const nansum = (x: ArrayLike, options?: SumOptions): NDArray => {
  nansumDoor(x, options)
  return calledAs('np.nansum', () => reduction.sum(without(x, 0), options))
}

const nanprodDoor = must.door('np.nanprod', { x: must.arrayLike, options: must.optionsOf(sumOptions) })

/**
 * Product of the elements that are not NaN.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nanprod(np.array([3, NaN, 2])) // => 6.
 * ```
 */
export const nanprod = (x: ArrayLike, options?: SumOptions): NDArray => {
  nanprodDoor(x, options)
  return calledAs('np.nanprod', () => reduction.prod(without(x, 1), options))
}

const nancumsumDoor = must.door('np.nancumsum', { x: must.arrayLike, options: must.optionsOf(cumulativeOptions) })

/**
 * Running sums, where NaN counts as 0.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nancumsum(np.array([1, NaN, 2])) // => [1. 1. 3.]
 * ```
 */
export const nancumsum = (x: ArrayLike, options?: CumulativeOptions): NDArray => {
  nancumsumDoor(x, options)
  return calledAs('np.nancumsum', () => reduction.cumsum(without(x, 0), options))
}

const nancumprodDoor = must.door('np.nancumprod', { x: must.arrayLike, options: must.optionsOf(cumulativeOptions) })

/**
 * Running products, where NaN counts as 1.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nancumprod(np.array([3, NaN, 2])) // => [3. 3. 6.]
 * ```
 */
export const nancumprod = (x: ArrayLike, options?: CumulativeOptions): NDArray => {
  nancumprodDoor(x, options)
  return calledAs('np.nancumprod', () => reduction.cumprod(without(x, 1), options))
}

const extremum =
  (
    name: string,
    reduce: (x: NDArray, options: ExtremumOptions) => NDArray,
    least: number,
    enter = must.door(name, { x: must.arrayLike, options: must.optionsOf(extremumOptions) }),
  ) =>
  (x: ArrayLike, options: ExtremumOptions = {}): NDArray => {
    enter(x, options)
    const array = asArray(x)
    if (!isFloat(array.dtype)) return calledAs(name, () => reduce(array, options))
    const { axis = null, keepdims = false, where = true, initial } = options
    const best = calledAs(name, () => reduce(without(array, least), options))
    if (initial !== undefined) return best
    const known = reduction.any(np.logicalAnd(numbers(array), where), { axis, keepdims })
    return np.where(known, best, NaN).astype(array.dtype)
  }

/**
 * Largest element that is not NaN; NaN if all are.
 *
 * @throws ShapeError for an empty array.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nanmax(np.array([1, NaN, 2])) // => 2.
 * ```
 */
export const nanmax = extremum('np.nanmax', reduction.max, -Infinity)

/**
 * Smallest element that is not NaN; NaN if all are.
 *
 * @throws ShapeError for an empty array.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nanmin(np.array([1, NaN, 2])) // => 1.
 * ```
 */
export const nanmin = extremum('np.nanmin', reduction.min, Infinity)

const argument =
  (
    name: string,
    choose: (x: NDArray, options: ArgOptions) => NDArray,
    least: number,
    enter = must.door(name, { x: must.arrayLike, options: must.optionsOf(argOptions) }),
  ) =>
  (x: ArrayLike, options: ArgOptions = {}): NDArray => {
    enter(x, options)
    const { axis = null, keepdims = false } = options
    return calledAs(name, () => {
      const known = reduction.any(numbers(x), { axis, keepdims })
      return np.where(known, choose(without(x, least), options), -1)
    })
  }

/**
 * Index (int32) of the first largest element that is not NaN; -1 if all are.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nanargmax(np.array([NaN, 5, 2])) // => 1
 * ```
 */
export const nanargmax = argument('np.nanargmax', reduction.argmax, -Infinity)

/**
 * Index (int32) of the first smallest element that is not NaN; -1 if all are.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nanargmin(np.array([NaN, 5, 2])) // => 2
 * ```
 */
export const nanargmin = argument('np.nanargmin', reduction.argmin, Infinity)

const numbersOf = (x: ArrayLike, where: ArrayLike | undefined): NDArray =>
  where === undefined ? numbers(x) : np.logicalAnd(numbers(x), where)

const nanmeanDoor = must.door('np.nanmean', { x: must.arrayLike, options: must.optionsOf(meanOptions) })

/**
 * Mean of the elements that are not NaN; NaN if all are.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nanmean(np.array([1, NaN, 3])) // => 2.
 * ```
 */
export const nanmean = (x: ArrayLike, options: MeanOptions = {}): NDArray => {
  nanmeanDoor(x, options)
  return calledAs('np.nanmean', () => reduction.mean(without(x, 0), { ...options, where: numbersOf(x, options.where) }))
}

const nanvarDoor = must.door('np.nanvar', { x: must.arrayLike, options: must.optionsOf(varOptions) })

/**
 * Variance of the elements that are not NaN; NaN where there are at most `ddof`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nanvar(np.array([1, NaN, 3])) // => 1.
 * ```
 */
export const nanvar = (x: ArrayLike, options: VarOptions = {}): NDArray => {
  nanvarDoor(x, options)
  return calledAs('np.nanvar', () => {
    const { axis = null, keepdims = false, ddof = 0 } = options
    const where = numbersOf(x, options.where)
    const spread = reduction.var(without(inexact(asArray(x)), 0), { ...options, where })
    const enough = np.greater(reduction.sum(where, { axis, keepdims, dtype: 'int32' }), ddof)
    return np.where(enough, spread, NaN).astype(spread.dtype)
  })
}

const nanstdDoor = must.door('np.nanstd', { x: must.arrayLike, options: must.optionsOf(varOptions) })

/**
 * Standard deviation: the square root of `nanvar`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nanstd(np.array([1, NaN, 3])) // => 1.
 * ```
 */
export const nanstd = (x: ArrayLike, options: VarOptions = {}): NDArray => {
  nanstdDoor(x, options)
  return calledAs('np.nanstd', () => np.sqrt(nanvar(x, options)))
}

/** Options of `nanToNum`. */
export interface NanToNumOptions {
  /** The replacement for NaN; 0 by default. */
  readonly nan?: ArrayLike
  /** The replacement for infinity; the largest float of the dtype by default. */
  readonly posinf?: ArrayLike
  /** The replacement for minus infinity; the least float of the dtype by default. */
  readonly neginf?: ArrayLike
}

const nanToNumOptions: must.OptionTable<NanToNumOptions> = {
  nan: must.arrayLike,
  posinf: must.arrayLike,
  neginf: must.arrayLike,
}

const nanToNumDoor = must.door('np.nanToNum', { x: must.arrayLike, options: must.optionsOf(nanToNumOptions) })

/**
 * Replaces NaN and infinities by finite numbers.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nanToNum(np.array([NaN, 1, Infinity]), { posinf: 9 }) // => [0. 1. 9.]
 * ```
 */
export const nanToNum = (x: ArrayLike, options: NanToNumOptions = {}): NDArray => {
  nanToNumDoor(x, options)
  const { nan = 0, posinf, neginf } = options
  const array = asArray(x)
  if (!isFloat(array.dtype)) return array
  const largest = largestOf[array.dtype]
  const wide = array.dtype === 'float64' ? array : array.astype('float32')
  const numbers = np.where(np.isnan(wide), nan, wide)
  const below = np.where(np.equal(wide, -Infinity), neginf ?? -largest, numbers)
  return np.where(np.equal(wide, Infinity), posinf ?? largest, below).astype(array.dtype)
}

const largestOf = {
  float64: Number.MAX_VALUE,
  float32: (2 - 2 ** -23) * 2 ** 127,
  float16: 65504,
  bfloat16: (2 - 2 ** -7) * 2 ** 127,
}
