/** `lax`: operations element by element, without promotion. */
import type { DType } from '../core/dtype.ts'
import { isFloat } from '../core/dtype.ts'
import { DTypeError } from '../core/errors.ts'
import { fullLike, zerosLike } from '../ops/creation.ts'
import * as ops from '../ops/elementwise.ts'
import { broadcast } from '../ops/movement.ts'
import { arrayFor, asArray } from '../runtime/array.ts'
import * as must from '../surface/arguments.ts'
import { checkFits } from '../surface/checks.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'

type Unary = (x: ArrayLike) => NDArray
type Binary = (x: ArrayLike, y: ArrayLike) => NDArray

const unary =
  (name: string, op: (x: NDArray) => NDArray): Unary =>
  (x) =>
    op(arrayFor(`lax.${name}`, x))

// A JS number stands for an array of its neighbour's type; two numbers are arrays as `asArray` has them.
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

/** `-x`. */
export const neg = unary('neg', ops.neg)
/** Absolute value; its derivative at 0 is 1, as in JAX. */
export const abs = unary('abs', ops.abs)
/** -1, 0 or 1; zeros keep their sign and NaN stays NaN. */
export const sign = unary('sign', ops.sign)
/** The largest integer not above. */
export const floor = unary('floor', ops.floor)
/** The least integer not below. */
export const ceil = unary('ceil', ops.ceil)
/** What becomes of halves: the neighbour away from 0, as in school, or the even one. */
export type RoundingMethod = 'awayFromZero' | 'toNearestEven'

// x less its integral part is exact, so that what is just below a half stays below it.
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
 * Floats to the nearest integer, halves away from 0 by default, as in JAX; `np.round` takes them to the even one.
 *
 * @throws DTypeError for other dtypes; ArgumentError for a method of another name.
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
/** e to the power `x`. */
export const exp = unary('exp', ops.exp)
/** 2 to the power `x`. */
export const exp2 = unary('exp2', ops.exp2)
/** Natural logarithm. */
export const log = unary('log', ops.log)
/** `log(1 + x)`, accurate near 0. */
export const log1p = unary('log1p', ops.log1p)
/** `exp(x) - 1`, accurate near 0. */
export const expm1 = unary('expm1', ops.expm1)
/** Square root; NaN of negative numbers. */
export const sqrt = unary('sqrt', ops.sqrt)
/** `1 / sqrt(x)`. */
export const rsqrt = unary('rsqrt', ops.rsqrt)
/** Cube root, of negative numbers too. */
export const cbrt = unary('cbrt', ops.cbrt)
/** Sine of an angle in radians. */
export const sin = unary('sin', ops.sin)
/** Cosine of an angle in radians. */
export const cos = unary('cos', ops.cos)
/** Tangent of an angle in radians. */
export const tan = unary('tan', ops.tan)
/** Arc sine, in radians. */
export const asin = unary('asin', ops.asin)
/** Arc cosine, in radians. */
export const acos = unary('acos', ops.acos)
/** Arc tangent, in radians. */
export const atan = unary('atan', ops.atan)
/** Hyperbolic sine. */
export const sinh = unary('sinh', ops.sinh)
/** Hyperbolic cosine. */
export const cosh = unary('cosh', ops.cosh)
/** Hyperbolic tangent. */
export const tanh = unary('tanh', ops.tanh)
/** Inverse hyperbolic sine. */
export const asinh = unary('asinh', ops.asinh)
/** Inverse hyperbolic cosine. */
export const acosh = unary('acosh', ops.acosh)
/** Inverse hyperbolic tangent. */
export const atanh = unary('atanh', ops.atanh)
/** `1 / (1 + exp(-x))`, without overflow. */
export const logistic = unary('logistic', ops.logistic)
/** The error function. */
export const erf = unary('erf', ops.erf)
/** `1 - erf(x)`, accurate where that is tiny. */
export const erfc = unary('erfc', ops.erfc)
/** The inverse of `erf` on (-1, 1). */
export const erfInv = unary('erfInv', ops.erfInv)
/** Whether an element is neither infinite nor NaN. */
export const isFinite = unary('isFinite', ops.isFinite)
/** Logical not of bools, bitwise not of integers. */
export const bitwiseNot = unary('bitwiseNot', ops.not)

const integerPowDoor = must.door('lax.integerPow', { x: must.arrayLike, exponent: must.integer })

/**
 * `x` to a constant integer power.
 *
 * @throws ArgumentError unless the exponent is an integer; DTypeError if it is negative and `x` holds integers.
 */
