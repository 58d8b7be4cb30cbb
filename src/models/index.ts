/**
 * `pullback/models`: pretrained architectures as pure functions over trees of parameters, with Hugging Face's names.
 *
 * @module pullback/models
 */
export type { AnyModel, AnyRunOptions, NamedArrays, ParamTree } from './architectureKinds.ts'
export type { ArchitectureName } from './architectures.ts'
export { architectureNames, modelOfConfig } from './architectures.ts'
export type { Cache, CacheShape, LayerCache } from './cache.ts'
export { emptyCache, growCache } from './cache.ts'
export type { ConfigError, ConfigReader } from './config.ts'
export { readConfig } from './config.ts'
export type { AlbertConfig } from './albert.ts'
export {
  albert,
  albertConfig,
  albertForMaskedLM,
  albertForQuestionAnswering,
  albertForSequenceClassification,
  albertForTokenClassification,
} from './albert.ts'
export type { BertConfig } from './bert.ts'
export {
  bert,
  bertConfig,
  bertForMaskedLM,
  bertForQuestionAnswering,
  bertForSequenceClassification,
  bertForTokenClassification,
} from './bert.ts'
export type { ClassifierConfig } from './classifier.ts'
export { classificationLoss } from './classifier.ts'
export type { DistilBertConfig } from './distilbert.ts'
export {
  distilBert,
  distilBertConfig,
  distilBertForMaskedLM,
  distilBertForQuestionAnswering,
  distilBertForSequenceClassification,
  distilBertForTokenClassification,
} from './distilbert.ts'
export type {
  CausalModel,
  CausalOutput,
  DecoderInputs,
  DecoderOptions,
  DecoderOutput,
  SequenceOutput,
} from './decoder.ts'
export type { EmbedOptions, EncoderTokenizer } from './embed.ts'
export { embed } from './embed.ts'
export type { EncoderInputs, EncoderOutput, HeadOutput, RunOptions, SpanOutput } from './encoder.ts'
export type { G2pConfig, G2pInputs, G2pModel, G2pOutput } from './g2p.ts'
export { g2p, g2pConfig, LETTERS, PHONEMES } from './g2p.ts'
export type { CommonOptions, GeneratedText, GeneratedToken, GenerateOptions } from './generation/generate.ts'
export { collect, generate } from './generation/generate.ts'
export type { Abort } from './generation/abort.ts'
export type { Beam, BeamOptions } from './generation/beams.ts'
export { generateBeams } from './generation/beams.ts'
export type { LogitsProcessor, SamplingOptions, ScoreOptions } from './generation/processors.ts'
export { minP, repetitionPenalty, temperature, topK, topP } from './generation/processors.ts'
export type { Prompt, TextTokenizer, TokenStream } from './generation/prompt.ts'
export type { TextModel } from './generation/state.ts'
export type { Finish, StoppingRule } from './generation/text.ts'
export type { GemmaConfig } from './gemma.ts'
export { gemma, gemmaConfig, gemmaForCausalLM, gemmaForSequenceClassification } from './gemma.ts'
export type { GgufModel, LoadGgufOptions } from './gguf.ts'
export { configOfGguf, loadGguf, nameOfGguf } from './gguf.ts'
export type { Gpt2Config } from './gpt2.ts'
export { gpt2, gpt2Config, gpt2ForSequenceClassification, gpt2LMHeadModel } from './gpt2.ts'
export type { ImageLike, ImageProcessor } from './images.ts'
export { imageProcessor } from './images.ts'
export type { LlamaConfig } from './llama.ts'
export { llama, llamaConfig, llamaForCausalLM, llamaForSequenceClassification } from './llama.ts'
export type { ArrayLoadOptions, LoadError, LoadOptions, MismatchError, ShapeMismatch } from './load.ts'
export { loadParams } from './load.ts'
export { crossEntropy, nextTokenLoss, spanLoss } from './losses.ts'
export type { Model, ParamsOfModel, StatefulModel, StateOfModel, StateOptions } from './model.ts'
export { makeModel, makeStatefulModel } from './model.ts'
export * as layers from './parts.ts'
export { meanPooling, normalize } from './pooling.ts'
export type { RobertaConfig } from './roberta.ts'
export {
  roberta,
  robertaConfig,
  robertaForMaskedLM,
  robertaForQuestionAnswering,
  robertaForSequenceClassification,
  robertaForTokenClassification,
} from './roberta.ts'
export type {
  Seq2SeqCache,
  Seq2SeqInputs,
  Seq2SeqLM,
  Seq2SeqLMOutput,
  Seq2SeqOptions,
  Seq2SeqOutput,
} from './seq2seq.ts'
export type { Quantized, QuantizeOptions, WritableKind } from './quantize.ts'
export { quantize } from './quantize.ts'
export type { ParamsOf, WeightsOf } from './spec.ts'
export { ParameterSpec } from './spec.ts'
export type { LoadModelOptions, Pretrained, SavedModel } from './pretrained.ts'
export { loadModel, saveModel } from './pretrained.ts'
export { t5, t5Encoder, t5ForConditionalGeneration } from './t5.ts'
export type { T5Config } from './t5Config.ts'
export { t5Config } from './t5Config.ts'
export type { EfficientNetLiteConfig, StageConfig } from './efficientnet.ts'
export { efficientNetLite, efficientNetLiteConfig } from './efficientnet.ts'
export type { ResNetConfig } from './resnet.ts'
export { resnet, resnetConfig, resnetForImageClassification } from './resnet.ts'
export type { LoadableWithState, Variables } from './variables.ts'
export { loadVariables, namedVariables, nextState } from './variables.ts'
export type { ConvHeadOutput, ConvOutput, ImageInputs } from './vision.ts'
export type { VitConfig, VitOptions } from './vit.ts'
export { vit, vitConfig, vitForImageClassification } from './vit.ts'
