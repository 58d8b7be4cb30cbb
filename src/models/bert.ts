/**
 * BERT: Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding" (2019). MiniLM and
 * the sentence encoders based on it are BERTs too. Names are those of `transformers`' `BertModel` and of its heads.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import * as np from '../numpy/index.ts'
import type { NDArray } from '../trace/value.ts'
import { attendToSelf } from './attention.ts'
import type { ClassifierConfig } from './classifier.ts'
import { classifierConfig } from './classifier.ts'
import type { PoolerOptions } from './configDoors.ts'
import { bertDoor, hasPooler } from './configDoors.ts'
import type { ConfigError, ConfigReader } from './config.ts'
import { readConfig } from './config.ts'
import type { EncoderArrays, EncoderInputs, EncoderOutput, HeadOutput, RunOptions, SpanOutput } from './encoder.ts'
import { encoderArrays, runEncoder } from './encoder.ts'
import { encoderParts, scorePooled, scoreSpans, scoreTokens, scoreWords } from './heads.ts'
import type { Activation, Drop } from './layers.ts'
import { activationNames, applyActivation, applyEmbedding, applyLayerNorm, applyLinear, makeDrop } from './layers.ts'
import { makeModel } from './model.ts'
import type { ParamsOf } from './spec.ts'
import { embedding, layerNorm, linear, repeated } from './spec.ts'
import { unreadVocabulary, vocabularyNames, vocabularySpecs } from './vocabulary.ts'

/** The keys of `config.json` that are used. */
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
  /** The position of padding, whose row has no gradient; null if there is none. */
  readonly padPositionId: number | null
  /** Whether the masked LM head's weight is the embedding table. */
  readonly tieWordEmbeddings: boolean
}

/** The common part of configurations of BERT and RoBERTa. */
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

/**
 * Reads the configuration of a BERT.
 *
 * @returns an error that names the key with an invalid value.
 * @example
 * ```ts
 * import { bertConfig } from 'pullback/models'
 * // What is not said is as in `transformers`.
 * const config = bertConfig({ num_hidden_layers: 6 })
 * config._tag === 'Right' && [config.right.numHiddenLayers, config.right.hiddenSize] // => 6,768
 * const unknown = bertConfig({ hidden_act: 'softmax' })
 * unknown._tag === 'Left' && unknown.left._tag // => Config
 * ```
 */
export const bertConfig = (json: unknown): Either<ConfigError, BertConfig> =>
  readConfig(json, (config) => ({
    type: 'bert',
    ...readBertConfig(config),
    vocabSize: config.count('vocab_size', 30522),
    padTokenId: config.token('pad_token_id', 0),
    padPositionId: null,
  }))

/** The configuration of the embeddings of BERT and ALBERT. */
type EmbeddingConfig = Pick<
  BertConfig,
  'vocabSize' | 'maxPositionEmbeddings' | 'typeVocabSize' | 'padTokenId' | 'layerNormEps'
>

/** Embedding tables of words, positions and token types. */
export const bertEmbeddings = (config: EmbeddingConfig, features: number) => ({
  word_embeddings: embedding(config.vocabSize, features),
  position_embeddings: embedding(config.maxPositionEmbeddings, features),
  token_type_embeddings: embedding(config.typeVocabSize, features),
  LayerNorm: layerNorm(features),
})

/** The normalised sum of the embeddings. */
export const applyBertEmbeddings = (
  operation: string,
  params: ParamsOf<ReturnType<typeof bertEmbeddings>>,
  { ids, tokenTypes, positions }: EncoderArrays,
  { padTokenId, layerNormEps }: EmbeddingConfig,
  padPositionId: number | null = null,
): NDArray => {
  const { word_embeddings: words, token_type_embeddings: types, position_embeddings: places } = params
  const counted = positions ?? np.expandDims(np.arange(ids.shape[1]!), 0)
  const word = applyEmbedding(words, ids, padTokenId, `${operation}: inputIds`)
  const type = applyEmbedding(types, tokenTypes ?? np.zerosLike(ids), null, `${operation}: tokenTypeIds`)
  const place = applyEmbedding(places, counted, padPositionId, `${operation}: positionIds`)
  return applyLayerNorm(params.LayerNorm, np.add(np.add(word, type), place), layerNormEps)
}

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
  const options = { mask, drop, dropRate: config.attentionProbsDropoutProb }
  const attended = attendToSelf(self, x, config.numAttentionHeads, options)
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

