/** Logarithms. Coefficients: scripts/coefficients/float32.py. */
import { f32x4, i32x4, op } from '../../asm/index.ts'
import type { Vector, VectorFunction } from '../vectorMath.ts'
import type { Kit } from './arithmetic.ts'
import {
  add,
  eq,
  infinity,
  lt,
  minNormal,
  mul,
  nan,
  one,
  oneBits,
  or,
  polynomial,
  shiftLeft,
  shiftRight,
  sub,
  subInt,
  where,
  withSign,
  zero,
} from './arithmetic.ts'

// ln 2 in two parts; products of the first with integers below 2¹⁴ are exact.
const ln2High = 0.693359375
const ln2Low = Math.LN2 - ln2High

// (log(1 + f) - f + f²/2) / f³ for √½ ≤ 1 + f ≤ √2, relative to log(1 + f): 2^-27.2.
const forLog = [
  0.333333313, -0.250008196, 0.200012267, -0.166233569, 0.142017573, -0.131601781, 0.127615765, -0.0763450563,
]

const sqrtHalfBits = i32x4(0x3f3504f3)

/** The k with √½ ≤ x 2^-k < √2, for positive normal x. */
const exponentOf = (x: Vector): Vector => shiftRight(subInt(x, sqrtHalfBits), 23)

/** log(1 + f) + n ln 2, the small terms first. */
const assemble = (kit: Kit, f: Vector, n: Vector): Vector => {
  const { madd } = kit
  const z = mul(f, f)
  const rest = madd(n, f32x4(ln2Low), mul(mul(z, f), polynomial(kit, f, forLog)))
  return madd(n, f32x4(ln2High), add(f, madd(z, f32x4(-0.5), rest)))
}

/** log(x) + shift ln 2 for positive normal x. */
export const normalLog = (kit: Kit, x: Vector, shift = 0): Vector => {
  const k = exponentOf(x)
  const f = sub(subInt(x, shiftLeft(k, 23)), one)
  const n = op('f32x4.convert_i32x4_s', k)
  return assemble(kit, f, shift === 0 ? n : add(n, f32x4(shift)))
}

/** Patches lanes of the logarithm of x where that is not a number: -∞ at 0, NaN below and for NaN. */
const outsideDomain = (y: Vector, x: Vector): Vector =>
  where(eq(x, zero), f32x4(-Infinity), where(op('f32x4.ge', x, zero), y, nan))

/** Zero, negative, subnormal, infinite, NaN: all whose bits are not among those of the positive normal numbers. */
const notPositiveNormal = (x: Vector): Vector => op('i32x4.ge_u', subInt(x, i32x4(0x00800000)), i32x4(0x7f000000))

export const log =
  (kit: Kit): VectorFunction =>
  (x) =>
    kit.rarely('log', notPositiveNormal(x), normalLog(kit, x), [x], (_, fast, [v]) => {
      const subnormal = normalLog(kit, mul(v!, f32x4(2 ** 23)), -23)
      const y = where(lt(v!, minNormal), subnormal, where(eq(v!, infinity), v!, fast))
      return outsideDomain(y, v!)
    })

const huge = f32x4(2 ** 126)

/** With u = 1 + x in [√½, √2) 2^k: log1p x = k ln 2 + log(1 + f) for f = x 2^-k + (2^-k - 1), which has one rounding. */
export const log1p =
  (kit: Kit): VectorFunction =>
  (x) => {
    const k = exponentOf(add(x, one))
    const scale = subInt(oneBits, shiftLeft(k, 23))
    const f = kit.madd(x, scale, sub(scale, one))
    const y = withSign(assemble(kit, f, op('f32x4.convert_i32x4_s', k)), x)
    const rare = or(op('f32x4.le', x, f32x4(-1)), op('f32x4.ge', x, huge))
    return kit.rarely('log1p', rare, y, [x], (_, fast, [v]) => {
      const large = where(eq(v!, infinity), v!, normalLog(kit, v!))
      return outsideDomain(where(op('f32x4.ge', v!, huge), large, fast), add(v!, one))
    })
  }
