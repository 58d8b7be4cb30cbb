/**
 * ResNet: He et al., "Deep Residual Learning for Image Recognition" (2016); with a stride in the second convolution of a bottleneck,
 * "version 1.5", unless the configuration says otherwise. Names are those of `transformers`' `ResNetModel` and of its head.
 *
 * Its batch norms have running statistics: `apply` takes them as `state` and returns the next.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import { reduceWindow } from '../lax/window.ts'
import * as np from '../numpy/index.ts'
import type { NDArray } from '../trace/value.ts'
import { applyBatchNorm, batchCounts, batchNorm, inTurn, runningStatistics } from './batchNorm.ts'
import type { ClassifierConfig } from './classifier.ts'
import { classifierConfig } from './classifier.ts'
import { resnetDoor } from './configDoors.ts'
import type { ConfigError } from './config.ts'
import { readConfig } from './config.ts'
import { imageInputs } from './doors.ts'
import type { Activation } from './layers.ts'
import { activationNames, applyActivation, applyLinear } from './layers.ts'
import type { StateOptions } from './model.ts'
import { makeStatefulModel } from './model.ts'
import type { ParamsOf } from './spec.ts'
import { linear } from './spec.ts'
import type { ConvHeadOutput, ConvOutput, ImageInputs } from './vision.ts'
import { applyConv, channelMeans, conv2d, imageArray } from './vision.ts'

/** The keys of `config.json` that are used. */
export interface ResNetConfig extends ClassifierConfig {
  readonly numChannels: number
  readonly embeddingSize: number
  /** Channels of each stage. */
  readonly hiddenSizes: readonly number[]
  /** Blocks of each stage. */
  readonly depths: readonly number[]
  readonly layerType: 'basic' | 'bottleneck'
  readonly hiddenAct: Activation
  readonly downsampleInFirstStage: boolean
  readonly downsampleInBottleneck: boolean
}

/**
 * Reads the configuration of a ResNet.
 *
 * @returns an error that names the key with an invalid value.
 * @example
 * ```ts
 * import { resnetConfig } from 'pullback/models'
 * const config = resnetConfig({ hidden_sizes: [64, 128], depths: [2, 2], layer_type: 'basic' })
 * config._tag === 'Right' && config.right.hiddenSizes // => 64,128
 * const uneven = resnetConfig({ hidden_sizes: [64, 128], depths: [2] })
 * uneven._tag === 'Left' && uneven.left.message // => config: depths must be as long as hidden_sizes, not [2].
 * ```
 */
export const resnetConfig = (json: unknown): Either<ConfigError, ResNetConfig> =>
  readConfig(json, (config) => {
    const hiddenSizes = config.counts('hidden_sizes', [256, 512, 1024, 2048])
    const depths = config.counts('depths', [3, 4, 6, 3])
    const layerType = config.word('layer_type', ['basic', 'bottleneck'] as const, 'bottleneck')
    if (depths.length !== hiddenSizes.length) config.fail('depths', 'as long as hidden_sizes')
    config.checkLayers(
      'depths',
      depths.reduce((sum, n) => sum + n, 0),
    )
    if (layerType === 'bottleneck' && hiddenSizes.some((n) => n < REDUCTION)) {
      config.fail('hidden_sizes', `from ${REDUCTION} on, since a bottleneck divides them`)
    }
    return {
      numChannels: config.count('num_channels', 3),
      embeddingSize: config.count('embedding_size', 64),
      hiddenSizes,
      depths,
      layerType,
      hiddenAct: config.word('hidden_act', activationNames, 'relu'),
      downsampleInFirstStage: config.flag('downsample_in_first_stage', false),
      downsampleInBottleneck: config.flag('downsample_in_bottleneck', false),
      ...classifierConfig(config),
    }
  })

/** A convolution, its batch norm, and what comes after them. */
interface ConvPlan {
  readonly outputs: number
  readonly inputs: number
  readonly side: number
  readonly stride: number
  readonly activation: Activation | null
}

// A convolution and its batch norm.

const convSpecs = ({ outputs, inputs, side }: ConvPlan) => ({
  convolution: conv2d(outputs, inputs, side),
  normalization: batchNorm(outputs),
})

const convState = ({ outputs }: ConvPlan) => ({ normalization: runningStatistics(outputs) })

type ConvLayerParams = ParamsOf<ReturnType<typeof convSpecs>>
type ConvLayerState = ParamsOf<ReturnType<typeof convState>>

