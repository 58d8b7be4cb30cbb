/** The basic operations of the functions on float32 vectors. */
import type { Code, Expr } from '../../asm/index.ts'
import { f32x4, i32, i32x4, op } from '../../asm/index.ts'
import type { Tools } from '../float64/tools.ts'
import type { HostFunction } from '../host.ts'
import type { Vector } from '../vectorMath.ts'

export const add = (x: Vector, y: Vector): Vector => op('f32x4.add', x, y)
export const sub = (x: Vector, y: Vector): Vector => op('f32x4.sub', x, y)
export const mul = (x: Vector, y: Vector): Vector => op('f32x4.mul', x, y)
export const div = (x: Vector, y: Vector): Vector => op('f32x4.div', x, y)
export const abs = (x: Vector): Vector => op('f32x4.abs', x)
export const negate = (x: Vector): Vector => op('f32x4.neg', x)
export const sqrt = (x: Vector): Vector => op('f32x4.sqrt', x)

/** One instruction each. NaN in `x` stays; NaN in `bound` is ignored, and so is the sign of a zero. */
export const atMost = (x: Vector, bound: Vector): Vector => op('f32x4.pmin', x, bound)
export const atLeast = (x: Vector, bound: Vector): Vector => op('f32x4.pmax', x, bound)

export const lt = (x: Vector, y: Vector): Vector => op('f32x4.lt', x, y)
export const gt = (x: Vector, y: Vector): Vector => op('f32x4.gt', x, y)
export const eq = (x: Vector, y: Vector): Vector => op('f32x4.eq', x, y)
export const ne = (x: Vector, y: Vector): Vector => op('f32x4.ne', x, y)

export const and = (x: Vector, y: Vector): Vector => op('v128.and', x, y)
export const or = (x: Vector, y: Vector): Vector => op('v128.or', x, y)
export const xor = (x: Vector, y: Vector): Vector => op('v128.xor', x, y)
/** x where the mask is set, else y. */
export const where = (mask: Vector, x: Vector, y: Vector): Vector => op('v128.bitselect', x, y, mask)
export const anyTrue = (mask: Vector): Expr<'i32'> => op('v128.any_true', mask)

export const addInt = (x: Vector, y: Vector): Vector => op('i32x4.add', x, y)
export const subInt = (x: Vector, y: Vector): Vector => op('i32x4.sub', x, y)
export const shiftLeft = (x: Vector, count: number): Vector => op('i32x4.shl', x, i32(count))
/** Copies the sign bit. */
export const shiftRight = (x: Vector, count: number): Vector => op('i32x4.shr_s', x, i32(count))

export const zero = f32x4(0)
export const half = f32x4(0.5)
export const one = f32x4(1)
export const two = f32x4(2)
export const infinity = f32x4(Infinity)
export const nan = f32x4(NaN)
export const minNormal = f32x4(2 ** -126)
const signBit = i32x4(-0x80000000)
export const magnitudeBits = i32x4(0x7fffffff)

export const signOf = (x: Vector): Vector => and(x, signBit)
/** `magnitude`, which is not negative, with the sign of x. */
export const withSign = (magnitude: Vector, x: Vector): Vector => or(magnitude, signOf(x))
export const negativeAbs = (x: Vector): Vector => or(x, signBit)

/** Bits of the exponent 2⁰ in place; a multiple of 2²³ below the sign. */
export const oneBits = i32x4(0x3f800000)

/**
 * x + `shifter` has x, rounded to an integer, in its low bits: one unit in the last place is 1 there. Good for |x| < 2²².
 */
export const shifter = f32x4(1.5 * 2 ** 23)

/** 2^k as a float, for k in the low bits of a number that `shifter` was added to; -126 ≤ k ≤ 127. */
export const powerOfTwo = (shifted: Vector): Vector => addInt(shiftLeft(shifted, 23), oneBits)

/**
 * What the functions need from the module that they are emitted into.
 * `H`: the functions in JavaScript that a function may call, which its row in functions.ts has to name.
 */
export interface Kit<H extends HostFunction = never> {
  /** For lanes that are computed by a function on float64. */
  readonly tools64: Tools
  /** a·b + c, fused where the engine can; of float32, and of float64. */
  readonly madd: (a: Vector, b: Vector, c: Vector) => Vector
  readonly madd64: (a: Vector, b: Vector, c: Vector) => Vector
  /**
   * `fast`, or where any lane of the mask is set a call of a function that is defined by `slow`, once per name. To keep
   * results independent of what is in the other lanes, `slow` leaves lanes as in `fast` where the mask is not set.
   */
  readonly rarely: (
    name: string,
    mask: Vector,
    fast: Vector,
    operands: readonly Vector[],
    slow: (code: Code, fast: Vector, operands: readonly Vector[]) => Vector,
  ) => Vector
  /** `fast` with the lanes of the mask computed by a function on float64 in JavaScript. For bodies of rare functions. */
  readonly byHost: (code: Code, name: H, mask: Vector, fast: Vector, operands: readonly Vector[]) => Vector
}

/** c[0] + c[1] x + c[2] x² + …, by Horner's scheme. */
export const horner = ({ madd }: Kit, x: Vector, c: readonly number[]): Vector =>
  c.slice(0, -1).reduceRight((sum, a) => madd(sum, x, f32x4(a)), f32x4(c.at(-1)!))

/** The same by Estrin's: neighbours are joined by x, their sums by x², and so on. */
const estrin = (kit: Kit, x: Vector, c: readonly Vector[]): Vector => {
  if (c.length === 1) return c[0]!
  const pairs = c.flatMap((even, i) => {
    const odd = c[i + 1]
    return i % 2 === 1 ? [] : [odd === undefined ? even : kit.madd(odd, x, even)]
  })
  return estrin(kit, mul(x, x), pairs)
}

/**
 * A polynomial. Loops wait for chains of dependent operations: from five coefficients on, shorter chains are worth more
 * operations.
 */
export const polynomial = (kit: Kit, x: Vector, c: readonly number[]): Vector =>
  c.length < 5 ? horner(kit, x, c) : estrin(kit, x, c.map(f32x4))

/** x + x³ q(x²): odd functions near 0, whose coefficients are those of q. */
export const oddPolynomial = (kit: Kit, x: Vector, c: readonly number[]): Vector => {
  const z = mul(x, x)
  return kit.madd(mul(z, x), polynomial(kit, z, c), x)
}
