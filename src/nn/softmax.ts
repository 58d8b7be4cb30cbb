/** `nn`: the softmax family, standardisation and one-hot codes, after `jax.nn`. */
import type { DType } from '../core/dtype.ts'
import { ArgumentError } from '../core/errors.ts'
import { normalizeAxes, normalizeAxis, sizeOf } from '../core/shape.ts'
import * as np from '../numpy/index.ts'
import { full, iota } from '../ops/creation.ts'
import * as ops from '../ops/elementwise.ts'
import { addAxis, broadcastTo, reshape } from '../ops/movement.ts'
import { asArray, asIndices } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { inexact } from '../conversions/promote.ts'
import { asOneProgram } from '../runtime/whole.ts'
import { composite } from '../trace/interpreter.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

type Axis = number | readonly number[] | null

/** Options of `softmax` and `logSoftmax`. */
export interface SoftmaxOptions {
  /** Axes over which results sum to 1; the last by default. */
  readonly axis?: Axis
  /** Elements that take part (bool, broadcast to `x`); the others get probability 0. */
  readonly where?: ArrayLike
}

const softmaxOptions: must.OptionTable<SoftmaxOptions> = { axis: must.nullable(must.axes), where: must.arrayLike }

const masked = (x: NDArray, where: ArrayLike | undefined, value: number): NDArray =>
  where === undefined ? x : np.where(where, x, value)

const largest = (x: NDArray, axis: Axis): NDArray => ops.stopGradient(np.max(x, { axis, keepdims: true }))

const isEmptyAlong = (x: NDArray, axis: Axis): boolean =>
  normalizeAxes('softmax', axis, x.aval.rank).some((d) => x.aval.shape[d] === 0)

const softmaxOf = asOneProgram('nn.softmax', (x: NDArray, { axis = -1, where }: SoftmaxOptions): NDArray => {
  const array = masked(x, where, -Infinity)
  if (isEmptyAlong(array, axis)) return array
  const weights = np.exp(np.subtract(array, largest(array, axis)))
  return masked(np.divide(weights, np.sum(weights, { axis, keepdims: true })), where, 0)
})

const softmaxDoor = must.door('nn.softmax', { x: must.arrayLike, options: must.optionsOf(softmaxOptions) })

/**
 * `exp(x) / sum(exp(x))`, without overflow.
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.softmax(np.array([0, 0, 1000])) // => [0. 0. 1.]
 * ```
 */
export const softmax = (x: ArrayLike, options: SoftmaxOptions = {}): NDArray =>
  composite('softmax', () => {
    softmaxDoor(x, options)
    return softmaxOf(inexact(x), options)
  })

const logSoftmaxOf = asOneProgram('nn.logSoftmax', (x: NDArray, { axis = -1, where }: SoftmaxOptions): NDArray => {
  const array = masked(x, where, -Infinity)
  if (isEmptyAlong(array, axis)) return array
  const shifted = np.subtract(array, largest(array, axis))
  const total = np.log(np.sum(np.exp(shifted), { axis, keepdims: true }))
  return masked(np.subtract(shifted, total), where, -Infinity)
})

const logSoftmaxDoor = must.door('nn.logSoftmax', { x: must.arrayLike, options: must.optionsOf(softmaxOptions) })

/**
 * `log(softmax(x))`, without loss of accuracy: `x - logsumexp(x)`.
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.logSoftmax(np.array([0, 1000])) // => [-1000.     0.]
 * np.log(nn.softmax(np.array([0, 1000]))) // => [-inf   0.]
 * nn.logSoftmax(np.array([1, 1, 9]), { where: [true, true, false] }) // => [-0.6931472 -0.6931472       -inf]
 * ```
 */
export const logSoftmax = (x: ArrayLike, options: SoftmaxOptions = {}): NDArray =>
  composite('logSoftmax', () => {
    logSoftmaxDoor(x, options)
    return logSoftmaxOf(inexact(x), options)
  })

