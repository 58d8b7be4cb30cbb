/**
 * T5: Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer" (2020), and its version 1.1,
 * with gated feed-forward layers and an untied head: Flan-T5, and MT5 (Xue et al., "mT5", 2021). Names are
 * those of `transformers`' `T5ForConditionalGeneration`.
 */
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { emptyCache } from './cache.ts'
import { t5Door } from './configDoors.ts'
import { floatDType, relativeInputs, runOptions, seq2seqInputs, seq2seqOptions, treeOf } from './doors.ts'
import { lastPlaces } from './decoder.ts'
import type { EncoderInputs, EncoderOutput, RunOptions } from './encoder.ts'
import { tokenArray } from './inputs.ts'
import { applyLinear, makeDrop, rowsOf } from './layers.ts'
import { IGNORED } from './losses.ts'
import { paddingMask } from './masks.ts'
import { makeModel } from './model.ts'
import type { Seq2SeqInputs, Seq2SeqLM, Seq2SeqLMOutput, Seq2SeqOptions, Seq2SeqOutput } from './seq2seq.ts'
import type { ParamsOf } from './spec.ts'
import type { T5Config } from './t5Config.ts'
import { matrix, table, encoderSpecs, encode, decoderSpecs, readKeys, writtenCacheShape, decode } from './t5Layers.ts'

const bodySpecs = (c: T5Config) => ({
  shared: table(c.vocabSize, c.hiddenSize, c.initializerFactor),
  encoder: encoderSpecs(c),
  decoder: decoderSpecs(c),
})

type BodyParams = ParamsOf<ReturnType<typeof bodySpecs>>

/** Shifts labels right, after the start token; labels that do not count become padding. */
const shiftRight = (labels: ArrayLike, { type, vocabSize, decoderStartTokenId, padTokenId }: T5Config): NDArray => {
  const given = tokenArray(type, labels, 'labels')
  // Known values that are not tokens are reported as invalid labels.
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

/** Second names of the embedding table. */
const names = ['encoder.embed_tokens.weight', 'decoder.embed_tokens.weight'] as const

const tiedTo = (others: readonly string[]): ReadonlyMap<string, string> =>
  new Map(others.map((name) => [name, 'shared.weight']))

/** Unused tables in old files. */
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
 * The encoder alone: its hidden states, as for sentence encoders. Raffel et al., "Exploring the Limits of Transfer Learning
 * with a Unified Text-to-Text Transformer" (2020).
 *
 * @throws ArgumentError from `apply` for tokens that are not integers `[batch, length]`; ShapeError for masks of another shape.
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
 * The hidden states of encoder and decoder.
 *
 * @throws ArgumentError from `apply` for tokens that are not integers `[batch, length]`; ShapeError for masks of another shape.
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
    // As in makeModel: this is written for arrays, but its layers take other matrices as well.
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
