/** Elementary functions that engines do not have, or not of float64: formulas on float64. */
import { bitsOf } from '../../core/dtype.ts'
import * as lax from '../../lax/index.ts'
import * as np from '../../numpy/index.ts'
import type { NDArray } from '../../trace/value.ts'

/** log(1 + x), by what rounding leaves of x in 1 + x: W. Kahan's formula (N. Higham, Accuracy and stability, 1.14.1). */
export const log1p = (x: NDArray): NDArray => {
  const sum = np.add(1, x)
  const rounded = np.subtract(sum, 1)
  const usual = np.divide(np.multiply(np.log(sum), x), rounded)
  return np.where(np.equal(rounded, 0), x, np.where(np.equal(sum, Infinity), sum, usual))
}

/** eˣ - 1, likewise. */
export const expm1 = (x: NDArray): NDArray => {
  const power = np.exp(x)
  const rounded = np.subtract(power, 1)
  const usual = np.divide(np.multiply(rounded, x), np.log(power))
  const isPlain = np.logicalOr(np.equal(rounded, -1), np.equal(power, Infinity))
  return np.where(np.equal(rounded, 0), x, np.where(isPlain, rounded, usual))
}

const isNegative = (x: NDArray): NDArray =>
  np.logicalOr(np.less(x, 0), np.logicalAnd(np.equal(x, 0), np.less(np.divide(1, x), 0)))

/** An odd function, of its values for positive numbers. */
const odd =
  (f: (size: NDArray) => NDArray) =>
  (x: NDArray): NDArray => {
    const y = f(np.abs(x))
    return np.where(isNegative(x), np.negative(y), y)
  }

/** One step of Newton's after the power: x^⅓ is no float64 power exactly. */
export const cbrt = odd((x) => {
  const guess = np.exp(np.divide(np.log(x), 3))
  const square = np.multiply(guess, guess)
  const better = np.subtract(guess, np.divide(np.subtract(np.multiply(square, guess), x), np.multiply(3, square)))
  return np.where(np.logicalOr(np.equal(x, 0), np.equal(x, Infinity)), x, better)
})

export const tan = (x: NDArray): NDArray => np.divide(np.sin(x), np.cos(x))

/** (e + e / (e + 1)) / 2 for e = expm1 x; of large x, in two factors. */
export const sinh = odd((x) => {
  const e = expm1(x)
  const half = np.exp(np.multiply(0.5, x))
  const large = np.multiply(np.multiply(0.5, half), half)
  return np.where(np.greater(x, 40), large, np.multiply(0.5, np.add(e, np.divide(e, np.add(e, 1)))))
})

export const cosh = (x: NDArray): NDArray => {
  const half = np.exp(np.multiply(0.5, np.abs(x)))
  const square = np.divide(np.divide(0.5, half), half)
  return np.add(np.multiply(np.multiply(0.5, half), half), square)
}

/** log1p(x + x² / (1 + √(1 + x²))); log 2x of large x. */
export const asinh = odd((x) => {
  const isLarge = np.greater(x, 1e8)
  const y = np.where(isLarge, 1, x)
  const square = np.multiply(y, y)
  const small = log1p(np.add(y, np.divide(square, np.add(1, np.sqrt(np.add(1, square))))))
  return np.where(isLarge, np.add(np.log(x), Math.LN2), small)
})

/** log1p(t + √(2t + t²)) for t = x - 1. */
export const acosh = (x: NDArray): NDArray => {
  const isLarge = np.greater(x, 1e8)
  const t = np.subtract(np.where(isLarge, 2, x), 1)
  const small = log1p(np.add(t, np.sqrt(np.add(np.multiply(2, t), np.multiply(t, t)))))
  return np.where(isLarge, np.add(np.log(x), Math.LN2), np.where(np.less(x, 1), NaN, small))
}

/** ½ log1p(2x / (1 - x)) */
export const atanh = odd((x) => np.multiply(0.5, log1p(np.divide(np.multiply(2, x), np.subtract(1, x)))))

/** For 0 … 1: t, the arctangent in float32, and that of (x - tan t) / (1 + x tan t), which is so small that two terms of its series do. */
const atanOfFraction = (x: NDArray): NDArray => {
  const coarse = lax.atan(x.astype('float32')).astype('float64')
  const t = tan(coarse)
  const rest = np.divide(np.subtract(x, t), np.add(1, np.multiply(x, t)))
  return np.add(coarse, np.subtract(rest, np.divide(np.multiply(rest, np.multiply(rest, rest)), 3)))
}

export const atan = odd((x) => {
  const isAbove = np.greater(x, 1)
  const near = atanOfFraction(np.where(isAbove, np.divide(1, x), x))
  return np.where(isAbove, np.subtract(Math.PI / 2, near), near)
})

/** atan(x / √((1 - x)(1 + x))) */
export const asin = (x: NDArray): NDArray => atan(np.divide(x, np.sqrt(np.multiply(np.subtract(1, x), np.add(1, x)))))

/** 2 atan √((1 - x) / (1 + x)) */
export const acos = (x: NDArray): NDArray => np.multiply(2, atan(np.sqrt(np.divide(np.subtract(1, x), np.add(1, x)))))

/** The angle in the first eighth of the circle, moved to where the point is. */
export const atan2 = (y: NDArray, x: NDArray): NDArray => {
  const [p, q] = [np.abs(y), np.abs(x)]
  const [larger, smaller] = [np.maximum(p, q), np.minimum(p, q)]
  const isDiagonal = np.logicalAnd(np.equal(smaller, Infinity), np.equal(larger, Infinity))
  const ratio = np.where(isDiagonal, 1, np.divide(smaller, np.where(np.equal(larger, 0), 1, larger)))
  const first = atanOfFraction(ratio)
  const quarter = np.where(np.greater(p, q), np.subtract(Math.PI / 2, first), first)
  const half = np.where(isNegative(x), np.subtract(Math.PI, quarter), quarter)
  const turned = np.where(isNegative(y), np.negative(half), half)
  return np.where(np.logicalOr(np.isnan(x), np.isnan(y)), NaN, turned)
}

/** log(eˣ + eʸ) beside the larger one; where the difference is NaN, both are the same infinity, or one is NaN. */
export const logaddexp = (x: NDArray, y: NDArray): NDArray => {
  const difference = np.subtract(x, y)
  const sum = np.add(np.maximum(x, y), log1p(np.exp(np.negative(np.abs(difference)))))
  return np.where(np.isnan(difference), np.add(x, y), sum)
}

/** By squaring, which wraps around; a negative exponent gives the truncated reciprocal. */
export const integerPower = (x: NDArray, y: NDArray): NDArray => {
  const odd = (n: NDArray): NDArray => np.equal(np.bitwiseAnd(n, 1), 1)
  type State = readonly [result: NDArray, base: NDArray, exponent: NDArray]
  const step = (_: NDArray, [result, base, n]: State): State => [
    np.where(odd(n), np.multiply(result, base), result),
    np.multiply(base, base),
    np.rightShift(n, 1),
  ]
  const [power] = lax.foriLoop(0, bitsOf(x.dtype), step, [np.onesLike(x), x, np.maximum(y, 0)] as State)
  const ofUnits = np.where(np.equal(x, 1), 1, np.where(np.equal(x, -1), np.where(odd(y), -1, 1), 0))
  const isNegative = np.less(y, 0)
  return np.where(isNegative, ofUnits.astype(x.dtype), power)
}
