/** NumPy's elementwise functions of one and two operands. */
import { calledAs } from '../core/calledAs.ts'
import { door, nullable } from '../core/arguments.ts'
import { isFloat, kindOf } from '../core/dtype.ts'
import { DTypeError } from '../core/errors.ts'
import { fullLike, zerosLike } from '../ops/creation.ts'
import * as ops from '../ops/elementwise.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { arrayLike } from '../conversions/arguments.ts'
import { arrayFor, asArray } from '../conversions/convert.ts'
import { inexact, promoteTwoArrays, promoteTwoInexact } from '../conversions/promote.ts'

type Op2 = (x: NDArray, y: NDArray) => NDArray

const isBool = (x: NDArray): boolean => x.aval.dtype === 'bool'
const isUnsigned = (x: NDArray): boolean => kindOf(x.aval.dtype) === 'unsigned'

const binary =
  (name: string, op: Op2, onBool: Op2 = op) =>
  (x: ArrayLike, y: ArrayLike): NDArray => {
    const [a, b] = promoteTwoArrays(name, x, y)
    return isBool(a) ? onBool(a, b) : op(a, b)
  }

export const add = binary('np.add', ops.add, ops.or)
export const multiply = binary('np.multiply', ops.mul, ops.and)
export const subtract = binary('np.subtract', ops.sub, () => {
  throw new DTypeError('np.subtract: bools cannot be subtracted. Use np.logicalXor, or np.astype to int32 first.')
})
export const maximum = binary('np.maximum', ops.max)
export const minimum = binary('np.minimum', ops.min)
export const equal = binary('np.equal', ops.eq)
export const notEqual = binary('np.notEqual', ops.ne)
export const less = binary('np.less', ops.lt)
export const lessEqual = binary('np.lessEqual', ops.le)
export const greater = binary('np.greater', ops.gt)
export const greaterEqual = binary('np.greaterEqual', ops.ge)

export const divide = (x: ArrayLike, y: ArrayLike): NDArray => {
  const [a, b] = promoteTwoInexact('np.divide', x, y)
  return ops.div(a, b)
}

/** Promotes operands to a common type that has integer arithmetic. */
const promoteNumbers = (name: string, x: ArrayLike, y: ArrayLike): readonly [NDArray, NDArray] => {
  const [a, b] = promoteTwoArrays(name, x, y)
  return isBool(a) ? [ops.cast(a, 'int32'), ops.cast(b, 'int32')] : [a, b]
}

// Where the remainder has the dividend's sign and needs the divisor's.
const isWrongSide = (r: NDArray, b: NDArray): NDArray => {
  const zero = zerosLike(r)
  return ops.and(ops.ne(ops.lt(r, zero), ops.lt(b, zero)), ops.ne(r, zero))
}

const floorRemainder = (a: NDArray, b: NDArray): NDArray => {
  const r = ops.rem(a, b)
  return ops.select(isWrongSide(r, b), ops.add(r, b), r)
}

export const remainder = (x: ArrayLike, y: ArrayLike): NDArray => {
  const [a, b] = promoteNumbers('np.remainder', x, y)
  // An integer remainder by zero is zero, as in JAX.
  if (isFloat(a.aval.dtype)) return floorRemainder(a, b)
  return floorRemainder(a, ops.select(ops.eq(b, zerosLike(b)), fullLike(b, 1), b))
}

// The difference is a multiple of the divisor up to rounding, so the quotient is rounded at the end.
const floatFloorDivide = (a: NDArray, b: NDArray): NDArray => {
  const r = ops.rem(a, b)
  const whole = ops.select(ops.eq(b, zerosLike(b)), a, ops.sub(a, r))
  const quotient = ops.div(whole, b)
  return ops.round(ops.select(isWrongSide(r, b), ops.sub(quotient, fullLike(quotient, 1)), quotient))
}

// A divisor of 0 has sign 0, which differs from the sign of the dividend, as in JAX: -7 // 0 is -2.
const integerFloorDivide = (a: NDArray, b: NDArray): NDArray => {
  const quotient = ops.div(a, b)
  const differ = ops.and(ops.ne(ops.sign(a), ops.sign(b)), ops.ne(ops.rem(a, b), zerosLike(a)))
  return ops.select(differ, ops.sub(quotient, fullLike(quotient, 1)), quotient)
}

export const floorDivide = (x: ArrayLike, y: ArrayLike): NDArray => {
  const [a, b] = promoteNumbers('np.floorDivide', x, y)
  if (isUnsigned(a)) return ops.div(a, b)
  return isFloat(a.aval.dtype) ? floatFloorDivide(a, b) : integerFloorDivide(a, b)
}

export const power = (x: ArrayLike, y: ArrayLike): NDArray => {
  if (typeof y === 'number' && Number.isInteger(y)) {
    const base = arrayFor('np.power', x)
    if (isFloat(base.aval.dtype) || y >= 0) {
      return ops.integerPow(isBool(base) ? ops.cast(base, 'int32') : base, y)
    }
    throw new DTypeError(
      `np.power: an integer to a negative power (${y}) is not an integer. Use np.astype(x, 'float32').`,
    )
  }
  const [a, b] = promoteNumbers('np.power', x, y)
  return ops.pow(a, b)
}

/** A function of one operand in floats: integers and bools become float32. */
export const float =
  (name: string, op: (x: NDArray) => NDArray) =>
  (x: ArrayLike): NDArray =>
    op(inexact(arrayFor(name, x)))

export const exp = float('np.exp', ops.exp)
export const log = float('np.log', ops.log)
export const sqrt = float('np.sqrt', ops.sqrt)
export const sin = float('np.sin', ops.sin)
export const cos = float('np.cos', ops.cos)
export const tanh = float('np.tanh', ops.tanh)

const numeric =
  (op: (x: NDArray) => NDArray, name: string) =>
  (x: ArrayLike): NDArray => {
    const array = arrayFor(name, x)
    if (isBool(array))
      throw new DTypeError(`${name}: bool has no sign. Use np.logicalNot, or np.astype to int32 first.`)
    return op(array)
  }

export const negative = numeric(ops.neg, 'np.negative')
export const sign = numeric(ops.sign, 'np.sign')

export const abs = (x: ArrayLike): NDArray => {
  const array = arrayFor('np.abs', x)
  return isBool(array) || isUnsigned(array) ? array : ops.abs(array)
}

export const square = (x: ArrayLike): NDArray => {
  const given = arrayFor('np.square', x)
  const array = isBool(given) ? ops.cast(given, 'int32') : given
  return ops.mul(array, array)
}

const clipDoor = door('np.clip', { x: arrayLike, low: nullable(arrayLike), high: nullable(arrayLike) })

export const clip = (x: ArrayLike, low?: ArrayLike | null, high?: ArrayLike | null): NDArray => {
  clipDoor(x, low, high)
  let y = asArray(x)
  return calledAs('np.clip', () => {
    if (low !== undefined && low !== null) y = maximum(y, low)
    return high !== undefined && high !== null ? minimum(y, high) : y
  })
}

/** The array as truth values: anything but 0 is true. */
export const truth = (x: ArrayLike): NDArray => ops.cast(asArray(x), 'bool')
