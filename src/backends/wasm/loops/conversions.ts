/** Conversions of elements in lanes. `core/convert.ts` defines their meaning. */
import type { DType, LongDType, NarrowDType, WordDType } from '../../../core/dtype.ts'
import { bitsOf, integerLimits, isFloat, isLong, isNarrow, widened } from '../../../core/dtype.ts'
import { f32x4, f64x2, i32, i32x4, i64x2, op } from '../asm/index.ts'
import { brainOfSingle, halfOfSingle, singleOfBrain, singleOfHalf } from './halves.ts'
import type { Vector } from './lanes.ts'
import { doubleOfLong, longOfDouble, narrowMask, widenMask } from './longs.ts'

type Unary = (x: Vector) => Vector

const same: Unary = (x) => x

/** Between dtypes that are words: to one, from another. */
const words: { readonly [To in WordDType]: { readonly [From in WordDType]: Unary } } = {
  float32: {
    float32: same,
    float64: (x) => op('f32x4.demote_f64x2_zero', x),
    int32: (x) => op('f32x4.convert_i32x4_s', x),
    uint32: (x) => op('f32x4.convert_i32x4_u', x),
    bool: (x) => op('v128.and', x, f32x4(1)),
  },
  float64: {
    float32: (x) => op('f64x2.promote_low_f32x4', x),
    float64: same,
    int32: (x) => op('f64x2.convert_low_i32x4_s', x),
    uint32: (x) => op('f64x2.convert_low_i32x4_u', x),
    bool: (x) => op('v128.and', widenMask(x), f64x2(1)),
  },
  int32: {
    float32: (x) => op('i32x4.trunc_sat_f32x4_s', x),
    float64: (x) => op('i32x4.trunc_sat_f64x2_s_zero', x),
    int32: same,
    uint32: same,
    bool: (x) => op('v128.and', x, i32x4(1)),
  },
  uint32: {
    float32: (x) => op('i32x4.trunc_sat_f32x4_u', x),
    float64: (x) => op('i32x4.trunc_sat_f64x2_u_zero', x),
    int32: same,
    uint32: same,
    bool: (x) => op('v128.and', x, i32x4(1)),
  },
  bool: {
    float32: (x) => op('f32x4.ne', x, f32x4(0)),
    float64: (x) => narrowMask(op('f64x2.ne', x, f64x2(0))),
    int32: (x) => op('i32x4.ne', x, i32x4(0)),
    uint32: (x) => op('i32x4.ne', x, i32x4(0)),
    bool: same,
  },
}

const toLong = (to: LongDType, from: WordDType, x: Vector): Vector => {
  if (from === 'int32') return op('i64x2.extend_low_i32x4_s', x)
  if (from === 'uint32') return op('i64x2.extend_low_i32x4_u', x)
  if (from === 'bool') return op('v128.and', widenMask(x), i64x2(1n))
  return longOfDouble(to, words.float64[from](x))
}

// Between 32-bit floats and 64-bit integers through float64, as in the reference.
const fromLong = (from: LongDType, to: WordDType, x: Vector): Vector => {
  if (to === 'bool') return narrowMask(op('i64x2.ne', x, i64x2(0n)))
  return isFloat(to) ? words[to].float64(doubleOfLong(from, x)) : narrowMask(x)
}

/** The number in the lowest bits of a lane, which is zero-extended, with its sign. */
const signExtended =
  (bits: number): Unary =>
  (x) =>
    op('i32x4.shr_s', op('i32x4.shl', x, i32(32 - bits)), i32(32 - bits))

/** From the contents of a lane to the dtype of `widened`. */
const widening: { readonly [D in NarrowDType]: Unary } = {
  float16: singleOfHalf,
  bfloat16: singleOfBrain,
  int8: signExtended(8),
  int16: signExtended(16),
  uint8: same,
  uint16: same,
}

const saturated = (dtype: NarrowDType, x: Vector): Vector => {
  const [low, high] = integerLimits(dtype)
  if (low === 0) return op('i32x4.min_u', x, i32x4(high))
  return op('i32x4.max_s', op('i32x4.min_s', x, i32x4(high)), i32x4(low))
}

/** Floats are rounded or saturate, integers lose their upper bits. */
const toNarrow = (to: NarrowDType, from: WordDType | LongDType, x: Vector): Vector => {
  if (to === 'float16') return halfOfSingle(convertLanes('float32', from, x))
  if (to === 'bfloat16') return brainOfSingle(convertLanes('float32', from, x))
  const wide = convertLanes(widened(to), from, x)
  return op('v128.and', isFloat(from) ? saturated(to, wide) : wide, i32x4(2 ** bitsOf(to) - 1))
}

/** Elements of one dtype as those of another. */
export const convertLanes = (to: DType, from: DType, x: Vector): Vector => {
  if (to === from) return x
  if (isNarrow(from)) return convertLanes(to, widened(from), widening[from](x))
  if (isNarrow(to)) return toNarrow(to, from, x)
  if (isLong(from)) return isLong(to) ? x : fromLong(from, to, x)
  return isLong(to) ? toLong(to, from, x) : words[to][from](x)
}
