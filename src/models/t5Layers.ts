/** The encoder and decoder of T5: the specifications of their arrays, and what they compute. */
import * as np from '../numpy/index.ts'
import { ShapeError } from '../core/errors.ts'
import { showShape } from '../core/shape.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { AttendOptions } from './attention.ts'
import { attend } from './attention.ts'
import type { Cache, CacheShape, LayerCache } from './cache.ts'
import { cachedLength, checkCache, checkRoom, extendCache, roomOf } from './cache.ts'
import type { EncoderInputs, EncoderOutput, RunOptions } from './encoder.ts'
import { encoderArrays, runEncoder } from './encoder.ts'
import type { Drop } from './layers.ts'
import { applyActivation, applyEmbedding, applyLinear, applyRmsNorm, splitHeads } from './layers.ts'
import { bothMasks, causalMask, paddingMask } from './masks.ts'
import { relativeBias } from './relative.ts'
import { rematLayer } from './remat.ts'
import type { LinearSpec, ParamsOf } from './spec.ts'
import { parameter, repeated, rmsNorm } from './spec.ts'
import type { T5Config } from './t5Config.ts'

// Attention and feed-forward.

/** A linear map without bias, initialised with its own standard deviation. */
export const matrix = (outputs: number, inputs: number, stddev: number): LinearSpec => ({
  weight: parameter([outputs, inputs], stddev),
  bias: null,
})

export const table = (count: number, features: number, stddev: number) => ({
  weight: parameter([count, features], stddev),
})

/** The initialisation compensates for scores that are not divided by √headDim. */
const attentionSpecs = (c: T5Config, relative: boolean) => {
  const [inner, factor] = [c.numHeads * c.headDim, c.initializerFactor]
  const narrow = factor / Math.sqrt(c.hiddenSize)
  return {
    q: matrix(inner, c.hiddenSize, narrow / Math.sqrt(c.headDim)),
    k: matrix(inner, c.hiddenSize, narrow),
    v: matrix(inner, c.hiddenSize, narrow),
    o: matrix(c.hiddenSize, inner, factor / Math.sqrt(inner)),
    relative_attention_bias: relative ? table(c.buckets.numBuckets, c.numHeads, narrow) : null,
  }
}

type AttentionParams = ParamsOf<ReturnType<typeof attentionSpecs>>

/** Keys and values of the attended states. */
const keysAndValues = ({ k, v }: AttentionParams, states: NDArray, { numHeads }: T5Config): LayerCache => ({
  key: splitHeads(applyLinear(k, states), numHeads),
  value: splitHeads(applyLinear(v, states), numHeads),
})

/** Scores are not divided by `√headDim`. */
const applyAttention = (
  { q, o }: AttentionParams,
  x: NDArray,
  { key, value }: LayerCache,
  { numHeads, dropoutRate }: T5Config,
  options: AttendOptions,
): NDArray => {
  const query = splitHeads(applyLinear(q, x), numHeads)
  return applyLinear(o, attend(query, key, value, { ...options, scale: 1, dropRate: dropoutRate }))
}

const feedForwardSpecs = ({ hiddenSize, intermediateSize, gated, initializerFactor: factor }: T5Config) => {
  const widen = (): LinearSpec => matrix(intermediateSize, hiddenSize, factor / Math.sqrt(hiddenSize))
  return {
    wi: gated ? null : widen(),
    wi_0: gated ? widen() : null,
    wi_1: gated ? widen() : null,
    wo: matrix(hiddenSize, intermediateSize, factor / Math.sqrt(intermediateSize)),
  }
}

const applyFeedForward = (
  { wi, wi_0, wi_1, wo }: ParamsOf<ReturnType<typeof feedForwardSpecs>>,
  x: NDArray,
  { activation, dropoutRate }: T5Config,
  drop: Drop,
): NDArray => {
  const active = applyActivation(activation, applyLinear((wi ?? wi_0)!, x))
  const inner = wi_1 === null ? active : np.multiply(active, applyLinear(wi_1, x))
  return applyLinear(wo, drop(inner, dropoutRate))
}

/** `x + f(norm(x))`, for every part of a block. */
const residual = (
  { layer_norm }: { readonly layer_norm: { readonly weight: NDArray } },
  x: NDArray,
  { layerNormEps, dropoutRate }: T5Config,
  drop: Drop,
  f: (normed: NDArray) => NDArray,
): NDArray => np.add(x, drop(f(applyRmsNorm(layer_norm, x, layerNormEps)), dropoutRate))

// The encoder. The first block has the table of relative positions, whose bias all blocks add.

