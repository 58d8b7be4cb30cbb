/** Checks of configurations from which models are made: results of `bertConfig` and the like, possibly with other values. */
import { ArgumentError } from '../core/errors.ts'
import * as must from '../conversions/arguments.ts'
import { show } from '../core/show.ts'
import type { AlbertConfig } from './albert.ts'
import type { BertConfig } from './bert.ts'
import { problemTypes } from './classifier.ts'
import type { ClassifierConfig } from './classifier.ts'
import type { DistilBertConfig } from './distilbert.ts'
import type { EfficientNetLiteConfig, StageConfig } from './efficientnet.ts'
import type { G2pConfig } from './g2p.ts'
import { activationNames } from './layers.ts'
import type { GemmaConfig } from './gemma.ts'
import type { Gpt2Config } from './gpt2.ts'
import type { LlamaConfig } from './llama.ts'
import type { BucketConfig } from './relative.ts'
import type { ResNetConfig } from './resnet.ts'
import type { RobertaConfig } from './roberta.ts'
import { aRope } from './rope.ts'
import type { T5Config } from './t5Config.ts'
import type { VitConfig } from './vit.ts'

const { boolean, count, finite, natural, string } = must

const activation = must.oneOf(activationNames)
const size = must.pairOf(count, 'height and width')
const tokenOrNull = must.nullable(natural)

/** Checks that all of these fields are valid. */
const fieldsOf = <C extends object>(table: must.OptionTable<C>): must.Check =>
  must.optionsOf<C>(
    Object.fromEntries(
      Object.entries<must.Check>(table).map(([key, check]) => [key, must.required(check)]),
    ) as unknown as must.OptionTable<C>,
    'field',
  )

const isObject = (x: unknown): x is object => typeof x === 'object' && x !== null

/** A hint for values that are often passed instead of a configuration. */
const hintFor = (value: unknown, reader: string): string => {
  if (isObject(value) && '_tag' in value) return `It is what ${reader} gave, an Either: its right is the configuration.`
  return `${reader}(json) reads one.`
}

/**
 * The door of models of a family, which checks their configuration.
 *
 * @param reader - the function that returns such a configuration.
 */
const configDoor = <C extends object>(model: string, reader: string, table: must.OptionTable<C>): must.Door => {
  const fields = fieldsOf(table)
  const refuse: must.Check['refuse'] = (operation, name, value, before) => {
    const isOne = isObject(value) && !('_tag' in value) && Object.keys(value).some((key) => Object.hasOwn(table, key))
    if (!isOne) {
      return new ArgumentError(
        `${operation}: ${name} must be a configuration, got ${show(value)}. ${hintFor(value, reader)}`,
      )
    }
    return fields.refuse(operation, name, value, before)
  }
  return must.door(model, { config: { ...fields, refuse } })
}

const classifierTable: must.OptionTable<ClassifierConfig> = {
  numLabels: count,
  problemType: must.oneOf([...problemTypes, null]),
}

const bertTable: must.OptionTable<BertConfig> = {
  type: string,
  vocabSize: count,
  hiddenSize: count,
  numHiddenLayers: must.times,
  numAttentionHeads: count,
  intermediateSize: count,
  hiddenAct: activation,
  maxPositionEmbeddings: count,
  typeVocabSize: count,
  layerNormEps: finite,
  hiddenDropoutProb: finite,
  attentionProbsDropoutProb: finite,
  classifierDropout: finite,
  initializerRange: finite,
  padTokenId: tokenOrNull,
  padPositionId: tokenOrNull,
  tieWordEmbeddings: boolean,
  ...classifierTable,
}

export const bertDoor = configDoor('bert', 'bertConfig', bertTable)

export const robertaDoor = configDoor<RobertaConfig>('roberta', 'robertaConfig', {
  ...bertTable,
  type: must.oneOf(['roberta', 'xlm-roberta']),
  padTokenId: natural,
})

export const albertDoor = configDoor<AlbertConfig>('albert', 'albertConfig', {
  vocabSize: count,
  embeddingSize: count,
  hiddenSize: count,
  numHiddenLayers: must.times,
  numHiddenGroups: must.times,
  innerGroupNum: must.times,
  numAttentionHeads: count,
  intermediateSize: count,
  hiddenAct: activation,
  maxPositionEmbeddings: count,
  typeVocabSize: count,
  layerNormEps: finite,
  hiddenDropoutProb: finite,
  attentionProbsDropoutProb: finite,
  classifierDropout: finite,
  initializerRange: finite,
  padTokenId: tokenOrNull,
  tieWordEmbeddings: boolean,
  ...classifierTable,
})

export const distilBertDoor = configDoor<DistilBertConfig>('distilbert', 'distilBertConfig', {
  vocabSize: count,
  hiddenSize: count,
  numHiddenLayers: must.times,
  numAttentionHeads: count,
  intermediateSize: count,
  activation,
  maxPositionEmbeddings: count,
  dropout: finite,
  attentionDropout: finite,
  classifierDropout: finite,
  qaDropout: finite,
  initializerRange: finite,
  padTokenId: tokenOrNull,
  tieWordEmbeddings: boolean,
  ...classifierTable,
})

