/** What encoders of text are given, and what they give: the same of every family. */
import type { Key } from '../random/keys.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'
import { besideTokens, checkLength, integersBesideTokens, tokenArray } from './layers.ts'
import { paddingMask } from './masks.ts'

/** What an encoder is given. */
export interface EncoderInputs {
  /** Shape `[batch, length]`, integers. */
  readonly inputIds: ArrayLike
  /** Shape `[batch, length]`: 1 for tokens, 0 for padding; all 1 by default. */
  readonly attentionMask?: ArrayLike
  /** Shape `[batch, length]`: which of two texts a token is of; all 0 by default. */
  readonly tokenTypeIds?: ArrayLike
  /** Shape `[batch, length]`; 0, 1, 2, ... by default. */
  readonly positionIds?: ArrayLike
}

/** Options of a run. */
export interface RunOptions {
  /** Dropout is applied with this key, and not without one. */
  readonly key?: Key
}

/** What an encoder computes. */
export interface EncoderOutput {
  /** Shape `[batch, length, hiddenSize]`. */
  readonly lastHiddenState: NDArray
  /** The embeddings, then each layer's output. */
  readonly hiddenStates: readonly NDArray[]
  /** Of the first token, shape `[batch, hiddenSize]`; null where the model has no pooler. */
  readonly poolerOutput: NDArray | null
}

/** What a model with a head gives: its scores, and the body's states. */
export interface HeadOutput extends EncoderOutput {
  /** Of sequences `[batch, numLabels]`; of tokens `[batch, length, numLabels]`, or of words of the vocabulary. */
  readonly logits: NDArray
}

/** The same as arrays, null where nothing is given. */
export interface EncoderArrays {
  readonly ids: NDArray
  /** Which keys are seen: see `paddingMask`. */
  readonly padding: NDArray | null
  readonly tokenTypes: NDArray | null
  readonly positions: NDArray | null
}

/**
 * The inputs of an encoder as arrays, of the shapes that they must have.
 *
 * @param maxPositions - how many tokens a sequence may have; null if there is no end to them.
 */
export const encoderArrays = (operation: string, inputs: EncoderInputs, maxPositions: number | null): EncoderArrays => {
  const ids = tokenArray(operation, inputs.inputIds)
  const shape = ids.shape as readonly [batch: number, length: number]
  if (maxPositions !== null) checkLength(operation, shape[1], maxPositions)
  const { attentionMask: mask, tokenTypeIds: types, positionIds: positions } = inputs
  return {
    ids,
    padding: mask === undefined ? null : paddingMask(besideTokens(operation, 'attentionMask', mask, shape)),
    tokenTypes: types === undefined ? null : integersBesideTokens(operation, 'tokenTypeIds', types, shape),
    positions: positions === undefined ? null : integersBesideTokens(operation, 'positionIds', positions, shape),
  }
}
