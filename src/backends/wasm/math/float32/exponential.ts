/**
 * Exponentials. Coefficients: scripts/coefficients/float32.py. The reductions by a split constant are those of W. J. Cody and
 * W. Waite, Software Manual for the Elementary Functions (1980).
 */
import { f32x4, f64x2, i32x4 } from '../../asm/index.ts'
import type { Vector, VectorFunction } from '../vectorMath.ts'
import type { Kit } from './arithmetic.ts'
import { add64, div64, exp2In64, inHalves, mul64, one64, sub64 } from './halves.ts'
import {
  abs,
  add,
  addInt,
  atLeast,
  atMost,
  div,
  half,
  lt,
  mul,
  negativeAbs,
  oddPolynomial,
  one,
  oneBits,
  polynomial,
  powerOfTwo,
  shiftLeft,
  shiftRight,
  shifter,
  sub,
  subInt,
  two,
  where,
  withSign,
} from './arithmetic.ts'

// 2 ln 2 in two parts; products of the first with integers below 2⁸ are exact.
const twoLn2High = Math.floor(2 * Math.LN2 * 2 ** 16) / 2 ** 16
const twoLn2Low = 2 * Math.LN2 - twoLn2High

// (e^r - 1 - r - r²/2) / r³ for |r| ≤ ln 2: relative to e^r, 2^-25.3; relative to e^r - 1, 2^-28.6.
const forExp = [0.166666001, 0.0416634418, 0.00833719876, 0.00140732364, 0.000194347638]
const forExpm1 = [0.166666716, 0.0416666418, 0.00833266601, 0.00138898613, 0.000200904848, 2.48251326e-5]
// The first, for |r| ≤ ln 2 / 2: 2^-28.0.
const forDecay = [0.166665345, 0.0416672379, 0.00836748257, 0.00138637784]
// (2^r - 1) / r for |r| ≤ 1/2: 2^-25.9.
const forExp2 = [0.693147182, 0.240226477, 0.0555033237, 0.00961843692, 0.00133988739, 0.000153533852]
// (sinh x - x) / x³ in x², for |x| ≤ 1: 2^-25.3.
const forSinh = [0.166667163, 0.00833027065, 0.000203733405]
// (tanh x - x) / x³ in x², for |x| ≤ 0.625: 2^-27.7.
const forTanh = [-0.333332807, 0.133314058, -0.0537365153, 0.0206281673, -0.00569229666]

/**
 * e^x = (1 + m) 2^2j. That the exponent is even costs the polynomial one degree, and makes scaling two multiplications by the
 * same s = 2^j, neither of which leaves the range of float32 before the result does.
 */
interface Reduced {
  /** e^r - 1 for r = x - 2j ln 2, |r| ≤ ln 2. */
  readonly m: Vector
  /** Has j in the low bits. */
  readonly j: Vector
}

/** e^r - 1 = r + r² (1/2 + r q(r)). */
const expm1Near0 = (kit: Kit, r: Vector, coefficients: readonly number[]): Vector => {
  const q = kit.madd(r, polynomial(kit, r, coefficients), half)
  return kit.madd(mul(r, r), q, r)
}

const reduce = (kit: Kit, x: Vector, coefficients: readonly number[]): Reduced => {
  const { madd } = kit
  const j = madd(x, f32x4(0.5 / Math.LN2), shifter)
  const n = sub(j, shifter)
  const r = madd(n, f32x4(-twoLn2Low), madd(n, f32x4(-twoLn2High), x))
  return { m: expm1Near0(kit, r, coefficients), j }
}

// Beyond 89 and -104 lie infinity and 0.
const least = f32x4(-104)
const greatest = f32x4(89)

export const exp =
  (kit: Kit): VectorFunction =>
  (x) => {
    const { m, j } = reduce(kit, atLeast(atMost(x, greatest), least), forExp)
    const s = powerOfTwo(j)
    return mul(kit.madd(m, s, s), s)
  }

