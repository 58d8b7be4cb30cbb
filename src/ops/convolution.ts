/** Convolution, and windows that slide over all axes. */
import type { ConvParams, SelectParams, WindowParams } from '../ir/op.ts'
import { bind } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'

/** Sums of products of windows of `lhs` with the kernels in `rhs`. */
export const conv = (lhs: NDArray, rhs: NDArray, params: ConvParams): NDArray => bind('conv', params, [lhs, rhs])

export const reduceWindowSum = (x: NDArray, params: WindowParams): NDArray => bind('reduceWindowSum', params, [x])
export const reduceWindowMax = (x: NDArray, params: WindowParams): NDArray => bind('reduceWindowMax', params, [x])
export const reduceWindowMin = (x: NDArray, params: WindowParams): NDArray => bind('reduceWindowMin', params, [x])

/** The elements of `values` at the positions of the extrema of the windows of `x`. */
export const selectAndGatherAdd = (values: NDArray, x: NDArray, params: SelectParams): NDArray =>
  bind('selectAndGatherAdd', params, [values, x])

/** Adds up `values`, one for each window of `x`, at the positions of the windows' extrema. */
export const selectAndScatterAdd = (values: NDArray, x: NDArray, params: SelectParams): NDArray =>
  bind('selectAndScatterAdd', params, [values, x])