export const integerPow = (x: ArrayLike, exponent: number): NDArray => {
  integerPowDoor(x, exponent)
  const base = asArray(x)
  if (exponent < 0 && !isFloat(base.aval.dtype)) {
    throw new DTypeError(`lax.integerPow: ${base.aval} to a negative power (${exponent}) is no integer.`)
  }
  return ops.integerPow(base, exponent)
}
const convertElementTypeDoor = must.door('lax.convertElementType', { x: must.arrayLike, dtype: must.dtype })

/** The elements as another dtype: floats to integers towards zero, saturating; NaN gives 0. */
export const convertElementType = (x: ArrayLike, dtype: DType): NDArray => {
  convertElementTypeDoor(x, dtype)
  return ops.cast(asArray(x), dtype)
}
const bitcastConvertTypeDoor = must.door('lax.bitcastConvertType', { x: must.arrayLike, dtype: must.dtype })

/** The bits read as another dtype of the same width. */
export const bitcastConvertType = (x: ArrayLike, dtype: DType): NDArray => {
  bitcastConvertTypeDoor(x, dtype)
  return ops.bitcast(asArray(x), dtype)
}

/** Sum. */
export const add = binary('add', ops.add)
/** Difference. */
export const sub = binary('sub', ops.sub)
/** Product. */
export const mul = binary('mul', ops.mul)
/** Quotient; of integers truncated towards zero, and by zero -1 (all bits set), as XLA has it. */
export const div = binary('div', ops.div)
/** Remainder with the sign of `x`; of an integer by zero, `x`. */
export const rem = binary('rem', ops.rem)
/** `x` to the power `y`. */
export const pow = binary('pow', ops.pow)
/** The angle of the point (`y`, `x`), in radians: `atan2(x, y)` takes the ordinate first. */
export const atan2 = binary('atan2', ops.atan2)
/** `log(exp(x) + exp(y))`, without overflow. */
export const logaddexp = binary('logaddexp', ops.logaddexp)
/** The larger; NaN if either is. Ties share the gradient. */
export const max = binary('max', ops.max)
/** The smaller; NaN if either is. Ties share the gradient. */
export const min = binary('min', ops.min)
/** The next float after `x` in the direction of `y`. */
export const nextafter = binary('nextafter', ops.nextafter)
/** Logical and of bools, bitwise and of integers. */
export const bitwiseAnd = binary('bitwiseAnd', ops.and)
/** Logical or of bools, bitwise or of integers. */
export const bitwiseOr = binary('bitwiseOr', ops.or)
/** Exclusive or. */
export const bitwiseXor = binary('bitwiseXor', ops.xor)
/** Shifts by the width or more give 0. */
export const shiftLeft = binary('shiftLeft', ops.shiftLeft)
/** Shifts zeros in; by the width or more gives 0. */
export const shiftRightLogical = binary('shiftRightLogical', ops.shiftRightLogical)
/** Shifts the sign in; by the width or more gives the sign: 0 or -1. */
export const shiftRightArithmetic = binary('shiftRightArithmetic', ops.shiftRightArithmetic)
/** Whether equal; NaN is equal to nothing. */
export const eq = binary('eq', ops.eq)
/** Whether different. */
export const ne = binary('ne', ops.ne)
/** Whether less. */
export const lt = binary('lt', ops.lt)
/** Whether less or equal. */
export const le = binary('le', ops.le)
/** Whether greater. */
export const gt = binary('gt', ops.gt)
/** Whether greater or equal. */
export const ge = binary('ge', ops.ge)

const selectDoor = must.door('lax.select', { which: must.arrayLike, onTrue: must.arrayLike, onFalse: must.arrayLike })

/** `onTrue` where `which` (bool) holds, else `onFalse`. */
export const select = (which: ArrayLike, onTrue: ArrayLike, onFalse: ArrayLike): NDArray => {
  selectDoor(which, onTrue, onFalse)
  return ops.select(asArray(which), beside('select', onTrue, onFalse), beside('select', onFalse, onTrue))
}

const clampDoor = must.door('lax.clamp', { low: must.arrayLike, x: must.arrayLike, high: must.arrayLike })

/** `x` moved into `[low, high]`; bounds may be scalars. The gradient is `x`'s only strictly inside. */
export const clamp = (low: ArrayLike, x: ArrayLike, high: ArrayLike): NDArray => {
  clampDoor(low, x, high)
  const array = asArray(x)
  const bound = (b: ArrayLike): NDArray => {
    const given = beside('clamp', b, x)
    return given.aval.rank === 0 ? broadcast(given, array.aval.shape, []) : given
  }
  return ops.clamp(bound(low), array, bound(high))
}
