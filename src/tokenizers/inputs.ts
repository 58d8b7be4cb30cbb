/** Encoded texts as what models take. */
import { ArgumentError } from '../core/errors.ts'
import * as np from '../numpy/index.ts'
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

/**
 * A batch as the inputs of a model: `model.apply(params, toInputs(batch))`.
 *
 * @throws ArgumentError if rows differ in length.
 */
export const toInputs = ({ inputIds, attentionMask, tokenTypeIds }: BatchEncoding): ModelInputs => ({
  inputIds: toArray('inputIds', inputIds),
  attentionMask: toArray('attentionMask', attentionMask),
  tokenTypeIds: toArray('tokenTypeIds', tokenTypeIds),
})
