/**
 * RoBERTa: Liu et al., "RoBERTa: A Robustly Optimized BERT Pretraining Approach" (2019), and XLM-RoBERTa. Its body is BERT's; positions
 * and heads are its own. Names are those of `transformers`' `RobertaModel` and of its heads.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import * as np from '../numpy/index.ts'
import type { NDArray } from '../trace/value.ts'
import type { BertBodyParams, BertConfig } from './bert.ts'
import { applyBertBody, bertBodySpecs, readBertConfig } from './bert.ts'
import type { PoolerOptions } from './configDoors.ts'
import { hasPooler, robertaDoor } from './configDoors.ts'
import type { ConfigError } from './config.ts'
import { readConfig } from './config.ts'
import type { EncoderArrays, EncoderInputs, EncoderOutput, HeadOutput, RunOptions, SpanOutput } from './encoder.ts'
import { encoderArrays } from './encoder.ts'
import { encoderParts, scoreSpans, scoreTokens, scoreWords } from './heads.ts'
import type { Drop } from './layers.ts'
import { applyLinear, makeDrop } from './layers.ts'
import { segmentPositions } from './masks.ts'
import { makeModel } from './model.ts'
import { layerNorm, linear } from './spec.ts'
import { unreadVocabulary, vocabularyNames, vocabularySpecs } from './vocabulary.ts'

/** The families of this shape. */
const types = ['roberta', 'xlm-roberta'] as const

/** The keys of `config.json` that are used. */
export interface RobertaConfig extends BertConfig {
  readonly type: (typeof types)[number]
  readonly padTokenId: number
}

/**
 * Reads the configuration of a RoBERTa or XLM-RoBERTa.
 *
 * @example
 * ```ts
 * import { robertaConfig } from 'pullback/models'
 * // Positions count from behind that of padding: of 514 there are 512 for tokens.
 * const config = robertaConfig({ model_type: 'xlm-roberta', max_position_embeddings: 514 })
 * config._tag === 'Right' && config.right.padPositionId // => 1
 * ```
 */
export const robertaConfig = (json: unknown): Either<ConfigError, RobertaConfig> =>
  readConfig(json, (config) => {
    const type = config.word('model_type', types, 'roberta')
    const padTokenId = config.count('pad_token_id', 1, 0)
    return {
      type,
      ...readBertConfig(config),
      vocabSize: config.count('vocab_size', type === 'roberta' ? 50265 : 30522),
      padTokenId,
      padPositionId: padTokenId,
    }
  })

/** Tokens are counted from `padTokenId + 1` on, past padding, which has the position `padTokenId`. */
const positionsOf = (ids: NDArray, padTokenId: number): NDArray => {
  const counts = np.notEqual(ids, padTokenId).astype('int32')
  return np.add(np.multiply(np.cumsum(counts, { axis: 1 }), counts), padTokenId)
}

/** The same in segments, each of which starts again, with positions in the model's own table. */
const segmentedPositions = (segments: NDArray, padTokenId: number): NDArray =>
  np.where(np.equal(segments, 0), padTokenId, np.add(segmentPositions(segments), padTokenId + 1))

// The body.

/**
 * The positions of tokens. With segments, given positions are ignored: packed rows count positions from 0, as in most models,
 * and in RoBERTa such numbers mean padding.
 */
const placesOf = ({ ids, positions, segments }: EncoderArrays, padTokenId: number): NDArray =>
  segments === null ? (positions ?? positionsOf(ids, padTokenId)) : segmentedPositions(segments, padTokenId)

const applyBody = (
  params: BertBodyParams,
  inputs: EncoderInputs,
  config: RobertaConfig,
  drop: Drop,
  options: RunOptions,
): EncoderOutput => {
  const { type, maxPositionEmbeddings, padTokenId } = config
  const arrays = encoderArrays(type, inputs, maxPositionEmbeddings - padTokenId - 1)
  const positions = placesOf(arrays, padTokenId)
  return applyBertBody(params, { ...arrays, positions }, config, drop, options)
}

const partsOf = (config: RobertaConfig) => {
  robertaDoor(config)
  return encoderParts(config.type, 'roberta', config)
}

/** Buffers of older files. */
const buffers = [/(^|\.)embeddings\.position_ids$/]

/** Buffers, and the head of pretraining. */
const ignored = [...buffers, /^lm_head\./]

const pooling = /(^|\.)pooler\./

/**
 * The hidden states of all layers, and the pooled first token. Positions of padding are found by the token, not the mask.
 *
 * @param options - `pooler`: false for a model without one.
 * @throws ArgumentError from `apply` for tokens that are not integers `[batch, length]`; ShapeError for masks of another shape.
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { roberta, robertaConfig } from 'pullback/models'
 * const config = robertaConfig({
 *   vocab_size: 20,
 *   hidden_size: 8,
 *   num_attention_heads: 2,
 *   intermediate_size: 8,
 *   num_hidden_layers: 1,
 *   max_position_embeddings: 6,
 * })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = roberta(config.right)
 * const params = model.init(random.key(0))
 * model.apply(params, { inputIds: [[0, 5, 6, 2]] }).poolerOutput?.shape // => 1,8
 * // Two of the six positions are not for tokens.
 * model.apply(params, { inputIds: [[0, 5, 6, 7, 2]] }) // throws ArgumentError
 * ```
 */
export const roberta = (config: RobertaConfig, options: PoolerOptions = {}) => {
  const pooler = hasPooler('roberta', options)
  return makeModel({
    ...partsOf(config),
    specs: bertBodySpecs(config, pooler),
    ignored: pooler ? ignored : [...ignored, pooling],
    apply: (params: BertBodyParams, inputs: EncoderInputs, options: RunOptions = {}): EncoderOutput =>
      applyBody(params, inputs, config, makeDrop(options.key, options.attentions), options),
  })
}

