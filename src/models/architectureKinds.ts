/**
 * Models with named inputs and outputs: a kind of architecture converts named arrays to a model's inputs, and its outputs to
 * named arrays.
 */
import * as must from '../conversions/arguments.ts'
import type { Either } from 'fp-ts/lib/Either.js'
import type { DType } from '../core/dtype.ts'
import { isInteger } from '../core/dtype.ts'
import { ArgumentError } from '../core/errors.ts'
import type { NDArray } from '../trace/value.ts'
import type { Cache, CacheShape } from './cache.ts'
import type { ClassifierConfig } from './classifier.ts'
import { classificationLoss } from './classifier.ts'
import type { ConfigError } from './config.ts'
import type { CausalModel, CausalOutput, DecoderInputs, DecoderOutput, SequenceOutput } from './decoder.ts'
import { aCache, anArray, runTable } from './doors.ts'
import type { EncoderInputs, EncoderOutput, HeadOutput, RunOptions, SpanOutput } from './encoder.ts'
import { crossEntropy, nextTokenLoss, spanLoss } from './losses.ts'
import type { Key } from '../random/keys.ts'
import type { Model, StatefulModel, StateOptions } from './model.ts'
import type { Seq2SeqInputs, Seq2SeqLMOutput, Seq2SeqOptions, Seq2SeqOutput } from './seq2seq.ts'
import type { ParamsOf } from './spec.ts'
import { leavesByName } from './spec.ts'
import type { TextModel } from './generation/state.ts'
import type { ConvHeadOutput, ConvOutput, ImageInputs } from './vision.ts'

/** Arrays under the names of `transformers`: `input_ids`, `attention_mask`, `labels`, ...; `logits`, `hidden_states.0`, `loss`. */
export interface NamedArrays {
  readonly [name: string]: NDArray
}

/** Parameters whose names are known only from a file: a tree of arrays, with null for missing ones. */
export interface ParamTree {
  readonly [name: string]: unknown
}

/** Options of a run of a model of unknown family: options that it does not have are ignored. */
export interface AnyRunOptions extends RunOptions, Partial<StateOptions<ParamTree | null>> {
  /** Images of any size, for a ViT. */
  readonly interpolatePosEncoding?: boolean
  /** Keys and values before a decoder's input, with room for the input: for models whose `cacheShape` is not null. */
  readonly prefix?: Cache
}

/** A model whose family is known only from a file. Its parameters are a tree with Hugging Face's names. */
export interface AnyModel extends Omit<Model<unknown, NamedArrays, NamedArrays, AnyRunOptions>, 'init' | 'apply'> {
  /** The name of its class in `transformers`: `BertForMaskedLM`. */
  readonly architecture: string
  /**
   * The state's shapes; null if it has none. With state, training returns the next state as outputs `state.NAME`: see
   * `nextState`.
   */
  readonly stateSpecs: ParamTree | null
  /** The state before any training; null if it has none. */
  readonly initState: (dtype?: DType) => ParamTree | null
  /** The names of inputs that it takes. */
  readonly inputs: readonly string[]
  /** Fresh parameters. */
  readonly init: (key: Key, dtype?: DType) => ParamTree
  /** The model at its inputs. */
  readonly apply: (params: ParamTree, inputs: NamedArrays, options?: AnyRunOptions) => NamedArrays
  /** The same model with its own inputs and outputs, if it is a decoder. */
  readonly decoder: CausalModel | null
  /** The size of a `prefix`; null if there is no decoder. */
  readonly cacheShape: CacheShape | null
  /** The argument of `generate`, if the model is generative: its decoder, or the whole model for an encoder-decoder. */
  readonly writer: TextModel | null
}

/** The description of an architecture: how to read its configuration, and how to name its inputs and outputs. */
interface Architecture<C, S, I, O> {
  readonly config: (json: unknown) => Either<ConfigError, C>
  readonly model: (config: C) => Model<S, I, O, RunOptions>
  readonly inputs: readonly string[]
  /** The options of the model; those of other families are ignored. */
  readonly options?: readonly (keyof AnyRunOptions)[]
  /** For a decoder: the size of its cache, and how it takes a prefix as an option. */
  readonly decodes?: { readonly cacheShape: (config: C) => CacheShape; readonly prefix: 'cache' | 'prefix' }
  readonly read: (named: NamedArrays, architecture: string) => I
  readonly write: (output: O, options?: AnyRunOptions) => NamedArrays
  /** The loss for the targets; left out if there is none. */
  readonly loss?: (output: O, targets: readonly NDArray[], config: C) => NDArray
  /** The names of the targets; `labels` by default. */
  readonly targets?: readonly string[]
}

