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

/** What `config.json` says, as far as it is used. */
export interface RobertaConfig extends BertConfig {
  readonly type: (typeof types)[number]
  readonly padTokenId: number
}

/** Reads the configuration of a RoBERTa or XLM-RoBERTa. */
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

/** The same in segments, of which each begins anew: positions of the model's own table, whatever others count from. */
const segmentedPositions = (segments: NDArray, padTokenId: number): NDArray =>
  np.where(np.equal(segments, 0), padTokenId, np.add(segmentPositions(segments), padTokenId + 1))

// The body.

/**
 * Where tokens stand. Beside segments it is as segments say, whatever is given: packed rows count positions from 0, as most models do, and
 * here such numbers are those of padding.
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

/** Those, and the head of pretraining. */
const ignored = [...buffers, /^lm_head\./]

const pooling = /(^|\.)pooler\./

/** Hidden states of all layers, and of the first token through the pooler. */
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

/** One score for each class of the whole text, by a head of two layers over the first token. */
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

/** One score for each class of each token. */
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

/** Where the answer to a question begins and ends in a text, of which the question is the first part. */
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

/** One score for each word of the vocabulary at each token. The activation is the exact gelu, whatever `hidden_act` says. */
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
