/**
 * T5: Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer" (2020), and its version 1.1,
 * with gated feed-forward layers and a head of its own: Flan-T5, and MT5 (Xue et al., "mT5", 2021). Names are
 * those of `transformers`' `T5ForConditionalGeneration`.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { showShape } from '../core/shape.ts'
import * as np from '../numpy/index.ts'
import * as must from '../surface/arguments.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'
import type { AttendOptions } from './attention.ts'
import { attend } from './attention.ts'
import type { Cache, CacheShape, LayerCache } from './cache.ts'
import { cachedLength, checkCache, checkRoom, emptyCache, extendCache, roomOf } from './cache.ts'
import { t5Door } from './configDoors.ts'
import type { ConfigError, ConfigReader } from './config.ts'
import { readConfig } from './config.ts'
import { floatDType, relativeInputs, runOptions, seq2seqInputs, seq2seqOptions, treeOf } from './doors.ts'
import { lastPlaces } from './decoder.ts'
import type { EncoderInputs, EncoderOutput, RunOptions } from './encoder.ts'
import { encoderArrays, runEncoder } from './encoder.ts'
import { tokenArray } from './inputs.ts'
import type { Activation, Drop } from './layers.ts'
import {
  activationNames,
  applyActivation,
  applyEmbedding,
  applyLinear,
  applyRmsNorm,
  makeDrop,
  rowsOf,
  splitHeads,
} from './layers.ts'
import { IGNORED } from './losses.ts'
import { bothMasks, causalMask, paddingMask } from './masks.ts'
import { makeModel } from './model.ts'
import type { BucketConfig } from './relative.ts'
import { relativeBias } from './relative.ts'
import { rematLayer } from './remat.ts'
import type { Seq2SeqInputs, Seq2SeqLM, Seq2SeqLMOutput, Seq2SeqOptions, Seq2SeqOutput } from './seq2seq.ts'
import type { LinearSpec, ParamsOf } from './spec.ts'
import { parameter, repeated, rmsNorm } from './spec.ts'

/** The families of this shape. */
const types = ['t5', 'mt5'] as const

/** What `config.json` says, as far as it is used. */
export interface T5Config {
  readonly type: (typeof types)[number]
  readonly vocabSize: number
  /** Features of hidden states: `d_model`. */
  readonly hiddenSize: number
  /** Features of one head: `d_kv`. */
  readonly headDim: number
  readonly numHeads: number
  /** Features inside of the feed-forward layers: `d_ff`. */
  readonly intermediateSize: number
  readonly numLayers: number
  readonly numDecoderLayers: number
  readonly activation: Activation
  /** Whether feed-forward layers have gates: `gated-…` of `feed_forward_proj`. */
  readonly gated: boolean
  readonly buckets: BucketConfig
  readonly dropoutRate: number
  readonly layerNormEps: number
  readonly initializerFactor: number
  readonly padTokenId: number
  readonly decoderStartTokenId: number
  /** Whether the head's weight is the table of embeddings. */
  readonly tieWordEmbeddings: boolean
  /** Whether what the head is given is scaled by `1 / √hiddenSize`. */
  readonly scaleDecoderOutputs: boolean
}

const bucketConfig = (config: ConfigReader): BucketConfig => {
  const numBuckets = config.count('relative_attention_num_buckets', 32, 4)
  return {
    numBuckets,
    maxDistance: config.count('relative_attention_max_distance', 128, Math.floor(numBuckets / 2) + 1),
  }
}

/** Which activation, and whether it is a gate's. `gated-gelu` is the tanh form. */
const feedForward = (config: ConfigReader, fallback: string): Pick<T5Config, 'activation' | 'gated'> => {
  const known = ['', 'gated-'].flatMap((gate) => activationNames.map((name) => `${gate}${name}`))
  const [, gate, name] = /^(gated-)?(.*)$/.exec(config.word('feed_forward_proj', known, fallback))!
  const activation = activationNames.find((a) => a === name)!
  return {
    activation: gate !== undefined && activation === 'gelu' ? 'gelu_new' : activation,
    gated: gate !== undefined,
  }
}