const anyRunOptions: must.OptionTable<AnyRunOptions> = {
  ...runTable,
  interpolatePosEncoding: must.boolean,
  prefix: aCache,
  state: must.anything,
  training: must.boolean,
}

/** The door of `apply`. The model itself checks parameters and state. */
const applyDoor = (architecture: string, inputs: readonly string[]): must.Door =>
  must.door(architecture, {
    params: must.anything,
    inputs: must.optionsOf(Object.fromEntries(inputs.map((name) => [name, anArray])), 'input'),
    options: must.optionsOf(anyRunOptions),
  })

/** The options with these keys that are given. */
const picked = (options: AnyRunOptions, keys: readonly (keyof AnyRunOptions)[]): AnyRunOptions =>
  Object.fromEntries(keys.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])))

export const erase =
  <C, S, I, O>({
    config,
    model,
    inputs,
    options: keys = ['key', 'remat', 'attentions'],
    decodes,
    read,
    write,
    loss,
    targets = ['labels'],
  }: Architecture<C, S, I, O>) =>
  (architecture: string, json: unknown): Either<ConfigError, AnyModel> => {
    const parsed = config(json)
    if (parsed._tag === 'Left') return parsed
    const typed = model(parsed.right)
    const names = loss === undefined ? inputs : [...inputs, ...targets]
    const enterApply = applyDoor(architecture, names)
    const apply = (params: ParamTree, named: NamedArrays = {}, options: AnyRunOptions = {}): NamedArrays => {
      enterApply(params, named, options)
      const { prefix } = options
      const before = prefix === undefined || decodes === undefined ? {} : { [decodes.prefix]: prefix }
      const own = { ...picked(options, keys), ...before }
      const output = typed.apply(params as ParamsOf<S>, read(named, architecture), own)
      const given = targets.flatMap((name) => named[name] ?? [])
      const hasLoss = loss !== undefined && given.length === targets.length
      return { ...write(output, options), ...(hasLoss ? { loss: loss(output, given, parsed.right) } : {}) }
    }
    const writer = 'cacheShape' in typed ? typed : null
    const decoder = 'startCache' in typed ? null : writer
    const stateless = { stateSpecs: null, initState: () => null }
    const cacheShape = decodes?.cacheShape(parsed.right) ?? null
    const erased = { ...stateless, ...typed, architecture, inputs: names, apply, decoder, writer, cacheShape }
    return { _tag: 'Right', right: erased as unknown as AnyModel }
  }

// Names.

/** Names the arrays of a list by number: `hidden_states.0`. */
const numbered = (name: string, arrays: readonly NDArray[]): NamedArrays =>
  Object.fromEntries(arrays.map((x, i) => [`${name}.${i}`, x]))

/** The named inputs that are given, under the models' names for them. */
export const pick = (
  named: NamedArrays,
  names: { readonly [name: string]: string },
): { readonly [name: string]: NDArray } =>
  Object.fromEntries(
    Object.entries(names).flatMap(([theirs, ours]) => (named[theirs] === undefined ? [] : [[ours, named[theirs]]])),
  )

export const integers = (architecture: string, named: NamedArrays, name: string): NDArray => {
  const x = named[name]
  if (x === undefined) throw new ArgumentError(`${architecture} needs an input ${name}.`)
  return isInteger(x.dtype) ? x : x.astype('int32')
}

const encoderNames = {
  attention_mask: 'attentionMask',
  token_type_ids: 'tokenTypeIds',
  position_ids: 'positionIds',
  segment_ids: 'segmentIds',
}

const readEncoder = (named: NamedArrays, architecture: string): EncoderInputs => ({
  inputIds: integers(architecture, named, 'input_ids'),
  ...pick(named, encoderNames),
})

/** Convolutional networks have no attention weights. */
type States = Omit<EncoderOutput, 'attentions'> & Partial<Pick<EncoderOutput, 'attentions'>>

const writeEncoder = ({ lastHiddenState, hiddenStates, poolerOutput, attentions }: States): NamedArrays => ({
  last_hidden_state: lastHiddenState,
  ...numbered('hidden_states', hiddenStates),
  ...(poolerOutput === null ? {} : { pooled: poolerOutput }),
  ...numbered('attentions', attentions ?? []),
})

const writeHead = ({ logits, ...states }: States & Pick<HeadOutput, 'logits'>): NamedArrays => ({
  logits,
  ...writeEncoder(states),
})

const readDecoder = (named: NamedArrays, architecture: string): DecoderInputs => ({
  inputIds: integers(architecture, named, 'input_ids'),
  ...pick(named, { attention_mask: 'attentionMask', position_ids: 'positionIds', segment_ids: 'segmentIds' }),
})

