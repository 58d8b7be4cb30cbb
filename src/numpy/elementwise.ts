/** `np`: functions element by element. Operands are promoted by JAX's lattice and broadcast as in NumPy. */
import { isFloat, isInteger } from '../core/dtype.ts'
import { DTypeError } from '../core/errors.ts'
import { broadcastTwo } from '../core/shape.ts'
import { full, fullLike, zerosLike } from '../ops/creation.ts'
import * as ops from '../ops/elementwise.ts'
import { arrayFor, asArray, functions } from '../runtime/array.ts'
import * as must from '../surface/arguments.ts'
import * as surface from '../surface/arithmetic.ts'
import { inexact, promoteTwoArrays, promoteTwoInexact } from '../surface/promote.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'

/** Sum. Of bools: logical or. */
export const add = (x: ArrayLike, y: ArrayLike): NDArray => functions.add(x, y)
/** Difference. @throws DTypeError for bools. */
export const subtract = (x: ArrayLike, y: ArrayLike): NDArray => functions.subtract(x, y)
/** Product. Of bools: logical and. */
export const multiply = (x: ArrayLike, y: ArrayLike): NDArray => functions.multiply(x, y)
/** Quotient, always a float: integers and bools become float32. */
export const divide = (x: ArrayLike, y: ArrayLike): NDArray => functions.divide(x, y)
/** The largest integer not above the quotient. */
export const floorDivide = (x: ArrayLike, y: ArrayLike): NDArray => functions.floorDivide(x, y)
/** What is left of `x` after `floorDivide`: has the sign of `y`. */
export const remainder = (x: ArrayLike, y: ArrayLike): NDArray => functions.remainder(x, y)
/**
 * `x` to the power `y`. An integral JS number as exponent is a constant power, exact and cheap to differentiate.
 *
 * @throws DTypeError for an integer to a negative constant power.
 */
export const power = (x: ArrayLike, y: ArrayLike): NDArray => functions.power(x, y)
/** The larger; NaN if either is NaN. Ties share the gradient equally. */
export const maximum = (x: ArrayLike, y: ArrayLike): NDArray => functions.maximum(x, y)
/** The smaller; NaN if either is NaN. Ties share the gradient equally. */
export const minimum = (x: ArrayLike, y: ArrayLike): NDArray => functions.minimum(x, y)
/** `minimum(maximum(x, low), high)`; either bound may be null. */
export const clip = (x: ArrayLike, low?: ArrayLike | null, high?: ArrayLike | null): NDArray =>
  functions.clip(x, low, high)
const whereDoor = must.door('np.where', { condition: must.arrayLike, x: must.arrayLike, y: must.arrayLike })

/**
 * `x` where the condition holds, else `y`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.where(np.array([true, false]), 1, np.array([5, 6])) // => [1. 6.]
 * ```
 */
export const where = (condition: ArrayLike, x: ArrayLike, y: ArrayLike): NDArray => {
  whereDoor(condition, x, y)
  asArray(condition)
  return surface.where(condition, x, y)
}

/** Whether equal; NaN is equal to nothing. */
export const equal = (x: ArrayLike, y: ArrayLike): NDArray => functions.equal(x, y)
/** Whether different; NaN differs from everything. */
export const notEqual = (x: ArrayLike, y: ArrayLike): NDArray => functions.notEqual(x, y)
/** Whether less. */
export const less = (x: ArrayLike, y: ArrayLike): NDArray => functions.less(x, y)
/** Whether less or equal. */
export const lessEqual = (x: ArrayLike, y: ArrayLike): NDArray => functions.lessEqual(x, y)
/** Whether greater. */
export const greater = (x: ArrayLike, y: ArrayLike): NDArray => functions.greater(x, y)
/** Whether greater or equal. */
export const greaterEqual = (x: ArrayLike, y: ArrayLike): NDArray => functions.greaterEqual(x, y)

