/** Splittable keys: JAX's Threefry-2x32, bit for bit, in its partitionable form. */
import type { DType } from '../core/dtype.ts'
import { isInteger, isLong } from '../core/dtype.ts'
import { ArgumentError, KeyReuseError, ShapeError } from '../core/errors.ts'
import { settings } from '../core/settings.ts'
import type { Shape } from '../core/shape.ts'
import { sizeOf } from '../core/shape.ts'
import { show } from '../core/show.ts'
import type { TupleOf } from '../core/tuples.ts'
import { threefry2x32 } from '../primitives/bitsOperations.ts'
import { full, iota } from '../ops/creation.ts'
import * as e from '../ops/elementwise.ts'
import { broadcast, concatenate, expandDims, reshape, sliceInDim } from '../ops/movement.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { NDArray, isNDArray } from '../trace/value.ts'

/** A key: a uint32 array of shape [2]; many keys: an array whose last axis is 2. */
export type Key = NDArray

const consumed = new WeakMap<NDArray, string>()

/** In debug mode, a key may be consumed only once. */
export const consume = (operation: string, key: Key): void => {
  if (!isKey(key)) throw aKey.refuse(operation, 'key', key, [])
  if (!settings.keyReuse) return
  const before = consumed.get(key)
  if (before !== undefined) {
    throw new KeyReuseError(
      `${operation}: this key was consumed by ${before} already; the draws would not be independent. ` +
        'Split it first: const [a, b] = random.split(key).',
    )
  }
  consumed.set(key, operation)
}

const isKey = (x: unknown): boolean => isNDArray(x) && x.dtype === 'uint32' && x.ndim === 1 && x.size === 2

/** Checks a key. */
export const aKey: must.Check = {
  wanted: 'a key: a uint32 array of shape [2]',
  accepts: isKey,
  refuse: (operation, _name, value) =>
    new ShapeError(
      `${operation}: a key is a uint32 array of shape [2], got ${isNDArray(value) ? value.aval.toString() : show(value)}. ` +
        'Make one with random.key(seed). Many keys are for vmap: random.split(key, [n]) makes one array of them.',
    ),
}

const keyDoor = must.door('random.key', { seed: must.arrayLike })

/**
 * A key from a seed.
 *
 * @param seed - an integer up to 2^53 in magnitude, or a scalar integer array.
 * @throws ArgumentError for a number that is not an integer.
 * @example
 * ```ts
 * import { random } from 'pullback'
 * random.key(42) // => [ 0 42]
 * ```
 */
export const key = (seed: number | NDArray): Key => {
  keyDoor(seed)
  if (typeof seed !== 'number') {
    const word = seedWord(asArray(seed))
    return concatenate([full([1], 0, 'uint32'), reshape(word, [1])], 0)
  }
  if (!Number.isSafeInteger(seed)) throw new ArgumentError(`random.key: a seed is an integer, got ${seed}.`)
  const high = seed < 0 ? 0 : Math.floor(seed / 2 ** 32)
  return asArray(Uint32Array.of(high, seed >>> 0))
}

const seedWord = (x: NDArray): NDArray => (x.dtype === 'int32' ? e.bitcast(x, 'uint32') : e.cast(x, 'uint32'))

const wordOf = (k: Key, i: number): NDArray => reshape(sliceInDim(k, i, i + 1, 0), [])

/** The cipher applied to the counters 0, 1, ... in a shape: two words per element. */
const countBlocks = (k: Key, shape: Shape): readonly NDArray[] => {
  const size = sizeOf(shape)
  if (size >= 2 ** 31) throw new ShapeError(`random: ${size} elements at once; at most 2^31 - 1.`)
  const low = reshape(e.cast(iota('uint32', [size], 0), 'uint32'), shape)
  const zeros = full(shape, 0, 'uint32')
  return threefry2x32(broadcast(wordOf(k, 0), shape, []), broadcast(wordOf(k, 1), shape, []), zeros, low)
}

/** Derives keys by the cipher; `split` without the bookkeeping. */
export const splitKey = (k: Key, shape: Shape): NDArray => {
  const [high, low] = countBlocks(k, shape)
  return concatenate([expandDims(high!, shape.length), expandDims(low!, shape.length)], shape.length)
}

/** Two keys from one. */
export const splitTwo = (k: Key): readonly [Key, Key] => {
  const keys = splitKey(k, [2])
  return [keyAt(keys, 0), keyAt(keys, 1)]
}

const keyAt = (keys: NDArray, i: number): Key => reshape(sliceInDim(keys, i, i + 1, 0), [2])

/** An array of keys, of shape `[n, 2]`, that has key number i as property i: so it can be indexed and destructured. */
class KeyArray extends NDArray {
  static #indices = 0

  constructor({ aval, body }: NDArray) {
    super(aval, body)
    // Accessors on the prototype, so that they cost nothing per key and are defined once for all arrays of that length.
    for (; KeyArray.#indices < this.length; KeyArray.#indices++) {
      const i = KeyArray.#indices
      Object.defineProperty(KeyArray.prototype, i, {
        get(this: KeyArray) {
          return i < this.length ? keyAt(this, i) : undefined
        },
      })
    }
  }
}

type Indexed<T extends readonly Key[]> = number extends T['length']
  ? { readonly [i: number]: Key }
  : { readonly [I in Exclude<keyof T, keyof Key[]>]: Key }

