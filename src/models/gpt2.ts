/**
 * GPT-2: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019): layer norms before attention and feed-forward,
 * and learned positions. Names are those of `transformers`' `GPT2Model` and of its heads.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import * as np from '../numpy/index.ts'
import type { NDArray } from '../trace/value.ts'
import type { LayerCache } from './cache.ts'
import type { ClassifierConfig } from './classifier.ts'
import { classifierConfig } from './classifier.ts'
import type { ConfigError } from './config.ts'
import { readConfig } from './config.ts'
import type {
  CausalOutput,
  DecoderInputs,
  DecoderOptions,
  DecoderOutput,
  DecoderSize,
  LayerResult,
  Run,
  SequenceOutput,
} from './decoder.ts'
import { attendCausally, beginRun, runLayers } from './decoder.ts'
import type { Activation } from './layers.ts'
import { activationNames, applyActivation, applyEmbedding, applyLayerNorm, splitHeads } from './layers.ts'
import { checkedGpt2 } from './configDoors.ts'
import { decoderParts, nextTokenSpecs, scoreNext, scoreSequences, tiedHead } from './heads.ts'
import { makeModel } from './model.ts'
import type { ParamsOf } from './spec.ts'
import { embedding, layerNorm, linear, parameter, repeated } from './spec.ts'

/** The keys of `config.json` that are used. */
export interface Gpt2Config extends ClassifierConfig {
  readonly vocabSize: number
  readonly maxPositionEmbeddings: number
  readonly hiddenSize: number
  readonly intermediateSize: number
  readonly numHiddenLayers: number
  readonly numAttentionHeads: number
  readonly hiddenAct: Activation
  readonly layerNormEps: number
  readonly embeddingDropout: number
  readonly attentionDropout: number
  /** Dropout of the outputs of attention and feed-forward. */
  readonly residualDropout: number
  /** The factor of each layer's attention scores. */
  readonly scales: readonly number[]
  readonly tieWordEmbeddings: boolean
  readonly initializerRange: number
  /** Null where there is none. */
  readonly padTokenId: number | null
}

/**
 * Reads the configuration of a GPT-2.
 *
 * @returns an error that names the key with an invalid value.
 * @example
 * ```ts
 * import { gpt2Config } from 'pullback/models'
 * const config = gpt2Config({ n_embd: 64, n_head: 4 })
 * // Four times as many features inside of each layer, unless `n_inner` says how many.
 * config._tag === 'Right' && config.right.intermediateSize // => 256
 * ```
 */
export const gpt2Config = (json: unknown): Either<ConfigError, Gpt2Config> =>
  readConfig(json, (config) => {
    if (config.flag('add_cross_attention', false)) config.fail('add_cross_attention', 'false: there is no encoder here')
    const hiddenSize = config.count('n_embd', 768)
    const numAttentionHeads = config.divisor('n_head', hiddenSize, 'n_embd', 12)
    const numHiddenLayers = config.layers('n_layer', 12)
    const scale = config.flag('scale_attn_weights', true) ? 1 / Math.sqrt(hiddenSize / numAttentionHeads) : 1
    const byLayer = config.flag('scale_attn_by_inverse_layer_idx', false)
    return {
      vocabSize: config.count('vocab_size', 50_257),
      maxPositionEmbeddings: config.count('n_positions', 1024),
      hiddenSize,
      intermediateSize: config.count('n_inner', 4 * hiddenSize),
      numHiddenLayers,
      numAttentionHeads,
      hiddenAct: config.word('activation_function', activationNames, 'gelu_new'),
      layerNormEps: config.number('layer_norm_epsilon', 1e-5),
      embeddingDropout: config.number('embd_pdrop', 0.1),
      attentionDropout: config.number('attn_pdrop', 0.1),
      residualDropout: config.number('resid_pdrop', 0.1),
      scales: Array.from({ length: numHiddenLayers }, (_, i) => (byLayer ? scale / (i + 1) : scale)),
      tieWordEmbeddings: config.flag('tie_word_embeddings', true),
      initializerRange: config.notNegative('initializer_range', 0.02),
      padTokenId: config.countOrNull('pad_token_id', null, 0),
      ...classifierConfig(config),
    }
  })