/** y 2^k, for k in the low bits, in two steps, so that results may be subnormal. */
const scale = (y: Vector, k: Vector): Vector => {
  const lower = shiftRight(k, 1)
  return mul(mul(y, powerOfTwo(lower)), powerOfTwo(subInt(k, lower)))
}

/**
 * e^(x + low) for -104 ≤ x ≤ 0 and a much smaller `low`, to 1.1 units in the last place: for what is computed from it. As `exp`,
 * but with |r| ≤ ln 2 / 2, whose rounding errors are half as large.
 */
export const decay = (kit: Kit, x: Vector, low?: Vector): Vector => {
  const { madd } = kit
  const k = madd(x, f32x4(1 / Math.LN2), shifter)
  const n = sub(k, shifter)
  const nearest = madd(n, f32x4(-twoLn2Low / 2), madd(n, f32x4(-twoLn2High / 2), x))
  const r = low === undefined ? nearest : add(nearest, low)
  return scale(add(expm1Near0(kit, r, forDecay), one), k)
}

/** 2^x with x = k + r, k an integer: powers of integers are exact. */
export const exp2 =
  (kit: Kit): VectorFunction =>
  (x) => {
    const bounded = atLeast(atMost(x, f32x4(129)), f32x4(-151))
    const k = add(bounded, shifter)
    const r = sub(bounded, sub(k, shifter))
    return scale(kit.madd(r, polynomial(kit, r, forExp2), one), k)
  }

/** (m 2^j + (2^j - 2^-j)) 2^j. The sign is put on for the sake of -0. */
export const expm1 =
  (kit: Kit): VectorFunction =>
  (x) => {
    const { m, j } = reduce(kit, atLeast(atMost(x, greatest), f32x4(-17.5)), forExpm1)
    const s = powerOfTwo(j)
    const inverse = subInt(i32x4(2 * 0x3f800000), s)
    return withSign(mul(kit.madd(m, s, sub(s, inverse)), s), x)
  }

/**
 * With e = e^-|x| and g = e / (1 + e): e - e g for x < 0, else 1 - g. The errors of g do not count where the result is small, as
 * those of e / (1 + e) would.
 */
export const logistic =
  (kit: Kit): VectorFunction =>
  (x) => {
    const e = decay(kit, atLeast(negativeAbs(x), least))
    const g = div(e, add(one, e))
    const y = where(shiftRight(x, 31), e, one)
    return sub(y, mul(y, g))
  }

/** x + x³ q(x²) below 0.625; from there on 1 - 2 / (e^2|x| + 1), which at |x| = 9.02 rounds to 1. */
export const tanh =
  (kit: Kit): VectorFunction =>
  (x) => {
    const a = abs(x)
    const bounded = atMost(a, f32x4(9.02))
    const { m, j } = reduce(kit, add(bounded, bounded), forExp)
    const s = addInt(shiftLeft(j, 24), oneBits) // 2^2j
    const large = sub(one, div(two, add(kit.madd(m, s, s), one)))
    return withSign(where(lt(a, f32x4(0.625)), oddPolynomial(kit, a, forTanh), large), x)
  }

/** (e^|x| ± e^-|x|) / 2, in float64: next to a power of two an error of float32 would count twice. */
const halfExps = (kit: Kit, x: Vector, combine: (x: Vector, y: Vector) => Vector): Vector =>
  inHalves((v) => {
    const e = exp2In64(kit, mul64(v, f64x2(1 / Math.LN2)))
    return mul64(combine(e, div64(one64, e)), f64x2(0.5))
  }, abs(x))

export const cosh =
  (kit: Kit): VectorFunction =>
  (x) =>
    halfExps(kit, x, add64)

export const sinh =
  (kit: Kit): VectorFunction =>
  (x) =>
    where(lt(abs(x), one), oddPolynomial(kit, x, forSinh), withSign(halfExps(kit, x, sub64), x))
