/**
 * Gemma: Gemma Team, "Gemma" (2024), "Gemma 2" (2024) and the text part of "Gemma 3" (2025): Llama's shape with scaled embeddings and
 * norms of scale `1 + weight`; from Gemma 2 on also norms after attention and feed-forward, and layers with sliding windows.
 * Gemma 2 soft-caps scores; Gemma 3 normalises queries and keys, and layers with a window have their own rotary base. Names are
 * those of `transformers`' `GemmaForCausalLM`, `Gemma2ForCausalLM` and `Gemma3ForCausalLM`.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import * as np from '../numpy/index.ts'
import type { NDArray } from '../trace/value.ts'
import { softcapped } from './attention.ts'
import type { LayerCache } from './cache.ts'
import { cacheShapeOf } from './cache.ts'
import type { ClassifierConfig } from './classifier.ts'
import { classifierConfig } from './classifier.ts'
import type { ConfigError, ConfigReader } from './config.ts'
import { readConfig } from './config.ts'
import type {
  CausalOutput,
  DecoderInputs,
  DecoderOptions,
  DecoderOutput,
  LayerResult,
  Run,
  SequenceOutput,
} from './decoder.ts'
import { attendCausally, beginRun, runLayers } from './decoder.ts'
import { applyGatedMlp, gatedMlp } from './gatedMlp.ts'
import type { Activation } from './layers.ts'
import { activationNames, applyEmbedding, applyLinear, applyRmsNorm, splitHeads } from './layers.ts'
import { checkedGemma } from './configDoors.ts'
import { decoderParts, nextTokenSpecs, scoreNext, scoreSequences, tiedHead } from './heads.ts'
import { makeModel } from './model.ts'
import type { RopeConfig, Rotation } from './rope.ts'
import { ropeConfig, rotate, rotationAt } from './rope.ts'
import type { ParamsOf } from './spec.ts'
import { embedding, linear, parameter, repeated } from './spec.ts'

/** The families of this shape. */
const types = ['gemma', 'gemma2', 'gemma3_text'] as const
type GemmaType = (typeof types)[number]

/** The keys of `config.json` that are used. */
export interface GemmaConfig extends ClassifierConfig {
  readonly type: GemmaType
  readonly vocabSize: number
  readonly hiddenSize: number
  readonly intermediateSize: number
  readonly numHiddenLayers: number
  readonly numAttentionHeads: number
  readonly numKeyValueHeads: number
  readonly headDim: number
  readonly hiddenAct: Activation
  readonly rmsNormEps: number
  readonly attentionBias: boolean
  readonly attentionDropout: number
  /** The factor of attention scores: `query_pre_attn_scalar^-0.5`. */
  readonly scale: number
  /** Attention scores become `cap tanh(s / cap)`; null leaves them as they are. */
  readonly attentionCap: number | null
  /** The same for the scores of the next token. */
  readonly logitCap: number | null
  /** The window of each layer, in tokens; null for all. */
  readonly windows: readonly (number | null)[]
  /** The rotation in layers with full attention. */
  readonly rope: RopeConfig
  /** The rotation in layers with a window. */
  readonly localRope: RopeConfig
  readonly tieWordEmbeddings: boolean
  readonly initializerRange: number
  readonly padTokenId: number | null
}

/**
 * The window of each layer: given by `layer_types`, or by default for every second layer of Gemma 2, and all but every sixth of
 * Gemma 3.
 */
const windowsOf = (config: ConfigReader, type: GemmaType, layers: number): readonly (number | null)[] => {
  if (type === 'gemma') return Array<null>(layers).fill(null)
  const window = config.count('sliding_window', 4096)
  const kinds = config.words('layer_types')
  const pattern = type === 'gemma2' ? 2 : config.count('sliding_window_pattern', 6)
  return Array.from({ length: layers }, (_, i) => {
    const slides = kinds === undefined ? (i + 1) % pattern !== 0 : kinds[i] === 'sliding_attention'
    return slides ? window : null
  })
}

