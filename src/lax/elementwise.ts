/** `lax`: operations of one array, element by element. */
import type { DType } from '../core/dtype.ts'
import { isFloat } from '../core/dtype.ts'
import { DTypeError } from '../core/errors.ts'
import { fullLike, zerosLike } from '../ops/creation.ts'
import * as ops from '../ops/elementwise.ts'
import { arrayFor, asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

type Unary = (x: ArrayLike) => NDArray

const unary =
  (name: string, op: (x: NDArray) => NDArray): Unary =>
  (x) =>
    op(arrayFor(`lax.${name}`, x))

/**
 * `-x`.
 *
 * @throws DTypeError for bools.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.neg(np.array([1, -2])) // => [-1.  2.]
 * lax.neg(np.array(new Uint8Array([1, 2]))) // => [255 254]
 * ```
 */
export const neg = unary('neg', ops.neg)

/**
 * Absolute value; its derivative at 0 is 1, as in JAX.
 *
 * @throws DTypeError for bools.
 * @example
 * ```ts
 * import { grad, lax, np } from 'pullback'
 * lax.abs(np.array([-3, 4])) // => [3. 4.]
 * grad(lax.abs)(0) // => 1.
 * ```
 */
export const abs = unary('abs', ops.abs)

/**
 * -1, 0 or 1; zeros keep their sign and NaN stays NaN.
 *
 * @throws DTypeError for bools.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.sign(np.array([-5, -0, 7, NaN])) // => [-1. -0.  1. nan]
 * ```
 */
export const sign = unary('sign', ops.sign)

/**
 * The largest integer not above.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.floor(np.array([1.5, -1.5])) // => [ 1. -2.]
 * ```
 */
export const floor = unary('floor', ops.floor)

/**
 * The least integer not below.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.ceil(np.array([1.5, -1.5])) // => [ 2. -1.]
 * ```
 */
export const ceil = unary('ceil', ops.ceil)
/** How halves are rounded: away from 0, or to the even neighbour. */
export type RoundingMethod = 'awayFromZero' | 'toNearestEven'

// x minus its integral part is exact, so a fraction just below a half stays below it.
const roundAwayFromZero = (x: NDArray): NDArray => {
  const whole = ops.select(ops.lt(x, zerosLike(x)), ops.ceil(x), ops.floor(x))
  const rest = ops.abs(ops.sub(x, whole))
  return ops.select(ops.ge(rest, fullLike(rest, 0.5)), ops.add(whole, ops.sign(x)), whole)
}

const roundDoor = must.door('lax.round', {
  x: must.arrayLike,
  options: must.optionsOf<{ readonly roundingMethod?: RoundingMethod }>({
    roundingMethod: must.oneOf(['awayFromZero', 'toNearestEven']),
  }),
})

/**
 * Floats to the nearest integer, halves away from 0 by default, as in JAX; `np.round` rounds halves to even.
 *
 * @throws DTypeError for other dtypes; ArgumentError for an unknown method.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.round(np.array([0.5, -2.5])) // => [ 1. -3.]
 * lax.round(np.array([0.5, -2.5]), { roundingMethod: 'toNearestEven' }) // => [ 0. -2.]
 * ```
 */
export const round = (x: ArrayLike, options: { readonly roundingMethod?: RoundingMethod } = {}): NDArray => {
  roundDoor(x, options)
  const { roundingMethod = 'awayFromZero' } = options
  const array = asArray(x)
  if (!isFloat(array.aval.dtype)) throw new DTypeError(`lax.round: takes floats, got ${array.aval}.`)
  return roundingMethod === 'awayFromZero' ? roundAwayFromZero(array) : ops.round(array)
}

/**
 * e to the power `x`.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { grad, lax, np } from 'pullback'
 * lax.exp(np.array([-Infinity, 0, 1])) // => [0.        1.        2.7182817]
 * grad(lax.exp)(0) // => 1.
 * ```
 */
export const exp = unary('exp', ops.exp)

/**
 * 2 to the power `x`.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.exp2(np.array([-1, 0, 10])) // => [5.000e-01 1.000e+00 1.024e+03]
 * ```
 */
export const exp2 = unary('exp2', ops.exp2)

/**
 * Natural logarithm.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.log(np.array([1, 0, -1])) // => [  0. -inf  nan]
 * ```
 */
export const log = unary('log', ops.log)

/**
 * `log(1 + x)`, accurate near 0.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax } from 'pullback'
 * lax.log1p(1e-10) // => 1.e-10
 * lax.log(1 + 1e-10) // => 0.
 * ```
 */
export const log1p = unary('log1p', ops.log1p)

/**
 * `exp(x) - 1`, accurate near 0.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax } from 'pullback'
 * lax.expm1(1e-10) // => 1.e-10
 * lax.sub(lax.exp(1e-10), 1) // => 0.
 * ```
 */
export const expm1 = unary('expm1', ops.expm1)

/**
 * Square root; NaN of negative numbers.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { grad, lax, np } from 'pullback'
 * lax.sqrt(np.array([9, -1])) // => [ 3. nan]
 * grad(lax.sqrt)(0) // => inf
 * ```
 */
export const sqrt = unary('sqrt', ops.sqrt)

/**
 * `1 / sqrt(x)`.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.rsqrt(np.array([4, 0])) // => [0.5 inf]
 * ```
 */
export const rsqrt = unary('rsqrt', ops.rsqrt)

/**
 * Cube root, of negative numbers too.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.cbrt(np.array([8, -27])) // => [ 2. -3.]
 * ```
 */
export const cbrt = unary('cbrt', ops.cbrt)

/**
 * Sine of an angle in radians.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { grad, lax, np } from 'pullback'
 * lax.sin(np.array([0, Math.PI / 2])) // => [0. 1.]
 * grad(lax.sin)(0) // => 1.
 * ```
 */
export const sin = unary('sin', ops.sin)

/**
 * Cosine of an angle in radians.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.cos(np.array([0, Math.PI])) // => [ 1. -1.]
 * ```
 */
export const cos = unary('cos', ops.cos)

/**
 * Tangent of an angle in radians.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.tan(np.array([0, Math.PI / 4])) // => [0. 1.]
 * ```
 */
export const tan = unary('tan', ops.tan)

/**
 * Arc sine, in radians.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.asin(np.array([0, 1, 2])) // => [0.        1.5707964       nan]
 * ```
 */
export const asin = unary('asin', ops.asin)

/**
 * Arc cosine, in radians.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.acos(np.array([1, 0, -1])) // => [0.        1.5707964 3.1415927]
 * ```
 */
export const acos = unary('acos', ops.acos)

/**
 * Arc tangent, in radians.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.atan(np.array([-Infinity, 0, 1])) // => [-1.5707964  0.         0.7853982]
 * ```
 */
export const atan = unary('atan', ops.atan)

/**
 * Hyperbolic sine.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.sinh(np.array([0, 1])) // => [0.        1.1752012]
 * ```
 */
export const sinh = unary('sinh', ops.sinh)

/**
 * Hyperbolic cosine.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.cosh(np.array([-1, 0, 1])) // => [1.5430807 1.        1.5430807]
 * ```
 */
export const cosh = unary('cosh', ops.cosh)

/**
 * Hyperbolic tangent.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { grad, lax, np } from 'pullback'
 * lax.tanh(np.array([0, 0.5, 100])) // => [0.         0.46211717 1.        ]
 * grad(lax.tanh)(0) // => 1.
 * ```
 */
export const tanh = unary('tanh', ops.tanh)

/**
 * Inverse hyperbolic sine.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.asinh(lax.sinh(np.array([-2, 0, 2]))) // => [-2.  0.  2.]
 * ```
 */
export const asinh = unary('asinh', ops.asinh)

/**
 * Inverse hyperbolic cosine.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.acosh(np.array([0.5, 1, 2])) // => [     nan 0.       1.316958]
 * ```
 */
export const acosh = unary('acosh', ops.acosh)

/**
 * Inverse hyperbolic tangent.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.atanh(np.array([0, 0.5, 1])) // => [0.         0.54930615        inf]
 * ```
 */
export const atanh = unary('atanh', ops.atanh)

/**
 * `1 / (1 + exp(-x))`, without overflow.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.logistic(np.array([-1000, 0, 2])) // => [0.        0.5       0.8807971]
 * ```
 */
export const logistic = unary('logistic', ops.logistic)

/**
 * The error function.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.erf(np.array([0, 0.5, 3])) // => [0.        0.5204999 0.9999779]
 * ```
 */
export const erf = unary('erf', ops.erf)

/**
 * `1 - erf(x)`, accurate where that is tiny.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const x = np.array([6])
 * lax.erfc(x) // => [2.1519737e-17]
 * lax.sub(1, lax.erf(x)) // => [0.]
 * ```
 */
export const erfc = unary('erfc', ops.erfc)

/**
 * The inverse of `erf` on (-1, 1).
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.erfInv(np.array([-1, 0, 0.5])) // => [      -inf 0.         0.47693628]
 * ```
 */
export const erfInv = unary('erfInv', ops.erfInv)

/**
 * Whether an element is neither infinite nor NaN.
 *
 * @throws DTypeError unless `x` holds floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.isFinite(np.array([1, NaN, -Infinity])) // => [ True False False]
 * ```
 */
export const isFinite = unary('isFinite', ops.isFinite)

/**
 * Logical not of bools, bitwise not of integers.
 *
 * @throws DTypeError for floats.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.bitwiseNot(np.array([true, false])) // => [False  True]
 * lax.bitwiseNot(np.array([0, 5], { dtype: 'int32' })) // => [-1 -6]
 * ```
 */
export const bitwiseNot = unary('bitwiseNot', ops.not)

const integerPowDoor = must.door('lax.integerPow', { x: must.arrayLike, exponent: must.integer })

/**
 * `x` to a constant integer power.
 *
 * @throws ArgumentError unless the exponent is an integer; DTypeError if it is negative and `x` holds integers.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.integerPow(np.array([2, -3]), 3) // => [  8. -27.]
 * lax.integerPow(np.array([2, 4]), -1) // => [0.5  0.25]
 * lax.integerPow(np.arange(3), -1) // throws DTypeError
 * ```
 */
export const integerPow = (x: ArrayLike, exponent: number): NDArray => {
  integerPowDoor(x, exponent)
  const base = asArray(x)
  if (exponent < 0 && !isFloat(base.aval.dtype)) {
    throw new DTypeError(`lax.integerPow: ${base.aval} to a negative power (${exponent}) is not an integer.`)
  }
  return ops.integerPow(base, exponent)
}
const convertElementTypeDoor = must.door('lax.convertElementType', { x: must.arrayLike, dtype: must.dtype })

/**
 * The elements as another dtype: floats to integers towards zero, saturating; NaN gives 0.
 *
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.convertElementType(np.array([1.9, -1.9, 300, NaN]), 'int32') // => [  1  -1 300   0]
 * lax.convertElementType(np.array([1.9, -1.9, 300, NaN]), 'uint8') // => [  1   0 255   0]
 * ```
 */
export const convertElementType = (x: ArrayLike, dtype: DType): NDArray => {
  convertElementTypeDoor(x, dtype)
  return ops.cast(asArray(x), dtype)
}
const bitcastConvertTypeDoor = must.door('lax.bitcastConvertType', { x: must.arrayLike, dtype: must.dtype })

/**
 * The bits read as another dtype of the same width.
 *
 * @throws DTypeError unless both dtypes have the same width, and neither is bool.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.bitcastConvertType(np.array([1, -0]), 'int32') // => [ 1065353216 -2147483648]
 * lax.bitcastConvertType(np.ones([2]), 'int8') // throws DTypeError
 * ```
 */
export const bitcastConvertType = (x: ArrayLike, dtype: DType): NDArray => {
  bitcastConvertTypeDoor(x, dtype)
  return ops.bitcast(asArray(x), dtype)
}
