/** What models are given, and give, that read one text and write another: the same of every family. */
import type { DType } from '../core/dtype.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { Cache, CacheShape, LayerCache } from './cache.ts'
import type { EncoderInputs, RunOptions } from './encoder.ts'
import type { Model } from './model.ts'
import type { WeightsOf } from './spec.ts'

/** What a model is given that reads one text and writes another. */
export interface Seq2SeqInputs {
  /** What is read, shape `[batch, length]`, integers; left out where a cache is given, which knows it. */
  readonly inputIds?: ArrayLike
  /** Shape `[batch, length]`: 1 for tokens, 0 for padding; all 1 by default. */
  readonly attentionMask?: ArrayLike
  /** What is written, shape `[batch, targets]`, integers, with the start token first; by default `labels`, shifted right. */
  readonly decoderInputIds?: ArrayLike
  /** Shape `[batch, targets]`, and with a cache `[batch, cached + targets]` or as long as it has room; all 1 by default. */
  readonly decoderAttentionMask?: ArrayLike
  /** What is to be written, shape `[batch, targets]`, -100 where nothing counts: read where there are no `decoderInputIds`. */
  readonly labels?: ArrayLike
}

/** What is kept between the steps of writing: a tree of arrays, which goes through `jit`, and may be donated. */
export interface Seq2SeqCache {
  /** Of the tokens that are written. */
  readonly decoder: Cache
  /** Keys and values of what is read, for each layer, shape `[batch, length, heads, headDim]`: they stay as they are. */
  readonly encoder: readonly LayerCache[]
  /** Of what is read, shape `[batch, length]`. */
  readonly attentionMask: NDArray
}

/** Options of a run. */
export interface Seq2SeqOptions extends RunOptions {
  /** From `startCache`, or from the step before. */
  readonly cache?: Seq2SeqCache
  /** Without a cache: keys and values before what is written, with room for it. */
  readonly prefix?: Cache
  /** Scores of the last tokens only, this many; of all by default. */
  readonly logitsToKeep?: number
}

/** What is computed of both texts. */
export interface Seq2SeqOutput {
  /** Of the decoder, shape `[batch, targets, features]`. */
  readonly lastHiddenState: NDArray
  /** The embeddings, each layer's output, and in the place of the last layer's `lastHiddenState`. */
  readonly decoderHiddenStates: readonly NDArray[]
  /** Shape `[batch, length, features]`; null where it is in the cache. */
  readonly encoderLastHiddenState: NDArray | null
  readonly encoderHiddenStates: readonly NDArray[]
  /** The decoder's weights of attention to what is written, `[batch, heads, targets, targets]`; null unless asked for. */
  readonly decoderAttentions: readonly NDArray[] | null
  /** And to what is read, `[batch, heads, targets, length]`. */
  readonly crossAttentions: readonly NDArray[] | null
  /** The encoder's, `[batch, heads, length, length]`; null where it is in the cache, too. */
  readonly encoderAttentions: readonly NDArray[] | null
  /** The cache with these tokens in it, if one was given. */
  readonly cache: Seq2SeqCache | null
}

/** The scores of the next token at each place besides. */
export interface Seq2SeqLMOutput extends Seq2SeqOutput {
  /** Shape `[batch, targets, vocabSize]`. */
  readonly logits: NDArray
}

/** A model that writes. */
export interface Seq2SeqLM<S = unknown> extends Model<S, Seq2SeqInputs, Seq2SeqLMOutput, Seq2SeqOptions> {
  /** The size of the cache of what is written. */
  readonly cacheShape: CacheShape
  /** There is no end to its positions, which are relative. */
  readonly maxPositions: null
  /** What is written begins with it. */
  readonly decoderStartTokenId: number
  /** Reads the first text, once, and makes room for `capacity` tokens of the second. */
  readonly startCache: (params: WeightsOf<S>, inputs: EncoderInputs, capacity: number, dtype?: DType) => Seq2SeqCache
}
