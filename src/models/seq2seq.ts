/** Inputs and outputs of encoder-decoder models, the same for every family. */
import type { DType } from '../core/dtype.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { Cache, CacheShape, LayerCache } from './cache.ts'
import type { EncoderInputs, RunOptions } from './encoder.ts'
import type { Model } from './model.ts'
import type { WeightsOf } from './spec.ts'

/** The inputs of an encoder-decoder model. */
export interface Seq2SeqInputs {
  /** The encoder's tokens, shape `[batch, length]`, integers; left out with a cache, which contains their result. */
  readonly inputIds?: ArrayLike
  /** Shape `[batch, length]`: 1 for tokens, 0 for padding; all 1 by default. */
  readonly attentionMask?: ArrayLike
  /** The decoder's tokens, shape `[batch, targets]`, integers, with the start token first; by default `labels`, shifted right. */
  readonly decoderInputIds?: ArrayLike
  /** Shape `[batch, targets]`, and with a cache `[batch, cached + targets]` or its capacity; all 1 by default. */
  readonly decoderAttentionMask?: ArrayLike
  /** The target tokens, shape `[batch, targets]`, -100 where nothing counts: used if there are no `decoderInputIds`. */
  readonly labels?: ArrayLike
}

/** The state between decoding steps: a tree of arrays, which works under `jit`, and may be donated. */
export interface Seq2SeqCache {
  /** The cache of the decoder's tokens. */
  readonly decoder: Cache
  /**
   * Keys and values of the encoder's tokens, for each decoder layer, shape `[batch, length, heads, headDim]`: they do not
   * change.
   */
  readonly encoder: readonly LayerCache[]
  /** The mask of the encoder's tokens, shape `[batch, length]`. */
  readonly attentionMask: NDArray
}

/** Options of a run. */
export interface Seq2SeqOptions extends RunOptions {
  /** From `startCache`, or from the step before. */
  readonly cache?: Seq2SeqCache
  /** Without a cache: keys and values before the decoder's tokens, with room for these. */
  readonly prefix?: Cache
  /** The number of last tokens for which scores are computed; all by default. */
  readonly logitsToKeep?: number
}

/** The outputs for both texts. */
export interface Seq2SeqOutput {
  /** The decoder's last hidden state, shape `[batch, targets, features]`. */
  readonly lastHiddenState: NDArray
  /** The embeddings, then each layer's output; the last one is `lastHiddenState`. */
  readonly decoderHiddenStates: readonly NDArray[]
  /** The encoder's last hidden state, shape `[batch, length, features]`; null with a cache. */
  readonly encoderLastHiddenState: NDArray | null
  readonly encoderHiddenStates: readonly NDArray[]
  /** The decoder's self-attention weights, `[batch, heads, targets, targets]`; null unless requested. */
  readonly decoderAttentions: readonly NDArray[] | null
  /** Its cross-attention weights, `[batch, heads, targets, length]`. */
  readonly crossAttentions: readonly NDArray[] | null
  /** The encoder's attention weights, `[batch, heads, length, length]`; null with a cache, too. */
  readonly encoderAttentions: readonly NDArray[] | null
  /** The cache with these tokens in it, if one was given. */
  readonly cache: Seq2SeqCache | null
}

/** The outputs, with the scores of the next token at each position. */
export interface Seq2SeqLMOutput extends Seq2SeqOutput {
  /** Shape `[batch, targets, vocabSize]`. */
  readonly logits: NDArray
}

/** A generative encoder-decoder model. */
export interface Seq2SeqLM<S = unknown> extends Model<S, Seq2SeqInputs, Seq2SeqLMOutput, Seq2SeqOptions> {
  /** The size of the decoder's cache. */
  readonly cacheShape: CacheShape
  /** Its positions are relative, so there is no limit. */
  readonly maxPositions: null
  /** The first token of the decoder. */
  readonly decoderStartTokenId: number
  /** Encodes the first text, once, and makes room for `capacity` tokens of the second. */
  readonly startCache: (params: WeightsOf<S>, inputs: EncoderInputs, capacity: number, dtype?: DType) => Seq2SeqCache
}
