/**
 * BERT: Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding" (2019). MiniLM and the
 * sentence encoders made of it are BERTs too. Names are those of `transformers`' `BertModel` and of its heads.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import * as np from '../numpy/index.ts'
import type { NDArray } from '../trace/value.ts'
import { attend } from './attention.ts'
import type { ClassifierConfig } from './classifier.ts'
import { classifierConfig } from './classifier.ts'
import type { PoolerOptions } from './configDoors.ts'
import { bertDoor, hasPooler } from './configDoors.ts'
import type { ConfigError, ConfigReader } from './config.ts'
import { readConfig } from './config.ts'
import { encoderInputs, runOptions } from './doors.ts'
import type { EncoderArrays, EncoderInputs, EncoderOutput, HeadOutput, RunOptions } from './encoder.ts'
import { encoderArrays, runEncoder } from './encoder.ts'
import type { Activation, Drop } from './layers.ts'
import {
  activationNames,
  applyActivation,
  applyEmbedding,
  applyLayerNorm,
  applyLinear,
  makeDrop,
  splitHeads,
} from './layers.ts'
import type { Model } from './model.ts'
import { makeModel } from './model.ts'
import type { ParamsOf } from './spec.ts'
import { embedding, layerNorm, linear, repeated } from './spec.ts'
import { applyVocabulary, unreadVocabulary, vocabularyNames, vocabularySpecs } from './vocabulary.ts'

/** What `config.json` says, as far as it is used. */
export interface BertConfig extends ClassifierConfig {
  readonly type: string
  readonly vocabSize: number
  readonly hiddenSize: number
  readonly numHiddenLayers: number
  readonly numAttentionHeads: number
  readonly intermediateSize: number
  readonly hiddenAct: Activation
  readonly maxPositionEmbeddings: number
  readonly typeVocabSize: number
  readonly layerNormEps: number
  readonly hiddenDropoutProb: number
  readonly attentionProbsDropoutProb: number
  readonly classifierDropout: number
  readonly initializerRange: number
  readonly padTokenId: number | null
  /** The position of padding, whose row moves nothing; null if there is none. */
  readonly padPositionId: number | null
  /** Whether the head of the masked LM has the table of embeddings for its weight. */
  readonly tieWordEmbeddings: boolean
}

/** What configurations of BERTs and of RoBERTas have in common. */
export const readBertConfig = (config: ConfigReader) => {
  config.word('position_embedding_type', ['absolute'], 'absolute')
  config.only('is_decoder', false)
  const hiddenSize = config.count('hidden_size', 768)
  const hiddenDropoutProb = config.number('hidden_dropout_prob', 0.1)
  return {
    hiddenSize,
    numHiddenLayers: config.layers('num_hidden_layers', 12),
    numAttentionHeads: config.divisor('num_attention_heads', hiddenSize, 'hidden_size', 12),
    intermediateSize: config.count('intermediate_size', 3072),
    hiddenAct: config.word('hidden_act', activationNames, 'gelu'),
    maxPositionEmbeddings: config.count('max_position_embeddings', 512),
    typeVocabSize: config.count('type_vocab_size', 2),
    layerNormEps: config.number('layer_norm_eps', 1e-12),
    hiddenDropoutProb,
    attentionProbsDropoutProb: config.number('attention_probs_dropout_prob', 0.1),
    classifierDropout: config.number('classifier_dropout', hiddenDropoutProb),
    initializerRange: config.notNegative('initializer_range', 0.02),
    tieWordEmbeddings: config.flag('tie_word_embeddings', true),
    ...classifierConfig(config),
  }
}

/** Reads the configuration of a BERT. */
export const bertConfig = (json: unknown): Either<ConfigError, BertConfig> =>
  readConfig(json, (config) => ({
    type: 'bert',
    ...readBertConfig(config),
    vocabSize: config.count('vocab_size', 30522),
    padTokenId: config.token('pad_token_id', 0),
    padPositionId: null,
  }))

// Attention and feed-forward of one layer.

