import type { OpParams } from '../ir/op.ts'
import { bind } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'

/** The float32 values of blocks, which are along the last axis. */
export const dequantize = (payload: NDArray, params: OpParams['dequantize']): NDArray =>
  bind('dequantize', params, [payload])

/**
 * `x` times a quantised matrix, whose leading axes are batch axes shared with `x`: x Wᵀ, or x W with `transposed`. Output axes:
 * batch, then free axes of `x`, then rows (columns) of W.
 */
export const quantizedDot = (x: NDArray, payload: NDArray, params: OpParams['quantizedDot']): NDArray =>
  bind('quantizedDot', params, [x, payload])
