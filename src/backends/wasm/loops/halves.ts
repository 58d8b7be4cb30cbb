/** 16-bit floats as bits in 32-bit lanes, from and to float32. */
import { f32x4, i32, i32x4, op } from '../asm/index.ts'
import type { Vector } from './lanes.ts'

const and = (x: Vector, bits: number): Vector => op('v128.and', x, i32x4(bits))
const or = (x: Vector, y: Vector): Vector => op('v128.or', x, y)
const plus = (x: Vector, n: number): Vector => op('i32x4.add', x, i32x4(n))
const left = (x: Vector, count: number): Vector => op('i32x4.shl', x, i32(count))
const right = (x: Vector, count: number): Vector => op('i32x4.shr_u', x, i32(count))
/** `x < bound ? y : z`, of x from 0 to 2^31. */
const below = (x: Vector, bound: number, y: Vector, z: Vector): Vector =>
  op('v128.bitselect', y, z, op('i32x4.lt_s', x, i32x4(bound)))

const INFINITY_BITS = 0x7f800000

/**
 * A float32 from the bits of a binary16. Its exponent and mantissa, moved to their places, are those of the value times
 * 2^-112, because the biases differ by 112; also where they are of a subnormal number. Infinities and NaN keep the highest
 * exponent.
 */
export const singleOfHalf = (half: Vector): Vector => {
  const magnitude = left(and(half, 0x7fff), 13)
  const finite = op('f32x4.mul', magnitude, f32x4(2 ** 112))
  const special = or(magnitude, i32x4(INFINITY_BITS))
  const sign = left(and(half, 0x8000), 16)
  return or(sign, below(magnitude, 0x7c00 << 13, finite, special))
}

/** Without the lowest bits, rounded to nearest, ties to even: half an ulp less one is added, and one if the result is odd. */
const rounded = (x: Vector, bits: number): Vector => {
  const odd = and(right(x, bits), 1)
  return right(op('i32x4.add', plus(x, (1 << (bits - 1)) - 1), odd), bits)
}

/** The bits of the nearest binary16 of a float32. */
export const halfOfSingle = (single: Vector): Vector => {
  const magnitude = and(single, 0x7fffffff)
  // From 2^-14 on: the exponent's bias changes, the mantissa loses 13 bits; a carry into the exponent is right.
  const normal = rounded(plus(magnitude, -0x38000000), 13)
  // Below: units of 2^-24, which are the last bits of floats from 0.5 to 1.
  const subnormal = plus(op('f32x4.add', magnitude, f32x4(0.5)), -0x3f000000)
  const finite = below(magnitude, 0x38800000, subnormal, normal)
  const special = below(magnitude, INFINITY_BITS + 1, i32x4(0x7c00), i32x4(0x7e00))
  const sign = and(right(single, 16), 0x8000)
  // From 65520 on (0x477ff000), the nearest is infinity.
  return or(sign, below(magnitude, 0x477ff000, finite, special))
}

/** A bfloat16 is the upper half of a float32. */
export const singleOfBrain = (brain: Vector): Vector => left(brain, 16)

/** The bits of the nearest bfloat16 of a float32. */
export const brainOfSingle = (single: Vector): Vector => {
  const quietNaN = or(right(single, 16), i32x4(0x40))
  return below(and(single, 0x7fffffff), INFINITY_BITS + 1, and(rounded(single, 16), 0xffff), quietNaN)
}

/** The bits of the next 16-bit float after the one with bits `a` towards that with bits `b`. */
export const nextafterHalf = (dtype: 'float16' | 'bfloat16', a: Vector, b: Vector): Vector => {
  const single = dtype === 'float16' ? singleOfHalf : singleOfBrain
  const [x, y] = [single(a), single(b)]
  const choose = (mask: Vector, yes: Vector, no: Vector): Vector => op('v128.bitselect', yes, no, mask)
  const away = op('v128.not', op('v128.xor', op('f32x4.gt', x, f32x4(0)), op('f32x4.gt', y, x)))
  const moved = op('i32x4.add', a, choose(away, i32x4(1), i32x4(-1)))
  const least = choose(op('f32x4.gt', y, f32x4(0)), i32x4(1), i32x4(0x8001))
  const next = choose(op('f32x4.eq', x, f32x4(0)), least, moved)
  const unordered = or(op('f32x4.ne', x, x), op('f32x4.ne', y, y))
  return choose(unordered, i32x4(dtype === 'float16' ? 0x7e00 : 0x7fc0), choose(op('f32x4.eq', x, y), b, next))
}
