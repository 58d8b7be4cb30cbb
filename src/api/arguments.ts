import { ArgumentError } from '../core/errors.ts'

export type Argnums = number | readonly number[]

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
