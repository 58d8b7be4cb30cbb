/** The encoding of a text, with truncation and padding. */
import type { Span } from './aligned.ts'

/** A text, or two, as tokens. All lists have the same length. */
export interface Encoding {
  readonly ids: readonly number[]
  readonly tokens: readonly string[]
  /**
   * The range of each token in the text, as in `text.slice(start, end)`. It is `[0, 0]` for tokens of templates and padding.
   * Offsets in the second text of a pair count from its own beginning.
   */
  readonly offsets: readonly Span[]
  /** 0 for padding, 1 for other tokens. */
  readonly attentionMask: readonly number[]
  /** The segment ids for the model. */
  readonly typeIds: readonly number[]
  /** 1 for tokens of templates and padding, 0 for others. */
  readonly specialTokensMask: readonly number[]
  /** The index of the token's word in its text; null for tokens of templates and padding. */
  readonly wordIds: readonly (number | null)[]
  /** The text of the token, 0 or 1; null for tokens of templates and padding. */
  readonly sequenceIds: readonly (0 | 1 | null)[]
  /** The tokens that truncation cut off, in windows of the same length. */
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

/** Tokens, and the windows of those that were cut off. */
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

/** An end of a text or of a token row. */
export type Side = 'left' | 'right'

/** Cuts a row into windows of a length, which overlap by `stride` tokens. */
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

/** Concatenates two rows. Each overflow window of one is combined with the other, as in Hugging Face's tokenizers. */
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

/** Pads a row to a length. */
export const pad = ({ tokens, overflowing }: Row, length: number, padding: Token, side: Side): Row => {
  const padded = (row: readonly Token[]): readonly Token[] => {
    const fill = new Array<Token>(Math.max(0, length - row.length)).fill(padding)
    return side === 'right' ? [...row, ...fill] : [...fill, ...row]
  }
  return { tokens: padded(tokens), overflowing: overflowing.map(padded) }
}