export const bertBodySpecs = (config: BertConfig, pooler: boolean) => ({
  embeddings: bertEmbeddings(config, config.hiddenSize),
  encoder: { layer: repeated(config.numHiddenLayers, () => layerSpecs(config)) },
  pooler: pooler ? { dense: linear(config.hiddenSize, config.hiddenSize) } : null,
})

export type BertBodyParams = ParamsOf<ReturnType<typeof bertBodySpecs>>

export const applyBertBody = (
  params: BertBodyParams,
  inputs: EncoderArrays,
  config: BertConfig,
  drop: Drop,
  options: RunOptions,
): EncoderOutput => {
  const embedded = applyBertEmbeddings(config.type, params.embeddings, inputs, config, config.padPositionId)
  const hiddenStates = runEncoder(
    params.encoder.layer,
    drop(embedded, config.hiddenDropoutProb),
    (layer, x) => applyLayer(layer, x, inputs.padding, config, drop),
    options,
  )
  const lastHiddenState = hiddenStates.at(-1)!
  const { pooler } = params
  const first = lastHiddenState.at(':', 0).get()
  const poolerOutput = pooler === null ? null : np.tanh(applyLinear(pooler.dense, first))
  return { lastHiddenState, hiddenStates, poolerOutput, attentions: drop.attentions ?? null }
}

const applyBody = (
  params: BertBodyParams,
  inputs: EncoderInputs,
  config: BertConfig,
  drop: Drop,
  options: RunOptions,
): EncoderOutput =>
  applyBertBody(params, encoderArrays('bert', inputs, config.maxPositionEmbeddings), config, drop, options)

/** Buffers of older files. */
const buffers = [/(^|\.)embeddings\.position_ids$/]

/** Buffers, and the heads of pretraining. */
const ignored = [...buffers, /^cls\./]

const pooling = /(^|\.)pooler\./

const partsOf = (config: BertConfig) => {
  bertDoor(config)
  return encoderParts('bert', 'bert', config)
}

/**
 * The hidden states of all layers, and the pooled first token.
 *
 * @param options - `pooler`: false for a model without one, such as sentence encoders.
 * @throws ArgumentError from `apply` for tokens that are not integers `[batch, length]`; ShapeError for masks of another shape.
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { bert, bertConfig, meanPooling } from 'pullback/models'
 * const sizes = { vocab_size: 20, hidden_size: 8, num_attention_heads: 2, intermediate_size: 8, num_hidden_layers: 1 }
 * const config = bertConfig(sizes)
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = bert(config.right, { pooler: false })
 * const params = model.init(random.key(0))
 * // Two texts; the second is shorter.
 * const attentionMask = [[1, 1, 1], [1, 1, 0]]
 * const { lastHiddenState } = model.apply(params, { inputIds: [[2, 5, 3], [2, 3, 0]], attentionMask })
 * meanPooling(lastHiddenState, attentionMask).shape // => 2,8
 * params.embeddings.word_embeddings.weight.shape // => 20,8
 * ```
 */
export const bert = (config: BertConfig, options: PoolerOptions = {}) => {
  const pooler = hasPooler('bert', options)
  return makeModel({
    ...partsOf(config),
    specs: bertBodySpecs(config, pooler),
    ignored: pooler ? ignored : [...ignored, pooling],
    apply: (params: BertBodyParams, inputs: EncoderInputs, options: RunOptions = {}): EncoderOutput =>
      applyBody(params, inputs, config, makeDrop(options.key, options.attentions), options),
  })
}

/**
 * One score for each class, for the whole text.
 *
 * @example
 * ```ts
 * import { grad, random } from 'pullback'
 * import { bertConfig, bertForSequenceClassification, classificationLoss } from 'pullback/models'
 * import type { ParamsOfModel } from 'pullback/models'
 * const sizes = { vocab_size: 20, hidden_size: 8, num_attention_heads: 2, intermediate_size: 8, num_hidden_layers: 1 }
 * const config = bertConfig({ ...sizes, num_labels: 2 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = bertForSequenceClassification(config.right)
 * const loss = (params: ParamsOfModel<typeof model>) =>
 *   classificationLoss(config.right, model.apply(params, { inputIds: [[2, 5, 3]] }).logits, [1])
 * const gradient = grad(loss)(model.init(random.key(0)))
 * gradient.classifier.weight.shape // => 2,8
 * ```
 */
export const bertForSequenceClassification = (config: BertConfig) =>
  makeModel({
    ...partsOf(config),
    specs: { bert: bertBodySpecs(config, true), classifier: linear(config.numLabels, config.hiddenSize) },
    ignored,
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): HeadOutput => {
      const drop = makeDrop(options.key, options.attentions)
      return scorePooled(
        params.classifier,
        applyBody(params.bert, inputs, config, drop, options),
        drop,
        config.classifierDropout,
      )
    },
  })

