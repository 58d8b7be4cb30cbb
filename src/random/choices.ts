/** Samplers of places and orders: categories, permutations, choices. The algorithms are JAX's, so the same key gives the same numbers. */
import { ArgumentError, ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { broadcastTwo, normalizeAxis, sizeOf } from '../core/shape.ts'
import { full, iota } from '../ops/creation.ts'
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
import { aKey, consume, randomBits, splitTwo } from './keys.ts'
import { checkWeights } from './parameters.ts'
import { fraction, drawn, integersIn, gumbelOf } from './draws.ts'

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
