/** Checks of arguments that are plain JS values. */
import { isFloat } from '../core/dtype.ts'
import { ArgumentError, DTypeError } from '../core/errors.ts'
import type { NDArray } from '../trace/value.ts'

/** Throws unless all are integers of at least `least`. */
export const checkIntegers = (name: string, what: string, values: readonly number[], least = -Infinity): void => {
  const bad = values.find((n) => !Number.isInteger(n) || n < least)
  if (bad === undefined) return
  throw new ArgumentError(`${name}: ${what} must be ${least === 0 ? 'a whole number' : 'an integer'}, got ${bad}.`)
}

/** Throws if the array's dtype cannot represent the number, which would be truncated silently. */
export const checkFits = (name: string, x: number, { aval }: NDArray): void => {
  const fits = isFloat(aval.dtype) || (aval.dtype === 'bool' ? x === 0 || x === 1 : Number.isInteger(x))
  if (fits) return
  throw new DTypeError(`${name}: ${x} beside ${aval} would be truncated. Convert the array with np.astype.`)
}