const applyConvLayer = (
  plan: ConvPlan,
  params: ConvLayerParams,
  state: ConvLayerState,
  x: NDArray,
  training: boolean,
): readonly [NDArray, ConvLayerState] => {
  const y = applyConv(params.convolution, x, { stride: plan.stride, padding: Math.floor(plan.side / 2) })
  const run = { training, epsilon: 1e-5, momentum: 0.1 }
  const [normed, normalization] = applyBatchNorm(params.normalization, state.normalization, y, run)
  return [plan.activation === null ? normed : applyActivation(plan.activation, normed), { normalization }]
}

// A block: convolutions beside a shortcut, which projects where channels or strides differ.

/** The factor by which a bottleneck has fewer channels inside. */
const REDUCTION = 4

interface BlockPlan {
  readonly shortcut: ConvPlan | null
  readonly layer: readonly ConvPlan[]
}

/** Between convolutions there are always rectifiers, whatever the configuration's activation. */
const blockPlan = (
  config: ResNetConfig,
  outputs: number,
  inputs: number,
  stride: number,
  first: boolean,
): BlockPlan => {
  const shortcut = inputs === outputs && stride === 1 ? null : { outputs, inputs, side: 1, stride, activation: null }
  if (config.layerType === 'basic') {
    return {
      shortcut,
      layer: [
        { outputs, inputs, side: 3, stride, activation: 'relu' },
        { outputs, inputs: outputs, side: 3, stride: 1, activation: null },
      ],
    }
  }
  const inner = Math.floor(outputs / REDUCTION)
  const early = first && config.downsampleInBottleneck
  return {
    shortcut,
    layer: [
      { outputs: inner, inputs, side: 1, stride: early ? stride : 1, activation: 'relu' },
      { outputs: inner, inputs: inner, side: 3, stride: early ? 1 : stride, activation: 'relu' },
      { outputs, inputs: inner, side: 1, stride: 1, activation: null },
    ],
  }
}

const blockSpecs = ({ shortcut, layer }: BlockPlan) => ({
  shortcut: shortcut === null ? null : convSpecs(shortcut),
  layer: layer.map(convSpecs),
})

const blockState = ({ shortcut, layer }: BlockPlan) => ({
  shortcut: shortcut === null ? null : convState(shortcut),
  layer: layer.map(convState),
})

type BlockParams = ParamsOf<ReturnType<typeof blockSpecs>>
type BlockState = ParamsOf<ReturnType<typeof blockState>>

const applyBlock = (
  plan: BlockPlan,
  params: BlockParams,
  state: BlockState,
  x: NDArray,
  { hiddenAct }: ResNetConfig,
  training: boolean,
): readonly [NDArray, BlockState] => {
  const [y, layer] = inTurn(params.layer, state.layer, x, (p, s, h, i) =>
    applyConvLayer(plan.layer[i]!, p, s, h, training),
  )
  const [beside, shortcut] =
    plan.shortcut === null ? [x, null] : applyConvLayer(plan.shortcut, params.shortcut!, state.shortcut!, x, training)
  return [applyActivation(hiddenAct, np.add(y, beside)), { shortcut, layer }]
}

// The body: a stem, then stages of blocks; the first block of a stage halves height and width.

const stagePlans = (config: ResNetConfig): readonly (readonly BlockPlan[])[] =>
  config.hiddenSizes.map((outputs, stage) => {
    const inputs = stage === 0 ? config.embeddingSize : config.hiddenSizes[stage - 1]!
    const stride = stage === 0 && !config.downsampleInFirstStage ? 1 : 2
    return Array.from({ length: config.depths[stage]! }, (_, i) =>
      i === 0 ? blockPlan(config, outputs, inputs, stride, true) : blockPlan(config, outputs, outputs, 1, false),
    )
  })

const stemPlan = ({ embeddingSize, numChannels, hiddenAct }: ResNetConfig): ConvPlan => ({
  outputs: embeddingSize,
  inputs: numChannels,
  side: 7,
  stride: 2,
  activation: hiddenAct,
})

const bodySpecs = (config: ResNetConfig) => {
  resnetDoor(config)
  return {
    embedder: { embedder: convSpecs(stemPlan(config)) },
    encoder: { stages: stagePlans(config).map((blocks) => ({ layers: blocks.map(blockSpecs) })) },
  }
}

const bodyState = (config: ResNetConfig) => ({
  embedder: { embedder: convState(stemPlan(config)) },
  encoder: { stages: stagePlans(config).map((blocks) => ({ layers: blocks.map(blockState) })) },
})

