/**
 * Arithmetic on hyperparameters, which are JS numbers or arrays, possibly traced. Arithmetic on numbers is in double precision:
 * 1 - 0.999 in float32 is wrong in the fifth digit.
 */
import type { DType } from '../core/dtype.ts'
import type { ArrayLike } from '../trace/surface.ts'
import { divide, multiply, sqrt, subtract } from './arithmetic.ts'
import { astype } from './shape.ts'

const either =
  (ofNumbers: (a: number, b: number) => number, ofArrays: (a: ArrayLike, b: ArrayLike) => ArrayLike) =>
  (a: ArrayLike, b: ArrayLike): ArrayLike =>
    typeof a === 'number' && typeof b === 'number' ? ofNumbers(a, b) : ofArrays(a, b)

export const minus = either((a, b) => a - b, subtract)
export const times = either((a, b) => a * b, multiply)
export const over = either((a, b) => a / b, divide)

/** `1 - x` */
export const complement = (x: ArrayLike): ArrayLike => minus(1, x)

/** The square root. */
export const root = (x: ArrayLike): ArrayLike => (typeof x === 'number' ? Math.sqrt(x) : sqrt(x))

/** Arrays are cast to a dtype; numbers stay, as they take the other operand's. */
export const inType = (x: ArrayLike, dtype: DType): ArrayLike => (typeof x === 'number' ? x : astype(x, dtype))
