/** `np`: new arrays. */
import { calledAs } from '../core/calledAs.ts'
import type { DType } from '../core/dtype.ts'
import { checkDType } from '../core/dtype.ts'
import { ArgumentError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { checkShape } from '../core/shape.ts'
import * as creation from '../ops/creation.ts'
import * as e from '../ops/elementwise.ts'
import { asArray, asIndices, functions, makeArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { broadcastTo } from '../surface/shape.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

/** The dtype to make an array in. */
export interface DTypeOption {
  readonly dtype?: DType
}

const dtypeOption: must.OptionTable<DTypeOption> = { dtype: must.dtype }

const shapeOf = (operation: string, shape: Shape | number): Shape =>
  checkShape(operation, typeof shape === 'number' ? [shape] : shape)

/** Options of `array`. */
export interface ArrayCreation extends DTypeOption {
  /** The least rank: axes of extent 1 are added in front. */
  readonly ndmin?: number
}

const arrayDoor = must.door('np.array', {
  x: must.anything,
  options: must.optionsOf<ArrayCreation>({ ...dtypeOption, ndmin: must.natural }),
})

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
 * np.array([1, 2], { ndmin: 3 }).shape // => 1,1,2
 * ```
 */
export const array = (x: ArrayLike, options: ArrayCreation = {}): NDArray => {
  arrayDoor(x, options)
  const { dtype, ndmin = 0 } = options
  const made = makeArray(x, dtype)
  const missing = ndmin - made.ndim
  return missing <= 0 ? made : functions.reshape(made, [...Array<number>(missing).fill(1), ...made.shape])
}

/**
 * As `array`; an array that already has the dtype is returned unchanged.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const x = np.array([1, 2])
 * np.asarray(x) === x // => true
 * np.asarray(x, { dtype: 'int32' }) // => [1 2]
 * ```
 */
export const asarray = array

const zerosDoor = must.door('np.zeros', { shape: must.shapeOrExtent, options: must.optionsOf(dtypeOption) })

/**
 * Zeros of a shape, or of an extent; float32 by default.
 *
 * @throws ShapeError for extents that are not natural numbers.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.zeros([2, 3]) // => [[0. 0. 0.]\n [0. 0. 0.]]
 * np.zeros(2, { dtype: 'int32' }) // => [0 0]
 * ```
 */
export const zeros = (shape: Shape | number, options: DTypeOption = {}): NDArray => {
  zerosDoor(shape, options)
  const { dtype = 'float32' } = options
  return creation.full(shapeOf('np.zeros', shape), 0, checkDType('np.zeros', dtype))
}

const onesDoor = must.door('np.ones', { shape: must.shapeOrExtent, options: must.optionsOf(dtypeOption) })

/**
 * Ones of a shape, or of an extent; float32 by default.
 *
 * @throws ShapeError for extents that are not natural numbers.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.ones(3) // => [1. 1. 1.]
 * np.ones([2, 2], { dtype: 'bool' }) // => [[True True]\n [True True]]
 * ```
 */
export const ones = (shape: Shape | number, options: DTypeOption = {}): NDArray => {
  onesDoor(shape, options)
  const { dtype = 'float32' } = options
  return creation.full(shapeOf('np.ones', shape), 1, checkDType('np.ones', dtype))
}

const fullDoor = must.door('np.full', {
  shape: must.shapeOrExtent,
  value: must.arrayLike,
  options: must.optionsOf(dtypeOption),
})

/**
 * A shape filled with a value, which is broadcast; its dtype is the value's by default.
 *
 * @throws ShapeError if the value does not broadcast to the shape.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.full(3, -Infinity) // => [-inf -inf -inf]
 * np.full([2, 3], np.array([[1], [2]])) // => [[1. 1. 1.]\n [2. 2. 2.]]
 * np.full(2, true).dtype // => bool
 * ```
 */
export const full = (shape: Shape | number, value: ArrayLike, options: DTypeOption = {}): NDArray => {
  fullDoor(shape, value, options)
  return calledAs('np.full', () => {
    const { dtype } = options
    return broadcastTo(makeArray(value, dtype), shapeOf('np.full', shape))
  })
}

interface LikeOptions extends DTypeOption {
  readonly shape?: Shape
}

const likeOptions: must.OptionTable<LikeOptions> = { shape: must.shape, dtype: must.dtype }

const zerosLikeDoor = must.door('np.zerosLike', { x: must.arrayLike, options: must.optionsOf(likeOptions) })

/**
 * Zeros of the shape and dtype of `x`, or those of the options.
 *
 * @example
 * ```ts
 * import { np, tree } from 'pullback'
 * np.zerosLike(np.arange(3)) // => [0 0 0]
 * // Of all parameters of a model.
 * const params = { w: np.ones([2, 2]), b: np.ones(2) }
 * tree.map((x) => np.zerosLike(x), params).b // => [0. 0.]
 * ```
 */
export const zerosLike = (x: ArrayLike, options: LikeOptions = {}): NDArray => {
  zerosLikeDoor(x, options)
  const { aval } = asArray(x)
  return zeros(options.shape ?? aval.shape, { dtype: options.dtype ?? aval.dtype })
}

const onesLikeDoor = must.door('np.onesLike', { x: must.arrayLike, options: must.optionsOf(likeOptions) })

/**
 * Ones of the shape and dtype of `x`, or those of the options.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.onesLike(np.array([5, 6, 7])) // => [1. 1. 1.]
 * np.onesLike(np.zeros([2, 3]), { shape: [2], dtype: 'bool' }) // => [True True]
 * ```
 */
export const onesLike = (x: ArrayLike, options: LikeOptions = {}): NDArray => {
  onesLikeDoor(x, options)
  const { aval } = asArray(x)
  return ones(options.shape ?? aval.shape, { dtype: options.dtype ?? aval.dtype })
}

const fullLikeDoor = must.door('np.fullLike', {
  x: must.arrayLike,
  value: must.arrayLike,
  options: must.optionsOf(likeOptions),
})

/**
 * The shape and dtype of `x` filled with a value, which is broadcast and converted.
 *
 * @throws ShapeError if the value does not broadcast to the shape.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.fullLike(np.zeros([2, 2]), 7) // => [[7. 7.]\n [7. 7.]]
 * np.fullLike(np.arange(3), 0.9) // => [0 0 0]
 * np.fullLike(np.arange(3), 0.9, { dtype: 'float32' }) // => [0.9 0.9 0.9]
 * ```
 */
export const fullLike = (x: ArrayLike, value: ArrayLike, options: LikeOptions = {}): NDArray => {
  fullLikeDoor(x, value, options)
  return calledAs('np.fullLike', () => {
    const { aval } = asArray(x)
    return full(options.shape ?? aval.shape, value, { dtype: options.dtype ?? aval.dtype })
  })
}

const isInt32 = (x: number): boolean => x === (x | 0)

const arangeDoor = must.door('np.arange', {
  start: must.number,
  stop: must.nullable(must.anyOf(must.number, must.optionsOf(dtypeOption))),
  step: must.nullable(must.anyOf(must.number, must.optionsOf(dtypeOption))),
  options: must.optionsOf(dtypeOption),
})

/**
 * The numbers `start, start + step, ...` before `stop`: `arange(stop)`, `arange(start, stop)` or `arange(start, stop, step)`.
 * int32 where all three are integers and the numbers fit, else float32.
 *
 * @throws ArgumentError for a step of 0, or bounds that are not finite.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.arange(4) // => [0 1 2 3]
 * np.arange(1, 2, 0.25) // => [1.   1.25 1.5  1.75]
 * np.arange(3, 0, -1) // => [3 2 1]
 * np.arange(3, { dtype: 'float32' }) // => [0. 1. 2.]
 * ```
 */
export const arange = (
  start: number,
  stop?: number | null | DTypeOption,
  step?: number | null | DTypeOption,
  options: DTypeOption = {},
): NDArray => {
  arangeDoor(start, stop, step, options)
  if (typeof stop === 'object' && stop !== null) return arange(start, null, null, stop)
  if (typeof step === 'object' && step !== null) return arange(start, stop, null, step)
  const { dtype } = options
  const [from, to, by] = stop === undefined || stop === null ? [0, start, step ?? 1] : [start, stop, step ?? 1]
  if (by === 0 || ![from, to, by].every(Number.isFinite)) {
    throw new ArgumentError(`np.arange: needs finite bounds and a step other than 0, got ${from}, ${to}, ${by}.`)
  }
  const count = Math.max(0, Math.ceil((to - from) / by))
  const areIntegers = [from, to, by].every(Number.isInteger) && isInt32(from) && isInt32(from + (count - 1) * by)
  const target = dtype ?? (areIntegers ? 'int32' : 'float32')
  const values = Float64Array.from({ length: count }, (_, i) => from + i * by)
  return e.cast(makeArray(values, undefined), checkDType('np.arange', target))
}

/** Options of `np.eye`. */
export interface EyeOptions extends DTypeOption {
  /** The diagonal: 0 is the main one, positive above, negative below; an integer, which may be traced. */
  readonly k?: ArrayLike
}

const eyeOptions: must.OptionTable<EyeOptions> = { k: must.integral, dtype: must.dtype }

const eyeDoor = must.door('np.eye', {
  n: must.extent,
  m: must.nullable(must.anyOf(must.natural, must.optionsOf(eyeOptions))),
  options: must.optionsOf(eyeOptions),
})

/**
 * An `n` by `m` matrix with ones on a diagonal; square by default, and float32.
 *
 * @throws ShapeError for extents that are not whole numbers; ArgumentError if `k` is more than one integer.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.eye(2) // => [[1. 0.]\n [0. 1.]]
 * np.eye(2, 3, { k: 1 }) // => [[0. 1. 0.]\n [0. 0. 1.]]
 * // Classes 2 and 0 as one-hot rows.
 * np.take(np.eye(4), [2, 0], { axis: 0 }) // => [[0. 0. 1. 0.]\n [1. 0. 0. 0.]]
 * ```
 */
export const eye = (n: number, m: number | null | EyeOptions = n, options: EyeOptions = {}): NDArray => {
  eyeDoor(n, m, options)
  if (typeof m === 'object' && m !== null) return eye(n, n, m)
  const { k = 0, dtype = 'float32' } = options
  const diagonal = asIndices('np.eye', k).astype('int32')
  if (diagonal.ndim > 0) throw new ArgumentError(`np.eye: k is one integer, got ${diagonal.aval}.`)
  const shape = checkShape('np.eye', [n, m ?? n])
  const rows = creation.iota('int32', shape, 0)
  const shifted = e.add(rows, broadcastTo(diagonal, shape))
  return e.cast(e.eq(shifted, creation.iota('int32', shape, 1)), checkDType('np.eye', dtype))
}

const identityDoor = must.door('np.identity', { n: must.extent, options: must.optionsOf(dtypeOption) })

/**
 * The `n` by `n` identity matrix; float32 by default.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.identity(2, { dtype: 'int32' }) // => [[1 0]\n [0 1]]
 * np.matmul(np.identity(2), np.array([3, 4])) // => [3. 4.]
 * ```
 */
export const identity = (n: number, options: DTypeOption = {}): NDArray => {
  identityDoor(n, options)
  return eye(n, n, options)
}

const triangle = (name: string, x: ArrayLike, k: number, lower: boolean): NDArray => {
  const a = asArray(x)
  if (a.ndim < 2) throw new ArgumentError(`${name}: needs a matrix or a stack of them, got ${a.aval}.`)
  const rows = creation.iota('int32', a.shape, a.ndim - 2)
  const columns = creation.iota('int32', a.shape, a.ndim - 1)
  const diagonal = e.add(rows, creation.fullLike(rows, k))
  const keep = lower ? e.le(columns, diagonal) : e.ge(columns, diagonal)
  return e.select(keep, a, creation.zerosLike(a))
}

const trilDoor = must.door('np.tril', { x: must.arrayLike, k: must.optional(must.integer) })

/**
 * The lower triangle of each matrix: elements above diagonal `k` become 0.
 *
 * @throws ArgumentError for a rank below 2.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.tril(np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])) // => [[1. 0. 0.]\n [4. 5. 0.]\n [7. 8. 9.]]
 * np.tril(np.ones([3, 3], { dtype: 'bool' }), -1).get(2) // => [ True  True False]
 * ```
 */
export const tril = (x: ArrayLike, k = 0): NDArray => {
  trilDoor(x, k)
  return triangle('np.tril', x, k, true)
}
const triuDoor = must.door('np.triu', { x: must.arrayLike, k: must.optional(must.integer) })

/**
 * The upper triangle of each matrix: elements below diagonal `k` become 0.
 *
 * @throws ArgumentError for a rank below 2.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.triu(np.array([[1, 2], [3, 4]])) // => [[1. 2.]\n [0. 4.]]
 * np.triu(np.ones([3, 3]), 1) // => [[0. 1. 1.]\n [0. 0. 1.]\n [0. 0. 0.]]
 * ```
 */
export const triu = (x: ArrayLike, k = 0): NDArray => {
  triuDoor(x, k)
  return triangle('np.triu', x, k, false)
}
