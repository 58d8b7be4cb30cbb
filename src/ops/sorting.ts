import { bindAll } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'

/** Sorts all operands along an axis by the first `numKeys` of them. NaN comes last. */
export const sort = (
  operands: readonly NDArray[],
  axis: number,
  options: { readonly numKeys?: number; readonly stable?: boolean } = {},
): readonly NDArray[] =>
  bindAll('sort', { axis, numKeys: options.numKeys ?? 1, stable: options.stable ?? true }, operands)
