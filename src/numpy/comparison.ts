/** `np`: comparisons, logic and choice, element by element. Results are bools, except those of `where`. */
import { calledAs } from '../core/calledAs.ts'
import { isFloat } from '../core/dtype.ts'
import { broadcastTwo } from '../core/shape.ts'
import { full, fullLike } from '../ops/creation.ts'
import * as ops from '../ops/elementwise.ts'
import { broadcastTo } from '../ops/movement.ts'
import { arrayFor, asArray, functions, truth } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { promoteTwoArrays, promoteTwoInexact } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { abs, add, multiply } from './arithmetic.ts'

const whereDoor = must.door('np.where', { condition: must.arrayLike, x: must.arrayLike, y: must.arrayLike })

/**
 * `x` where the condition holds (is not 0), else `y`, in the dtype that both promote to; all three broadcast. Both are computed:
 * the gradient of a branch that is not taken is 0 times its derivative, NaN if that is infinite, so make it safe before.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { grad, np } from 'pullback'
 * np.where(np.array([true, false]), 1, np.array([5, 6])) // => [1. 6.]
 * const root = (x: NDArray, inside = x) => np.where(np.greater(x, 0), np.sqrt(inside), 0)
 * grad((x) => root(x))(np.array(0)) // => nan
 * grad((x) => root(x, np.where(np.greater(x, 0), x, 1)))(np.array(0)) // => 0.
 * ```
 */
export const where = (condition: ArrayLike, x: ArrayLike, y: ArrayLike): NDArray => {
  whereDoor(condition, x, y)
  const which = truth(condition)
  const [a, b] = promoteTwoArrays('np.where', x, y)
  const shape = broadcastTwo('np.where', which.aval.shape, a.aval.shape)
  return ops.select(broadcastTo(which, shape), broadcastTo(a, shape), broadcastTo(b, shape))
}

/**
 * Whether equal, element by element (bools); NaN is equal to nothing.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const [predicted, labels] = [np.array([2, 0, 1, 1]), np.array([2, 0, 1, 0])]
 * np.equal(predicted, labels) // => [ True  True  True False]
 * np.mean(np.equal(predicted, labels)) // => 0.75
 * np.equal(NaN, NaN) // => False
 * ```
 */
export const equal = functions.equal

/**
 * Whether different, element by element (bools); NaN differs from everything, including itself.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * // How many tokens each sentence has, where 0 is padding.
 * const padded = np.array([[101, 7, 102], [101, 102, 0]])
 * np.sum(np.notEqual(padded, 0), { axis: 1 }) // => [3 2]
 * ```
 */
export const notEqual = functions.notEqual

/**
 * Whether less, element by element (bools); false where either is NaN.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * // Which of three places hold a token, in sentences of these lengths.
 * const lengths = np.array([3, 1])
 * np.less(np.arange(3), np.expandDims(lengths, 1)) // => [[ True  True  True]\n [ True False False]]
 * ```
 */
export const less = functions.less

/**
 * Whether less or equal, element by element (bools); false where either is NaN.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * // A causal mask: each position sees itself and those before it.
 * const position = np.arange(3)
 * np.lessEqual(position, np.expandDims(position, 1)).astype('int32') // => [[1 0 0]\n [1 1 0]\n [1 1 1]]
 * ```
 */
export const lessEqual = functions.lessEqual

/**
 * Whether greater, element by element (bools); false where either is NaN.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const x = np.array([-1, 3, NaN])
 * np.greater(x, 0) // => [False  True False]
 * np.where(np.greater(x, 0), x, 0) // => [0. 3. 0.]
 * ```
 */
export const greater = functions.greater

/**
 * Whether greater or equal, element by element (bools); false where either is NaN.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const probabilities = np.array([0.2, 0.5, 0.9])
 * np.greaterEqual(probabilities, 0.5).astype('int32') // => [0 1 1]
 * ```
 */
export const greaterEqual = functions.greaterEqual

const truths = (name: string, x: ArrayLike, y: ArrayLike): readonly [NDArray, NDArray] =>
  promoteTwoArrays(name, truth(asArray(x)), truth(asArray(y)))

const logicalAndDoor = must.door('np.logicalAnd', { x: must.arrayLike, y: must.arrayLike })

/**
 * Whether both are true (not 0), element by element (bools).
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const age = np.array([12, 30, 70])
 * np.logicalAnd(np.greaterEqual(age, 18), np.less(age, 65)) // => [False  True False]
 * ```
 */
export const logicalAnd = (x: ArrayLike, y: ArrayLike): NDArray => {
  logicalAndDoor(x, y)
  return ops.and(...truths('np.logicalAnd', x, y))
}

const logicalOrDoor = must.door('np.logicalOr', { x: must.arrayLike, y: must.arrayLike })

/**
 * Whether either is true (not 0), element by element (bools). NaN is true.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const x = np.array([1, NaN, -5])
 * np.logicalOr(np.isnan(x), np.less(x, 0)) // => [False  True  True]
 * np.logicalOr(np.array([0, 2]), 0) // => [False  True]
 * ```
 */
export const logicalOr = (x: ArrayLike, y: ArrayLike): NDArray => {
  logicalOrDoor(x, y)
  return ops.or(...truths('np.logicalOr', x, y))
}

const logicalXorDoor = must.door('np.logicalXor', { x: must.arrayLike, y: must.arrayLike })