const truths = (name: string, x: ArrayLike, y: ArrayLike): readonly [NDArray, NDArray] =>
  promoteTwoArrays(name, surface.truth(asArray(x)), surface.truth(asArray(y)))

const logicalAndDoor = must.door('np.logicalAnd', { x: must.arrayLike, y: must.arrayLike })

/** Whether both are true (not 0). */
export const logicalAnd = (x: ArrayLike, y: ArrayLike): NDArray => {
  logicalAndDoor(x, y)
  return ops.and(...truths('np.logicalAnd', x, y))
}
const logicalOrDoor = must.door('np.logicalOr', { x: must.arrayLike, y: must.arrayLike })

/** Whether either is true (not 0). */
export const logicalOr = (x: ArrayLike, y: ArrayLike): NDArray => {
  logicalOrDoor(x, y)
  return ops.or(...truths('np.logicalOr', x, y))
}
const logicalXorDoor = must.door('np.logicalXor', { x: must.arrayLike, y: must.arrayLike })

/** Whether one of them is true (not 0), but not both. */
export const logicalXor = (x: ArrayLike, y: ArrayLike): NDArray => {
  logicalXorDoor(x, y)
  return ops.xor(...truths('np.logicalXor', x, y))
}
/** Whether false (0). */
export const logicalNot = (x: ArrayLike): NDArray => ops.not(surface.truth(arrayFor('np.logicalNot', x)))

/** `-x`. */
export const negative = (x: ArrayLike): NDArray => functions.negative(x)
/** Absolute value; its derivative at 0 is 1, as in JAX. */
export const abs = (x: ArrayLike): NDArray => functions.abs(x)
/** -1, 0 or 1; NaN stays NaN. */
export const sign = (x: ArrayLike): NDArray => functions.sign(x)
/** `x * x`. */
export const square = (x: ArrayLike): NDArray => functions.square(x)
/** Square root; NaN for negative numbers. Integers become float32, as in all functions below. */
export const sqrt = (x: ArrayLike): NDArray => functions.sqrt(x)
/** e to the power `x`. */
export const exp = (x: ArrayLike): NDArray => functions.exp(x)
/** Natural logarithm. */
export const log = (x: ArrayLike): NDArray => functions.log(x)
/** Sine of an angle in radians. */
export const sin = (x: ArrayLike): NDArray => functions.sin(x)
/** Cosine of an angle in radians. */
export const cos = (x: ArrayLike): NDArray => functions.cos(x)
/** Hyperbolic tangent. */
export const tanh = (x: ArrayLike): NDArray => functions.tanh(x)

const float =
  (name: string, op: (x: NDArray) => NDArray) =>
  (x: ArrayLike): NDArray =>
    op(inexact(arrayFor(name, x)))

/** `log(1 + x)`, accurate near 0. */
export const log1p = float('np.log1p', ops.log1p)
/** `exp(x) - 1`, accurate near 0. */
export const expm1 = float('np.expm1', ops.expm1)
/** 2 to the power `x`. */
export const exp2 = float('np.exp2', ops.exp2)
/** Tangent of an angle in radians. */
export const tan = float('np.tan', ops.tan)
/** Arc sine, in radians; NaN outside [-1, 1]. */
export const arcsin = float('np.arcsin', ops.asin)
/** Arc cosine, in radians; NaN outside [-1, 1]. */
export const arccos = float('np.arccos', ops.acos)
/** Arc tangent, in radians. */
export const arctan = float('np.arctan', ops.atan)
/** Hyperbolic sine. */
export const sinh = float('np.sinh', ops.sinh)
/** Hyperbolic cosine. */
export const cosh = float('np.cosh', ops.cosh)
/** Inverse hyperbolic sine. */
export const arcsinh = float('np.arcsinh', ops.asinh)
/** Inverse hyperbolic cosine; NaN below 1. */
export const arccosh = float('np.arccosh', ops.acosh)
/** Inverse hyperbolic tangent; NaN outside [-1, 1]. */
export const arctanh = float('np.arctanh', ops.atanh)
/** Cube root, of negative numbers too. */
export const cbrt = float('np.cbrt', ops.cbrt)
// A constant with a dtype, as JAX has it here: what it meets is weak no longer.
const strong = ({ aval }: NDArray, value: number): NDArray => full(aval.shape, value, aval.dtype)

