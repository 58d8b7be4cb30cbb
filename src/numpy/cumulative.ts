/** `np`: running sums and products in the words of the array API. */
import { ArgumentError } from '../core/errors.ts'
import { normalizeAxis } from '../core/shape.ts'
import { asArray } from '../runtime/array.ts'
import type { ArrayLike, CumulativeOptions, NDArray } from '../trace/value.ts'
import { full } from './creation.ts'
import { concatenate } from './movement.ts'
import { cumprod, cumsum } from './reduction.ts'

/** Options of `cumulativeSum` and `cumulativeProd`. */
export interface RunningOptions extends CumulativeOptions {
  /** Whether results begin with what sums (products) begin with: one element more. */
  readonly includeInitial?: boolean
}

const running =
  (name: string, cumulate: (x: NDArray, options: CumulativeOptions) => NDArray, unit: number) =>
  (x: ArrayLike, { axis = null, includeInitial = false, ...options }: RunningOptions = {}): NDArray => {
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
 * Running sums along an axis, which may be left out of vectors only.
 *
 * @throws ArgumentError without an axis, unless it is a vector.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.cumulativeSum(np.array([1, 2, 3]), { includeInitial: true }) // => [0. 1. 3. 6.]
 * ```
 */
export const cumulativeSum = running('cumulativeSum', cumsum, 0)

/**
 * Running products along an axis, which may be left out of vectors only.
 *
 * @throws ArgumentError without an axis, unless it is a vector.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.cumulativeProd(np.array([1, 2, 3]), { includeInitial: true }) // => [1. 1. 2. 6.]
 * ```
 */
export const cumulativeProd = running('cumulativeProd', cumprod, 1)
