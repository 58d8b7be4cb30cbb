/** GGUF's numbering of element types (`enum ggml_type` in ggml.h). */
import type { BlockKind } from '../../core/blocks.ts'
import { isBlockKind } from '../../core/blocks.ts'
import type { DType } from '../../core/dtype.ts'

export interface GgmlType {
  readonly name: string
  /** Elements in a block; 1 for plain types. */
  readonly elements: number
  /** Bytes of a block. */
  readonly bytes: number
  /** For plain types: the dtype of the same bytes. */
  readonly plain?: DType
}

const plain = (name: string, bytes: number, dtype: DType): GgmlType => ({ name, elements: 1, bytes, plain: dtype })
const block = (name: string, elements: number, bytes: number): GgmlType => ({ name, elements, bytes })

/** By number. Those that cannot be dequantised are listed too, so that files with them can be inspected. */
export const ggmlTypes: ReadonlyMap<number, GgmlType> = new Map([
  [0, plain('F32', 4, 'float32')],
  [1, plain('F16', 2, 'float16')],
  [2, block('Q4_0', 32, 18)],
  [3, block('Q4_1', 32, 20)],
  [6, block('Q5_0', 32, 22)],
  [7, block('Q5_1', 32, 24)],
  [8, block('Q8_0', 32, 34)],
  [9, block('Q8_1', 32, 36)],
  [10, block('Q2_K', 256, 84)],
  [11, block('Q3_K', 256, 110)],
  [12, block('Q4_K', 256, 144)],
  [13, block('Q5_K', 256, 176)],
  [14, block('Q6_K', 256, 210)],
  [15, block('Q8_K', 256, 292)],
  [16, block('IQ2_XXS', 256, 66)],
  [17, block('IQ2_XS', 256, 74)],
  [18, block('IQ3_XXS', 256, 98)],
  [19, block('IQ1_S', 256, 50)],
  [20, block('IQ4_NL', 32, 18)],
  [21, block('IQ3_S', 256, 110)],
  [22, block('IQ2_S', 256, 82)],
  [23, block('IQ4_XS', 256, 136)],
  [24, plain('I8', 1, 'int8')],
  [25, plain('I16', 2, 'int16')],
  [26, plain('I32', 4, 'int32')],
  [27, plain('I64', 8, 'int64')],
  [28, plain('F64', 8, 'float64')],
  [29, block('IQ1_M', 256, 56)],
  [30, plain('BF16', 2, 'bfloat16')],
  [34, block('TQ1_0', 256, 54)],
  [35, block('TQ2_0', 256, 66)],
  [39, block('MXFP4', 32, 17)],
])

/** The kind of a type's blocks, if they can be dequantised: `q4_k` for `Q4_K`. */
export const blockKindOf = ({ name }: GgmlType): BlockKind | null => {
  const kind = name.toLowerCase()
  return isBlockKind(kind) ? kind : null
}
