/**
 * Exponential functions. With n the integer nearest to x / ln 2,
 *
 *     x = n ln 2 + r,  |r| ≤ ln 2 / 2,  e^x = 2ⁿ e^r
 *
 * where r is taken in two parts (W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980), and, since
 * R = r coth(r / 2) is an even function of r that is close to 2 + r² / 6,
 *
 *     e^r = (R + r) / (R - r)
 */
import { f64x2, i32, op } from '../../asm/index.ts'
import type { Vector } from '../vectorMath.ts'
import { cothFar, cothNear, ln2Parts, sinhSmall } from './coefficients.ts'
import type { Tools } from './tools.ts'
import type { Pair } from './vector.ts'
import {
  abs,
  add,
  addBits,
  and,
  atLeast,
  atMost,
  choose,
  div,
  fastSum,
  flipBy,
  lt,
  mul,
  neg,
  ONE,
  powerOfTwo,
  scale,
  SHIFT,
  shiftedInteger,
  square,
  sub,
  subBits,
  toExponent,
  withSign,
  ZERO,
} from './vector.ts'

/** x as n ln 2 + (high - low), with n also as the lowest bits of `shifted`. */
interface Reduced extends Pair {
  readonly shifted: Vector
}

/** For |x| < 1100. */
const reduce = (x: Vector): Reduced => {
  const shifted = add(scale(Math.LOG2E, x), SHIFT)
  const n = sub(shifted, SHIFT)
  return { shifted, high: sub(x, scale(ln2Parts[0]!, n)), low: scale(ln2Parts[1]!, n) }
}

/** 2ⁿ y, for |n| ≤ 2000: in two steps, of which only the last can round. */
export const scaleBy = (y: Vector, shifted: Vector): Vector => {
  // In lanes of 32 bits, whose upper halves fall out of the exponent.
  const half = op('i32x4.shr_s', shifted, i32(1))
  const rest = op('i32x4.sub', shifted, half)
  return mul(mul(y, powerOfTwo(half)), powerOfTwo(rest))
}

/** w with e^(high - low) = 1 + (high - w), for |high - low| ≤ ln 2 / 2 and low far smaller than high may be. */
export const exponentialTail = ({ high, low }: Pair, tools: Tools): Vector => {
  const r = sub(high, low)
  const z = square(r)
  // (R + r) / (R - r) = 1 + r + r c / (2 - c), where c = r - (R - 2)
  const c = sub(r, mul(z, tools.polynomial(z, cothNear)))
  return sub(low, div(mul(r, c), sub(f64x2(2), c)))
}

/** e^(high - low), rounded once. */
const small = (r: Pair, tools: Tools): Vector => sub(ONE, sub(exponentialTail(r, tools), r.high))

/** e^(high - low), and what rounding took from it. */
const smallPair = (r: Pair, tools: Tools): Pair => fastSum(ONE, sub(r.high, exponentialTail(r, tools)))

/** e^(high - low) y, where `low` may be what the caller knows of the argument beyond `high`: y + y (e^r - 1), times 2ⁿ. */
export const exponentialOfPair = ({ high, low }: Pair, y: Pair, tools: Tools): Vector => {
  const r = reduce(atLeast(high, f64x2(-1000)))
  const rest = exponentialTail({ high: r.high, low: add(r.low, low) }, tools)
  return scaleBy(add(y.high, add(mul(y.high, sub(r.high, rest)), y.low)), r.shifted)
}

// e^710 overflows and e^-746 rounds to 0.
const clamped = (x: Vector): Vector => atLeast(atMost(x, f64x2(710)), f64x2(-746))

export const exp = (x: Vector, tools: Tools): Vector => {
  const r = reduce(clamped(x))
  return scaleBy(small(r, tools), r.shifted)
}

export const exp2 = (x: Vector, tools: Tools): Vector => {
  const inside = atLeast(atMost(x, f64x2(1025)), f64x2(-1080))
  const shifted = add(inside, SHIFT)
  const rest = sub(inside, sub(shifted, SHIFT))
  return scaleBy(small({ high: scale(Math.LN2, rest), low: ZERO }, tools), shifted)
}

