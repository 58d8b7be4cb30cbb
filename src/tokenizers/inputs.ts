/** Encoded texts as what models take. */
import { ArgumentError } from '../core/errors.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import type { BatchEncoding } from './tokenizer.ts'

/** Arrays of shape `[batch, length]`, int32. */
export interface ModelInputs {
  readonly inputIds: NDArray
  readonly attentionMask: NDArray
  readonly tokenTypeIds: NDArray
}

const toArray = (name: string, rows: readonly (readonly number[])[]): NDArray => {
  const lengths = new Set(rows.map((row) => row.length))
  if (lengths.size > 1) {
    throw new ArgumentError(
      `toInputs: ${name} has rows of ${[...lengths].slice(0, 4).join(', ')} tokens. Pad them: encodeBatch(texts, { padding: true }).`,
    )
  }
  return np.reshape(np.array(Int32Array.from(rows.flat())), [rows.length, rows[0]?.length ?? 0])
}

const isId = (x: unknown): boolean => must.natural.accepts(x) && (x as number) < 2 ** 31

const rows = (x: unknown): boolean => must.isListOf(x, (row) => must.isListOf(row, isId))

const toInputsDoor = must.door('toInputs', {
  batch: must.kind(
    'what encodeBatch gave',
    (x) => {
      const { inputIds, attentionMask, tokenTypeIds } = (x ?? {}) as Partial<BatchEncoding>
      return rows(inputIds) && rows(attentionMask) && rows(tokenTypeIds)
    },
    { hint: (x) => (typeof x === 'object' && x !== null && 'ids' in x ? 'A single text: encodeBatch([text]).' : null) },
  ),
})

/**
 * A batch as the inputs of a model: `model.apply(params, toInputs(batch))`.
 *
 * @throws ArgumentError if rows differ in length.
 * @example
 * ```ts
 * import { loadTokenizer, toInputs } from 'pullback/tokenizers'
 * const model = { type: 'WordLevel', vocab: { '[PAD]': 0, good: 1, bad: 2 }, unk_token: '[PAD]' }
 * const files = { tokenizerJson: JSON.stringify({ model, pre_tokenizer: { type: 'Whitespace' } }) }
 * const tokenizer = loadTokenizer(files)
 * if (tokenizer._tag === 'Left') throw new Error(tokenizer.left.message)
 * const inputs = toInputs(tokenizer.right.encodeBatch(['good good', 'bad bad']))
 * inputs.inputIds // => [[1 1]\n [2 2]]
 * toInputs(tokenizer.right.encodeBatch(['good good', 'bad'])) // throws ArgumentError
 * ```
 */
export const toInputs = (batch: Pick<BatchEncoding, 'inputIds' | 'attentionMask' | 'tokenTypeIds'>): ModelInputs => {
  toInputsDoor(batch)
  return {
    inputIds: toArray('inputIds', batch.inputIds),
    attentionMask: toArray('attentionMask', batch.attentionMask),
    tokenTypeIds: toArray('tokenTypeIds', batch.tokenTypeIds),
  }
}
