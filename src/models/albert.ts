/**
 * ALBERT: Lan et al., "ALBERT: A Lite BERT for Self-supervised Learning of Language Representations" (2020): small embeddings,
 * which a linear map widens, and layers that share their parameters. Names are those of `transformers`' `AlbertModel` and of
 * its heads.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import { range } from '../core/shape.ts'
import * as np from '../numpy/index.ts'
import type { NDArray } from '../trace/value.ts'
import { attendToSelf } from './attention.ts'
import { applyBertEmbeddings, bertEmbeddings } from './bert.ts'
import type { ClassifierConfig } from './classifier.ts'
import { classifierConfig } from './classifier.ts'
import type { PoolerOptions } from './configDoors.ts'
import { albertDoor, hasPooler } from './configDoors.ts'
import type { ConfigError } from './config.ts'
import { readConfig } from './config.ts'
import type { EncoderInputs, EncoderOutput, HeadOutput, RunOptions, SpanOutput } from './encoder.ts'
import { encoderArrays, runEncoder } from './encoder.ts'
import { encoderParts, scorePooled, scoreSpans, scoreTokens, scoreWords } from './heads.ts'
import type { Activation, Drop } from './layers.ts'
import { activationNames, applyActivation, applyLayerNorm, applyLinear, makeDrop } from './layers.ts'
import { makeModel } from './model.ts'
import type { ParamsOf } from './spec.ts'
import { layerNorm, linear, repeated } from './spec.ts'
import { unreadVocabulary, vocabularyNames, vocabularySpecs } from './vocabulary.ts'

/** The keys of `config.json` that are used. */
export interface AlbertConfig extends ClassifierConfig {
  readonly vocabSize: number
  readonly embeddingSize: number
  readonly hiddenSize: number
  readonly numHiddenLayers: number
  /** The number of layer groups, each with its own parameters. */
  readonly numHiddenGroups: number
  /** Layers of a group, one after the other. */
  readonly innerGroupNum: number
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
  /** Whether the masked LM head's weight is the embedding table. */
  readonly tieWordEmbeddings: boolean
}

/**
 * Reads the configuration of an ALBERT.
 *
 * @returns an error that names the key with an invalid value.
 * @example
 * ```ts
 * import { albertConfig } from 'pullback/models'
 * const config = albertConfig({ embedding_size: 16, hidden_size: 64, num_attention_heads: 4 })
 * config._tag === 'Right' && config.right.embeddingSize // => 16
 * const uneven = albertConfig({ hidden_size: 64, num_attention_heads: 5 })
 * uneven._tag === 'Left' && uneven.left.message // => config: num_attention_heads must be a divisor of hidden_size, 64, not 5.
 * ```
 */
export const albertConfig = (json: unknown): Either<ConfigError, AlbertConfig> =>
  readConfig(json, (config) => {
    config.word('position_embedding_type', ['absolute'], 'absolute')
    const hiddenSize = config.count('hidden_size', 4096)
    return {
      vocabSize: config.count('vocab_size', 30_000),
      embeddingSize: config.count('embedding_size', 128),
      hiddenSize,
      numHiddenLayers: config.layers('num_hidden_layers', 12),
      numHiddenGroups: config.layers('num_hidden_groups', 1, 1),
      innerGroupNum: config.layers('inner_group_num', 1),
      numAttentionHeads: config.divisor('num_attention_heads', hiddenSize, 'hidden_size', 64),
      intermediateSize: config.count('intermediate_size', 16_384),
      hiddenAct: config.word('hidden_act', activationNames, 'gelu_new'),
      maxPositionEmbeddings: config.count('max_position_embeddings', 512),
      typeVocabSize: config.count('type_vocab_size', 2),
      layerNormEps: config.number('layer_norm_eps', 1e-12),
      hiddenDropoutProb: config.number('hidden_dropout_prob', 0),
      attentionProbsDropoutProb: config.number('attention_probs_dropout_prob', 0),
      classifierDropout: config.number('classifier_dropout_prob', 0.1),
      initializerRange: config.notNegative('initializer_range', 0.02),
      padTokenId: config.token('pad_token_id', 0),
      tieWordEmbeddings: config.flag('tie_word_embeddings', true),
      ...classifierConfig(config),
    }
  })

// Attention and feed-forward of one layer.

const layerSpecs = ({ hiddenSize, intermediateSize }: AlbertConfig) => ({
  attention: {
    query: linear(hiddenSize, hiddenSize),
    key: linear(hiddenSize, hiddenSize),
    value: linear(hiddenSize, hiddenSize),
    dense: linear(hiddenSize, hiddenSize),
    LayerNorm: layerNorm(hiddenSize),
  },
  ffn: linear(intermediateSize, hiddenSize),
  ffn_output: linear(hiddenSize, intermediateSize),
  full_layer_layer_norm: layerNorm(hiddenSize),
})