/** Logarithm to the base 2. */
export const log2 = float('np.log2', (x) => ops.div(ops.log(x), strong(x, Math.LN2)))
/** Logarithm to the base 10. */
export const log10 = float('np.log10', (x) => ops.div(ops.log(x), strong(x, Math.LN10)))
/** `1 / x`. */
export const reciprocal = float('np.reciprocal', (x) => ops.integerPow(x, -1))

const rounding = (name: string, op: (x: NDArray) => NDArray) => (x: ArrayLike) =>
  surface.rounding(op)(arrayFor(name, x))

/** The largest integer not above. */
export const floor = rounding('np.floor', ops.floor)
/** The least integer not below. */
export const ceil = rounding('np.ceil', ops.ceil)
/** Towards zero. */
export const trunc = rounding('np.trunc', (x) => ops.select(ops.lt(x, zerosLike(x)), ops.ceil(x), ops.floor(x)))

const roundDoor = must.door('np.round', { x: must.arrayLike, decimals: must.optional(must.integer) })

/**
 * To `decimals` places, halves to the even digit. Integers stay as they are.
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
  if (decimals === 0 || !isFloat(array.aval.dtype)) return surface.rounding(ops.round)(array)
  const factor = fullLike(array, 10 ** decimals)
  const rounded = ops.div(ops.round(ops.mul(array, factor)), factor)
  return ops.cast(rounded, array.aval.dtype, array.aval.weak)
}

/** The angle of the point (x, y), in radians from -π to π. */
export const arctan2 = (y: ArrayLike, x: ArrayLike): NDArray =>
  ops.atan2(...promoteTwoInexact('np.arctan2', arrayFor('np.arctan2', y), arrayFor('np.arctan2', x)))

/** `log(exp(x) + exp(y))`, without overflow. */
export const logaddexp = (x: ArrayLike, y: ArrayLike): NDArray =>
  ops.logaddexp(...promoteTwoInexact('np.logaddexp', arrayFor('np.logaddexp', x), arrayFor('np.logaddexp', y)))

/** `sqrt(x² + y²)`, without overflow or underflow in between. */
export const hypot = (x: ArrayLike, y: ArrayLike): NDArray => {
  const operands = promoteTwoInexact('np.hypot', arrayFor('np.hypot', x), arrayFor('np.hypot', y))
  const [a, b] = operands.map(ops.abs) as [NDArray, NDArray]
  // Not the maximum and the minimum, whose derivatives at ties are not those of one operand: second derivatives would be wrong.
  const first = ops.ge(a, b)
  const [longer, shorter] = [ops.select(first, a, b), ops.select(first, b, a)]
  const none = ops.eq(longer, zerosLike(longer))
  const ratio = ops.div(shorter, ops.select(none, fullLike(longer, 1), longer))
  const length = ops.mul(longer, ops.sqrt(ops.add(fullLike(ratio, 1), ops.mul(ratio, ratio))))
  // An infinity beside a NaN is an infinity still.
  const infinity = strong(longer, Infinity)
  const infinite = ops.or(ops.eq(a, infinity), ops.eq(b, infinity))
  return ops.select(infinite, infinity, ops.select(none, ops.max(a, b), length))
}

const always = (x: NDArray, value: boolean): NDArray => full(x.aval.shape, value ? 1 : 0, 'bool')

