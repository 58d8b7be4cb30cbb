/** The error function, its complement and its inverse. */
import { f64x2 } from '../../asm/index.ts'
import type { Vector } from '../vector-math.ts'
import { erfcScaled, erfInvCentre, erfSmall, erfTail } from './coefficients.ts'
import { exponentialOfPair } from './exponential.ts'
import { logOfNormal } from './logarithm.ts'
import type { Tools } from './tools.ts'
import {
  abs,
  add,
  atMost,
  choose,
  div,
  flipBy,
  head,
  lt,
  mul,
  neg,
  not,
  ONE,
  square,
  sub,
  ZERO,
} from './vector.ts'

/** e^(-a²) y: the square of the first 26 bits is exact. */
const gaussian = (a: Vector, y: Vector, tools: Tools): Vector => {
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
  const far = sub(ONE, gaussian(a, tools.polynomial(t, erfTail), tools))
  return flipBy(choose(lt(a, ONE), near, far), x)
}

/**
 * e^(-a²) f((a - 4) / (a + 4)) / (1 + 2a) for positive x, 2 minus that for negative x: M. M. Shepherd and J. G. Laframboise, Chebyshev
 * approximation of (1 + 2x) exp(x²) erfc x in 0 ≤ x < ∞, Mathematics of Computation 36 (1981). From 28 on it is 0.
 */
export const erfc = (x: Vector, tools: Tools): Vector => {
  const a = atMost(abs(x), f64x2(28))
  const t = div(sub(a, f64x2(4)), add(a, f64x2(4)))
  const scaled = div(tools.polynomial(t, erfcScaled), add(ONE, add(a, a)))
  const positive = gaussian(a, scaled, tools)
  return choose(lt(x, ZERO), sub(f64x2(2), positive), positive)
}

/** In w = -log(1 - y²), up to 5 (M. B. Giles, Approximating the erfinv function, GPU Computing Gems, 2011); the tails are JavaScript's. */
export const erfInv = (y: Vector, tools: Tools): Vector => {
  const w = neg(logOfNormal(mul(sub(ONE, y), add(ONE, y)), tools))
  const centre = mul(y, tools.polynomial(sub(w, f64x2(2.5)), erfInvCentre))
  return tools.callWhere((z) => not(lt(abs(z), END)), 'erfInv', centre, y)
}

/** √(1 - e^-5) */
const END = f64x2(0.9966)
