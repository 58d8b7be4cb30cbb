/** Integers of 64 bits, two in a vector. Operations without a SIMD instruction run lane by lane. */
import type { LongDType } from '../../../core/dtype.ts'
import type { OpName } from '../../../ir/op.ts'
import type { Expr } from '../asm/index.ts'
import { i32, i64, i64x2, lane, op, select, shuffle32 } from '../asm/index.ts'
import type { Vector } from './lanes.ts'

type I64 = Expr<'i64'>
type Binary = (x: Vector, y: Vector) => Vector
type Unary = (x: Vector) => Vector

/** Masks of 64-bit lanes as masks of 32-bit lanes, and back. */
export const narrowMask = (v: Vector): Vector => shuffle32(v, v, [0, 2, 0, 2])
export const widenMask = (v: Vector): Vector => op('i64x2.extend_low_i32x4_s', v)

const extract = (v: Vector, i: number): I64 => lane('i64x2.extract_lane', i, v)
const pack = (first: I64, second: I64): Vector => lane('i64x2.replace_lane', 1, op('i64x2.splat', first), second)

const byLane =
  (f: (x: I64, y: I64) => I64): Binary =>
  (x, y) =>
    pack(f(extract(x, 0), extract(y, 0)), f(extract(x, 1), extract(y, 1)))

const isZero = (x: I64): Expr<'i32'> => op('i64.eqz', x)
const LEAST = -(2n ** 63n)

// The division instruction traps for a divisor of 0, and on overflow, for the least number by -1, which must wrap.
const signedQuotient = (x: I64, y: I64): I64 => {
  const overflows = op('i32.and', op('i64.eq', x, i64(LEAST)), op('i64.eq', y, i64(-1n)))
  const divisor = select(op('i32.or', isZero(y), overflows), i64(1n), y)
  return select(isZero(y), i64(-1n), op('i64.div_s', x, divisor))
}
const signedRemainder = (x: I64, y: I64): I64 => select(isZero(y), x, op('i64.rem_s', x, select(isZero(y), i64(1n), y)))
const unsignedQuotient = (x: I64, y: I64): I64 =>
  select(isZero(y), i64(-1n), op('i64.div_u', x, select(isZero(y), i64(1n), y)))
const unsignedRemainder = (x: I64, y: I64): I64 =>
  select(isZero(y), x, op('i64.rem_u', x, select(isZero(y), i64(1n), y)))

/** Unsigned numbers compare as signed ones once their highest bits are flipped. */
const turned = (x: Vector): Vector => op('v128.xor', x, i64x2(LEAST))

const greater = (dtype: LongDType, x: Vector, y: Vector): Vector =>
  dtype === 'int64' ? op('i64x2.gt_s', x, y) : op('i64x2.gt_s', turned(x), turned(y))

const comparisons = {
  eq: (_, x, y) => op('i64x2.eq', x, y),
  ne: (_, x, y) => op('i64x2.ne', x, y),
  lt: (dtype, x, y) => greater(dtype, y, x),
  le: (dtype, x, y) => op('v128.not', greater(dtype, x, y)),
  gt: greater,
  ge: (dtype, x, y) => op('v128.not', greater(dtype, y, x)),
} satisfies { readonly [N in OpName]?: (dtype: LongDType, x: Vector, y: Vector) => Vector }

/** A comparison's mask, of 32-bit lanes. */
export const compareLongs = (name: keyof typeof comparisons, dtype: LongDType, x: Vector, y: Vector): Vector =>
  narrowMask(comparisons[name](dtype, x, y))

type ByDType<F> = { readonly [D in LongDType]: F }
const both = <F>(f: F): ByDType<F> => ({ int64: f, uint64: f })

export const longArithmetic = {
  add: both((x, y) => op('i64x2.add', x, y)),
  sub: both((x, y) => op('i64x2.sub', x, y)),
  mul: both((x, y) => op('i64x2.mul', x, y)),
  div: { int64: byLane(signedQuotient), uint64: byLane(unsignedQuotient) },
  rem: { int64: byLane(signedRemainder), uint64: byLane(unsignedRemainder) },
  max: {
    int64: (x, y) => op('v128.bitselect', x, y, greater('int64', x, y)),
    uint64: (x, y) => op('v128.bitselect', x, y, greater('uint64', x, y)),
  },
  min: {
    int64: (x, y) => op('v128.bitselect', y, x, greater('int64', x, y)),
    uint64: (x, y) => op('v128.bitselect', y, x, greater('uint64', x, y)),
  },
  and: both((x, y) => op('v128.and', x, y)),
  or: both((x, y) => op('v128.or', x, y)),
  xor: both((x, y) => op('v128.xor', x, y)),
} satisfies { readonly [N in OpName]?: ByDType<Binary> }

const positive = (x: Vector): Vector => op('i64x2.gt_s', x, i64x2(0n))
const negative = (x: Vector): Vector => op('i64x2.lt_s', x, i64x2(0n))
const not = (x: Vector): Vector => op('v128.not', x)

export const longSimple = {
  neg: both((x) => op('i64x2.neg', x)),
  abs: { int64: (x) => op('i64x2.abs', x), uint64: (x) => x },
  // 1 or 0, minus 1 or 0: masks are -1 and 0.
  sign: {
    int64: (x) => op('i64x2.sub', negative(x), positive(x)),
    uint64: (x) => op('i64x2.neg', op('i64x2.ne', x, i64x2(0n))),
  },
  not: both(not),
} satisfies { readonly [N in OpName]?: ByDType<Unary> }

const shifts = {
  shiftLeft: ['i64x2.shl', 'i64.shl'],
  shiftRightLogical: ['i64x2.shr_u', 'i64.shr_u'],
  shiftRightArithmetic: ['i64x2.shr_s', 'i64.shr_s'],
} as const

/** Each lane by its own distance, or all by a known one. Distances beyond the width give 0, or the sign. */
export const shiftLongs = (name: keyof typeof shifts, x: Vector, distance: Vector | number): Vector => {
  const [vector, scalar] = shifts[name]
  const arithmetic = name === 'shiftRightArithmetic'
  if (typeof distance === 'number') {
    if (distance >= 0 && distance <= 63) return op(vector, x, i32(distance))
    return arithmetic ? op('i64x2.shr_s', x, i32(63)) : i64x2(0n)
  }
  return byLane((a, n) => {
    const fits = op('i64.lt_u', n, i64(64n))
    if (arithmetic) return op(scalar, a, select(fits, n, i64(63n)))
    return select(fits, op(scalar, a, n), i64(0n))
  })(x, distance)
}

/** From float64, saturating; NaN gives 0. */
export const longOfDouble = (dtype: LongDType, x: Vector): Vector => {
  const convert = (i: number): I64 =>
    op(dtype === 'int64' ? 'i64.trunc_sat_f64_s' : 'i64.trunc_sat_f64_u', lane('f64x2.extract_lane', i, x))
  return pack(convert(0), convert(1))
}

export const doubleOfLong = (dtype: LongDType, x: Vector): Vector => {
  const convert = (i: number): Expr<'f64'> =>
    op(dtype === 'int64' ? 'f64.convert_i64_s' : 'f64.convert_i64_u', extract(x, i))
  return lane('f64x2.replace_lane', 1, op('f64x2.splat', convert(0)), convert(1))
}
