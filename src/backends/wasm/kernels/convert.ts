/** Conversions from and to the dtypes that are storage. What they mean is in `core/convert.ts`. */
import type { DType } from '../../../core/dtype.ts'
import { bitsOf, isCompute } from '../../../core/dtype.ts'
import type { Code, Expr } from '../asm/index.ts'
import { f32, f64, i32, i64, load, op, select } from '../asm/index.ts'
import { copyWhole } from './blocks.ts'
import { byteCell, f32Cell, f64Cell, i32Cell, i64Cell, shortCell } from './elements.ts'
import { brainOfSingle, fourWords, halfOfSingle, singleOfBrain, singleOfHalf, word } from './halves.ts'
import { minus, plus, smaller, times } from './integers.ts'
import type { RoutineFor } from './routine.ts'

type I32 = Expr<'i32'>
type V128 = Expr<'v128'>

// ---- one element ----

/** An element on its way: what it is held as between reading and writing. */
type Value =
  | { readonly kind: 'single'; readonly x: Expr<'f32'> }
  | { readonly kind: 'double'; readonly x: Expr<'f64'> }
  | { readonly kind: 'signed' | 'unsigned'; readonly x: I32 }
  | { readonly kind: 'long'; readonly x: Expr<'i64'> }

const single = (bits: I32): Value => ({ kind: 'single', x: op('f32.reinterpret_i32', bits) })

const readers: { readonly [D in DType]: (address: I32) => Value } = {
  float32: (a) => ({ kind: 'single', x: f32Cell.load(a) }),
  float64: (a) => ({ kind: 'double', x: f64Cell.load(a) }),
  float16: (a) => single(singleOfHalf(word, shortCell.load(a))),
  bfloat16: (a) => single(singleOfBrain(word, shortCell.load(a))),
  int32: (a) => ({ kind: 'signed', x: i32Cell.load(a) }),
  uint32: (a) => ({ kind: 'unsigned', x: i32Cell.load(a) }),
  int8: (a) => ({ kind: 'signed', x: load('i32.load8_s', a) }),
  uint8: (a) => ({ kind: 'unsigned', x: byteCell.load(a) }),
  bool: (a) => ({ kind: 'unsigned', x: byteCell.load(a) }),
  int64: (a) => ({ kind: 'long', x: i64Cell.load(a) }),
}

const asDouble = (v: Value): Expr<'f64'> => {
  switch (v.kind) {
    case 'single':
      return op('f64.promote_f32', v.x)
    case 'double':
      return v.x
    case 'signed':
      return op('f64.convert_i32_s', v.x)
    case 'unsigned':
      return op('f64.convert_i32_u', v.x)
    case 'long':
      return op('f64.convert_i64_s', v.x)
  }
}

/** From 64 bits by way of float64, as in the interpreter. */
const asSingle = (v: Value): Expr<'f32'> => (v.kind === 'single' ? v.x : op('f32.demote_f64', asDouble(v)))

const asLong = (v: Value): Expr<'i64'> => {
  switch (v.kind) {
    case 'single':
    case 'double':
      return op('i64.trunc_sat_f64_s', asDouble(v))
    case 'signed':
      return op('i64.extend_i32_s', v.x)
    case 'unsigned':
      return op('i64.extend_i32_u', v.x)
    case 'long':
      return v.x
  }
}

/** Floats saturate into a range of integers; integers wrap around, by losing their upper bits. */
const asInteger = (v: Value, signed: boolean, low: number, high: number): I32 => {
  if (v.kind === 'long') return op('i32.wrap_i64', v.x)
  if (v.kind === 'signed' || v.kind === 'unsigned') return v.x
  const x = asDouble(v)
  if (!signed) {
    const whole = op('i32.trunc_sat_f64_u', x)
    return select(op('i32.lt_u', whole, i32(high)), whole, i32(high))
  }
  const whole = op('i32.trunc_sat_f64_s', x)
  const below = select(op('i32.lt_s', whole, i32(high)), whole, i32(high))
  return select(op('i32.gt_s', below, i32(low)), below, i32(low))
}

const isTrue = (v: Value): I32 => {
  switch (v.kind) {
    case 'single':
      return op('f32.ne', v.x, f32(0))
    case 'double':
      return op('f64.ne', v.x, f64(0))
    case 'long':
      return op('i64.ne', v.x, i64(0n))
    case 'signed':
    case 'unsigned':
      return op('i32.ne', v.x, i32(0))
  }
}

const singleBits = (v: Value): I32 => op('i32.reinterpret_f32', asSingle(v))

