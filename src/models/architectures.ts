/**
 * Models from their `config.json`: the architecture's name determines the model, and inputs and outputs have the names of
 * `transformers`. Only here are the types of the families erased.
 */
import * as must from '../conversions/arguments.ts'
import * as albert from './albert.ts'
import * as bert from './bert.ts'
import * as distilbert from './distilbert.ts'
import * as efficientnet from './efficientnet.ts'
import * as g2p from './g2p.ts'
import * as gemma from './gemma.ts'
import * as gpt2 from './gpt2.ts'
import * as llama from './llama.ts'
import * as resnet from './resnet.ts'
import * as roberta from './roberta.ts'
import * as t5 from './t5.ts'
import { t5Config } from './t5Config.ts'
import { writtenCacheShape } from './t5Layers.ts'
import * as vit from './vit.ts'
import type { Either } from 'fp-ts/lib/Either.js'
import { suggestion } from '../core/suggest.ts'
import { cacheShapeOf } from './cache.ts'
import type { ConfigError } from './config.ts'
import { showJson } from './config.ts'
import type { G2pInputs, G2pOutput } from './g2p.ts'
import { crossEntropy } from './losses.ts'
import type { AnyModel } from './architectureKinds.ts'
import {
  erase,
  pick,
  integers,
  typelessInputs,
  encoder,
  sequenceClassifier,
  tokenClassifier,
  spanFinder,
  causal,
  decoder,
  lastTokenClassifier,
  seq2seq,
  seq2seqLM,
  imageEncoder,
  imageClassifier,
  statefulImageEncoder,
  statefulImageClassifier,
} from './architectureKinds.ts'

const ofT5 = { config: t5Config, cacheShape: writtenCacheShape }

const ofVit = { config: vit.vitConfig }

const spellings = erase({
  config: g2p.g2pConfig,
  model: g2p.g2p,
  inputs: ['input_ids', 'attention_mask', 'decoder_input_ids'],
  options: [],
  read: (named, architecture): G2pInputs => ({
    inputIds: integers(architecture, named, 'input_ids'),
    decoderInputIds: integers(architecture, named, 'decoder_input_ids'),
    ...pick(named, { attention_mask: 'attentionMask' }),
  }),
  write: ({ logits, lastHiddenState, encoderState }: G2pOutput) => ({
    logits,
    last_hidden_state: lastHiddenState,
    encoder_state: encoderState,
  }),
  loss: ({ logits }, [labels]) => crossEntropy(logits, labels!),
})

const ofEfficientNetLite = { config: efficientnet.efficientNetLiteConfig }

const ofResNet = { config: resnet.resnetConfig }

const ofBert = { config: bert.bertConfig }

const ofRoberta = { config: roberta.robertaConfig }

const ofDistilBert = { config: distilbert.distilBertConfig }

const ofAlbert = { config: albert.albertConfig }

const ofGemma = { config: gemma.gemmaConfig, cacheShape: cacheShapeOf }

const ofGpt2 = { config: gpt2.gpt2Config, cacheShape: (config: gpt2.Gpt2Config) => gpt2.gpt2Size(config).cacheShape }

const ofLlama = { config: llama.llamaConfig, cacheShape: cacheShapeOf }

