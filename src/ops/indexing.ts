import type { GatherParams, ScatterParams } from '../ir/op.ts'
import { bind } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'

/** Slices of `x` at computed indices: XLA's gather. */
export const gather = (x: NDArray, indices: NDArray, params: GatherParams): NDArray =>
  bind('gather', params, [x, indices])

export type ScatterName = 'scatter' | 'scatterAdd' | 'scatterMul' | 'scatterMin' | 'scatterMax'

/** `x` with slices at computed indices replaced by, or combined with, `updates`: XLA's scatter. */
export const scatterWith = (
  op: ScatterName,
  x: NDArray,
  indices: NDArray,
  updates: NDArray,
  params: ScatterParams,
): NDArray => bind(op, params, [x, indices, updates])
