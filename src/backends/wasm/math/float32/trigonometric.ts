/**
 * Sine, cosine, tangent. Arguments are reduced by multiples of π in three steps: up to ±400 with parts of π in float32 (Cody
 * and Waite), then in float64, and beyond 2²⁷ (the tangent: 400) JavaScript's functions take over.
 */
import { f32x4, f64x2, i32, op } from '../../asm/index.ts'
import type { Vector, VectorFunction } from '../vectorMath.ts'
import type { Kit } from './arithmetic.ts'
import {
  abs,
  add,
  atLeast,
  atMost,
  div,
  gt,
  half,
  mul,
  one,
  polynomial,
  shiftLeft,
  shiftRight,
  shifter,
  signOf,
  sub,
  where,
  xor,
  zero,
} from './arithmetic.ts'
import { add64, inHalves, mul64, shifter64, sub64 } from './halves.ts'

const minusOne = f32x4(-1)
const fastLimit = f32x4(400)
const hostLimit = f32x4(2 ** 27)

// π = first + second + third: 16 bits each in the first two, so that products with the multiples of 1/2 up to 2⁷ are exact.
const piLow = 1.2246467991473532e-16 // π - Math.PI
const truncated = (x: number, bits: number): number => Math.floor(x * 2 ** bits) / 2 ** bits
const first = truncated(Math.PI, 14)
const second = truncated(Math.PI - first, 30)
const third = Math.PI - first - second + piLow

// In float64: 27 bits, so that products with integers below 2²⁶ are exact; the rest.
const first64 = truncated(Math.PI, 25)
const second64 = Math.PI - first64 + piLow

// (sin r - r) / r³ in r², for |r| ≤ π / 2: 2^-27.3.
const forSin = [-0.166666597, 0.00833306927, -0.000198097769, 2.60609568e-6]
// (tan r - r) / r³ in r², for |r| ≤ π / 4: 2^-25.7.
const forTan = [0.333331555, 0.133388355, 0.0534082018, 0.0244413931, 0.00310147461, 0.00939653441]

/** x - n π, for |n| ≤ 2⁷ a multiple of 1/2: the first rounding is of `r`, and `rest` is below 2^-23. */
interface Reduced {
  readonly r: Vector
  readonly rest: Vector
}

const reduce = ({ madd }: Kit, x: Vector, n: Vector): Reduced => ({
  r: madd(n, f32x4(-second), madd(n, f32x4(-first), x)),
  rest: mul(n, f32x4(-third)),
})

/** The same, where `rest` has what `r` has lost as well: (exact - r) - n second, by Dekker's argument. */
const reduceExactly = ({ madd }: Kit, x: Vector, n: Vector): Reduced => {
  const exact = madd(n, f32x4(-first), x)
  const part = mul(n, f32x4(second))
  const r = sub(exact, part)
  return { r, rest: madd(n, f32x4(-third), sub(sub(exact, r), part)) }
}

const reduce64 = (x: Vector, n: Vector): Vector => sub64(sub64(x, mul64(n, f64x2(first64))), mul64(n, f64x2(second64)))

/** Sine or cosine: by one method for |x| ≤ 400, by another for larger x. */
const withLimits = <N extends 'sin' | 'cos'>(
  kit: Kit<N>,
  name: N,
  fast: (x: Vector) => Vector,
  slow: (x: Vector) => Vector,
): VectorFunction => {
  const byHost = (x: Vector, y: Vector): Vector =>
    kit.rarely(`${name} by host`, gt(abs(x), hostLimit), y, [x], (code, z, [v]) =>
      kit.byHost(code, name, gt(abs(v!), hostLimit), z, [v!]),
    )
  return (x) =>
    kit.rarely(name, gt(abs(x), fastLimit), fast(x), [x], (_, y, [v]) =>
      byHost(v!, where(gt(abs(v!), fastLimit), slow(v!), y)),
    )
}

/** sin(r + rest) = r + (r³ q(r²) + rest), which rounding must not carry beyond ±1. */
const sinOf = (kit: Kit, { r, rest }: Reduced): Vector => {
  const z = mul(r, r)
  const y = add(r, kit.madd(mul(z, r), polynomial(kit, z, forSin), rest))
  return atLeast(atMost(y, one), minusOne)
}

/** The integer that is in the low bits of a number that a shifter was added to decides about the sign: (-1)^k. */
const alternating = (k: Vector): Vector => shiftLeft(k, 31)
const alternating64 = (k: Vector): Vector => op('i64x2.shl', k, i32(63))

/** sin x = ±sin |x|, sin |x| = (-1)^k sin(|x| - k π) with |x| - k π at most π / 2. */
export const sin = (kit: Kit<'sin'>): VectorFunction =>
  withLimits(
    kit,
    'sin',
    (x) => {
      const k = kit.madd(abs(x), f32x4(1 / Math.PI), shifter)
      const y = sinOf(kit, reduce(kit, abs(x), sub(k, shifter)))
      return xor(y, xor(signOf(x), alternating(k)))
    },
    (x) => {
      const reduced = inHalves((v) => {
        const k = add64(mul64(v, f64x2(1 / Math.PI)), shifter64)
        return xor(reduce64(v, sub64(k, shifter64)), alternating64(k))
      }, x)
      return sinOf(kit, { r: reduced, rest: zero })
    },
  )

/** cos x = cos |x|, cos x = (-1)^k sin(x - (k - 1/2) π). */
export const cos = (kit: Kit<'cos'>): VectorFunction => {
  const ofPositive = withLimits(
    kit,
    'cos',
    (x) => {
      const k = add(kit.madd(x, f32x4(1 / Math.PI), half), shifter)
      const y = sinOf(kit, reduce(kit, x, sub(sub(k, shifter), half)))
      return xor(y, alternating(k))
    },
    (x) => {
      const reduced = inHalves((v) => {
        const k = add64(add64(mul64(v, f64x2(1 / Math.PI)), f64x2(0.5)), shifter64)
        return xor(reduce64(v, sub64(sub64(k, shifter64), f64x2(0.5))), alternating64(k))
      }, x)
      return sinOf(kit, { r: reduced, rest: zero })
    },
  )
  return (x) => ofPositive(abs(x))
}

/**
 * tan(r + rest), or -1 over that where k is odd, with r = x - k π / 2 and |r| ≤ π / 4. `odd` is the mask. The reciprocal is that
 * of the tangent before it was rounded: -1 / (t + u) = y + u y² with y = -1 / t.
 */
const tanOf = (kit: Kit, { r, rest }: Reduced, odd: Vector): Vector => {
  const z = mul(r, r)
  const small = kit.madd(mul(z, r), polynomial(kit, z, forTan), rest)
  const t = add(r, small)
  const lost = sub(small, sub(t, r))
  const y = div(minusOne, t)
  return where(odd, kit.madd(mul(y, y), lost, y), t)
}

/** Above 400 at once by JavaScript. */
export const tan =
  (kit: Kit<'tan'>): VectorFunction =>
  (x) => {
    const k = kit.madd(abs(x), f32x4(2 / Math.PI), shifter)
    const reduced = reduceExactly(kit, abs(x), mul(sub(k, shifter), half))
    const y = xor(tanOf(kit, reduced, shiftRight(shiftLeft(k, 31), 31)), signOf(x))
    return kit.rarely('tan', gt(abs(x), fastLimit), y, [x], (code, fast, [v]) =>
      kit.byHost(code, 'tan', gt(abs(v!), fastLimit), fast, [v!]),
    )
  }
