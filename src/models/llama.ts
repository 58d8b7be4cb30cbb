/**
 * Llama: Touvron et al. (2023), and the decoders of its shape: SmolLM2, Mistral (a sliding window), Qwen2 (biases) and Qwen3
 * (norms of queries and keys). Names are those of `transformers`' `LlamaForCausalLM`.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import * as np from '../numpy/index.ts'
import type { NDArray } from '../trace/value.ts'
import type { LayerCache } from './cache.ts'
import { cacheShapeOf } from './cache.ts'
import type { ClassifierConfig } from './classifier.ts'
import { classifierConfig } from './classifier.ts'
import { checkedLlama } from './configDoors.ts'
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
import { decoderParts, nextTokenSpecs, scoreNext, scoreSequences, tiedHead } from './heads.ts'
import { makeModel } from './model.ts'
import type { RopeConfig, Rotation } from './rope.ts'
import { ropeConfig, rotate, rotationAt } from './rope.ts'
import type { ParamsOf } from './spec.ts'
import { embedding, linear, repeated, rmsNorm } from './spec.ts'

/** The families of this shape. */
const types = ['llama', 'mistral', 'qwen2', 'qwen3'] as const

/** The keys of `config.json` that are used. */
export interface LlamaConfig extends ClassifierConfig {
  readonly type: (typeof types)[number]
  readonly vocabSize: number
  readonly hiddenSize: number
  readonly intermediateSize: number
  readonly numHiddenLayers: number
  readonly numAttentionHeads: number
  readonly numKeyValueHeads: number
  readonly headDim: number
  readonly hiddenAct: Activation
  readonly rmsNormEps: number
  readonly rope: RopeConfig
  readonly tieWordEmbeddings: boolean
  readonly initializerRange: number
  /** Whether queries, keys and values have biases. */
  readonly attentionBias: boolean
  /** Whether the output projection of attention has a bias. */
  readonly outputBias: boolean
  readonly mlpBias: boolean
  readonly attentionDropout: number
  /** Whether queries and keys are normalised, head by head. */
  readonly qkNorm: boolean
  /** Null where there is none. */
  readonly padTokenId: number | null
  /** How many tokens back each layer sees; null for all. */
  readonly windows: readonly (number | null)[]
}

/** The window of each layer: given by `layer_types`, or from the layer `max_window_layers` on, or everywhere. */
const windowsOf = (config: ConfigReader, type: LlamaConfig['type'], layers: number): readonly (number | null)[] => {
  const asked = type === 'mistral' || config.flag('use_sliding_window', false)
  const window =
    asked && type !== 'llama' && config.get('sliding_window') !== undefined ? config.count('sliding_window') : null
  const kinds = config.words('layer_types')
  const from = type === 'mistral' ? 0 : config.count('max_window_layers', 28, 0)
  return Array.from({ length: layers }, (_, i) => {
    const slides = kinds === undefined ? i >= from : kinds[i] === 'sliding_attention'
    return slides ? window : null
  })
}

/**
 * Reads the configuration of a Llama, Mistral, Qwen2 or Qwen3.
 *
 * @returns an error that names the key with an invalid value.
 * @example
 * ```ts
 * import { llamaConfig } from 'pullback/models'
 * const config = llamaConfig({ model_type: 'qwen2', hidden_size: 64, num_attention_heads: 4, num_key_value_heads: 2 })
 * config._tag === 'Right' && config.right.headDim // => 16
 * // Qwen2 has biases of queries, keys and values.
 * config._tag === 'Right' && config.right.attentionBias // => true
 * ```
 */
export const llamaConfig = (json: unknown): Either<ConfigError, LlamaConfig> =>
  readConfig(json, (config) => {
    const type = config.word('model_type', types, 'llama')
    const hiddenSize = config.count('hidden_size', 4096)
    const numAttentionHeads = config.count('num_attention_heads', 32)
    const ownHeadDim = config.get('head_dim') !== undefined || type === 'qwen3'
    if (!ownHeadDim) config.divisor('num_attention_heads', hiddenSize, 'hidden_size', 32)
    const headDim = ownHeadDim ? config.count('head_dim', 128) : hiddenSize / numAttentionHeads
    const numHiddenLayers = config.layers('num_hidden_layers', 32)
    const biased = config.flag('attention_bias', false)
    return {
      type,
      vocabSize: config.count('vocab_size', 32_000),
      hiddenSize,
      intermediateSize: config.count('intermediate_size', 11_008),
      numHiddenLayers,
      numAttentionHeads,
      numKeyValueHeads: config.divisor(
        'num_key_value_heads',
        numAttentionHeads,
        'num_attention_heads',
        numAttentionHeads,
      ),
      headDim,
      hiddenAct: config.word('hidden_act', activationNames, 'silu'),
      rmsNormEps: config.number('rms_norm_eps', 1e-6),
      rope: ropeConfig(config, headDim, config.count('max_position_embeddings', 2048)),
      tieWordEmbeddings: config.flag('tie_word_embeddings', false),
      initializerRange: config.notNegative('initializer_range', 0.02),
      attentionBias: type === 'qwen2' || biased,
      outputBias: type !== 'qwen2' && biased,
      mlpBias: config.flag('mlp_bias', false),
      attentionDropout: config.number('attention_dropout', 0),
      qkNorm: type === 'qwen3',
      padTokenId: config.countOrNull('pad_token_id', null, 0),
      windows: windowsOf(config, type, numHiddenLayers),
      ...classifierConfig(config),
    }
  })

