/** `np`: arithmetic and rounding, element by element. Operands are promoted by JAX's lattice and broadcast as in NumPy. */
import { isFloat, isInteger } from '../core/dtype.ts'
import { DTypeError } from '../core/errors.ts'
import { fullLike, zerosLike } from '../ops/creation.ts'
import * as ops from '../ops/elementwise.ts'
import { arrayFor, asArray, float, functions } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

/**
 * Sum, element by element: shapes broadcast and dtypes promote, as in all functions of two arrays here. For bools it is the
 * logical or.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.add(np.array([[1], [2]]), np.array([10, 20])) // => [[11. 21.]\n [12. 22.]]
 * np.add(np.arange(3), 0.5) // => [0.5 1.5 2.5]
 * np.add(np.ones(2), np.ones(3)) // throws ShapeError
 * ```
 */
export const add = functions.add

/**
 * Difference, element by element. Unsigned integers wrap around below 0.
 *
 * @throws DTypeError for bools; ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const x = np.array([[1, 10], [3, 30]])
 * np.subtract(x, np.mean(x, { axis: 0 })) // => [[ -1. -10.]\n [  1.  10.]]
 * np.subtract(new Uint8Array([1]), new Uint8Array([2])) // => [255]
 * ```
 */
export const subtract = functions.subtract

/**
 * Product, element by element. For bools it is the logical and. `np.matmul` is the product of matrices.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.multiply(np.array([[1], [10]]), np.array([1, 2, 3])) // => [[ 1.  2.  3.]\n [10. 20. 30.]]
 * np.multiply(np.array([3, 4]), np.array([true, false])) // => [3. 0.]
 * ```
 */
export const multiply = functions.multiply

/**
 * Quotient, always a float: integers and bools become float32. Division by 0 gives an infinity, and 0 / 0 NaN.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.divide(np.arange(4), 2) // => [0.  0.5 1.  1.5]
 * np.divide(np.array([1, -1, 0]), 0) // => [ inf -inf  nan]
 * ```
 */
export const divide = functions.divide

/**
 * The largest integer not above the quotient, in the dtype that the operands promote to (bools become int32).
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const seconds = np.array([59, 60, 150])
 * np.floorDivide(seconds, 60) // => [0. 1. 2.]
 * np.floorDivide(np.array([7, -7], { dtype: 'int32' }), 2) // => [ 3 -4]
 * ```
 */
export const floorDivide = functions.floorDivide

/**
 * Remainder of `floorDivide`, with the sign of `y`. For a divisor of 0 it is NaN; for integers 0, as in JAX.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.remainder(np.array([370, -10]), 360) // => [ 10. 350.]
 * np.remainder(np.arange(6), 3) // => [0 1 2 0 1 2]
 * ```
 */
export const remainder = functions.remainder

/**
 * `x` to the power `y`. An integral JS number as exponent is a constant power, exact and cheap to differentiate.
 *
 * @throws DTypeError for an integer to a negative constant power.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.power(np.array([1, 2, 3]), 2) // => [1. 4. 9.]
 * np.power(2, np.arange(5)) // => [ 1  2  4  8 16]
 * np.power(np.array([4, 9]), 0.5) // => [2. 3.]
 * np.power(np.arange(3), -1) // throws DTypeError
 * ```
 */
export const power = functions.power

/**
 * The larger of two elements, element by element; NaN if either is NaN. Ties share the gradient equally. `np.max` is the
 * largest element of one array.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { grad, np } from 'pullback'
 * const relu = (x: NDArray) => np.maximum(x, 0)
 * relu(np.array([-1, 2, NaN])) // => [ 0.  2. nan]
 * grad(relu)(np.array(0)) // => 0.5
 * ```
 */
export const maximum = functions.maximum

/**
 * The smaller of two elements, element by element; NaN if either is NaN. Ties share the gradient equally. `np.min` is the
 * smallest element of one array.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.minimum(np.array([80, 120, NaN]), 100) // => [ 80. 100.  nan]
 * np.minimum(np.array([1, 5]), np.array([[3], [4]])) // => [[1. 3.]\n [1. 4.]]
 * ```
 */
export const minimum = functions.minimum

/**
 * `minimum(maximum(x, low), high)`; either bound may be null, or an array that broadcasts. Elements beyond a bound have
 * gradient 0.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.clip(np.array([-2, 0.5, 7]), 0, 1) // => [0.  0.5 1. ]
 * np.clip(np.arange(5), null, 2) // => [0 1 2 2 2]
 * np.clip(np.array([5, 5]), 0, np.array([3, 9])) // => [3. 5.]
 * ```
 */
