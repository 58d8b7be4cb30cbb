/** `np`: reductions. `axis` is one axis, several, or null for all; negatives count from the end. */
import { functions } from '../runtime/installArrays.ts'

/**
 * Sum, pairwise in double precision; 0 for no elements. Bools and integers of 8 and 16 bits widen to 32 bits.
 *
 * @throws ShapeError for an axis that `x` does not have.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const x = np.array([[1, 2], [3, 4]])
 * np.sum(x) // => 10.
 * np.sum(x, { axis: 0 }) // => [4. 6.]
 * x.div(np.sum(x, { axis: 1, keepdims: true })) // => [[0.33333334 0.6666667 ]\n [0.42857143 0.5714286 ]]
 * np.sum(x, { where: np.greater(x, 2), initial: 100 }) // => 107.
 * ```
 */
export const sum = functions.sum
/**
 * Product; 1 for no elements. Bools and integers of 8 and 16 bits widen to 32. Its derivative is also right where factors are
 * 0.
 *
 * @example
 * ```ts
 * import { grad, np } from 'pullback'
 * np.prod(np.array([[1, 2], [3, 4]]), { axis: 1 }) // => [ 2. 12.]
 * np.prod(np.zeros(0)) // => 1.
 * grad((x) => np.prod(x))(np.array([0, 2, 3])) // => [6. 0. 0.]
 * ```
 */
export const prod = functions.prod
/**
 * Mean, as a float: integers and bools give float32; NaN for no elements.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const x = np.array([[1, 2], [3, 6]])
 * np.mean(x, { axis: 0 }) // => [2. 4.]
 * np.mean(x, { axis: 1, keepdims: true }).shape // => 2,1
 * np.mean(x, { where: np.greater(x, 1) }) // => 3.6666667
 * ```
 */
export const mean = functions.mean
/**
 * Largest element; NaN if any is NaN. Ties share the gradient. `np.maximum` compares two arrays.
 *
 * @throws ShapeError for an empty array, unless `initial` is given; ArgumentError for `where` without `initial`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const x = np.array([[1, 5], [7, 3]])
 * np.max(x, { axis: 1 }) // => [5. 7.]
 * np.max(x, { initial: 0, where: np.less(x, 6) }) // => 5.
 * np.max(np.zeros(0)) // throws ShapeError
 * ```
 */
export const max = functions.max
/**
 * Smallest element; NaN if any is NaN. Ties share the gradient. `np.minimum` compares two arrays.
 *
 * @throws ShapeError for an empty array, unless `initial` is given; ArgumentError for `where` without `initial`.
 * @example
 * ```ts
 * import { grad, np } from 'pullback'
 * np.min(np.array([[4, 2], [3, 8]]), { axis: 0 }) // => [3. 2.]
 * np.min(np.zeros([0]), { initial: Infinity }) // => inf
 * grad((x) => np.min(x))(np.array([1, 2, 1])) // => [0.5 0.  0.5]
 * ```
 */
export const min = functions.min
/**
 * Variance in two passes, as a float; the divisor is `n - ddof`, and the result NaN where that is not positive.
 *
 * @throws ArgumentError if `ddof` and `correction` differ; DTypeError for a dtype that is not a float.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const sample = np.array([1, 2, 3, 4])
 * np.var(sample) // => 1.25
 * np.var(sample, { ddof: 1 }) // => 1.6666666
 * np.var(np.array([3]), { ddof: 1 }) // => nan
 * ```
 */
const variance = functions.var
export { variance as var }
/**
 * Standard deviation: the square root of `var`, with its options.
 *
 * @throws ArgumentError if `ddof` and `correction` differ; DTypeError for a dtype that is not a float.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const x = np.array([[1, 10], [3, 50]])
 * np.std(x, { axis: 0 }) // => [ 1. 20.]
 * x.sub(np.mean(x, { axis: 0 })).div(np.std(x, { axis: 0 })) // => [[-1. -1.]\n [ 1.  1.]]
 * ```
 */
export const std = functions.std
/**
 * Whether all elements are true (not 0), a bool; true where there are none.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.all(np.array([[1, 0], [2, 3]]), { axis: 1 }) // => [False  True]
 * np.all(np.zeros(0)) // => True
 * ```
 */
export const all = functions.all
/**
 * Whether any element is true (not 0), a bool; false where there are none.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const x = np.array([[1, NaN], [2, 3]])
 * np.any(np.isnan(x), { axis: 1 }) // => [ True False]
 * np.any(np.zeros(0)) // => False
 * ```
 */
export const any = functions.any
/**
 * Index (int32) of the first largest element, or of the first NaN; among all elements without an axis.
 *
 * @throws ShapeError for an empty array.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const logits = np.array([[0.1, 2, 0.3], [5, 1, 5]])
 * np.argmax(logits, { axis: -1 }) // => [1 0]
 * np.argmax(logits) // => 3
 * ```
 */
export const argmax = functions.argmax
/**
 * Index (int32) of the first smallest element, or of the first NaN; among all elements without an axis.
 *
 * @throws ShapeError for an empty array.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const distances = np.array([[3, 1], [2, 4]])
 * np.argmin(distances, { axis: 1, keepdims: true }) // => [[1]\n [0]]
 * np.argmin(np.array([1, NaN, 0])) // => 1
 * ```
 */
export const argmin = functions.argmin
/**
 * Running sums along an axis, of the shape of `x`; without an axis, over the flattened array.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.cumsum(np.array([[1, 2], [3, 4]])) // => [ 1.  3.  6. 10.]
 * np.cumsum(np.array([[1, 2], [3, 4]]), { axis: 0 }) // => [[1. 2.]\n [4. 6.]]
 * np.cumsum(np.array([true, false, true])) // => [1 1 2]
 * ```
 */
export const cumsum = functions.cumsum
/**
 * Running products along an axis, of the shape of `x`; without an axis, over the flattened array.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.cumprod(np.array([1, 2, 3, 4])) // => [ 1.  2.  6. 24.]
 * // The part that is left after each year's losses.
 * const losses = np.array([0.5, 0, 0.25])
 * np.cumprod(np.subtract(1, losses)) // => [0.5   0.5   0.375]
 * ```
 */
export const cumprod = functions.cumprod
