/**
 * Sine, cosine and tangent. With n the integer nearest to x / (π / 2), r = x - n π / 2 is calculated as a pair: π / 2 in four parts, of
 * which the products with n of the first three are exact (W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980).
 * That serves |x| ≤ 2²⁰; the few lanes beyond call JavaScript's functions.
 */
import { f64x2, i64x2, op } from '../../asm/index.ts'
import type { Vector } from '../vectorMath.ts'
import { cosTail, halfPi, sinTail } from './coefficients.ts'
import type { Tools } from './tools.ts'
import type { Pair } from './vector.ts'
import {
  abs,
  add,
  addBits,
  and,
  choose,
  div,
  exactSum,
  fastSum,
  lt,
  mul,
  nearest,
  neg,
  ONE,
  scale,
  SHIFT,
  square,
  sub,
  toExponent,
  xor,
} from './vector.ts'

const LIMIT = f64x2(2 ** 20)
const beyond = (x: Vector): Vector => lt(LIMIT, abs(x))
/** Here sin x = tan x = x, and -0 keeps its sign. */
const tiny = (x: Vector): Vector => lt(abs(x), f64x2(2 ** -27))

/** x - n π / 2 as a pair, and bits that have n in their lowest places. */
interface Reduced extends Pair {
  readonly quadrant: Vector
}

const reduce = (x: Vector): Reduced => {
  const quadrant = add(scale(2 / Math.PI, x), SHIFT)
  const n = sub(quadrant, SHIFT)
  const [p1, p2, p3, p4] = halfPi as [number, number, number, number]
  const second = exactSum(sub(x, scale(p1, n)), scale(-p2, n))
  const third = exactSum(second.high, scale(-p3, n))
  const low = sub(add(second.low, third.low), scale(p4, n))
  return { quadrant, ...fastSum(third.high, low) }
}

/** sin(high + low) - high, for |high + low| ≤ π / 4: the slope of sin at `high` is close to 1 - high² / 2. */
const sinRest = ({ high, low }: Pair, tools: Tools): Vector => {
  const z = square(high)
  const cubic = mul(mul(z, high), tools.polynomial(z, sinTail))
  return add(cubic, sub(low, mul(scale(0.5, z), low)))
}

/** cos(high + low) as a pair; the first part, 1 - high² / 2, is rounded, and the second one makes up for it. */
const cosPair = ({ high, low }: Pair, tools: Tools): Pair => {
  const z = square(high)
  const half = scale(0.5, z)
  const sum = sub(ONE, half)
  const rounding = sub(sub(ONE, sum), half)
  const rest = sub(mul(square(z), tools.polynomial(z, cosTail)), mul(high, low))
  return { high: sum, low: add(rounding, rest) }
}

/** Masks of lanes whose n is odd. */
const isOdd = (quadrant: Vector): Vector => op('i64x2.ne', and(quadrant, i64x2(1n)), i64x2(0n))
/** The second lowest bit of n as the sign bit. */
const signBit = (quadrant: Vector): Vector => toExponent(and(quadrant, i64x2(2n)), 62)

const sinOf = (r: Pair, quadrant: Vector, tools: Tools): Vector => {
  const cos = cosPair(r, tools)
  const value = choose(isOdd(quadrant), add(cos.high, cos.low), add(r.high, sinRest(r, tools)))
  return xor(value, signBit(quadrant))
}

/** π - Math.PI */
const piLow = 1.2246467991473532e-16

/** sin πd and cos πd, for |d| ≤ ½. */
export const ofHalfTurns = (d: Vector, tools: Tools): { readonly sin: Vector; readonly cos: Vector } => {
  const n = nearest(add(d, d))
  const e = sub(d, scale(0.5, n))
  const r = { high: scale(Math.PI, e), low: scale(piLow, e) }
  const quadrant = add(n, SHIFT)
  return { sin: sinOf(r, quadrant, tools), cos: sinOf(r, addBits(quadrant, i64x2(1n)), tools) }
}

export const sin = (x: Vector, tools: Tools<'sin'>): Vector => {
  const r = reduce(x)
  return tools.callWhere(beyond, 'sin', choose(tiny(x), x, sinOf(r, r.quadrant, tools)), x)
}

/** sin(x + π / 2) */
export const cos = (x: Vector, tools: Tools<'cos'>): Vector => {
  const r = reduce(x)
  return tools.callWhere(beyond, 'cos', sinOf(r, addBits(r.quadrant, i64x2(1n)), tools), x)
}

/** sin r / cos r, or -cos r / sin r in odd quadrants, of pairs whose low parts correct the quotient. */
export const tan = (x: Vector, tools: Tools<'tan'>): Vector => {
  const r = reduce(x)
  const sine = fastSum(r.high, sinRest(r, tools))
  const cosParts = cosPair(r, tools)
  const cosine = fastSum(cosParts.high, cosParts.low)
  const odd = isOdd(r.quadrant)
  const numerator = { high: choose(odd, neg(cosine.high), sine.high), low: choose(odd, neg(cosine.low), sine.low) }
  const denominator = { high: choose(odd, sine.high, cosine.high), low: choose(odd, sine.low, cosine.low) }
  const quotient = div(numerator.high, denominator.high)
  const correction = div(sub(numerator.low, mul(quotient, denominator.low)), denominator.high)
  return tools.callWhere(beyond, 'tan', choose(tiny(x), x, add(quotient, correction)), x)
}