/**
 * Reads the configuration of a T5 or an MT5. Version 1.1 says `tie_word_embeddings: false`; newer files say `true` and
 * `scale_decoder_outputs: false`, and have a head all the same. An MT5 has one
 * whatever its file says.
 *
 * @example
 * ```ts
 * import { t5Config } from 'pullback/models'
 * const config = t5Config({ model_type: 'mt5', feed_forward_proj: 'gated-gelu' })
 * config._tag === 'Right' && config.right.vocabSize // => 250112
 * config._tag === 'Right' && config.right.tieWordEmbeddings // => false
 * ```
 */
export const t5Config = (json: unknown): Either<ConfigError, T5Config> =>
  readConfig(json, (config) => {
    config.only('is_decoder', false)
    const type = config.word('model_type', types, 't5')
    const isMt5 = type === 'mt5'
    const numLayers = config.layers('num_layers', isMt5 ? 8 : 6, 1)
    const padTokenId = config.count('pad_token_id', 0, 0)
    const tied = config.flag('tie_word_embeddings', true)
    const scaled = !isMt5 && config.flag('scale_decoder_outputs', tied)
    return {
      type,
      vocabSize: config.count('vocab_size', isMt5 ? 250_112 : 32_128),
      hiddenSize: config.count('d_model', 512),
      headDim: config.count('d_kv', 64),
      numHeads: config.count('num_heads', isMt5 ? 6 : 8),
      intermediateSize: config.count('d_ff', isMt5 ? 1024 : 2048),
      numLayers,
      numDecoderLayers: config.layers('num_decoder_layers', numLayers, 1),
      ...feedForward(config, isMt5 ? 'gated-gelu' : 'relu'),
      buckets: bucketConfig(config),
      dropoutRate: config.number('dropout_rate', 0.1),
      layerNormEps: config.number('layer_norm_epsilon', 1e-6),
      initializerFactor: config.notNegative('initializer_factor', 1),
      padTokenId,
      decoderStartTokenId: config.count('decoder_start_token_id', padTokenId, 0),
      tieWordEmbeddings: tied && scaled,
      scaleDecoderOutputs: scaled,
    }
  })

// Attention and feed-forward.

/** A linear map without bias, whose fresh weights have their own standard deviation. */
const matrix = (outputs: number, inputs: number, stddev: number): LinearSpec => ({
  weight: parameter([outputs, inputs], stddev),
  bias: null,
})

const table = (count: number, features: number, stddev: number) => ({
  weight: parameter([count, features], stddev),
})

/** Fresh weights make up for what scores are not divided by. */
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

/** Keys and values of the states that are attended to. */
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

/** `x + f(norm(x))`, of all parts of a block. */
const residual = (
  { layer_norm }: { readonly layer_norm: { readonly weight: NDArray } },
  x: NDArray,
  { layerNormEps, dropoutRate }: T5Config,
  drop: Drop,
  f: (normed: NDArray) => NDArray,
): NDArray => np.add(x, drop(f(applyRmsNorm(layer_norm, x, layerNormEps)), dropoutRate))

// The encoder. The first block has the table of relative positions, and all blocks add what it gives.

const encoderBlockSpecs = (c: T5Config, index: number) => ({
  layer: [
    { SelfAttention: attentionSpecs(c, index === 0), layer_norm: rmsNorm(c.hiddenSize) },
    { DenseReluDense: feedForwardSpecs(c), layer_norm: rmsNorm(c.hiddenSize) },
  ] as const,
})

type EncoderBlock = ParamsOf<ReturnType<typeof encoderBlockSpecs>>

const encoderSpecs = (c: T5Config) => ({
  block: repeated(c.numLayers, (i) => encoderBlockSpecs(c, i)),
  final_layer_norm: rmsNorm(c.hiddenSize),
})

interface Embeddings {
  readonly weight: NDArray
}

