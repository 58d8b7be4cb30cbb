/**
 * DistilBERT: Sanh et al., "DistilBERT, a distilled version of BERT" (2019): a BERT of fewer layers without token types and pooler.
 * Names are those of `transformers`' `DistilBertModel` and of its heads.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import * as np from '../numpy/index.ts'
import type { NDArray } from '../trace/value.ts'
import { attendToSelf } from './attention.ts'
import type { ClassifierConfig } from './classifier.ts'
import { classifierConfig } from './classifier.ts'
import { distilBertDoor } from './configDoors.ts'
import type { ConfigError } from './config.ts'
import { readConfig } from './config.ts'
import { typelessInputs } from './doors.ts'
import type { EncoderInputs, EncoderOutput, HeadOutput, RunOptions, SpanOutput } from './encoder.ts'
import { encoderArrays, runEncoder } from './encoder.ts'
import { encoderParts, scoreSpans, scoreTokens, scoreWords } from './heads.ts'
import type { Activation, Drop } from './layers.ts'
import { activationNames, applyActivation, applyEmbedding, applyLayerNorm, applyLinear, makeDrop } from './layers.ts'
import { makeModel } from './model.ts'
import type { ParamsOf } from './spec.ts'
import { embedding, layerNorm, linear, parameter, repeated } from './spec.ts'

/** The keys of `config.json` that are used. */
export interface DistilBertConfig extends ClassifierConfig {
  readonly vocabSize: number
  /** Features of hidden states: `dim`. */
  readonly hiddenSize: number
  readonly numHiddenLayers: number
  readonly numAttentionHeads: number
  /** Features inside of the feed-forward layers: `hidden_dim`. */
  readonly intermediateSize: number
  readonly activation: Activation
  readonly maxPositionEmbeddings: number
  readonly dropout: number
  readonly attentionDropout: number
  readonly classifierDropout: number
  /** Before the scores of spans. */
  readonly qaDropout: number
  readonly initializerRange: number
  readonly padTokenId: number | null
  /** Whether the masked LM head's weight is the embedding table. */
  readonly tieWordEmbeddings: boolean
}

/** The epsilon of all its norms; configurations do not have it. */
const EPSILON = 1e-12

/**
 * Reads the configuration of a DistilBERT. Sinusoidal positions are only an initialisation: files have the table.
 *
 * @example
 * ```ts
 * import { distilBertConfig } from 'pullback/models'
 * // `dim` and `n_layers` are its names of what others call `hidden_size` and `num_hidden_layers`.
 * const config = distilBertConfig({ dim: 32, n_layers: 2, n_heads: 4 })
 * config._tag === 'Right' && [config.right.hiddenSize, config.right.numHiddenLayers] // => 32,2
 * ```
 */
export const distilBertConfig = (json: unknown): Either<ConfigError, DistilBertConfig> =>
  readConfig(json, (config) => {
    const hiddenSize = config.count('dim', config.count('hidden_size', 768))
    return {
      vocabSize: config.count('vocab_size', 30522),
      hiddenSize,
      numHiddenLayers: config.layers('n_layers', config.layers('num_hidden_layers', 6)),
      numAttentionHeads: config.divisor('n_heads', hiddenSize, 'dim', config.count('num_attention_heads', 12)),
      intermediateSize: config.count('hidden_dim', 3072),
      activation: config.word('activation', activationNames, 'gelu'),
      maxPositionEmbeddings: config.count('max_position_embeddings', 512),
      dropout: config.number('dropout', 0.1),
      attentionDropout: config.number('attention_dropout', 0.1),
      classifierDropout: config.number('seq_classif_dropout', 0.2),
      qaDropout: config.number('qa_dropout', 0.1),
      initializerRange: config.notNegative('initializer_range', 0.02),
      padTokenId: config.token('pad_token_id', 0),
      tieWordEmbeddings: config.flag('tie_word_embeddings', true),
      ...classifierConfig(config),
    }
  })

// Attention and feed-forward of one layer.

const layerSpecs = ({ hiddenSize, intermediateSize }: DistilBertConfig) => ({
  attention: {
    q_lin: linear(hiddenSize, hiddenSize),
    k_lin: linear(hiddenSize, hiddenSize),
    v_lin: linear(hiddenSize, hiddenSize),
    out_lin: linear(hiddenSize, hiddenSize),
  },
  sa_layer_norm: layerNorm(hiddenSize),
  ffn: { lin1: linear(intermediateSize, hiddenSize), lin2: linear(hiddenSize, intermediateSize) },
  output_layer_norm: layerNorm(hiddenSize),
})

type LayerParams = ParamsOf<ReturnType<typeof layerSpecs>>