export const clip = functions.clip

/**
 * `-x`. Unsigned integers wrap around.
 *
 * @throws DTypeError for bools: `np.logicalNot` is for them.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.negative(np.array([1, -2])) // => [-1.  2.]
 * np.negative(new Uint8Array([1])) // => [255]
 * ```
 */
export const negative = functions.negative

/**
 * Absolute value; its derivative at 0 is 1, as in JAX. The least integer of a dtype has no absolute value in it and is
 * unchanged.
 *
 * @example
 * ```ts
 * import { grad, np } from 'pullback'
 * np.abs(np.array([-1.5, 2])) // => [1.5 2. ]
 * np.abs(new Int8Array([-5, -128])) // => [   5 -128]
 * grad((x) => np.abs(x))(np.array(0)) // => 1.
 * ```
 */
export const abs = functions.abs

/**
 * -1, 0 or 1, in the dtype of `x`; NaN stays NaN.
 *
 * @throws DTypeError for bools.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.sign(np.array([-3, 0, 5, NaN])) // => [-1.  0.  1. nan]
 * ```
 */
export const sign = functions.sign

/**
 * `x * x`, in the dtype of `x`; bools become int32.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const errors = np.array([1, -1, 2])
 * np.mean(np.square(errors)) // => 2.
 * np.square(np.arange(4)) // => [0 1 4 9]
 * ```
 */
export const square = functions.square

/**
 * `1 / x`, always a float: integers become float32.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.reciprocal(np.array([4, 0.1, 0])) // => [ 0.25 10.     inf]
 * np.reciprocal(np.array([2, 3], { dtype: 'int32' })) // => [0.5        0.33333334]
 * ```
 */
export const reciprocal = float('np.reciprocal', (x) => ops.integerPow(x, -1))

/** The integer as it is, floats by `op`. */
const rounding =
  (name: string, op: (x: NDArray) => NDArray) =>
  (x: ArrayLike): NDArray => {
    const array = arrayFor(name, x)
    return isFloat(array.aval.dtype) ? op(array) : array
  }

/**
 * The largest integer not above `x`, in the dtype of `x`: floats stay floats. Its derivative is 0.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.floor(np.array([1.7, -1.2])) // => [ 1. -2.]
 * np.floor(np.array(1.7)).astype('int32') // => 1
 * ```
 */
export const floor = rounding('np.floor', ops.floor)

/**
 * The least integer not below `x`, in the dtype of `x`. Its derivative is 0.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.ceil(np.array([1.2, -1.7, 3])) // => [ 2. -1.  3.]
 * np.ceil(np.divide(1000, 64)) // => 16.
 * ```
 */
export const ceil = rounding('np.ceil', ops.ceil)

/**
 * The integer part, in the dtype of `x`: rounded towards 0, where `floor` rounds down. Its derivative is 0.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.trunc(np.array([1.7, -1.7])) // => [ 1. -1.]
 * np.floor(np.array([1.7, -1.7])) // => [ 1. -2.]
 * ```
 */
export const trunc = rounding('np.trunc', (x) => ops.select(ops.lt(x, zerosLike(x)), ops.ceil(x), ops.floor(x)))

const roundDoor = must.door('np.round', { x: must.arrayLike, decimals: must.optional(must.integer) })

/**
 * Rounds to `decimals` decimal places, halves to the even digit. Integers are unchanged.
 *
 * @throws DTypeError for integers and negative `decimals`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.round(np.array([0.5, 1.5, 2.5])) // => [0. 2. 2.]
 * ```
 */
export const round = (x: ArrayLike, decimals = 0): NDArray => {
  roundDoor(x, decimals)
  const array = asArray(x)
  if (decimals < 0 && isInteger(array.aval.dtype)) {
    throw new DTypeError(
      `np.round: integers (${array.aval}) are not rounded to ${decimals} decimals. Use np.astype(x, 'float32').`,
    )
  }
  if (!isFloat(array.aval.dtype)) return array
  if (decimals === 0) return ops.round(array)
  const factor = fullLike(array, 10 ** decimals)
  const rounded = ops.div(ops.round(ops.mul(array, factor)), factor)
  return ops.cast(rounded, array.aval.dtype, array.aval.weak)
}
