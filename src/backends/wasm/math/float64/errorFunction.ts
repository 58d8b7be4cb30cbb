/** The error function, its complement and its inverse. */
import { f64x2 } from '../../asm/index.ts'
import type { Vector } from '../vectorMath.ts'
import { erfcConstant, erfcScaled, erfInvCentre, erfInvTail, erfSmall, erfTail } from './coefficients.ts'
import { exponentialOfPair } from './exponential.ts'
import { logOfNormal } from './logarithm.ts'
import type { Tools } from './tools.ts'
import type { Pair } from './vector.ts'
import {
  abs,
  add,
  atMost,
  choose,
  div,
  eq,
  exactSum,
  fastSum,
  flipBy,
  head,
  INFINITY,
  lt,
  mul,
  NAN,
  neg,
  notAllLanes,
  ONE,
  scale,
  sqrt,
  square,
  sub,
  ZERO,
} from './vector.ts'

/** e^(-a²) y: the square of the first 26 bits is exact. */
const gaussian = (a: Vector, y: Pair, tools: Tools): Vector => {
  const a1 = head(a)
  return exponentialOfPair({ high: neg(square(a1)), low: mul(sub(a, a1), add(a, a1)) }, y, tools)
}

/** By its own series below 1; above, 1 - e^(-a²) f((a - 2.5) / (a + 2.5)). From 6 on it is 1. */
export const erf = (x: Vector, tools: Tools): Vector => {
  const magnitude = abs(x)
  const a = atMost(magnitude, f64x2(6))
  const z = square(a)
  const near = add(a, mul(a, tools.polynomial(z, erfSmall)))
  const t = div(sub(a, f64x2(2.5)), add(a, f64x2(2.5)))
  const far = sub(ONE, gaussian(a, { high: tools.polynomial(t, erfTail), low: ZERO }, tools))
  return flipBy(choose(lt(a, ONE), near, far), x)
}

/**
 * e^(a²) erfc a for a from ½ to 28, as a polynomial in (a - 4) / (a + 4) over 1 + 2a, both as pairs: M. M. Shepherd and J. G. Laframboise,
 * Chebyshev approximation of (1 + 2x) exp(x²) erfc x in 0 ≤ x < ∞, Mathematics of Computation 36 (1981).
 */
const scaledErfc = (a: Vector, tools: Tools): Pair => {
  const t = div(sub(a, f64x2(4)), add(a, f64x2(4)))
  const [constant, constantLow] = erfcConstant.map(f64x2) as [Vector, Vector]
  const numerator = fastSum(constant, mul(t, tools.polynomial(t, erfcScaled)))
  const denominator = exactSum(add(a, a), ONE)
  const high = div(numerator.high, denominator.high)
  const residual = sub(add(numerator.low, constantLow), mul(high, denominator.low))
  return { high, low: div(residual, denominator.high) }
}

/** 1 - erf x for |x| < ½; elsewhere e^(-a²) times the scaled function of a = |x|, or 2 minus that. From 28 on it is 0. */
export const erfc = (x: Vector, tools: Tools): Vector => {
  const a = atMost(abs(x), f64x2(28))
  const positive = gaussian(a, scaledErfc(a, tools), tools)
  const far = choose(lt(x, ZERO), sub(f64x2(2), positive), positive)
  const near = sub(ONE, add(x, mul(x, tools.polynomial(square(a), erfSmall))))
  return choose(lt(a, f64x2(0.5)), near, far)
}

/** √(1 - e⁻⁵) */
const END = f64x2(0.9966)

/** w = -log(1 - y²) */
const logarithmic = (y: Vector, tools: Tools): Vector => neg(logOfNormal(mul(sub(ONE, y), add(ONE, y)), tools))

/** In w, up to 5, for which a polynomial serves: M. B. Giles, Approximating the erfinv function, GPU Computing Gems (2011). */
export const erfInv = (y: Vector, tools: Tools): Vector => {
  const centre = mul(y, tools.polynomial(logarithmic(y, tools), erfInvCentre))
  const outside = notAllLanes(lt(abs(y), END))
  return tools.repairIf(outside, 'erfInv', centre, y, (fast, z) => repairErfInv(fast, z, tools))
}

const repairErfInv = (centre: Vector, y: Vector, tools: Tools): Vector => {
  const a = abs(y)
  const tail = sub(ONE, a)
  const first = mul(a, tools.polynomial(sqrt(logarithmic(a, tools)), erfInvTail))
  const solved = refine(refine(first, tail, tools), tail, tools)
  const special = choose(eq(a, ONE), INFINITY, NAN)
  return choose(lt(a, END), centre, flipBy(choose(lt(a, ONE), solved, special), y))
}

/** A step of Newton's method for log erfc x = log `tail`, with 2 (ρ - 1) / (ρ + 1) for the logarithm of ρ = erfc x / tail near 1. */
const refine = (x: Vector, tail: Vector, tools: Tools): Vector => {
  const scaled = scaledErfc(x, tools)
  const ratio = div(gaussian(x, scaled, tools), tail)
  const step = div(mul(scaled.high, sub(ratio, ONE)), add(ratio, ONE))
  return add(x, scale(Math.sqrt(Math.PI), step))
}