const applyAttention = (
  { q_lin, k_lin, v_lin, out_lin }: LayerParams['attention'],
  x: NDArray,
  mask: NDArray | null,
  { numAttentionHeads, attentionDropout }: DistilBertConfig,
  drop: Drop,
): NDArray => {
  const projections = { query: q_lin, key: k_lin, value: v_lin }
  return applyLinear(
    out_lin,
    attendToSelf(projections, x, numAttentionHeads, { mask, drop, dropRate: attentionDropout }),
  )
}

const applyLayer = (
  params: LayerParams,
  x: NDArray,
  mask: NDArray | null,
  config: DistilBertConfig,
  drop: Drop,
): NDArray => {
  const attended = applyAttention(params.attention, x, mask, config, drop)
  const middle = applyLayerNorm(params.sa_layer_norm, np.add(attended, x), EPSILON)
  const inner = applyActivation(config.activation, applyLinear(params.ffn.lin1, middle))
  const outer = drop(applyLinear(params.ffn.lin2, inner), config.dropout)
  return applyLayerNorm(params.output_layer_norm, np.add(outer, middle), EPSILON)
}

// The body.

const bodySpecs = (config: DistilBertConfig) => ({
  embeddings: {
    word_embeddings: embedding(config.vocabSize, config.hiddenSize),
    position_embeddings: embedding(config.maxPositionEmbeddings, config.hiddenSize),
    LayerNorm: layerNorm(config.hiddenSize),
  },
  transformer: { layer: repeated(config.numHiddenLayers, () => layerSpecs(config)) },
})

type BodyParams = ParamsOf<ReturnType<typeof bodySpecs>>

const applyBody = (
  { embeddings, transformer }: BodyParams,
  inputs: EncoderInputs,
  config: DistilBertConfig,
  drop: Drop,
  options: RunOptions,
): EncoderOutput => {
  const { ids, padding, positions } = encoderArrays('distilbert', inputs, config.maxPositionEmbeddings)
  const counted = positions ?? np.expandDims(np.arange(ids.shape[1]!), 0)
  const word = applyEmbedding(embeddings.word_embeddings, ids, config.padTokenId, 'distilbert: inputIds')
  const place = applyEmbedding(embeddings.position_embeddings, counted, null, 'distilbert: positionIds')
  const embedded = applyLayerNorm(embeddings.LayerNorm, np.add(word, place), EPSILON)
  const hiddenStates = runEncoder(
    transformer.layer,
    drop(embedded, config.dropout),
    (layer, x) => applyLayer(layer, x, padding, config, drop),
    options,
  )
  return {
    lastHiddenState: hiddenStates.at(-1)!,
    hiddenStates,
    poolerOutput: null,
    attentions: drop.attentions ?? null,
  }
}

/** Buffers of older files. */
const buffers = [/(^|\.)embeddings\.position_ids$/]

/** Buffers, and the head of pretraining. */
const ignored = [...buffers, /^vocab_(transform|layer_norm|projector)\./]

const partsOf = (config: DistilBertConfig) => {
  distilBertDoor(config)
  return encoderParts('distilbert', 'distilbert', config, typelessInputs)
}

/**
 * The hidden states of all layers. There is no pooler, and there are no token types.
 *
 * @throws ArgumentError from `apply` for tokens that are not integers `[batch, length]`; ShapeError for masks of another shape.
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { distilBert, distilBertConfig } from 'pullback/models'
 * const config = distilBertConfig({ vocab_size: 20, dim: 8, n_heads: 2, hidden_dim: 8, n_layers: 2 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = distilBert(config.right)
 * const output = model.apply(model.init(random.key(0)), { inputIds: [[2, 5, 3]] }, { attentions: true })
 * output.hiddenStates.length // => 3
 * // [batch, heads, queries, keys] of each layer.
 * output.attentions?.[0]?.shape // => 1,2,3,3
 * ```
 */
export const distilBert = (config: DistilBertConfig) =>
  makeModel({
    ...partsOf(config),
    specs: bodySpecs(config),
    ignored,
    apply: (params: BodyParams, inputs: EncoderInputs, options: RunOptions = {}): EncoderOutput =>
      applyBody(params, inputs, config, makeDrop(options.key, options.attentions), options),
  })

/**
 * One score for each class of the whole text, by a head of two layers over the first token.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { distilBertConfig, distilBertForSequenceClassification } from 'pullback/models'
 * const config = distilBertConfig({ vocab_size: 20, dim: 8, n_heads: 2, hidden_dim: 8, n_layers: 1 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = distilBertForSequenceClassification(config.right)
 * const params = model.init(random.key(0))
 * // With a key, dropout is applied.
 * const inputs = { inputIds: [[2, 5, 3]] }
 * const [quiet, dropped] = [model.apply(params, inputs), model.apply(params, inputs, { key: random.key(1) })]
 * np.allclose(quiet.logits, dropped.logits) // => False
 * ```
 */