/**
 * An array of `N` keys, shape `[N, 2]`, that can be indexed and destructured: where `N` is a number literal up to 64, the type
 * knows that each of them exists.
 */
export type Keys<N extends number = number> = NDArray & Indexed<TupleOf<Key, N>>

const splitDoor = must.door('random.split', { k: aKey, count: must.optional(must.shapeOrExtent) })

/**
 * Derives new keys from one, which must not be used again.
 *
 * @param count - how many, two by default; or a shape of keys.
 * @returns a uint32 array of shape `[count, 2]` or `[...shape, 2]`. Keys of a count can be destructured and indexed, and the array
 *   mapped over with `vmap` or `lax.scan`. Key number i is `foldIn(k, i)`.
 * @throws ShapeError if `k` is not a key, or the count or shape is invalid.
 * @example
 * ```ts
 * import { random, vmap } from 'pullback'
 * const [a, b] = random.split(random.key(0))
 * a // => [1797259609 2579123966]
 * b // => [ 928981903 3453687069]
 * const keys = random.split(b, 5)
 * random.normal(keys[4], [3]).shape // => 3
 * vmap((key) => random.normal(key, [3]))(keys).shape // => 5,3
 * ```
 */
export function split(k: Key): Keys<2>
export function split<const N extends number>(k: Key, count: N): Keys<N>
export function split(k: Key, shape: Shape): NDArray
export function split(k: Key, count: number | Shape = 2): NDArray {
  splitDoor(k, count)
  consume('random.split', k)
  return typeof count === 'number' ? new KeyArray(splitKey(k, [count])) : splitKey(k, count)
}

const foldInDoor = must.door('random.foldIn', { k: aKey, data: must.integral })

/**
 * A new key from a key and an integer: for loops, where `data` is the step. The key itself is not consumed.
 *
 * @example
 * ```ts
 * import { lax, random } from 'pullback'
 * const key = random.key(0)
 * random.foldIn(key, 3) // => [2467461003 3840466878]
 * lax.foriLoop(0, 10, (i, sum) => sum.add(random.uniform(random.foldIn(key, i))), 0).less(10) // => True
 * ```
 */
export const foldIn = (k: Key, data: number | NDArray): Key => {
  foldInDoor(k, data)
  const low = typeof data === 'number' ? full([], data >>> 0, 'uint32') : seedWord(asArray(data))
  const words = threefry2x32(wordOf(k, 0), wordOf(k, 1), full([], 0, 'uint32'), low)
  return concatenate(
    words.map((w) => reshape(w, [1])),
    0,
  )
}

const cloneDoor = must.door('random.clone', { k: aKey })

/**
 * A copy of a key that may be consumed once more: for reproducing draws on purpose.
 *
 * @example
 * ```ts
 * import { debug, random } from 'pullback'
 * const key = random.key(0)
 * debug.keyReuse(true)
 * const first = random.normal(random.clone(key), [2])
 * random.normal(key, [2]).sub(first) // => [0. 0.]
 * debug.keyReuse(false)
 * ```
 */
export const clone = (k: Key): Key => {
  cloneDoor(k)
  return reshape(reshape(k, [1, 2]), [2])
}

/** Random bits of an unsigned dtype of any width. */
export const randomBits = (k: Key, shape: Shape, dtype: DType = 'uint32'): NDArray => {
  const [high, low] = countBlocks(k, shape)
  if (dtype !== 'uint64') return e.cast(e.xor(high!, low!), dtype)
  return e.or(e.shiftLeft(e.cast(high!, dtype), full(shape, 32, dtype)), e.cast(low!, dtype))
}

/** 52 random bits per element, as a float64 in [0, 1). */
export const randomFraction64 = (k: Key, shape: Shape): NDArray => {
  const [high, low] = countBlocks(k, shape)
  const float = (x: NDArray): NDArray => e.cast(x, 'float64')
  const upper = e.mul(float(high!), full(shape, 2 ** 20, 'float64'))
  const lower = float(e.shiftRightLogical(low!, full(shape, 12, 'uint32')))
  return e.mul(e.add(upper, lower), full(shape, 2 ** -52, 'float64'))
}

const bitsDoor = must.door('random.bits', {
  k: aKey,
  shape: must.optional(must.shape),
  options: must.optionsOf<{ readonly dtype?: DType }>({ dtype: must.dtype }),
})

/**
 * Random bits of an integer dtype, uint32 by default; every value is equally likely.
 *
 * @param shape - of the result; a scalar by default.
 * @example
 * ```ts
 * import { random } from 'pullback'
 * random.bits(random.key(0), [2]) // => [4070199207 4202968722]
 * random.bits(random.key(0), [2], { dtype: 'uint8' }) // => [167 146]
 * ```
 */
export const bits = (k: Key, shape: Shape = [], options: { readonly dtype?: DType } = {}): NDArray => {
  bitsDoor(k, shape, options)
  const { dtype = 'uint32' } = options
  consume('random.bits', k)
  if (!isInteger(dtype)) throw new ArgumentError(`random.bits: dtype is one of integers, got ${dtype}.`)
  return e.cast(randomBits(k, shape, isLong(dtype) ? 'uint64' : 'uint32'), dtype)
}