/** Transposed compared with `linear`: weight `[inputs, outputs]`. The name is from `transformers`; it is not a convolution. */
const conv1D = (outputs: number, inputs: number) => ({
  weight: parameter([inputs, outputs]),
  bias: parameter([outputs], 'zeros'),
})

/** `x W + b`. */
const applyConv1D = ({ weight, bias }: ParamsOf<ReturnType<typeof conv1D>>, x: NDArray): NDArray =>
  np.add(np.matmul(x, weight), bias)

const layerSpecs = ({ hiddenSize, intermediateSize }: Gpt2Config) => ({
  ln_1: layerNorm(hiddenSize),
  attn: { c_attn: conv1D(3 * hiddenSize, hiddenSize), c_proj: conv1D(hiddenSize, hiddenSize) },
  ln_2: layerNorm(hiddenSize),
  mlp: { c_fc: conv1D(intermediateSize, hiddenSize), c_proj: conv1D(hiddenSize, intermediateSize) },
})

type LayerParams = ParamsOf<ReturnType<typeof layerSpecs>>

interface Gpt2Run extends Run {
  readonly config: Gpt2Config
}

const applyAttention = (
  { c_attn, c_proj }: LayerParams['attn'],
  x: NDArray,
  run: Gpt2Run,
  index: number,
  cache: LayerCache | null,
): LayerResult => {
  const { config, drop } = run
  const parts = np.split(applyConv1D(c_attn, x), 3, { axis: -1 })
  const heads = parts.map((part) => splitHeads(part, config.numAttentionHeads)) as [NDArray, NDArray, NDArray]
  const options = { scale: config.scales[index]!, dropRate: config.attentionDropout }
  const [attended, extended] = attendCausally(heads, run, cache, options)
  return [drop(applyConv1D(c_proj, attended), config.residualDropout), extended]
}

const applyMlp = ({ c_fc, c_proj }: LayerParams['mlp'], x: NDArray, { config, drop }: Gpt2Run): NDArray => {
  const inner = applyActivation(config.hiddenAct, applyConv1D(c_fc, x))
  return drop(applyConv1D(c_proj, inner), config.residualDropout)
}

const applyLayer = (
  params: LayerParams,
  x: NDArray,
  run: Gpt2Run,
  index: number,
  cache: LayerCache | null,
): LayerResult => {
  const { layerNormEps } = run.config
  const normed = applyLayerNorm(params.ln_1, x, layerNormEps)
  const [attended, extended] = applyAttention(params.attn, normed, run, index, cache)
  const middle = np.add(x, attended)
  return [np.add(middle, applyMlp(params.mlp, applyLayerNorm(params.ln_2, middle, layerNormEps), run)), extended]
}

const bodySpecs = (config: Gpt2Config) => ({
  wte: embedding(config.vocabSize, config.hiddenSize),
  wpe: embedding(config.maxPositionEmbeddings, config.hiddenSize),
  h: repeated(config.numHiddenLayers, () => layerSpecs(config)),
  ln_f: layerNorm(config.hiddenSize),
})

type BodyParams = ParamsOf<ReturnType<typeof bodySpecs>>

const embed = ({ wte, wpe }: BodyParams, { ids, positions, drop }: Run, config: Gpt2Config): NDArray => {
  const words = applyEmbedding(wte, ids, null, 'gpt2: inputIds')
  const places = applyEmbedding(wpe, positions, null, 'gpt2: positionIds')
  return drop(np.add(words, places), config.embeddingDropout)
}

/** The size limits of its inputs and its cache. */
export const gpt2Size = (config: Gpt2Config): DecoderSize => ({
  cacheShape: {
    numHiddenLayers: config.numHiddenLayers,
    numKeyValueHeads: config.numAttentionHeads,
    headDim: config.hiddenSize / config.numAttentionHeads,
  },
  maxPositions: config.maxPositionEmbeddings,
})