export const t5Door = configDoor<T5Config>('t5', 't5Config', {
  type: must.oneOf(['t5', 'mt5']),
  vocabSize: count,
  hiddenSize: count,
  headDim: count,
  numHeads: count,
  intermediateSize: count,
  numLayers: must.times,
  numDecoderLayers: must.times,
  activation,
  gated: boolean,
  buckets: fieldsOf<BucketConfig>({ numBuckets: count, maxDistance: count }),
  dropoutRate: finite,
  layerNormEps: finite,
  initializerFactor: finite,
  padTokenId: natural,
  decoderStartTokenId: natural,
  tieWordEmbeddings: boolean,
  scaleDecoderOutputs: boolean,
})

export const vitDoor = configDoor<VitConfig>('vit', 'vitConfig', {
  hiddenSize: count,
  numHiddenLayers: must.times,
  numAttentionHeads: count,
  intermediateSize: count,
  hiddenAct: activation,
  hiddenDropoutProb: finite,
  attentionProbsDropoutProb: finite,
  initializerRange: finite,
  layerNormEps: finite,
  imageSize: size,
  patchSize: size,
  numChannels: count,
  qkvBias: boolean,
  poolerOutputSize: count,
  poolerAct: activation,
  ...classifierTable,
})

const depths = must.listOf(must.times, 'a list of numbers of layers')

export const resnetDoor = configDoor<ResNetConfig>('resnet', 'resnetConfig', {
  numChannels: count,
  embeddingSize: count,
  hiddenSizes: must.listOf(count, 'a list of numbers of channels'),
  depths,
  layerType: must.oneOf(['basic', 'bottleneck']),
  hiddenAct: activation,
  downsampleInFirstStage: boolean,
  downsampleInBottleneck: boolean,
  ...classifierTable,
})

const stage = fieldsOf<StageConfig>({
  repeats: must.times,
  kernel: count,
  stride: count,
  expansion: count,
  outputs: count,
})

export const efficientNetLiteDoor = configDoor<EfficientNetLiteConfig>('efficientNetLite', 'efficientNetLiteConfig', {
  numChannels: count,
  stemSize: count,
  stages: must.listOf(stage, 'a list of stages'),
  headSize: count,
  dropoutRate: finite,
  dropConnectRate: finite,
  batchNormEps: finite,
  batchNormMomentum: finite,
  ...classifierTable,
})

export const g2pDoor = configDoor<G2pConfig>('g2p', 'g2pConfig', {
  embeddingSize: count,
  hiddenSize: count,
  maxPhonemes: must.times,
})

const windows = must.listOf(
  must.kind('a length or null', (x) => x === null || count.accepts(x)),
  'a list of lengths, or null, one for each layer',
)

/** The common fields of decoders. */
const decoderTable = {
  vocabSize: count,
  hiddenSize: count,
  intermediateSize: count,
  numHiddenLayers: must.times,
  numAttentionHeads: count,
  hiddenAct: activation,
  attentionDropout: finite,
  tieWordEmbeddings: boolean,
  initializerRange: finite,
  padTokenId: tokenOrNull,
  ...classifierTable,
}

const llamaDoor = configDoor<LlamaConfig>('llama', 'llamaConfig', {
  ...decoderTable,
  type: must.oneOf(['llama', 'mistral', 'qwen2', 'qwen3']),
  numKeyValueHeads: count,
  headDim: count,
  rmsNormEps: finite,
  rope: aRope,
  attentionBias: boolean,
  outputBias: boolean,
  mlpBias: boolean,
  qkNorm: boolean,
  windows,
})

const cap = must.nullable(finite)

const gemmaDoor = configDoor<GemmaConfig>('gemma', 'gemmaConfig', {
  ...decoderTable,
  type: must.kind('the type of a Gemma', (x) => typeof x === 'string' && x.startsWith('gemma')),
  numKeyValueHeads: count,
  headDim: count,
  rmsNormEps: finite,
  attentionBias: boolean,
  scale: finite,
  attentionCap: cap,
  logitCap: cap,
  windows,
  rope: aRope,
  localRope: aRope,
})

const gpt2Door = configDoor<Gpt2Config>('gpt2', 'gpt2Config', {
  ...decoderTable,
  maxPositionEmbeddings: count,
  layerNormEps: finite,
  embeddingDropout: finite,
  residualDropout: finite,
  scales: must.listOf(finite, 'a list of numbers, one for each layer'),
})

const checkedBy =
  <C>(enter: must.Door) =>
  (config: C): C => {
    enter(config)
    return config
  }

/** Configurations, checked. */
export const checkedLlama = checkedBy<LlamaConfig>(llamaDoor)
export const checkedGemma = checkedBy<GemmaConfig>(gemmaDoor)
export const checkedGpt2 = checkedBy<Gpt2Config>(gpt2Door)

/** Options of bodies that may have a pooler. */
export interface PoolerOptions {
  /** Whether there is a pooler; true by default. */
  readonly pooler?: boolean
}

const poolerOptions = must.optionsOf<PoolerOptions>({ pooler: boolean })

/** Whether a body has a pooler. */
export const hasPooler = (model: string, options: PoolerOptions): boolean => {
  must.checkArguments(model, { config: must.anything, options: poolerOptions }, undefined, options)
  return options.pooler ?? true
}