/** Every architecture, by the name of its class in `transformers`. */
const architectures = {
  BertModel: encoder(ofBert, (config) => bert.bert(config)),
  BertForMaskedLM: tokenClassifier(ofBert, bert.bertForMaskedLM),
  BertForSequenceClassification: sequenceClassifier(ofBert, bert.bertForSequenceClassification),
  BertForQuestionAnswering: spanFinder(ofBert, bert.bertForQuestionAnswering),
  BertForTokenClassification: tokenClassifier(ofBert, bert.bertForTokenClassification),
  RobertaModel: encoder(ofRoberta, (config) => roberta.roberta(config)),
  RobertaForMaskedLM: tokenClassifier(ofRoberta, roberta.robertaForMaskedLM),
  RobertaForSequenceClassification: sequenceClassifier(ofRoberta, roberta.robertaForSequenceClassification),
  RobertaForQuestionAnswering: spanFinder(ofRoberta, roberta.robertaForQuestionAnswering),
  RobertaForTokenClassification: tokenClassifier(ofRoberta, roberta.robertaForTokenClassification),
  XLMRobertaModel: encoder(ofRoberta, (config) => roberta.roberta(config)),
  XLMRobertaForMaskedLM: tokenClassifier(ofRoberta, roberta.robertaForMaskedLM),
  XLMRobertaForSequenceClassification: sequenceClassifier(ofRoberta, roberta.robertaForSequenceClassification),
  XLMRobertaForQuestionAnswering: spanFinder(ofRoberta, roberta.robertaForQuestionAnswering),
  XLMRobertaForTokenClassification: tokenClassifier(ofRoberta, roberta.robertaForTokenClassification),
  DistilBertModel: encoder(ofDistilBert, distilbert.distilBert, typelessInputs),
  DistilBertForMaskedLM: tokenClassifier(ofDistilBert, distilbert.distilBertForMaskedLM, typelessInputs),
  DistilBertForQuestionAnswering: spanFinder(ofDistilBert, distilbert.distilBertForQuestionAnswering, typelessInputs),
  DistilBertForSequenceClassification: sequenceClassifier(
    ofDistilBert,
    distilbert.distilBertForSequenceClassification,
    typelessInputs,
  ),
  DistilBertForTokenClassification: tokenClassifier(
    ofDistilBert,
    distilbert.distilBertForTokenClassification,
    typelessInputs,
  ),
  AlbertModel: encoder(ofAlbert, (config) => albert.albert(config)),
  AlbertForMaskedLM: tokenClassifier(ofAlbert, albert.albertForMaskedLM),
  AlbertForSequenceClassification: sequenceClassifier(ofAlbert, albert.albertForSequenceClassification),
  AlbertForQuestionAnswering: spanFinder(ofAlbert, albert.albertForQuestionAnswering),
  AlbertForTokenClassification: tokenClassifier(ofAlbert, albert.albertForTokenClassification),
  T5Model: seq2seq(ofT5, t5.t5),
  T5EncoderModel: encoder(ofT5, t5.t5Encoder, ['input_ids', 'attention_mask']),
  T5ForConditionalGeneration: seq2seqLM(ofT5, t5.t5ForConditionalGeneration),
  MT5Model: seq2seq(ofT5, t5.t5),
  MT5EncoderModel: encoder(ofT5, t5.t5Encoder, ['input_ids', 'attention_mask']),
  MT5ForConditionalGeneration: seq2seqLM(ofT5, t5.t5ForConditionalGeneration),
  GPT2Model: decoder(ofGpt2, gpt2.gpt2),
  GPT2LMHeadModel: causal(ofGpt2, gpt2.gpt2LMHeadModel),
  GPT2ForSequenceClassification: lastTokenClassifier(ofGpt2, gpt2.gpt2ForSequenceClassification),
  LlamaModel: decoder(ofLlama, llama.llama),
  LlamaForCausalLM: causal(ofLlama, llama.llamaForCausalLM),
  LlamaForSequenceClassification: lastTokenClassifier(ofLlama, llama.llamaForSequenceClassification),
  MistralModel: decoder(ofLlama, llama.llama),
  MistralForCausalLM: causal(ofLlama, llama.llamaForCausalLM),
  MistralForSequenceClassification: lastTokenClassifier(ofLlama, llama.llamaForSequenceClassification),
  Qwen2Model: decoder(ofLlama, llama.llama),
  Qwen2ForCausalLM: causal(ofLlama, llama.llamaForCausalLM),
  Qwen2ForSequenceClassification: lastTokenClassifier(ofLlama, llama.llamaForSequenceClassification),
  Qwen3Model: decoder(ofLlama, llama.llama),
  Qwen3ForCausalLM: causal(ofLlama, llama.llamaForCausalLM),
  Qwen3ForSequenceClassification: lastTokenClassifier(ofLlama, llama.llamaForSequenceClassification),
  GemmaModel: decoder(ofGemma, gemma.gemma),
  GemmaForCausalLM: causal(ofGemma, gemma.gemmaForCausalLM),
  GemmaForSequenceClassification: lastTokenClassifier(ofGemma, gemma.gemmaForSequenceClassification),
  Gemma2Model: decoder(ofGemma, gemma.gemma),
  Gemma2ForCausalLM: causal(ofGemma, gemma.gemmaForCausalLM),
  Gemma2ForSequenceClassification: lastTokenClassifier(ofGemma, gemma.gemmaForSequenceClassification),
  Gemma3TextModel: decoder(ofGemma, gemma.gemma),
  Gemma3ForCausalLM: causal(ofGemma, gemma.gemmaForCausalLM),
  Gemma3TextForSequenceClassification: lastTokenClassifier(ofGemma, gemma.gemmaForSequenceClassification),
  ViTModel: imageEncoder(ofVit, (config) => vit.vit(config)),
  ViTForImageClassification: imageClassifier(ofVit, vit.vitForImageClassification),
  ResNetModel: statefulImageEncoder(ofResNet, resnet.resnet),
  ResNetForImageClassification: statefulImageClassifier(ofResNet, resnet.resnetForImageClassification),
  EfficientNetLiteForImageClassification: statefulImageClassifier(ofEfficientNetLite, efficientnet.efficientNetLite),
  G2pForConditionalGeneration: spellings,
} as const