/**
 * Whether one of them is true (not 0), but not both, element by element (bools).
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * // Where signs differ.
 * const isNegative = (x: NDArray) => np.less(x, 0)
 * np.logicalXor(isNegative(np.array([-1, -1, 1])), isNegative(np.array([-2, 2, 2]))) // => [False  True False]
 * ```
 */
export const logicalXor = (x: ArrayLike, y: ArrayLike): NDArray => {
  logicalXorDoor(x, y)
  return ops.xor(...truths('np.logicalXor', x, y))
}

/**
 * Whether false (0), element by element (bools).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.logicalNot(np.array([true, false])) // => [False  True]
 * np.logicalNot(np.array([0, 0.5])) // => [ True False]
 * ```
 */
export const logicalNot = (x: ArrayLike): NDArray => ops.not(truth(arrayFor('np.logicalNot', x)))

const always = (x: NDArray, value: boolean): NDArray => full(x.aval.shape, value ? 1 : 0, 'bool')

/**
 * Whether neither infinite nor NaN, element by element (bools). Integers are always finite.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const gradient = np.array([0.1, Infinity, NaN])
 * np.isfinite(gradient) // => [ True False False]
 * np.all(np.isfinite(gradient)).bool() // => false
 * ```
 */
export const isfinite = (x: ArrayLike): NDArray => {
  const array = arrayFor('np.isfinite', x)
  return isFloat(array.aval.dtype) ? ops.isFinite(array) : always(array, true)
}

/**
 * Whether NaN, element by element (bools).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const x = np.array([1, NaN, Infinity])
 * np.isnan(x) // => [False  True False]
 * np.where(np.isnan(x), 0, x) // => [ 1.  0. inf]
 * ```
 */
export const isnan = (x: ArrayLike): NDArray => {
  const array = arrayFor('np.isnan', x)
  return isFloat(array.aval.dtype) ? ops.ne(array, array) : always(array, false)
}

/**
 * Whether infinite, of either sign, element by element (bools).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.isinf(np.log(np.array([0, 1]))) // => [ True False]
 * np.isinf(np.array([-Infinity, NaN])) // => [ True False]
 * ```
 */
export const isinf = (x: ArrayLike): NDArray => {
  const array = arrayFor('np.isinf', x)
  return isFloat(array.aval.dtype) ? ops.eq(ops.abs(array), fullLike(array, Infinity)) : always(array, false)
}

/** The tolerance of a comparison: `|x - y| <= atol + rtol * |y|`. */
export interface CloseOptions {
  /** 1e-5 by default. */
  readonly rtol?: ArrayLike
  /** 1e-8 by default. */
  readonly atol?: ArrayLike
  readonly equalNan?: boolean
}

const closeOptions: must.OptionTable<CloseOptions> = {
  rtol: must.arrayLike,
  atol: must.arrayLike,
  equalNan: must.boolean,
}

const iscloseDoor = must.door('np.isclose', {
  x: must.arrayLike,
  y: must.arrayLike,
  options: must.optionsOf(closeOptions),
})

/**
 * Element by element (bools): `|x - y| <= atol + rtol * |y|`, or equal, infinities included. `y` is the reference value.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.isclose(np.array([1e-9, 1.001]), np.array([0, 1])) // => [ True False]
 * np.isclose(1.001, 1, { rtol: 0.01 }) // => True
 * np.isclose(NaN, NaN, { equalNan: true }) // => True
 * ```
 */
export const isclose = (x: ArrayLike, y: ArrayLike, options: CloseOptions = {}): NDArray => {
  iscloseDoor(x, y, options)
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options
  const [a, b] = promoteTwoInexact('np.isclose', asArray(x), asArray(y))
  const near = lessEqual(abs(ops.sub(a, b)), add(atol, multiply(rtol, ops.abs(b))))
  const close = logicalOr(logicalAnd(near, ops.isFinite(b)), ops.eq(a, b))
  return equalNan ? logicalOr(close, ops.and(ops.ne(a, a), ops.ne(b, b))) : close
}

const allcloseDoor = must.door('np.allclose', {
  x: must.arrayLike,
  y: must.arrayLike,
  options: must.optionsOf(closeOptions),
})

/**
 * Whether all elements are close (a bool of rank 0).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.allclose(np.array([1, 2]), np.array([1, 2 + 1e-7])).bool() // => true
 * ```
 */
export const allclose = (x: ArrayLike, y: ArrayLike, options: CloseOptions = {}): NDArray => {
  allcloseDoor(x, y, options)
  return calledAs('np.allclose', () => functions.all(isclose(x, y, options)))
}

const arrayEqualDoor = must.door('np.arrayEqual', {
  x: must.arrayLike,
  y: must.arrayLike,
  options: must.optionsOf<{ readonly equalNan?: boolean }>({ equalNan: must.boolean }),
})

/**
 * Whether shapes and all elements are equal (a bool of rank 0).
 *
 * @param options - `equalNan`: whether NaN is equal to NaN; false by default.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.arrayEqual(np.array([1, NaN]), np.array([1, NaN]), { equalNan: true }) // => True
 * ```
 */
export const arrayEqual = (x: ArrayLike, y: ArrayLike, options: { readonly equalNan?: boolean } = {}): NDArray => {
  arrayEqualDoor(x, y, options)
  const { equalNan = false } = options
  const [a, b] = [asArray(x), asArray(y)]
  if (a.aval.shape.join() !== b.aval.shape.join()) return asArray(false)
  const same = functions.equal(a, b)
  return functions.all(equalNan ? logicalOr(same, logicalAnd(isnan(a), isnan(b))) : same)
}
