/** Arithmetic on pairs of float64, and on their bits. */
import type { Expr } from '../../asm/index.ts'
import { f64x2, i32, i64x2, op } from '../../asm/index.ts'
import type { Vector } from '../vectorMath.ts'

export const add = (x: Vector, y: Vector): Vector => op('f64x2.add', x, y)
export const sub = (x: Vector, y: Vector): Vector => op('f64x2.sub', x, y)
export const mul = (x: Vector, y: Vector): Vector => op('f64x2.mul', x, y)
export const div = (x: Vector, y: Vector): Vector => op('f64x2.div', x, y)
export const neg = (x: Vector): Vector => op('f64x2.neg', x)
export const abs = (x: Vector): Vector => op('f64x2.abs', x)
export const sqrt = (x: Vector): Vector => op('f64x2.sqrt', x)
export const nearest = (x: Vector): Vector => op('f64x2.nearest', x)
export const square = (x: Vector): Vector => mul(x, x)
export const scale = (c: number, x: Vector): Vector => mul(x, f64x2(c))

/** NaN stays in x, as the instructions keep their first operand unless a comparison holds. */
export const atMost = (x: Vector, bound: Vector): Vector => op('f64x2.pmin', x, bound)
export const atLeast = (x: Vector, bound: Vector): Vector => op('f64x2.pmax', x, bound)

// Masks: lanes of all ones or all zeros.

export const lt = (x: Vector, y: Vector): Vector => op('f64x2.lt', x, y)
export const le = (x: Vector, y: Vector): Vector => op('f64x2.le', x, y)
export const eq = (x: Vector, y: Vector): Vector => op('f64x2.eq', x, y)
export const and = (x: Vector, y: Vector): Vector => op('v128.and', x, y)
export const or = (x: Vector, y: Vector): Vector => op('v128.or', x, y)
export const xor = (x: Vector, y: Vector): Vector => op('v128.xor', x, y)
export const not = (x: Vector): Vector => op('v128.not', x)
export const choose = (mask: Vector, x: Vector, y: Vector): Vector => op('v128.bitselect', x, y, mask)
export const anyLane = (mask: Vector): Expr<'i32'> => op('v128.any_true', mask)
export const notAllLanes = (mask: Vector): Expr<'i32'> => op('i32.eqz', op('i64x2.all_true', mask))

// Bits

export const ZERO = f64x2(0)
export const ONE = f64x2(1)
export const INFINITY = f64x2(Infinity)
export const NAN = f64x2(NaN)
export const LEAST_NORMAL = f64x2(2 ** -1022)
const SIGN = f64x2(-0)

export const signOf = (x: Vector): Vector => and(x, SIGN)
/** For y of either sign, but not of the one that x does not have: puts back the sign of a zero. */
export const withSign = (y: Vector, x: Vector): Vector => or(y, signOf(x))
/** With -y where the sign bit of x is set. */
export const flipBy = (y: Vector, x: Vector): Vector => xor(y, signOf(x))

export const addBits = (x: Vector, y: Vector): Vector => op('i64x2.add', x, y)
export const subBits = (x: Vector, y: Vector): Vector => op('i64x2.sub', x, y)
/** Moves the bits of an integer (its lowest 12) to where a float has its exponent. */
export const toExponent = (x: Vector, places = 52): Vector => op('i64x2.shl', x, i32(places))

/**
 * Adding 1.5·2⁵² to a number below 2⁵¹ rounds it to an integer, which then stands in the lowest bits of the sum: that is what "shifted"
 * integers are here.
 */
export const shiftedInteger = (n: number): Vector => f64x2(1.5 * 2 ** 52 + n)
export const SHIFT = shiftedInteger(0)

/** 2ⁿ, for a shifted n between -1022 and 1023. */
export const powerOfTwo = (n: Vector): Vector => addBits(ONE, toExponent(n))

/** The first 26 bits of x, so that products of two such are exact; `x - head(x)` has the other 27. */
const HEAD = i64x2(-1n << 27n)
export const head = (x: Vector): Vector => and(x, HEAD)

// Sums and products with their rounding errors: T. J. Dekker, A floating-point technique for extending the available
// precision, Numerische Mathematik 18 (1971); D. E. Knuth, The Art of Computer Programming, volume 2, 4.2.2.

/** A number as a sum: `low` is small beside `high`. */
export interface Pair {
  readonly high: Vector
  readonly low: Vector
}

/** x + y exactly, where |x| ≥ |y| or x = 0. */
export const fastSum = (x: Vector, y: Vector): Pair => {
  const high = add(x, y)
  return { high, low: sub(y, sub(high, x)) }
}

/** x + y exactly. */
export const exactSum = (x: Vector, y: Vector): Pair => {
  const high = add(x, y)
  const part = sub(high, x)
  return { high, low: add(sub(x, sub(high, part)), sub(y, part)) }
}

/** The rounding error of `product`, which is that of x·y. Its own error is about 2⁻⁵³ of it. */
export const productError = (x: Vector, y: Vector, product: Vector): Vector => {
  const [x1, y1] = [head(x), head(y)]
  const [x2, y2] = [sub(x, x1), sub(y, y1)]
  return add(add(sub(mul(x1, y1), product), add(mul(x1, y2), mul(x2, y1))), mul(x2, y2))
}

// Polynomials

/** c[0] + c[1] x + c[2] x² + … */
export type Polynomial = (x: Vector, c: readonly number[]) => Vector

/** Even and odd powers apart: two chains that the processor computes at the same time. */
export const createPolynomial = (relaxed: boolean): Polynomial => {
  const multiplyAdd = (x: Vector, y: Vector, z: Vector): Vector =>
    relaxed ? op('f64x2.relaxed_madd', x, y, z) : add(mul(x, y), z)
  const horner = (x: Vector, c: readonly number[]): Vector =>
    c.slice(0, -1).reduceRight<Vector>((sum, a) => multiplyAdd(sum, x, f64x2(a)), f64x2(c.at(-1)!))
  return (x, c) => {
    const x2 = square(x)
    const even = horner(
      x2,
      c.filter((_, i) => i % 2 === 0),
    )
    const odd = horner(
      x2,
      c.filter((_, i) => i % 2 === 1),
    )
    return multiplyAdd(odd, x, even)
  }
}