/** Both rotations. Gemma 3 has `rope_local_base_freq`, or in newer files parameters for each kind of layer. */
const ropesOf = (config: ConfigReader, type: GemmaType, headDim: number): Pick<GemmaConfig, 'rope' | 'localRope'> => {
  const most = config.count('max_position_embeddings', type === 'gemma3_text' ? 131_072 : 8192)
  if (type !== 'gemma3_text') {
    const rope = ropeConfig(config, headDim, most)
    return { rope, localRope: rope }
  }
  const parameters = config.object('rope_parameters')
  const rope = ropeConfig(
    config,
    headDim,
    most,
    1_000_000,
    parameters?.object('full_attention') ?? config.object('rope_scaling'),
  )
  const local = parameters?.object('sliding_attention') ?? null
  const theta = config.number('rope_local_base_freq', 10_000)
  const plain: RopeConfig = { headDim, theta, maxPositionEmbeddings: most, scaling: { type: 'default' } }
  return { rope, localRope: local === null ? plain : ropeConfig(config, headDim, most, theta, local) }
}

/**
 * Reads the configuration of a Gemma, Gemma 2, or of the text part of a Gemma 3.
 *
 * @returns an error that names the key with an invalid value.
 * @example
 * ```ts
 * import { gemmaConfig } from 'pullback/models'
 * const config = gemmaConfig({ model_type: 'gemma2', num_hidden_layers: 2, sliding_window: 64 })
 * // Every second layer sees a window; scores are capped.
 * config._tag === 'Right' && JSON.stringify(config.right.windows) // => [64,null]
 * config._tag === 'Right' && config.right.logitCap // => 30
 * ```
 */
export const gemmaConfig = (json: unknown): Either<ConfigError, GemmaConfig> =>
  readConfig(json, (config) => {
    const type = config.word('model_type', types, 'gemma')
    if (config.flag('use_bidirectional_attention', false)) {
      config.fail('use_bidirectional_attention', 'false: attention is to the tokens before')
    }
    const first = type === 'gemma'
    const headDim = config.count('head_dim', 256)
    const numHiddenLayers = config.layers('num_hidden_layers', first ? 28 : 26)
    const numAttentionHeads = config.count('num_attention_heads', first ? 16 : 8)
    const activation = config.word(
      config.get('hidden_activation') === undefined ? 'hidden_act' : 'hidden_activation',
      activationNames,
      'gelu_pytorch_tanh',
    )
    return {
      type,
      vocabSize: config.count('vocab_size', type === 'gemma3_text' ? 262_208 : 256_000),
      hiddenSize: config.count('hidden_size', first ? 3072 : 2304),
      intermediateSize: config.count('intermediate_size', first ? 24_576 : 9216),
      numHiddenLayers,
      numAttentionHeads,
      numKeyValueHeads: config.divisor('num_key_value_heads', numAttentionHeads, 'num_attention_heads', first ? 16 : 4),
      headDim,
      // The first files of Gemma have `gelu`, but mean its approximation.
      hiddenAct: activation === 'gelu' && first ? 'gelu_pytorch_tanh' : activation,
      rmsNormEps: config.number('rms_norm_eps', 1e-6),
      attentionBias: config.flag('attention_bias', false),
      attentionDropout: config.number('attention_dropout', 0),
      scale: (first ? headDim : config.positive('query_pre_attn_scalar', 256)) ** -0.5,
      attentionCap: type === 'gemma2' ? config.numberOrNull('attn_logit_softcapping', 50) : null,
      logitCap: first ? null : config.numberOrNull('final_logit_softcapping', type === 'gemma2' ? 30 : null),
      windows: windowsOf(config, type, numHiddenLayers),
      ...ropesOf(config, type, headDim),
      tieWordEmbeddings: config.flag('tie_word_embeddings', true),
      initializerRange: config.notNegative('initializer_range', 0.02),
      padTokenId: config.countOrNull('pad_token_id', 0, 0),
      ...classifierConfig(config),
    }
  })

/** A scale to which 1 is added. */
const unitNorm = (features: number) => ({ weight: parameter([features], 'zeros') })