/** Options of `logsumexp`. */
export interface LogsumexpOptions {
  /** Axes to reduce; all by default. */
  readonly axis?: Axis
  /** Weights of the exponentials, broadcast against `x`; they may be negative. */
  readonly b?: ArrayLike
  /** Keep reduced axes with extent 1. */
  readonly keepdims?: boolean
  /** Elements that take part (bool, broadcast to `x`). */
  readonly where?: ArrayLike
}

const logsumexpWithSign = (
  x: ArrayLike,
  { axis = null, b, keepdims = false, where }: LogsumexpOptions,
): readonly [value: NDArray, sign: NDArray] => {
  const weighted = b === undefined ? inexact(x) : np.where(np.notEqual(b, 0), inexact(x), -Infinity)
  const array = masked(weighted, where, -Infinity)
  const options = { axis, keepdims }
  // If there are no elements, or all are infinite, nothing is subtracted in the exponents.
  const top = isEmptyAlong(array, axis) ? null : largest(array, axis)
  const shift = top === null ? asArray(0) : np.where(np.isfinite(top), top, 0)
  const terms = np.exp(np.subtract(array, shift))
  const total = np.sum(b === undefined ? terms : np.multiply(b, terms), options)
  const back = top === null || keepdims ? shift : reshape(shift, total.aval.shape)
  return [np.add(np.log(b === undefined ? total : np.abs(total)), back), np.sign(total)]
}

const logsumexpOf = asOneProgram('nn.logsumexp', (x: NDArray, options: LogsumexpOptions): NDArray => {
  const [value, sign] = logsumexpWithSign(x, options)
  return options.b === undefined ? value : np.where(np.less(sign, 0), NaN, value)
})

const logsumexpOptions: must.OptionTable<LogsumexpOptions & { readonly returnSign?: boolean }> = {
  axis: must.nullable(must.axes),
  b: must.arrayLike,
  keepdims: must.boolean,
  where: must.arrayLike,
  returnSign: must.boolean,
}
const logsumexpDoor = must.door('nn.logsumexp', { x: must.arrayLike, options: must.optionsOf(logsumexpOptions) })

/**
 * `log(sum(b * exp(x)))`, without overflow; NaN where the weighted sum is negative; -Infinity over an empty axis.
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.logsumexp(np.array([1000, 1000])) // => 1000.6932
 * ```
 */
export function logsumexp(x: ArrayLike, options?: LogsumexpOptions & { readonly returnSign?: false }): NDArray
/** With `returnSign`: the logarithm of the sum's absolute value, and the sum's sign. */
export function logsumexp(
  x: ArrayLike,
  options: LogsumexpOptions & { readonly returnSign: true },
): readonly [value: NDArray, sign: NDArray]
export function logsumexp(
  x: ArrayLike,
  given: LogsumexpOptions & { readonly returnSign?: boolean } = {},
): NDArray | readonly [NDArray, NDArray] {
  logsumexpDoor(x, given)
  const { returnSign = false, ...options } = given
  return returnSign ? logsumexpWithSign(x, options) : logsumexpOf(inexact(x), options)
}

/** Number of elements that take part, as a float array that broadcasts against the reduced ones. */
const countOf = (x: NDArray, where: ArrayLike | undefined, axis: Axis): ArrayLike =>
  where === undefined
    ? sizeOf(normalizeAxes('nn', axis, x.aval.rank).map((d) => x.aval.shape[d]!))
    : np.sum(np.astype(broadcastTo(asArray(where), x.aval.shape), x.aval.dtype), { axis, keepdims: true })

const logmeanexpDoor = must.door('nn.logmeanexp', {
  x: must.arrayLike,
  options: must.optionsOf<Omit<LogsumexpOptions, 'b'>>({
    axis: must.nullable(must.axes),
    keepdims: must.boolean,
    where: must.arrayLike,
  }),
})

/**
 * `log(mean(exp(x)))`, without overflow, over `axis` (all by default).
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.logmeanexp(np.array([1000, 1000])) // => 1000.
 * nn.logmeanexp(np.array([[0, 0], [3, 3]]), { axis: 1 }) // => [0. 3.]
 * ```
 */
