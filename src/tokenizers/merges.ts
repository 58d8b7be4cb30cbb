/** Byte-pair encoding over token ids, for models in which the text of a token is not the concatenation of its parts. */

import type { Span } from './aligned.ts'
import { Heap } from './heap.ts'

/** The token that two neighbours merge to, and the rank of the merge. */
interface Merge {
  readonly rank: number
  readonly id: number
}

/** Merges by both tokens: see `pairOf`. */
export type Merges = ReadonlyMap<string, Merge>

/** The key of two tokens. */
export const pairOf = (left: number, right: number): string => `${left} ${right}`

/** A part of a word: its token, and its range. */
export interface Symbol {
  readonly id: number
  readonly span: Span
}

interface Candidate extends Merge {
  /** Of the left one. */
  readonly place: number
}

/** Whether a merge comes first: by rank, then leftmost. */
const isBefore = (a: Candidate, b: Candidate): boolean => a.rank < b.rank || (a.rank === b.rank && a.place < b.place)

/** All merges of a word, in n log n: neighbours are linked, and merged symbols are unlinked. */
export const mergeAll = (symbols: readonly Symbol[], merges: Merges): readonly Symbol[] => {
  const parts: (Symbol | null)[] = [...symbols]
  const previous = parts.map((_, i) => i - 1)
  const next = parts.map((_, i) => i + 1)
  const queue = new Heap(isBefore)
  const mergeAt = (place: number): Merge | undefined => {
    const [left, right] = [parts[place] ?? null, parts[next[place]!] ?? null]
    return left === null || right === null ? undefined : merges.get(pairOf(left.id, right.id))
  }
  const offer = (place: number): void => {
    const merge = mergeAt(place)
    if (merge !== undefined) queue.push({ ...merge, place })
  }
  for (let i = 0; i < parts.length - 1; i++) offer(i)
  for (let top = queue.pop(); top !== undefined; top = queue.pop()) {
    const { place, id } = top
    // This entry may be out of date.
    if (mergeAt(place)?.id !== id) continue
    const after = next[place]!
    parts[place] = { id, span: [parts[place]!.span[0], parts[after]!.span[1]] }
    parts[after] = null
    next[place] = next[after]!
    if (next[place] < parts.length) previous[next[place]] = place
    if (previous[place]! >= 0) offer(previous[place]!)
    offer(place)
  }
  return parts.filter((part) => part !== null)
}
