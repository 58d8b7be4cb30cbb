import type { DotGeneralParams } from '../ir/op.ts'
import { bind } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'

/** Sum of products over contracting axes. Output axes: batch, then free axes of `x`, then free axes of `y`. */
export const dotGeneral = (x: NDArray, y: NDArray, params: DotGeneralParams): NDArray =>
  bind('dotGeneral', params, [x, y])
