/**
 * Checks of arguments, made once, on entry to every public function. The door of a function is a table with a check for each
 * parameter, by name; options have their own table, with a check for every key.
 */
import { dtypes, isDType } from './dtype.ts'
import { ArgumentError, DTypeError, OutOfMemoryError, ShapeError } from './errors.ts'
import { show } from './show.ts'
import { suggestion } from './suggest.ts'

/** A check of one argument. */
export interface Check {
  /** For messages, after "must be". */
  readonly wanted: string
  readonly accepts: (value: unknown) => boolean
  /** The error for a value that is not accepted. `before` are the parameters before it. */
  readonly refuse: (operation: string, name: string, value: unknown, before: readonly string[]) => Error
  /** Whether an option is required. */
  readonly isRequired?: boolean
}

type Mistake = new (message: string) => Error

/** A check by a predicate. `hint` is one more sentence, for values that are often passed by mistake. */
export const kind = (
  wanted: string,
  accepts: (value: unknown) => boolean,
  { error = ArgumentError, hint }: { readonly error?: Mistake; readonly hint?: (value: unknown) => string | null } = {},
): Check => ({
  wanted,
  accepts,
  refuse: (operation, name, value) => {
    const more = hint?.(value) ?? (value === undefined ? 'Was an argument left out?' : null)
    return new error(`${operation}: ${name} must be ${wanted}, got ${show(value)}.${more === null ? '' : ` ${more}`}`)
  },
})

const isNumber = (x: unknown): x is number => typeof x === 'number'

/** Accepts anything: the value is checked later, or needs no check. */
export const anything: Check = kind('anything', () => true)
/** No argument at all, where one might be given by mistake. */
export const nothing = (hint: string): Check =>
  kind('left out', (x) => x === undefined, { hint: () => `${hint[0]!.toUpperCase()}${hint.slice(1)}.` })
export const boolean = kind('true or false', (x) => typeof x === 'boolean')
export const string = kind('a string', (x) => typeof x === 'string')
export const number = kind('a number', isNumber)
export const finite = kind('a finite number', Number.isFinite)
export const positive = kind('a number above 0', (x) => isNumber(x) && x > 0)
export const notNegative = kind('a number not below 0', (x) => isNumber(x) && x >= 0)
/** A fraction, or a probability. */
export const fraction = kind('a number from 0 to 1', (x) => isNumber(x) && x >= 0 && x <= 1)
export const integer = kind('an integer', Number.isSafeInteger)
const isNatural = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0
export const natural = kind('a whole number, 0 or above', isNatural)
export const count = kind('a whole number, 1 or above', (x) => isNatural(x) && x > 0)
export const instance = (wanted: string, type: abstract new (...args: never[]) => unknown): Check =>
  kind(wanted, (x) => x instanceof type)

export const func = kind('a function', (x) => typeof x === 'function', {
  hint: (x) => (x === undefined ? null : 'Give the function itself, not its result.'),
})

export const dtype = kind('a dtype', isDType, {
  error: DTypeError,
  hint: () => `Known: ${dtypes.join(', ')}.`,
})

/** Results are made one after the other: a larger count is a size passed by mistake. */
const MOST_TIMES = 2 ** 20

/** How often something is done, or how many arrays come out in a list. */
export const times = kind(`a whole number from 0 to ${MOST_TIMES}`, (x) => isNatural(x) && x <= MOST_TIMES)

/** One of these strings. */
export const oneOf = (known: readonly (string | null)[]): Check =>
  kind(known.map((k) => (k === null ? 'null' : `'${k}'`)).join(' or '), (x) => known.includes(x as string), {
    hint: (x) => {
      const near = typeof x === 'string' ? suggestion(x, known.filter((k) => k !== null)) : null // prettier-ignore
      return near === null ? null : `Did you mean '${near}'?`
    },
  })

/** Longer lists are not arguments: such a list was given a length without elements. */
const LONGEST = 2 ** 26

/** A JS array, of a length if one is given, without holes. */
export const isListOf = (x: unknown, accepts: (item: unknown) => boolean, length?: number): boolean => {
  if (!Array.isArray(x) || x.length > LONGEST || (length !== undefined && x.length !== length)) return false
  for (const item of x) if (!accepts(item)) return false
  return true
}

/** A hint for values that are often passed instead of a list. */
export const listHint = (x: unknown): string | null => {
  if (typeof x === 'number') return `In a list: [${x}].`
  if (ArrayBuffer.isView(x)) return 'Array.from makes a list of it.'
  if (typeof x === 'object' && x !== null && 'aval' in x) return 'Its toArray() gives a list.'
  return null
}