export const logmeanexp = (x: ArrayLike, options: Omit<LogsumexpOptions, 'b'> = {}): NDArray =>
  composite('logmeanexp', () => {
    logmeanexpDoor(x, options)
    const { axis = null, keepdims = false, where } = options
    const array = inexact(x)
    const total = logsumexp(array, { axis, keepdims, ...(where === undefined ? {} : { where }) })
    const n = countOf(array, where, axis)
    const count = typeof n === 'number' ? Math.log(n) : np.log(n)
    return np.subtract(total, typeof count === 'number' || keepdims ? count : reshape(count, total.aval.shape))
  })

/** Options of `standardize`. */
export interface StandardizeOptions {
  /** Axes along which the result has mean 0 and variance 1; the last by default. */
  readonly axis?: Axis
  /** The mean, where it is known; broadcast against `x`. */
  readonly mean?: ArrayLike
  /** The variance, where it is known; broadcast against `x`. */
  readonly variance?: ArrayLike
  /** Added to the variance; 1e-5 by default. */
  readonly epsilon?: ArrayLike
  /** Elements that mean and variance are computed from (bool, broadcast to `x`). */
  readonly where?: ArrayLike
}

const standardizeOptions: must.OptionTable<StandardizeOptions> = {
  axis: must.nullable(must.axes),
  mean: must.arrayLike,
  variance: must.arrayLike,
  epsilon: must.arrayLike,
  where: must.arrayLike,
}

const standardizeOf = asOneProgram('nn.standardize', (x: NDArray, options: StandardizeOptions): NDArray => {
  const { axis = -1, mean, variance, epsilon = 1e-5, where } = options
  const average = (y: NDArray): NDArray =>
    np.divide(np.sum(masked(y, where, 0), { axis, keepdims: true }), countOf(x, where, axis))
  const deviation = np.subtract(x, mean ?? average(x))
  const spread = variance ?? average(np.square(mean === undefined ? deviation : np.subtract(x, average(x))))
  return np.multiply(deviation, ops.rsqrt(inexact(np.add(spread, epsilon))))
})

const standardizeDoor = must.door('nn.standardize', { x: must.arrayLike, options: must.optionsOf(standardizeOptions) })

/**
 * `(x - mean) / sqrt(variance + epsilon)`. The variance is computed in two passes.
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.standardize(np.array([1, 3]), { epsilon: 0 }) // => [-1.  1.]
 * ```
 */
export const standardize = (x: ArrayLike, options: StandardizeOptions = {}): NDArray =>
  composite('standardize', () => {
    standardizeDoor(x, options)
    return standardizeOf(inexact(x), options)
  })

const oneHotDoor = must.door('nn.oneHot', {
  indices: must.arrayLike,
  numClasses: must.natural,
  options: must.optionsOf<{ readonly dtype?: DType; readonly axis?: number }>({ dtype: must.dtype, axis: must.axis }),
})

/**
 * A new axis of extent `numClasses` with 1 at the index, 0 elsewhere; for an index out of range, all are 0.
 *
 * @param options - `dtype`: float32 by default; `axis`: where the new axis goes, last by default.
 * @throws DTypeError if the indices are floats.
 * @example
 * ```ts
 * import { nn } from 'pullback'
 * nn.oneHot([0, 2], 3) // => [[1. 0. 0.]\n [0. 0. 1.]]
 * ```
 */
export const oneHot = (
  indices: ArrayLike,
  numClasses: number,
  options: { readonly dtype?: DType; readonly axis?: number } = {},
): NDArray => {
  oneHotDoor(indices, numClasses, options)
  const { dtype = 'float32', axis = -1 } = options
  const array = np.astype(asIndices('nn.oneHot', indices), 'int32')
  if (!Number.isInteger(numClasses) || numClasses < 0) {
    throw new ArgumentError(`nn.oneHot: numClasses is a whole number, got ${numClasses}.`)
  }
  const along = normalizeAxis('nn.oneHot', axis, array.aval.rank + 1)
  const wide = addAxis(array, along, numClasses)
  const hit = ops.eq(wide, iota('int32', wide.aval.shape, along))
  return dtype === 'bool'
    ? hit
    : ops.cast(ops.select(hit, full(hit.aval.shape, 1, 'int32'), full(hit.aval.shape, 0, 'int32')), dtype)
}
