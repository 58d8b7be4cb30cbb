/** Samplers: key first, then shape. The algorithms are JAX's, so the same key gives the same numbers. */
import type { DType } from '../core/dtype.ts'
import { bitsOf, epsilonOf, integerLimits, isFloat, isInteger } from '../core/dtype.ts'
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { broadcastTwo, normalizeAxis, sizeOf } from '../core/shape.ts'
import { full, fullLike, iota, scalar } from '../ops/creation.ts'
import * as e from '../ops/elementwise.ts'
import { broadcastTo, expandDims, reshape, sliceInDim } from '../ops/movement.ts'
import { argmax, cumsum, reduceSum } from '../ops/reduction.ts'
import { sort } from '../ops/sorting.ts'
import { asArray, functions } from '../runtime/installArrays.ts'
import { asOneProgram } from '../runtime/whole.ts'
import * as must from '../conversions/arguments.ts'
import { inexact } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { Key } from './keys.ts'
import { aKey, consume, randomBits, randomFraction64, splitTwo } from './keys.ts'
import { isCentral, withTails } from './normalTail.ts'
import { orthonormalize } from './orthonormalize.ts'
import { checkIntegerBound, checkInterval, checkWeights } from './parameters.ts'

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

const checkFloat = (operation: string, dtype: DType): void => {
  if (!isFloat(dtype)) {
    throw new DTypeError(`${operation}: dtype is one of floats, got ${dtype}. Convert with np.astype afterwards.`)
  }
}

/** How to make the random bits of a float's mantissa from random words. */
interface Mantissa {
  readonly word: DType
  readonly drop: number
  /** The bits of 1. */
  readonly one: number
}

const mantissas: { readonly [D in DType]?: Mantissa } = {
  float32: { word: 'uint32', drop: 9, one: 0x3f800000 },
  float16: { word: 'uint16', drop: 6, one: 0x3c00 },
  bfloat16: { word: 'uint8', drop: 1, one: 0x3f80 },
}

/** Uniform in [0, 1): a float in [1, 2) with a random mantissa, minus 1. */
const fraction = (k: Key, shape: Shape, dtype: DType): NDArray => {
  if (dtype === 'float64') return randomFraction64(k, shape)
  const { word, drop, one } = mantissas[dtype]!
  const random = e.shiftRightLogical(randomBits(k, shape, word), full(shape, drop, word))
  const bits = e.cast(random, dtype === 'float32' ? 'uint32' : 'uint16')
  return e.sub(e.bitcast(e.or(bits, fullLike(bits, one)), dtype), full(shape, 1, dtype))
}

const bound = (operation: string, x: ArrayLike, shape: Shape, dtype: DType): NDArray => {
  const array = typeof x === 'number' ? e.cast(scalar(x, 'float64'), dtype) : e.cast(asArray(x), dtype)
  if (array.aval.rank > shape.length)
    throw new ShapeError(`${operation}: a bound ${array.aval} does not broadcast to [${shape.join(', ')}].`)
  broadcastTwo(operation, array.aval.shape, shape)
  return broadcastTo(array, shape)
}

/** The number of elements that a sampler draws. */
const drawn = (_: Key, shape: Shape): number => sizeOf(shape)

const uniformIn = asOneProgram(
  'random.uniform',
  (k: Key, shape: Shape, dtype: DType, minval: ArrayLike, maxval: ArrayLike): NDArray => {
    const low = bound('random.uniform', minval, shape, dtype)
    const high = bound('random.uniform', maxval, shape, dtype)
    return e.max(low, e.add(e.mul(fraction(k, shape, dtype), e.sub(high, low)), low))
  },
  drawn,
)

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

// Two words of n bits give 2n bits, of which the remainder by the span is taken in n-bit arithmetic:
// 2^n mod span is the square of 2^(n/2) mod span.
const integersOf = (k: Key, shape: Shape, minval: ArrayLike, maxval: ArrayLike, dtype: DType): NDArray => {
  const [highKey, lowKey] = splitTwo(k)
  const low = bound('random.randint', minval, shape, dtype)
  const high = bound('random.randint', maxval, shape, dtype)
  const bits = bitsOf(dtype)
  const word = bits === 64 ? 'uint64' : 'uint32'
  const unsigned = (x: NDArray): NDArray => (dtype === word ? x : e.bitcast(x, word))
  const one = full(shape, 1, word)
  // A bound of 2^31 (2^32 unsigned) is one more than the largest 32-bit integer.
  const limit = 2 ** (dtype === word ? bits : bits - 1)
  const width = e.sub(unsigned(high), unsigned(low))
  const whole = typeof maxval === 'number' && maxval >= limit ? e.add(width, one) : width
  const span = e.select(e.le(high, low), one, whole)
  const half = e.rem(full(shape, 2 ** (bits / 2), word), span)
  const multiplier = e.rem(e.mul(half, half), span)
  const upper = e.rem(randomBits(highKey, shape, word), span)
  const lower = e.rem(randomBits(lowKey, shape, word), span)
  const offset = e.rem(e.add(e.mul(upper, multiplier), lower), span)
  return e.add(low, dtype === word ? offset : e.bitcast(offset, dtype))
}

