/** NumPy's functions that move elements about. */
import type { DType } from '../core/dtype.ts'
import { checkDType } from '../core/dtype.ts'
import { ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import {
  broadcastTwo,
  checkShape,
  dropAxes,
  normalizeAxes,
  normalizeAxis,
  range,
  sameShape,
  showShape,
  sizeOf,
} from '../core/shape.ts'
import { cast } from '../ops/elementwise.ts'
import * as ops from '../ops/movement.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'
import { asArray } from './convert.ts'

/** The shape with its one -1 worked out. */
const inferShape = (x: NDArray, shape: Shape): Shape => {
  const unknown = shape.indexOf(-1)
  const known = shape.filter((n) => n !== -1)
  checkShape('reshape', known)
  const rest = sizeOf(known)
  const extent = rest === 0 ? 0 : x.aval.size / rest
  const out = unknown < 0 ? shape : shape.map((n, i) => (i === unknown ? extent : n))
  if (out.includes(-1) || !Number.isInteger(extent) || sizeOf(out) !== x.aval.size) {
    throw new ShapeError(
      `reshape: ${x.aval} has ${x.aval.size} elements, which do not fill the shape ${showShape(shape)}.`,
    )
  }
  return out
}

export const reshape = (x: ArrayLike, shape: Shape | number): NDArray => {
  const array = asArray(x)
  return ops.reshape(array, inferShape(array, typeof shape === 'number' ? [shape] : shape))
}

export const ravel = (x: ArrayLike): NDArray => reshape(x, -1)

export const transpose = (x: ArrayLike, axes?: readonly number[] | null): NDArray => {
  const array = asArray(x)
  const { rank } = array.aval
  if (axes === undefined || axes === null) return ops.transpose(array, range(rank).reverse())
  const permutation = normalizeAxes('transpose', axes, rank)
  if (permutation.length !== rank) {
    throw new ShapeError(`transpose: axes ${showShape(axes)} must name every axis of ${array.aval} once.`)
  }
  return ops.transpose(array, permutation)
}

export const swapaxes = (x: ArrayLike, a: number, b: number): NDArray => {
  const array = asArray(x)
  const permutation = range(array.aval.rank)
  const [i, j] = [normalizeAxis('swapaxes', a, permutation.length), normalizeAxis('swapaxes', b, permutation.length)]
  permutation[i] = j
  permutation[j] = i
  return ops.transpose(array, permutation)
}

export const squeeze = (
  x: ArrayLike,
  { axis = null }: { readonly axis?: number | readonly number[] | null } = {},
): NDArray => {
  const array = asArray(x)
  const { shape, rank } = array.aval
  const axes = axis === null ? range(rank).filter((d) => shape[d] === 1) : normalizeAxes('squeeze', axis, rank)
  const long = axes.find((d) => shape[d] !== 1)
  if (long !== undefined) {
    throw new ShapeError(`squeeze: axis ${long} of ${array.aval} has extent ${shape[long]!}; only extents of 1 can go.`)
  }
  return ops.reshape(array, dropAxes(shape, axes))
}

export const expandDims = (x: ArrayLike, axis: number | readonly number[]): NDArray => {
  const array = asArray(x)
  const given = typeof axis === 'number' ? [axis] : axis
  const axes = normalizeAxes('expandDims', given, array.aval.rank + given.length)
  const shape: number[] = []
  let next = 0
  for (const d of range(array.aval.rank + axes.length)) shape.push(axes.includes(d) ? 1 : array.aval.shape[next++]!)
  return ops.reshape(array, shape)
}

export const broadcastTo = (x: ArrayLike, shape: Shape): NDArray => {
  const array = asArray(x)
  checkShape('broadcastTo', shape)
  if (!sameShape(broadcastTwo('broadcastTo', array.aval.shape, shape), shape)) {
    throw new ShapeError(`broadcastTo: ${array.aval} does not broadcast to the shape ${showShape(shape)}.`)
  }
  return ops.broadcastTo(array, shape)
}

export const astype = (x: ArrayLike, dtype: DType): NDArray => cast(asArray(x), checkDType('astype', dtype))
