/** What encoders of text are given, and what they give: the same of every family. */
import type { Key } from '../random/keys.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { encoderInputs, orNull } from './doors.ts'
import { besideTokens, checkLength, integersBesideTokens, tokenArray } from './inputs.ts'
import { bothMasks, paddingMask, segmentMask, segmentPositions } from './masks.ts'
import type { Remat } from './remat.ts'
import { rematLayer } from './remat.ts'

/** What an encoder is given. */
export interface EncoderInputs {
  /** Shape `[batch, length]`, integers. */
  readonly inputIds: ArrayLike
  /** Shape `[batch, length]`: 1 for tokens, 0 for padding; all 1 by default. */
  readonly attentionMask?: ArrayLike
  /** Shape `[batch, length]`: which of two texts a token is of; all 0 by default. */
  readonly tokenTypeIds?: ArrayLike
  /** Shape `[batch, length]`; 0, 1, 2, ... by default, from the beginning of each segment on. */
  readonly positionIds?: ArrayLike
  /** Shape `[batch, length]`, integers: which of the samples in a row a token is of, 0 for padding. They do not see each other. */
  readonly segmentIds?: ArrayLike
}

/** Options of a run. */
export interface RunOptions {
  /** Dropout is applied with this key, and not without one. */
  readonly key?: Key
  /** Whether layers are computed again for their derivatives, which saves the memory of what is inside of them; not by default. */
  readonly remat?: Remat
  /** Whether the weights of attention are given too; then nothing is computed again. */
  readonly attentions?: boolean
}

/** What an encoder computes. */
export interface EncoderOutput {
  /** Shape `[batch, length, hiddenSize]`. */
  readonly lastHiddenState: NDArray
  /** The embeddings, then each layer's output. */
  readonly hiddenStates: readonly NDArray[]
  /** Of the first token, shape `[batch, hiddenSize]`; null where the model has no pooler. */
  readonly poolerOutput: NDArray | null
  /** Each layer's weights of attention, `[batch, heads, queries, keys]`, as `transformers` has them; null unless asked for. */
  readonly attentions: readonly NDArray[] | null
}

/** What a model with a head gives: its scores, and the body's states. */
export interface HeadOutput extends EncoderOutput {
  /** Of sequences `[batch, numLabels]`; of tokens `[batch, length, numLabels]`, or of words of the vocabulary. */
  readonly logits: NDArray
}

/** What a model gives that finds an answer in a text: how likely each token is its first, and its last. */
export interface SpanOutput extends EncoderOutput {
  /** Shape `[batch, length]`. */
  readonly startLogits: NDArray
  /** Shape `[batch, length]`. */
  readonly endLogits: NDArray
}

/** The same as arrays, null where nothing is given. */
export interface EncoderArrays {
  readonly ids: NDArray
  /** Which keys are seen: see `paddingMask` and `segmentMask`. */
  readonly padding: NDArray | null
  readonly tokenTypes: NDArray | null
  readonly positions: NDArray | null
  /** Which of the samples in a row a token is of. */
  readonly segments: NDArray | null
}

const encoderArraysDoor = must.door('encoderArrays', {
  operation: must.string,
  inputs: encoderInputs,
  maxPositions: orNull(must.number),
})

/**
 * The inputs of an encoder as arrays, of the shapes that they must have.
 *
 * @param maxPositions - how many tokens a sequence may have; null if there is no end to them.
 * @throws ArgumentError for tokens that are no integers `[batch, length]`, and for more than `maxPositions` of them; ShapeError for a
 * mask, types or positions of another shape.
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * const { ids, padding } = layers.encoderArrays('myModel', { inputIds: [[5, 6, 0]], attentionMask: [[1, 1, 0]] }, 512)
 * ids // => [[5 6 0]]
 * // A mask of keys, that broadcasts over heads and queries.
 * padding?.shape // => 1,1,1,3
 * layers.encoderArrays('myModel', { inputIds: [5, 6] }, 512) // throws ArgumentError
 * ```
 */
export const encoderArrays = (operation: string, inputs: EncoderInputs, maxPositions: number | null): EncoderArrays => {
  encoderArraysDoor(operation, inputs, maxPositions)
  const ids = tokenArray(operation, inputs.inputIds)
  const shape = ids.shape as readonly [batch: number, length: number]
  if (maxPositions !== null) checkLength(operation, shape[1], maxPositions)
  const { attentionMask: mask, tokenTypeIds: types, positionIds: positions, segmentIds } = inputs
  const segments = segmentIds === undefined ? null : integersBesideTokens(operation, 'segmentIds', segmentIds, shape)
  const padding = mask === undefined ? null : paddingMask(besideTokens(operation, 'attentionMask', mask, shape))
  const counted = segments === null ? null : segmentPositions(segments)
  return {
    ids,
    padding: bothMasks(padding, segments === null ? null : segmentMask(segments)),
    tokenTypes: types === undefined ? null : integersBesideTokens(operation, 'tokenTypeIds', types, shape),
    positions: positions === undefined ? counted : integersBesideTokens(operation, 'positionIds', positions, shape),
    segments,
  }
}

/** The embeddings, then the output of each layer, one after the other. */
export const runEncoder = <P>(
  layers: readonly P[],
  embedded: NDArray,
  applyLayer: (params: P, x: NDArray) => NDArray,
  { remat, attentions }: RunOptions,
): readonly NDArray[] => {
  const layer = rematLayer(attentions === true ? false : remat, applyLayer)
  const states = [embedded]
  for (const params of layers) states.push(layer(params, states.at(-1)!))
  return states
}
