/** What a command of `pullback` is: its words, its options, and what it does. */

/** Where a command writes: the process's streams, or a test's. */
export interface Terminal {
  readonly out: (text: string) => void
  /** Of standard error: bars of progress, which are drawn over. */
  readonly draw: ((text: string) => void) | null
}

/** An option: `--name VALUE`, or `--name` for flags. */
export interface Option {
  readonly type: 'string' | 'boolean'
  /** What stands for the value in the help. */
  readonly value?: string
  readonly help: string
}

/** What a command was given. */
export interface Given {
  readonly words: readonly string[]
  readonly text: (name: string) => string | undefined
  readonly flag: (name: string) => boolean
}

export interface Command {
  readonly name: string
  /** What stands after the name: `PATH`. */
  readonly usage: string
  readonly summary: string
  readonly options: { readonly [name: string]: Option }
  /** How many words it takes, at least and at most. */
  readonly words: readonly [least: number, most: number]
  readonly run: (given: Given, terminal: Terminal) => Promise<void>
}

/** A wrong use of the command line: exit code 2. */
export class UsageError extends Error {}

/** What could not be done: exit code 1. */
export class FailedError extends Error {}

/** The value of a task or a check, or the failure that its error is. */
export const orFail = <A>(
  result:
    | { readonly _tag: 'Left'; readonly left: { readonly message: string } }
    | { readonly _tag: 'Right'; readonly right: A },
): A => {
  if (result._tag === 'Right') return result.right
  throw new FailedError(result.left.message)
}

/** An option that must be given. */
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