/** Whether neither infinite nor NaN. */
export const isfinite = (x: ArrayLike): NDArray => {
  const array = arrayFor('np.isfinite', x)
  return isFloat(array.aval.dtype) ? ops.isFinite(array) : always(array, true)
}
/** Whether NaN. */
export const isnan = (x: ArrayLike): NDArray => {
  const array = arrayFor('np.isnan', x)
  return isFloat(array.aval.dtype) ? ops.ne(array, array) : always(array, false)
}
/** Whether infinite. */
export const isinf = (x: ArrayLike): NDArray => {
  const array = arrayFor('np.isinf', x)
  return isFloat(array.aval.dtype) ? ops.eq(ops.abs(array), fullLike(array, Infinity)) : always(array, false)
}

/** How far from each other numbers may be: `|x - y| <= atol + rtol * |y|`. */
export interface CloseOptions {
  /** 1e-5 by default. */
  readonly rtol?: ArrayLike
  /** 1e-8 by default. */
  readonly atol?: ArrayLike
  readonly equalNan?: boolean
}

const closeOptions: must.OptionTable<CloseOptions> = {
  rtol: must.arrayLike,
  atol: must.arrayLike,
  equalNan: must.boolean,
}

const iscloseDoor = must.door('np.isclose', {
  x: must.arrayLike,
  y: must.arrayLike,
  options: must.optionsOf(closeOptions),
})

/** Element by element: `|x - y| <= atol + rtol * |y|`, or equal, infinities included. */
export const isclose = (x: ArrayLike, y: ArrayLike, options: CloseOptions = {}): NDArray => {
  iscloseDoor(x, y, options)
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options
  const [a, b] = promoteTwoInexact('np.isclose', asArray(x), asArray(y))
  const near = lessEqual(abs(ops.sub(a, b)), add(atol, multiply(rtol, ops.abs(b))))
  const close = logicalOr(logicalAnd(near, ops.isFinite(b)), ops.eq(a, b))
  return equalNan ? logicalOr(close, ops.and(ops.ne(a, a), ops.ne(b, b))) : close
}

const allcloseDoor = must.door('np.allclose', {
  x: must.arrayLike,
  y: must.arrayLike,
  options: must.optionsOf(closeOptions),
})

/**
 * Whether all elements are close (a bool of rank 0).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.allclose(np.array([1, 2]), np.array([1, 2 + 1e-7])).bool() // => true
 * ```
 */
export const allclose = (x: ArrayLike, y: ArrayLike, options: CloseOptions = {}): NDArray => {
  allcloseDoor(x, y, options)
  return functions.all(isclose(x, y, options))
}

const arrayEqualDoor = must.door('np.arrayEqual', {
  x: must.arrayLike,
  y: must.arrayLike,
  options: must.optionsOf<{ readonly equalNan?: boolean }>({ equalNan: must.boolean }),
})

/**
 * Whether shapes and all elements are equal (a bool of rank 0).
 *
 * @param options - `equalNan`: whether NaN is equal to NaN; false by default.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.arrayEqual(np.array([1, NaN]), np.array([1, NaN]), { equalNan: true }) // => True
 * ```
 */
export const arrayEqual = (x: ArrayLike, y: ArrayLike, options: { readonly equalNan?: boolean } = {}): NDArray => {
  arrayEqualDoor(x, y, options)
  const { equalNan = false } = options
  const [a, b] = [asArray(x), asArray(y)]
  if (a.aval.shape.join() !== b.aval.shape.join()) return asArray(false)
  const same = functions.equal(a, b)
  return functions.all(equalNan ? logicalOr(same, logicalAnd(isnan(a), isnan(b))) : same)
}

const broadcastShapesDoor = must.door('np.broadcastShapes', { shapes: must.listOf(must.shape) })

/** The shape that shapes broadcast to. */
export const broadcastShapes = (...shapes: readonly (readonly number[])[]): readonly number[] => {
  broadcastShapesDoor(shapes)
  return shapes.reduce((a, b) => broadcastTwo('np.broadcastShapes', a, b), [])
}