/** A list of what the check accepts. */
export const listOf = (check: Check, wanted = `a list, each ${check.wanted}`, length?: number): Check =>
  kind(wanted, (x) => isListOf(x, check.accepts, length), { hint: listHint })

/** A pair of what the check accepts. */
export const pairOf = (check: Check, wanted = `a pair, each ${check.wanted}`): Check => listOf(check, wanted, 2)

/** Accepts what one of the checks accepts. The last check makes the error for other values. */
export const anyOf = (...checks: readonly Check[]): Check => {
  const wanted = checks.map((c) => c.wanted).join(', or ')
  return { ...kind(wanted, (x) => checks.some((c) => c.accepts(x)), { hint: listHint }) }
}

/** May be left out. */
export const optional = (check: Check): Check => ({ ...check, accepts: (x) => x === undefined || check.accepts(x) })

/** May be left out, or null. */
export const nullable = (check: Check): Check => ({
  ...check,
  accepts: (x) => x === undefined || x === null || check.accepts(x),
})

/** An option that must be there. */
export const required = (check: Check): Check => ({ ...check, isRequired: true })

const integers = (x: unknown): boolean => isListOf(x, Number.isSafeInteger)

/** One axis. `normalizeAxis` checks whether the array has it. */
export const axis = kind('an integer', Number.isSafeInteger, { error: ShapeError })
/** Axes in a list. */
export const axisList = kind('a list of integers', integers, { error: ShapeError, hint: listHint })
/** One axis or several. */
export const axes = kind('an integer or a list of integers', (x) => Number.isSafeInteger(x) || integers(x), {
  error: ShapeError,
  hint: listHint,
})

/** This many elements take 2 GiB even if each is one byte. */
const MOST_ELEMENTS = 2 ** 31

const isShape = (x: unknown): boolean => {
  if (!isListOf(x, isNatural)) return false
  let size = 1
  for (const extent of x as readonly number[]) size *= extent
  return size <= MOST_ELEMENTS
}

const shapeFault = (operation: string, name: string, value: unknown, wanted: string): Error => {
  const list = isNatural(value) ? [value] : value
  const size = isListOf(list, isNatural) ? (list as readonly number[]).reduce((a, b) => a * b, 1) : 0
  if (size > MOST_ELEMENTS) {
    return new OutOfMemoryError(
      `${operation}: ${name} ${show(value)} has ${size} elements, which are ${size} bytes or more; an array has ` +
        `${MOST_ELEMENTS} bytes at most. Work on smaller pieces.`,
    )
  }
  const hint = Array.isArray(value) ? null : listHint(value)
  const got = `${operation}: ${name} must be ${wanted}, got ${show(value)}.`
  return new ShapeError(`${got} Extents are whole numbers, 0 or above.${hint === null ? '' : ` ${hint}`}`)
}

const aShape = 'a shape: a list of extents, such as [2, 3]'

/** The shape of an array to be made. */
export const shape: Check = {
  wanted: aShape,
  accepts: isShape,
  refuse: (operation, name, value) => shapeFault(operation, name, value, aShape),
}

const anExtent = `${aShape}, or one extent`

/** A shape, or the extent of a single axis. */
export const shapeOrExtent: Check = {
  wanted: anExtent,
  accepts: (x) => (typeof x === 'number' ? isNatural(x) && x <= MOST_ELEMENTS : isShape(x)),
  refuse: (operation, name, value) => shapeFault(operation, name, value, anExtent),
}

/** The extent of one axis. */
export const extent: Check = {
  wanted: 'an extent: a whole number, 0 or above',
  accepts: (x) => isNatural(x) && x <= MOST_ELEMENTS,
  refuse: (operation, name, value) => shapeFault(operation, name, value, 'an extent'),
}

/** Windows, strides and dilations: all positive. */
export const positiveExtents = kind('a list of positive whole numbers', (x) => isListOf(x, count.accepts), {
  error: ShapeError,
  hint: listHint,
})

/** A check for each option: the compiler names one that is missing. */
export type OptionTable<T> = { readonly [K in keyof Required<T>]: Check }