const writeDecoder = ({ lastHiddenState, hiddenStates, attentions }: DecoderOutput): NamedArrays => ({
  last_hidden_state: lastHiddenState,
  ...numbered('hidden_states', hiddenStates),
  ...numbered('attentions', attentions ?? []),
})

const writeScores = ({ logits, ...states }: CausalOutput | SequenceOutput): NamedArrays => ({
  logits,
  ...writeDecoder(states),
})

const readSeq2Seq = (named: NamedArrays, architecture: string): Seq2SeqInputs => ({
  inputIds: integers(architecture, named, 'input_ids'),
  ...pick(named, {
    attention_mask: 'attentionMask',
    decoder_input_ids: 'decoderInputIds',
    decoder_attention_mask: 'decoderAttentionMask',
    labels: 'labels',
  }),
})

const writeSeq2Seq = (output: Seq2SeqOutput): NamedArrays => ({
  last_hidden_state: output.lastHiddenState,
  ...numbered('decoder_hidden_states', output.decoderHiddenStates),
  encoder_last_hidden_state: output.encoderLastHiddenState!,
  ...numbered('encoder_hidden_states', output.encoderHiddenStates),
  ...numbered('decoder_attentions', output.decoderAttentions ?? []),
  ...numbered('cross_attentions', output.crossAttentions ?? []),
  ...numbered('encoder_attentions', output.encoderAttentions ?? []),
})

const writeSeq2SeqLM = ({ logits, ...states }: Seq2SeqLMOutput): NamedArrays => ({ logits, ...writeSeq2Seq(states) })

const readImage = (named: NamedArrays, architecture: string): ImageInputs => {
  const { pixel_values: pixelValues } = named
  if (pixelValues === undefined) throw new ArgumentError(`${architecture} needs an input pixel_values.`)
  return { pixelValues }
}

// Kinds of architecture.

const textInputs = ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids', 'segment_ids'] as const

/** The inputs of encoders without token types. */
export const typelessInputs = ['input_ids', 'attention_mask', 'position_ids', 'segment_ids'] as const

const decoderInputs = ['input_ids', 'attention_mask', 'position_ids', 'segment_ids'] as const

const seq2seqInputs = ['input_ids', 'attention_mask', 'decoder_input_ids', 'decoder_attention_mask'] as const

interface Family<C> {
  readonly config: (json: unknown) => Either<ConfigError, C>
}

/** A family of decoders, or of models with one. */
interface Decoders<C> extends Family<C> {
  readonly cacheShape: (config: C) => CacheShape
}

const encoding = <C>({ config }: Family<C>, inputs: readonly string[]) => ({ config, inputs, read: readEncoder })

const decoding = <C>({ config, cacheShape }: Decoders<C>) => ({
  config,
  decodes: { cacheShape, prefix: 'cache' as const },
  inputs: decoderInputs,
  read: readDecoder,
})

const rewriting = <C>({ config, cacheShape }: Decoders<C>) => ({
  config,
  decodes: { cacheShape, prefix: 'prefix' as const },
  inputs: seq2seqInputs,
  read: readSeq2Seq,
})

const seeing = <C>({ config }: Family<C>) => ({
  config,
  inputs: ['pixel_values'],
  options: ['key', 'remat', 'attentions', 'interpolatePosEncoding'] as const,
  read: readImage,
})

const seeingWithState = <C>({ config }: Family<C>) => ({
  config,
  inputs: ['pixel_values'],
  options: ['key', 'state', 'training'] as const,
  read: readImage,
})

interface Scored {
  readonly logits: NDArray
}

const classLoss = ({ logits }: Scored, [labels]: readonly NDArray[], config: ClassifierConfig): NDArray =>
  classificationLoss(config, logits, labels!)

const tokenLoss = ({ logits }: Scored, [labels]: readonly NDArray[]): NDArray => crossEntropy(logits, labels!)

export const encoder = <C, S>(
  family: Family<C>,
  model: (config: C) => Model<S, EncoderInputs, EncoderOutput, RunOptions>,
  inputs: readonly string[] = textInputs,
) => erase({ ...encoding(family, inputs), model, write: writeEncoder })

export const sequenceClassifier = <C extends ClassifierConfig, S>(
  family: Family<C>,
  model: (config: C) => Model<S, EncoderInputs, HeadOutput, RunOptions>,
  inputs: readonly string[] = textInputs,
) =>
  erase({
    ...encoding(family, inputs),
    model,
    write: writeHead,
    loss: classLoss,
  })

