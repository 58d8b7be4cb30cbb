import type { DType, TypedArray } from './dtype.ts'
import { allocate, isFloat } from './dtype.ts'
import { bfloat16BitsToFloat32, float16BitsToFloat32, float32ToBfloat16Bits, float32ToFloat16Bits } from './float16.ts'

const toNumbers = (dtype: DType, data: TypedArray): ArrayLike<number> => {
  if (dtype === 'float16') return Float32Array.from(data as Uint16Array, float16BitsToFloat32)
  if (dtype === 'bfloat16') return Float32Array.from(data as Uint16Array, bfloat16BitsToFloat32)
  if (dtype === 'int64') return Float64Array.from(data as BigInt64Array, Number)
  return data as Float64Array
}

const saturate = (low: number, high: number) => (v: number) =>
  v >= high ? high : v <= low ? low : Number.isNaN(v) ? 0 : Math.trunc(v)

const int64Limit = 2 ** 63
const toInt64 = (v: number): bigint => {
  if (Number.isNaN(v)) return 0n
  if (v >= int64Limit) return 9223372036854775807n
  return v <= -int64Limit ? -9223372036854775808n : BigInt(Math.trunc(v))
}

const floatToInteger: { readonly [D in DType]?: (v: number) => number } = {
  int32: saturate(-(2 ** 31), 2 ** 31 - 1),
  uint32: saturate(0, 2 ** 32 - 1),
  int8: saturate(-128, 127),
  uint8: saturate(0, 255),
}

/** Conversion of elements: floats saturate into integers and NaN gives 0; integers wrap; anything but 0 is true. */
export const convert = (data: TypedArray, source: DType, target: DType): TypedArray => {
  if (source === target) return data
  if (source === 'int64' && !isFloat(target) && target !== 'bool') {
    const out = allocate(target, data.length) as Float64Array
    for (let i = 0; i < out.length; i++) out[i] = Number(BigInt.asIntN(32, data[i] as bigint))
    return out
  }
  const xs = toNumbers(source, data)
  const out = allocate(target, data.length)
  if (out instanceof BigInt64Array) {
    for (let i = 0; i < xs.length; i++) out[i] = toInt64(xs[i]!)
    return out
  }
  const ys = out as Float64Array
  const map = elementMap(source, target)
  if (map === same) {
    // What storing each element would do, without a call per element.
    ys.set(xs)
    return out
  }
  for (let i = 0; i < xs.length; i++) ys[i] = map(xs[i]!)
  return ys
}

const same = (v: number): number => v

const elementMap = (source: DType, target: DType): ((v: number) => number) => {
  if (target === 'bool') return (v) => (v === 0 ? 0 : 1)
  if (target === 'float16') return (v) => float32ToFloat16Bits(v)
  if (target === 'bfloat16') return (v) => float32ToBfloat16Bits(v)
  return (isFloat(source) ? floatToInteger[target] : undefined) ?? same
}
