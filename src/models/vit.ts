/**
 * ViT: Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale" (2021). Names are those that
 * files of `transformers`' `ViTModel` and of its heads have: its version 5 names modules `layers.0.attention.q_proj`, but still
 * writes `encoder.layer.0.attention.attention.query`.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import { attendToSelf } from './attention.ts'
import type { ClassifierConfig } from './classifier.ts'
import { classifierConfig } from './classifier.ts'
import type { PoolerOptions } from './configDoors.ts'
import { hasPooler, vitDoor } from './configDoors.ts'
import type { ConfigError } from './config.ts'
import { readConfig } from './config.ts'
import { imageInputs, runTable } from './doors.ts'
import type { EncoderOutput, HeadOutput, RunOptions } from './encoder.ts'
import { runEncoder } from './encoder.ts'
import type { Activation, Drop } from './layers.ts'
import { activationNames, applyActivation, applyLayerNorm, applyLinear, makeDrop } from './layers.ts'
import { makeModel } from './model.ts'
import { cubicWeights } from './resize.ts'
import type { ParamsOf } from './spec.ts'
import { layerNorm, linear, parameter, repeated } from './spec.ts'
import type { ImageInputs, Size } from './vision.ts'
import { applyConv, imageArray, patchProjection, readSize } from './vision.ts'

/** The keys of `config.json` that are used. */
export interface VitConfig extends ClassifierConfig {
  readonly hiddenSize: number
  readonly numHiddenLayers: number
  readonly numAttentionHeads: number
  readonly intermediateSize: number
  readonly hiddenAct: Activation
  readonly hiddenDropoutProb: number
  readonly attentionProbsDropoutProb: number
  readonly initializerRange: number
  readonly layerNormEps: number
  readonly imageSize: Size
  readonly patchSize: Size
  readonly numChannels: number
  readonly qkvBias: boolean
  readonly poolerOutputSize: number
  readonly poolerAct: Activation
}

/**
 * Reads the configuration of a ViT.
 *
 * @returns an error that names the key with an invalid value.
 * @example
 * ```ts
 * import { vitConfig } from 'pullback/models'
 * const config = vitConfig({ image_size: [32, 48], patch_size: 16 })
 * config._tag === 'Right' && config.right.imageSize // => 32,48
 * const coarse = vitConfig({ image_size: 8, patch_size: 16 })
 * coarse._tag === 'Left' && coarse.left.message // => config: patch_size must be no larger than image_size, not 16.
 * ```
 */
export const vitConfig = (json: unknown): Either<ConfigError, VitConfig> =>
  readConfig(json, (config) => {
    const hiddenSize = config.count('hidden_size', 768)
    const [imageSize, patchSize] = [readSize(config, 'image_size', 224), readSize(config, 'patch_size', 16)]
    if (patchSize[0] > imageSize[0] || patchSize[1] > imageSize[1])
      config.fail('patch_size', 'no larger than image_size')
    return {
      hiddenSize,
      numHiddenLayers: config.layers('num_hidden_layers', 12),
      numAttentionHeads: config.divisor('num_attention_heads', hiddenSize, 'hidden_size', 12),
      intermediateSize: config.count('intermediate_size', 3072),
      hiddenAct: config.word('hidden_act', activationNames, 'gelu'),
      hiddenDropoutProb: config.number('hidden_dropout_prob', 0),
      attentionProbsDropoutProb: config.number('attention_probs_dropout_prob', 0),
      initializerRange: config.notNegative('initializer_range', 0.02),
      layerNormEps: config.number('layer_norm_eps', 1e-12),
      imageSize,
      patchSize,
      numChannels: config.count('num_channels', 3),
      qkvBias: config.flag('qkv_bias', true),
      poolerOutputSize: config.count('pooler_output_size', hiddenSize),
      poolerAct: config.word('pooler_act', activationNames, 'tanh'),
      ...classifierConfig(config),
    }
  })

/** Options of a run. */
export interface VitOptions extends RunOptions {
  /** Takes images of any size, by interpolating the learnt position embeddings. */
  readonly interpolatePosEncoding?: boolean
}

// Patches, and where they are.

/** The number of patches, down and across. */
const gridOf = ([height, width]: Size, [down, across]: Size): Size => [
  Math.floor(height / down),
  Math.floor(width / across),
]