const layerSpecs = ({ hiddenSize, intermediateSize }: BertConfig) => ({
  attention: {
    self: {
      query: linear(hiddenSize, hiddenSize),
      key: linear(hiddenSize, hiddenSize),
      value: linear(hiddenSize, hiddenSize),
    },
    output: { dense: linear(hiddenSize, hiddenSize), LayerNorm: layerNorm(hiddenSize) },
  },
  intermediate: { dense: linear(intermediateSize, hiddenSize) },
  output: { dense: linear(hiddenSize, intermediateSize), LayerNorm: layerNorm(hiddenSize) },
})

type LayerParams = ParamsOf<ReturnType<typeof layerSpecs>>

const applyAttention = (
  { self, output }: LayerParams['attention'],
  x: NDArray,
  mask: NDArray | null,
  config: BertConfig,
  drop: Drop,
): NDArray => {
  const [query, key, value] = [self.query, self.key, self.value].map((p) =>
    splitHeads(applyLinear(p, x), config.numAttentionHeads),
  ) as [NDArray, NDArray, NDArray]
  const attended = attend(query, key, value, { mask, drop, dropRate: config.attentionProbsDropoutProb })
  const projected = drop(applyLinear(output.dense, attended), config.hiddenDropoutProb)
  return applyLayerNorm(output.LayerNorm, np.add(projected, x), config.layerNormEps)
}

const applyLayer = (params: LayerParams, x: NDArray, mask: NDArray | null, config: BertConfig, drop: Drop): NDArray => {
  const attended = applyAttention(params.attention, x, mask, config, drop)
  const inner = applyActivation(config.hiddenAct, applyLinear(params.intermediate.dense, attended))
  const outer = drop(applyLinear(params.output.dense, inner), config.hiddenDropoutProb)
  return applyLayerNorm(params.output.LayerNorm, np.add(outer, attended), config.layerNormEps)
}

// The body.

const bodySpecs = (config: BertConfig, pooler: boolean) => {
  bertDoor(config)
  return bertBodySpecs(config, pooler)
}

export const bertBodySpecs = (config: BertConfig, pooler: boolean) => ({
  embeddings: {
    word_embeddings: embedding(config.vocabSize, config.hiddenSize),
    position_embeddings: embedding(config.maxPositionEmbeddings, config.hiddenSize),
    token_type_embeddings: embedding(config.typeVocabSize, config.hiddenSize),
    LayerNorm: layerNorm(config.hiddenSize),
  },
  encoder: { layer: repeated(config.numHiddenLayers, () => layerSpecs(config)) },
  pooler: pooler ? { dense: linear(config.hiddenSize, config.hiddenSize) } : null,
})

export type BertBodyParams = ParamsOf<ReturnType<typeof bertBodySpecs>>

const embed = ({ embeddings }: BertBodyParams, inputs: EncoderArrays, config: BertConfig): NDArray => {
  const { ids, tokenTypes, positions } = inputs
  const { word_embeddings: words, token_type_embeddings: types, position_embeddings: places } = embeddings
  const counted = positions ?? np.expandDims(np.arange(ids.shape[1]!), 0)
  const word = applyEmbedding(words, ids, config.padTokenId, `${config.type}: inputIds`)
  const type = applyEmbedding(types, tokenTypes ?? np.zerosLike(ids), null, `${config.type}: tokenTypeIds`)
  const place = applyEmbedding(places, counted, config.padPositionId, `${config.type}: positionIds`)
  return applyLayerNorm(embeddings.LayerNorm, np.add(np.add(word, type), place), config.layerNormEps)
}

export const applyBertBody = (
  params: BertBodyParams,
  inputs: EncoderArrays,
  config: BertConfig,
  drop: Drop,
  options: RunOptions,
): EncoderOutput => {
  const hiddenStates = runEncoder(
    params.encoder.layer,
    drop(embed(params, inputs, config), config.hiddenDropoutProb),
    (layer, x) => applyLayer(layer, x, inputs.padding, config, drop),
    options,
  )
  const lastHiddenState = hiddenStates.at(-1)!
  const { pooler } = params
  const first = lastHiddenState.at(':', 0).get()
  const poolerOutput = pooler === null ? null : np.tanh(applyLinear(pooler.dense, first))
  return { lastHiddenState, hiddenStates, poolerOutput }
}

