/**
 * Logarithms. With k such that x = 2^k m and √½ < m < √2,
 *
 *     log x = k ln 2 + log m,  log m = 2 atanh s = 2s + s³ (2/3 + 2/5 s² + …),  s = f / (2 + f),  f = m - 1
 *
 * where 2s = f - s f, and s f = f² / 2 - s f² / 2: rounding errors of s hardly matter then (as in FreeBSD's msun).
 */
import { f64x2, i32, i64x2, op, shuffle32 } from '../../asm/index.ts'
import type { Vector } from '../vectorMath.ts'
import { ln2Parts, logTail } from './coefficients.ts'
import { exp } from './exponential.ts'
import type { Tools } from './tools.ts'
import type { Pair } from './vector.ts'
import {
  abs,
  add,
  and,
  atLeast,
  choose,
  div,
  eq,
  exactSum,
  fastSum,
  flipBy,
  INFINITY,
  le,
  LEAST_NORMAL,
  lt,
  mul,
  NAN,
  neg,
  not,
  notAllLanes,
  ONE,
  productError,
  scale,
  sqrt,
  square,
  sub,
  subBits,
  withSign,
  ZERO,
} from './vector.ts'

/** x = 2^k m, with k also as bits that can be added to an exponent. */
interface Split {
  readonly m: Vector
  readonly k: Vector
  readonly exponent: Vector
}

const EXPONENT = i64x2(-1n << 52n)

/** For positive normal x. */
export const split = (x: Vector): Split => {
  const offset = subBits(x, f64x2(Math.SQRT1_2))
  const exponent = and(offset, EXPONENT)
  const integers = op('i32x4.shr_s', offset, i32(20))
  const k = op('f64x2.convert_low_i32x4_s', shuffle32(integers, integers, [1, 3, 1, 3]))
  return { m: subBits(x, exponent), k, exponent }
}

/** k ln 2 + log(1 + f) + low */
const combine = (k: Vector, f: Vector, low: Vector, tools: Tools): Vector => {
  const s = div(f, add(f64x2(2), f))
  const z = square(s)
  const half = scale(0.5, square(f))
  const tail = add(mul(s, add(half, mul(z, tools.polynomial(z, logTail)))), add(scale(ln2Parts[1]!, k), low))
  return sub(scale(ln2Parts[0]!, k), sub(sub(half, tail), f))
}

const normal = (x: Vector): Vector => and(le(LEAST_NORMAL, x), lt(x, INFINITY))

/** For positive normal x. */
export const logOfNormal = (x: Vector, tools: Tools): Vector => {
  const { m, k } = split(x)
  return combine(k, sub(m, ONE), ZERO, tools)
}

/** The logarithm of what is not positive, of infinity and NaN. */
const logOfSpecial = (x: Vector): Vector => choose(eq(x, ZERO), f64x2(-Infinity), choose(lt(x, ZERO), NAN, x))

const repairLog = (fast: Vector, x: Vector, tools: Tools): Vector => {
  const scaled = sub(logOfNormal(scale(2 ** 54, x), tools), f64x2(54 * Math.LN2))
  const isSubnormal = and(lt(ZERO, x), lt(x, LEAST_NORMAL))
  return choose(normal(x), fast, choose(isSubnormal, scaled, logOfSpecial(x)))
}

export const log = (x: Vector, tools: Tools): Vector =>
  tools.repairIf(notAllLanes(normal(x)), 'log', logOfNormal(x, tools), x, (fast, y) => repairLog(fast, y, tools))

/**
 * log(high + low) + n ln 2, for positive normal `high` between 2⁻¹⁰⁰ and its double at most. What `low` adds to f is rounded off in
 * turn, and added to the result over m, for which 2 - m stands there.
 */
const logOfPair = ({ high, low }: Pair, tools: Tools, n = ZERO): Vector => {
  const { m, k, exponent } = split(high)
  // 2^-k low, in two steps as k may be 1024
  const rest = scale(0.5, mul(low, subBits(f64x2(2), exponent)))
  const f = fastSum(sub(m, ONE), rest)
  return combine(add(k, n), f.high, mul(f.low, sub(f64x2(2), m)), tools)
}