type LayerParams = ParamsOf<ReturnType<typeof layerSpecs>>

const applyAttention = (
  params: LayerParams['attention'],
  x: NDArray,
  mask: NDArray | null,
  config: AlbertConfig,
  drop: Drop,
): NDArray => {
  const options = { mask, drop, dropRate: config.attentionProbsDropoutProb }
  const attended = attendToSelf(params, x, config.numAttentionHeads, options)
  const projected = drop(applyLinear(params.dense, attended), config.hiddenDropoutProb)
  return applyLayerNorm(params.LayerNorm, np.add(x, projected), config.layerNormEps)
}

/** There is no dropout after the feed-forward part, as in `transformers`. */
const applyLayer = (
  params: LayerParams,
  x: NDArray,
  mask: NDArray | null,
  config: AlbertConfig,
  drop: Drop,
): NDArray => {
  const attended = applyAttention(params.attention, x, mask, config, drop)
  const inner = applyActivation(config.hiddenAct, applyLinear(params.ffn, attended))
  const outer = applyLinear(params.ffn_output, inner)
  return applyLayerNorm(params.full_layer_layer_norm, np.add(outer, attended), config.layerNormEps)
}

// The body.

const bodySpecs = (config: AlbertConfig, pooler: boolean) => ({
  embeddings: bertEmbeddings(config, config.embeddingSize),
  encoder: {
    embedding_hidden_mapping_in: linear(config.hiddenSize, config.embeddingSize),
    albert_layer_groups: repeated(config.numHiddenGroups, () => ({
      albert_layers: repeated(config.innerGroupNum, () => layerSpecs(config)),
    })),
  },
  pooler: pooler ? linear(config.hiddenSize, config.hiddenSize) : null,
})

type BodyParams = ParamsOf<ReturnType<typeof bodySpecs>>

/** Equal runs of layers share the parameters of their group. The hidden states include those of inner layers. */
const applyBody = (
  params: BodyParams,
  inputs: EncoderInputs,
  config: AlbertConfig,
  drop: Drop,
  options: RunOptions,
): EncoderOutput => {
  const arrays = encoderArrays('albert', inputs, config.maxPositionEmbeddings)
  const { embedding_hidden_mapping_in: widen, albert_layer_groups: groups } = params.encoder
  const embedded = drop(applyBertEmbeddings('albert', params.embeddings, arrays, config), config.hiddenDropoutProb)
  const perGroup = config.numHiddenLayers / config.numHiddenGroups
  const layers = range(config.numHiddenLayers).flatMap((i) => groups[Math.floor(i / perGroup)]!.albert_layers)
  const hiddenStates = runEncoder(
    layers,
    applyLinear(widen, embedded),
    (layer, x) => applyLayer(layer, x, arrays.padding, config, drop),
    options,
  )
  const lastHiddenState = hiddenStates.at(-1)!
  const { pooler } = params
  const first = lastHiddenState.at(':', 0).get()
  const poolerOutput = pooler === null ? null : np.tanh(applyLinear(pooler, first))
  return { lastHiddenState, hiddenStates, poolerOutput, attentions: drop.attentions ?? null }
}

/** Buffers of older files. */
const buffers = [/(^|\.)embeddings\.position_ids$/]

/** Buffers, and the heads of pretraining. */
const ignored = [...buffers, /^(predictions|sop_classifier)\./]

const pooling = /(^|\.)pooler\./

const partsOf = (config: AlbertConfig) => {
  albertDoor(config)
  return encoderParts('albert', 'albert', config)
}

/**
 * The hidden states of all layers, and the pooled first token. Layers of a group share their parameters.
 *
 * @throws ArgumentError from `apply` for tokens that are not integers `[batch, length]`; ShapeError for masks of another shape.
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { albert, albertConfig } from 'pullback/models'
 * const config = albertConfig({
 *   vocab_size: 20,
 *   embedding_size: 4,
 *   hidden_size: 8,
 *   num_attention_heads: 2,
 *   intermediate_size: 8,
 *   num_hidden_layers: 3,
 * })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = albert(config.right)
 * const { hiddenStates } = model.apply(model.init(random.key(0)), { inputIds: [[2, 5, 3]] })
 * // The embeddings, then three times the same layer.
 * hiddenStates.length // => 4
 * model.specs.encoder.albert_layer_groups.length // => 1
 * ```
 */
export const albert = (config: AlbertConfig, options: PoolerOptions = {}) => {
  const pooler = hasPooler('albert', options)
  return makeModel({
    ...partsOf(config),
    specs: bodySpecs(config, pooler),
    ignored: pooler ? ignored : [...ignored, pooling],
    apply: (params: BodyParams, inputs: EncoderInputs, options: RunOptions = {}): EncoderOutput =>
      applyBody(params, inputs, config, makeDrop(options.key, options.attentions), options),
  })
}

