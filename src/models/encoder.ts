/** Inputs and outputs of text encoders, the same for every family. */
import type { Key } from '../random/keys.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { encoderInputs, orNull } from './doors.ts'
import { besideTokens, checkLength, integersBesideTokens, tokenArray } from './inputs.ts'
import { bothMasks, paddingMask, segmentMask, segmentPositions } from './masks.ts'
import type { Remat } from './remat.ts'
import { rematLayer } from './remat.ts'

/** The inputs of an encoder. */
export interface EncoderInputs {
  /** Shape `[batch, length]`, integers. */
  readonly inputIds: ArrayLike
  /** Shape `[batch, length]`: 1 for tokens, 0 for padding; all 1 by default. */
  readonly attentionMask?: ArrayLike
  /** Shape `[batch, length]`: which of two texts each token belongs to; all 0 by default. */
  readonly tokenTypeIds?: ArrayLike
  /** Shape `[batch, length]`; by default 0, 1, 2, ... from the beginning of each segment. */
  readonly positionIds?: ArrayLike
  /**
   * Shape `[batch, length]`, integers: the sample in a packed row that each token belongs to, 0 for padding. Samples do not see
   * each other.
   */
  readonly segmentIds?: ArrayLike
}

/** Options of a run. */
export interface RunOptions {
  /** The key of dropout; without it there is no dropout. */
  readonly key?: Key
  /**
   * Whether layers are computed again for their derivatives, which saves the memory of their intermediate values; false by
   * default.
   */
  readonly remat?: Remat
  /** Whether to return attention weights too; then nothing is recomputed. */
  readonly attentions?: boolean
}

/** What an encoder computes. */
export interface EncoderOutput {
  /** Shape `[batch, length, hiddenSize]`. */
  readonly lastHiddenState: NDArray
  /** The embeddings, then each layer's output. */
  readonly hiddenStates: readonly NDArray[]
  /** The pooled first token, shape `[batch, hiddenSize]`; null if the model has no pooler. */
  readonly poolerOutput: NDArray | null
  /** Each layer's attention weights, `[batch, heads, queries, keys]`, as in `transformers`; null unless requested. */
  readonly attentions: readonly NDArray[] | null
}

/** The output of a model with a head: its scores, and the body's states. */
export interface HeadOutput extends EncoderOutput {
  /** For sequences `[batch, numLabels]`; for tokens `[batch, length, numLabels]`, or with the words of the vocabulary last. */
  readonly logits: NDArray
}

/** The output of a question-answering model: scores of each token as the first, and as the last, of the answer. */
export interface SpanOutput extends EncoderOutput {
  /** Shape `[batch, length]`. */
  readonly startLogits: NDArray
  /** Shape `[batch, length]`. */
  readonly endLogits: NDArray
}

/** The inputs as arrays, null where they are not given. */
export interface EncoderArrays {
  readonly ids: NDArray
  /** Which keys are visible: see `paddingMask` and `segmentMask`. */
  readonly padding: NDArray | null
  readonly tokenTypes: NDArray | null
  readonly positions: NDArray | null
  /** The sample in a packed row that each token belongs to. */
  readonly segments: NDArray | null
}

const encoderArraysDoor = must.door('encoderArrays', {
  operation: must.string,
  inputs: encoderInputs,
  maxPositions: orNull(must.number),
})

/**
 * The inputs of an encoder as arrays, with checked shapes. * * @param maxPositions - the maximal length of a sequence; null if
 * there is no limit.
 * @throws ArgumentError for tokens that are not integers `[batch, length]`, and for more than `maxPositions` of them; ShapeError for a
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

/** Runs the layers in order; the hidden states are the embeddings, then each layer's output. */
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