/** What a stack gives: the embeddings, each block's output, and in the place of the last one's that of the norm. */
const finish = (
  states: readonly NDArray[],
  norm: { readonly weight: NDArray },
  { layerNormEps, dropoutRate }: T5Config,
  drop: Drop,
): Pick<EncoderOutput, 'lastHiddenState' | 'hiddenStates'> => {
  const lastHiddenState = drop(applyRmsNorm(norm, states.at(-1)!, layerNormEps), dropoutRate)
  return { lastHiddenState, hiddenStates: [...states.slice(0, -1), lastHiddenState] }
}

/** What is read, and which of it may be seen. */
interface Encoded extends EncoderOutput {
  readonly padding: NDArray | null
}

const encode = (
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

const decoderSpecs = (c: T5Config) => ({
  block: repeated(c.numDecoderLayers, (i) => decoderBlockSpecs(c, i)),
  final_layer_norm: rmsNorm(c.hiddenSize),
})

type DecoderBlock = ParamsOf<ReturnType<typeof decoderBlockSpecs>>

/** What all blocks of a run share. */
interface Run {
  readonly config: T5Config
  readonly drop: Drop
  /** Which of the tokens written each one sees, and what the scores gain by where they stand. */
  readonly mask: NDArray | null
  readonly bias: NDArray
  /** Which tokens of what is read are seen. */
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

/** Keys and values of what is read, for each block of the decoder. */
const readKeys = (decoder: ParamsOf<ReturnType<typeof decoderSpecs>>, states: NDArray, config: T5Config) =>
  decoder.block.map(({ layer }) => keysAndValues(layer[1].EncDecAttention, states, config))

/** Which tokens that are written are no padding, as far as there is room for them: those to come are not seen anyway. */
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

/** The size of the cache of what is written. */
export const writtenCacheShape = ({ numDecoderLayers, numHeads, headDim }: T5Config): CacheShape => ({
  numHiddenLayers: numDecoderLayers,
  numKeyValueHeads: numHeads,
  headDim,
})

/** What is written, given what is read: `read` has its keys and values for each block, `padding` what of it is seen. */
const decode = (
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
  // Of each block first those to what is written, then those to what is read.
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

// The models.

const bodySpecs = (c: T5Config) => ({
  shared: table(c.vocabSize, c.hiddenSize, c.initializerFactor),
  encoder: encoderSpecs(c),
  decoder: decoderSpecs(c),
})

type BodyParams = ParamsOf<ReturnType<typeof bodySpecs>>

/** Labels one place later, after the start token; padding where they do not count. */
const shiftRight = (labels: ArrayLike, { type, vocabSize, decoderStartTokenId, padTokenId }: T5Config): NDArray => {
  const given = tokenArray(type, labels, 'labels')
  // What is known and no token, is said of the labels.
  rowsOf(given, vocabSize, `${type}: labels`, IGNORED)
  const [batch, length] = given.shape as readonly [number, number]
  const first = np.full([batch, 1], decoderStartTokenId, { dtype: 'int32' })
  const shifted = np.concatenate([first, given.at(':', np.slice(0, length - 1)).get()], { axis: 1 })
  return np.where(np.equal(shifted, IGNORED), padTokenId, shifted)
}

const decoderIds = ({ decoderInputIds, labels }: Seq2SeqInputs, config: T5Config): NDArray => {
  if (decoderInputIds !== undefined) return tokenArray(config.type, decoderInputIds, 'decoderInputIds')
  if (labels !== undefined) return shiftRight(labels, config)
  throw new ArgumentError(
    `${config.type}: what is written is given by decoderInputIds, or by labels; there are neither.`,
  )
}

const encoderInputs = ({ inputIds, attentionMask }: Seq2SeqInputs, { type }: T5Config): EncoderInputs => {
  if (inputIds === undefined) throw new ArgumentError(`${type}: inputIds are needed where there is no cache.`)
  return { inputIds, ...(attentionMask === undefined ? {} : { attentionMask }) }
}

const applyBody = (
  params: BodyParams,
  inputs: Seq2SeqInputs,
  config: T5Config,
  options: Seq2SeqOptions,
): Seq2SeqOutput => {
  const { key, cache, prefix = null } = options
  const drop = makeDrop(key, options.attentions)
  const targets = [decoderIds(inputs, config), inputs.decoderAttentionMask] as const
  if (cache === undefined) {
    const encoded = encode(params, encoderInputs(inputs, config), config, drop, options)
    const read = readKeys(params.decoder, encoded.lastHiddenState, config)
    return {
      ...decode(params, { read, padding: encoded.padding }, targets, config, drop, options, prefix),
      encoderLastHiddenState: encoded.lastHiddenState,
      encoderHiddenStates: encoded.hiddenStates,
      encoderAttentions: encoded.attentions,
      cache: null,
    }
  }
  if (prefix !== null) {
    throw new ArgumentError(`${config.type}: a cache goes on with what its prefix began; leave out the prefix.`)
  }
  if (inputs.inputIds !== undefined || inputs.attentionMask !== undefined) {
    throw new ArgumentError(
      `${config.type}: the cache knows what is read; leave inputIds and attentionMask out, or the cache.`,
    )
  }
  if (cache.encoder.length !== config.numDecoderLayers) {
    throw new ShapeError(
      `${config.type}: the cache has keys and values of what is read for ${cache.encoder.length} layers, and the model has ` +
        `${config.numDecoderLayers}. startCache of this model gives one that fits.`,
    )
  }
  const known = { read: cache.encoder, padding: paddingMask(cache.attentionMask) }
  const decoded = decode(params, known, targets, config, drop, options, cache.decoder)
  return {
    ...decoded,
    encoderLastHiddenState: null,
    encoderHiddenStates: [],
    encoderAttentions: null,
    cache: { ...cache, decoder: decoded.cache! },
  }
}

/** Second names of the table of embeddings. */
const names = ['encoder.embed_tokens.weight', 'decoder.embed_tokens.weight'] as const
const tiedTo = (others: readonly string[]): ReadonlyMap<string, string> =>
  new Map(others.map((name) => [name, 'shared.weight']))

/** Tables that the first files had, and that nothing reads. */
const unread = /^decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight$/

const partsOf = (config: T5Config) => {
  t5Door(config)
  return { type: config.type, prefix: 'transformer', stddev: 1 }
}

const readerSpecs = (c: T5Config) => ({
  shared: table(c.vocabSize, c.hiddenSize, c.initializerFactor),
  encoder: encoderSpecs(c),
})

/**
 * Hidden states of what is read, alone: sentence encoders are such. Raffel et al., "Exploring the Limits of Transfer Learning with a
 * Unified Text-to-Text Transformer" (2020).
 *
 * @throws ArgumentError from `apply` for tokens that are no integers `[batch, length]`; ShapeError for masks of another shape.
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { t5Config, t5Encoder } from 'pullback/models'
 * const config = t5Config({ vocab_size: 10, d_model: 8, d_kv: 4, d_ff: 8, num_layers: 1, num_heads: 2 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = t5Encoder(config.right)
 * model.apply(model.init(random.key(0)), { inputIds: [[5, 6, 1]] }).lastHiddenState.shape // => 1,3,8
 * ```
 */
export const t5Encoder = (config: T5Config) =>
  makeModel({
    ...partsOf(config),
    specs: readerSpecs(config),
    ignored: [/^decoder\./, /^lm_head\./],
    tied: tiedTo([names[0]]),
    doors: { inputs: relativeInputs, options: runOptions },
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): EncoderOutput => {
      const { lastHiddenState, hiddenStates, poolerOutput, attentions } = encode(
        params,
        inputs,
        config,
        makeDrop(options.key, options.attentions),
        options,
      )
      return { lastHiddenState, hiddenStates, poolerOutput, attentions }
    },
  })

/**
 * Hidden states of what is read and of what is written.
 *
 * @throws ArgumentError from `apply` for tokens that are no integers `[batch, length]`; ShapeError for masks of another shape.
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { t5, t5Config } from 'pullback/models'
 * const config = t5Config({ vocab_size: 10, d_model: 8, d_kv: 4, d_ff: 8, num_layers: 1, num_heads: 2 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = t5(config.right)
 * const inputs = { inputIds: [[5, 6, 7, 1]], decoderInputIds: [[0, 8]] }
 * const output = model.apply(model.init(random.key(0)), inputs)
 * output.lastHiddenState.shape // => 1,2,8
 * output.encoderLastHiddenState?.shape // => 1,4,8
 * ```
 */
export const t5 = (config: T5Config) =>
  makeModel({
    ...partsOf(config),
    specs: bodySpecs(config),
    ignored: [unread, /^lm_head\./],
    tied: tiedTo(names),
    doors: { inputs: seq2seqInputs, options: seq2seqOptions },
    apply: (params: BodyParams, inputs: Seq2SeqInputs, options: Seq2SeqOptions = {}): Seq2SeqOutput =>
      applyBody(params, inputs, config, options),
  })

const headedSpecs = (c: T5Config) => ({
  ...bodySpecs(c),
  lm_head: c.tieWordEmbeddings ? null : matrix(c.vocabSize, c.hiddenSize, c.initializerFactor),
})

const startCacheDoor = (specs: unknown): must.Door =>
  must.door('startCache', {
    params: treeOf(specs, 'model.init or loadParams'),
    inputs: relativeInputs,
    capacity: must.count,
    dtype: floatDType,
  })

/**
 * Scores of the next token that is written.
 *
 * Step by step: `startCache` reads the first text once, and each step is given the cache of the one before.
 *
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { t5Config, t5ForConditionalGeneration } from 'pullback/models'
 * const config = t5Config({ vocab_size: 10, d_model: 8, d_kv: 4, d_ff: 8, num_layers: 1, num_heads: 2 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = t5ForConditionalGeneration(config.right)
 * const params = model.init(random.key(0))
 * const cache = model.startCache(params, { inputIds: [[5, 6, 7, 1]] }, 20)
 * const first = model.apply(params, { decoderInputIds: [[0]] }, { cache })
 * first.logits.shape // => 1,1,10
 * first.cache?.decoder.length.item() // => 1
 * ```
 */
export const t5ForConditionalGeneration = (config: T5Config): Seq2SeqLM<ReturnType<typeof headedSpecs>> => {
  const parts = partsOf(config)
  const specs = headedSpecs(config)
  const enterStart = startCacheDoor(specs)
  const model = makeModel({
    ...parts,
    specs,
    ignored: [unread],
    tied: tiedTo(config.tieWordEmbeddings ? [...names, 'lm_head.weight'] : names),
    doors: { inputs: seq2seqInputs, options: seq2seqOptions },
    apply: (params, inputs: Seq2SeqInputs, options: Seq2SeqOptions = {}): Seq2SeqLMOutput => {
      const output = applyBody(params, inputs, config, options)
      const states = lastPlaces(output.lastHiddenState, options.logitsToKeep)
      const scaled = config.scaleDecoderOutputs ? np.divide(states, Math.sqrt(config.hiddenSize)) : states
      const { weight } = params.lm_head ?? params.shared
      return { ...output, logits: applyLinear({ weight, bias: null }, scaled) }
    },
  })
  const startCache: Seq2SeqLM<typeof specs>['startCache'] = (weights, inputs, capacity, dtype) => {
    enterStart(weights, inputs, capacity, dtype)
    // As in makeModel: this is written of arrays, and its layers take others as well.
    const params = weights as ParamsOf<typeof specs>
    const { lastHiddenState } = encode(params, inputs, config, makeDrop(undefined), {})
    const shape = lastHiddenState.shape.slice(0, 2) as readonly number[] as readonly [number, number]
    return {
      decoder: emptyCache(writtenCacheShape(config), shape[0], capacity, dtype),
      encoder: readKeys(params.decoder, lastHiddenState, config),
      attentionMask: np.broadcastTo(inputs.attentionMask ?? 1, shape),
    }
  }
  const { decoderStartTokenId } = config
  return { ...model, startCache, cacheShape: writtenCacheShape(config), maxPositions: null, decoderStartTokenId }
}
