import type { Shape } from '../core/shape.ts'
import { insertAt, movePermutation, range, sameShape } from '../core/shape.ts'
import { bind } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'

/** Operand axis `i` becomes output axis `dims[i]`; extents of 1 are stretched. XLA's `broadcastInDim`. */
export const broadcast = (x: NDArray, shape: Shape, dims: readonly number[]): NDArray =>
  sameShape(x.aval.shape, shape) ? x : bind('broadcast', { shape, dims }, [x])

/** NumPy's broadcasting: axes aligned at the end. */
export const broadcastTo = (x: NDArray, shape: Shape): NDArray => {
  if (sameShape(x.aval.shape, shape)) return x
  const offset = shape.length - x.aval.rank
  return bind('broadcast', { shape, dims: x.aval.shape.map((_, i) => i + offset) }, [x])
}

export const reshape = (x: NDArray, shape: Shape): NDArray =>
  sameShape(x.aval.shape, shape) ? x : bind('reshape', { shape }, [x])

/** Output axis `i` is operand axis `permutation[i]`. */
export const transpose = (x: NDArray, permutation: readonly number[]): NDArray =>
  permutation.every((p, i) => p === i) && permutation.length === x.aval.rank
    ? x
    : bind('transpose', { permutation }, [x])

export const moveAxis = (x: NDArray, from: number, to: number): NDArray =>
  from === to ? x : transpose(x, movePermutation(x.aval.rank, from, to))

/** The last two axes exchanged: matrices transposed. */
export const swapLast = (x: NDArray): NDArray => moveAxis(x, x.ndim - 1, x.ndim - 2)

/** Reverses the order along axes. */
export const rev = (x: NDArray, axes: readonly number[]): NDArray =>
  axes.length === 0 ? x : bind('rev', { axes }, [x])

/** Adds `value` before, after and between elements; negative `low` and `high` crop. */
export const pad = (
  x: NDArray,
  value: NDArray,
  low: readonly number[],
  high: readonly number[],
  interior: readonly number[] = low.map(() => 0),
): NDArray => bind('pad', { low, high, interior }, [x, value])

export const slice = (
  x: NDArray,
  start: readonly number[],
  limit: readonly number[],
  strides: readonly number[] = start.map(() => 1),
): NDArray => {
  const whole = start.every((s, i) => s === 0 && limit[i] === x.aval.shape[i] && strides[i] === 1)
  return whole && start.length === x.aval.rank ? x : bind('slice', { start, limit, strides }, [x])
}

/** `slice` along one axis. */
export const sliceInDim = (x: NDArray, start: number, limit: number, axis: number, stride = 1): NDArray => {
  const starts = x.aval.shape.map((_, i) => (i === axis ? start : 0))
  const limits = x.aval.shape.map((n, i) => (i === axis ? limit : n))
  const strides = x.aval.shape.map((_, i) => (i === axis ? stride : 1))
  return slice(x, starts, limits, strides)
}

export const concatenate = (xs: readonly NDArray[], axis: number): NDArray =>
  xs.length === 1 ? xs[0]! : bind('concatenate', { axis }, xs)

/** A slice whose start is computed; starts are clamped so that it lies inside. */
export const dynamicSlice = (x: NDArray, starts: readonly NDArray[], sizes: Shape): NDArray =>
  bind('dynamicSlice', { sizes }, [x, ...starts])

/** `x` with a slice replaced; starts are clamped so that it lies inside. */
export const dynamicUpdateSlice = (x: NDArray, update: NDArray, starts: readonly NDArray[]): NDArray =>
  bind('dynamicUpdateSlice', {}, [x, update, ...starts])

/** A new axis of extent 1. */
export const expandDims = (x: NDArray, axis: number): NDArray => reshape(x, insertAt(x.aval.shape, axis, 1))

/** Repeats the value along a new axis. */
export const addAxis = (x: NDArray, axis: number, extent: number): NDArray => {
  const dims = range(x.aval.rank).map((i) => (i < axis ? i : i + 1))
  return broadcast(x, insertAt(x.aval.shape, axis, extent), dims)
}
