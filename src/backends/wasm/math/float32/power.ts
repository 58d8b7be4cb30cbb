/** Powers and roots, and the functions that are computed as logarithms in float64. */
import { f32x4, f64x2, i32x4, op, shuffle32 } from '../../asm/index.ts'
import type { Vector, VectorFunction, VectorFunction2 } from '../vectorMath.ts'
import { logaddexp as logaddexp64 } from '../float64/logarithm.ts'
import type { Kit } from './arithmetic.ts'
import {
  abs,
  and,
  atLeast,
  div,
  eq,
  half,
  infinity,
  lt,
  magnitudeBits,
  minNormal,
  mul,
  nan,
  ne,
  one,
  or,
  shiftLeft,
  shiftRight,
  signOf,
  sqrt,
  sub,
  subInt,
  where,
  withSign,
  xor,
  zero,
} from './arithmetic.ts'
import {
  add64,
  div64,
  exp2In64,
  inHalves,
  log2In64,
  log2OnePlusIn64,
  logIn64,
  mul64,
  one64,
  sqrt64,
  sub64,
} from './halves.ts'

export const rsqrt = (): VectorFunction => (x) => div(one, sqrt(x))

/** Zero, subnormal, above 2¹²⁷, infinite or NaN, of either sign. */
const notModerate = (x: Vector): Vector =>
  op('i32x4.ge_u', subInt(and(x, magnitudeBits), i32x4(0x00800000)), i32x4(0x7e800000))

/** Thirds of unsigned integers: the upper halves of the products with 2³² / 3. */
const thirds = (n: Vector): Vector => {
  const factor = i32x4(0x55555556)
  return shuffle32(op('i64x2.extmul_low_i32x4_u', n, factor), op('i64x2.extmul_high_i32x4_u', n, factor), [1, 3, 5, 7])
}

/**
 * ∛x of a positive normal number below 2¹²⁷ (y³ must not overflow). A third of the bits is nearly a logarithm, from which comes z ≈ x^(-1/3) to 4 %; with
 * e = 1 - x z³, x^(-1/3) = z (1 - e)^(-1/3) = z (1 + e/3 + 2e²/9 + 14e³/81 + …), by three terms, then by one. Last, Newton's
 * step from y = x z², whose residual is small, makes up for the rounding errors of all that.
 */
const normalCbrt = ({ madd }: Kit, x: Vector): Vector => {
  const z0 = subInt(i32x4(0x54a2fa8c), thirds(x))
  const residual = (z: Vector): Vector => sub(one, mul(mul(mul(x, z), z), z))
  const e = residual(z0)
  const series = madd(e, madd(e, f32x4(14 / 81), f32x4(2 / 9)), f32x4(1 / 3))
  const z1 = madd(mul(z0, e), series, z0)
  const z2 = madd(mul(z1, residual(z1)), f32x4(1 / 3), z1)
  const square = mul(z2, z2)
  const y = mul(x, square)
  const error = sub(x, mul(mul(y, y), y))
  return madd(mul(error, square), f32x4(1 / 3), y)
}

export const cbrt =
  (kit: Kit): VectorFunction =>
  (x) => {
    const y = withSign(normalCbrt(kit, abs(x)), x)
    return kit.rarely('cbrt', notModerate(x), y, [x], (_, fast, [v]) => {
      const a = abs(v!)
      const small = lt(a, minNormal)
      const scaled = mul(a, where(small, f32x4(2 ** 24), f32x4(2 ** -24)))
      const root = mul(normalCbrt(kit, scaled), where(small, f32x4(2 ** -8), f32x4(2 ** 8)))
      const itself = or(eq(a, zero), op('i32x4.ge_s', a, infinity))
      return where(itself, v!, where(notModerate(v!), withSign(root, v!), fast))
    })
  }

/** Where x is an integer (infinities are), and where it is an odd one. */
const isInteger = (x: Vector): Vector => eq(op('f32x4.trunc', x), x)
const isOdd = (x: Vector): Vector => {
  const h = mul(x, half)
  return and(isInteger(x), ne(op('f32x4.trunc', h), h))
}

/** |x|^y where one of them is an infinity, or x is zero: 0, 1 or ∞, by whether |x| < 1 and y < 0. */
const extremePower = (a: Vector, y: Vector): Vector => {
  const small = lt(a, one)
  return where(eq(a, one), one, where(xor(small, shiftRight(y, 31)), zero, infinity))
}

