/** NumPy's functions that move elements about. */
import { calledAs } from '../core/calledAs.ts'
import type { OptionTable } from '../core/arguments.ts'
import {
  axes,
  axis,
  axisList,
  door,
  dtype as aDType,
  isListOf,
  kind,
  listHint,
  nothing,
  nullable,
  optionsOf,
  shape as aShape,
} from '../core/arguments.ts'
import type { DType } from '../core/dtype.ts'
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
import type { ArrayLike, SqueezeOptions } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { arrayLike } from '../conversions/arguments.ts'
import { asArray } from '../conversions/convert.ts'

/** The shape with its -1 replaced by the inferred extent. */
const inferShape = (x: NDArray, shape: Shape): Shape => {
  const unknown = shape.indexOf(-1)
  const known = shape.filter((n) => n !== -1)
  checkShape('np.reshape', known)
  const rest = sizeOf(known)
  const extent = rest === 0 ? 0 : x.aval.size / rest
  const out = unknown < 0 ? shape : shape.map((n, i) => (i === unknown ? extent : n))
  if (out.includes(-1) || !Number.isInteger(extent) || sizeOf(out) !== x.aval.size) {
    throw new ShapeError(
      `np.reshape: ${x.aval} has ${x.aval.size} elements, which do not fill the shape ${showShape(shape)}.`,
    )
  }
  return out
}

const isExtent = (n: unknown): boolean => Number.isSafeInteger(n) && (n as number) >= -1

/** A new shape for an existing array: one extent may be -1, to be inferred. */
const newShape = kind(
  'a list of extents, one of which may be -1, such as [2, -1]',
  (x) => isExtent(x) || isListOf(x, isExtent),
  { error: ShapeError, hint: listHint },
)
const reshapeDoor = door('np.reshape', {
  x: arrayLike,
  shape: newShape,
  more: nothing('extents go in one list: [2, 3]'),
})

export const reshape = (x: ArrayLike, shape: Shape | number, ...more: readonly never[]): NDArray => {
  reshapeDoor(x, shape, more[0])
  const array = asArray(x)
  return ops.reshape(array, inferShape(array, typeof shape === 'number' ? [shape] : shape))
}

export const ravel = (x: ArrayLike): NDArray => calledAs('np.ravel', () => reshape(x, -1))

const transposeDoor = door('np.transpose', { x: arrayLike, axes: nullable(axisList) })

export const transpose = (x: ArrayLike, axes?: readonly number[] | null): NDArray => {
  transposeDoor(x, axes)
  const array = asArray(x)
  const { rank } = array.aval
  if (axes === undefined || axes === null) return ops.transpose(array, range(rank).reverse())
  const permutation = normalizeAxes('np.transpose', axes, rank)
  if (permutation.length !== rank) {
    throw new ShapeError(`np.transpose: axes ${showShape(axes)} must name every axis of ${array.aval} once.`)
  }
  return ops.transpose(array, permutation)
}

const swapaxesDoor = door('np.swapaxes', { x: arrayLike, a: axis, b: axis })

export const swapaxes = (x: ArrayLike, a: number, b: number): NDArray => {
  swapaxesDoor(x, a, b)
  const array = asArray(x)
  const permutation = range(array.aval.rank)
  const [i, j] = [
    normalizeAxis('np.swapaxes', a, permutation.length),
    normalizeAxis('np.swapaxes', b, permutation.length),
  ]
  permutation[i] = j
  permutation[j] = i
  return ops.transpose(array, permutation)
}

const squeezeOptions: OptionTable<SqueezeOptions> = { axis: nullable(axes) }
const squeezeDoor = door('np.squeeze', { x: arrayLike, options: optionsOf(squeezeOptions) })

export const squeeze = (x: ArrayLike, options: SqueezeOptions = {}): NDArray => {
  squeezeDoor(x, options)
  const { axis = null } = options
  const array = asArray(x)
  const { shape, rank } = array.aval
  const axes = axis === null ? range(rank).filter((d) => shape[d] === 1) : normalizeAxes('np.squeeze', axis, rank)
  const long = axes.find((d) => shape[d] !== 1)
  if (long !== undefined) {
    throw new ShapeError(
      `np.squeeze: axis ${long} of ${array.aval} has extent ${shape[long]!}; only extents of 1 can go.`,
    )
  }
  return ops.reshape(array, dropAxes(shape, axes))
}

const expandDimsDoor = door('np.expandDims', { x: arrayLike, axis: axes })

export const expandDims = (x: ArrayLike, axis: number | readonly number[]): NDArray => {
  expandDimsDoor(x, axis)
  const array = asArray(x)
  const given = typeof axis === 'number' ? [axis] : axis
  const axes = normalizeAxes('np.expandDims', given, array.aval.rank + given.length)
  const shape: number[] = []
  let next = 0
  for (const d of range(array.aval.rank + axes.length)) shape.push(axes.includes(d) ? 1 : array.aval.shape[next++]!)
  return ops.reshape(array, shape)
}

const broadcastToDoor = door('np.broadcastTo', { x: arrayLike, shape: aShape })

export const broadcastTo = (x: ArrayLike, shape: Shape): NDArray => {
  broadcastToDoor(x, shape)
  const array = asArray(x)
  if (!sameShape(broadcastTwo('np.broadcastTo', array.aval.shape, shape), shape)) {
    throw new ShapeError(`np.broadcastTo: ${array.aval} does not broadcast to the shape ${showShape(shape)}.`)
  }
  return ops.broadcastTo(array, shape)
}

const astypeDoor = door('np.astype', { x: arrayLike, dtype: aDType })

export const astype = (x: ArrayLike, dtype: DType): NDArray => {
  astypeDoor(x, dtype)
  return cast(asArray(x), dtype)
}
