/**
 * Changes of scores before a token is chosen. Processors are pure functions of arrays, so they are part of the compiled step:
 * they are traced once for each program, not called for each token. Those here are `transformers`'.
 */
import { ArgumentError } from '../../core/errors.ts'
import { show } from '../../core/show.ts'
import * as nn from '../../nn/index.ts'
import * as np from '../../numpy/index.ts'
import * as must from '../../conversions/arguments.ts'
import type { NDArray } from '../../trace/value.ts'
import { arrayOfRank } from '../doors.ts'

/**
 * Changes the scores of the next token.
 *
 * `logits` have shape `[rows, vocabSize]`, and -Infinity excludes a token; `tokens` are the text so far, int32 of shape
 * `[rows, room]`, with -1 at padding and at positions that are still empty.
 */
export type LogitsProcessor = (logits: NDArray, tokens: NDArray) => NDArray

const refuse = (operation: string, must: string, value: unknown): never => {
  throw new ArgumentError(`${operation}: it must be ${must}, got ${show(value)}.`)
}

/** A processor that checks its arguments. */
const processor = (name: string, change: LogitsProcessor): LogitsProcessor => {
  const enter = must.door(name, {
    logits: arrayOfRank(2, '[rows, vocabSize]'),
    tokens: must.optional(arrayOfRank(2, '[rows, room]')),
  })
  return (logits, tokens) => {
    enter(logits, tokens)
    return change(logits, tokens)
  }
}

const keep = (which: NDArray, logits: NDArray): NDArray => np.where(which, logits, -Infinity)

/**
 * Scores divided by a temperature: below 1 the likely tokens become likelier.
 *
 * @throws ArgumentError unless it is above 0.
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * import { temperature } from 'pullback/models'
 * const logits = np.array([[0, 1]])
 * const text = np.array([[0]], { dtype: 'int32' })
 * nn.softmax(logits) // => [[0.26894143 0.7310586 ]]
 * nn.softmax(temperature(0.1)(logits, text)) // => [[4.539787e-05 9.999546e-01]]
 * ```
 */
export const temperature = (value: number): LogitsProcessor => {
  if (!(Number.isFinite(value) && value > 0)) refuse('temperature', 'a number above 0', value)
  return processor('temperature', (logits) => np.divide(logits, value))
}

/**
 * Keeps the `k` largest scores, and those equal to the smallest of them.
 *
 * @throws ArgumentError unless k is a whole number from 1 on.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { topK } from 'pullback/models'
 * const text = np.array([[0]], { dtype: 'int32' })
 * topK(2)(np.array([[1, 4, 2, 3]]), text) // => [[-inf   4. -inf   3.]]
 * // Ties stay together.
 * topK(1)(np.array([[1, 4, 4, 3]]), text) // => [[-inf   4.   4. -inf]]
 * ```
 */
export const topK = (k: number): LogitsProcessor => {
  if (!(Number.isSafeInteger(k) && k >= 1)) refuse('topK', 'a whole number from 1 on', k)
  return processor('topK', (logits) => {
    const vocabulary = logits.shape[1]!
    if (k >= vocabulary) return logits
    const least = np.expandDims(
      np
        .sort(logits)
        .at(':', vocabulary - k)
        .get(),
      1,
    )
    return keep(np.greaterEqual(logits, least), logits)
  })
}

/**
 * Keeps the likeliest tokens that together have the probability `p`, at least one: Holtzman et al., "The Curious Case of Neural Text
 * Degeneration" (2020).
 *
 * @throws ArgumentError unless p is above 0 and not above 1.
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * import { topP } from 'pullback/models'
 * const text = np.array([[0]], { dtype: 'int32' })
 * const logits = np.log(np.array([[0.5, 0.3, 0.2]]))
 * // Half is not enough; with the second it is 0.8.
 * nn.softmax(topP(0.7)(logits, text)) // => [[0.62500006 0.375      0.        ]]
 * topP(0) // throws ArgumentError
 * ```
 */
export const topP = (p: number): LogitsProcessor => {
  if (!(Number.isFinite(p) && p > 0 && p <= 1)) refuse('topP', 'a number above 0 and not above 1', p)
  return processor('topP', (logits) => {
    const order = np.argsort(logits)
    const ascending = np.takeAlongAxis(logits, order, 1)
    const below = np.cumsum(nn.softmax(ascending), { axis: 1 })
    const last = np.equal(np.arange(logits.shape[1]!), logits.shape[1]! - 1)
    const kept = np.logicalOr(np.greater(below, 1 - p), last)
    return keep(np.takeAlongAxis(kept, np.argsort(order), 1), logits)
  })
}

