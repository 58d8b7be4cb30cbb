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
import type { ConfigError } from './config.ts'
import { readConfig } from './config.ts'
import type { EncoderInputs, EncoderOutput, HeadOutput, RunOptions } from './encoder.ts'
import type { Activation, Drop } from './layers.ts'
import {
  activationNames,
  applyActivation,
  applyEmbedding,
  applyLayerNorm,
  applyLinear,
  makeDrop,
  splitHeads,
  tokenArray,
} from './layers.ts'
import { paddingMask } from './masks.ts'
import type { Model } from './model.ts'
import { makeModel } from './model.ts'
import type { ParamsOf } from './spec.ts'
import { embedding, layerNorm, linear, parameter, repeated } from './spec.ts'

/** What `config.json` says, as far as it is used. */
export interface BertConfig extends ClassifierConfig {
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
  readonly padTokenId: number
}

/** Reads the configuration of a BERT. */
export const bertConfig = (json: unknown): Either<ConfigError, BertConfig> =>
  readConfig(json, (config) => {
    config.word('position_embedding_type', ['absolute'], 'absolute')
    const hiddenSize = config.count('hidden_size', 768)
    const hiddenDropoutProb = config.number('hidden_dropout_prob', 0.1)
    return {
      vocabSize: config.count('vocab_size', 30522),
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
      initializerRange: config.number('initializer_range', 0.02),
      padTokenId: config.count('pad_token_id', 0, 0),
      ...classifierConfig(config),
    }
  })

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

const bodySpecs = (config: BertConfig, pooler: boolean) => ({
  embeddings: {
    word_embeddings: embedding(config.vocabSize, config.hiddenSize),
    position_embeddings: embedding(config.maxPositionEmbeddings, config.hiddenSize),
    token_type_embeddings: embedding(config.typeVocabSize, config.hiddenSize),
    LayerNorm: layerNorm(config.hiddenSize),
  },
  encoder: { layer: repeated(config.numHiddenLayers, () => layerSpecs(config)) },
  pooler: pooler ? { dense: linear(config.hiddenSize, config.hiddenSize) } : null,
})

type BodyParams = ParamsOf<ReturnType<typeof bodySpecs>>

const embed = ({ embeddings }: BodyParams, inputs: EncoderInputs, config: BertConfig): NDArray => {
  const ids = tokenArray('bert', inputs.inputIds)
  const positions = inputs.positionIds ?? np.expandDims(np.arange(ids.shape[1]!), 0)
  const types = inputs.tokenTypeIds ?? np.zerosLike(ids)
  const words = applyEmbedding(embeddings.word_embeddings, ids, config.padTokenId)
  const typed = np.add(words, applyEmbedding(embeddings.token_type_embeddings, types))
  const placed = np.add(typed, applyEmbedding(embeddings.position_embeddings, positions))
  return applyLayerNorm(embeddings.LayerNorm, placed, config.layerNormEps)
}

const applyBody = (params: BodyParams, inputs: EncoderInputs, config: BertConfig, drop: Drop): EncoderOutput => {
  const mask = paddingMask(inputs.attentionMask)
  const hiddenStates = [drop(embed(params, inputs, config), config.hiddenDropoutProb)]
  for (const layer of params.encoder.layer)
    hiddenStates.push(applyLayer(layer, hiddenStates.at(-1)!, mask, config, drop))
  const lastHiddenState = hiddenStates.at(-1)!
  const { pooler } = params
  const first = lastHiddenState.at(':', 0).get()
  const poolerOutput = pooler === null ? null : np.tanh(applyLinear(pooler.dense, first))
  return { lastHiddenState, hiddenStates, poolerOutput }
}

/** Buffers of older files. */
const ignored = [/(^|\.)embeddings\.position_ids$/]

/** Hidden states of all layers, and of the first token through the pooler. */
export const bert = (config: BertConfig, { pooler = true }: { readonly pooler?: boolean } = {}) =>
  makeModel({
    type: 'bert',
    specs: bodySpecs(config, pooler),
    prefix: 'bert',
    ignored: pooler ? ignored : [...ignored, /(^|\.)pooler\./],
    stddev: config.initializerRange,
    apply: (params: BodyParams, inputs: EncoderInputs, options: RunOptions = {}): EncoderOutput =>
      applyBody(params, inputs, config, makeDrop(options.key)),
  })

/** One score for each class of the whole text. */
export const bertForSequenceClassification = (config: BertConfig) =>
  makeModel({
    type: 'bert',
    specs: { bert: bodySpecs(config, true), classifier: linear(config.numLabels, config.hiddenSize) },
    prefix: 'bert',
    ignored,
    stddev: config.initializerRange,
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): HeadOutput => {
      const drop = makeDrop(options.key)
      const states = applyBody(params.bert, inputs, config, drop)
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
    ignored: [...ignored, /(^|\.)pooler\./],
    stddev: config.initializerRange,
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): HeadOutput => {
      const drop = makeDrop(options.key)
      const states = applyBody(params.bert, inputs, config, drop)
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
          bias: parameter([config.vocabSize], 'zeros'),
          transform: { dense: linear(config.hiddenSize, config.hiddenSize), LayerNorm: layerNorm(config.hiddenSize) },
        },
      },
    },
    prefix: 'bert',
    ignored: [...ignored, /(^|\.)pooler\./, /^cls\.seq_relationship\./],
    tied: new Map([
      ['cls.predictions.decoder.weight', 'bert.embeddings.word_embeddings.weight'],
      ['cls.predictions.decoder.bias', 'cls.predictions.bias'],
    ]),
    stddev: config.initializerRange,
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): HeadOutput => {
      const states = applyBody(params.bert, inputs, config, makeDrop(options.key))
      const { bias, transform } = params.cls.predictions
      const inner = applyActivation(config.hiddenAct, applyLinear(transform.dense, states.lastHiddenState))
      const normed = applyLayerNorm(transform.LayerNorm, inner, config.layerNormEps)
      const { weight } = params.bert.embeddings.word_embeddings
      return { ...states, logits: applyLinear({ weight, bias }, normed) }
    },
  })

/** A model of type `bert`, whatever its head. */
export type BertModel = Model<ReturnType<typeof bodySpecs>, EncoderInputs, EncoderOutput, RunOptions>