/** 1 + (high + low) */
const onePlus = ({ high, low }: Pair): Pair => {
  const sum = exactSum(ONE, high)
  return { high: sum.high, low: add(sum.low, low) }
}

const repairLog1p = (fast: Vector, x: Vector): Vector => {
  const special = choose(eq(x, f64x2(-1)), f64x2(-Infinity), choose(lt(x, f64x2(-1)), NAN, x))
  return choose(and(lt(f64x2(-1), x), lt(x, INFINITY)), fast, special)
}

export const log1p = (x: Vector, tools: Tools): Vector => {
  const fast = withSign(logOfPair(exactSum(ONE, x), tools), x)
  const served = and(lt(f64x2(-1), x), lt(x, INFINITY))
  return tools.repairIf(notAllLanes(served), 'log1p', fast, x, repairLog1p)
}

/** From here on, x² + 1 is x². */
const LARGE = f64x2(2 ** 28)

/** log(2x) for large x, which may be infinite, log(1 + f) elsewhere. */
const logOfTwiceOr = (x: Vector, f: Pair, tools: Tools): Vector => {
  const isLarge = lt(LARGE, x)
  const u = onePlus(f)
  const pair = { high: choose(isLarge, x, u.high), low: and(not(isLarge), u.low) }
  return choose(eq(x, INFINITY), x, logOfPair(pair, tools, and(isLarge, ONE)))
}

/** log(1 + a + a² / (1 + √(1 + a²))) for a = |x| */
export const asinh = (x: Vector, tools: Tools): Vector => {
  const a = abs(x)
  const a2 = square(a)
  const f = fastSum(a, div(a2, add(ONE, sqrt(add(ONE, a2)))))
  return flipBy(logOfTwiceOr(a, f, tools), x)
}

/** √v and what rounding took from it; of v = 0, 0. */
const sqrtPair = (v: Pair): Pair => {
  const high = sqrt(v.high)
  const product = square(high)
  const residual = add(sub(sub(v.high, product), productError(high, high, product)), v.low)
  return { high, low: div(residual, atLeast(add(high, high), LEAST_NORMAL)) }
}

/** log(1 + t + √(2t + t²)) for t = x - 1 */
export const acosh = (x: Vector, tools: Tools): Vector => {
  const t = fastSum(x, f64x2(-1))
  const t2 = square(t.high)
  const v = exactSum(add(t.high, t.high), t2)
  const vLow = add(add(v.low, productError(t.high, t.high, t2)), mul(t.low, scale(2, x)))
  const root = sqrtPair({ high: v.high, low: vLow })
  const f = fastSum(root.high, t.high)
  const low = add(f.low, add(root.low, t.low))
  return choose(lt(x, ONE), NAN, logOfTwiceOr(x, { high: f.high, low }, tools))
}

/** log(1 + 2a / (1 - a)) / 2 for a = |x| */
export const atanh = (x: Vector, tools: Tools): Vector => {
  const a = abs(x)
  const b = fastSum(ONE, neg(a))
  const twice = add(a, a)
  const quotient = div(twice, b.high)
  const product = mul(quotient, b.high)
  const residual = sub(sub(sub(twice, product), productError(quotient, b.high, product)), mul(quotient, b.low))
  const inside = scale(0.5, logOfPair(onePlus({ high: quotient, low: div(residual, b.high) }), tools))
  return flipBy(choose(lt(a, ONE), inside, choose(eq(a, ONE), INFINITY, NAN)), x)
}

/** max + log(1 + e^-|x - y|); equal infinities are their own sum. */
export const logaddexp = (x: Vector, y: Vector, tools: Tools): Vector => {
  const difference = neg(abs(sub(x, y)))
  const rest = logOfPair(exactSum(ONE, exp(difference, tools)), tools)
  return choose(eq(x, y), add(x, f64x2(Math.LN2)), add(op('f64x2.max', x, y), rest))
}
