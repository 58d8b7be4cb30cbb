/** Computations in float64, on two halves of a float32 vector, where float32 is not accurate enough. */
import type { Expr } from '../../asm/index.ts'
import { f64x2, i32, i64x2, op, shuffle64 } from '../../asm/index.ts'
import type { Vector } from '../vectorMath.ts'
import type { Kit } from './arithmetic.ts'

export const add64 = (x: Vector, y: Vector): Vector => op('f64x2.add', x, y)
export const sub64 = (x: Vector, y: Vector): Vector => op('f64x2.sub', x, y)
export const mul64 = (x: Vector, y: Vector): Vector => op('f64x2.mul', x, y)
export const div64 = (x: Vector, y: Vector): Vector => op('f64x2.div', x, y)
export const sqrt64 = (x: Vector): Vector => op('f64x2.sqrt', x)
export const one64 = f64x2(1)

const promoteLow = (x: Vector): Vector => op('f64x2.promote_low_f32x4', x)
const high = (x: Vector): Vector => shuffle64(x, x, [1, 1])

/** Promotes both halves, applies f to each, and rounds the results to float32. */
export const inHalves = (f: (...x: Vector[]) => Vector, ...operands: readonly Vector[]): Vector =>
  shuffle64(
    op('f32x4.demote_f64x2_zero', f(...operands.map(promoteLow))),
    op('f32x4.demote_f64x2_zero', f(...operands.map((x) => promoteLow(high(x))))),
    [0, 2],
  )

export const polynomial64 = ({ madd64 }: Kit, x: Vector, c: readonly number[]): Vector =>
  c.slice(0, -1).reduceRight((sum, a) => madd64(sum, x, f64x2(a)), f64x2(c.at(-1)!))

const bits64 = (x: bigint): Expr<'v128'> => i64x2(x)
const shiftLeft64 = (x: Vector, count: number): Vector => op('i64x2.shl', x, i32(count))

/** As `shifter` of float32: x + shifter64 has x, rounded to an integer, in its low bits. */
export const shifter64 = f64x2(1.5 * 2 ** 52)

// log2(m) / s in s², for √½ ≤ m < √2 and s = (m - 1) / (m + 1): 2^-37.8.
const forLog2 = [2.8853900817900811, 0.96179667334952168, 0.57708358334088972, 0.41167282351658291, 0.34072806143039497]

const sqrtHalfFraction = 0x6a09e667f3bcdn
const exponentBits = -(1n << 52n)

/**
 * log2(x) for positive normal x, to 2^-37 relative: x = 2^k m with √½ ≤ m < √2. After the subtraction of √½'s fraction the
 * exponent's bits are k + 1022, which become a float64 as the low bits of 2^52.
 */
export const log2In64 = (kit: Kit, x: Vector): Vector => {
  const shifted = op('i64x2.sub', x, bits64(sqrtHalfFraction))
  const biased = op('v128.or', op('i64x2.shr_u', shifted, i32(52)), f64x2(2 ** 52))
  const k = sub64(biased, f64x2(2 ** 52 + 1022))
  const exponent = op('v128.and', shifted, bits64(exponentBits))
  const m = op('i64x2.add', op('i64x2.sub', x, exponent), bits64(1022n << 52n))
  const s = div64(sub64(m, one64), add64(m, one64))
  return kit.madd64(s, polynomial64(kit, mul64(s, s), forLog2), k)
}

/** log2(1 + x) for 0 ≤ x ≤ 1, relative to the result: as there, with m = 1 + x or m = (1 + x) / 2. NaN stays. */
export const log2OnePlusIn64 = (kit: Kit, x: Vector): Vector => {
  const upper = op('f64x2.gt', x, f64x2(Math.SQRT2 - 1))
  const numerator = sub64(x, op('v128.and', upper, one64))
  const denominator = add64(x, op('v128.bitselect', f64x2(3), f64x2(2), upper))
  const s = div64(numerator, denominator)
  return kit.madd64(s, polynomial64(kit, mul64(s, s), forLog2), op('v128.and', upper, one64))
}

export const logIn64 = (kit: Kit, x: Vector): Vector => mul64(log2In64(kit, x), f64x2(Math.LN2))

// 2^r for |r| ≤ 1/2: 2^-29.0.
const forExp2 = [
  1.0000000005543677, 0.69314720573780741, 0.24022646890339386, 0.055503287768783917, 0.0096184889696750969,
  0.0013399931061458602, 0.00015345809934209792,
]

/** 2^x; beyond ±1000, which no float32 reaches, that of ±1000. */
export const exp2In64 = (kit: Kit, x: Vector): Vector => {
  const bounded = op('f64x2.pmax', op('f64x2.pmin', x, f64x2(1000)), f64x2(-1000))
  const k = add64(bounded, shifter64)
  const r = sub64(bounded, sub64(k, shifter64))
  const scale = op('i64x2.add', shiftLeft64(k, 52), one64)
  return mul64(polynomial64(kit, r, forExp2), scale)
}
