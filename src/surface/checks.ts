/** What arguments that are plain JS values must be. */
import { isFloat } from '../core/dtype.ts'
import { ArgumentError, DTypeError } from '../core/errors.ts'
import type { NDArray } from '../trace/value.ts'

/** Throws unless options came in an object: a bare axis would silently be ignored. */
export const checkOptions = (name: string, options: unknown, example = 'x, { axis: 0 }'): void => {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return
  throw new ArgumentError(
    `${name}: options go in one object, as in ${name}(${example}); got ${JSON.stringify(options)}.`,
  )
}

/** Throws unless all are integers, not below `least`. */
export const checkIntegers = (name: string, what: string, values: readonly number[], least = -Infinity): void => {
  const bad = values.find((n) => !Number.isInteger(n) || n < least)
  if (bad === undefined) return
  throw new ArgumentError(`${name}: ${what} must be ${least === 0 ? 'a whole number' : 'an integer'}, got ${bad}.`)
}

/** Throws unless the value is one of those known. */
export const checkOneOf = (name: string, what: string, value: string, known: readonly string[]): void => {
  if (known.includes(value)) return
  throw new ArgumentError(`${name}: '${value}' is not a ${what}. Known: ${known.join(', ')}.`)
}

/** Throws if the array's dtype does not hold the number: what it stands for would be truncated silently. */
export const checkFits = (name: string, x: number, { aval }: NDArray): void => {
  const fits = isFloat(aval.dtype) || (aval.dtype === 'bool' ? x === 0 || x === 1 : Number.isInteger(x))
  if (fits) return
  throw new DTypeError(`${name}: ${x} beside ${aval} would be truncated. Convert the array with np.astype.`)
}

/** Throws for an option of another name, which would silently be ignored. */
export const checkKnownOptions = (name: string, options: object, known: readonly string[]): void => {
  checkOptions(name, options, `x, { ${known[0]!} }`)
  const stranger = Object.keys(options).find((key) => !known.includes(key))
  if (stranger === undefined) return
  throw new ArgumentError(`${name}: there is no option '${stranger}'. Known: ${known.join(', ')}.`)
}