const embeddingSpecs = ({ hiddenSize, imageSize, patchSize, numChannels }: VitConfig) => {
  const [down, across] = gridOf(imageSize, patchSize)
  return {
    cls_token: parameter([1, 1, hiddenSize]),
    patch_embeddings: { projection: patchProjection(hiddenSize, numChannels, patchSize) },
    position_embeddings: parameter([1, down * across + 1, hiddenSize]),
  }
}

type EmbeddingParams = ParamsOf<ReturnType<typeof embeddingSpecs>>

/** Position embeddings for a grid of patches, interpolated from those of the learnt grid. The class token has its own. */
const placesOf = (learned: NDArray, from: Size, to: Size): NDArray => {
  if (from[0] === to[0] && from[1] === to[1]) return learned
  const features = learned.shape[2]!
  const grid = np.reshape(learned.at(0, np.slice(1, null)).get(), [from[0], from[1], features])
  const [down, across] = [cubicWeights(from[0], to[0]), cubicWeights(from[1], to[1])]
  const resized = np.einsum('ri,cj,ijf->rcf', down, across, grid)
  const first = learned.at(':', np.slice(0, 1)).get()
  return np.concatenate([first, np.reshape(resized, [1, to[0] * to[1], features])], { axis: 1 })
}

const embed = (params: EmbeddingParams, { pixelValues }: ImageInputs, config: VitConfig, interpolate: boolean) => {
  const { imageSize, patchSize, hiddenSize } = config
  const image = imageArray('vit', pixelValues, config.numChannels, interpolate ? null : imageSize)
  const [batch, , height, width] = image.shape as readonly [number, number, number, number]
  const grid = gridOf([height, width], patchSize)
  const patches = applyConv(params.patch_embeddings.projection, image, { stride: patchSize })
  const sequence = np.swapaxes(np.reshape(patches, [batch, hiddenSize, grid[0] * grid[1]]), 1, 2)
  const first = np.broadcastTo(params.cls_token, [batch, 1, hiddenSize])
  const places = placesOf(params.position_embeddings, gridOf(imageSize, patchSize), grid)
  return np.add(np.concatenate([first, sequence], { axis: 1 }), places)
}

// Attention and feed-forward of one layer; norms come first.

const layerSpecs = ({ hiddenSize, intermediateSize, qkvBias }: VitConfig) => ({
  attention: {
    attention: {
      query: linear(hiddenSize, hiddenSize, qkvBias),
      key: linear(hiddenSize, hiddenSize, qkvBias),
      value: linear(hiddenSize, hiddenSize, qkvBias),
    },
    output: { dense: linear(hiddenSize, hiddenSize) },
  },
  intermediate: { dense: linear(intermediateSize, hiddenSize) },
  output: { dense: linear(hiddenSize, intermediateSize) },
  layernorm_before: layerNorm(hiddenSize),
  layernorm_after: layerNorm(hiddenSize),
})

type LayerParams = ParamsOf<ReturnType<typeof layerSpecs>>

const applyAttention = ({ attention, output }: LayerParams['attention'], x: NDArray, config: VitConfig, drop: Drop) => {
  const options = { drop, dropRate: config.attentionProbsDropoutProb }
  const attended = attendToSelf(attention, x, config.numAttentionHeads, options)
  return drop(applyLinear(output.dense, attended), config.hiddenDropoutProb)
}

const applyLayer = (params: LayerParams, x: NDArray, config: VitConfig, drop: Drop): NDArray => {
  const normed = applyLayerNorm(params.layernorm_before, x, config.layerNormEps)
  const attended = np.add(applyAttention(params.attention, normed, config, drop), x)
  const again = applyLayerNorm(params.layernorm_after, attended, config.layerNormEps)
  const inner = applyActivation(config.hiddenAct, applyLinear(params.intermediate.dense, again))
  return np.add(drop(applyLinear(params.output.dense, inner), config.hiddenDropoutProb), attended)
}

// The body.

const bodySpecs = (config: VitConfig, pooler: boolean) => {
  vitDoor(config)
  return {
    embeddings: embeddingSpecs(config),
    encoder: { layer: repeated(config.numHiddenLayers, () => layerSpecs(config)) },
    layernorm: layerNorm(config.hiddenSize),
    pooler: pooler ? { dense: linear(config.poolerOutputSize, config.hiddenSize) } : null,
  }
}