/**
 * One score for each class of the whole text, by a head of two layers over the first token.
 *
 * @example
 * ```ts
 * import { robertaConfig, robertaForSequenceClassification } from 'pullback/models'
 * const config = robertaConfig({ hidden_size: 8, num_attention_heads: 2, id2label: { 0: 'negative', 1: 'positive' } })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const { classifier } = robertaForSequenceClassification(config.right).specs
 * classifier.dense.weight.shape // => 8,8
 * classifier.out_proj.weight.shape // => 2,8
 * ```
 */
export const robertaForSequenceClassification = (config: RobertaConfig) =>
  makeModel({
    ...partsOf(config),
    specs: {
      roberta: bertBodySpecs(config, false),
      classifier: {
        dense: linear(config.hiddenSize, config.hiddenSize),
        out_proj: linear(config.numLabels, config.hiddenSize),
      },
    },
    ignored: [...ignored, pooling],
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): HeadOutput => {
      const drop = makeDrop(options.key, options.attentions)
      const states = applyBody(params.roberta, inputs, config, drop, options)
      const first = drop(states.lastHiddenState.at(':', 0).get(), config.classifierDropout)
      const inner = np.tanh(applyLinear(params.classifier.dense, first))
      return { ...states, logits: applyLinear(params.classifier.out_proj, drop(inner, config.classifierDropout)) }
    },
  })

/**
 * One score for each class, for each token.
 *
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { robertaConfig, robertaForTokenClassification } from 'pullback/models'
 * const sizes = { vocab_size: 20, hidden_size: 8, num_attention_heads: 2, intermediate_size: 8, num_hidden_layers: 1 }
 * const config = robertaConfig({ ...sizes, num_labels: 3 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = robertaForTokenClassification(config.right)
 * model.apply(model.init(random.key(0)), { inputIds: [[0, 5, 6, 2]] }).logits.shape // => 1,4,3
 * ```
 */
export const robertaForTokenClassification = (config: RobertaConfig) =>
  makeModel({
    ...partsOf(config),
    specs: { roberta: bertBodySpecs(config, false), classifier: linear(config.numLabels, config.hiddenSize) },
    ignored: [...ignored, pooling],
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): HeadOutput => {
      const drop = makeDrop(options.key, options.attentions)
      return scoreTokens(
        params.classifier,
        applyBody(params.roberta, inputs, config, drop, options),
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
 * import { robertaConfig, robertaForQuestionAnswering, spanLoss } from 'pullback/models'
 * const sizes = { vocab_size: 20, hidden_size: 8, num_attention_heads: 2, intermediate_size: 8, num_hidden_layers: 1 }
 * const config = robertaConfig(sizes)
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = robertaForQuestionAnswering(config.right)
 * const { startLogits, endLogits } = model.apply(model.init(random.key(0)), { inputIds: [[0, 5, 2, 2, 7, 8, 2]] })
 * // The answer is the tokens 4 and 5. Fresh, the model finds all 7 about as likely: log 7 is 1.95.
 * spanLoss(startLogits, endLogits, [4], [5]).item().toFixed(0) // => 2
 * ```
 */
export const robertaForQuestionAnswering = (config: RobertaConfig) =>
  makeModel({
    ...partsOf(config),
    specs: { roberta: bertBodySpecs(config, false), qa_outputs: linear(2, config.hiddenSize) },
    ignored: [...ignored, pooling],
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): SpanOutput => {
      const drop = makeDrop(options.key, options.attentions)
      return scoreSpans(params.qa_outputs, applyBody(params.roberta, inputs, config, drop, options), drop, 0)
    },
  })

/**
 * One score for each word of the vocabulary, at each token. The activation is the exact gelu, whatever `hidden_act` says.
 *
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { robertaConfig, robertaForMaskedLM } from 'pullback/models'
 * const sizes = { vocab_size: 20, hidden_size: 8, num_attention_heads: 2, intermediate_size: 8, num_hidden_layers: 1 }
 * const config = robertaConfig(sizes)
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = robertaForMaskedLM(config.right)
 * model.apply(model.init(random.key(0)), { inputIds: [[0, 5, 2]] }).logits.shape // => 1,3,20
 * ```
 */
export const robertaForMaskedLM = (config: RobertaConfig) =>
  makeModel({
    ...partsOf(config),
    specs: {
      roberta: bertBodySpecs(config, false),
      lm_head: {
        ...vocabularySpecs(config.tieWordEmbeddings, config.vocabSize, config.hiddenSize),
        dense: linear(config.hiddenSize, config.hiddenSize),
        layer_norm: layerNorm(config.hiddenSize),
      },
    },
    ignored: [...buffers, pooling, ...unreadVocabulary(config.tieWordEmbeddings, 'lm_head')],
    tied: vocabularyNames(config.tieWordEmbeddings, 'lm_head', 'roberta.embeddings.word_embeddings.weight'),
    apply: (params, inputs: EncoderInputs, options: RunOptions = {}): HeadOutput => {
      const states = applyBody(params.roberta, inputs, config, makeDrop(options.key, options.attentions), options)
      const { dense, layer_norm: norm } = params.lm_head
      return scoreWords(
        { dense, norm, activation: 'gelu', epsilon: config.layerNormEps },
        params.lm_head,
        params.roberta.embeddings.word_embeddings,
        states,
      )
    },
  })
