/** Inverse sine, cosine and tangent. */
import { f64x2 } from '../../asm/index.ts'
import type { Vector } from '../vectorMath.ts'
import { asinTail, atanTail, quarterPi } from './coefficients.ts'
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
  fastSum,
  flipBy,
  head,
  LEAST_NORMAL,
  lt,
  mul,
  neg,
  not,
  ONE,
  or,
  productError,
  scale,
  sqrt,
  square,
  sub,
  xor,
  ZERO,
} from './vector.ts'

const [QUARTER, QUARTER_LOW] = quarterPi as [number, number]

/** What asin and acos share: below ½ (`isSmall`) the argument is x itself, above it √((1 - |x|) / 2), whose arcsine is (π / 2 - asin |x|) / 2. */
interface Arcsine {
  readonly isSmall: Vector
  /** The argument as a pair. */
  readonly s: Pair
  /** asin s - s */
  readonly rest: Vector
}

const arcsine = (a: Vector, tools: Tools): Arcsine => {
  const isSmall = lt(a, f64x2(0.5))
  const z = choose(isSmall, square(a), scale(0.5, sub(ONE, a)))
  const root = sqrt(z)
  const root1 = head(root)
  // z - root1² over √z + root1: exact but for rounding the quotient
  const root2 = div(sub(z, square(root1)), atLeast(add(root, root1), LEAST_NORMAL))
  const s = { high: choose(isSmall, a, root1), low: and(not(isSmall), root2) }
  return { isSmall, s, rest: mul(mul(choose(isSmall, a, root), z), tools.polynomial(z, asinTail)) }
}

/** π / 2 - 2 asin s above ½ */
export const asin = (x: Vector, tools: Tools): Vector => {
  const { isSmall, s, rest } = arcsine(abs(x), tools)
  const twice = add(s.high, s.high)
  const complement = fastSum(f64x2(2 * QUARTER), neg(twice))
  const low = sub(add(complement.low, f64x2(2 * QUARTER_LOW)), scale(2, add(s.low, rest)))
  return flipBy(choose(isSmall, add(s.high, rest), add(complement.high, low)), x)
}

/** π / 2 - asin x below ½, 2 asin s above, π - 2 asin s below -½ */
export const acos = (x: Vector, tools: Tools): Vector => {
  const { isSmall, s, rest } = arcsine(abs(x), tools)
  const negative = lt(x, ZERO)
  const factor = choose(isSmall, ONE, f64x2(2))
  const high = mul(s.high, factor)
  const low = mul(add(s.low, rest), factor)
  // base ± (high + low)
  const subtract = xor(isSmall, negative)
  const base = (c: number): Vector => choose(isSmall, f64x2(2 * c), and(negative, f64x2(4 * c)))
  const sign = and(subtract, f64x2(-0))
  const sum = fastSum(base(QUARTER), xor(high, sign))
  return add(sum.high, add(add(sum.low, base(QUARTER_LOW)), xor(low, sign)))
}

/**
 * The angle of the point (|x|, |y|), and with `negative` of (-|x|, |y|). With t the quotient of the smaller over the larger
 * coordinate, or (t - 1) / (t + 1) where t > tan(π / 8), the angle is j π / 4 ± atan t. The quotient's rounding error is made up for.
 */
const angle = (y: Vector, x: Vector, negative: Vector, tools: Tools): Vector => {
  const swapped = lt(x, y)
  const [less, more] = [choose(swapped, x, y), choose(swapped, y, x)]
  const isMiddle = lt(scale(Math.SQRT2 - 1, more), less)
  const difference = fastSum(more, neg(less))
  const sum = fastSum(more, less)
  const numerator = { high: choose(isMiddle, neg(difference.high), less), low: and(isMiddle, neg(difference.low)) }
  const denominator = { high: choose(isMiddle, sum.high, more), low: and(isMiddle, sum.low) }
  const t = quotientPair(numerator, denominator)
  const z = square(t.high)
  const rest = add(mul(mul(t.high, z), tools.polynomial(z, atanTail)), t.low)
  // Quarters of π: 0 or 1; then from 2 down if swapped; then from 4 down if negative.
  const first = and(isMiddle, ONE)
  const second = choose(swapped, sub(f64x2(2), first), first)
  const quarters = choose(negative, sub(f64x2(4), second), second)
  const sign = and(xor(swapped, negative), f64x2(-0))
  const total = fastSum(scale(QUARTER, quarters), xor(t.high, sign))
  return add(total.high, add(add(total.low, scale(QUARTER_LOW, quarters)), xor(rest, sign)))
}

const quotientPair = (x: Pair, y: Pair): Pair => {
  const high = div(x.high, y.high)
  const product = mul(high, y.high)
  const residual = sub(sub(x.high, product), productError(high, y.high, product))
  return { high, low: div(add(residual, sub(x.low, mul(high, y.low))), y.high) }
}

export const atan = (x: Vector, tools: Tools): Vector => {
  // From 2⁵⁴ on, π / 2; and products with infinity are avoided.
  const a = atMost(abs(x), f64x2(2 ** 60))
  return flipBy(angle(a, ONE, f64x2(0), tools), x)
}

/** Where squares and quotients could overflow or vanish. */
const isExtreme = (y: Vector, x: Vector): Vector => {
  const [ay, ax] = [abs(y), abs(x)]
  const [less, more] = [atMost(ay, ax), atLeast(ay, ax)]
  const ratioIsTiny = and(lt(less, scale(2 ** -200, more)), not(eq(less, ZERO)))
  return or(or(lt(more, f64x2(2 ** -400)), lt(f64x2(2 ** 400), more)), ratioIsTiny)
}

export const atan2 = (y: Vector, x: Vector, tools: Tools<'atan2'>): Vector => {
  const negative = lt(x, ZERO)
  const fast = flipBy(angle(abs(y), abs(x), negative, tools), y)
  return tools.callWhere(isExtreme, 'atan2', fast, y, x)
}
