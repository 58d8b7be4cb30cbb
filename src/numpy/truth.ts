/** Arrays as conditions. */
import { arrayFor } from '../runtime/installArrays.ts'
import type { ArrayLike } from '../trace/surface.ts'

/**
 * Whether an array of one element is true (a number: whether it is not 0). An array as a condition, `if (x)` or `!x`, is always
 * true in JS, as all objects are; `if (np.isTrue(x))` tests its element.
 *
 * @throws TracerError under a transformation (use `np.where` or `lax.cond` there); ShapeError unless it has one element: reduce
 *   it with `np.any` or `np.all`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.isTrue(np.any(np.greater([1, 2], 1))) // => true
 * ```
 */
export const isTrue = (x: ArrayLike): boolean => arrayFor('np.isTrue', x).bool()
