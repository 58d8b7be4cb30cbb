/**
 * Powers: x^y = 2^(y log2 x), where log2 x is needed to about 65 bits, as y log2 x may be near 1024: it is calculated as a sum of two
 * numbers. Products are exact, because their factors are cut after 26 bits (T. J. Dekker, Numerische Mathematik 18, 1971).
 */
import { f64x2 } from '../../asm/index.ts'
import type { Vector } from '../vectorMath.ts'
import { ln2Halves, log2Tail, twoThirdsLog2e } from './coefficients.ts'
import { exponentialTail, scaleBy } from './exponential.ts'
import { split } from './logarithm.ts'
import type { Tools } from './tools.ts'
import type { Pair } from './vector.ts'
import {
  abs,
  add,
  and,
  atLeast,
  atMost,
  choose,
  div,
  eq,
  head,
  INFINITY,
  LEAST_NORMAL,
  lt,
  mul,
  NAN,
  nearest,
  not,
  ONE,
  or,
  scale,
  SHIFT,
  signOf,
  square,
  sub,
  ZERO,
} from './vector.ts'

/** s = f / d for f = m - 1 and d = m + 1, which has a rounding error; `high` has 26 bits. */
const ratio = (m: Vector): Pair & { readonly sum: Vector } => {
  const f = sub(m, ONE)
  const d = add(m, ONE)
  const reciprocal = div(ONE, d)
  const sum = mul(f, reciprocal)
  const high = head(sum)
  const d1 = head(d)
  // d - d1, and what rounding took from d
  const d2 = add(sub(d, d1), sub(m, sub(d, ONE)))
  return { high, low: mul(sub(sub(f, mul(high, d1)), mul(high, d2)), reciprocal), sum }
}

/** (3/2) log m = s (3 + s² + s⁴ (3/5 + 3/7 s² + …)) with s = (m - 1) / (m + 1); `high` has 26 bits. */
const threeHalvesLog = (m: Vector, tools: Tools): Pair => {
  const s = ratio(m)
  const z = square(s.sum)
  const square1 = square(s.high)
  // s² - square1, and the rest of the series
  const rest = add(mul(square(z), tools.polynomial(z, log2Tail)), mul(s.low, add(s.high, s.sum)))
  const three = f64x2(3)
  const t1 = head(add(add(three, square1), rest))
  const t2 = sub(rest, sub(sub(t1, three), square1))
  const product = mul(s.high, t1)
  const product2 = add(mul(s.low, t1), mul(t2, s.sum))
  const high = head(add(product, product2))
  return { high, low: sub(product2, sub(high, product)) }
}

/** log2 of positive x, infinity included; `high` has 26 bits. Of 0 and infinity, an infinite `high`; of NaN, NaN. */
const log2 = (x: Vector, tools: Tools): Pair => {
  const isSubnormal = lt(x, LEAST_NORMAL)
  const { m, k } = split(choose(isSubnormal, scale(2 ** 54, x), x))
  const exponent = sub(k, and(isSubnormal, f64x2(54)))
  const log = threeHalvesLog(m, tools)
  const [c, c1] = [twoThirdsLog2e[0]! + twoThirdsLog2e[1]!, twoThirdsLog2e[0]!]
  const product = scale(c1, log.high)
  const product2 = add(scale(twoThirdsLog2e[1]!, log.high), scale(c, log.low))
  const high = head(add(add(product, product2), exponent))
  const low = sub(product2, sub(sub(high, exponent), product))
  const served = and(lt(ZERO, x), lt(x, INFINITY))
  return { high: choose(served, high, choose(eq(x, ZERO), f64x2(-Infinity), x)), low }
}

/** 2^(high + low), for `high` with so few bits that `high - n` is exact; from 1100 on it overflows or vanishes. */
const exp2OfPair = ({ high, low }: Pair, tools: Tools): Vector => {
  const shifted = add(high, SHIFT)
  const rest = sub(high, sub(shifted, SHIFT))
  const rest1 = head(add(rest, low))
  const rest2 = sub(low, sub(rest1, rest))
  const [c1, c2] = ln2Halves as [number, number]
  const r = { high: scale(c1, rest1), low: sub(scale(-c2, rest1), scale(Math.LN2, rest2)) }
  return scaleBy(sub(ONE, sub(exponentialTail(r, tools), r.high)), shifted)
}

/** |x|^y, except that 1 has powers NaN of infinite and NaN exponents, and all have of 0. */
const powerOfMagnitude = (x: Vector, y: Vector, tools: Tools): Vector => {
  const log = log2(abs(x), tools)
  const y1 = head(y)
  const estimate = mul(y, log.high)
  // False for NaN
  const served = lt(abs(estimate), f64x2(1100))
  const limited = atLeast(atMost(estimate, f64x2(1100)), f64x2(-1100))
  const high = choose(served, mul(y1, log.high), limited)
  const low = and(served, add(mul(sub(y, y1), log.high), mul(y, log.low)))
  return exp2OfPair({ high, low }, tools)
}

const isInteger = (y: Vector): Vector => eq(nearest(y), y)

/** Negative x have powers with integer exponents, and with infinite ones. */
export const pow = (x: Vector, y: Vector, tools: Tools): Vector => {
  const magnitude = powerOfMagnitude(x, y, tools)
  const half = scale(0.5, y)
  const integer = isInteger(y)
  const odd = and(integer, not(isInteger(half)))
  const signed = or(magnitude, and(odd, signOf(x)))
  const undefined_ = and(and(lt(x, ZERO), lt(f64x2(-Infinity), x)), not(integer))
  const minusOneToInfinity = and(eq(x, f64x2(-1)), eq(abs(y), INFINITY))
  const one = or(or(eq(y, ZERO), eq(x, ONE)), minusOneToInfinity)
  return choose(one, ONE, choose(undefined_, NAN, signed))
}

/** By multiplication where that rounds at most three times before the last, within the bounds of `pow`. */
export const integerPow = (x: Vector, exponent: number, tools: Tools): Vector => {
  const x2 = square(x)
  switch (exponent) {
    case 0:
      return ONE
    case 1:
      return x
    case 2:
      return x2
    case 3:
      return mul(x2, x)
    case 4:
      return square(x2)
    case 5:
      return mul(square(x2), x)
    case -1:
      return div(ONE, x)
    case -2:
      // Not 1 / x², which may be infinite where the result is a number.
      return square(div(ONE, x))
    default: {
      const magnitude = powerOfMagnitude(x, f64x2(exponent), tools)
      return exponent % 2 === 0 ? magnitude : or(magnitude, signOf(x))
    }
  }
}