/** Labels are classes or words for each token, and -100 where there is none. */
export const tokenClassifier = <C, S>(
  family: Family<C>,
  model: (config: C) => Model<S, EncoderInputs, HeadOutput, RunOptions>,
  inputs: readonly string[] = textInputs,
) =>
  erase({
    ...encoding(family, inputs),
    model,
    write: writeHead,
    loss: tokenLoss,
  })

/** Labels are two positions, of the first and the last token of an answer. */
export const spanFinder = <C, S>(
  family: Family<C>,
  model: (config: C) => Model<S, EncoderInputs, SpanOutput, RunOptions>,
  inputs: readonly string[] = textInputs,
) =>
  erase({
    ...encoding(family, inputs),
    model,
    write: ({ startLogits, endLogits, ...states }) => ({
      start_logits: startLogits,
      end_logits: endLogits,
      ...writeEncoder(states),
    }),
    targets: ['start_positions', 'end_positions'],
    loss: ({ startLogits, endLogits }, [starts, ends]) => spanLoss(startLogits, endLogits, starts!, ends!),
  })

export const causal = <C, S>(
  family: Decoders<C>,
  model: (config: C) => Model<S, DecoderInputs, CausalOutput, RunOptions>,
) =>
  erase({
    ...decoding(family),
    model,
    write: writeScores,
    loss: ({ logits }, [labels]) => nextTokenLoss(logits, labels!),
  })

export const decoder = <C, S>(
  family: Decoders<C>,
  model: (config: C) => Model<S, DecoderInputs, DecoderOutput, RunOptions>,
) =>
  erase({
    ...decoding(family),
    model,
    write: writeDecoder,
  })

/** One class for the whole text, scored at its last token. */
export const lastTokenClassifier = <C extends ClassifierConfig, S>(
  family: Decoders<C>,
  model: (config: C) => Model<S, DecoderInputs, SequenceOutput, RunOptions>,
) =>
  erase({
    ...decoding(family),
    model,
    write: writeScores,
    loss: classLoss,
  })

export const seq2seq = <C, S>(
  family: Decoders<C>,
  model: (config: C) => Model<S, Seq2SeqInputs, Seq2SeqOutput, Seq2SeqOptions>,
) =>
  erase({
    ...rewriting(family),
    model,
    write: writeSeq2Seq,
  })

/** Labels are the target text; shifted, they are the decoder's default input. */
export const seq2seqLM = <C, S>(
  family: Decoders<C>,
  model: (config: C) => Model<S, Seq2SeqInputs, Seq2SeqLMOutput, Seq2SeqOptions>,
) =>
  erase({
    ...rewriting(family),
    model,
    write: writeSeq2SeqLM,
    loss: tokenLoss,
  })

export const imageEncoder = <C, S>(
  family: Family<C>,
  model: (config: C) => Model<S, ImageInputs, EncoderOutput, RunOptions>,
) =>
  erase({
    ...seeing(family),
    model,
    write: writeEncoder,
  })

export const imageClassifier = <C extends ClassifierConfig, S>(
  family: Family<C>,
  model: (config: C) => Model<S, ImageInputs, HeadOutput, RunOptions>,
) =>
  erase({
    ...seeing(family),
    model,
    write: writeHead,
    loss: classLoss,
  })

/** Makes the state of a stateful model optional in the type: without it, a run throws. */
const withState =
  <C, S, T, O>(model: (config: C) => StatefulModel<S, T, ImageInputs, O>) =>
  (config: C): Model<S, ImageInputs, O & { readonly state: ParamsOf<T> }, RunOptions> =>
    model(config) as unknown as Model<S, ImageInputs, O & { readonly state: ParamsOf<T> }, RunOptions>

const writeState = (state: unknown, options: AnyRunOptions = {}): NamedArrays =>
  options.training === true
    ? Object.fromEntries(Object.entries(leavesByName(state)).map(([name, x]) => [`state.${name}`, x]))
    : {}

export const statefulImageEncoder = <C, S, T>(
  family: Family<C>,
  model: (config: C) => StatefulModel<S, T, ImageInputs, ConvOutput>,
) =>
  erase({
    ...seeingWithState(family),
    model: withState<C, S, T, ConvOutput>(model),
    write: ({ state, ...output }, options) => ({ ...writeEncoder(output), ...writeState(state, options) }),
  })

export const statefulImageClassifier = <C extends ClassifierConfig, S, T>(
  family: Family<C>,
  model: (config: C) => StatefulModel<S, T, ImageInputs, ConvHeadOutput>,
) =>
  erase({
    ...seeingWithState(family),
    model: withState<C, S, T, ConvHeadOutput>(model),
    write: ({ state, ...output }, options) => ({ ...writeHead(output), ...writeState(state, options) }),
    loss: classLoss,
  })
