/** What decoders of text are given, and what they give: the same of every family. */
import * as np from '../numpy/index.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'
import type { Cache, CacheShape } from './cache.ts'
import type { RunOptions } from './encoder.ts'
import type { Model } from './model.ts'

/** What a decoder is given. */
export interface DecoderInputs {
  /** Shape `[batch, length]`, integers: of the tokens that are not in the cache. */
  readonly inputIds: ArrayLike
  /** Shape `[batch, cached + length]` (or as long as the cache): 1 for tokens, 0 for padding; all 1 by default. */
  readonly attentionMask?: ArrayLike
  /** Shape `[batch, length]`; by default they count on from the cache, whatever is padding, as in `transformers`. */
  readonly positionIds?: ArrayLike
}

/** Options of a run of a decoder. */
export interface DecoderOptions extends RunOptions {
  /** Keys and values of the tokens before, which are extended. */
  readonly cache?: Cache
  /** Scores of the last tokens only, this many; of all by default. A prompt needs 1. */
  readonly logitsToKeep?: number
}

/** What a decoder computes. */
export interface DecoderOutput {
  /** The last layer's output through the last norm, shape `[batch, length, hiddenSize]`. */
  readonly lastHiddenState: NDArray
  /** The embeddings, each layer's output, and in the place of the last layer's `lastHiddenState`. */
  readonly hiddenStates: readonly NDArray[]
  /** The cache with these tokens in it, if one was given. */
  readonly cache: Cache | null
}

/** A decoder's scores of the next token at each place. */
export interface CausalOutput extends DecoderOutput {
  /** Shape `[batch, length, vocabSize]`. */
  readonly logits: NDArray
}

/** A decoder with a head: what `generate` works with. */
export interface CausalModel<S = unknown> extends Model<S, DecoderInputs, CausalOutput, DecoderOptions> {
  /** The size of its cache. */
  readonly cacheShape: CacheShape
  /** As many tokens as it can place, or null if there is no end to them. */
  readonly maxPositions: number | null
}

/** The last `count` places of `[batch, length, ...]`, or all. */
export const lastPlaces = (x: NDArray, count: number | undefined): NDArray => {
  const length = x.shape[1]!
  return count === undefined || count >= length ? x : x.at(':', np.slice(length - count, length)).get()
}
