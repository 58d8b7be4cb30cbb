/** Elements of arrays as text. */
import type { DType } from '../core/dtype.ts'
import { isFloat } from '../core/dtype.ts'
import {
  bfloat16BitsToFloat32,
  float16BitsToFloat32,
  float32ToBfloat16Bits,
  float32ToFloat16Bits,
} from '../core/float16.ts'

/** A number as text: `inf`, `nan` and `-0` included. */
export const numberText = (x: number | bigint): string => {
  if (typeof x === 'bigint') return String(x)
  if (Object.is(x, -0)) return '-0'
  return Number.isNaN(x) ? 'nan' : x === Infinity ? 'inf' : x === -Infinity ? '-inf' : String(x)
}

/** The number that a text stands for. */
export const toNumber = (text: string): number => {
  if (text === 'nan' || text === '-nan') return NaN
  return text.endsWith('inf') ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text)
}

/** An element, which of 16-bit floats is its bits, as text. */
export const elementText = (dtype: DType, element: number | bigint): string => {
  if (dtype === 'float16') return numberText(float16BitsToFloat32(Number(element)))
  return numberText(dtype === 'bfloat16' ? bfloat16BitsToFloat32(Number(element)) : element)
}

const ranges: { readonly [D in DType]?: readonly [least: number, most: number] } = {
  bool: [0, 1],
  uint8: [0, 255],
  int8: [-128, 127],
  // The bits of 16-bit floats.
  float16: [0, 65535],
  bfloat16: [0, 65535],
  uint32: [0, 2 ** 32 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
}

/** Whether a value can be an element: whole and in range where it has to be. */
export const isElement = (dtype: DType, value: unknown): value is number | bigint => {
  if (dtype === 'int64') return typeof value === 'bigint' && BigInt.asIntN(64, value) === value
  if (typeof value !== 'number') return false
  const range = ranges[dtype]
  return range === undefined || (Number.isInteger(value) && value >= range[0] && value <= range[1])
}

const integerFrom = (dtype: DType, text: string): number | bigint | null => {
  // No integer has a zero of its own sign.
  const value = dtype !== 'int64' ? toNumber(text) + 0 : /^-?\d+$/.test(text) ? BigInt(text) : null
  return isElement(dtype, value) ? value : null
}

/** The element that a text stands for; null where there is none: a fraction, or a number out of range, as an integer. */
export const elementFrom = (dtype: DType, text: string): number | bigint | null => {
  if (!isFloat(dtype)) return integerFrom(dtype, text)
  const value = toNumber(text)
  if (dtype === 'float16') return float32ToFloat16Bits(value)
  if (dtype === 'bfloat16') return float32ToBfloat16Bits(value)
  return dtype === 'float32' ? Math.fround(value) : value
}