const applyBody = (
  params: BertBodyParams,
  inputs: EncoderInputs,
  config: BertConfig,
  drop: Drop,
  options: RunOptions,
): EncoderOutput =>
  applyBertBody(params, encoderArrays('bert', inputs, config.maxPositionEmbeddings), config, drop, options)

/** Buffers of older files, and the heads of pretraining. */
const ignored = [/(^|\.)embeddings\.position_ids$/, /^cls\./]

const withoutPooler = [...ignored, /(^|\.)pooler\./]

/** Hidden states of all layers, and of the first token through the pooler. */
export const bert = (config: BertConfig, options: PoolerOptions = {}) => {
  const pooler = hasPooler('bert', options)
  return makeModel({
    type: 'bert',
    specs: bodySpecs(config, pooler),
    prefix: 'bert',
    ignored: pooler ? ignored : withoutPooler,
    stddev: config.initializerRange,
    doors: { inputs: encoderInputs, options: runOptions },
    apply: (params: BertBodyParams, inputs: EncoderInputs, options: RunOptions = {}): EncoderOutput =>
      applyBody(params, inputs, config, makeDrop(options.key), options),
  })
}

/** One score for each class of the whole text. */
export const bertForSequenceClassification = (config: BertConfig) =>
  makeModel({
    type: 'bert',
    specs: { bert: bodySpecs(config, true), classifier: linear(config.numLabels, config.hiddenSize) },
    prefix: 'bert',
    ignored,
    stddev: config.initializerRange,
    doors: { inputs: encoderInputs, options: runOptions },
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): HeadOutput => {
      const drop = makeDrop(options.key)
      const states = applyBody(params.bert, inputs, config, drop, options)
      const pooled = drop(states.poolerOutput!, config.classifierDropout)
      return { ...states, logits: applyLinear(params.classifier, pooled) }
    },
  })

/** One score for each class of each token. */
export const bertForTokenClassification = (config: BertConfig) =>
  makeModel({
    type: 'bert',
    specs: { bert: bodySpecs(config, false), classifier: linear(config.numLabels, config.hiddenSize) },
    prefix: 'bert',
    ignored: withoutPooler,
    stddev: config.initializerRange,
    doors: { inputs: encoderInputs, options: runOptions },
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): HeadOutput => {
      const drop = makeDrop(options.key)
      const states = applyBody(params.bert, inputs, config, drop, options)
      return {
        ...states,
        logits: applyLinear(params.classifier, drop(states.lastHiddenState, config.classifierDropout)),
      }
    },
  })

/** One score for each word of the vocabulary at each token. The decoder's weight is that of the word embeddings. */
export const bertForMaskedLM = (config: BertConfig) =>
  makeModel({
    type: 'bert',
    specs: {
      bert: bodySpecs(config, false),
      cls: {
        predictions: {
          ...vocabularySpecs(config.tieWordEmbeddings, config.vocabSize, config.hiddenSize),
          transform: { dense: linear(config.hiddenSize, config.hiddenSize), LayerNorm: layerNorm(config.hiddenSize) },
        },
      },
    },
    prefix: 'bert',
    ignored: [
      /(^|\.)embeddings\.position_ids$/,
      /(^|\.)pooler\./,
      /^cls\.seq_relationship\./,
      ...unreadVocabulary(config.tieWordEmbeddings, 'cls.predictions'),
    ],
    tied: vocabularyNames(config.tieWordEmbeddings, 'cls.predictions', 'bert.embeddings.word_embeddings.weight'),
    stddev: config.initializerRange,
    doors: { inputs: encoderInputs, options: runOptions },
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): HeadOutput => {
      const states = applyBody(params.bert, inputs, config, makeDrop(options.key), options)
      const { transform } = params.cls.predictions
      const inner = applyActivation(config.hiddenAct, applyLinear(transform.dense, states.lastHiddenState))
      const normed = applyLayerNorm(transform.LayerNorm, inner, config.layerNormEps)
      const table = params.bert.embeddings.word_embeddings
      return { ...states, logits: applyVocabulary(params.cls.predictions, table, normed) }
    },
  })

/** A model of type `bert`, whatever its head. */
export type BertModel = Model<ReturnType<typeof bertBodySpecs>, EncoderInputs, EncoderOutput, RunOptions>
