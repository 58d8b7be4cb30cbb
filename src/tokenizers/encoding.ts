/** What a text is encoded to; truncation and padding of it. */
import type { Span } from './aligned.ts'

/** A text, or two, as tokens. All lists have the same length. */
export interface Encoding {
  readonly ids: readonly number[]
  readonly tokens: readonly string[]
  /**
   * Where in the text each token comes from: indices as `text.slice(start, end)` takes them. `[0, 0]` for tokens of templates and
   * padding. Places in the second text of a pair count from its own beginning.
   */
  readonly offsets: readonly Span[]
  /** 0 for padding, 1 for all else. */
  readonly attentionMask: readonly number[]
  /** Which of two texts, as the model wants to be told. */
  readonly typeIds: readonly number[]
  /** 1 for tokens that templates and padding put in. */
  readonly specialTokensMask: readonly number[]
  /** The word of its text, counted from 0; null for tokens that templates and padding put in. */
  readonly wordIds: readonly (number | null)[]
  /** The text that a token is of, 0 or 1; null for tokens that templates and padding put in. */
  readonly sequenceIds: readonly (0 | 1 | null)[]
  /** What truncation cut off, in windows of the same length. */
  readonly overflowing: readonly Encoding[]
}

export interface Token {
  readonly id: number
  readonly token: string
  readonly offsets: Span
  readonly attention: 0 | 1
  readonly typeId: number
  readonly special: 0 | 1
  readonly wordId: number | null
  readonly sequenceId: 0 | 1 | null
}

/** Tokens, and the windows of what was cut off from them. */
export interface Row {
  readonly tokens: readonly Token[]
  readonly overflowing: readonly (readonly Token[])[]
}

export const encodingOf = ({ tokens, overflowing }: Row): Encoding => ({
  ids: tokens.map((t) => t.id),
  tokens: tokens.map((t) => t.token),
  offsets: tokens.map((t) => t.offsets),
  attentionMask: tokens.map((t) => t.attention),
  typeIds: tokens.map((t) => t.typeId),
  specialTokensMask: tokens.map((t) => t.special),
  wordIds: tokens.map((t) => t.wordId),
  sequenceIds: tokens.map((t) => t.sequenceId),
  overflowing: overflowing.map((window) => encodingOf({ tokens: window, overflowing: [] })),
})

/** An end of a text or of a row of tokens. */
export type Side = 'left' | 'right'

/** Cuts a row into windows of a length, each of which repeats `stride` tokens of the one before. */
export const truncate = (tokens: readonly Token[], length: number, stride: number, side: Side): Row => {
  if (length >= tokens.length) return { tokens, overflowing: [] }
  if (length === 0) return { tokens: [], overflowing: [tokens] }
  const windows: (readonly Token[])[] = []
  const step = length - stride
  for (let from = 0; ; from += step) {
    const to = Math.min(from + length, tokens.length)
    windows.push(side === 'right' ? tokens.slice(from, to) : tokens.slice(tokens.length - to, tokens.length - from))
    if (to === tokens.length) break
  }
  return { tokens: windows[0]!, overflowing: windows.slice(1) }
}

/** One row after the other. Of what was cut off, each window of one goes with the other, as in Hugging Face's tokenizers. */
export const concatenate = (a: Row, b: Row): Row => ({
  tokens: [...a.tokens, ...b.tokens],
  overflowing: [
    ...a.overflowing.flatMap((window) => [
      [...window, ...b.tokens],
      ...b.overflowing.map((other) => [...window, ...other]),
    ]),
    ...b.overflowing.map((other) => [...a.tokens, ...other]),
  ],
})

/** A row filled up to a length. */
export const pad = ({ tokens, overflowing }: Row, length: number, padding: Token, side: Side): Row => {
  const padded = (row: readonly Token[]): readonly Token[] => {
    const fill = new Array<Token>(Math.max(0, length - row.length)).fill(padding)
    return side === 'right' ? [...row, ...fill] : [...fill, ...row]
  }
  return { tokens: padded(tokens), overflowing: overflowing.map(padded) }
}
