/** `np`: powers of e, 2 and 10, their logarithms, and roots, element by element. Integers become float32. */
import { full, fullLike, zerosLike } from '../ops/creation.ts'
import * as ops from '../ops/elementwise.ts'
import { arrayFor, float, functions } from '../runtime/installArrays.ts'
import { promoteTwoInexact } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

// A constant with a strong dtype, as in JAX: results are no longer weakly typed.
const strong = ({ aval }: NDArray, value: number): NDArray => full(aval.shape, value, aval.dtype)

/**
 * Square root; NaN for negative numbers. Integers become float32, as in all functions here.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.sqrt(np.array([9, 2, -1])) // => [3.        1.4142135       nan]
 * np.sqrt(np.arange(3)).dtype // => float32
 * ```
 */
export const sqrt = functions.sqrt

/**
 * e to the power `x`. In float32 it overflows to infinity beyond 88.7.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.exp(np.array([0, 1, -Infinity])) // => [1.        2.7182817 0.       ]
 * np.exp(np.array([88, 89])) // => [1.6516363e+38           inf]
 * ```
 */
export const exp = functions.exp

/**
 * Natural logarithm; -Infinity at 0, NaN below.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.log(np.array([1, 10, 0, -1])) // => [0.        2.3025851      -inf       nan]
 * // The entropy of a distribution, in nats.
 * const p = np.array([0.5, 0.25, 0.25])
 * np.sum(p.mul(np.log(p))).neg() // => 1.0397208
 * ```
 */
export const log = functions.log

/**
 * `log(1 + x)`, accurate near 0.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.log1p(1e-8) // => 1.e-08
 * np.log(np.add(1, 1e-8)) // => 0.
 * ```
 */
export const log1p = float('np.log1p', ops.log1p)

/**
 * `exp(x) - 1`, accurate near 0.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.expm1(1e-8) // => 1.e-08
 * np.exp(1e-8).sub(1) // => 0.
 * ```
 */
export const expm1 = float('np.expm1', ops.expm1)

/**
 * 2 to the power `x`, a float.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.exp2(np.array([0, 3, -1])) // => [1.  8.  0.5]
 * np.exp2(0.5) // => 1.4142135
 * ```
 */
export const exp2 = float('np.exp2', ops.exp2)

/**
 * Cube root, also of negative numbers.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.cbrt(np.array([27, -8])) // => [ 3. -2.]
 * np.power(np.array([27, -8]), 1 / 3) // => [ 3. nan]
 * ```
 */
export const cbrt = float('np.cbrt', ops.cbrt)

/**
 * Logarithm to the base 2.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.log2(np.array([1, 1024, 0.25])) // => [ 0. 10. -2.]
 * ```
 */
export const log2 = float('np.log2', (x) => ops.div(ops.log(x), strong(x, Math.LN2)))

/**
 * Logarithm to the base 10.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.log10(np.array([1, 1000, 0.01])) // => [ 0.  3. -2.]
 * // Decibels above 2.
 * const power = np.array([2, 200])
 * np.log10(power.div(2)).mul(10) // => [ 0. 20.]
 * ```
 */
export const log10 = float('np.log10', (x) => ops.div(ops.log(x), strong(x, Math.LN10)))

/**
 * `log(exp(x) + exp(y))`, without overflow: adds two numbers given by their logarithms.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.logaddexp(1000, 1000) // => 1000.6932
 * np.log(np.add(np.exp(1000), np.exp(1000))) // => inf
 * const softplus = (x: NDArray) => np.logaddexp(x, 0)
 * softplus(np.array([0, 100])) // => [  0.6931472 100.       ]
 * ```
 */
export const logaddexp = (x: ArrayLike, y: ArrayLike): NDArray =>
  ops.logaddexp(...promoteTwoInexact('np.logaddexp', arrayFor('np.logaddexp', x), arrayFor('np.logaddexp', y)))

/**
 * `sqrt(x² + y²)`, without intermediate overflow or underflow.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.hypot(3, 4) // => 5.
 * np.hypot(3e30, 4e30) // => 5.e+30
 * np.sqrt(np.add(np.square(3e30), np.square(4e30))) // => inf
 * ```
 */
export const hypot = (x: ArrayLike, y: ArrayLike): NDArray => {
  const operands = promoteTwoInexact('np.hypot', arrayFor('np.hypot', x), arrayFor('np.hypot', y))
  const [a, b] = operands.map(ops.abs) as [NDArray, NDArray]
  // Not the maximum and the minimum: at ties their derivatives are not those of one operand, and second derivatives would be
  // wrong.
  const first = ops.ge(a, b)
  const [longer, shorter] = [ops.select(first, a, b), ops.select(first, b, a)]
  const none = ops.eq(longer, zerosLike(longer))
  const ratio = ops.div(shorter, ops.select(none, fullLike(longer, 1), longer))
  const length = ops.mul(longer, ops.sqrt(ops.add(fullLike(ratio, 1), ops.mul(ratio, ratio))))
  // An infinity beside a NaN is still an infinity.
  const infinity = strong(longer, Infinity)
  const infinite = ops.or(ops.eq(a, infinity), ops.eq(b, infinity))
  return ops.select(infinite, infinity, ops.select(none, ops.max(a, b), length))
}