const integersIn = asOneProgram('random.randint', integersOf, drawn)

// The next float above -1, and the smallest positive normal one.
const belowOne = (dtype: DType): number => -1 + epsilonOf(dtype) / 2
const smallestNormal = (dtype: DType): number =>
  dtype === 'float64' ? 2 ** -1022 : dtype === 'float16' ? 2 ** -14 : 2 ** -126

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

const gumbelOf = asOneProgram(
  'random.gumbel',
  (k: Key, shape: Shape, dtype: DType): NDArray => {
    const u = uniformIn(k, shape, dtype, full([], smallestNormal(dtype), dtype), 1)
    return e.neg(e.log(e.neg(e.log(u))))
  },
  drawn,
)

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

/** Options of `categorical`. */
export interface CategoricalOptions {
  /** Axis of the categories, the last by default. */
  readonly axis?: number
  /** Shape of the result; ends with the shape of `logits` without the axis, which is the default. */
  readonly shape?: Shape
}

const categoricalOptions: must.OptionTable<CategoricalOptions> = { axis: must.axis, shape: must.shape }

/** The index of the largest of logits plus noise, along an axis of the shape. */
const drawnCategory = asOneProgram(
  'random.categorical',
  (k: Key, shape: Shape, logits: NDArray, axis: number): NDArray =>
    argmax(e.add(gumbelOf(k, shape, logits.dtype), broadcastTo(logits, shape)), axis),
  drawn,
)

const categoricalDoor = must.door('random.categorical', {
  k: aKey,
  logits: must.arrayLike,
  options: must.optionsOf(categoricalOptions),
})

/**
 * Indices (int32) of categories drawn with probabilities `softmax(logits)`, by the Gumbel-max trick. A category with logit
 * -Infinity is never drawn, unless all are -Infinity: then it is the first. One with logit NaN is always drawn, as in JAX.
 *
 * @throws ShapeError if the shape does not end with that of `logits` without the axis, or there are no categories.
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * const logits = np.log(np.array([0.5, 0.5, 0]))
 * random.categorical(random.key(0), logits, { shape: [8] }) // => [1 1 1 1 0 0 0 0]
 * // One draw for each of four rows.
 * random.categorical(random.key(0), np.zeros([4, 10])).shape // => 4
 * ```
 */
export const categorical = (k: Key, logits: ArrayLike, options: CategoricalOptions = {}): NDArray => {
  categoricalDoor(k, logits, options)
  const { axis = -1, shape } = options
  consume('random.categorical', k)
  const values = inexact(asArray(logits))
  const { rank } = values.aval
  const along = normalizeAxis('random.categorical', axis, rank)
  const batch = values.aval.shape.filter((_, d) => d !== along)
  const target = shape ?? batch
  const tail = target.slice(target.length - batch.length)
  if (target.length < batch.length || broadcastTwo('random.categorical', tail, batch).join() !== tail.join()) {
    throw new ShapeError(`random.categorical: shape [${target.join(', ')}] must end with [${batch.join(', ')}].`)
  }
  const prefix = target.slice(0, target.length - batch.length)
  const full_ = [...prefix, ...tail.slice(0, along), values.aval.shape[along]!, ...tail.slice(along)]
  return drawnCategory(k, full_, values, prefix.length + along)
}

/** Sorts by random bits, repeatedly if collisions make it necessary (JAX's rule). */
const shuffle = (k: Key, x: NDArray, axis: number): NDArray => {
  const rounds = Math.ceil((3 * Math.log(Math.max(1, x.aval.size))) / Math.log(2 ** 32 - 1))
  let rest = k
  let current = x
  for (let i = 0; i < rounds; i++) {
    const [next, sub] = splitTwo(rest)
    rest = next
    current = sort([randomBits(sub, x.aval.shape), current], axis)[1]!
  }
  return current
}

/** Options of `permutation`. */
export interface PermutationOptions {
  readonly axis?: number
  /** Whether each 1-D slice along the axis is permuted independently, rather than whole slices together. */
  readonly independent?: boolean
}

const permutationOptions: must.OptionTable<PermutationOptions> = { axis: must.axis, independent: must.boolean }

/** A number n, for 0 ... n - 1, or an array. */
const countOrArray: must.Check = {
  ...must.arrayLike,
  accepts: (x) => (typeof x === 'number' ? must.extent.accepts(x) : must.arrayLike.accepts(x)),
  refuse: (operation, name, value, before) =>
    (typeof value === 'number' ? must.extent : must.arrayLike).refuse(operation, name, value, before),
}

const permutationDoor = must.door('random.permutation', {
  k: aKey,
  x: countOrArray,
  options: must.optionsOf(permutationOptions),
})

