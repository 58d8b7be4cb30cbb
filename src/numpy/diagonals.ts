/** `np`: diagonals of matrices. */
import { calledAs } from '../core/calledAs.ts'
import type { DType } from '../core/dtype.ts'
import { ShapeError } from '../core/errors.ts'
import { normalizeAxes, range } from '../core/shape.ts'
import { iota, zerosOf } from '../ops/creation.ts'
import * as e from '../ops/elementwise.ts'
import * as ops from '../ops/movement.ts'
import { asArray, asIndices, functions } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { moveaxis } from './movement.ts'

const diagDoor = must.door('np.diag', { x: must.arrayLike, k: must.optional(must.integer) })

/**
 * For a matrix, its diagonal `k` (positive above the main one, negative below); for a vector, the matrix with that diagonal.
 *
 * @throws ShapeError for arrays of other ranks.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.diag(np.array([[1, 2], [3, 4]])) // => [1. 4.]
 * np.diag(np.array([1, 2])) // => [[1. 0.]\n [0. 2.]]
 * np.diag(np.array([1, 2]), -1).shape // => 3,3
 * ```
 */
export const diag = (x: ArrayLike, k = 0): NDArray => {
  diagDoor(x, k)
  const array = asArray(x)
  if (array.ndim > 2 || array.ndim === 0)
    throw new ShapeError(`np.diag: needs a vector or a matrix, got ${array.aval}.`)
  if (array.ndim === 2) return diagonal(array, k)
  const n = array.shape[0]! + Math.abs(k)
  const zeros = ops.broadcast(zerosOf(array.aval.withShape([])), [n, n], [])
  const places = Int32Array.from(range(array.shape[0]!))
  const rows = places.map((i) => i + Math.max(-k, 0))
  const columns = places.map((i) => i + Math.max(k, 0))
  return functions.at(zeros, [asArray(rows), asArray(columns)]).set(array, { uniqueIndices: true })
}

const diagonalDoor = must.door('np.diagonal', {
  x: must.arrayLike,
  offset: must.optional(must.integer),
  options: must.optionsOf<{ readonly axis1?: number; readonly axis2?: number }>({
    axis1: must.axis,
    axis2: must.axis,
  }),
})

/**
 * Diagonals of matrices in two axes, the first two by default; above the main one for a positive offset. They become the last
 * axis.
 *
 * @throws ShapeError for a rank below 2.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.diagonal(np.array([[1, 2, 3], [4, 5, 6]]), 1) // => [2. 6.]
 * np.diagonal(np.zeros([10, 4, 4]), 0, { axis1: 1, axis2: 2 }).shape // => 10,4
 * ```
 */
export const diagonal = (
  x: ArrayLike,
  offset = 0,
  options: { readonly axis1?: number; readonly axis2?: number } = {},
): NDArray => {
  diagonalDoor(x, offset, options)
  return calledAs('np.diagonal', () => {
    const { axis1 = 0, axis2 = 1 } = options
    const array = asArray(x)
    if (array.ndim < 2) throw new ShapeError(`np.diagonal: needs a matrix, got ${array.aval}.`)
    const [i, j] = normalizeAxes('np.diagonal', [axis1, axis2], array.ndim) as [number, number]
    const others = range(array.ndim).filter((d) => d !== i && d !== j)
    const matrices = functions.transpose(array, [...others, i, j])
    const [n, m] = matrices.shape.slice(-2) as [number, number]
    const count = Math.max(0, Math.min(offset > 0 ? n : n + offset, offset > 0 ? m - offset : m))
    const places = Int32Array.from(range(count))
    const rows = asArray(places.map((k) => k + Math.max(-offset, 0)))
    return functions.at(matrices, ['...', rows, asArray(places.map((k) => k + Math.max(offset, 0)))]).get()
  })
}

/** Options of `trace`. */
export interface TraceOptions {
  readonly axis1?: number
  readonly axis2?: number
  /** The dtype of the result, as in `np.sum`. */
  readonly dtype?: DType
}

const traceOptions: must.OptionTable<TraceOptions> = { axis1: must.axis, axis2: must.axis, dtype: must.dtype }

const traceDoor = must.door('np.trace', {
  x: must.arrayLike,
  offset: must.optional(must.arrayLike),
  options: must.optionsOf(traceOptions),
})

/**
 * Sums of diagonals, as in `diagonal`; the offset may be traced.
 *
 * @throws ShapeError for a rank below 2.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const x = np.array([[1, 2], [3, 4]])
 * np.trace(x) // => 5.
 * np.trace(x, 1) // => 2.
 * np.trace(np.ones([10, 3, 3]), 0, { axis1: 1, axis2: 2 }).shape // => 10
 * ```
 */
export const trace = (x: ArrayLike, offset: ArrayLike = 0, options: TraceOptions = {}): NDArray => {
  traceDoor(x, offset, options)
  return calledAs('np.trace', () => {
    const { dtype, ...axes } = options
    const total = dtype === undefined ? {} : { dtype }
    if (typeof offset === 'number') return functions.sum(diagonal(x, offset, axes), { ...total, axis: -1 })
    const array = asArray(x)
    const matrices = moveaxis(array, [axes.axis1 ?? 0, axes.axis2 ?? 1], [-2, -1])
    const by = e.cast(asIndices('np.trace', offset), 'int32')
    const { rank, shape: extents } = matrices.aval
    const rows = ops.broadcastTo(by, extents)
    const onDiagonal = e.eq(e.add(iota('int32', extents, rank - 2), rows), iota('int32', extents, rank - 1))
    return functions.sum(e.select(onDiagonal, matrices, zerosOf(matrices.aval)), { ...total, axis: [-2, -1] })
  })
}
