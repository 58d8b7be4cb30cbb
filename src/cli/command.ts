/** The definition of a command of `pullback`: its arguments, its options, and what it does. */

/** Where a command writes: the process's streams, or a test's. */
export interface Terminal {
  readonly out: (text: string) => void
  /** Draws progress bars on standard error, each over the last. */
  readonly draw: ((text: string) => void) | null
}

/** An option: `--name VALUE`, or `--name` for flags. */
export interface Option {
  readonly type: 'string' | 'boolean'
  /** The placeholder of the value in the help. */
  readonly value?: string
  readonly help: string
}

/** The arguments of a command. */
export interface Given {
  readonly words: readonly string[]
  readonly text: (name: string) => string | undefined
  readonly flag: (name: string) => boolean
}

export interface Command {
  readonly name: string
  /** The arguments after the name: `PATH`. */
  readonly usage: string
  readonly summary: string
  readonly options: { readonly [name: string]: Option }
  /** The smallest and the largest number of arguments. */
  readonly words: readonly [least: number, most: number]
  readonly run: (given: Given, terminal: Terminal) => Promise<void>
}

/** Wrong usage of the command line: exit code 2. */
export class UsageError extends Error {}

/** A command that failed: exit code 1. */
export class FailedError extends Error {}

/** The value of a task or a check; its error is thrown as a failure. */
export const orFail = <A>(
  result:
    | { readonly _tag: 'Left'; readonly left: { readonly message: string } }
    | { readonly _tag: 'Right'; readonly right: A },
): A => {
  if (result._tag === 'Right') return result.right
  throw new FailedError(result.left.message)
}

/** A required option. */
export const required = (given: Given, name: string): string => {
  const value = given.text(name)
  if (value !== undefined) return value
  throw new UsageError(`--${name} is missing`)
}

/** An option that is a number from `least` to `most`. */
export const numberOption = (given: Given, name: string, least: number, most: number): number | undefined => {
  const value = given.text(name)
  if (value === undefined) return undefined
  const number = value.trim() === '' ? NaN : Number(value)
  if (number >= least && number <= most) return number
  throw new UsageError(
    `--${name} must be a number from ${least}${most === Infinity ? ' on' : ` to ${most}`}, not '${value}'`,
  )
}

/** An option that is one of some words. */
export const wordOption = <W extends string>(given: Given, name: string, words: readonly W[]): W | undefined => {
  const value = given.text(name)
  if (value === undefined) return undefined
  const found = words.find((word) => word === value)
  if (found !== undefined) return found
  throw new UsageError(`--${name} must be one of ${words.join(', ')}, not '${value}'`)
}