/**
 * A random order of `0 ... n - 1`, or of an array's slices along an axis, the first by default.
 *
 * @throws ShapeError for an invalid number, or an axis that the array does not have.
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * random.permutation(random.key(0), 5) // => [0 1 4 3 2]
 * random.permutation(random.key(1), np.array([[1, 2], [3, 4], [5, 6]])) // => [[5. 6.]\n [1. 2.]\n [3. 4.]]
 * ```
 */
export const permutation = (k: Key, x: number | ArrayLike, options: PermutationOptions = {}): NDArray => {
  permutationDoor(k, x, options)
  const { axis = 0, independent = false } = options
  consume('random.permutation', k)
  return permuted(k, x, axis, independent)
}

const permuted = (k: Key, x: number | ArrayLike, axis: number, independent: boolean): NDArray => {
  if (typeof x === 'number') return shuffle(k, iota('int32', [x], 0), 0)
  const array = asArray(x)
  const along = normalizeAxis('random.permutation', axis, array.aval.rank)
  if (independent || array.aval.rank === 1) return shuffle(k, array, along)
  const order = shuffle(k, iota('int32', [array.aval.shape[along]!], 0), 0)
  return functions.take(array, order, { axis: along })
}

/** Options of `choice`. */
export interface ChoiceOptions {
  /** Whether an element may be drawn twice (default). */
  readonly replace?: boolean
  /** Probabilities; equal by default. They need not add up to 1. */
  readonly p?: ArrayLike
  readonly axis?: number
}

const choiceOptions: must.OptionTable<ChoiceOptions> = { replace: must.boolean, p: must.arrayLike, axis: must.axis }

const chosen = (k: Key, n: number, draws: Shape, replace: boolean, p: NDArray | null): NDArray => {
  const count = sizeOf(draws)
  if (p === null) return integersIn(k, draws, 0, n, 'int32')
  if (replace) {
    const cumulative = cumsum(p, 0)
    const total = broadcastTo(sliceInDim(cumulative, n - 1, n, 0), [count])
    const r = e.mul(total, e.sub(full([count], 1, p.dtype), fraction(k, [count], p.dtype)))
    const below = e.lt(broadcastTo(cumulative, [count, n]), broadcastTo(expandDims(r, 1), [count, n]))
    return reshape(reduceSum(e.cast(below, 'int32'), [1]), draws)
  }
  const scores = e.add(gumbelOf(k, [n], p.dtype), e.log(p))
  const [, order] = sort([e.neg(scores), iota('int32', [n], 0)], 0)
  return reshape(sliceInDim(order!, 0, count, 0), draws)
}

const checkDraws = (n: number, count: number, replace: boolean): void => {
  if (!replace && count > n) throw new ArgumentError(`random.choice: ${count} draws of ${n} without replacement.`)
  if (n === 0 && count > 0) throw new ArgumentError(`random.choice: ${count} draws of no elements.`)
}

const choiceDoor = must.door('random.choice', {
  k: aKey,
  a: countOrArray,
  shape: must.optional(must.shape),
  options: must.optionsOf(choiceOptions),
})

/**
 * Draws from `0 ... n - 1`, or from an array's slices along an axis.
 *
 * @throws ArgumentError for more draws than elements without replacement, or draws from nothing, or a `p` that has negative
 *   numbers, NaN or infinity, or is all 0; ShapeError unless `p` has a probability for each element.
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * random.choice(random.key(0), 10, [3], { replace: false }) // => [0 1 8]
 * random.choice(random.key(0), np.array([1, 2, 3]), [4], { p: np.array([0, 0.5, 0.5]) }) // => [2. 2. 3. 3.]
 * ```
 */
export const choice = (k: Key, a: number | ArrayLike, shape: Shape = [], options: ChoiceOptions = {}): NDArray => {
  choiceDoor(k, a, shape, options)
  const { replace = true, p, axis = 0 } = options
  consume('random.choice', k)
  const array = typeof a === 'number' ? null : asArray(a)
  const along = array === null ? 0 : normalizeAxis('random.choice', axis, array.aval.rank)
  const n = array === null ? (a as number) : array.aval.shape[along]!
  checkDraws(n, sizeOf(shape), replace)
  const resultShape =
    array === null ? shape : [...array.aval.shape.slice(0, along), ...shape, ...array.aval.shape.slice(along + 1)]
  if (!replace && p === undefined) {
    const order = permuted(k, array ?? n, along, false)
    return reshape(sliceInDim(order, 0, sizeOf(shape), along), resultShape)
  }
  const weights = p === undefined ? null : inexact(asArray(p))
  if (weights !== null && weights.shape.join() !== String(n)) {
    throw new ShapeError(
      `random.choice: p is ${weights.aval}; there must be one probability for each of ${n} elements.`,
    )
  }
  if (weights !== null) checkWeights('random.choice', weights)
  const indices = chosen(k, n, shape, replace, weights)
  return array === null ? indices : functions.take(array, indices, { axis: along })
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