const writers: { readonly [D in DType]: (code: Code, address: I32, v: Value) => void } = {
  float32: (code, a, v) => {
    f32Cell.store(code, a, asSingle(v))
  },
  float64: (code, a, v) => {
    f64Cell.store(code, a, asDouble(v))
  },
  float16: (code, a, v) => {
    shortCell.store(code, a, halfOfSingle(word, singleBits(v)))
  },
  bfloat16: (code, a, v) => {
    shortCell.store(code, a, brainOfSingle(word, singleBits(v)))
  },
  int32: (code, a, v) => {
    i32Cell.store(code, a, asInteger(v, true, -(2 ** 31), 2 ** 31 - 1))
  },
  uint32: (code, a, v) => {
    i32Cell.store(code, a, asInteger(v, false, 0, 2 ** 32 - 1))
  },
  int8: (code, a, v) => {
    byteCell.store(code, a, asInteger(v, true, -128, 127))
  },
  uint8: (code, a, v) => {
    byteCell.store(code, a, asInteger(v, false, 0, 255))
  },
  bool: (code, a, v) => {
    byteCell.store(code, a, isTrue(v))
  },
  int64: (code, a, v) => {
    i64Cell.store(code, a, asLong(v))
  },
}

// ---- four elements ----

const fourBytes = (address: I32): V128 => load('v128.load32_zero', address)

const bytesToInts = (sign: 's' | 'u', address: I32): V128 =>
  op(`i32x4.extend_low_i16x8_${sign}`, op(`i16x8.extend_low_i8x16_${sign}`, fourBytes(address)))

/** Four elements as float32. */
const floatReaders: { readonly [D in DType]?: (address: I32) => V128 } = {
  float32: (a) => load('v128.load', a),
  float16: (a) => singleOfHalf(fourWords, load('v128.load16x4_u', a)),
  bfloat16: (a) => singleOfBrain(fourWords, load('v128.load16x4_u', a)),
  int8: (a) => op('f32x4.convert_i32x4_s', bytesToInts('s', a)),
  uint8: (a) => op('f32x4.convert_i32x4_s', bytesToInts('u', a)),
}

const storeShorts = (code: Code, address: I32, words: V128): void => {
  code.storeLane('v128.store64_lane', 0, address, op('i16x8.narrow_i32x4_u', words, words))
}

/** The narrowing instructions saturate, from 32 bits to 16 and to 8. */
const storeBytes = (code: Code, address: I32, sign: 's' | 'u', x: V128): void => {
  const ints = op('i32x4.trunc_sat_f32x4_s', x)
  const shorts = op('i16x8.narrow_i32x4_s', ints, ints)
  code.storeLane('v128.store32_lane', 0, address, op(`i8x16.narrow_i16x8_${sign}`, shorts, shorts))
}

const floatWriters: { readonly [D in DType]?: (code: Code, address: I32, x: V128) => void } = {
  float32: (code, a, x) => {
    code.store('v128.store', a, x)
  },
  float16: (code, a, x) => {
    storeShorts(code, a, halfOfSingle(fourWords, x))
  },
  bfloat16: (code, a, x) => {
    storeShorts(code, a, brainOfSingle(fourWords, x))
  },
  int8: (code, a, x) => {
    storeBytes(code, a, 's', x)
  },
  uint8: (code, a, x) => {
    storeBytes(code, a, 'u', x)
  },
}

const integerDTypes: readonly DType[] = ['int8', 'uint8']

/** Between integers of 8 bits by way of floats would saturate what has to wrap. */
const fourAtOnce = (source: DType, target: DType): ((code: Code, from: I32, to: I32) => void) | null => {
  if (integerDTypes.includes(source) && integerDTypes.includes(target)) return null
  const [read, write] = [floatReaders[source], floatWriters[target]]
  if (read === undefined || write === undefined) return null
  return (code, from, to) => {
    write(code, to, code.let(read(from)))
  }
}

/** Elements of an iteration. */
const UNIT = 1024

/** Null between dtypes that compute: those conversions are parts of fused expressions. */
export const castRoutine: RoutineFor<'cast'> = ({ dtype: target }, [x]) => {
  const { dtype: source, size } = x!
  if (isCompute(source) && isCompute(target)) return null
  if (source === target) {
    return { scratch: 0, phases: [copyWhole(0, (size * bitsOf(source)) / 8)], imports: [], inPlace: 0 }
  }
  const four = fourAtOnce(source, target)
  const [width, targetWidth] = [bitsOf(source) / 8, bitsOf(target) / 8]
  return {
    scratch: 0,
    imports: [],
    phases: [
      {
        count: Math.ceil(size / UNIT),
        grain: Math.max(1, Math.floor(20_000 / (UNIT * (four === null ? 2 : 0.5)))),
        emit: (code, { inputs, outputs }, lo, hi) => {
          const i = code.variable(times(lo, UNIT))
          const end = code.let(smaller(times(hi, UNIT), size))
          const addresses = (): readonly [I32, I32] => [
            code.let(plus(inputs[0]!, times(i.get, width))),
            code.let(plus(outputs[0]!, times(i.get, targetWidth))),
          ]
          if (four !== null) {
            code.while(i, minus(end, 3), 4, () => {
              four(code, ...addresses())
            })
          }
          code.while(i, end, 1, () => {
            const [from, to] = addresses()
            writers[target](code, to, readers[source](from))
          })
        },
      },
    ],
  }
}