const applyBody = (
  params: BodyParams,
  inputs: DecoderInputs,
  config: Gpt2Config,
  options: DecoderOptions,
): DecoderOutput => {
  const run = { ...beginRun('gpt2', inputs, options, gpt2Size(config)), config }
  return runLayers(
    params.h,
    embed(params, run, config),
    run,
    options.cache,
    (layer, x, i, cache) => applyLayer(layer, x, run, i, cache),
    (x) => applyLayerNorm(params.ln_f, x, config.layerNormEps),
  )
}

/** Masks in older files. */
const ignored = [/(^|\.)attn\.(masked_)?bias$/]

const partsOf = (config: Gpt2Config) => {
  checkedGpt2(config)
  return decoderParts('gpt2', 'transformer', config)
}

/**
 * Hidden states of all layers. Radford et al., "Language Models are Unsupervised Multitask Learners" (2019).
 *
 * @throws ArgumentError from `apply` for tokens that are not integers `[batch, length]`, for more than `n_positions`, and if the cache has
 *   no room; ShapeError for masks of another shape.
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { gpt2, gpt2Config } from 'pullback/models'
 * const config = gpt2Config({ vocab_size: 20, n_embd: 8, n_head: 2, n_layer: 1, n_positions: 4 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = gpt2(config.right)
 * const params = model.init(random.key(0))
 * model.apply(params, { inputIds: [[5, 6, 7]] }).hiddenStates.length // => 2
 * model.apply(params, { inputIds: [[5, 6, 7, 8, 9]] }) // throws ArgumentError
 * ```
 */
export const gpt2 = (config: Gpt2Config) =>
  makeModel({
    ...partsOf(config),
    specs: bodySpecs(config),
    ignored: [...ignored, /^lm_head\./, /^score\./],
    apply: (params, inputs: DecoderInputs, options: DecoderOptions = {}): DecoderOutput =>
      applyBody(params, inputs, config, options),
  })

/**
 * Scores of the next token. With tied embeddings, the head is the embedding table.
 *
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { gpt2Config, gpt2LMHeadModel } from 'pullback/models'
 * const config = gpt2Config({ vocab_size: 20, n_embd: 8, n_head: 2, n_layer: 1 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = gpt2LMHeadModel(config.right)
 * const { logits } = model.apply(model.init(random.key(0)), { inputIds: [[5, 6, 7]] }, { logitsToKeep: 1 })
 * // Of the last token only: [batch, 1, vocabulary].
 * logits.shape // => 1,1,20
 * ```
 */
export const gpt2LMHeadModel = (config: Gpt2Config) => {
  const model = makeModel({
    ...partsOf(config),
    specs: { transformer: bodySpecs(config), lm_head: nextTokenSpecs(config) },
    ignored,
    tied: tiedHead(config, 'transformer.wte.weight'),
    apply: (params, inputs: DecoderInputs, options: DecoderOptions = {}): CausalOutput => {
      const output = applyBody(params.transformer, inputs, config, options)
      return scoreNext(params.lm_head ?? params.transformer.wte, output, options)
    },
  })
  return { ...model, ...gpt2Size(config) }
}

/**
 * Scores of the classes, from the last token of the text.
 *
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { gpt2Config, gpt2ForSequenceClassification } from 'pullback/models'
 * const config = gpt2Config({ vocab_size: 20, n_embd: 8, n_head: 2, n_layer: 1, num_labels: 2 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = gpt2ForSequenceClassification(config.right)
 * // Without a token for padding, texts come one by one.
 * model.apply(model.init(random.key(0)), { inputIds: [[5, 6, 7]] }).logits.shape // => 1,2
 * ```
 */
export const gpt2ForSequenceClassification = (config: Gpt2Config) =>
  makeModel({
    ...partsOf(config),
    specs: { transformer: bodySpecs(config), score: linear(config.numLabels, config.hiddenSize, false) },
    ignored: [...ignored, /^lm_head\./],
    apply: (params, inputs: DecoderInputs, options: DecoderOptions = {}): SequenceOutput => {
      const output = applyBody(params.transformer, inputs, config, options)
      return scoreSequences('gpt2', params.score, output, inputs, config.padTokenId)
    },
  })
