/**
 * The layout of elements of each dtype in vectors, and their loads and stores. A vector has `lanes` elements: two where a
 * kernel has dtypes of 64 bits, else four. Elements of up to 32 bits take 32 bits, from the low end; bools are masks (all bits
 * or none); 16-bit floats and integers of 8 and 16 bits are zero-extended bits: they are only moved and converted.
 */
import type { DType } from '../../../core/dtype.ts'
import { encodeElement } from '../../../core/convert.ts'
import { bitsOf, isLong, isNarrow } from '../../../core/dtype.ts'
import type { Code, Expr } from '../asm/index.ts'
import { f32x4, f64x2, i32x4, i64x2, lane, load, loadLane, op } from '../asm/index.ts'

export type Vector = Expr<'v128'>
export type Lanes = 2 | 4

export const isWide = (dtype: DType): boolean => bitsOf(dtype) === 64
export const bytesOf = (dtype: DType): number => bitsOf(dtype) / 8

/** A vector with one number in all lanes. */
export const splatLiteral = (value: number | bigint, dtype: DType): Vector => {
  if (dtype === 'float32') return f32x4(Number(value))
  if (dtype === 'float64') return f64x2(Number(value))
  if (isLong(dtype)) return i64x2(BigInt.asIntN(64, BigInt(value)))
  if (dtype === 'bool') return i32x4(Number(value) === 0 ? 0 : -1)
  const element = Number(encodeElement(dtype, value)[0])
  return i32x4(isNarrow(dtype) ? element & (2 ** bitsOf(dtype) - 1) : element | 0)
}

const asMask = (v: Vector, dtype: DType): Vector => (dtype === 'bool' ? op('i32x4.neg', v) : v)

const widen8 = (v: Vector): Vector => op('i32x4.extend_low_i16x8_u', op('i16x8.extend_low_i8x16_u', v))

/** Neighbouring elements. */
export const loadFull = (dtype: DType, lanes: Lanes, address: Expr<'i32'>, offset: number): Vector => {
  const bits = bitsOf(dtype)
  if (bits === 64) return load('v128.load', address, offset)
  if (bits === 32) return load(lanes === 4 ? 'v128.load' : 'v128.load64_zero', address, offset)
  if (bits === 16) {
    if (lanes === 4) return load('v128.load16x4_u', address, offset)
    return op('i32x4.extend_low_i16x8_u', load('v128.load32_zero', address, offset))
  }
  const raw =
    lanes === 4 ? load('v128.load32_zero', address, offset) : loadLane('v128.load16_lane', 0, address, i32x4(0), offset)
  return asMask(widen8(raw), dtype)
}

/** One element, in all lanes. */
export const loadSplat = (dtype: DType, address: Expr<'i32'>, offset: number): Vector => {
  const bits = bitsOf(dtype)
  if (bits === 64) return load('v128.load64_splat', address, offset)
  if (bits === 32) return load('v128.load32_splat', address, offset)
  return asMask(op('i32x4.splat', load(bits === 16 ? 'i32.load16_u' : 'i32.load8_u', address, offset)), dtype)
}

/** Where a lane's element is: an address, and an offset from it. */
export interface LanePlace {
  readonly address: Expr<'i32'>
  readonly offset: number
}

/** Elements from a place for each lane. */
export const loadGather = (dtype: DType, places: readonly LanePlace[]): Vector => {
  const bits = bitsOf(dtype)
  const [first, ...others] = places
  if (bits >= 32) {
    const name = bits === 64 ? 'v128.load64_lane' : 'v128.load32_lane'
    let v: Vector = load(bits === 64 ? 'v128.load64_zero' : 'v128.load32_zero', first!.address, first!.offset)
    others.forEach(({ address, offset }, i) => (v = loadLane(name, i + 1, address, v, offset)))
    return v
  }
  const read = bits === 16 ? 'i32.load16_u' : 'i32.load8_u'
  let v: Vector = op('i32x4.splat', load(read, first!.address, first!.offset))
  others.forEach(({ address, offset }, i) => (v = lane('i32x4.replace_lane', i + 1, v, load(read, address, offset))))
  return asMask(v, dtype)
}

const narrow8 = (v: Vector): Vector => {
  const half = op('i16x8.narrow_i32x4_u', v, v)
  return op('i8x16.narrow_i16x8_u', half, half)
}

const asBytes = (v: Vector, dtype: DType): Vector => (dtype === 'bool' ? op('v128.and', v, i32x4(1)) : v)

/** Writes neighbouring elements. */
export const storeFull = (
  code: Code,
  dtype: DType,
  lanes: Lanes,
  address: Expr<'i32'>,
  value: Vector,
  offset: number,
): void => {
  const bits = bitsOf(dtype)
  if (bits === 64 || (bits === 32 && lanes === 4)) code.store('v128.store', address, value, offset)
  else if (bits === 32) code.storeLane('v128.store64_lane', 0, address, value, offset)
  else if (bits === 16) {
    const name = lanes === 4 ? 'v128.store64_lane' : 'v128.store32_lane'
    code.storeLane(name, 0, address, op('i16x8.narrow_i32x4_u', value, value), offset)
  } else {
    const name = lanes === 4 ? 'v128.store32_lane' : 'v128.store16_lane'
    code.storeLane(name, 0, address, narrow8(asBytes(value, dtype)), offset)
  }
}

const laneStores = {
  8: 'v128.store8_lane',
  16: 'v128.store16_lane',
  32: 'v128.store32_lane',
  64: 'v128.store64_lane',
} as const

/** Writes the element in one lane. */
export const storeLane = (
  code: Code,
  dtype: DType,
  index: number,
  address: Expr<'i32'>,
  value: Vector,
  offset: number,
): void => {
  const bits = bitsOf(dtype) as keyof typeof laneStores
  const perElement = bits === 64 ? 1 : 32 / bits
  code.storeLane(laneStores[bits], index * perElement, address, asBytes(value, dtype), offset)
}
