/** Floats as their bits, and back, by arithmetic: ONNX reads no element as another type. The bits of NaN are those of the quiet one. */
import { bitsOf as widthOf, isFloat } from '../../core/dtype.ts'
import type { DType, FloatDType } from '../../core/dtype.ts'
import * as np from '../../numpy/index.ts'
import { scalar } from '../../ops/creation.ts'
import type { NDArray } from '../../trace/value.ts'

/** Bits of the exponent, and of the fraction below it. */
const formats: { readonly [F in FloatDType]: readonly [exponent: number, fraction: number] } = {
  float16: [5, 10],
  bfloat16: [8, 7],
  float32: [8, 23],
  float64: [11, 52],
}

const LEAST = -1074
/** 2^k as float64, from -1074 on; ∞ after the last. */
const powers = Float64Array.from({ length: 1024 - LEAST + 1 }, (_, i) =>
  i < 53 ? Number.MIN_VALUE * 2 ** i : 2 ** (i + LEAST),
)
const powerOf = (k: NDArray): NDArray =>
  np.take(np.array(powers, { dtype: 'float64' }), np.subtract(k, LEAST), { mode: 'clip' })

const long = (n: bigint): NDArray => scalar(n, 'int64')
const masked = (x: NDArray, bits: number): NDArray => np.bitwiseAnd(x, long((1n << BigInt(bits)) - 1n))
const shifted = (x: NDArray, by: number): NDArray => np.rightShift(x, long(BigInt(by)))
const times = (x: NDArray, bits: number): NDArray => np.leftShift(x, long(BigInt(bits)))

/** The bits of floats, as int64; of 64 bits, the first is the sign. */
const bitsOf = (x: NDArray): NDArray => {
  const [exponent, fraction] = formats[x.dtype as FloatDType]
  const bias = 2 ** (exponent - 1) - 1
  const value = x.astype('float64')
  const size = np.abs(value)
  const isUsual = np.logicalAnd(np.greater(size, 0), np.isfinite(size))
  const a = np.where(isUsual, size, 1)
  // The logarithm is off by one where it is next to an integer.
  const guess = np.floor(np.divide(np.log(a), Math.LN2)).astype('int32')
  const tooLarge = np.less(a, powerOf(guess))
  const tooSmall = np.greaterEqual(a, powerOf(np.add(guess, 1)))
  const exact = np.where(tooLarge, np.subtract(guess, 1), np.where(tooSmall, np.add(guess, 1), guess))
  const k = np.maximum(exact, 1 - bias)
  const significand = np.multiply(a, powerOf(np.negative(k)))
  const isNormal = np.greaterEqual(significand, 1)
  const rest = np.multiply(np.where(isNormal, np.subtract(significand, 1), significand), 2 ** fraction).astype('int64')
  const field = np.where(isNormal, np.add(k, bias), 0).astype('int64')
  const finite = np.where(np.equal(size, 0), long(0n), np.add(times(field, fraction), rest))
  const infinity = ((1n << BigInt(exponent)) - 1n) << BigInt(fraction)
  const quiet = infinity | (1n << BigInt(fraction - 1))
  const bits = np.where(np.isnan(value), long(quiet), np.where(np.isinf(value), long(infinity), finite))
  const isNegative = np.logicalOr(np.less(value, 0), np.logicalAnd(np.equal(value, 0), np.less(np.divide(1, value), 0)))
  const sign = BigInt.asIntN(64, 1n << BigInt(exponent + fraction))
  return np.where(isNegative, np.bitwiseOr(bits, long(sign)), bits)
}

/** The floats that have these bits, which are int64. */
const floatOf = (bits: NDArray, dtype: FloatDType): NDArray => {
  const [exponent, fraction] = formats[dtype]
  const bias = 2 ** (exponent - 1) - 1
  const field = masked(shifted(bits, fraction), exponent).astype('int32')
  const rest = masked(bits, fraction).astype('float64')
  const significand = np.where(np.greater(field, 0), np.add(rest, 2 ** fraction), rest)
  const scale = powerOf(np.subtract(np.maximum(field, 1), bias + fraction))
  const special = np.where(np.equal(rest, 0), Infinity, NaN)
  const size = np.where(np.equal(field, 2 ** exponent - 1), special, np.multiply(significand, scale))
  const sign = masked(shifted(bits, exponent + fraction), 1)
  return np.where(np.equal(sign, long(1n)), np.negative(size), size).astype(dtype)
}

/** Elements of one dtype as those of another of the same width. */
export const bitcast =
  (dtype: DType) =>
  (x: NDArray): NDArray => {
    const bits = isFloat(x.dtype) ? bitsOf(x) : x.astype('int64')
    return isFloat(dtype) ? floatOf(bits, dtype) : bits.astype(dtype)
  }

/** The next number after x towards y: the next bits. */
export const nextafter = (x: NDArray, y: NDArray): NDArray => {
  const dtype = x.dtype as FloatDType
  const isAway = np.equal(np.greater(x, 0), np.greater(y, x))
  const next = floatOf(np.add(bitsOf(x), np.where(isAway, long(1n), long(-1n))), dtype)
  const least = floatOf(np.where(np.greater(y, 0), long(1n), long(1n | (1n << BigInt(widthOf(dtype) - 1)))), dtype)
  const moved = np.where(np.equal(x, 0), least, next)
  const isNaN = np.logicalOr(np.isnan(x), np.isnan(y))
  return np.where(isNaN, np.add(x, y), np.where(np.equal(x, y), y, moved))
}