/**
 * Keeps tokens that are at least `p` times as likely as the likeliest: Nguyen et al., "Turning Up the Heat: Min-p Sampling" (2024).
 *
 * @throws ArgumentError unless p is from 0 to 1.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { minP } from 'pullback/models'
 * const text = np.array([[0]], { dtype: 'int32' })
 * const logits = np.log(np.array([[0.6, 0.35, 0.05]]))
 * np.isfinite(minP(0.1)(logits, text)) // => [[ True  True False]]
 * ```
 */
export const minP = (p: number): LogitsProcessor => {
  if (!(Number.isFinite(p) && p >= 0 && p <= 1)) refuse('minP', 'a number from 0 to 1', p)
  return processor('minP', (logits) => {
    const likely = nn.softmax(logits)
    return keep(np.greaterEqual(likely, np.multiply(np.max(likely, { axis: 1, keepdims: true }), p)), logits)
  })
}

const enterTokens = must.door('repetitionPenalty', { tokens: arrayOfRank(2, '[rows, room]') })

/**
 * Makes tokens of the text, prompt included, less likely: positive scores are divided by the penalty, negative ones multiplied.
 * Keskar et al., "CTRL" (2019). Padding does not count.
 *
 * @throws ArgumentError unless it is above 0.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { repetitionPenalty } from 'pullback/models'
 * // The text has the tokens 0 and 2, and room for two more.
 * const text = np.array([[0, 2, -1, -1]], { dtype: 'int32' })
 * repetitionPenalty(2)(np.array([[4, 4, -4, -4]]), text) // => [[ 2.  4. -8. -4.]]
 * ```
 */
export const repetitionPenalty = (penalty: number): LogitsProcessor => {
  if (!(Number.isFinite(penalty) && penalty > 0)) refuse('repetitionPenalty', 'a number above 0', penalty)
  return processor('repetitionPenalty', (logits, tokens) => {
    enterTokens(tokens)
    const [rows, vocabulary] = logits.shape as readonly [number, number]
    // Updates out of range are dropped, so -1 is moved out of range.
    const columns = np.where(np.less(tokens, 0), vocabulary, tokens)
    const seen = np
      .zeros([rows, vocabulary], { dtype: 'bool' })
      .at(np.expandDims(np.arange(rows), 1), columns)
      .set(true)
    const changed = np.where(np.less(logits, 0), np.multiply(logits, penalty), np.divide(logits, penalty))
    return np.where(seen, changed, logits)
  })
}

/** Options that change scores. */
export interface ScoreOptions {
  /** Above 1, tokens of the text become less likely. */
  readonly repetitionPenalty?: number
  /** Further changes of the scores, after the penalty and before sampling. */
  readonly processors?: readonly LogitsProcessor[]
}

/** Options of sampling. */
export interface SamplingOptions extends ScoreOptions {
  /** 0 takes the likeliest token. 1 by default where there is a key, 0 where there is none. */
  readonly temperature?: number
  /** Samples only from this many of the likeliest tokens. */
  readonly topK?: number
  /** Samples only from the likeliest tokens that together have this probability. */
  readonly topP?: number
  /** Samples only from tokens that are at least this many times as likely as the likeliest. */
  readonly minP?: number
}

/** The processors of the options, in the order of `transformers`. */
export const scoreProcessors = (options: ScoreOptions): readonly LogitsProcessor[] => [
  ...(options.repetitionPenalty === undefined ? [] : [repetitionPenalty(options.repetitionPenalty)]),
  ...(options.processors ?? []),
]

/** The processors of sampling. */
export const samplingProcessors = (options: SamplingOptions): readonly LogitsProcessor[] => [
  ...(options.temperature === undefined || options.temperature === 0 ? [] : [temperature(options.temperature)]),
  ...(options.topK === undefined ? [] : [topK(options.topK)]),
  ...(options.topP === undefined ? [] : [topP(options.topP)]),
  ...(options.minP === undefined ? [] : [minP(options.minP)]),
]

/** Applies processors in order. */
export const processAll = (processors: readonly LogitsProcessor[], logits: NDArray, tokens: NDArray): NDArray =>
  processors.reduce((scores, change) => change(scores, tokens), logits)
