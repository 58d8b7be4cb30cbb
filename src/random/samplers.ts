/** Samplers of numbers: key first, then shape. The algorithms are JAX's, so the same key gives the same numbers. */
import type { DType } from '../core/dtype.ts'
import { bitsOf, epsilonOf, integerLimits, isInteger } from '../core/dtype.ts'
import { DTypeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { broadcastTwo } from '../core/shape.ts'
import { full, fullLike } from '../ops/creation.ts'
import * as e from '../ops/elementwise.ts'
import { asArray } from '../runtime/installArrays.ts'
import { asOneProgram } from '../runtime/whole.ts'
import * as must from '../conversions/arguments.ts'
import { inexact } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { Key } from './keys.ts'
import { aKey, consume } from './keys.ts'
import { isCentral, withTails } from './normalTail.ts'
import { orthonormalize } from './orthonormalize.ts'
import { checkIntegerBound, checkInterval } from './parameters.ts'
import { checkFloat, fraction, bound, drawn, uniformIn, integersIn, gumbelOf } from './draws.ts'

/** The dtype of the sample. */
export interface SampleOptions {
  /** A float dtype; float32 by default. */
  readonly dtype?: DType
}

const sampleOptions: must.OptionTable<SampleOptions> = { dtype: must.dtype }

/** Options of `uniform`. */
export interface RangeOptions extends SampleOptions {
  /** Lower bound, included; 0 by default. */
  readonly minval?: ArrayLike
  /** Upper bound, excluded; 1 by default. */
  readonly maxval?: ArrayLike
}

const rangeOptions: must.OptionTable<RangeOptions> = {
  minval: must.arrayLike,
  maxval: must.arrayLike,
  dtype: must.dtype,
}

const uniformDoor = must.door('random.uniform', {
  k: aKey,
  shape: must.optional(must.shape),
  options: must.optionsOf(rangeOptions),
})

/**
 * Uniform in `[minval, maxval)`: an array of the shape, a scalar by default; bounds broadcast to it. If the interval is empty,
 * the result is `minval`, as in JAX; if a bound is NaN, it is NaN.
 *
 * @throws DTypeError for a dtype that is not a float; ShapeError if a bound does not broadcast to the shape.
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * random.uniform(random.key(0), [3], { minval: -1, maxval: 1 }) // => [ 0.895334    0.95715976 -0.33541703]
 * // A row for each bound.
 * const maxval = np.array([[10], [1000]])
 * np.floor(random.uniform(random.key(0), [2, 3], { maxval })) // => [[  9.   9.   3.]\n [468. 569. 165.]]
 * ```
 */
export const uniform = (k: Key, shape: Shape = [], options: RangeOptions = {}): NDArray => {
  uniformDoor(k, shape, options)
  const { minval = 0, maxval = 1, dtype = 'float32' } = options
  consume('random.uniform', k)
  checkFloat('random.uniform', dtype)
  return uniformIn(k, shape, dtype, minval, maxval)
}

const randintDoor = must.door('random.randint', {
  k: aKey,
  shape: must.shape,
  minval: must.arrayLike,
  maxval: must.arrayLike,
  options: must.optionsOf(sampleOptions),
})

/**
 * Integers in `[minval, maxval)`; `minval` where the interval is empty.
 *
 * @param options - `dtype`: an integer dtype; int32 by default.
 * @throws ArgumentError for a bound that is not an integer of the dtype (`maxval` may be one more); DTypeError for another dtype.
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * random.randint(random.key(0), [5], 0, 10) // => [9 0 2 3 1]
 * np.max(random.randint(random.key(0), [100], 0, 6)) // => 5
 * ```
 */
export const randint = (
  k: Key,
  shape: Shape,
  minval: ArrayLike,
  maxval: ArrayLike,
  options: SampleOptions = {},
): NDArray => {
  randintDoor(k, shape, minval, maxval, options)
  const { dtype = 'int32' } = options
  consume('random.randint', k)
  if (!isInteger(dtype)) throw new DTypeError(`random.randint: dtype is one of integers, got ${dtype}.`)
  checkIntegerBound('minval', minval, dtype, 0)
  checkIntegerBound('maxval', maxval, dtype, 1)
  if (bitsOf(dtype) >= 32) return integersIn(k, shape, minval, maxval, dtype)
  // In 32 bits, which is less biased; a bound may be one more than the dtype's largest value.
  const [least, greatest] = integerLimits(dtype)
  const within = (x: ArrayLike, high: number): NDArray => {
    const array = bound('random.randint', x, shape, 'int32')
    return e.clamp(fullLike(array, least), array, fullLike(array, high))
  }
  return e.cast(integersIn(k, shape, within(minval, greatest), within(maxval, greatest + 1), 'int32'), dtype)
}

// The next float above -1.
const belowOne = (dtype: DType): number => -1 + epsilonOf(dtype) / 2

const normalOf = asOneProgram(
  'random.normal',
  (k: Key, shape: Shape, dtype: DType): NDArray => {
    const u = uniformIn(k, shape, dtype, full([], belowOne(dtype), dtype), 1)
    return e.mul(full(shape, Math.SQRT2, dtype), e.erfInv(u))
  },
  drawn,
)

const normalDoor = must.door('random.normal', {
  k: aKey,
  shape: must.optional(must.shape),
  options: must.optionsOf(sampleOptions),
})

/**
 * Standard normal, by the inverse error function: an array of the shape, a scalar by default.
 *
 * @throws DTypeError for a dtype that is not a float.
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * const [a, b] = random.split(random.key(0))
 * random.normal(a, [3]) // => [ 1.0040144  -0.90633726 -0.7481723 ]
 * // Of mean 5 and standard deviation 2.
 * const x = random.normal(b, [10000]).mul(2).add(5)
 * np.round(np.stack([x.mean(), x.std()]), 1) // => [5. 2.]
 * ```
 */
export const normal = (k: Key, shape: Shape = [], options: SampleOptions = {}): NDArray => {
  normalDoor(k, shape, options)
  const { dtype = 'float32' } = options
  consume('random.normal', k)
  checkFloat('random.normal', dtype)
  return normalOf(k, shape, dtype)
}

/** Samples between bounds of the shape; `central` means that they are not in the tail. */
const truncatedIn = asOneProgram(
  'random.truncatedNormal',
  (k: Key, shape: Shape, dtype: DType, low: NDArray, high: NDArray, central: boolean): NDArray => {
    const root = full(shape, Math.SQRT2, dtype)
    const u = uniformIn(k, shape, dtype, e.erf(e.div(low, root)), e.erf(e.div(high, root)))
    const middle = e.mul(root, e.erfInv(u))
    const out = central ? middle : withTails(middle, fraction(k, shape, dtype), low, high)
    return e.clamp(e.nextafter(low, fullLike(low, Infinity)), out, e.nextafter(high, fullLike(high, -Infinity)))
  },
  drawn,
)

const truncatedNormalDoor = must.door('random.truncatedNormal', {
  k: aKey,
  lower: must.arrayLike,
  upper: must.arrayLike,
  shape: must.optional(must.shape),
  options: must.optionsOf(sampleOptions),
})

/**
 * Standard normal, conditioned on lying in `(lower, upper)`, however far in the tail. By default, the shape is that to which
 * the bounds broadcast. If a bound is NaN, the result is NaN. If traced bounds turn out to be crossed, the result is the float
 * before `upper`, as in JAX.
 *
 * @throws ArgumentError if `lower` is not below `upper`; DTypeError for a dtype that is not a float; ShapeError if a bound does not broadcast to
 *   the shape.
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * np.round(random.truncatedNormal(random.key(0), -1, 1, [3]), 3) // => [ 0.862  0.941 -0.291]
 * // Given that it is 5 or more.
 * np.round(random.truncatedNormal(random.key(0), 5, Infinity, [3]), 3) // => [5.541 5.696 5.077]
 * ```
 */
export const truncatedNormal = (
  k: Key,
  lower: ArrayLike,
  upper: ArrayLike,
  shape?: Shape,
  options: SampleOptions = {},
): NDArray => {
  truncatedNormalDoor(k, lower, upper, shape, options)
  const { dtype = 'float32' } = options
  consume('random.truncatedNormal', k)
  checkFloat('random.truncatedNormal', dtype)
  const broadcast = broadcastTwo('random.truncatedNormal', asArray(lower).shape, asArray(upper).shape)
  const target = shape ?? broadcast
  const low = bound('random.truncatedNormal', lower, target, dtype)
  const high = bound('random.truncatedNormal', upper, target, dtype)
  checkInterval('random.truncatedNormal', low, high)
  return truncatedIn(k, target, dtype, low, high, isCentral(lower, upper, dtype))
}

const isBelow = asOneProgram(
  'random.bernoulli',
  (k: Key, shape: Shape, chance: NDArray): NDArray =>
    e.lt(fraction(k, shape, chance.dtype), bound('random.bernoulli', chance, shape, chance.dtype)),
  drawn,
)

const bernoulliDoor = must.door('random.bernoulli', {
  k: aKey,
  p: must.optional(must.arrayLike),
  shape: must.optional(must.shape),
})

/**
 * True with probability `p` (bools): always for p ≥ 1, never for p ≤ 0 or NaN. The shape is that of `p` by default.
 *
 * @throws ShapeError if `p` does not broadcast to the shape.
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * random.bernoulli(random.key(0), np.array([0, 0.5, 1])) // => [False False  True]
 * random.bernoulli(random.key(0), 0.9, [1000]).mean() // => 0.917
 * ```
 */
export const bernoulli = (k: Key, p: ArrayLike = 0.5, shape?: Shape): NDArray => {
  bernoulliDoor(k, p, shape)
  consume('random.bernoulli', k)
  const chance = inexact(asArray(p))
  const target = shape ?? chance.aval.shape
  return isBelow(k, target, chance)
}

const gumbelDoor = must.door('random.gumbel', {
  k: aKey,
  shape: must.optional(must.shape),
  options: must.optionsOf(sampleOptions),
})

/**
 * Standard Gumbel: `-log(-log(u))`. If it is added to logits, the index of the largest is a draw from `softmax(logits)`: see
 * `categorical`.
 *
 * @throws DTypeError for a dtype that is not a float.
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * // The mean is Euler's constant, 0.5772.
 * np.round(random.gumbel(random.key(0), [100000]).mean(), 2) // => 0.58
 * ```
 */
export const gumbel = (k: Key, shape: Shape = [], options: SampleOptions = {}): NDArray => {
  gumbelDoor(k, shape, options)
  const { dtype = 'float32' } = options
  consume('random.gumbel', k)
  checkFloat('random.gumbel', dtype)
  return gumbelOf(k, shape, dtype)
}

const exponentialOf = asOneProgram(
  'random.exponential',
  (k: Key, shape: Shape, dtype: DType): NDArray => e.neg(e.log1p(e.neg(fraction(k, shape, dtype)))),
  drawn,
)

const exponentialDoor = must.door('random.exponential', {
  k: aKey,
  shape: must.optional(must.shape),
  options: must.optionsOf(sampleOptions),
})

/**
 * Exponential of rate 1: `-log(1 - u)`.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * // Of rate 2: the mean is a half.
 * np.round(random.exponential(random.key(0), [100000]).div(2).mean(), 2) // => 0.5
 * ```
 */
export const exponential = (k: Key, shape: Shape = [], options: SampleOptions = {}): NDArray => {
  exponentialDoor(k, shape, options)
  const { dtype = 'float32' } = options
  consume('random.exponential', k)
  checkFloat('random.exponential', dtype)
  return exponentialOf(k, shape, dtype)
}

const laplaceOf = asOneProgram(
  'random.laplace',
  (k: Key, shape: Shape, dtype: DType): NDArray => {
    const u = uniformIn(k, shape, dtype, full([], belowOne(dtype), dtype), 1)
    return e.mul(e.sign(u), e.log1p(e.neg(e.abs(u))))
  },
  drawn,
)

const laplaceDoor = must.door('random.laplace', {
  k: aKey,
  shape: must.optional(must.shape),
  options: must.optionsOf(sampleOptions),
})

/**
 * Laplace of scale 1.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * // The variance is 2.
 * np.round(random.laplace(random.key(0), [100000]).var(), 1) // => 2.
 * ```
 */
export const laplace = (k: Key, shape: Shape = [], options: SampleOptions = {}): NDArray => {
  laplaceDoor(k, shape, options)
  const { dtype = 'float32' } = options
  consume('random.laplace', k)
  checkFloat('random.laplace', dtype)
  return laplaceOf(k, shape, dtype)
}

const orthogonalDoor = must.door('random.orthogonal', {
  k: aKey,
  n: must.extent,
  shape: must.optional(must.shape),
  options: must.optionsOf(sampleOptions),
})

/**
 * Random orthogonal matrices `[...shape, n, n]`, uniform among them (Mezzadri, 2007).
 *
 * @throws DTypeError for a dtype that is not a float; ShapeError if `n` is not a valid extent.
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * const q = random.orthogonal(random.key(0), 3)
 * np.allclose(np.matmul(q.T, q), np.eye(3), { atol: 1e-5 }) // => True
 * random.orthogonal(random.key(0), 3, [10]).shape // => 10,3,3
 * ```
 */
export const orthogonal = (k: Key, n: number, shape: Shape = [], options: SampleOptions = {}): NDArray => {
  orthogonalDoor(k, n, shape, options)
  const { dtype = 'float32' } = options
  consume('random.orthogonal', k)
  checkFloat('random.orthogonal', dtype)
  return orthonormalize(normalOf(k, [...shape, n, n], dtype))
}