const layerSpecs = (c: GemmaConfig) => {
  const [after, qkNorm] = [c.type !== 'gemma', c.type === 'gemma3_text']
  return {
    self_attn: {
      q_proj: linear(c.numAttentionHeads * c.headDim, c.hiddenSize, c.attentionBias),
      k_proj: linear(c.numKeyValueHeads * c.headDim, c.hiddenSize, c.attentionBias),
      v_proj: linear(c.numKeyValueHeads * c.headDim, c.hiddenSize, c.attentionBias),
      o_proj: linear(c.hiddenSize, c.numAttentionHeads * c.headDim, c.attentionBias),
      q_norm: qkNorm ? unitNorm(c.headDim) : null,
      k_norm: qkNorm ? unitNorm(c.headDim) : null,
    },
    mlp: gatedMlp(c.hiddenSize, c.intermediateSize, false),
    input_layernorm: unitNorm(c.hiddenSize),
    // In the first Gemma this is the norm before the feed-forward; the others have four norms.
    post_attention_layernorm: unitNorm(c.hiddenSize),
    pre_feedforward_layernorm: after ? unitNorm(c.hiddenSize) : null,
    post_feedforward_layernorm: after ? unitNorm(c.hiddenSize) : null,
  }
}

type LayerParams = ParamsOf<ReturnType<typeof layerSpecs>>
type NormParams = LayerParams['input_layernorm']

interface GemmaRun extends Run {
  readonly config: GemmaConfig
  readonly rotation: Rotation
  readonly localRotation: Rotation
}

/** Applies the norm, if there is one. */
const applyNorm = (params: NormParams | null, x: NDArray, { rmsNormEps }: GemmaConfig): NDArray =>
  params === null ? x : applyRmsNorm(params, x, rmsNormEps, 1)

const applyAttention = (
  params: LayerParams['self_attn'],
  x: NDArray,
  run: GemmaRun,
  window: number | null,
  cache: LayerCache | null,
): LayerResult => {
  const { config } = run
  const rotation = window === null ? run.rotation : run.localRotation
  const query = applyNorm(params.q_norm, splitHeads(applyLinear(params.q_proj, x), config.numAttentionHeads), config)
  const key = applyNorm(params.k_norm, splitHeads(applyLinear(params.k_proj, x), config.numKeyValueHeads), config)
  const value = splitHeads(applyLinear(params.v_proj, x), config.numKeyValueHeads)
  const [attended, extended] = attendCausally([rotate(query, rotation), rotate(key, rotation), value], run, cache, {
    window,
    scale: config.scale,
    softcap: config.attentionCap,
    dropRate: config.attentionDropout,
  })
  return [applyLinear(params.o_proj, attended), extended]
}

const applyLayer = (
  params: LayerParams,
  x: NDArray,
  run: GemmaRun,
  window: number | null,
  cache: LayerCache | null,
): LayerResult => {
  const { config } = run
  const { post_attention_layernorm: second, pre_feedforward_layernorm: third } = params
  const [after, before] = third === null ? [null, second] : [second, third]
  const normed = applyNorm(params.input_layernorm, x, config)
  const [attended, extended] = applyAttention(params.self_attn, normed, run, window, cache)
  const middle = np.add(x, applyNorm(after, attended, config))
  const inner = applyGatedMlp(params.mlp, applyNorm(before, middle, config), config.hiddenAct)
  return [np.add(middle, applyNorm(params.post_feedforward_layernorm, inner, config)), extended]
}

const bodySpecs = (c: GemmaConfig) => ({
  embed_tokens: embedding(c.vocabSize, c.hiddenSize),
  layers: repeated(c.numHiddenLayers, () => layerSpecs(c)),
  norm: unitNorm(c.hiddenSize),
})

type BodyParams = ParamsOf<ReturnType<typeof bodySpecs>>

const applyBody = (
  params: BodyParams,
  inputs: DecoderInputs,
  config: GemmaConfig,
  options: DecoderOptions,
): DecoderOutput => {
  const begun = beginRun(config.type, inputs, options, { cacheShape: cacheShapeOf(config), maxPositions: null })
  const rotation = rotationAt(config.rope, begun.positions)
  const localRotation = rotationAt(config.localRope, begun.positions)
  const run = { ...begun, config, rotation, localRotation }
  const words = applyEmbedding(params.embed_tokens, run.ids, config.padTokenId, `${config.type}: inputIds`)
  return runLayers(
    params.layers,
    np.multiply(words, Math.sqrt(config.hiddenSize)),
    run,
    options.cache,
    (layer, x, i, cache) => applyLayer(layer, x, run, config.windows[i]!, cache),
    (x) => applyNorm(params.norm, x, config),
  )
}

