/** Prompts: texts or tokens, one or several. */
import { ArgumentError } from '../../core/errors.ts'

/** Returns the text that each token completes, and at the end the rest. */
export interface TokenStream {
  readonly push: (id: number) => string
  readonly flush: () => string
}

/** The part of a tokenizer that is needed, as those of `pullback/tokenizers` have it. */
export interface TextTokenizer {
  encode(text: string): { readonly ids: readonly number[] }
  decodeStream(options?: { readonly skipSpecialTokens?: boolean }): TokenStream
  /** Tokens that end a text. */
  readonly eosIds?: readonly number[]
}

/** A prompt, or one for each row: text, which needs a tokenizer, or tokens. */
export type Prompt = string | readonly number[] | readonly string[] | readonly (readonly number[])[]

const isToken = (x: unknown): x is number => typeof x === 'number' && Number.isSafeInteger(x) && x >= 0 && x < 2 ** 31

const tokensOf = (
  operation: string,
  prompt: unknown,
  tokenizer: TextTokenizer | undefined,
  row: number,
): readonly number[] => {
  if (typeof prompt === 'string' && tokenizer === undefined) {
    throw new ArgumentError(
      `${operation}: a prompt of text needs { tokenizer }; without one a prompt is a list of tokens.`,
    )
  }
  const ids: unknown = typeof prompt === 'string' ? tokenizer!.encode(prompt).ids : prompt
  if (!Array.isArray(ids) || !ids.every(isToken)) {
    throw new ArgumentError(`${operation}: prompt ${row} must be a text or a list of tokens, whole numbers from 0 on.`)
  }
  if (ids.length > 0) return ids
  throw new ArgumentError(`${operation}: prompt ${row} is empty. Begin with a token: the one that begins a text, say.`)
}

/**
 * The tokens of each row.
 *
 * @throws ArgumentError for an empty or invalid prompt, and one longer than the model's positions.
 */
export const promptTokens = (
  operation: string,
  prompt: Prompt,
  tokenizer: TextTokenizer | undefined,
  maxPositions: number | null,
): readonly (readonly number[])[] => {
  const given: readonly unknown[] =
    Array.isArray(prompt) && (typeof prompt[0] === 'string' || Array.isArray(prompt[0])) ? prompt : [prompt]
  const rows = given.map((one, row) => tokensOf(operation, one, tokenizer, row))
  const longest = Math.max(...rows.map((row) => row.length))
  if (maxPositions === null || longest <= maxPositions) return rows
  throw new ArgumentError(
    `${operation}: the model has ${maxPositions} positions, and a prompt ${longest} tokens. Leave out its beginning.`,
  )
}
