/** `np`: bits, and divisors of integers. */
import { calledAs } from '../core/calledAs.ts'
import { whileLoop } from '../api/loops.ts'
import { bitsOf, isInteger, kindOf } from '../core/dtype.ts'
import { DTypeError } from '../core/errors.ts'
import { normalizeAxis, range } from '../core/shape.ts'
import { fullLike } from '../ops/creation.ts'
import * as ops from '../ops/elementwise.ts'
import { sliceInDim } from '../ops/movement.ts'
import { arrayFor, asArray, functions } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { promoteTwoArrays } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import * as np from './elementwise.ts'
import { moveaxis } from './movement.ts'
import { pad } from './padding.ts'
import { any, sum } from './reduction.ts'

const integers =
  (name: string, op: (x: NDArray, y: NDArray) => NDArray) =>
  (x: ArrayLike, y: ArrayLike): NDArray => {
    const [a, b] = promoteTwoArrays(name, arrayFor(name, x), arrayFor(name, y))
    if (isInteger(a.dtype) || a.dtype === 'bool') return calledAs(name, () => op(a, b))
    throw new DTypeError(`${name}: takes integers and bools, got ${a.aval} and ${b.aval}. Use np.astype(x, 'int32').`)
  }

/**
 * Bitwise and of integers; logical and of bools.
 *
 * @throws DTypeError for floats, like all bitwise functions.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.bitwiseAnd(np.array(new Int32Array([6])), 3) // => [2]
 * ```
 */
export const bitwiseAnd = integers('np.bitwiseAnd', ops.and)

/**
 * Bitwise or of integers; logical or of bools.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.bitwiseOr(np.array(new Int32Array([6])), 3) // => [7]
 * ```
 */
export const bitwiseOr = integers('np.bitwiseOr', ops.or)

/**
 * Bitwise exclusive or of integers; logical exclusive or of bools.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.bitwiseXor(np.array(new Int32Array([6])), 3) // => [5]
 * ```
 */
export const bitwiseXor = integers('np.bitwiseXor', ops.xor)

const invertDoor = must.door('np.invert', { x: must.arrayLike })

/**
 * Inverts all bits; logical not of bools.
 *
 * @throws DTypeError for floats.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.invert(np.array(new Int32Array([0, 5]))) // => [-1 -6]
 * ```
 */
export const invert = (x: ArrayLike): NDArray => {
  invertDoor(x)
  return integers('np.invert', (a) => ops.not(a))(x, x)
}

/**
 * Shifts bits left by `n`; a shift by the width or more gives 0.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.leftShift(np.array(new Int32Array([3])), 2) // => [12]
 * ```
 */
export const leftShift = integers('np.leftShift', ops.shiftLeft)

/**
 * Shifts bits right by `n`; for signed integers the sign is kept.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.rightShift(np.array(new Int32Array([12, -12])), 2) // => [ 3 -3]
 * ```
 */
export const rightShift = integers('np.rightShift', (a, b) =>
  kindOf(a.dtype) === 'unsigned' ? ops.shiftRightLogical(a, b) : ops.shiftRightArithmetic(a, b),
)

/**
 * The number of 1 bits in the absolute value (uint8).
 *
 * @throws DTypeError for floats.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.bitwiseCount(np.array(new Int32Array([7, -1]))) // => [3 1]
 * ```
 */
export const bitwiseCount = (x: ArrayLike): NDArray => {
  const array = arrayFor('np.bitwiseCount', x)
  if (!isInteger(array.dtype)) throw new DTypeError(`np.bitwiseCount: takes integers, got ${array.aval}.`)
  // The absolute value of the least number is itself; read as unsigned, its bits are those of the true one.
  const size = np.abs(array)
  return range(bitsOf(array.dtype))
    .map((i) => ops.and(ops.shiftRightLogical(size, fullLike(size, i)), fullLike(size, 1)).astype('uint8'))
    .reduce((a, b) => np.add(a, b))
}

const packbitsDoor = must.door('np.packbits', {
  x: must.arrayLike,
  options: must.optionsOf<{ readonly axis?: number | null; readonly bitorder?: 'big' | 'little' }>({
    axis: must.nullable(must.axis),
    bitorder: must.oneOf(['big', 'little']),
  }),
})

/**
 * Packs bits (anything but 0 is 1) into bytes: 8 along an axis make one, with the first as the highest bit and zeros at the
 * end.
 *
 * @param bitorder - `little`: the first bit is the lowest.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.packbits(np.array([1, 0, 1, 0, 0, 0, 0, 0, 1])) // => [160 128]
 * ```
 */
