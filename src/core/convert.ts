/** Elements of one dtype as elements of another. */
import type { DType, TypedArray } from './dtype.ts'
import { allocate, integerLimits, isFloat, isLong, kindOf, longLimits } from './dtype.ts'
import { bfloat16BitsToFloat32, float16BitsToFloat32, float32ToBfloat16Bits, float32ToFloat16Bits } from './float16.ts'

/** The number that an element represents: 16-bit floats are stored as bits. */
const decoders: { readonly [D in DType]?: (bits: number) => number } = {
  float16: float16BitsToFloat32,
  bfloat16: bfloat16BitsToFloat32,
}
const encoders: { readonly [D in DType]?: (x: number) => number } = {
  // Via float32, as every conversion from a wider float.
  float16: (x) => float32ToFloat16Bits(x),
  bfloat16: (x) => float32ToBfloat16Bits(x),
}

/** Elements as the numbers that they represent: 16-bit floats as float32, all others as they are. */
export const decode = (dtype: DType, data: TypedArray): TypedArray => {
  const decoder = decoders[dtype]
  return decoder === undefined ? data : Float32Array.from(data as Uint16Array, decoder)
}

/** The number or bigint that an element represents. */
export const decodeElement = (dtype: DType, element: number | bigint): number | bigint =>
  decoders[dtype]?.(element as number) ?? element

/** Encodes a number as one element: rounded, or wrapped around, into the dtype. */
export const encodeElement = (dtype: DType, value: number | bigint): TypedArray => {
  const data = allocate(dtype, 1)
  const encoder = encoders[dtype]
  if (encoder !== undefined) data[0] = encoder(Number(value))
  else if (!isLong(dtype)) data[0] = Number(value)
  else data[0] = typeof value === 'bigint' || Number.isInteger(value) ? BigInt(value) : toLong(dtype)(value)
  return data
}

/**
 * The fill value for an index out of bounds: NaN, the lowest signed integer, the highest unsigned one, true.
 */
export const fillOf = (dtype: DType): number | bigint => {
  if (isFloat(dtype)) return encodeElement(dtype, NaN)[0]!
  if (dtype === 'bool') return 1
  const [low, high] = (isLong(dtype) ? longLimits : integerLimits)(dtype)
  return kindOf(dtype) === 'signed' ? low : high
}

const saturate = (low: number, high: number) => (v: number) =>
  v >= high ? high : v <= low ? low : Number.isNaN(v) ? 0 : Math.trunc(v)

const toLong = (dtype: DType): ((v: number) => bigint) => {
  const [low, high] = longLimits(dtype)
  const [from, to] = integerLimits(dtype)
  return (v) => (Number.isNaN(v) ? 0n : v >= to ? high : v <= from ? low : BigInt(Math.trunc(v)))
}

/** Converts 64-bit integers from or to other integers: values that do not fit wrap around. */
const wrapLongs = (data: TypedArray, source: DType, target: DType): TypedArray => {
  const out = allocate(target, data.length)
  if (isLong(source) && !isLong(target)) {
    const ys = out as Float64Array
    const bits = out.BYTES_PER_ELEMENT * 8
    for (let i = 0; i < ys.length; i++) ys[i] = Number(BigInt.asIntN(bits, data[i] as bigint))
    return out
  }
  const ys = out as BigInt64Array
  for (let i = 0; i < ys.length; i++) ys[i] = BigInt(data[i]!)
  return out
}

const numbersOf = (dtype: DType, data: TypedArray): ArrayLike<number> =>
  isLong(dtype) ? Float64Array.from(data as BigInt64Array, Number) : (decode(dtype, data) as Float64Array)

/** Conversion of elements: floats saturate into integers and NaN becomes 0; integers wrap; anything but 0 is true. */
export const convert = (data: TypedArray, source: DType, target: DType): TypedArray => {
  if (source === target) return data
  if ((isLong(source) || isLong(target)) && !isFloat(source) && !isFloat(target) && target !== 'bool') {
    return wrapLongs(data, source, target)
  }
  const xs = numbersOf(source, data)
  if (isLong(target)) {
    const out = allocate(target, data.length) as BigInt64Array
    const long = toLong(target)
    for (let i = 0; i < xs.length; i++) out[i] = long(xs[i]!)
    return out
  }
  const ys = allocate(target, data.length) as Float64Array
  const map = elementMap(source, target)
  if (map === same) {
    // The same as storing each element, without a call per element.
    ys.set(xs)
    return ys
  }
  for (let i = 0; i < xs.length; i++) ys[i] = map(xs[i]!)
  return ys
}

const same = (v: number): number => v

const elementMap = (source: DType, target: DType): ((v: number) => number) => {
  if (target === 'bool') return (v) => (v === 0 ? 0 : 1)
  const encoder = encoders[target]
  if (encoder !== undefined) return encoder
  return isFloat(source) && !isFloat(target) ? saturate(...integerLimits(target)) : same
}
