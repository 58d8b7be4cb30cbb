/** How far guesses are from the truth: edit distance, and error rates by it. */

/**
 * The fewest insertions, deletions and replacements that make `b` of `a`: Levenshtein (1966), by the table of Wagner and
 * Fischer (1974), of which one row is kept.
 */
export const editDistance = <T>(a: readonly T[], b: readonly T[]): number => {
  // Entry j: the distance of what has been seen of `a` to the first j elements of `b`.
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (const x of a) {
    const next = [row[0]! + 1]
    b.forEach((y, j) => next.push(Math.min(row[j + 1]! + 1, next[j]! + 1, row[j]! + (x === y ? 0 : 1))))
    row = next
  }
  return row.at(-1)!
}

/** A guess, and what would have been right: at least one sequence. */
export interface Guess<T> {
  readonly guess: readonly T[]
  readonly truths: readonly (readonly T[])[]
}

export interface ErrorRates {
  /** Edits per symbol of the nearest truths. */
  readonly symbols: number
  /** Share of guesses that are none of their truths. */
  readonly sequences: number
}

/** Error rates over guesses, each measured by the truth that is nearest to it. */
export const errorRates = <T>(guesses: readonly Guess<T>[]): ErrorRates => {
  let [edits, symbols, wrong] = [0, 0, 0]
  for (const { guess, truths } of guesses) {
    const distances = truths.map((truth) => editDistance(guess, truth))
    const nearest = distances.indexOf(Math.min(...distances))
    edits += distances[nearest]!
    symbols += truths[nearest]!.length
    wrong += distances[nearest] === 0 ? 0 : 1
  }
  return { symbols: edits / symbols, sequences: wrong / guesses.length }
}