const encoderBlockSpecs = (c: T5Config, index: number) => ({
  layer: [
    { SelfAttention: attentionSpecs(c, index === 0), layer_norm: rmsNorm(c.hiddenSize) },
    { DenseReluDense: feedForwardSpecs(c), layer_norm: rmsNorm(c.hiddenSize) },
  ] as const,
})

type EncoderBlock = ParamsOf<ReturnType<typeof encoderBlockSpecs>>

export const encoderSpecs = (c: T5Config) => ({
  block: repeated(c.numLayers, (i) => encoderBlockSpecs(c, i)),
  final_layer_norm: rmsNorm(c.hiddenSize),
})

interface Embeddings {
  readonly weight: NDArray
}

/** The hidden states of a stack: the embeddings, then each block's output, where the last is replaced by the final norm's. */
const finish = (
  states: readonly NDArray[],
  norm: { readonly weight: NDArray },
  { layerNormEps, dropoutRate }: T5Config,
  drop: Drop,
): Pick<EncoderOutput, 'lastHiddenState' | 'hiddenStates'> => {
  const lastHiddenState = drop(applyRmsNorm(norm, states.at(-1)!, layerNormEps), dropoutRate)
  return { lastHiddenState, hiddenStates: [...states.slice(0, -1), lastHiddenState] }
}

/** The encoder's output, and its mask. */
interface Encoded extends EncoderOutput {
  readonly padding: NDArray | null
}

export const encode = (
  params: { readonly shared: Embeddings; readonly encoder: ParamsOf<ReturnType<typeof encoderSpecs>> },
  inputs: EncoderInputs,
  config: T5Config,
  drop: Drop,
  options: RunOptions,
): Encoded => {
  const { ids, padding: mask } = encoderArrays(config.type, inputs, null)
  const length = ids.shape[1]!
  const { relative_attention_bias: relative } = params.encoder.block[0]!.layer[0].SelfAttention
  const bias = relativeBias(relative!, { queries: length, keys: length }, config.buckets, 'bidirectional')
  const applyBlock = ({ layer: [attention, forward] }: EncoderBlock, x: NDArray): NDArray => {
    const attended = residual(attention, x, config, drop, (h) =>
      applyAttention(attention.SelfAttention, h, keysAndValues(attention.SelfAttention, h, config), config, {
        mask,
        bias,
        drop,
      }),
    )
    return residual(forward, attended, config, drop, (h) => applyFeedForward(forward.DenseReluDense, h, config, drop))
  }
  const embedded = drop(applyEmbedding(params.shared, ids, null, `${config.type}: inputIds`), config.dropoutRate)
  const states = runEncoder(params.encoder.block, embedded, applyBlock, options)
  return {
    ...finish(states, params.encoder.final_layer_norm, config, drop),
    poolerOutput: null,
    attentions: drop.attentions === undefined ? null : [...drop.attentions],
    padding: mask,
  }
}

// The decoder.

const decoderBlockSpecs = (c: T5Config, index: number) => ({
  layer: [
    { SelfAttention: attentionSpecs(c, index === 0), layer_norm: rmsNorm(c.hiddenSize) },
    { EncDecAttention: attentionSpecs(c, false), layer_norm: rmsNorm(c.hiddenSize) },
    { DenseReluDense: feedForwardSpecs(c), layer_norm: rmsNorm(c.hiddenSize) },
  ] as const,
})

export const decoderSpecs = (c: T5Config) => ({
  block: repeated(c.numDecoderLayers, (i) => decoderBlockSpecs(c, i)),
  final_layer_norm: rmsNorm(c.hiddenSize),
})

type DecoderBlock = ParamsOf<ReturnType<typeof decoderBlockSpecs>>

/** What all decoder blocks of a run share. */
interface Run {
  readonly config: T5Config
  readonly drop: Drop
  /** The mask of self-attention; the next field is its relative position bias. */
  readonly mask: NDArray | null
  readonly bias: NDArray
  /** The visible encoder tokens. */
  readonly padding: NDArray | null
  /** Tokens in the cache before these. */
  readonly offset: ArrayLike
}

