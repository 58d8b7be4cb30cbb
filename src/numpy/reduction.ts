/** `np`: reductions. `axis` is one axis, several, or null for all; negatives count from the end. */
import * as reduce from '../surface/reduce.ts'
import { functions } from '../runtime/array.ts'
import type {
  ArgOptions,
  ArrayLike,
  CumulativeOptions,
  ExtremumOptions,
  MeanOptions,
  NDArray,
  ReduceOptions,
  SumOptions,
  VarOptions,
} from '../trace/value.ts'

/**
 * Sum, pairwise in double precision; 0 where there is nothing to add. Bools and 8-bit integers widen to 32 bits.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.sum(np.array([[1, 2], [3, 4]]), { axis: 0 }) // => [4. 6.]
 * ```
 */
export const sum = (x: ArrayLike, options?: SumOptions): NDArray => functions.sum(x, options)
/** Product; 1 where there is nothing to multiply. Its derivative is right where factors are 0. */
export const prod = (x: ArrayLike, options?: SumOptions): NDArray => functions.prod(x, options)
/** Mean, as a float; NaN of nothing. */
export const mean = (x: ArrayLike, options?: MeanOptions): NDArray => functions.mean(x, options)
/** Largest element; NaN if any is. Ties share the gradient. @throws ShapeError of nothing. */
export const max = (x: ArrayLike, options?: ExtremumOptions): NDArray => functions.max(x, options)
/** Smallest element; NaN if any is. Ties share the gradient. @throws ShapeError of nothing. */
export const min = (x: ArrayLike, options?: ExtremumOptions): NDArray => functions.min(x, options)
/** Variance in two passes; the divisor is `n - ddof`. */
const variance = (x: ArrayLike, options?: VarOptions): NDArray => functions.var(x, options)
export { variance as var }
/** Standard deviation: the square root of `var`. */
export const std = (x: ArrayLike, options?: VarOptions): NDArray => functions.std(x, options)
/** Whether all elements are true (not 0). */
export const all = (x: ArrayLike, options?: ReduceOptions): NDArray => functions.all(x, options)
/** Whether any element is true (not 0). */
export const any = (x: ArrayLike, options?: ReduceOptions): NDArray => functions.any(x, options)
/** Index (int32) of the first largest element, or of the first NaN; among all elements without an axis. */
export const argmax = (x: ArrayLike, options?: ArgOptions): NDArray => functions.argmax(x, options)
/** Index (int32) of the first smallest element, or of the first NaN; among all elements without an axis. */
export const argmin = (x: ArrayLike, options?: ArgOptions): NDArray => functions.argmin(x, options)
/** Running sums along an axis; over all elements without one. */
export const cumsum = (x: ArrayLike, options?: CumulativeOptions): NDArray => functions.cumsum(x, options)
/** Running products along an axis; over all elements without one. */
export const cumprod = (x: ArrayLike, options?: CumulativeOptions): NDArray => reduce.cumprod(x, options)