type BodyParams = ParamsOf<ReturnType<typeof bodySpecs>>
type BodyState = ParamsOf<ReturnType<typeof bodyState>>

const maxPool = (x: NDArray): NDArray =>
  reduceWindow(x, {
    kind: 'max',
    windowDimensions: [1, 1, 3, 3],
    windowStrides: [1, 1, 2, 2],
    padding: [
      [0, 0],
      [0, 0],
      [1, 1],
      [1, 1],
    ],
  })

const applyBody = (
  config: ResNetConfig,
  params: BodyParams,
  { pixelValues }: ImageInputs,
  { state, training = false }: StateOptions<BodyState>,
): ConvOutput & { readonly state: BodyState } => {
  const image = imageArray('resnet', pixelValues, config.numChannels, null)
  const [stem, embedder] = applyConvLayer(
    stemPlan(config),
    params.embedder.embedder,
    state.embedder.embedder,
    image,
    training,
  )
  const plans = stagePlans(config)
  const hiddenStates = [maxPool(stem)]
  const [lastHiddenState, stages] = inTurn(
    params.encoder.stages,
    state.encoder.stages,
    hiddenStates[0]!,
    (stage, before, x, i) => {
      const [y, layers] = inTurn(stage.layers, before.layers, x, (p, s, h, j) =>
        applyBlock(plans[i]![j]!, p, s, h, config, training),
      )
      hiddenStates.push(y)
      return [y, { layers }]
    },
  )
  return {
    lastHiddenState,
    hiddenStates,
    poolerOutput: channelMeans(lastHiddenState),
    state: { embedder: { embedder }, encoder: { stages } },
  }
}

/**
 * All stages' outputs, and the mean over each channel of the last. He et al., "Deep Residual Learning" (2016).
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { resnet, resnetConfig } from 'pullback/models'
 * const config = resnetConfig({ embedding_size: 4, hidden_sizes: [4, 8], depths: [1, 1], layer_type: 'basic' })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = resnet(config.right)
 * const images = { pixelValues: np.ones([2, 3, 16, 16]) }
 * const output = model.apply(model.init(random.key(0)), images, { state: model.initState() })
 * output.lastHiddenState.shape // => 2,8,2,2
 * output.poolerOutput.shape // => 2,8,1,1
 * ```
 */
export const resnet = (config: ResNetConfig) =>
  makeStatefulModel({
    type: 'resnet',
    specs: bodySpecs(config),
    stateSpecs: bodyState(config),
    prefix: 'resnet',
    ignored: [batchCounts],
    inputs: imageInputs,
    stddev: 0,
    apply: (params, inputs: ImageInputs, options) => applyBody(config, params, inputs, options),
  })

/**
 * One score for each class of the whole image.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { resnetConfig, resnetForImageClassification } from 'pullback/models'
 * const sizes = { embedding_size: 4, hidden_sizes: [4], depths: [1], layer_type: 'basic', num_labels: 10 }
 * const config = resnetConfig(sizes)
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = resnetForImageClassification(config.right)
 * const [params, state] = [model.init(random.key(0)), model.initState()]
 * // A step of training takes the batch's statistics in.
 * const output = model.apply(params, { pixelValues: np.ones([2, 3, 8, 8]) }, { state, training: true })
 * output.logits.shape // => 2,10
 * output.state.resnet.embedder.embedder.normalization.running_mean.shape // => 4
 * ```
 */
export const resnetForImageClassification = (config: ResNetConfig) => {
  resnetDoor(config)
  const features = config.hiddenSizes.at(-1)!
  return makeStatefulModel({
    type: 'resnet',
    // The classifier has index 1, after a flattening without parameters at index 0.
    specs: { resnet: bodySpecs(config), classifier: [null, linear(config.numLabels, features)] as const },
    stateSpecs: { resnet: bodyState(config) },
    prefix: 'resnet',
    ignored: [batchCounts],
    inputs: imageInputs,
    stddev: 1 / Math.sqrt(3 * features),
    apply: (params, inputs: ImageInputs, options) => {
      const { state, ...outputs } = applyBody(config, params.resnet, inputs, {
        ...options,
        state: options.state.resnet,
      })
      const pooled = np.reshape(outputs.poolerOutput, [-1, features])
      const scored: ConvHeadOutput = { ...outputs, logits: applyLinear(params.classifier[1], pooled) }
      return { ...scored, state: { resnet: state } }
    },
  })
}