const layerSpecs = (c: LlamaConfig) => ({
  self_attn: {
    q_proj: linear(c.numAttentionHeads * c.headDim, c.hiddenSize, c.attentionBias),
    k_proj: linear(c.numKeyValueHeads * c.headDim, c.hiddenSize, c.attentionBias),
    v_proj: linear(c.numKeyValueHeads * c.headDim, c.hiddenSize, c.attentionBias),
    o_proj: linear(c.hiddenSize, c.numAttentionHeads * c.headDim, c.outputBias),
    q_norm: c.qkNorm ? rmsNorm(c.headDim) : null,
    k_norm: c.qkNorm ? rmsNorm(c.headDim) : null,
  },
  mlp: gatedMlp(c.hiddenSize, c.intermediateSize, c.mlpBias),
  input_layernorm: rmsNorm(c.hiddenSize),
  post_attention_layernorm: rmsNorm(c.hiddenSize),
})

type LayerParams = ParamsOf<ReturnType<typeof layerSpecs>>

/** A run, and the rotation at its positions. */
interface LlamaRun extends Run {
  readonly config: LlamaConfig
  readonly rotation: Rotation
}

const applyAttention = (
  params: LayerParams['self_attn'],
  x: NDArray,
  run: LlamaRun,
  window: number | null,
  cache: LayerCache | null,
): LayerResult => {
  const { config, rotation } = run
  const normed = (norm: LayerParams['self_attn']['q_norm'], heads: NDArray): NDArray =>
    norm === null ? heads : applyRmsNorm(norm, heads, config.rmsNormEps)
  const query = normed(params.q_norm, splitHeads(applyLinear(params.q_proj, x), config.numAttentionHeads))
  const key = normed(params.k_norm, splitHeads(applyLinear(params.k_proj, x), config.numKeyValueHeads))
  const value = splitHeads(applyLinear(params.v_proj, x), config.numKeyValueHeads)
  const [attended, extended] = attendCausally([rotate(query, rotation), rotate(key, rotation), value], run, cache, {
    window,
    dropRate: config.attentionDropout,
  })
  return [applyLinear(params.o_proj, attended), extended]
}

const applyLayer = (
  params: LayerParams,
  x: NDArray,
  run: LlamaRun,
  window: number | null,
  cache: LayerCache | null,
): LayerResult => {
  const { rmsNormEps, hiddenAct } = run.config
  const normed = applyRmsNorm(params.input_layernorm, x, rmsNormEps)
  const [attended, extended] = applyAttention(params.self_attn, normed, run, window, cache)
  const middle = np.add(x, attended)
  const inner = applyGatedMlp(params.mlp, applyRmsNorm(params.post_attention_layernorm, middle, rmsNormEps), hiddenAct)
  return [np.add(middle, inner), extended]
}

const bodySpecs = (c: LlamaConfig) => ({
  embed_tokens: embedding(c.vocabSize, c.hiddenSize),
  layers: repeated(c.numHiddenLayers, () => layerSpecs(c)),
  norm: rmsNorm(c.hiddenSize),
})

type BodyParams = ParamsOf<ReturnType<typeof bodySpecs>>

const applyBody = (
  params: BodyParams,
  inputs: DecoderInputs,
  config: LlamaConfig,
  options: DecoderOptions,
): DecoderOutput => {
  const begun = beginRun(config.type, inputs, options, { cacheShape: cacheShapeOf(config), maxPositions: null })
  const run = { ...begun, config, rotation: rotationAt(config.rope, begun.positions) }
  return runLayers(
    params.layers,
    applyEmbedding(params.embed_tokens, run.ids, config.padTokenId, `${config.type}: inputIds`),
    run,
    options.cache,
    (layer, x, i, cache) => applyLayer(layer, x, run, config.windows[i]!, cache),
    (x) => applyRmsNorm(params.norm, x, config.rmsNormEps),
  )
}