/** Frequencies in older files. */
const ignored = [/(^|\.)rotary_emb\.inv_freq$/]

const partsOf = (config: GemmaConfig) => decoderParts(checkedGemma(config).type, 'model', config)

/**
 * Hidden states of all layers. Embeddings are multiplied by the root of their number of features. Gemma Team, "Gemma" (2024), "Gemma 2"
 * (2024), "Gemma 3" (2025).
 *
 * @throws ArgumentError from `apply` for tokens that are not integers `[batch, length]`, and if the cache has no room; ShapeError for masks
 *   of another shape.
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { gemma, gemmaConfig } from 'pullback/models'
 * const config = gemmaConfig({
 *   model_type: 'gemma3_text',
 *   vocab_size: 20,
 *   hidden_size: 8,
 *   intermediate_size: 16,
 *   num_hidden_layers: 1,
 *   num_attention_heads: 2,
 *   num_key_value_heads: 1,
 *   head_dim: 4,
 * })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = gemma(config.right)
 * model.apply(model.init(random.key(0)), { inputIds: [[2, 5, 6]] }).lastHiddenState.shape // => 1,3,8
 * ```
 */
export const gemma = (config: GemmaConfig) =>
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
 * import { gemmaConfig, gemmaForCausalLM, nextTokenLoss } from 'pullback/models'
 * const config = gemmaConfig({
 *   vocab_size: 20,
 *   hidden_size: 8,
 *   intermediate_size: 16,
 *   num_hidden_layers: 1,
 *   num_attention_heads: 2,
 *   num_key_value_heads: 1,
 *   head_dim: 4,
 * })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = gemmaForCausalLM(config.right)
 * const inputIds = [[2, 5, 6, 1]]
 * const { logits } = model.apply(model.init(random.key(0)), { inputIds })
 * // Fresh, it finds all 20 tokens about as likely: log 20 is 3.0.
 * nextTokenLoss(logits, inputIds).item().toFixed(0) // => 3
 * ```
 */
export const gemmaForCausalLM = (config: GemmaConfig) => {
  const model = makeModel({
    ...partsOf(config),
    specs: { model: bodySpecs(config), lm_head: nextTokenSpecs(config) },
    ignored,
    tied: tiedHead(config, 'model.embed_tokens.weight'),
    apply: (params, inputs: DecoderInputs, options: DecoderOptions = {}): CausalOutput => {
      const output = applyBody(params.model, inputs, config, options)
      const scored = scoreNext(params.lm_head ?? params.model.embed_tokens, output, options)
      return { ...scored, logits: softcapped(scored.logits, config.logitCap) }
    },
  })
  return { ...model, cacheShape: cacheShapeOf(config), maxPositions: null }
}

/**
 * Scores of the classes, from the last token of the text.
 *
 * @example
 * ```ts
 * import { gemmaConfig, gemmaForSequenceClassification } from 'pullback/models'
 * const config = gemmaConfig({ hidden_size: 8, id2label: { 0: 'safe', 1: 'unsafe', 2: 'unclear' } })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * gemmaForSequenceClassification(config.right).specs.score.weight.shape // => 3,8
 * ```
 */
export const gemmaForSequenceClassification = (config: GemmaConfig) =>
  makeModel({
    ...partsOf(config),
    specs: { model: bodySpecs(config), score: linear(config.numLabels, config.hiddenSize, false) },
    ignored: [...ignored, /^lm_head\./],
    apply: (params, inputs: DecoderInputs, options: DecoderOptions = {}): SequenceOutput => {
      const output = applyBody(params.model, inputs, config, options)
      return scoreSequences(config.type, params.score, output, inputs, config.padTokenId)
    },
  })
