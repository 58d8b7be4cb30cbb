/** Heads: formulas that several families share. Each family has its own parameter names. */
import { ArgumentError } from '../core/errors.ts'
import * as np from '../numpy/index.ts'
import type * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import type { CausalOutput, DecoderInputs, DecoderOptions, DecoderOutput, SequenceOutput } from './decoder.ts'
import { lastPlaces } from './decoder.ts'
import { decoderInputs, decoderOptions, encoderInputs, runOptions } from './doors.ts'
import type { EncoderOutput, HeadOutput, SpanOutput } from './encoder.ts'
import { tokenArray } from './inputs.ts'
import type { Activation, Drop, LinearParams, Weight } from './layers.ts'
import { applyActivation, applyLayerNorm, applyLinear } from './layers.ts'
import type { LinearSpec } from './spec.ts'
import { linear } from './spec.ts'
import { applyVocabulary } from './vocabulary.ts'

/** The common arguments of `makeModel` for encoders. */
export const encoderParts = (
  type: string,
  prefix: string,
  { initializerRange: stddev }: { readonly initializerRange: number },
  inputs: must.Check = encoderInputs,
) => ({ type, prefix, stddev, doors: { inputs, options: runOptions } })

/** The common arguments of `makeModel` for decoders. */
export const decoderParts = (
  type: string,
  prefix: string,
  { initializerRange: stddev }: { readonly initializerRange: number },
) => ({ type, prefix, stddev, doors: { inputs: decoderInputs, options: decoderOptions } })

// Of encoders.

/** Scores of the classes of a text, from the pooler's output. */
export const scorePooled = (
  classifier: LinearParams,
  states: EncoderOutput,
  drop: Drop,
  dropRate: number,
): HeadOutput => ({ ...states, logits: applyLinear(classifier, drop(states.poolerOutput!, dropRate)) })

/** Scores of the classes of each token. */
export const scoreTokens = (
  classifier: LinearParams,
  states: EncoderOutput,
  drop: Drop,
  dropRate: number,
): HeadOutput => ({ ...states, logits: applyLinear(classifier, drop(states.lastHiddenState, dropRate)) })

/** The layer before the vocabulary. */
interface TransformParams {
  readonly dense: LinearParams
  readonly norm: { readonly weight: NDArray; readonly bias: NDArray }
  readonly activation: Activation
  readonly epsilon: number
}

/** Scores of the words at each token: a layer with its activation and norm, then the vocabulary. */
export const scoreWords = (
  { dense, norm, activation, epsilon }: TransformParams,
  vocabulary: { readonly bias: NDArray | null; readonly decoder: LinearParams | null },
  table: { readonly weight: NDArray },
  states: EncoderOutput,
): HeadOutput => {
  const inner = applyActivation(activation, applyLinear(dense, states.lastHiddenState))
  return { ...states, logits: applyVocabulary(vocabulary, table, applyLayerNorm(norm, inner, epsilon)) }
}

/** Scores of the beginning and the end of a span: two for each token. */
export const scoreSpans = (outputs: LinearParams, states: EncoderOutput, drop: Drop, dropRate: number): SpanOutput => {
  const scores = applyLinear(outputs, drop(states.lastHiddenState, dropRate))
  return { ...states, startLogits: scores.at('...', 0).get(), endLogits: scores.at('...', 1).get() }
}

// Of decoders.

/** The configuration of a decoder's head. */
interface NextTokenConfig {
  readonly tieWordEmbeddings: boolean
  readonly vocabSize: number
  readonly hiddenSize: number
}

/** The parameters of `lm_head`: none if the embedding table is the head. */
export const nextTokenSpecs = (c: NextTokenConfig): LinearSpec | null =>
  c.tieWordEmbeddings ? null : linear(c.vocabSize, c.hiddenSize, false)

/** The table's second name in files, if it is the head. */
export const tiedHead = ({ tieWordEmbeddings }: NextTokenConfig, table: string): ReadonlyMap<string, string> =>
  tieWordEmbeddings ? new Map([['lm_head.weight', table]]) : new Map()

/** Scores of the next token, at all positions or the last ones. */
export const scoreNext = (
  { weight }: { readonly weight: Weight },
  output: DecoderOutput,
  { logitsToKeep }: DecoderOptions,
): CausalOutput => {
  const states = lastPlaces(output.lastHiddenState, logitsToKeep)
  return { ...output, logits: applyLinear({ weight, bias: null }, states) }
}

/** The state of each row's last token that is not `padTokenId`; of its first token if all are. */
const lastTokens = (states: NDArray, ids: NDArray, padTokenId: number): NDArray => {
  const places = np.multiply(np.arange(ids.shape[1]!), np.notEqual(ids, padTokenId).astype('int32'))
  const last = np.expandDims(np.argmax(places, { axis: 1 }), [1, 2])
  return np.squeeze(np.takeAlongAxis(states, last, 1), { axis: 1 })
}

/**
 * The scores at each row's last token that is not padding: the last that is not `padTokenId`, whatever the mask says, as in
 * `transformers`; the first if all are padding. Without `padTokenId` it is the last token, and only one row is allowed.
 */
export const scoreSequences = (
  operation: string,
  score: LinearParams,
  output: DecoderOutput,
  { inputIds }: DecoderInputs,
  padTokenId: number | null,
): SequenceOutput => {
  const ids = tokenArray(operation, inputIds)
  const [batch, length] = ids.shape as readonly [number, number]
  const states = output.lastHiddenState
  if (padTokenId !== null) return { ...output, logits: applyLinear(score, lastTokens(states, ids, padTokenId)) }
  if (batch === 1) return { ...output, logits: applyLinear(score, states.at(':', length - 1).get()) }
  throw new ArgumentError(
    `${operation}: sequences of a batch end at different places, got ${batch} of them and no pad_token_id in the configuration.`,
  )
}
