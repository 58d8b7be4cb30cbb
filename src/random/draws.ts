/** What samplers draw from: random bits as fractions, as numbers in intervals, as integers. */
import type { DType } from '../core/dtype.ts'
import { bitsOf, isFloat } from '../core/dtype.ts'
import { DTypeError, ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { broadcastTwo, sizeOf } from '../core/shape.ts'
import { full, fullLike, scalar } from '../ops/creation.ts'
import * as e from '../ops/elementwise.ts'
import { broadcastTo } from '../ops/movement.ts'
import { asArray } from '../runtime/installArrays.ts'
import { asOneProgram } from '../runtime/whole.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { Key } from './keys.ts'
import { randomBits, randomFraction64, splitTwo } from './keys.ts'

export const checkFloat = (operation: string, dtype: DType): void => {
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
export const fraction = (k: Key, shape: Shape, dtype: DType): NDArray => {
  if (dtype === 'float64') return randomFraction64(k, shape)
  const { word, drop, one } = mantissas[dtype]!
  const random = e.shiftRightLogical(randomBits(k, shape, word), full(shape, drop, word))
  const bits = e.cast(random, dtype === 'float32' ? 'uint32' : 'uint16')
  return e.sub(e.bitcast(e.or(bits, fullLike(bits, one)), dtype), full(shape, 1, dtype))
}

export const bound = (operation: string, x: ArrayLike, shape: Shape, dtype: DType): NDArray => {
  const array = typeof x === 'number' ? e.cast(scalar(x, 'float64'), dtype) : e.cast(asArray(x), dtype)
  if (array.aval.rank > shape.length)
    throw new ShapeError(`${operation}: a bound ${array.aval} does not broadcast to [${shape.join(', ')}].`)
  broadcastTwo(operation, array.aval.shape, shape)
  return broadcastTo(array, shape)
}

/** The number of elements that a sampler draws. */
export const drawn = (_: Key, shape: Shape): number => sizeOf(shape)

export const uniformIn = asOneProgram(
  'random.uniform',
  (k: Key, shape: Shape, dtype: DType, minval: ArrayLike, maxval: ArrayLike): NDArray => {
    const low = bound('random.uniform', minval, shape, dtype)
    const high = bound('random.uniform', maxval, shape, dtype)
    return e.max(low, e.add(e.mul(fraction(k, shape, dtype), e.sub(high, low)), low))
  },
  drawn,
)

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

export const integersIn = asOneProgram('random.randint', integersOf, drawn)

/** The smallest positive normal number. */
const smallestNormal = (dtype: DType): number =>
  dtype === 'float64' ? 2 ** -1022 : dtype === 'float16' ? 2 ** -14 : 2 ** -126

export const gumbelOf = asOneProgram(
  'random.gumbel',
  (k: Key, shape: Shape, dtype: DType): NDArray => {
    const u = uniformIn(k, shape, dtype, full([], smallestNormal(dtype), dtype), 1)
    return e.neg(e.log(e.neg(e.log(u))))
  },
  drawn,
)
