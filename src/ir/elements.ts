/** Elements of arrays as text. */
import { decodeElement, encodeElement } from '../core/convert.ts'
import type { DType } from '../core/dtype.ts'
import { integerLimits, isFloat, isLong, longLimits } from '../core/dtype.ts'

/** A number as text: `inf`, `nan` and `-0` included. */
export const numberText = (x: number | bigint): string => {
  if (typeof x === 'bigint') return String(x)
  if (Object.is(x, -0)) return '-0'
  return Number.isNaN(x) ? 'nan' : x === Infinity ? 'inf' : x === -Infinity ? '-inf' : String(x)
}

/** Parses a number. */
export const toNumber = (text: string): number => {
  if (text === 'nan' || text === '-nan') return NaN
  return text.endsWith('inf') ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text)
}

/** An element as text; a 16-bit float is given by its bits. */
export const elementText = (dtype: DType, element: number | bigint): string => numberText(decodeElement(dtype, element))

/** Whether a value is valid for a literal: for integers, integral and in range. */
export const isElement = (dtype: DType, value: unknown): value is number | bigint => {
  if (isLong(dtype)) {
    const [least, most] = longLimits(dtype)
    return typeof value === 'bigint' && value >= least && value <= most
  }
  if (typeof value !== 'number') return false
  if (isFloat(dtype)) return true
  const [least, most] = dtype === 'bool' ? [0, 1] : integerLimits(dtype)
  return Number.isInteger(value) && value >= least && value <= most
}

const integerFrom = (dtype: DType, text: string): number | bigint | null => {
  // Integers have no negative zero.
  const value = !isLong(dtype) ? toNumber(text) + 0 : /^-?\d+$/.test(text) ? BigInt(text) : null
  return isElement(dtype, value) ? value : null
}

/** Parses an element; null for a fraction, or a number out of range, as an integer. */
export const elementFrom = (dtype: DType, text: string): number | bigint | null =>
  isFloat(dtype) ? encodeElement(dtype, toNumber(text))[0]! : integerFrom(dtype, text)