const applyDecoderBlock = (
  { layer: [self, cross, forward] }: DecoderBlock,
  x: NDArray,
  read: LayerCache,
  cache: LayerCache | null,
  { config, drop, mask, bias, padding, offset }: Run,
): readonly [y: NDArray, cache: LayerCache | null] => {
  const normed = applyRmsNorm(self.layer_norm, x, config.layerNormEps)
  const fresh = keysAndValues(self.SelfAttention, normed, config)
  const extended = cache === null ? null : extendCache(cache, fresh.key, fresh.value, offset)
  const written = applyAttention(self.SelfAttention, normed, extended ?? fresh, config, { mask, bias, drop })
  const own = np.add(x, drop(written, config.dropoutRate))
  const both = residual(cross, own, config, drop, (h) =>
    applyAttention(cross.EncDecAttention, h, read, config, { mask: padding, drop }),
  )
  return [
    residual(forward, both, config, drop, (h) => applyFeedForward(forward.DenseReluDense, h, config, drop)),
    extended,
  ]
}

/** Keys and values of the encoder's output, for each block of the decoder. */
export const readKeys = (decoder: ParamsOf<ReturnType<typeof decoderSpecs>>, states: NDArray, config: T5Config) =>
  decoder.block.map(({ layer }) => keysAndValues(layer[1].EncDecAttention, states, config))

/** The decoder's tokens that are not padding, extended to the cache's capacity: later tokens are not visible anyway. */
const writtenPadding = (
  operation: string,
  given: ArrayLike | undefined,
  batch: number,
  queries: number,
  keys: number,
): NDArray | null => {
  if (given === undefined) return null
  const mask = np.asarray(given)
  const length = mask.shape[1] ?? 0
  if (mask.ndim !== 2 || mask.shape[0] !== batch || length < queries || length > keys) {
    throw new ShapeError(
      `${operation}: decoderAttentionMask is of shape ${showShape(mask.shape)}, but has to have ${batch} rows of ${queries} numbers, ` +
        `or of as many as are cached besides, and no more than there is room for, ${keys}.`,
    )
  }
  return paddingMask(np.pad(mask, [[0, 0], [0, keys - length]])) // prettier-ignore
}

/** The size of the decoder's cache. */
export const writtenCacheShape = ({ numDecoderLayers, numHeads, headDim }: T5Config): CacheShape => ({
  numHiddenLayers: numDecoderLayers,
  numKeyValueHeads: numHeads,
  headDim,
})

/** Runs the decoder, given the encoder's output: `read` has its keys and values for each block, `padding` its mask. */
export const decode = (
  { shared, decoder }: { readonly shared: Embeddings; readonly decoder: ParamsOf<ReturnType<typeof decoderSpecs>> },
  { read, padding }: { readonly read: readonly LayerCache[]; readonly padding: NDArray | null },
  [ids, attentionMask]: readonly [ids: NDArray, attentionMask: ArrayLike | undefined],
  config: T5Config,
  drop: Drop,
  { remat, attentions: isAsked }: RunOptions,
  cache: Cache | null,
) => {
  const [batch, queries] = ids.shape as readonly [number, number]
  if (cache !== null) {
    checkCache(config.type, cache, writtenCacheShape(config), batch)
    checkRoom(config.type, cache, queries, 'startCache gives one of more capacity')
  }
  const keys = (cache === null ? null : roomOf(cache)) ?? queries
  const span = { queries, keys, offset: cache === null ? 0 : cachedLength(cache) }
  const relative = decoder.block[0]!.layer[0].SelfAttention.relative_attention_bias!
  const run: Run = {
    config,
    drop,
    mask: bothMasks(causalMask(span), writtenPadding(config.type, attentionMask, batch, queries, keys)),
    bias: relativeBias(relative, span, config.buckets, 'causal'),
    padding,
    offset: span.offset,
  }
  const ofEncoder = drop.attentions?.length
  const states = [drop(applyEmbedding(shared, ids, null, `${config.type}: decoderInputIds`), config.dropoutRate)]
  const layers: LayerCache[] = []
  decoder.block.forEach((block, i) => {
    const apply = (p: DecoderBlock, x: NDArray) => applyDecoderBlock(p, x, read[i]!, cache?.layers[i] ?? null, run)
    const [y, extended] = rematLayer(isAsked === true ? false : remat, apply)(block, states.at(-1)!)
    states.push(y)
    if (extended !== null) layers.push(extended)
  })
  const { lastHiddenState, hiddenStates: decoderHiddenStates } = finish(states, decoder.final_layer_norm, config, drop)
  const extended = cache === null ? null : { layers, length: np.add(cache.length, queries) }
  // For each block, first the self-attention weights, then the cross-attention weights.
  const attentions = drop.attentions?.slice(ofEncoder)
  const every = (rest: number) => attentions?.filter((_, i) => i % 2 === rest) ?? null
  return {
    lastHiddenState,
    decoderHiddenStates,
    decoderAttentions: every(0),
    crossAttentions: every(1),
    cache: extended,
  }
}
