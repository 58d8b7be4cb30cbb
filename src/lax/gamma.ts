/** `lax`: the logarithm of the gamma function, and its derivatives. */
import * as ops from '../primitives/gammaOperations.ts'
import { arrayFor } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

/**
 * log |Γ(x)|; infinite at 0, -1, -2, … Accurate within 4 units in the last place for `x > 0`; between its zeros 1 and 2, within
 * 4 units of 1/8; for `x < 0`, where it has zeros between the poles, within 4 units of the larger of 1 and its value at `|x|`.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { grad, lax, np } from 'pullback'
 * lax.lgamma(np.array([1, 5, 0.5, -1])) // => [0.        3.1780539 0.5723649       inf]
 * grad(lax.lgamma)(1) // => -0.5772157
 * ```
 */
export const lgamma = (x: ArrayLike): NDArray => ops.lgamma(arrayFor('lax.lgamma', x))

/**
 * The derivative of `lgamma`, ψ; NaN at 0, -1, -2, … Accurate within 4 units in the last place of the larger of 1 and its value
 * at `|x|`: it has a zero at 1.46, and others between the poles.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.digamma(np.array([1, 2, 10, 0])) // => [-0.5772157   0.42278433  2.2517526          nan]
 * ```
 */
export const digamma = (x: ArrayLike): NDArray => ops.digamma(arrayFor('lax.digamma', x))

const polygammaDoor = must.door('lax.polygamma', { order: must.count, x: must.arrayLike })

/**
 * The derivative of `digamma` of an order of at least 1.
 *
 * @throws ArgumentError unless the order is a positive integer; DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.polygamma(1, np.array([1, 2])) // => [1.644934   0.64493406]
 * ```
 */
export const polygamma = (order: number, x: ArrayLike): NDArray => {
  polygammaDoor(order, x)
  return ops.polygamma(arrayFor('lax.polygamma', x), order)
}
