/** `lax`: creation, movement and indexing. Axes are not negative. */
import type { DType } from '../core/dtype.ts'
import { checkDType } from '../core/dtype.ts'
import type { Shape } from '../core/shape.ts'
import { checkShape } from '../core/shape.ts'
import type { GatherParams, ScatterParams } from '../ir/op.ts'
import * as creation from '../ops/creation.ts'
import * as e from '../ops/elementwise.ts'
import * as indexing from '../ops/indexing.ts'
import * as ops from '../ops/movement.ts'
import { asArray, asIndices } from '../runtime/array.ts'
import { checkFits } from '../surface/checks.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'

export { stopGradient } from '../api/derivatives.ts'

/** An array of one value. */
export const full = (shape: Shape, value: number, dtype: DType = 'float32'): NDArray =>
  creation.full(checkShape('lax.full', shape), value, checkDType('lax.full', dtype))
/** The integers 0 to `size - 1`. */
export const iota = (dtype: DType, size: number): NDArray =>
  creation.iota(checkDType('lax.iota', dtype), checkShape('lax.iota', [size]), 0)
/** The integers 0, 1, ... along an axis, the same along all others. */
export const broadcastedIota = (dtype: DType, shape: Shape, axis: number): NDArray =>
  creation.iota(checkDType('lax.broadcastedIota', dtype), checkShape('lax.broadcastedIota', shape), axis)

/** Operand axis `i` becomes output axis `dims[i]`; extents 1 are stretched. */
export const broadcastInDim = (x: ArrayLike, shape: Shape, dims: readonly number[]): NDArray =>
  ops.broadcast(asArray(x), shape, dims)
/** The same elements, in row-major order, in another shape. */
export const reshape = (x: ArrayLike, shape: Shape): NDArray => ops.reshape(asArray(x), shape)
/** Output axis `i` is operand axis `permutation[i]`. */
export const transpose = (x: ArrayLike, permutation: readonly number[]): NDArray =>
  ops.transpose(asArray(x), permutation)
/** Reverses the order along axes. */
export const rev = (x: ArrayLike, axes: readonly number[]): NDArray => ops.rev(asArray(x), axes)
/** Every `strides`-th element from `start` up to `limit`, along each axis. */
export const slice = (
  x: ArrayLike,
  start: readonly number[],
  limit: readonly number[],
  strides?: readonly number[],
): NDArray => ops.slice(asArray(x), start, limit, strides)
/** `slice` along one axis. */
export const sliceInDim = (x: ArrayLike, start: number, limit: number, axis = 0, stride = 1): NDArray =>
  ops.sliceInDim(asArray(x), start, limit, axis, stride)
/** Arrays one after the other along an axis. */
export const concatenate = (xs: readonly ArrayLike[], axis = 0): NDArray => ops.concatenate(xs.map(asArray), axis)
/** Adds `value` before, after and between elements, `[low, high, interior]` for each axis; negative ones crop. */
export const pad = (
  x: ArrayLike,
  value: ArrayLike,
  config: readonly (readonly [number, number, number])[],
): NDArray => {
  const array = asArray(x)
  if (typeof value === 'number') checkFits('lax.pad', value, array)
  const padding = typeof value === 'number' ? creation.scalar(value, array.aval.dtype) : asArray(value)
  return ops.pad(
    array,
    padding,
    config.map(([low]) => low),
    config.map(([, high]) => high),
    config.map(([, , interior]) => interior),
  )
}

// Negative starts count from the end.
const startsOf = (name: string, x: NDArray, starts: readonly ArrayLike[]): NDArray[] =>
  starts.map((start, d) => {
    const s = asIndices(name, start)
    const n = x.shape[d] ?? 0
    if (typeof start === 'number') return start < 0 ? asArray(start + n) : s
    if (s.aval.dtype !== 'int32' || s.aval.rank !== 0) return s
    return e.select(e.lt(s, creation.zerosLike(s)), e.add(s, creation.fullLike(s, n)), s)
  })

/**
 * A slice whose start is computed. Negative starts count from the end, as in JAX; then starts are clamped so that the
 * slice lies inside.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.dynamicSlice(np.arange(5), [-2], [2]) // => [3 4]
 * lax.dynamicSlice(np.arange(5), [4], [2]) // => [3 4]
 * ```
 */
export const dynamicSlice = (x: ArrayLike, starts: readonly ArrayLike[], sizes: Shape): NDArray => {
  const array = asArray(x)
  return ops.dynamicSlice(array, startsOf('lax.dynamicSlice', array, starts), sizes)
}

/** `x` with a slice replaced; starts as in `dynamicSlice`. */
export const dynamicUpdateSlice = (x: ArrayLike, update: ArrayLike, starts: readonly ArrayLike[]): NDArray => {
  const array = asArray(x)
  return ops.dynamicUpdateSlice(array, asArray(update), startsOf('lax.dynamicUpdateSlice', array, starts))
}

/** Slices of `x` at computed places: XLA's gather (https://openxla.org/xla/operation_semantics#gather). */
export const gather = (x: ArrayLike, indices: ArrayLike, params: GatherParams): NDArray =>
  indexing.gather(asArray(x), asIndices('lax.gather', indices), params)

const scatterer =
  (op: indexing.ScatterName) =>
  (x: ArrayLike, indices: ArrayLike, updates: ArrayLike, params: ScatterParams): NDArray =>
    indexing.scatterWith(op, asArray(x), asIndices(`lax.${op}`, indices), asArray(updates), params)

/** `x` with slices at computed places replaced (https://openxla.org/xla/operation_semantics#scatter). */
export const scatter = scatterer('scatter')
/** `x` with updates added at computed places. */
export const scatterAdd = scatterer('scatterAdd')
/** `x` with updates multiplied at computed places. */
export const scatterMul = scatterer('scatterMul')
/** `x` with the smaller of itself and the update at computed places. */
export const scatterMin = scatterer('scatterMin')
/** `x` with the larger of itself and the update at computed places. */
export const scatterMax = scatterer('scatterMax')