const isPlain = (x: unknown): x is Readonly<Record<string, unknown>> => {
  if (typeof x !== 'object' || x === null) return false
  const prototype: unknown = Object.getPrototypeOf(x)
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Shows how to write the options: the required ones, or a bare value as the first option that accepts it. */
const example = (operation: string, before: readonly string[], value: unknown, table: ReadonlyMap<string, Check>) => {
  const needed = [...table].flatMap(([key, { isRequired }]) => (isRequired === true ? [key] : []))
  if (needed.length > 0) return `${operation}(${[...before, `{ ${needed.join(', ')} }`].join(', ')})`
  const key = [...table].find(([, check]) => check.accepts(value))?.[0] ?? [...table.keys()][0]
  const literal = typeof value === 'string' ? `'${value}'` : show(value)
  const written = key === undefined ? '{}' : `{ ${key}: ${table.get(key)!.accepts(value) ? literal : '...'} }`
  return `${operation}(${[...before, written].join(', ')})`
}

const unknownOption = (operation: string, key: string, table: ReadonlyMap<string, Check>, what: string): Error => {
  const near = suggestion(key, [...table.keys()])
  const known = table.size === 0 ? `It has no ${what}s.` : `Known: ${[...table.keys()].join(', ')}.`
  return new ArgumentError(
    `${operation}: there is no ${what} '${key.slice(0, 40)}'. ${near === null ? known : `Did you mean ${near}? ${known}`}`,
  )
}

/** The first key that is unknown, or whose value is not accepted, or that is missing. */
const badOption = (given: Readonly<Record<string, unknown>>, table: ReadonlyMap<string, Check>): string | null => {
  for (const key in given) {
    const check = table.get(key)
    if (check === undefined) return key
    const value = given[key]
    if (value !== undefined && !check.accepts(value)) return key
  }
  return null
}

const missingOption = (given: Readonly<Record<string, unknown>>, needed: readonly string[]): string | null =>
  needed.find((key) => given[key] === undefined) ?? null

/**
 * An object with these options; each may be left out unless it is `required`.
 *
 * @param what - what they are called if they are not options: the inputs of a model.
 */
export const optionsOf = <T extends object>(checks: OptionTable<T>, what = 'option'): Check => {
  const table: ReadonlyMap<string, Check> = new Map(Object.entries<Check>(checks))
  const needed = [...table.keys()].filter((key) => table.get(key)!.isRequired === true)
  const accepts = (x: unknown): boolean => {
    if (x === undefined) return needed.length === 0
    return isPlain(x) && badOption(x, table) === null && (needed.length === 0 || missingOption(x, needed) === null)
  }
  return {
    wanted: `an object of ${what}s`,
    accepts,
    refuse: (operation, name, value, before) => {
      if (!isPlain(value)) {
        return new ArgumentError(
          `${operation}: ${what}s go in one object, as in ${example(operation, before, value, table)}; got ${show(value)}.`,
        )
      }
      const key = badOption(value, table) ?? missingOption(value, needed) ?? name
      const check = table.get(key)
      return check === undefined
        ? unknownOption(operation, key, table, what)
        : check.refuse(operation, key, value[key], [])
    },
  }
}

/** A check for each key of a record, whatever the keys are. */
export const recordOf = (check: Check, wanted: string): Check =>
  kind(wanted, (x) => isPlain(x) && Object.values(x).every(check.accepts))

/** Whether a value passes the check. One that throws when it is inspected does not. */
const passes = (check: Check, value: unknown): boolean => {
  try {
    return check.accepts(value)
  } catch {
    return false
  }
}

const refusal = (operation: string, names: readonly string[], i: number, check: Check, value: unknown): Error => {
  try {
    return check.refuse(operation, names[i]!, value, names.slice(0, i))
  } catch {
    return new ArgumentError(`${operation}: ${names[i]!} must be ${check.wanted}, got ${show(value)}.`)
  }
}

/** A door for operations whose names are computed at the call. */
export const checkArguments = (
  operation: string,
  parameters: { readonly [name: string]: Check },
  ...values: readonly unknown[]
): void => {
  let i = 0
  for (const name in parameters) {
    if (!passes(parameters[name]!, values[i])) {
      throw refusal(operation, Object.keys(parameters), i, parameters[name]!, values[i])
    }
    i++
  }
}

/** A function's door: called with its arguments, in order, it throws for the first invalid one. */
export type Door = (...values: readonly unknown[]) => void

/**
 * The door of an operation, from the checks of its parameters, in order. It runs in every call, so for few parameters it
 * allocates no list.
 */
export const door = (operation: string, parameters: { readonly [name: string]: Check }): Door => {
  const names = Object.keys(parameters)
  const checks = Object.values(parameters)
  const refuse = (...values: readonly unknown[]): void => {
    const bad = checks.findIndex((check, i) => !passes(check, values[i]))
    if (bad >= 0) throw refusal(operation, names, bad, checks[bad]!, values[bad])
  }
  const [first = anything, second = anything, third = anything, fourth = anything] = checks
  if (checks.length > 4) return refuse
  if (checks.length === 4) {
    return (x, y, z, w) => {
      if (!passes(first, x) || !passes(second, y) || !passes(third, z) || !passes(fourth, w)) refuse(x, y, z, w)
    }
  }
  return (x, y, z) => {
    if (!passes(first, x) || !passes(second, y) || !passes(third, z)) refuse(x, y, z)
  }
}
