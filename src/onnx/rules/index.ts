/** Every operation in ONNX: one without a row does not compile. */
import { bits } from './bits.ts'
import { control } from './control.ts'
import { elementwise } from './elementwise.ts'
import { indexing } from './indexing.ts'
import { linalg } from './linalg.ts'
import { movement } from './movement.ts'
import { products } from './products.ts'
import { reduction } from './reduction.ts'
import type { Rules } from './rule.ts'

export const rules: Rules = {
  ...elementwise,
  ...movement,
  ...reduction,
  ...products,
  ...indexing,
  ...bits,
  ...linalg,
  ...control,
}
