/** `np`: running sums and products by the names of the array API. */
import { ArgumentError } from '../core/errors.ts'
import { normalizeAxis } from '../core/shape.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { cumulativeOptions } from '../surface/reduce.ts'
import type { ArrayLike, CumulativeOptions } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { full } from './creation.ts'
import { concatenate } from './joining.ts'
import { cumprod, cumsum } from './reduction.ts'

/** Options of `cumulativeSum` and `cumulativeProd`. */
export interface RunningOptions extends CumulativeOptions {
  /** Whether results begin with 0 (for products 1), as one more element. */
  readonly includeInitial?: boolean
}

const runningOptions: must.OptionTable<RunningOptions> = { ...cumulativeOptions, includeInitial: must.boolean }

const running =
  (
    name: string,
    cumulate: (x: NDArray, options: CumulativeOptions) => NDArray,
    unit: number,
    enter = must.door(name, { x: must.arrayLike, options: must.optionsOf(runningOptions) }),
  ) =>
  (x: ArrayLike, given: RunningOptions = {}): NDArray => {
    enter(x, given)
    const { axis = null, includeInitial = false, ...options } = given
    const array = asArray(x)
    if (axis === null && array.ndim !== 1) {
      throw new ArgumentError(`${name}: of ${array.aval} it needs to know an axis, { axis }.`)
    }
    const along = normalizeAxis(name, axis ?? 0, array.ndim)
    const totals = cumulate(array, { ...options, axis: along })
    if (!includeInitial) return totals
    return concatenate([full(array.shape.with(along, 1), unit, { dtype: totals.dtype }), totals], { axis: along })
  }

/**
 * Running sums along an axis, which may be omitted for vectors only.
 *
 * @throws ArgumentError without an axis, unless it is a vector.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.cumulativeSum(np.array([1, 2, 3]), { includeInitial: true }) // => [0. 1. 3. 6.]
 * ```
 */
export const cumulativeSum = running('np.cumulativeSum', cumsum, 0)

/**
 * Running products along an axis, which may be omitted for vectors only.
 *
 * @throws ArgumentError without an axis, unless it is a vector.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.cumulativeProd(np.array([1, 2, 3]), { includeInitial: true }) // => [1. 1. 2. 6.]
 * ```
 */
export const cumulativeProd = running('np.cumulativeProd', cumprod, 1)