export const distilBertForSequenceClassification = (config: DistilBertConfig) =>
  makeModel({
    ...partsOf(config),
    specs: {
      distilbert: bodySpecs(config),
      pre_classifier: linear(config.hiddenSize, config.hiddenSize),
      classifier: linear(config.numLabels, config.hiddenSize),
    },
    ignored,
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): HeadOutput => {
      const drop = makeDrop(options.key, options.attentions)
      const states = applyBody(params.distilbert, inputs, config, drop, options)
      const first = applyLinear(params.pre_classifier, states.lastHiddenState.at(':', 0).get())
      const kept = drop(applyActivation('relu', first), config.classifierDropout)
      return { ...states, logits: applyLinear(params.classifier, kept) }
    },
  })

/**
 * One score for each class, for each token.
 *
 * @example
 * ```ts
 * import { distilBertConfig, distilBertForTokenClassification } from 'pullback/models'
 * const config = distilBertConfig({ dim: 8, n_heads: 2, num_labels: 9 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * distilBertForTokenClassification(config.right).specs.classifier.weight.shape // => 9,8
 * ```
 */
export const distilBertForTokenClassification = (config: DistilBertConfig) =>
  makeModel({
    ...partsOf(config),
    specs: { distilbert: bodySpecs(config), classifier: linear(config.numLabels, config.hiddenSize) },
    ignored,
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): HeadOutput => {
      const drop = makeDrop(options.key, options.attentions)
      return scoreTokens(
        params.classifier,
        applyBody(params.distilbert, inputs, config, drop, options),
        drop,
        config.dropout,
      )
    },
  })

/**
 * Where the answer to a question begins and ends in a text; the question comes first in the input.
 *
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { distilBertConfig, distilBertForQuestionAnswering } from 'pullback/models'
 * const config = distilBertConfig({ vocab_size: 20, dim: 8, n_heads: 2, hidden_dim: 8, n_layers: 1 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = distilBertForQuestionAnswering(config.right)
 * const { startLogits } = model.apply(model.init(random.key(0)), { inputIds: [[2, 7, 3, 8, 9, 3]] })
 * startLogits.shape // => 1,6
 * ```
 */
export const distilBertForQuestionAnswering = (config: DistilBertConfig) =>
  makeModel({
    ...partsOf(config),
    specs: { distilbert: bodySpecs(config), qa_outputs: linear(2, config.hiddenSize) },
    ignored: ignored,
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): SpanOutput => {
      const drop = makeDrop(options.key, options.attentions)
      return scoreSpans(
        params.qa_outputs,
        applyBody(params.distilbert, inputs, config, drop, options),
        drop,
        config.qaDropout,
      )
    },
  })

/**
 * One score for each word of the vocabulary, at each token. The weight of `vocab_projector` is the table of embeddings.
 *
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { distilBertConfig, distilBertForMaskedLM } from 'pullback/models'
 * const config = distilBertConfig({ vocab_size: 20, dim: 8, n_heads: 2, hidden_dim: 8, n_layers: 1 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = distilBertForMaskedLM(config.right)
 * model.apply(model.init(random.key(0)), { inputIds: [[2, 4, 3]] }).logits.shape // => 1,3,20
 * model.tied.get('vocab_projector.weight') // => distilbert.embeddings.word_embeddings.weight
 * ```
 */
export const distilBertForMaskedLM = (config: DistilBertConfig) =>
  makeModel({
    ...partsOf(config),
    specs: {
      distilbert: bodySpecs(config),
      vocab_transform: linear(config.hiddenSize, config.hiddenSize),
      vocab_layer_norm: layerNorm(config.hiddenSize),
      vocab_projector: {
        weight: config.tieWordEmbeddings ? null : parameter([config.vocabSize, config.hiddenSize]),
        bias: parameter([config.vocabSize], 'zeros'),
      },
    },
    ignored: buffers,
    tied: config.tieWordEmbeddings
      ? new Map([['vocab_projector.weight', 'distilbert.embeddings.word_embeddings.weight']])
      : new Map<string, string>(),
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): HeadOutput => {
      const states = applyBody(params.distilbert, inputs, config, makeDrop(options.key, options.attentions), options)
      const { vocab_transform: dense, vocab_layer_norm: norm, vocab_projector } = params
      const { weight, bias } = vocab_projector
      return scoreWords(
        { dense, norm, activation: config.activation, epsilon: EPSILON },
        { bias, decoder: weight === null ? null : { weight, bias } },
        params.distilbert.embeddings.word_embeddings,
        states,
      )
    },
  })
