/** What all tasks ask of a tokenizer. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Encoding, Tokenizer } from '../../tokenizers/index.ts'
import type { DataError } from '../errors.ts'
import { left } from './cursor.ts'

/** How rows become tokens. */
export interface TokenizeOptions {
  readonly task: 'classify' | 'causal' | 'seq2seq'
  /** Most tokens of a sample; all by default. */
  readonly maxLength?: number
  /** Of seq2seq, most tokens that are written. */
  readonly maxTargetLength?: number
  /** What becomes of longer ones: the end is cut off, by default, or the start, or the row is bad. Samples say how much: `cut`. */
  readonly onLong?: 'cutEnd' | 'cutStart' | 'fail'
  /** The names of classes, in the order of their numbers. */
  readonly labels?: readonly string[]
  /** Of causal models: what counts in the loss. All answers of a conversation, by default, only its last, or everything. */
  readonly learn?: 'answers' | 'lastAnswer' | 'all'
  /** The token that ends texts; the tokenizer's by default. null is none. */
  readonly eosId?: number | null
  /** Another chat template than the tokenizer's, which generation must then be given too. */
  readonly chatTemplate?: string
  /** Further variables of the template: `{ enable_thinking: false }`. */
  readonly variables?: { readonly [name: string]: unknown }
}

/** A row that does not do. */
export const badRow = (message: string): Either<DataError, never> => left({ _tag: 'DataError', at: 'row', message })

/** The tokens that end a text: those that a model may stop at. */
export const endIds = (tokenizer: Tokenizer, { eosId }: TokenizeOptions): readonly number[] => {
  if (eosId === undefined) return tokenizer.eosIds
  return eosId === null ? [] : [eosId]
}

/** What is put at the end of a text. */
export const endingOf = (tokenizer: Tokenizer, options: TokenizeOptions): readonly number[] =>
  endIds(tokenizer, options).slice(0, 1)

/** A text with the special tokens before it, of which BOS stands once even if the text has it too, and without those after it. */
export const beginningsOf = (tokenizer: Tokenizer, text: string): readonly number[] => {
  const { ids, specialTokensMask } = tokenizer.encode(text)
  let to = ids.length
  while (to > 0 && specialTokensMask[to - 1] === 1 && tokenizer.eosIds.includes(ids[to - 1]!)) to--
  const { bosId } = tokenizer
  const from = bosId !== null && ids[0] === bosId && ids[1] === bosId ? 1 : 0
  return ids.slice(from, Math.max(from, to))
}

/** A text as it is: its special tokens are written in it. */
export const plainOf = (tokenizer: Tokenizer, text: string): Encoding =>
  tokenizer.encode(text, { addSpecialTokens: false })
