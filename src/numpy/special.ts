/** `np`: a few special functions. */
import { calledAs } from '../core/calledAs.ts'
import { range } from '../core/shape.ts'
import { isFloat, isHalf } from '../core/dtype.ts'
import { DTypeError } from '../core/errors.ts'
import * as ops from '../ops/elementwise.ts'
import { arrayFor, asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { inexact, promoteTwoArrays, promoteTwoInexact } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import * as np from './elementwise.ts'

/** Σ cᵢ xⁱ */
const series = (c: readonly number[], x: NDArray): NDArray =>
  c.reduceRight((y, a) => np.add(np.multiply(y, x), a), np.multiply(x, 0))

/** (-1)ᵏ / (2k+1)! */
const sineSeries = [1, -1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800, 1 / 6227020800, -1 / 1307674368000]

/**
 * `sin(πx) / (πx)`, and 1 at 0, with right derivatives there.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.round(np.sinc(np.array([0, 0.5, 1])), 4) // => [1.     0.6366 -0.   ]
 * ```
 */
export const sinc = (x: ArrayLike): NDArray => {
  const angle = np.multiply(inexact(arrayFor('np.sinc', x)), Math.PI)
  const isSmall = np.less(np.abs(angle), 0.5)
  const away = np.where(isSmall, 1, angle)
  return np.where(isSmall, series(sineSeries, np.square(np.where(isSmall, angle, 0))), np.divide(np.sin(away), away))
}

/** From here on the asymptotic series has full precision. */
const FAR = 20

const products = (n: number, factor: (k: number) => number): number[] => {
  const terms = [1]
  for (const k of range(n)) terms.push(terms[k]! * factor(k + 1))
  return terms
}

/** Σ (t²/4)ᵏ / k!² with t = 20 √s: Abramowitz and Stegun 9.6.10. */
const nearSeries = products(44, (k) => (FAR / 2 / k) ** 2)
/** Σ ((2k-1)!!)² / (k! (8t)ᵏ), in 20/t: Abramowitz and Stegun 9.7.1. */
const farSeries = products(26, (k) => (2 * k - 1) ** 2 / (8 * FAR * k))

/**
 * The modified Bessel function of order 0.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.i0(0) // => 1.
 * np.round(np.i0(np.array([1, 2])), 4) // => [1.2661 2.2796]
 * ```
 */
export const i0 = (x: ArrayLike): NDArray => {
  const given = inexact(arrayFor('np.i0', x))
  // The coefficients exceed the range of 16-bit floats.
  if (isHalf(given.dtype)) return i0(given.astype('float32')).astype(given.dtype)
  const isNear = np.less(np.abs(given), FAR)
  const near = series(nearSeries, np.square(np.divide(np.where(isNear, given, 0), FAR)))
  const t = np.where(isNear, FAR, np.abs(given))
  // In two factors: eᵗ overflows before the function does.
  const half = np.exp(np.multiply(t, 0.5))
  const far = np.divide(np.multiply(half, series(farSeries, np.divide(FAR, t))), np.sqrt(np.multiply(2 * Math.PI, t)))
  return np.where(isNear, near, np.multiply(far, half))
}

/**
 * 0 below 0, 1 above, `y` at 0; its derivative is 0.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.heaviside(np.array([-1, 0, 2]), 0.5) // => [0.  0.5 1. ]
 * ```
 */
export const heaviside = (x: ArrayLike, y: ArrayLike): NDArray => {
  const [a, b] = promoteTwoInexact('np.heaviside', arrayFor('np.heaviside', x), arrayFor('np.heaviside', y))
  const side = np.where(np.less(a, 0), 0, np.where(np.greater(a, 0), 1, b))
  return np.where(np.isnan(a), NaN, side).astype(a.dtype)
}

/**
 * `log2(2ˣ + 2ʸ)`, without overflow.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.logaddexp2(3, 3) // => 4.
 * ```
 */
export const logaddexp2 = (x: ArrayLike, y: ArrayLike): NDArray => {
  return calledAs('np.logaddexp2', () => {
    const sum = np.logaddexp(
      np.multiply(inexact(arrayFor('np.logaddexp2', x)), Math.LN2),
      np.multiply(inexact(arrayFor('np.logaddexp2', y)), Math.LN2),
    )
    return np.divide(sum, Math.LN2)
  })
}

/**
 * Degrees as radians.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.round(np.deg2rad(180), 4) // => 3.1416
 * ```
 */
export const deg2rad = (x: ArrayLike): NDArray => np.multiply(inexact(arrayFor('np.deg2rad', x)), Math.PI / 180)

/**
 * Radians as degrees.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.round(np.rad2deg(Math.PI), 3) // => 180.
 * ```
 */
export const rad2deg = (x: ArrayLike): NDArray => np.multiply(inexact(arrayFor('np.rad2deg', x)), 180 / Math.PI)

const fmaxDoor = must.door('np.fmax', { x: must.arrayLike, y: must.arrayLike })

/**
 * The larger element; if one is NaN, the other.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.fmax(np.array([1, NaN]), np.array([2, 3])) // => [2. 3.]
 * ```
 */
export const fmax = (x: ArrayLike, y: ArrayLike): NDArray => {
  fmaxDoor(x, y)
  return calledAs('np.fmax', () => preferring(np.greater, 'fmax', x, y))
}

const fminDoor = must.door('np.fmin', { x: must.arrayLike, y: must.arrayLike })

/**
 * The smaller element; if one is NaN, the other.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.fmin(np.array([1, NaN]), np.array([2, 3])) // => [1. 3.]
 * ```
 */
export const fmin = (x: ArrayLike, y: ArrayLike): NDArray => {
  fminDoor(x, y)
  return calledAs('np.fmin', () => preferring(np.less, 'fmin', x, y))
}

const preferring = (wins: (x: NDArray, y: NDArray) => NDArray, name: string, x: ArrayLike, y: ArrayLike): NDArray => {
  const [a, b] = promoteTwoArrays(name, asArray(x), asArray(y))
  return np.where(np.logicalOr(wins(a, b), np.isnan(b)), a, b)
}

/**
 * Remainder of division by `y` towards zero, with the sign of `x`. For integers divided by 0 it is 0.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.fmod(np.array([-7, 7]), 3) // => [-1.  1.]
 * ```
 */
export const fmod = (x: ArrayLike, y: ArrayLike): NDArray => {
  const [a, b] = promoteTwoArrays('np.fmod', arrayFor('np.fmod', x), arrayFor('np.fmod', y))
  if (isFloat(a.dtype)) return ops.rem(a, b)
  const [n, d] = a.dtype === 'bool' ? [a.astype('int32'), b.astype('int32')] : [a, b]
  return ops.rem(n, np.where(np.equal(d, 0), 1, d))
}

const divmodDoor = must.door('np.divmod', { x: must.arrayLike, y: must.arrayLike })

/**
 * `[floorDivide(x, y), remainder(x, y)]`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.divmod(7, 3).map((x) => x.item()) // => 2,1
 * ```
 */
export const divmod = (x: ArrayLike, y: ArrayLike): readonly [quotient: NDArray, remainder: NDArray] => {
  divmodDoor(x, y)
  return calledAs('np.divmod', () => [np.floorDivide(x, y), np.remainder(x, y)])
}

/**
 * `x` to the power `y`, as a float.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.floatPower(2, -1) // => 0.5
 * ```
 */
export const floatPower = (x: ArrayLike, y: ArrayLike): NDArray =>
  np.power(...promoteTwoInexact('np.floatPower', arrayFor('np.floatPower', x), arrayFor('np.floatPower', y)))

/**
 * Rounds to the nearest integer, halves to the even one; a float.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.rint(np.array([0.5, 1.5])) // => [0. 2.]
 * ```
 */
export const rint = (x: ArrayLike): NDArray => np.round(inexact(arrayFor('np.rint', x)))

/**
 * The elements unchanged.
 *
 * @throws DTypeError for bools.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.positive(-2) // => -2
 * ```
 */
export const positive = (x: ArrayLike): NDArray => {
  const array = arrayFor('np.positive', x)
  if (array.dtype === 'bool') throw new DTypeError('np.positive: bool has no sign. Use np.astype to int32 first.')
  return array
}

const isposinfDoor = must.door('np.isposinf', { x: must.arrayLike })

/**
 * Whether positive infinity, element by element (bools).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.isposinf(np.array([Infinity, -Infinity])) // => [ True False]
 * ```
 */
export const isposinf = (x: ArrayLike): NDArray => {
  isposinfDoor(x)
  return sided(x, Infinity)
}

const isneginfDoor = must.door('np.isneginf', { x: must.arrayLike })

/**
 * Whether negative infinity, element by element (bools).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.isneginf(np.array([Infinity, -Infinity])) // => [False  True]
 * ```
 */
export const isneginf = (x: ArrayLike): NDArray => {
  isneginfDoor(x)
  return sided(x, -Infinity)
}

const sided = (x: ArrayLike, bound: number): NDArray => {
  const array = asArray(x)
  return isFloat(array.dtype) ? np.equal(array, bound) : np.isinf(array)
}
