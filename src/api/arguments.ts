import { ArgumentError } from '../core/errors.ts'
import { show } from '../core/show.ts'
import * as must from '../conversions/arguments.ts'

export type Argnums = number | readonly number[]

/** Checks an option that names arguments by position. Whether the positions exist is checked once the arguments are given. */
export const argnums = must.kind(
  'an integer or a list of integers',
  (x) => must.integer.accepts(x) || must.listOf(must.integer).accepts(x),
)

/** Positions of arguments counted from the front. */
export const positionsOf = (operation: string, option: string, argnums: Argnums, count: number): readonly number[] => {
  const given = typeof argnums === 'number' ? [argnums] : argnums
  return given.map((n) => {
    if (!Number.isInteger(n) || n < -count || n >= count) {
      throw new ArgumentError(`${operation}: ${option} ${n} does not name one of the ${count} arguments given.`)
    }
    return n < 0 ? n + count : n
  })
}

/**
 * Throws unless all are functions, given by their names among the parameters.
 *
 * @throws ArgumentError naming the first that is not a function.
 */
export const requireFunctions = (operation: string, functions: { readonly [name: string]: unknown }): void => {
  const bad = Object.entries(functions).find(([, f]) => typeof f !== 'function')
  if (bad === undefined) return
  const [name, given] = bad
  throw new ArgumentError(
    `${operation}: ${name} must be a function, got ${show(given)}. Give the function itself, not its result.`,
  )
}

/** `args` with those at `positions` replaced. */
export const replaceAt = (
  args: readonly unknown[],
  positions: readonly number[],
  values: readonly unknown[],
): readonly unknown[] => {
  const out = args.slice()
  positions.forEach((p, i) => {
    out[p] = values[i]
  })
  return out
}
