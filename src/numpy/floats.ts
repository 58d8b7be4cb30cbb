/** `np`: the parts of floats. */
import type { DType } from '../core/dtype.ts'
import { bitsOf, isHalf } from '../core/dtype.ts'
import { DTypeError } from '../core/errors.ts'
import { fullLike } from '../ops/creation.ts'
import * as ops from '../ops/elementwise.ts'
import { arrayFor } from '../runtime/installArrays.ts'
import { inexact, promoteTwoInexact } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import * as np from './elementwise.ts'

/** Signed integers by their width. */
const integerOf: { readonly [bits: number]: DType } = { 16: 'int16', 32: 'int32', 64: 'int64' }

/**
 * Whether the sign is negative: true for -0, and false for NaN, whose bits are unspecified.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.signbit(np.array([-1, -0, 0, 1])) // => [ True  True False False]
 * ```
 */
export const signbit = (x: ArrayLike): NDArray => {
  const array = inexact(arrayFor('np.signbit', x))
  return ops.and(np.less(ops.bitcast(array, integerOf[bitsOf(array.dtype)]!), 0), ops.eq(array, array))
}

/**
 * The absolute value of `x` with the sign of `y`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.copysign(np.array([1, -2]), np.array([-3, 4])) // => [-1.  2.]
 * ```
 */
export const copysign = (x: ArrayLike, y: ArrayLike): NDArray => {
  const [a, b] = promoteTwoInexact('np.copysign', arrayFor('np.copysign', x), arrayFor('np.copysign', y))
  return np.where(np.equal(signbit(a), signbit(b)), a, np.negative(a))
}

/**
 * The next float after `x` in the direction of `y`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.nextafter(1, 2).item() > 1 // => true
 * ```
 */
export const nextafter = (x: ArrayLike, y: ArrayLike): NDArray =>
  ops.nextafter(...promoteTwoInexact('np.nextafter', arrayFor('np.nextafter', x), arrayFor('np.nextafter', y)))

/**
 * The distance to the next float away from zero, with the sign of `x`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.spacing(1) // => 1.1920929e-07
 * ```
 */
export const spacing = (x: ArrayLike): NDArray => {
  const array = inexact(arrayFor('np.spacing', x))
  const away = ops.nextafter(array, np.where(signbit(array), -Infinity, fullLike(array, Infinity)))
  return np.where(np.isfinite(array), np.subtract(away, array), NaN).astype(array.dtype)
}

/**
 * `[fraction, whole]`: the integer part, rounded towards 0, and the rest, `x - whole`, which is 0 for infinities.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.modf(2.5).map((x) => x.item()) // => 0.5,2
 * ```
 */
export const modf = (x: ArrayLike): readonly [fraction: NDArray, whole: NDArray] => {
  const array = inexact(arrayFor('np.modf', x))
  const whole = np.trunc(array)
  const rest = np.subtract(array, np.where(np.isinf(array), 0, whole))
  return [np.where(np.isinf(array), 0, rest).astype(array.dtype), whole]
}

/** 2ⁿ for integers n as floats, in three factors, none of which over- or underflows before the product does. */
const scaled = (x: NDArray, n: NDArray): NDArray => {
  const third = np.trunc(np.divide(n, 3))
  const rest = np.subtract(np.subtract(n, third), third)
  const power = (m: NDArray): NDArray => powerOfTwo(m, x)
  return np.multiply(np.multiply(np.multiply(x, power(third)), power(third)), power(rest))
}

/** 2ⁿ exactly, by squaring, over the bits of the exponent. */
const powerOfTwo = (n: NDArray, like: NDArray): NDArray => {
  const size = np.abs(n).astype('int32')
  let result = fullLike(like, 1)
  for (let bit = 0; bit < 10; bit++) {
    const has = np.equal(np.remainder(np.floorDivide(size, 2 ** bit), 2), 1)
    const factor = np.where(np.less(n, 0), fullLike(like, 2 ** -(2 ** bit)), fullLike(like, 2 ** (2 ** bit)))
    result = np.multiply(result, np.where(has, factor, 1))
  }
  return result
}

/**
 * `x · 2ⁿ`, for an integer n.
 *
 * @throws DTypeError unless n is an integer.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.ldexp(0.75, np.array(new Int32Array([0, 3]))) // => [0.75 6.  ]
 * ```
 */
export const ldexp = (x: ArrayLike, n: ArrayLike): NDArray => {
  const exponent = arrayFor('np.ldexp', n)
  if (exponent.dtype.startsWith('float')) {
    throw new DTypeError(`np.ldexp: the exponent is an integer, got ${exponent.aval}. Use np.astype(n, 'int32').`)
  }
  const array = inexact(arrayFor('np.ldexp', x))
  if (isHalf(array.dtype)) return ldexp(array.astype('float32'), exponent).astype(array.dtype)
  // Beyond this exponent every product is 0 or infinite, and a third of it is still representable.
  const limit = array.dtype === 'float64' ? 2200 : 300
  const [a, m] = promoteTwoInexact(
    'np.ldexp',
    array,
    np.clip(exponent.astype('int32'), -limit, limit).astype(array.dtype),
  )
  return scaled(a, m)
}

/**
 * `[mantissa, exponent]` with `x = mantissa · 2^exponent` and a mantissa in [0.5, 1).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.frexp(6).map((x) => x.item()) // => 0.75,3
 * ```
 */
export const frexp = (x: ArrayLike): readonly [mantissa: NDArray, exponent: NDArray] => {
  const array = inexact(arrayFor('np.frexp', x))
  if (isHalf(array.dtype)) {
    const [part, power] = frexp(array.astype('float32'))
    return [part.astype(array.dtype), power]
  }
  const hasParts = np.logicalAnd(np.isfinite(array), np.notEqual(array, 0))
  let mantissa = np.where(hasParts, array, 1)
  let exponent = np.multiply(mantissa, 0).astype('int32')
  // Scales down from above 1, and up from below a half, by ever smaller powers, the largest twice.
  const largest = array.dtype === 'float64' ? [512, 512, 256, 128] : []
  for (const step of [...largest, 64, 64, 32, 16, 8, 4, 2, 1, 1]) {
    const high = np.greaterEqual(np.abs(mantissa), 2 ** (step - 1))
    const low = np.less(np.abs(mantissa), 2 ** -step)
    const [down, up] = [np.multiply(mantissa, 2 ** -step), np.multiply(mantissa, 2 ** step)]
    mantissa = np.where(high, down, np.where(low, up, mantissa))
    exponent = np.add(exponent, np.where(high, step, np.where(low, -step, 0)))
  }
  return [np.where(hasParts, mantissa, array), np.where(hasParts, exponent, 0)]
}