type BodyParams = ParamsOf<ReturnType<typeof bodySpecs>>

const applyBody = (params: BodyParams, inputs: ImageInputs, config: VitConfig, options: VitOptions, drop: Drop) => {
  const embedded = embed(params.embeddings, inputs, config, options.interpolatePosEncoding ?? false)
  const hiddenStates = runEncoder(
    params.encoder.layer,
    drop(embedded, config.hiddenDropoutProb),
    (layer, x) => applyLayer(layer, x, config, drop),
    options,
  )
  const lastHiddenState = applyLayerNorm(params.layernorm, hiddenStates.at(-1)!, config.layerNormEps)
  const { pooler } = params
  const first = lastHiddenState.at(':', 0).get()
  const poolerOutput = pooler === null ? null : applyActivation(config.poolerAct, applyLinear(pooler.dense, first))
  return { lastHiddenState, hiddenStates, poolerOutput, attentions: drop.attentions ?? null }
}

const vitOptions = must.optionsOf<VitOptions>({ ...runTable, interpolatePosEncoding: must.boolean })

/** The token of masked patches, from masked pretraining. */
const ignored = [/(^|\.)embeddings\.mask_token$/]

/**
 * Hidden states of the first token and of all patches, and of the first token through the pooler. Dosovitskiy et al., "An Image is Worth
 * 16x16 Words" (2021).
 *
 * @param options - `pooler`: false for a model without one.
 * @throws ArgumentError from `apply` for images of another size.
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { vit, vitConfig } from 'pullback/models'
 * const sizes = { hidden_size: 8, num_attention_heads: 2, intermediate_size: 8, num_hidden_layers: 1 }
 * const config = vitConfig({ ...sizes, image_size: 8, patch_size: 4 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = vit(config.right)
 * const { lastHiddenState } = model.apply(model.init(random.key(0)), { pixelValues: np.ones([1, 3, 8, 8]) })
 * // Four patches and the first token.
 * lastHiddenState.shape // => 1,5,8
 * ```
 */
export const vit = (config: VitConfig, options: PoolerOptions = {}) => {
  const pooler = hasPooler('vit', options)
  return makeModel({
    type: 'vit',
    specs: bodySpecs(config, pooler),
    prefix: 'vit',
    ignored: pooler ? ignored : [...ignored, /(^|\.)pooler\./],
    stddev: config.initializerRange,
    doors: { inputs: imageInputs, options: vitOptions },
    apply: (params: BodyParams, inputs: ImageInputs, options: VitOptions = {}): EncoderOutput =>
      applyBody(params, inputs, config, options, makeDrop(options.key, options.attentions)),
  })
}

/**
 * One score for each class of the whole image.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { vitConfig, vitForImageClassification } from 'pullback/models'
 * const sizes = { hidden_size: 8, num_attention_heads: 2, intermediate_size: 8, num_hidden_layers: 1, num_labels: 10 }
 * const config = vitConfig({ ...sizes, image_size: 8, patch_size: 4 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = vitForImageClassification(config.right)
 * const params = model.init(random.key(0))
 * model.apply(params, { pixelValues: np.ones([2, 3, 8, 8]) }).logits.shape // => 2,10
 * // Channels go before height and width.
 * model.apply(params, { pixelValues: np.ones([2, 8, 8, 3]) }) // throws ArgumentError
 * ```
 */
export const vitForImageClassification = (config: VitConfig) =>
  makeModel({
    type: 'vit',
    specs: { vit: bodySpecs(config, false), classifier: linear(config.numLabels, config.hiddenSize) },
    prefix: 'vit',
    ignored: [...ignored, /(^|\.)pooler\./],
    stddev: config.initializerRange,
    doors: { inputs: imageInputs, options: vitOptions },
    apply: (params, inputs: ImageInputs, options: VitOptions = {}): HeadOutput => {
      const states = applyBody(params.vit, inputs, config, options, makeDrop(options.key, options.attentions))
      return { ...states, logits: applyLinear(params.classifier, states.lastHiddenState.at(':', 0).get()) }
    },
  })
