/** What all tasks need from a tokenizer. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Encoding, Tokenizer } from '../../tokenizers/index.ts'
import type { DataError } from '../errors.ts'
import { left } from './cursor.ts'

/** How rows become tokens. */
export interface TokenizeOptions {
  readonly task: 'classify' | 'causal' | 'seq2seq'
  /** The maximal number of tokens of a sample; unlimited by default. */
  readonly maxLength?: number
  /** For seq2seq, the maximal number of target tokens. */
  readonly maxTargetLength?: number
  /**
   * How to handle longer ones: truncate the end (the default) or the start, or treat the row as bad. `cut` of a sample is the
   * number of removed tokens.
   */
  readonly onLong?: 'cutEnd' | 'cutStart' | 'fail'
  /** The names of classes, in the order of their indices. */
  readonly labels?: readonly string[]
  /** For causal models: what counts in the loss. All answers of a conversation (the default), only its last, or everything. */
  readonly learn?: 'answers' | 'lastAnswer' | 'all'
  /** The token that ends texts; the tokenizer's by default. null is none. */
  readonly eosId?: number | null
  /** Another chat template than the tokenizer's, which generation must then be given too. */
  readonly chatTemplate?: string
  /** Further variables of the template: `{ enable_thinking: false }`. */
  readonly variables?: { readonly [name: string]: unknown }
}

/** The error of a bad row. */
export const badRow = (message: string): Either<DataError, never> => left({ _tag: 'DataError', at: 'row', message })

/** The end tokens: those that a model may stop at. */
export const endIds = (tokenizer: Tokenizer, { eosId }: TokenizeOptions): readonly number[] => {
  if (eosId === undefined) return tokenizer.eosIds
  return eosId === null ? [] : [eosId]
}

/** The token that is appended to a text. */
export const endingOf = (tokenizer: Tokenizer, options: TokenizeOptions): readonly number[] =>
  endIds(tokenizer, options).slice(0, 1)

/** A text with the special tokens before it, with BOS only once even if the text contains it, and without those after it. */
export const beginningsOf = (tokenizer: Tokenizer, text: string): readonly number[] => {
  const { ids, specialTokensMask } = tokenizer.encode(text)
  let to = ids.length
  while (to > 0 && specialTokensMask[to - 1] === 1 && tokenizer.eosIds.includes(ids[to - 1]!)) to--
  const { bosId } = tokenizer
  const from = bosId !== null && ids[0] === bosId && ids[1] === bosId ? 1 : 0
  return ids.slice(from, Math.max(from, to))
}

/** A text as it is: it already contains its special tokens. */
export const plainOf = (tokenizer: Tokenizer, text: string): Encoding =>
  tokenizer.encode(text, { addSpecialTokens: false })
