/** 16-bit floats as bits, from and to float32: one formula each, for a number alone and for four. */
import type { Expr } from '../asm/index.ts'
import { f32, f32x4, i32, i32x4, op, select } from '../asm/index.ts'

/** Arithmetic of 32-bit words, which may be the bits of floats. */
interface Words<T extends 'i32' | 'v128'> {
  constant(x: number): Expr<T>
  and(x: Expr<T>, y: number): Expr<T>
  or(x: Expr<T>, y: Expr<T>): Expr<T>
  add(x: Expr<T>, y: Expr<T>): Expr<T>
  left(x: Expr<T>, count: number): Expr<T>
  right(x: Expr<T>, count: number): Expr<T>
  /** `x < bound ? y : z`, of x from 0 to 2^31. */
  below(x: Expr<T>, bound: number, y: Expr<T>, z: Expr<T>): Expr<T>
  /** Bits of the product, or of the sum, of the float that x is the bits of. */
  floatTimes(x: Expr<T>, factor: number): Expr<T>
  floatPlus(x: Expr<T>, summand: number): Expr<T>
}

const asFloat = (x: Expr<'i32'>): Expr<'f32'> => op('f32.reinterpret_i32', x)

export const word: Words<'i32'> = {
  constant: i32,
  and: (x, y) => op('i32.and', x, i32(y)),
  or: (x, y) => op('i32.or', x, y),
  add: (x, y) => op('i32.add', x, y),
  left: (x, count) => op('i32.shl', x, i32(count)),
  right: (x, count) => op('i32.shr_u', x, i32(count)),
  below: (x, bound, y, z) => select(op('i32.lt_s', x, i32(bound)), y, z),
  floatTimes: (x, factor) => op('i32.reinterpret_f32', op('f32.mul', asFloat(x), f32(factor))),
  floatPlus: (x, summand) => op('i32.reinterpret_f32', op('f32.add', asFloat(x), f32(summand))),
}

export const fourWords: Words<'v128'> = {
  constant: i32x4,
  and: (x, y) => op('v128.and', x, i32x4(y)),
  or: (x, y) => op('v128.or', x, y),
  add: (x, y) => op('i32x4.add', x, y),
  left: (x, count) => op('i32x4.shl', x, i32(count)),
  right: (x, count) => op('i32x4.shr_u', x, i32(count)),
  below: (x, bound, y, z) => op('v128.bitselect', y, z, op('i32x4.lt_s', x, i32x4(bound))),
  floatTimes: (x, factor) => op('f32x4.mul', x, f32x4(factor)),
  floatPlus: (x, summand) => op('f32x4.add', x, f32x4(summand)),
}

const INFINITY_BITS = 0x7f800000

/**
 * Bits of a float32 from those of a binary16. Its exponent and mantissa, moved to their places, are those of the value times
 * 2^-112, because the biases differ by 112; also where they are of a subnormal number. Infinities and NaN keep the highest
 * exponent.
 */
export const singleOfHalf = <T extends 'i32' | 'v128'>(w: Words<T>, half: Expr<T>): Expr<T> => {
  const magnitude = w.left(w.and(half, 0x7fff), 13)
  const finite = w.floatTimes(magnitude, 2 ** 112)
  const special = w.or(magnitude, w.constant(INFINITY_BITS))
  const sign = w.left(w.and(half, 0x8000), 16)
  return w.or(sign, w.below(magnitude, 0x7c00 << 13, finite, special))
}

/** Without the lowest bits, rounded to nearest, ties to even: half an ulp less one is added, and one if the result is odd. */
const rounded = <T extends 'i32' | 'v128'>(w: Words<T>, x: Expr<T>, bits: number): Expr<T> => {
  const odd = w.and(w.right(x, bits), 1)
  return w.right(w.add(w.add(x, w.constant((1 << (bits - 1)) - 1)), odd), bits)
}

/** Bits of the nearest binary16 of a float32, given as bits. */
export const halfOfSingle = <T extends 'i32' | 'v128'>(w: Words<T>, single: Expr<T>): Expr<T> => {
  const magnitude = w.and(single, 0x7fffffff)
  // From 2^-14 on: the exponent's bias changes, the mantissa loses 13 bits; a carry into the exponent is right.
  const normal = rounded(w, w.add(magnitude, w.constant(-0x38000000)), 13)
  // Below: units of 2^-24, which are the last bits of floats from 0.5 to 1.
  const subnormal = w.add(w.floatPlus(magnitude, 0.5), w.constant(-0x3f000000))
  const finite = w.below(magnitude, 0x38800000, subnormal, normal)
  const special = w.below(magnitude, INFINITY_BITS + 1, w.constant(0x7c00), w.constant(0x7e00))
  const sign = w.and(w.right(single, 16), 0x8000)
  // From 65520 on (0x477ff000), the nearest is infinity.
  return w.or(sign, w.below(magnitude, 0x477ff000, finite, special))
}

/** A bfloat16 is the upper half of a float32. */
export const singleOfBrain = <T extends 'i32' | 'v128'>(w: Words<T>, brain: Expr<T>): Expr<T> => w.left(brain, 16)

export const brainOfSingle = <T extends 'i32' | 'v128'>(w: Words<T>, single: Expr<T>): Expr<T> => {
  const upper = w.right(single, 16)
  const quietNaN = w.or(upper, w.constant(0x40))
  return w.below(w.and(single, 0x7fffffff), INFINITY_BITS + 1, w.and(rounded(w, single, 16), 0xffff), quietNaN)
}