/** x^y by C's rules, given |x|^y for what is finite and not zero. */
const specialPower = (finitePower: Vector, x: Vector, y: Vector): Vector => {
  const a = abs(x)
  const extreme = or(or(eq(a, zero), eq(a, infinity)), eq(abs(y), infinity))
  const magnitude = where(extreme, extremePower(a, y), finitePower)
  const real = or(or(extreme, op('f32x4.ge', x, zero)), isInteger(y))
  const signed = or(where(real, magnitude, nan), and(signOf(x), isOdd(y)))
  const withNaN = or(signed, or(ne(x, x), ne(y, y)))
  return where(or(eq(y, zero), eq(x, one)), one, withNaN)
}

/** |x|^y = 2^(y log2 |x|), in float64. */
export const pow =
  (kit: Kit): VectorFunction2 =>
  (x, y) => {
    const fast = inHalves((u, v) => exp2In64(kit, mul64(v, log2In64(kit, u))), abs(x), y)
    const notPositive = op('i32x4.ge_u', subInt(x, i32x4(1)), i32x4(0x7f7fffff))
    const notFinite = op('i32x4.ge_u', shiftLeft(y, 1), i32x4(0xff000000 | 0))
    return kit.rarely('pow', or(notPositive, notFinite), fast, [x, y], (_, power, [u, v]) =>
      specialPower(power, u!, v!),
    )
  }

/** x^n by squaring, for n ≥ 1, given the product of two. */
const bySquaring = (x: Vector, n: number, times: (x: Vector, y: Vector) => Vector): Vector => {
  if (n === 1) return x
  const root = bySquaring(x, Math.floor(n / 2), times)
  const square = times(root, root)
  return n % 2 === 0 ? square : times(square, x)
}

/** In float32 as long as roundings are few; else in float64, whose range holds whatever does not overflow float32. */
export const integerPow =
  () =>
  (x: Vector, n: number): Vector => {
    if (n === 0) return one
    if (n > 0 && n <= 4) return bySquaring(x, n, mul)
    const reciprocal = n < 0 ? (v: Vector): Vector => div64(one64, v) : (v: Vector): Vector => v
    if (n === -1 || n === -2) return bySquaring(div(one, x), -n, mul)
    return inHalves((v) => reciprocal(bySquaring(v, Math.abs(n), mul64)), x)
  }

/**
 * The larger operand plus log(1 + e^-|x - y|). Where the two nearly cancel, float64 needs all of its digits: there its
 * own function is taken. Of equal operands, infinities too, the difference is 0.
 */
export const logaddexp =
  (kit: Kit): VectorFunction2 =>
  (x, y) => {
    const fast = inHalves(
      (u, v) => {
        const equal = op('f64x2.eq', u, v)
        const distance = op('f64x2.abs', op('v128.andnot', sub64(u, v), equal))
        const e = exp2In64(kit, mul64(distance, f64x2(-1 / Math.LN2)))
        return add64(op('f64x2.pmax', u, v), mul64(log2OnePlusIn64(kit, e), f64x2(Math.LN2)))
      },
      x,
      y,
    )
    const cancelled = (z: Vector, u: Vector, v: Vector): Vector => lt(abs(z), mul(abs(atLeast(u, v)), f32x4(2 ** -5)))
    return kit.rarely('logaddexp', cancelled(fast, x, y), fast, [x, y], (_, z, [u, v]) => {
      const exact = inHalves((a, b) => logaddexp64(a, b, kit.tools64), u!, v!)
      return where(cancelled(z, u!, v!), exact, z)
    })
  }

/** log(|x| + √(x² + 1)); x itself where the cube's share is below half a unit in the last place. */
export const asinh =
  (kit: Kit): VectorFunction =>
  (x) => {
    const y = inHalves((v) => {
      const a = op('f64x2.abs', v)
      return logIn64(kit, add64(a, sqrt64(add64(mul64(v, v), one64))))
    }, x)
    const a = abs(x)
    return where(and(op('f32x4.ge', a, f32x4(2 ** -12)), lt(a, infinity)), withSign(y, x), x)
  }

/** log(x + √(x² - 1)): the square of a float32 is exact. */
export const acosh =
  (kit: Kit): VectorFunction =>
  (x) => {
    const y = inHalves((v) => logIn64(kit, add64(v, sqrt64(sub64(mul64(v, v), one64)))), x)
    return where(lt(x, one), nan, where(op('f32x4.lt', x, infinity), y, x))
  }

/** log((1 + x) / (1 - x)) / 2. */
export const atanh =
  (kit: Kit): VectorFunction =>
  (x) => {
    const y = inHalves((v) => {
      const a = op('f64x2.abs', v)
      return mul64(logIn64(kit, div64(add64(one64, a), sub64(one64, a))), f64x2(0.5))
    }, x)
    const a = abs(x)
    const inside = where(lt(a, f32x4(2 ** -12)), x, withSign(y, x))
    return where(lt(a, one), inside, div(x, sqrt(sub(one, a))))
  }
