/** Arcus functions. Coefficients: scripts/coefficients/float32.py. */
import { f32x4 } from '../../asm/index.ts'
import type { Vector, VectorFunction, VectorFunction2 } from '../vectorMath.ts'
import type { Kit } from './arithmetic.ts'
import {
  abs,
  add,
  atLeast,
  atMost,
  div,
  eq,
  gt,
  half,
  mul,
  ne,
  oddPolynomial,
  one,
  or,
  polynomial,
  shiftRight,
  sqrt,
  sub,
  where,
  withSign,
} from './arithmetic.ts'

const piLow = 1.2246467991473532e-16 // π - Math.PI

/** c - x, where c is not a float32 but a sum of two. */
const constantMinus = (c: number, low: number, x: Vector): Vector => {
  const high = Math.fround(c)
  return add(sub(f32x4(high), x), f32x4(c - high + low))
}

const halfPiMinus = (x: Vector): Vector => constantMinus(Math.PI / 2, piLow / 2, x)
const piMinus = (x: Vector): Vector => constantMinus(Math.PI, piLow, x)

// (atan x - x) / x³ in x², for |x| ≤ 1: 2^-28.5.
const forAtan = [
  -0.333332986, 0.199985296, -0.142640159, 0.109508768, -0.0839924663, 0.0578788444, -0.0310923494, 0.0108648241,
  -0.00178160938,
]
// (asin x - x) / x³ in x², for |x| ≤ 9/16: 2^-29.0.
const forAsin = [0.166666314, 0.0750209764, 0.0442322008, 0.034010686, 0.00674290629, 0.0474834479]

/** atan |x| = π/2 - atan(1 / |x|) above 1. */
export const atan =
  (kit: Kit): VectorFunction =>
  (x) => {
    const a = abs(x)
    const p = oddPolynomial(kit, div(atMost(a, one), atLeast(a, one)), forAtan)
    return withSign(where(gt(a, one), halfPiMinus(p), p), x)
  }

/**
 * The angle of |y| and |x| in the first eighth of a turn, then mirrored: at the diagonal, where x is negative, and where y is.
 * Of equal operands, infinities included, the quotient is 1; a zero denominator, over which there is a zero, becomes tiny.
 */
export const atan2 =
  (kit: Kit): VectorFunction2 =>
  (y, x) => {
    const a = abs(y)
    const b = abs(x)
    const large = atLeast(atLeast(a, b), f32x4(2 ** -149))
    const small = atMost(a, b)
    const p = oddPolynomial(kit, where(eq(small, large), one, div(small, large)), forAtan)
    const quarter = where(gt(a, b), halfPiMinus(p), p)
    const angle = where(shiftRight(x, 31), piMinus(quarter), quarter)
    return or(withSign(angle, y), ne(x, x))
  }

/**
 * asin of s = a, or of s = √((1 - a) / 2) where a > 9/16: then asin a = π/2 - 2 asin s, acos a = 2 asin s. From there on 2 asin s is
 * below 1, and its error no more than that of the result's own magnitude.
 */
interface Halved {
  readonly above: Vector
  readonly angle: Vector
}

const halved = (kit: Kit, a: Vector): Halved => {
  const above = gt(a, f32x4(0.5625))
  const complement = mul(sub(one, a), half)
  const z = where(above, complement, mul(a, a))
  const s = where(above, sqrt(complement), a)
  return { above, angle: kit.madd(mul(z, s), polynomial(kit, z, forAsin), s) }
}

export const asin =
  (kit: Kit): VectorFunction =>
  (x) => {
    const { above, angle } = halved(kit, abs(x))
    return withSign(where(above, halfPiMinus(add(angle, angle)), angle), x)
  }

/** Of |x|, then mirrored: acos(-a) = π - acos a. */
export const acos =
  (kit: Kit): VectorFunction =>
  (x) => {
    const { above, angle } = halved(kit, abs(x))
    const signed = withSign(angle, x)
    const double = add(angle, angle)
    const outer = where(shiftRight(x, 31), piMinus(double), double)
    return where(above, outer, halfPiMinus(signed))
  }
