/** The spelling of MLIR (https://mlir.llvm.org/docs/LangRef) and of StableHLO's attributes (https://openxla.org/stablehlo/spec). */
import type { DType, TypedArray } from '../core/dtype.ts'
import { isFloat } from '../core/dtype.ts'
import type { Shape } from '../core/shape.ts'
import type { WindowParams } from '../ir/op.ts'

const elementTypes: { readonly [D in DType]: string } = {
  float32: 'f32',
  float64: 'f64',
  float16: 'f16',
  bfloat16: 'bf16',
  int8: 'i8',
  int16: 'i16',
  int32: 'i32',
  int64: 'i64',
  uint8: 'ui8',
  uint16: 'ui16',
  uint32: 'ui32',
  uint64: 'ui64',
  bool: 'i1',
}

/** What a value is, as far as its type says. */
export interface Typed {
  readonly dtype: DType
  readonly shape: Shape
}

/** `tensor<2x3xf32>`. */
export const typeText = ({ dtype, shape }: Typed): string => `tensor<${[...shape, elementTypes[dtype]].join('x')}>`

const hex = (bytes: ArrayLike<number>): string =>
  `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`.toUpperCase().replace('0X', '0x')

/** What has no decimal form in MLIR is written by its bits, the first digits first. */
const notFinite = (x: number, dtype: DType): string => {
  if (dtype === 'float16') return Number.isNaN(x) ? '0x7E00' : x > 0 ? '0x7C00' : '0xFC00'
  const view = new DataView(new ArrayBuffer(8))
  if (dtype === 'float64') view.setFloat64(0, x)
  else view.setFloat32(0, x)
  const length = dtype === 'float64' ? 8 : dtype === 'bfloat16' ? 2 : 4
  return hex(new Uint8Array(view.buffer, 0, length))
}

/** A float always has a point, and an exponent may follow. */
const decimal = (x: number): string => {
  const [mantissa = '', exponent] = (Object.is(x, -0) ? '-0' : String(x)).split('e')
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}${exponent === undefined ? '' : `e${exponent}`}`
}

/** One element. */
export const numberText = (x: number | bigint, dtype: DType): string => {
  if (dtype === 'bool') return x === 0 || x === 0n ? 'false' : 'true'
  if (!isFloat(dtype)) return String(x)
  const n = Number(x)
  return Number.isFinite(n) ? decimal(n) : notFinite(n, dtype)
}

/** All elements by their bytes, as they are in memory; bools are words. */
export const elementsText = (data: TypedArray, dtype: DType): string => {
  if (dtype === 'bool') return `[${Array.from(data as Uint8Array, (x) => x !== 0).join(', ')}]`
  return `"${hex(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))}"`
}

/** `array<i64: 1, 2>`. */
export const integers = (xs: readonly number[]): string =>
  xs.length === 0 ? 'array<i64>' : `array<i64: ${xs.join(', ')}>`

/** A matrix of pairs, as paddings are. */
export const pairs = (xs: readonly (readonly [number, number])[]): string =>
  `dense<${xs.length === 0 ? '' : `[${xs.map(([a, b]) => `[${a}, ${b}]`).join(', ')}]`}> : tensor<${xs.length}x2xi64>`

/** Named lists of dimensions; those that are empty are left out. */
export const dimensions = (lists: Readonly<Record<string, readonly number[]>>): readonly string[] =>
  Object.entries(lists).flatMap(([name, xs]) => (xs.length === 0 ? [] : [`${name} = [${xs.join(', ')}]`]))

/** The attributes of a window. */
export const windowAttributes = (p: WindowParams): string =>
  [
    `window_dimensions = ${integers(p.windowDimensions)}`,
    `window_strides = ${integers(p.windowStrides)}`,
    `base_dilations = ${integers(p.baseDilation)}`,
    `window_dilations = ${integers(p.windowDilation)}`,
    `padding = ${pairs(p.padding)}`,
  ].join(', ')
