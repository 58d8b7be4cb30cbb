/** `np`: new arrays. */
import type { DType } from '../core/dtype.ts'
import { checkDType } from '../core/dtype.ts'
import { ArgumentError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { checkShape } from '../core/shape.ts'
import * as creation from '../ops/creation.ts'
import * as e from '../ops/elementwise.ts'
import { asArray, asIndices, makeArray } from '../runtime/array.ts'
import { checkIntegers } from '../surface/checks.ts'
import { broadcastTo } from '../surface/shape.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'

/** The dtype to make an array in. */
export interface DTypeOption {
  readonly dtype?: DType
}

const shapeOf = (operation: string, shape: Shape | number): Shape =>
  checkShape(operation, typeof shape === 'number' ? [shape] : shape)

/**
 * An array from nested JS arrays, numbers or typed arrays. Numbers give float32, booleans bool, bigints int64; a typed
 * array keeps its dtype and is copied.
 *
 * @throws ShapeError for ragged nesting; ArgumentError for anything but numbers, booleans, bigints and arrays.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.array([[1, 2], [3, 4]]).shape // => 2,2
 * np.array(new Int32Array([1, 2])).dtype // => int32
 * np.array([1, 2], { dtype: 'float64' }).dtype // => float64
 * ```
 */
export const array = (x: ArrayLike, { dtype }: DTypeOption = {}): NDArray => makeArray(x, dtype)

/** As `array`; an array that has the dtype already is returned as it is. */
export const asarray = array

/** Zeros of a shape; float32 by default. */
export const zeros = (shape: Shape | number, { dtype = 'float32' }: DTypeOption = {}): NDArray =>
  creation.full(shapeOf('zeros', shape), 0, checkDType('zeros', dtype))

/** Ones of a shape; float32 by default. */
export const ones = (shape: Shape | number, { dtype = 'float32' }: DTypeOption = {}): NDArray =>
  creation.full(shapeOf('ones', shape), 1, checkDType('ones', dtype))

/** A shape filled with a value, which is broadcast; its dtype is the value's by default. */
export const full = (shape: Shape | number, value: ArrayLike, { dtype }: DTypeOption = {}): NDArray =>
  broadcastTo(makeArray(value, dtype), shapeOf('full', shape))

interface LikeOptions extends DTypeOption {
  readonly shape?: Shape
}

/** Zeros of the shape and dtype of `x`. */
export const zerosLike = (x: ArrayLike, options: LikeOptions = {}): NDArray => {
  const { aval } = asArray(x)
  return zeros(options.shape ?? aval.shape, { dtype: options.dtype ?? aval.dtype })
}

/** Ones of the shape and dtype of `x`. */
export const onesLike = (x: ArrayLike, options: LikeOptions = {}): NDArray => {
  const { aval } = asArray(x)
  return ones(options.shape ?? aval.shape, { dtype: options.dtype ?? aval.dtype })
}

/** The shape and dtype of `x` filled with a value. */
export const fullLike = (x: ArrayLike, value: ArrayLike, options: LikeOptions = {}): NDArray => {
  const { aval } = asArray(x)
  return full(options.shape ?? aval.shape, value, { dtype: options.dtype ?? aval.dtype })
}

const isInt32 = (x: number): boolean => x === (x | 0)

/**
 * The numbers `start, start + step, ...` before `stop`: `arange(stop)`, `arange(start, stop)` or
 * `arange(start, stop, step)`. int32 where all three are integers and the numbers fit, else float32.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.arange(4) // => [0 1 2 3]
 * np.arange(1, 2, 0.25) // => [1.   1.25 1.5  1.75]
 * ```
 */
export const arange = (
  start: number,
  stop?: number | null | DTypeOption,
  step?: number | null | DTypeOption,
  options: DTypeOption = {},
): NDArray => {
  if (typeof stop === 'object' && stop !== null) return arange(start, null, null, stop)
  if (typeof step === 'object' && step !== null) return arange(start, stop, null, step)
  const { dtype } = options
  const [from, to, by] = stop === undefined || stop === null ? [0, start, step ?? 1] : [start, stop, step ?? 1]
  if (by === 0 || ![from, to, by].every(Number.isFinite)) {
    throw new ArgumentError(`arange: needs finite bounds and a step other than 0, got ${from}, ${to}, ${by}.`)
  }
  const count = Math.max(0, Math.ceil((to - from) / by))
  const areIntegers = [from, to, by].every(Number.isInteger) && isInt32(from) && isInt32(from + (count - 1) * by)
  const target = dtype ?? (areIntegers ? 'int32' : 'float32')
  const values = Float64Array.from({ length: count }, (_, i) => from + i * by)
  return e.cast(makeArray(values, undefined), checkDType('arange', target))
}

/** Options of `np.eye`. */
export interface EyeOptions extends DTypeOption {
  /** Diagonal: 0 the main one, positive above, negative below; an integer, which may be computed. */
  readonly k?: ArrayLike
}

/** An `n` by `m` matrix with ones on a diagonal. */
export const eye = (n: number, m: number | null | EyeOptions = n, options: EyeOptions = {}): NDArray => {
  if (typeof m === 'object' && m !== null) return eye(n, n, m)
  const { k = 0, dtype = 'float32' } = options
  if (typeof k === 'number') checkIntegers('eye', 'k', [k])
  const diagonal = asIndices('eye', k).astype('int32')
  if (diagonal.ndim > 0) throw new ArgumentError(`eye: k is one integer, got ${diagonal.aval}.`)
  const shape = checkShape('eye', [n, m ?? n])
  const rows = creation.iota('int32', shape, 0)
  const shifted = e.add(rows, broadcastTo(diagonal, shape))
  return e.cast(e.eq(shifted, creation.iota('int32', shape, 1)), checkDType('eye', dtype))
}

/** The `n` by `n` identity matrix. */
export const identity = (n: number, options: DTypeOption = {}): NDArray => eye(n, n, options)

const triangle = (name: string, x: ArrayLike, k: number, lower: boolean): NDArray => {
  const a = asArray(x)
  checkIntegers(name, 'k', [k])
  if (a.ndim < 2) throw new ArgumentError(`${name}: needs a matrix or a stack of them, got ${a.aval}.`)
  const rows = creation.iota('int32', a.shape, a.ndim - 2)
  const columns = creation.iota('int32', a.shape, a.ndim - 1)
  const diagonal = e.add(rows, creation.fullLike(rows, k))
  const keep = lower ? e.le(columns, diagonal) : e.ge(columns, diagonal)
  return e.select(keep, a, creation.zerosLike(a))
}

/** The lower triangle of each matrix: elements above diagonal `k` become 0. */
export const tril = (x: ArrayLike, k = 0): NDArray => triangle('tril', x, k, true)
/** The upper triangle of each matrix: elements below diagonal `k` become 0. */
export const triu = (x: ArrayLike, k = 0): NDArray => triangle('triu', x, k, false)