/** 2ⁿ ((1 - 2⁻ⁿ) + (e^r - 1)): the term in parentheses is exact, and is added to r before the small rest. */
export const expm1 = (x: Vector, tools: Tools): Vector => {
  const r = reduce(atLeast(atMost(x, f64x2(710)), f64x2(-40)))
  const exponent = toExponent(r.shifted)
  // 2¹⁻ⁿ and 2ⁿ⁻¹, as n may be 1024
  const down = subBits(f64x2(2), exponent)
  const up = addBits(f64x2(0.5), exponent)
  const sum = fastSum(sub(ONE, scale(0.5, down)), r.high)
  const y = sub(sum.high, sub(exponentialTail(r, tools), sum.low))
  return withSign(mul(add(y, y), up), x)
}

/** 2^(n - 1) (y ± z) with y = e^r and z = 4⁻ⁿ / y, for |x| ≤ 711. */
interface Halves {
  readonly y: Pair
  readonly z: Vector
  readonly shifted: Vector
}

const halves = (magnitude: Vector, tools: Tools): Halves => {
  const r = reduce(atMost(magnitude, f64x2(711)))
  const y = smallPair(r, tools)
  // Where n > 60, z is too small to matter.
  const bounded = atMost(r.shifted, shiftedInteger(60))
  const z = div(subBits(ONE, toExponent(bounded, 53)), y.high)
  return { y, z, shifted: r.shifted }
}

export const sinh = (x: Vector, tools: Tools): Vector => {
  const a = abs(x)
  const { y, z, shifted } = halves(a, tools)
  const difference = fastSum(y.high, neg(z))
  const large = scaleBy(scale(0.5, add(difference.high, add(difference.low, y.low))), shifted)
  const a2 = square(a)
  const near = add(a, mul(a, mul(a2, tools.polynomial(a2, sinhSmall))))
  return flipBy(choose(lt(a, ONE), near, large), x)
}

export const cosh = (x: Vector, tools: Tools): Vector => {
  const { y, z, shifted } = halves(abs(x), tools)
  const sum = fastSum(y.high, z)
  // What y lost changes z too, by about -z as much.
  const low = add(sum.low, mul(y.low, sub(ONE, z)))
  return scaleBy(scale(0.5, add(sum.high, low)), shifted)
}

/**
 * tanh x = r / R where r = 2x is small, and 1 - 2 / (e^(2x) + 1) = 1 - 2 (R - r) / (2ⁿ (R + r) + (R - r)) elsewhere. The first is
 * taken as x - x (R - 2) / R.
 */
export const tanh = (x: Vector, tools: Tools): Vector => {
  // From 19.1 on the result is 1.
  const a = atMost(abs(x), f64x2(22))
  const twice = add(a, a)
  const isSmall = lt(a, f64x2(0.75))
  const reduced = reduce(twice)
  const r = choose(isSmall, twice, sub(reduced.high, reduced.low))
  const z = square(r)
  const w = mul(z, tools.polynomial(z, cothFar))
  const ratio = add(f64x2(2), w)
  const minus = sub(ratio, r)
  const sum = add(mul(add(ratio, r), powerOfTwo(reduced.shifted)), minus)
  const quotient = div(choose(isSmall, mul(a, w), add(minus, minus)), choose(isSmall, ratio, sum))
  return flipBy(sub(choose(isSmall, a, ONE), quotient), x)
}

/**
 * With E = e^-|x|: 1 / (1 + E), or E / (1 + E) where x < 0. Numerator and denominator are pairs, whose low parts correct the
 * quotient q by (low of numerator - q low of denominator) / denominator.
 */
export const logistic = (x: Vector, tools: Tools): Vector => {
  const negative = lt(x, ZERO)
  const r = reduce(atLeast(neg(abs(x)), f64x2(-746)))
  const y = smallPair(r, tools)
  const factor = powerOfTwo(atLeast(r.shifted, shiftedInteger(-1000)))
  const denominator = fastSum(ONE, mul(y.high, factor))
  const low = add(denominator.low, mul(y.low, factor))
  const quotient = div(choose(negative, y.high, ONE), denominator.high)
  // Between 1 and 2, a straight line is near enough to the reciprocal.
  const reciprocal = sub(f64x2(1.457), scale(0.5, denominator.high))
  const correction = mul(sub(and(negative, y.low), mul(quotient, low)), reciprocal)
  return scaleBy(add(quotient, correction), choose(negative, r.shifted, SHIFT))
}
