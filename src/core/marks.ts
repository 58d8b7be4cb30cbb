/** Lists of booleans that mark positions in other lists: which operands have tangents, are mapped, are unknown. */

export type Marks = readonly boolean[]

/** The values at marked positions. */
export const marked = <T>(xs: readonly T[], marks: Marks): T[] => xs.filter((_, i) => marks[i])

/** The values at unmarked positions. */
export const unmarked = <T>(xs: readonly T[], marks: Marks): T[] => xs.filter((_, i) => marks[i] !== true)

/** Puts values, in order, at marked positions; null elsewhere. */
export const spread = <T>(xs: readonly T[], marks: Marks): (T | null)[] => {
  let next = 0
  return marks.map((m) => (m ? xs[next++]! : null))
}

/** Merges two lists: `yes` at marked positions, `no` elsewhere, each in order. */
export const interleave = <T>(yes: readonly T[], no: readonly T[], marks: Marks): T[] => {
  let y = 0
  let n = 0
  return marks.map((m) => (m ? yes[y++]! : no[n++]!))
}

/** Marked in any of the lists. */
export const union = (lists: readonly Marks[]): boolean[] => lists[0]!.map((_, i) => lists.some((l) => l[i]))

export const countMarks = (marks: Marks): number => marks.filter(Boolean).length

/** Lists of marks as a key, under which derived programs are cached. */
export const keyOf = (...lists: readonly Marks[]): string =>
  lists.map((marks) => marks.map((m) => (m ? '1' : '0')).join('')).join('/')

/** Cuts a list into consecutive parts of these lengths. */
export const cut = <T>(xs: readonly T[], ...lengths: readonly number[]): T[][] => {
  let at = 0
  return lengths.map((n) => xs.slice(at, (at += n)))
}
