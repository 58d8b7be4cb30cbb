/** Operations whose results are exact, and roots. */
import { f64x2, i32, i64x2, op, shuffle32 } from '../../asm/index.ts'
import type { Vector } from '../vectorMath.ts'
import { cbrtGuess } from './coefficients.ts'
import type { Tools } from './tools.ts'
import {
  abs,
  add,
  addBits,
  and,
  choose,
  div,
  eq,
  flipBy,
  head,
  INFINITY,
  le,
  LEAST_NORMAL,
  lt,
  mul,
  ONE,
  or,
  powerOfTwo,
  scale,
  SHIFT,
  sqrt,
  square,
  sub,
  subBits,
  toExponent,
  withSign,
  xor,
  ZERO,
} from './vector.ts'

/** Of zeros and NaN: themselves. */
export const sign = (x: Vector): Vector => choose(lt(ZERO, abs(x)), withSign(ONE, x), x)

export const rsqrt = (x: Vector): Vector => div(ONE, sqrt(x))

/**
 * ∛(2^(3q) m) = 2^q t, with m from 1 to 8: a step of Halley's method takes a polynomial to 20 bits, and one from the first 26 bits of
 * that, whose square is exact, takes them to all (as in FreeBSD's msun).
 */
export const cbrt = (x: Vector, tools: Tools): Vector => {
  const a = abs(x)
  const isSubnormal = lt(a, LEAST_NORMAL)
  const normal = choose(isSubnormal, scale(2 ** 54, a), a)
  const exponents = op('i32x4.shr_u', normal, i32(20))
  const exponent = op('f64x2.convert_low_i32x4_s', shuffle32(exponents, exponents, [1, 3, 1, 3]))
  const q = op('f64x2.floor', scale(1 / 3, sub(exponent, f64x2(1022.5))))
  const m = subBits(normal, toExponent(add(scale(3, q), SHIFT)))
  const guess = tools.polynomial(m, cbrtGuess)
  const cube = mul(square(guess), guess)
  const t = head(mul(guess, div(add(cube, add(m, m)), add(add(cube, cube), m))))
  const quotient = div(m, square(t))
  const step = div(sub(quotient, t), add(add(t, t), quotient))
  const root = mul(add(t, mul(t, step)), powerOfTwo(add(sub(q, and(isSubnormal, f64x2(18))), SHIFT)))
  return choose(and(lt(ZERO, a), lt(a, INFINITY)), flipBy(root, x), x)
}

/**
 * The remainder of division towards zero, exactly. Where the quotient has at most 25 bits, its products with both parts of y are exact,
 * and so are the differences, as multiples of y's last bit that are smaller than y. A quotient that was rounded up to an integer is
 * one too large. The few other lanes call JavaScript's `%`.
 */
export const rem = (x: Vector, y: Vector, tools: Tools<'rem'>): Vector => {
  const [a, b] = [abs(x), abs(y)]
  const quotient = op('f64x2.trunc', div(a, b))
  const product = mul(quotient, b)
  const b1 = head(b)
  const error = add(sub(mul(quotient, b1), product), mul(quotient, sub(b, b1)))
  const rest = sub(sub(a, product), error)
  const positive = add(rest, and(lt(rest, ZERO), b))
  return tools.callWhere(hasLongQuotient, 'rem', withSign(choose(lt(a, b), a, positive), x), x, y)
}

const hasLongQuotient = (x: Vector, y: Vector): Vector => {
  const a = abs(x)
  return or(le(scale(2 ** 25, abs(y)), a), lt(f64x2(2 ** 1022), a))
}

/** Bits of floats of one sign are ordered as the floats are: the next one differs by 1. */
export const nextafter = (x: Vector, y: Vector): Vector => {
  const towardsZero = xor(lt(ZERO, x), lt(x, y))
  const next = addBits(x, or(towardsZero, i64x2(1n)))
  const fromZero = withSign(f64x2(Number.MIN_VALUE), y)
  const different = choose(eq(x, ZERO), fromZero, next)
  return choose(eq(x, y), y, choose(and(eq(x, x), eq(y, y)), different, add(x, y)))
}