/**
 * One score for each class, for the whole text.
 *
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { albertConfig, albertForSequenceClassification } from 'pullback/models'
 * const sizes = { vocab_size: 20, embedding_size: 4, hidden_size: 8, num_attention_heads: 2, intermediate_size: 8 }
 * const config = albertConfig({ ...sizes, num_hidden_layers: 1, id2label: { 0: 'ham', 1: 'spam', 2: 'unsure' } })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = albertForSequenceClassification(config.right)
 * const { logits } = model.apply(model.init(random.key(0)), { inputIds: [[2, 5, 3]] })
 * logits.shape // => 1,3
 * ```
 */
export const albertForSequenceClassification = (config: AlbertConfig) =>
  makeModel({
    ...partsOf(config),
    specs: { albert: bodySpecs(config, true), classifier: linear(config.numLabels, config.hiddenSize) },
    ignored,
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): HeadOutput => {
      const drop = makeDrop(options.key, options.attentions)
      return scorePooled(
        params.classifier,
        applyBody(params.albert, inputs, config, drop, options),
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
 * import { random } from 'pullback'
 * import { albertConfig, albertForTokenClassification } from 'pullback/models'
 * const sizes = { vocab_size: 20, embedding_size: 4, hidden_size: 8, num_attention_heads: 2, intermediate_size: 8 }
 * const config = albertConfig({ ...sizes, num_hidden_layers: 1, num_labels: 5 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = albertForTokenClassification(config.right)
 * model.apply(model.init(random.key(0)), { inputIds: [[2, 5, 6, 3]] }).logits.shape // => 1,4,5
 * ```
 */
export const albertForTokenClassification = (config: AlbertConfig) =>
  makeModel({
    ...partsOf(config),
    specs: { albert: bodySpecs(config, false), classifier: linear(config.numLabels, config.hiddenSize) },
    ignored: [...ignored, pooling],
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): HeadOutput => {
      const drop = makeDrop(options.key, options.attentions)
      return scoreTokens(
        params.classifier,
        applyBody(params.albert, inputs, config, drop, options),
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
 * import { albertConfig, albertForQuestionAnswering } from 'pullback/models'
 * const sizes = { vocab_size: 20, embedding_size: 4, hidden_size: 8, num_attention_heads: 2, intermediate_size: 8 }
 * const config = albertConfig({ ...sizes, num_hidden_layers: 1 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = albertForQuestionAnswering(config.right)
 * // The question is text 0, what may hold the answer text 1.
 * const inputs = { inputIds: [[2, 7, 3, 8, 9, 3]], tokenTypeIds: [[0, 0, 0, 1, 1, 1]] }
 * model.apply(model.init(random.key(0)), inputs).endLogits.shape // => 1,6
 * ```
 */
export const albertForQuestionAnswering = (config: AlbertConfig) =>
  makeModel({
    ...partsOf(config),
    specs: { albert: bodySpecs(config, false), qa_outputs: linear(2, config.hiddenSize) },
    ignored: [...ignored, pooling],
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): SpanOutput => {
      const drop = makeDrop(options.key, options.attentions)
      return scoreSpans(params.qa_outputs, applyBody(params.albert, inputs, config, drop, options), drop, 0)
    },
  })

/**
 * One score for each word of the vocabulary at each token, from features of the embedding size.
 *
 * @example
 * ```ts
 * import { albertConfig, albertForMaskedLM } from 'pullback/models'
 * const config = albertConfig({ vocab_size: 20, embedding_size: 4, hidden_size: 8, num_attention_heads: 2 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const { specs, tied } = albertForMaskedLM(config.right)
 * // Scores are of the features of embeddings, and their weight is the table.
 * specs.predictions.dense.weight.shape // => 4,8
 * tied.get('predictions.decoder.weight') // => albert.embeddings.word_embeddings.weight
 * ```
 */
export const albertForMaskedLM = (config: AlbertConfig) =>
  makeModel({
    ...partsOf(config),
    specs: {
      albert: bodySpecs(config, false),
      predictions: {
        ...vocabularySpecs(config.tieWordEmbeddings, config.vocabSize, config.embeddingSize),
        dense: linear(config.embeddingSize, config.hiddenSize),
        LayerNorm: layerNorm(config.embeddingSize),
      },
    },
    ignored: [...buffers, pooling, /^sop_classifier\./, ...unreadVocabulary(config.tieWordEmbeddings, 'predictions')],
    tied: vocabularyNames(config.tieWordEmbeddings, 'predictions', 'albert.embeddings.word_embeddings.weight'),
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): HeadOutput => {
      const states = applyBody(params.albert, inputs, config, makeDrop(options.key, options.attentions), options)
      const { dense, LayerNorm: norm } = params.predictions
      return scoreWords(
        { dense, norm, activation: config.hiddenAct, epsilon: config.layerNormEps },
        params.predictions,
        params.albert.embeddings.word_embeddings,
        states,
      )
    },
  })
