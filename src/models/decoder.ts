/** Inputs and outputs of text decoders, the same for every family. */
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { showShape } from '../core/shape.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { AttendOptions } from './attention.ts'
import { attend } from './attention.ts'
import type { Cache, CacheShape, LayerCache } from './cache.ts'
import { cachedLength, checkCache, checkRoom, extendCache, knownLength, roomOf } from './cache.ts'
import { anArray } from './doors.ts'
import type { RunOptions } from './encoder.ts'
import { checkLength, integersBesideTokens, tokenArray } from './inputs.ts'
import type { Drop } from './layers.ts'
import { makeDrop } from './layers.ts'
import { bothMasks, causalMask, paddingMask, segmentMask, segmentPositions } from './masks.ts'
import type { Model } from './model.ts'
import type { Remat } from './remat.ts'
import { rematLayer } from './remat.ts'

/** The inputs of a decoder. */
export interface DecoderInputs {
  /** Shape `[batch, length]`, integers: the tokens that are not in the cache. */
  readonly inputIds: ArrayLike
  /** Shape `[batch, cached + length]` (or as long as the cache): 1 for tokens, 0 for padding; all 1 by default. */
  readonly attentionMask?: ArrayLike
  /** Shape `[batch, length]`; by default they continue from the cache, regardless of padding, as in `transformers`. */
  readonly positionIds?: ArrayLike
  /**
   * Shape `[batch, length]`, integers: the sample in a packed row that each token belongs to, 0 for padding. Samples do not see
   * each other, and the positions of each count from 0. Not together with a cache.
   */
  readonly segmentIds?: ArrayLike
}

/** Options of a run of a decoder. */
export interface DecoderOptions extends RunOptions {
  /** Keys and values of the previous tokens, which are extended. */
  readonly cache?: Cache
  /** The number of last tokens for which scores are computed; all by default. A prompt needs 1. */
  readonly logitsToKeep?: number
}

/** What a decoder computes. */
export interface DecoderOutput {
  /** The last layer's output through the last norm, shape `[batch, length, hiddenSize]`. */
  readonly lastHiddenState: NDArray
  /** The embeddings, then each layer's output; the last one is `lastHiddenState`. */
  readonly hiddenStates: readonly NDArray[]
  /** The cache with these tokens in it, if one was given. */
  readonly cache: Cache | null
  /** Each layer's attention weights, `[batch, heads, queries, keys]`; null unless requested. */
  readonly attentions: readonly NDArray[] | null
}

/** A decoder's scores of the classes of a text. */
export interface SequenceOutput extends DecoderOutput {
  /** Shape `[batch, numLabels]`. */
  readonly logits: NDArray
}

/** A decoder's scores of the next token at each position. */
export interface CausalOutput extends DecoderOutput {
  /** Shape `[batch, length, vocabSize]`. */
  readonly logits: NDArray
}

/** A decoder with a head: what `generate` works with. */
export interface CausalModel<S = unknown> extends Model<S, DecoderInputs, CausalOutput, DecoderOptions> {
  /** The size of its cache. */
  readonly cacheShape: CacheShape
  /** The most tokens that it has positions for, or null if there is no limit. */
  readonly maxPositions: number | null
}

const lastPlacesDoor = must.door('lastPlaces', {
  x: must.kind('an array of shape [batch, length, ...]', (x) => anArray.accepts(x) && (x as NDArray).ndim >= 2, {
    error: ShapeError,
  }),
  count: must.optional(must.natural),
})

/**
 * The last `count` positions of `[batch, length, ...]`, or all.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { layers } from 'pullback/models'
 * const x = np.reshape(np.arange(6), [1, 3, 2])
 * layers.lastPlaces(x, 1) // => [[[4 5]]]
 * layers.lastPlaces(x, undefined).shape // => 1,3,2
 * ```
 */
export const lastPlaces = (x: NDArray, count: number | undefined): NDArray => {
  lastPlacesDoor(x, count)
  const length = x.shape[1]!
  return count === undefined || count >= length ? x : x.at(':', np.slice(length - count, length)).get()
}

