/** The element types of safetensors (https://github.com/huggingface/safetensors, `Dtype`), and their dtypes here. */
import type { DType, TypedArray } from '../../core/dtype.ts'
import { decodeFloat8 } from '../float8.ts'
import { elementsOf } from '../tensors.ts'

/** An element type of safetensors. */
export type SafetensorsDType =
  | 'BOOL'
  | 'U8'
  | 'I8'
  | 'U16'
  | 'I16'
  | 'U32'
  | 'I32'
  | 'U64'
  | 'I64'
  | 'F8_E4M3'
  | 'F8_E5M2'
  | 'F8_E8M0'
  | 'F16'
  | 'BF16'
  | 'F32'
  | 'F64'

interface Kind {
  /** Bytes of an element. */
  readonly width: number
  /** The dtype that holds all its values. */
  readonly dtype: DType
  /** Elements of that dtype from little-endian bytes, where they are not the same bytes. */
  readonly decode?: (bytes: Uint8Array) => TypedArray
}

const kinds: { readonly [D in SafetensorsDType]: Kind } = {
  BOOL: { width: 1, dtype: 'bool' },
  U8: { width: 1, dtype: 'uint8' },
  I8: { width: 1, dtype: 'int8' },
  U16: { width: 2, dtype: 'uint16' },
  I16: { width: 2, dtype: 'int16' },
  U32: { width: 4, dtype: 'uint32' },
  I32: { width: 4, dtype: 'int32' },
  U64: { width: 8, dtype: 'uint64' },
  I64: { width: 8, dtype: 'int64' },
  F8_E4M3: { width: 1, dtype: 'float32', decode: decodeFloat8('e4m3fn') },
  F8_E5M2: { width: 1, dtype: 'float32', decode: decodeFloat8('e5m2') },
  F8_E8M0: { width: 1, dtype: 'float32', decode: decodeFloat8('e8m0fnu') },
  F16: { width: 2, dtype: 'float16' },
  BF16: { width: 2, dtype: 'bfloat16' },
  F32: { width: 4, dtype: 'float32' },
  F64: { width: 8, dtype: 'float64' },
}

/** All of them. */
export const safetensorsDTypes = Object.keys(kinds) as readonly SafetensorsDType[]

export const isSafetensorsDType = (name: string): name is SafetensorsDType => Object.hasOwn(kinds, name)

export const widthOf = (dtype: SafetensorsDType): number => kinds[dtype].width
export const arrayTypeOf = (dtype: SafetensorsDType): DType => kinds[dtype].dtype

/** Elements from little-endian bytes. */
export const decode = (dtype: SafetensorsDType, bytes: Uint8Array): TypedArray =>
  kinds[dtype].decode?.(bytes) ?? elementsOf(kinds[dtype].dtype, bytes)

const written: { readonly [D in DType]: SafetensorsDType } = {
  bool: 'BOOL',
  uint8: 'U8',
  int8: 'I8',
  uint16: 'U16',
  int16: 'I16',
  uint32: 'U32',
  int32: 'I32',
  uint64: 'U64',
  int64: 'I64',
  float16: 'F16',
  bfloat16: 'BF16',
  float32: 'F32',
  float64: 'F64',
}

/** The element type as which a dtype is written. */
export const writtenAs = (dtype: DType): SafetensorsDType => written[dtype]