/**
 * One score for each class, for each token.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { bertConfig, bertForTokenClassification } from 'pullback/models'
 * const sizes = { vocab_size: 20, hidden_size: 8, num_attention_heads: 2, intermediate_size: 8, num_hidden_layers: 1 }
 * const config = bertConfig({ ...sizes, id2label: { 0: 'O', 1: 'B-PER', 2: 'I-PER' } })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = bertForTokenClassification(config.right)
 * const { logits } = model.apply(model.init(random.key(0)), { inputIds: [[2, 5, 6, 3]] })
 * // A class for each token.
 * np.argmax(logits, { axis: -1 }).shape // => 1,4
 * ```
 */
export const bertForTokenClassification = (config: BertConfig) =>
  makeModel({
    ...partsOf(config),
    specs: { bert: bertBodySpecs(config, false), classifier: linear(config.numLabels, config.hiddenSize) },
    ignored: [...ignored, pooling],
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): HeadOutput => {
      const drop = makeDrop(options.key, options.attentions)
      return scoreTokens(
        params.classifier,
        applyBody(params.bert, inputs, config, drop, options),
        drop,
        config.classifierDropout,
      )
    },
  })

/**
 * Where the answer to a question begins and ends in a text; the question comes first in the input.
 *
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { bertConfig, bertForQuestionAnswering } from 'pullback/models'
 * const sizes = { vocab_size: 20, hidden_size: 8, num_attention_heads: 2, intermediate_size: 8, num_hidden_layers: 1 }
 * const config = bertConfig(sizes)
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = bertForQuestionAnswering(config.right)
 * const inputs = { inputIds: [[2, 7, 3, 8, 9, 3]], tokenTypeIds: [[0, 0, 0, 1, 1, 1]] }
 * const { startLogits, endLogits } = model.apply(model.init(random.key(0)), inputs)
 * startLogits.shape // => 1,6
 * endLogits.shape // => 1,6
 * ```
 */
export const bertForQuestionAnswering = (config: BertConfig) =>
  makeModel({
    ...partsOf(config),
    specs: { bert: bertBodySpecs(config, false), qa_outputs: linear(2, config.hiddenSize) },
    ignored: [...ignored, pooling],
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): SpanOutput => {
      const drop = makeDrop(options.key, options.attentions)
      return scoreSpans(params.qa_outputs, applyBody(params.bert, inputs, config, drop, options), drop, 0)
    },
  })

/**
 * One score for each word of the vocabulary, at each token. The decoder's weight is tied to the word embeddings.
 *
 * @example
 * ```ts
 * import { lax, random } from 'pullback'
 * import { bertConfig, bertForMaskedLM } from 'pullback/models'
 * const sizes = { vocab_size: 20, hidden_size: 8, num_attention_heads: 2, intermediate_size: 8, num_hidden_layers: 1 }
 * const config = bertConfig(sizes)
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = bertForMaskedLM(config.right)
 * const { logits } = model.apply(model.init(random.key(0)), { inputIds: [[2, 5, 4, 3]] })
 * // The likeliest words for the token that is masked.
 * lax.topK(logits.at(0, 2).get(), 5)[1].shape // => 5
 * ```
 */
export const bertForMaskedLM = (config: BertConfig) =>
  makeModel({
    ...partsOf(config),
    specs: {
      bert: bertBodySpecs(config, false),
      cls: {
        predictions: {
          ...vocabularySpecs(config.tieWordEmbeddings, config.vocabSize, config.hiddenSize),
          transform: { dense: linear(config.hiddenSize, config.hiddenSize), LayerNorm: layerNorm(config.hiddenSize) },
        },
      },
    },
    ignored: [
      ...buffers,
      pooling,
      /^cls\.seq_relationship\./,
      ...unreadVocabulary(config.tieWordEmbeddings, 'cls.predictions'),
    ],
    tied: vocabularyNames(config.tieWordEmbeddings, 'cls.predictions', 'bert.embeddings.word_embeddings.weight'),
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): HeadOutput => {
      const states = applyBody(params.bert, inputs, config, makeDrop(options.key, options.attentions), options)
      const { transform } = params.cls.predictions
      return scoreWords(
        {
          dense: transform.dense,
          norm: transform.LayerNorm,
          activation: config.hiddenAct,
          epsilon: config.layerNormEps,
        },
        params.cls.predictions,
        params.bert.embeddings.word_embeddings,
        states,
      )
    },
  })
