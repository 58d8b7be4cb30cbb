/** The kinds of operation parameters: each has a test of its values, and a description for messages. */
import type { Aval } from '../core/aval.ts'
import type { DType } from '../core/dtype.ts'
import { isDType } from '../core/dtype.ts'
import type { HostCallback, PolicyName, PolicyRule } from './parameters.ts'
import type { AnyProgram } from './parts.ts'
import { isAnyProgram } from './parts.ts'

/** A kind of values. */
export interface Kind<T> {
  /** For messages, after "takes": `a whole number`. */
  readonly what: string
  readonly is: (value: unknown) => value is T
}

const isList = (x: unknown): x is readonly unknown[] => Array.isArray(x)
const isWhole = (x: unknown): x is number => Number.isSafeInteger(x)
const isNatural = (x: unknown): x is number => isWhole(x) && x >= 0

export const whole: Kind<number> = { what: 'a whole number', is: isWhole }

/** An axis, an extent, a number of things. */
export const natural: Kind<number> = { what: 'a whole number, 0 or more', is: isNatural }

/** A number of steps, which may be infinite. */
export const bound: Kind<number> = {
  what: 'a whole number, 0 or more, or inf',
  is: (x): x is number => x === Infinity || isNatural(x),
}

export const flag: Kind<boolean> = { what: 'true or false', is: (x) => typeof x === 'boolean' }

export const text: Kind<string> = { what: 'a text in quotes', is: (x) => typeof x === 'string' }

export const dtype: Kind<DType> = {
  what: 'a dtype in quotes, such as "float32"',
  is: (x): x is DType => typeof x === 'string' && isDType(x),
}

/** One of several words; the compiler checks that the table is complete. */
export const wordOf = <W extends string>(table: Readonly<Record<W, true>>): Kind<W> => ({
  what: `one of ${Object.keys(table)
    .map((w) => `"${w}"`)
    .join(', ')}`,
  is: (x): x is W => typeof x === 'string' && Object.hasOwn(table, x),
})

// `list.every` skips holes.
const every = (list: readonly unknown[], is: (x: unknown) => boolean): boolean => {
  for (const x of list) if (!is(x)) return false
  return true
}

/** Lists of values of one kind. */
export const listOf = <T>(what: string, { is }: Kind<T>): Kind<readonly T[]> => ({
  what,
  is: (x): x is readonly T[] => isList(x) && every(x, is),
})

/** Two values of one kind. */
export const pairOf = <T>(what: string, { is }: Kind<T>): Kind<readonly [T, T]> => ({
  what,
  is: (x): x is readonly [T, T] => isList(x) && x.length === 2 && every(x, is),
})

export const naturals = listOf('a list of whole numbers, 0 or more', natural)
export const wholes = listOf('a list of whole numbers', whole)

/** Axes of the left and of the right operand. */
export const axesOfBoth = pairOf('a pair of lists of whole numbers, 0 or more', naturals)

export const paddings = listOf('a list of pairs of whole numbers', pairOf('a pair of whole numbers', whole))

export const program: Kind<AnyProgram> = { what: 'a program', is: isAnyProgram }

export const programs = listOf('a list of programs', program)

export const programOrNull: Kind<AnyProgram | null> = {
  what: 'a program or null',
  is: (x): x is AnyProgram | null => x === null || isAnyProgram(x),
}

const policyName = wordOf<PolicyName>({
  everythingSaveable: true,
  nothingSaveable: true,
  dotsSaveable: true,
  dotsWithNoBatchDimsSaveable: true,
  saveOnlyTheseNames: true,
  saveAnythingExceptTheseNames: true,
  saveAnyNamesButThese: true,
})

const policyRule: Kind<PolicyRule> = {
  what: 'a policy and names',
  is: (x): x is PolicyRule => isList(x) && policyName.is(x[0]) && every(x, text.is),
}

export const policies = listOf(
  `a list of lists, each of which is the name of a policy, then names in quotes; policies are ${policyName.what}`,
  policyRule,
)

export const callback: Kind<HostCallback> = {
  what: 'a function of the host, for which there is no text',
  is: (x): x is HostCallback =>
    typeof x === 'object' &&
    x !== null &&
    'name' in x &&
    typeof x.name === 'string' &&
    'run' in x &&
    typeof x.run === 'function',
}

/** Types; each is checked with all other types of the program. */
export const avals: Kind<readonly Aval[]> = {
  what: 'a list of types',
  is: (x): x is readonly Aval[] => isList(x) && every(x, (a) => typeof a === 'object' && a !== null && 'dtype' in a),
}