/** What all layers of a run share: the tokens, and their positions. */
export interface Run {
  /** Shape `[batch, queries]`. */
  readonly ids: NDArray
  /** Shape `[1, queries]` or `[batch, queries]`. */
  readonly positions: NDArray
  readonly queries: number
  /** The number of keys: that of queries, or the cache's capacity. */
  readonly keys: number
  /** Tokens in the cache before these. */
  readonly offset: ArrayLike
  /** Which keys are visible, shape `[batch, 1, 1, keys]`, or with segments `[batch, 1, queries, keys]`; null for all. */
  readonly seen: NDArray | null
  readonly drop: Drop
  readonly remat: Remat | undefined
}

/** Extends a mask to the length of the keys: positions that are still empty count as padding, and no query sees them anyway. */
const fullMask = (
  operation: string,
  given: ArrayLike,
  [batch, queries]: readonly [batch: number, queries: number],
  cached: number,
  keys: number,
): NDArray => {
  const mask = np.asarray(given)
  const [rows, length = 0] = mask.shape
  if (mask.ndim !== 2 || (rows !== batch && rows !== 1) || length < cached + queries || length > keys) {
    const before = cached === 0 ? '' : `, and ${cached} are in the cache`
    throw new ShapeError(
      `${operation}: attentionMask has shape ${showShape(mask.shape)}, but the tokens have shape ${showShape([batch, queries])}` +
        `${before}: it has one number for each of them, and at most ${keys} in a row.`,
    )
  }
  return length === keys ? mask : np.pad(mask, [[0, 0], [0, keys - length]]) // prettier-ignore
}

/** The size limits of a decoder's inputs. */
export interface DecoderSize {
  readonly cacheShape: CacheShape
  /** The number of positions, or null if there is no limit. */
  readonly maxPositions: number | null
}

/** The segments of tokens, in packed rows. */
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

/** The tokens of a run and their positions. */
export const beginRun = (
  operation: string,
  inputs: DecoderInputs,
  { cache, key, remat, attentions }: DecoderOptions,
  { cacheShape, maxPositions }: DecoderSize,
): Run => {
  const ids = tokenArray(operation, inputs.inputIds)
  const shape = ids.shape as readonly [batch: number, queries: number]
  const queries = shape[1]
  if (cache !== undefined) {
    checkCache(operation, cache, cacheShape, shape[0])
    checkRoom(operation, cache, queries, 'growCache gives it more')
  }
  const cached = cache === undefined ? 0 : (knownLength(cache) ?? 0)
  const offset = cache === undefined ? 0 : cachedLength(cache)
  const keys = (cache === undefined ? null : roomOf(cache)) ?? queries
  const { positionIds, attentionMask } = inputs
  const segments = segmentsOf(operation, inputs, ids, cache)
  const counted = segments === null ? np.expandDims(np.add(np.arange(queries), offset), 0) : segmentPositions(segments)
  const isCounted = positionIds === undefined && segments === null
  if (maxPositions !== null && isCounted) checkLength(operation, cached + queries, maxPositions)
  return {
    ids,
    positions: positionIds === undefined ? counted : integersBesideTokens(operation, 'positionIds', positionIds, shape),
    queries,
    keys,
    offset,
    seen: bothMasks(
      attentionMask === undefined ? null : paddingMask(fullMask(operation, attentionMask, shape, cached, keys)),
      segments === null ? null : segmentMask(segments),
    ),
    drop: makeDrop(key, attentions),
    remat: attentions === true ? false : remat,
  }
}

/** The result of a layer: its output, and its cache with the new tokens in it. */
export type LayerResult = readonly [y: NDArray, cache: LayerCache | null]

/** Causal attention, to new and cached tokens; with `window`, only to the last `window` of them. */
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

/** Runs the layers in order, then the final norm, whose output replaces the last layer's in the hidden states. */
export const runLayers = <P>(
  layers: readonly P[],
  embedded: NDArray,
  { queries, remat, drop }: Run,
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
    attentions: drop.attentions ?? null,
  }
}
