/** `lax`: elementwise operations of two or more arrays, without promotion. */
import { fullLike } from '../ops/creation.ts'
import * as ops from '../ops/elementwise.ts'
import { broadcast } from '../ops/movement.ts'
import { arrayFor, asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { checkFits } from '../conversions/checks.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

type Binary = (x: ArrayLike, y: ArrayLike) => NDArray

// A JS number becomes an array of the other operand's type; two numbers become arrays as by `asArray`.
const beside = (name: string, x: ArrayLike, other: ArrayLike): NDArray => {
  if (typeof x !== 'number' || typeof other === 'number') return arrayFor(`lax.${name}`, x)
  const array = arrayFor(`lax.${name}`, other)
  checkFits(`lax.${name}`, x, array)
  return fullLike(array, x)
}

const binary =
  (name: string, op: (x: NDArray, y: NDArray) => NDArray): Binary =>
  (x, y) =>
    op(beside(name, x, y), beside(name, y, x))

/**
 * Sum of two arrays of the same shape and dtype; a JS number takes those of the other operand. Integers wrap around.
 *
 * @throws ShapeError if the shapes differ; DTypeError if the dtypes do, and for bools. `np.add` broadcasts and promotes.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.add(np.array([1, 2]), np.array([10, 20])) // => [11. 22.]
 * lax.add(np.arange(3), 1) // => [1 2 3]
 * lax.add(np.ones([2]), np.ones([1])) // throws ShapeError
 * ```
 */
export const add = binary('add', ops.add)

/**
 * Difference.
 *
 * @throws as `add`.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.sub(np.array([5, 7]), np.array([1, 2])) // => [4. 5.]
 * lax.sub(np.array([0, 1], { dtype: 'uint8' }), 1) // => [255   0]
 * ```
 */
export const sub = binary('sub', ops.sub)

/**
 * Product.
 *
 * @throws as `add`.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.mul(np.array([1, 2, 3]), 2) // => [2. 4. 6.]
 * lax.mul(np.arange(3), np.ones([3])) // throws DTypeError
 * ```
 */
export const mul = binary('mul', ops.mul)

/**
 * Quotient; integers truncate towards zero, and division by zero is -1 (all bits set), as in XLA.
 *
 * @throws as `add`.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.div(np.array([1, -1, 0]), 0) // => [ inf -inf  nan]
 * const n = np.array([7, -7], { dtype: 'int32' })
 * lax.div(n, 2) // => [ 3 -3]
 * lax.div(n, 0) // => [-1 -1]
 * ```
 */
export const div = binary('div', ops.div)

/**
 * Remainder with the sign of `x`; of an integer by zero, `x`.
 *
 * @throws as `add`.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.rem(np.array([5, -5]), 3) // => [ 2. -2.]
 * np.remainder(np.array([5, -5]), 3) // => [2. 1.]
 * ```
 */
export const rem = binary('rem', ops.rem)

/**
 * `x` to the power `y`.
 *
 * @throws as `add`.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.pow(np.array([2, 4, -1]), np.array([3, 0.5, 0.5])) // => [ 8.  2. nan]
 * ```
 */
export const pow = binary('pow', ops.pow)

/**
 * The angle of the point (`y`, `x`), in radians: `atan2(x, y)` takes the ordinate first.
 *
 * @throws as `add`, and DTypeError for integers.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.atan2(np.array([1, 1, -1]), np.array([1, -1, -1])) // => [ 0.7853982  2.3561945 -2.3561945]
 * ```
 */
export const atan2 = binary('atan2', ops.atan2)

/**
 * `log(exp(x) + exp(y))`, without overflow.
 *
 * @throws as `add`, and DTypeError for integers.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.logaddexp(np.array([1000, -Infinity]), np.array([1000, 0])) // => [1000.6932    0.    ]
 * ```
 */
export const logaddexp = binary('logaddexp', ops.logaddexp)

/**
 * The larger; NaN if either is. Ties share the gradient.
 *
 * @throws ShapeError if the shapes differ; DTypeError if the dtypes do.
 * @example
 * ```ts
 * import { grad, lax, np } from 'pullback'
 * lax.max(np.array([1, NaN, 3]), 2) // => [ 2. nan  3.]
 * grad(lax.max)(1, 1) // => 0.5
 * ```
 */
export const max = binary('max', ops.max)

/**
 * The smaller; NaN if either is. Ties share the gradient.
 *
 * @throws ShapeError if the shapes differ; DTypeError if the dtypes do.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.min(np.array([1, 5]), np.array([4, 2])) // => [1. 2.]
 * ```
 */
export const min = binary('min', ops.min)

/**
 * The next float after `x` in the direction of `y`.
 *
 * @throws as `add`, and DTypeError for integers.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.nextafter(np.array([1]), np.array([2])) // => [1.0000001]
 * lax.sub(1, lax.nextafter(np.array([1]), np.array([0]))) // => [5.9604645e-08]
 * ```
 */
export const nextafter = binary('nextafter', ops.nextafter)

/**
 * Logical and of bools, bitwise and of integers.
 *
 * @throws ShapeError if the shapes differ; DTypeError if the dtypes do, and for floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.bitwiseAnd(np.array([12, 10], { dtype: 'int32' }), 6) // => [4 2]
 * lax.bitwiseAnd(np.array([true, true]), np.array([true, false])) // => [ True False]
 * ```
 */
export const bitwiseAnd = binary('bitwiseAnd', ops.and)

/**
 * Logical or of bools, bitwise or of integers.
 *
 * @throws ShapeError if the shapes differ; DTypeError if the dtypes do, and for floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.bitwiseOr(np.array([8, 2], { dtype: 'int32' }), 1) // => [9 3]
 * ```
 */
export const bitwiseOr = binary('bitwiseOr', ops.or)

/**
 * Exclusive or.
 *
 * @throws ShapeError if the shapes differ; DTypeError if the dtypes do, and for floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.bitwiseXor(np.array([12, 10], { dtype: 'int32' }), 6) // => [10 12]
 * ```
 */
export const bitwiseXor = binary('bitwiseXor', ops.xor)

/**
 * Shifts by the width or more give 0.
 *
 * @throws ShapeError if the shapes differ; DTypeError if the dtypes do, and unless they are integers.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const x = np.array([1, 3], { dtype: 'int32' })
 * lax.shiftLeft(x, 4) // => [16 48]
 * lax.shiftLeft(x, 32) // => [0 0]
 * ```
 */
export const shiftLeft = binary('shiftLeft', ops.shiftLeft)

/**
 * Shifts zeros in; by the width or more gives 0.
 *
 * @throws ShapeError if the shapes differ; DTypeError if the dtypes do, and unless they are integers.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.shiftRightLogical(np.array([16, -1], { dtype: 'int32' }), 1) // => [         8 2147483647]
 * ```
 */
export const shiftRightLogical = binary('shiftRightLogical', ops.shiftRightLogical)

/**
 * Shifts the sign in; by the width or more gives the sign: 0 or -1.
 *
 * @throws ShapeError if the shapes differ; DTypeError if the dtypes do, and unless they are integers.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const x = np.array([16, -16], { dtype: 'int32' })
 * lax.shiftRightArithmetic(x, 1) // => [ 8 -8]
 * lax.shiftRightArithmetic(x, 40) // => [ 0 -1]
 * ```
 */
export const shiftRightArithmetic = binary('shiftRightArithmetic', ops.shiftRightArithmetic)

/**
 * Whether equal; NaN is equal to nothing.
 *
 * @throws ShapeError if the shapes differ; DTypeError if the dtypes do.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.eq(np.array([1, 2, NaN]), np.array([1, 3, NaN])) // => [ True False False]
 * ```
 */
export const eq = binary('eq', ops.eq)

/**
 * Whether different.
 *
 * @throws ShapeError if the shapes differ; DTypeError if the dtypes do.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.ne(np.array([1, NaN]), np.array([1, NaN])) // => [False  True]
 * ```
 */
export const ne = binary('ne', ops.ne)

/**
 * Whether less.
 *
 * @throws ShapeError if the shapes differ; DTypeError if the dtypes do.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.lt(np.arange(4), 2) // => [ True  True False False]
 * ```
 */
export const lt = binary('lt', ops.lt)

/**
 * Whether less or equal.
 *
 * @throws ShapeError if the shapes differ; DTypeError if the dtypes do.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.le(np.array([1, 2, NaN]), 2) // => [ True  True False]
 * ```
 */
export const le = binary('le', ops.le)

/**
 * Whether greater.
 *
 * @throws ShapeError if the shapes differ; DTypeError if the dtypes do.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.gt(np.array([1, 2, 3]), np.array([3, 2, 1])) // => [False False  True]
 * ```
 */
export const gt = binary('gt', ops.gt)

/**
 * Whether greater or equal.
 *
 * @throws ShapeError if the shapes differ; DTypeError if the dtypes do.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.ge(np.array([1, 2, 3]), np.array([3, 2, 1])) // => [False  True  True]
 * ```
 */
export const ge = binary('ge', ops.ge)

const selectDoor = must.door('lax.select', { which: must.arrayLike, onTrue: must.arrayLike, onFalse: must.arrayLike })

/**
 * `onTrue` where `which` (bool) holds, else `onFalse`.
 *
 * @throws DTypeError unless `which` holds bools in the shape of the others, and if these differ in dtype; ShapeError if their
 *   shapes differ.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const x = np.array([4, 0, 9])
 * lax.select(lax.gt(x, 0), x, -1) // => [ 4. -1.  9.]
 * ```
 */
export const select = (which: ArrayLike, onTrue: ArrayLike, onFalse: ArrayLike): NDArray => {
  selectDoor(which, onTrue, onFalse)
  return ops.select(asArray(which), beside('select', onTrue, onFalse), beside('select', onFalse, onTrue))
}

const clampDoor = must.door('lax.clamp', { low: must.arrayLike, x: must.arrayLike, high: must.arrayLike })

/**
 * `x` clamped to `[low, high]`; bounds may be scalars. The gradient goes to `x` only strictly inside.
 *
 * @example
 * ```ts
 * import { grad, lax, np } from 'pullback'
 * lax.clamp(0, np.array([-5, 0.5, 5]), 1) // => [0.  0.5 1. ]
 * lax.clamp(np.array([0, 1, 2]), np.array([1, 1, 1]), 3) // => [1. 1. 2.]
 * grad((x) => lax.clamp(0, x, 1))(np.array(1)) // => 0.
 * ```
 */
export const clamp = (low: ArrayLike, x: ArrayLike, high: ArrayLike): NDArray => {
  clampDoor(low, x, high)
  const array = asArray(x)
  const bound = (b: ArrayLike): NDArray => {
    const given = beside('clamp', b, x)
    return given.aval.rank === 0 ? broadcast(given, array.aval.shape, []) : given
  }
  return ops.clamp(bound(low), array, bound(high))
}