export const packbits = (
  x: ArrayLike,
  options: { readonly axis?: number | null; readonly bitorder?: 'big' | 'little' } = {},
): NDArray => {
  packbitsDoor(x, options)
  const { axis = null, bitorder = 'big' } = options
  const array = axis === null ? functions.ravel(x) : asArray(x)
  const along = normalizeAxis('np.packbits', axis ?? 0, array.ndim)
  const last = moveaxis(np.notEqual(array, 0).astype('int32'), along, -1)
  const n = last.shape.at(-1)!
  const full = pad(last, last.shape.map((_, d) => [0, d === last.ndim - 1 ? (8 - (n % 8)) % 8 : 0] as const)) // prettier-ignore
  const bytes = full.reshape([...last.shape.slice(0, -1), Math.ceil(n / 8), 8])
  return moveaxis(sum(np.multiply(bytes, weights(bitorder)), { axis: -1 }), -1, along).astype('uint8')
}

const weights = (bitorder: 'big' | 'little'): NDArray =>
  asArray(Int32Array.from(range(8), (i) => 2 ** (bitorder === 'big' ? 7 - i : i)))

const unpackbitsDoor = must.door('np.unpackbits', {
  x: must.arrayLike,
  options: must.optionsOf<{
    readonly axis?: number | null
    readonly count?: number
    readonly bitorder?: 'big' | 'little'
  }>({ axis: must.nullable(must.axis), count: must.integer, bitorder: must.oneOf(['big', 'little']) }),
})

/**
 * The bits of bytes (uint8), 8 for each along an axis.
 *
 * @param count - the number of bits, from the front; if it is negative, the number of bits to drop at the end.
 * @throws DTypeError unless they are uint8.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.unpackbits(np.array(new Uint8Array([160]))) // => [1 0 1 0 0 0 0 0]
 * ```
 */
export const unpackbits = (
  x: ArrayLike,
  options: { readonly axis?: number | null; readonly count?: number; readonly bitorder?: 'big' | 'little' } = {},
): NDArray => {
  unpackbitsDoor(x, options)
  const { axis = null, count, bitorder = 'big' } = options
  const array = axis === null ? functions.ravel(x) : asArray(x)
  if (array.dtype !== 'uint8') throw new DTypeError(`np.unpackbits: takes uint8, got ${array.aval}.`)
  const along = normalizeAxis('np.unpackbits', axis ?? 0, array.ndim)
  const last = moveaxis(array.astype('int32'), along, -1)
  const bits = np.remainder(np.floorDivide(last.reshape([...last.shape, 1]), weights(bitorder)), 2)
  const line = bits.reshape([...last.shape.slice(0, -1), 8 * last.shape.at(-1)!])
  const total = 8 * last.shape.at(-1)!
  const wanted = count === undefined ? total : count < 0 ? Math.max(total + count, 0) : count
  const more = pad(line, line.shape.map((_, d) => [0, d === line.ndim - 1 ? Math.max(wanted - total, 0) : 0] as const)) // prettier-ignore
  const cut = sliceInDim(more, 0, wanted, more.ndim - 1)
  return moveaxis(cut, -1, along).astype('uint8')
}

const numbers = (name: string, x: ArrayLike, y: ArrayLike): readonly [NDArray, NDArray] => {
  const [a, b] = promoteTwoArrays(name, arrayFor(name, x), arrayFor(name, y))
  if (isInteger(a.dtype)) return [a, b]
  throw new DTypeError(`${name}: takes integers, got ${a.aval} and ${b.aval}. Use np.astype(x, 'int32').`)
}

const gcdDoor = must.door('np.gcd', { x: must.arrayLike, y: must.arrayLike })

/**
 * The greatest common divisor, by Euclid's algorithm.
 *
 * @throws DTypeError unless both are integers.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.gcd(np.array(new Int32Array([12, 0])), np.array(new Int32Array([18, 5]))) // => [6 5]
 * ```
 */
export const gcd = (x: ArrayLike, y: ArrayLike): NDArray => {
  gcdDoor(x, y)
  const [a, b] = numbers('np.gcd', x, y)
  const start = [np.abs(a), np.abs(b)] as const
  const [result] = whileLoop(
    ([, right]: readonly [NDArray, NDArray]) => any(np.notEqual(right, 0)),
    ([left, right]: readonly [NDArray, NDArray]) => {
      const isDone = np.equal(right, 0)
      const rest = np.remainder(left, np.where(isDone, 1, right))
      return [np.where(isDone, left, right), np.where(isDone, 0, rest)] as const
    },
    start,
  )
  return result
}

const lcmDoor = must.door('np.lcm', { x: must.arrayLike, y: must.arrayLike })

/**
 * The least common multiple; 0 if either is 0.
 *
 * @throws DTypeError unless both are integers.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.lcm(np.array(new Int32Array([4])), np.array(new Int32Array([6]))) // => [12]
 * ```
 */
export const lcm = (x: ArrayLike, y: ArrayLike): NDArray => {
  lcmDoor(x, y)
  const [a, b] = numbers('np.lcm', x, y)
  const d = gcd(a, b)
  const part = np.floorDivide(np.abs(a), np.where(np.equal(d, 0), 1, d))
  return np.multiply(part, np.abs(b)).astype(a.dtype)
}
