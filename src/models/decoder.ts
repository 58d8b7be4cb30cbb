/** What decoders of text are given, and what they give: the same of every family. */
import { ArgumentError } from '../core/errors.ts'
import * as np from '../numpy/index.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'
import type { AttendOptions } from './attention.ts'
import { attend } from './attention.ts'
import type { Cache, CacheShape, LayerCache } from './cache.ts'
import { cachedLength, extendCache, knownLength } from './cache.ts'
import type { RunOptions } from './encoder.ts'
import type { Drop, LinearParams } from './layers.ts'
import { applyLinear, integersBesideTokens, makeDrop, tokenArray } from './layers.ts'
import { bothMasks, causalMask, paddingMask, segmentMask, segmentPositions } from './masks.ts'
import type { Model } from './model.ts'
import type { Remat } from './remat.ts'
import { rematLayer } from './remat.ts'

/** What a decoder is given. */
export interface DecoderInputs {
  /** Shape `[batch, length]`, integers: of the tokens that are not in the cache. */
  readonly inputIds: ArrayLike
  /** Shape `[batch, cached + length]` (or as long as the cache): 1 for tokens, 0 for padding; all 1 by default. */
  readonly attentionMask?: ArrayLike
  /** Shape `[batch, length]`; by default they count on from the cache, whatever is padding, as in `transformers`. */
  readonly positionIds?: ArrayLike
  /**
   * Shape `[batch, length]`, integers: which of the samples in a row a token is of, 0 for padding. They do not see each other, and the
   * positions of each count from 0. Not beside a cache.
   */
  readonly segmentIds?: ArrayLike
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

/** A decoder's scores of the classes of the whole text. */
export interface SequenceOutput extends DecoderOutput {
  /** Shape `[batch, numLabels]`. */
  readonly logits: NDArray
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

/** What all layers of one run share: the tokens, and where they stand. */
export interface Run {
  /** Shape `[batch, queries]`. */
  readonly ids: NDArray
  /** Shape `[1, queries]` or `[batch, queries]`. */
  readonly positions: NDArray
  readonly queries: number
  /** As many as queries, or the cache's room. */
  readonly keys: number
  /** Tokens in the cache before these. */
  readonly offset: ArrayLike
  /** Which keys may be seen at all, shape `[batch, 1, 1, keys]`, or with segments `[batch, 1, queries, keys]`; null for all. */
  readonly seen: NDArray | null
  readonly drop: Drop
  readonly remat: Remat | undefined
}

/** A mask as long as the keys: what is not there yet counts as padding, and no query sees it anyway. */
const fullMask = (operation: string, given: ArrayLike | undefined, keys: number): NDArray | undefined => {
  if (given === undefined) return undefined
  const mask = np.asarray(given)
  if (mask.ndim !== 2 || mask.shape[1]! > keys) {
    const room = `[batch, length], and no longer than the ${keys} tokens that there is room for`
    throw new ArgumentError(`${operation}: attentionMask is of shape ${room}, got ${mask.aval}.`)
  }
  const rest = keys - mask.shape[1]!
  return rest === 0
    ? mask
    : np.pad(mask, [
        [0, 0],
        [0, rest],
      ])
}

/** Which samples the tokens of a row are of, if it has several. */
const segmentsOf = (
  operation: string,
  { segmentIds }: DecoderInputs,
  ids: NDArray,
  cache: Cache | undefined,
): NDArray | null => {
  if (segmentIds === undefined) return null
  if (cache === undefined) {
    const [batch, length] = ids.shape as readonly [number, number]
    return integersBesideTokens(operation, 'segmentIds', segmentIds, [batch, length])
  }
  throw new ArgumentError(
    `${operation}: segmentIds are of whole rows, and a cache holds one text a row; leave out one of them.`,
  )
}

/** The tokens of a run and where they stand. */
export const beginRun = (operation: string, inputs: DecoderInputs, { cache, key, remat }: DecoderOptions): Run => {
  const ids = tokenArray(operation, inputs.inputIds)
  const queries = ids.shape[1]!
  const keys = cache?.layers[0]?.key.shape[1] ?? queries
  const cached = cache === undefined ? 0 : (knownLength(cache) ?? 0)
  if (cached + queries > keys) {
    throw new ArgumentError(
      `${operation}: a cache with room for ${keys} tokens, of which ${cached} are taken, has none for ${queries}. ` +
        `growCache gives it more.`,
    )
  }
  const offset = cache === undefined ? 0 : cachedLength(cache)
  const segments = segmentsOf(operation, inputs, ids, cache)
  const counted = segments === null ? np.expandDims(np.add(np.arange(queries), offset), 0) : segmentPositions(segments)
  return {
    ids,
    positions: inputs.positionIds === undefined ? counted : np.asarray(inputs.positionIds),
    queries,
    keys,
    offset,
    seen: bothMasks(
      paddingMask(fullMask(operation, inputs.attentionMask, keys)),
      segments === null ? null : segmentMask(segments),
    ),
    drop: makeDrop(key),
    remat,
  }
}

/** What becomes of one layer: its output, and its cache with the new tokens in it. */
export type LayerResult = readonly [y: NDArray, cache: LayerCache | null]

/** Attention to the tokens up to each one's own, of these and of the cache; with `window`, to the last so many only. */
export const attendCausally = (
  [query, key, value]: readonly [query: NDArray, key: NDArray, value: NDArray],
  { queries, keys, offset, seen, drop }: Run,
  cache: LayerCache | null,
  { window, ...options }: Omit<AttendOptions, 'mask' | 'bias' | 'drop'> & { readonly window?: number | null },
): LayerResult => {
  const extended = cache === null ? null : extendCache(cache, key, value, offset)
  const mask = bothMasks(causalMask({ queries, keys, offset }, window ?? undefined), seen)
  return [attend(query, extended?.key ?? key, extended?.value ?? value, { ...options, mask, drop }), extended]
}

/** One layer after the other, then the last norm, whose output takes the place of the last layer's. */
export const runLayers = <P>(
  layers: readonly P[],
  embedded: NDArray,
  { queries, remat }: Run,
  cache: Cache | undefined,
  applyLayer: (params: P, x: NDArray, index: number, cache: LayerCache | null) => LayerResult,
  norm: (x: NDArray) => NDArray,
): DecoderOutput => {
  const states = [embedded]
  const extended: LayerCache[] = []
  layers.forEach((params, i) => {
    const layer = rematLayer(remat, (p: P, x: NDArray) => applyLayer(p, x, i, cache?.layers[i] ?? null))
    const [y, cached] = layer(params, states.at(-1)!)
    states.push(y)
    if (cached !== null) extended.push(cached)
  })
  const lastHiddenState = norm(states.pop()!)
  return {
    lastHiddenState,
    hiddenStates: [...states, lastHiddenState],
    cache: cache === undefined ? null : { layers: extended, length: np.add(cache.length, queries) },
  }
}

/**
 * The scores at each row's last token that is no padding: the last that is not `padTokenId`, whatever the mask says, as
 * `transformers` finds it; the first where all are padding. Without such an id it is the last token, of one row only.
 */
export const scoreSequences = (
  operation: string,
  score: LinearParams,
  states: NDArray,
  { inputIds }: DecoderInputs,
  padTokenId: number | null,
): NDArray => {
  const ids = tokenArray(operation, inputIds)
  const [batch, length] = ids.shape as readonly [number, number]
  if (padTokenId !== null) {
    const places = np.multiply(np.arange(length), np.notEqual(ids, padTokenId).astype('int32'))
    const last = np.expandDims(np.argmax(places, { axis: 1 }), [1, 2])
    return applyLinear(score, np.squeeze(np.takeAlongAxis(states, last, 1), { axis: 1 }))
  }
  if (batch === 1) return applyLinear(score, states.at(':', length - 1).get())
  throw new ArgumentError(
    `${operation}: sequences of a batch end at different places, got ${batch} of them and no pad_token_id in the configuration.`,
  )
}