/** Frequencies that older files keep. */
const ignored = [/(^|\.)rotary_emb\.inv_freq$/]
const withoutHead = [...ignored, /^lm_head\./, /^score\./]

const partsOf = (config: LlamaConfig) => decoderParts(checkedLlama(config).type, 'model', config)

/**
 * Hidden states of all layers. Touvron et al., "LLaMA" (2023); grouped queries: Ainslie et al., "GQA" (2023).
 *
 * @throws ArgumentError from `apply` for tokens that are not integers `[batch, length]`, and if the cache has no room; ShapeError for masks
 *   of another shape.
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { llama, llamaConfig } from 'pullback/models'
 * const config = llamaConfig({
 *   vocab_size: 20,
 *   hidden_size: 8,
 *   intermediate_size: 16,
 *   num_hidden_layers: 2,
 *   num_attention_heads: 4,
 *   num_key_value_heads: 2,
 * })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = llama(config.right)
 * const params = model.init(random.key(0))
 * // Half as many heads of keys as of queries.
 * params.layers[0]?.self_attn.k_proj.weight.shape // => 4,8
 * model.apply(params, { inputIds: [[1, 5, 6]] }).lastHiddenState.shape // => 1,3,8
 * ```
 */
export const llama = (config: LlamaConfig) =>
  makeModel({
    ...partsOf(config),
    specs: bodySpecs(config),
    ignored: withoutHead,
    apply: (params, inputs: DecoderInputs, options: DecoderOptions = {}): DecoderOutput =>
      applyBody(params, inputs, config, options),
  })

/**
 * Scores of the next token. With tied embeddings, the head is the embedding table.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { emptyCache, llamaConfig, llamaForCausalLM } from 'pullback/models'
 * const sizes = { vocab_size: 20, hidden_size: 8, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 }
 * const config = llamaConfig(sizes)
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = llamaForCausalLM(config.right)
 * const params = model.init(random.key(0))
 * const whole = model.apply(params, { inputIds: [[1, 5, 6]] })
 * // The same in two runs: the cache remembers the first two tokens.
 * const begun = model.apply(params, { inputIds: [[1, 5]] }, { cache: emptyCache(model.cacheShape, 1, 8) })
 * const next = model.apply(params, { inputIds: [[6]] }, { cache: begun.cache! })
 * np.allclose(whole.logits.at(0, -1).get(), next.logits.at(0, 0).get(), { atol: 1e-6 }) // => True
 * ```
 */
export const llamaForCausalLM = (config: LlamaConfig) => {
  const model = makeModel({
    ...partsOf(config),
    specs: { model: bodySpecs(config), lm_head: nextTokenSpecs(config) },
    ignored,
    tied: tiedHead(config, 'model.embed_tokens.weight'),
    apply: (params, inputs: DecoderInputs, options: DecoderOptions = {}): CausalOutput => {
      const output = applyBody(params.model, inputs, config, options)
      return scoreNext(params.lm_head ?? params.model.embed_tokens, output, options)
    },
  })
  return { ...model, cacheShape: cacheShapeOf(config), maxPositions: null }
}

/**
 * Scores of the classes, from the last token of the text.
 *
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { llamaConfig, llamaForSequenceClassification } from 'pullback/models'
 * const sizes = { vocab_size: 20, hidden_size: 8, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 }
 * const config = llamaConfig({ ...sizes, num_labels: 3, pad_token_id: 0 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = llamaForSequenceClassification(config.right)
 * // The last token of the second text is the 7, before its padding.
 * const inputs = { inputIds: [[1, 5, 6], [1, 7, 0]], attentionMask: [[1, 1, 1], [1, 1, 0]] }
 * model.apply(model.init(random.key(0)), inputs).logits.shape // => 2,3
 * ```
 */
export const llamaForSequenceClassification = (config: LlamaConfig) =>
  makeModel({
    ...partsOf(config),
    specs: { model: bodySpecs(config), score: linear(config.numLabels, config.hiddenSize, false) },
    ignored: [...ignored, /^lm_head\./],
    apply: (params, inputs: DecoderInputs, options: DecoderOptions = {}): SequenceOutput => {
      const output = applyBody(params.model, inputs, config, options)
      return scoreSequences(config.type, params.score, output, inputs, config.padTokenId)
    },
  })
