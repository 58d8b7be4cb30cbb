/** Signs, neighbours, remainders: operations on the representation, all exact. */
import { f32x4, f64x2, i32x4, op } from '../../asm/index.ts'
import type { Vector, VectorFunction, VectorFunction2 } from '../vectorMath.ts'
import type { Kit } from './arithmetic.ts'
import { abs, eq, gt, lt, mul, ne, one, or, shiftRight, where, withSign, xor, zero } from './arithmetic.ts'
import { div64, inHalves, mul64, sub64 } from './halves.ts'

/** ±1; zeros and NaN as they are. */
export const sign = (): VectorFunction => (x) => where(gt(abs(x), zero), withSign(one, x), x)

export const round = (): VectorFunction => (x) => op('f32x4.nearest', x)

/** NaN if either is; -0 below 0. */
export const max = (): VectorFunction2 => (x, y) => op('f32x4.max', x, y)
export const min = (): VectorFunction2 => (x, y) => op('f32x4.min', x, y)

/** Away from zero the bits count up. From zero the next is the least subnormal of y's sign. */
export const nextafter = (): VectorFunction2 => (x, y) => {
  const outwards = xor(lt(x, y), shiftRight(x, 31))
  const step = or(outwards, i32x4(1)) // -1 where set
  const moved = op('i32x4.sub', x, step)
  const fromZero = withSign(i32x4(1), y)
  const next = where(eq(x, zero), fromZero, moved)
  return where(eq(x, y), y, or(next, or(ne(x, x), ne(y, y))))
}

/**
 * The remainder of a truncated quotient, of the dividend's sign. Below 2²⁸ the quotient is right: what a quotient of two
 * float32 lacks to the next integer is 2^-24 or more. Its product with the divisor is exact in float64, and so is the difference.
 */
export const rem =
  (kit: Kit<'rem'>): VectorFunction2 =>
  (x, y) => {
    const magnitude = inHalves(
      (u, v) => {
        const a = op('f64x2.abs', u)
        const b = op('f64x2.pmin', op('f64x2.abs', v), f64x2(2 ** 200)) // of infinities, too, there is a multiple that is 0
        return sub64(a, mul64(op('f64x2.trunc', div64(a, b)), b))
      },
      x,
      y,
    )
    const large = (u: Vector, v: Vector): Vector => op('f32x4.ge', abs(u), mul(abs(v), f32x4(2 ** 28)))
    return kit.rarely('rem', large(x, y), withSign(magnitude, x), [x, y], (code, fast, [u, v]) =>
      kit.byHost(code, 'rem', large(u!, v!), fast, [u!, v!]),
    )
  }