/** The name of a supported architecture. */
export type ArchitectureName = keyof typeof architectures

/** All architecture names. */
export const architectureNames = Object.keys(architectures) as readonly ArchitectureName[]

/** The default architecture of a `model_type`. */
const defaults: { readonly [type: string]: ArchitectureName } = {
  bert: 'BertModel',
  roberta: 'RobertaModel',
  'xlm-roberta': 'XLMRobertaModel',
  distilbert: 'DistilBertModel',
  albert: 'AlbertModel',
  t5: 'T5ForConditionalGeneration',
  mt5: 'MT5ForConditionalGeneration',
  gpt2: 'GPT2LMHeadModel',
  gemma: 'GemmaForCausalLM',
  gemma2: 'Gemma2ForCausalLM',
  gemma3_text: 'Gemma3ForCausalLM',
  llama: 'LlamaForCausalLM',
  mistral: 'MistralForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
  vit: 'ViTModel',
  resnet: 'ResNetModel',
  g2p: 'G2pForConditionalGeneration',
  'efficientnet-lite0': 'EfficientNetLiteForImageClassification',
}

/** Checks the name of an architecture. */
export const anArchitecture: must.Check = must.kind(
  'the name of an architecture',
  (x) => architectureNames.some((name) => name === x),
  {
    hint: (x) => {
      const near = typeof x === 'string' ? suggestion(x, architectureNames) : null
      return near === null ? `Known: ${architectureNames.join(', ')}.` : `Did you mean '${near}'?`
    },
  },
)

const modelOfConfigDoor = must.door('modelOfConfig', {
  json: must.anything,
  architecture: must.optional(anArchitecture),
})

const isKnown = (name: unknown): name is ArchitectureName => architectureNames.some((known) => known === name)

const unknownArchitecture = (key: string, what: string): Either<ConfigError, never> => ({
  _tag: 'Left',
  left: { _tag: 'Config', key, message: `config: ${what}. Known are ${architectureNames.join(', ')}.` },
})

/** The architecture's name in a configuration, or the default of its `model_type`. */
const nameOf = (json: unknown): Either<ConfigError, ArchitectureName> => {
  if (typeof json !== 'object' || json === null) return unknownArchitecture('', 'it must be an object')
  const { architectures: listed, model_type: type } = json as { architectures?: unknown; model_type?: unknown }
  const given: unknown = Array.isArray(listed) ? listed[0] : undefined
  const name = given ?? (typeof type === 'string' && Object.hasOwn(defaults, type) ? defaults[type] : undefined)
  if (isKnown(name)) return { _tag: 'Right', right: name }
  if (given !== undefined)
    return unknownArchitecture(
      'architectures',
      `the architecture ${typeof given === 'string' ? given.slice(0, 80) : showJson(given)} is not known`,
    )
  return unknownArchitecture('model_type', `the model_type ${showJson(type)} is not known`)
}

/**
 * The model that a `config.json` describes.
 *
 * @param architecture - another head than the configuration's own: `BertForSequenceClassification`.
 *
 * @example
 * ```ts
 * import { modelOfConfig } from 'pullback/models'
 * const model = modelOfConfig({ model_type: 'bert', architectures: ['BertForMaskedLM'] })
 * model._tag === 'Right' && model.right.inputs.includes('labels') // => true
 * ```
 */
export const modelOfConfig = (json: unknown, architecture?: ArchitectureName): Either<ConfigError, AnyModel> => {
  modelOfConfigDoor(json, architecture)
  const name: Either<ConfigError, ArchitectureName> =
    architecture === undefined ? nameOf(json) : { _tag: 'Right', right: architecture }
  return name._tag === 'Left' ? name : architectures[name.right](name.right, json)
}
