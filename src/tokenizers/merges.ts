/** Byte-pair encoding over numbers of tokens: for models whose tokens are not the texts that they are made of, one after the other. */

import type { Span } from './aligned.ts'
import { Heap } from './heap.ts'

/** What becomes of two neighbours, and how soon. */
interface Merge {
  readonly rank: number
  readonly id: number
}

/** By both tokens: see `pairOf`. */
export type Merges = ReadonlyMap<string, Merge>

/** The key of two tokens. */
export const pairOf = (left: number, right: number): string => `${left} ${right}`

/** A part of a word: its token, and where it is. */
export interface Symbol {
  readonly id: number
  readonly span: Span
}

interface Candidate extends Merge {
  /** Of the left one. */
  readonly place: number
}

/** The first merge of the list, and of equal ones the leftmost. */
const isBefore = (a: Candidate, b: Candidate): boolean => a.rank < b.rank || (a.rank === b.rank && a.place < b.place)

/** All merges of a word, in n log n: neighbours are linked, and what was merged away is no longer. */
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
    // What is here may have been merged since.
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
