/** Metrics that are a sum over a count. */
import * as nn from '../../nn/index.ts'
import * as np from '../../numpy/index.ts'
import * as must from '../../conversions/arguments.ts'
import type { NDArray } from '../../trace/value.ts'
import { widened } from '../objectives/objective.ts'
import type { Metric } from './metric.ts'
import { guarded, withFields } from './metric.ts'
import type { Scored } from './scored.ts'
import { countsOf, measuredArrays, predictedOf, rowsOf, shifted, someScored } from './scored.ts'

/** A sum, and over how much. */
export interface Ratio {
  readonly sum: number
  readonly count: number
}

/** The same of one batch. */
export interface MeasuredRatio {
  readonly sum: NDArray
  readonly count: NDArray
}

const aRatio = withFields('a state of the metric: { sum, count }', { sum: must.number, count: must.number })

/** Sums divided by counts, of all batches together: the last may have fewer rows. NaN where nothing counts. */
const ratio = (
  operation: string,
  measure: (outputs: Scored) => MeasuredRatio,
  value: (mean: number) => number = (mean) => mean,
): Metric<Scored, number, MeasuredRatio, Ratio> =>
  guarded(
    operation,
    { outputs: someScored, measured: measuredArrays('sum', 'count'), state: aRatio },
    {
      init: { sum: 0, count: 0 },
      measure,
      update: ({ sum, count }, more) => ({ sum: sum + more.sum.item(), count: count + more.count.item() }),
      compute: ({ sum, count }) => value(sum / count),
    },
  )

const total = (x: NDArray): NDArray => np.sum(x.astype('int32'))

/** How many of what counts are right. */
const shareOf = (right: NDArray, counts: NDArray): MeasuredRatio => ({
  sum: total(np.logicalAnd(right, counts)),
  count: total(counts),
})

/**
 * The share of rows, or tokens, whose class is right.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { accuracy } from 'pullback/train'
 * const metric = accuracy()
 * const logits = np.array([[2, 1], [0, 1], [3, 1]])
 * const measured = metric.measure({ logits, labels: np.array([0, 0, -100], { dtype: 'int32' }) })
 * metric.compute(metric.update(metric.init, measured)) // => 0.5
 * ```
 */
export const accuracy = (): Metric<Scored, number, MeasuredRatio, Ratio> =>
  ratio('accuracy', (scored) => {
    const rows = rowsOf('accuracy', scored)
    return shareOf(np.equal(predictedOf(rows), rows.labels), rows.counts)
  })

const topDoor = must.door('topKAccuracy', { k: must.count })

/**
 * The share of rows whose class is among the `k` of the greatest scores. Of equal scores the first come first, as in `accuracy`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { topKAccuracy } from 'pullback/train'
 * const metric = topKAccuracy(2)
 * const logits = np.array([[3, 2, 1], [3, 2, 1]])
 * const measured = metric.measure({ logits, labels: np.array([1, 2], { dtype: 'int32' }) })
 * metric.compute(metric.update(metric.init, measured)) // => 0.5
 * ```
 */
export const topKAccuracy = (k: number): Metric<Scored, number, MeasuredRatio, Ratio> => {
  topDoor(k)
  return ratio('topKAccuracy', (scored) => {
    const { scores, odds, labels, counts } = rowsOf('topKAccuracy', scored)
    const all = scores ?? np.stack([np.zeros(odds!.shape), odds!], { axis: -1 })
    const classes = np.arange(all.shape[1]!, { dtype: 'int32' })
    const label = np.expandDims(np.where(counts, labels, 0).astype('int32'), -1)
    const own = np.takeAlongAxis(all, label, -1)
    // What is not at most the label's score is before it: a NaN too, so that a row of NaN is wrong.
    const before = np.logicalNot(np.lessEqual(all, own))
    const firstOfEqual = np.logicalAnd(np.equal(all, own), np.less(classes, label))
    const rank = np.sum(np.logicalOr(before, firstOfEqual).astype('int32'), { axis: -1 })
    return shareOf(np.less(rank, k), counts)
  })
}

/** Options of metrics of sequences. */
export interface SequenceOptions {
  /** Whether scores of a token are of the next one, as in causal models; true by default. Not so in seq2seq and masked models. */
  readonly shift?: boolean
}
const sequenceOptions = must.optionsOf<SequenceOptions>({ shift: must.boolean })

const perplexityDoor = must.door('perplexity', { options: sequenceOptions })

/**
 * e to the mean cross-entropy of all tokens that count, whichever batch they are in.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { perplexity } from 'pullback/train'
 * const metric = perplexity()
 * // Of four tokens each is as likely as the others.
 * const logits = np.zeros([1, 3, 4])
 * const measured = metric.measure({ logits, labels: np.array([[0, 1, 2]], { dtype: 'int32' }) })
 * metric.compute(metric.update(metric.init, measured)).toFixed(3) // => 4.000
 * ```
 */
export const perplexity = (options: SequenceOptions = {}): Metric<Scored, number, MeasuredRatio, Ratio> => {
  perplexityDoor(options)
  return ratio(
    'perplexity',
    (scored) => {
      const { logits, labels, mask } = shifted('perplexity', scored, options.shift ?? true)
      const counts = countsOf('perplexity', { labels, ...(mask && { mask }) })
      const label = np.expandDims(np.where(counts, labels, 0).astype('int32'), -1)
      // Sums of many values in 16 bits would be coarse, or infinite.
      const logs = np.squeeze(np.takeAlongAxis(nn.logSoftmax(widened(logits)), label, -1), { axis: -1 })
      return { sum: np.sum(np.where(counts, np.negative(logs), 0)), count: total(counts) }
    },
    Math.exp,
  )
}

const exactDoor = must.door('exactMatch', { options: sequenceOptions })

/**
 * The share of sequences in which all counted tokens are right.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { exactMatch } from 'pullback/train'
 * const metric = exactMatch({ shift: false })
 * const logits = np.array([[[1, 0], [0, 1]], [[1, 0], [1, 0]]])
 * const labels = np.array([[0, 1], [0, 1]], { dtype: 'int32' })
 * // Of the second sequence one token is wrong.
 * metric.compute(metric.update(metric.init, metric.measure({ logits, labels }))) // => 0.5
 * ```
 */
export const exactMatch = (options: SequenceOptions = {}): Metric<Scored, number, MeasuredRatio, Ratio> => {
  exactDoor(options)
  return ratio('exactMatch', (scored) => {
    const { logits, labels, mask } = shifted('exactMatch', scored, options.shift ?? true)
    const counts = countsOf('exactMatch', { labels, ...(mask && { mask }) })
    const right = np.equal(np.argmax(logits, { axis: -1 }), labels)
    const whole = np.all(np.logicalOr(right, np.logicalNot(counts)), { axis: -1 })
    return shareOf(whole, np.any(counts, { axis: -1 }))
  })
}

/** Generated texts, and the expected ones. */
export interface Texts {
  readonly predicted: readonly string[]
  readonly expected: readonly string[]
}

/** Options of `exactTextMatch`. */
export interface TextMatchOptions {
  /** Maps texts before they are compared; by default it trims white space. */
  readonly normalize?: (text: string) => string
}

const texts = must.listOf(must.string)
const someTexts = withFields('texts: { predicted, expected }', { predicted: texts, expected: texts })
const textDoor = must.door('exactTextMatch', {
  options: must.optionsOf<TextMatchOptions>({ normalize: must.func }),
})

/**
 * The share of generated texts that are the expected ones. Texts are not traced: `evaluate(..., { jit: false })`.
 *
 * @example
 * ```ts
 * import { exactTextMatch } from 'pullback/train'
 * const metric = exactTextMatch({ normalize: (text) => text.trim().toLowerCase() })
 * const measured = metric.measure({ predicted: ['Paris ', 'Rome'], expected: ['paris', 'Bonn'] })
 * metric.compute(metric.update(metric.init, measured)) // => 0.5
 * ```
 */
export const exactTextMatch = (options: TextMatchOptions = {}): Metric<Texts, number, Ratio, Ratio> => {
  textDoor(options)
  const { normalize = (text: string) => text.trim() } = options
  return guarded(
    'exactTextMatch',
    { outputs: someTexts, measured: aRatio, state: aRatio },
    {
      init: { sum: 0, count: 0 },
      measure: ({ predicted, expected }) => ({
        sum: expected.filter((text, i) => normalize(predicted[i] ?? '') === normalize(text)).length,
        count: expected.length,
      }),
      update: (state, more) => ({ sum: state.sum + more.sum, count: state.count + more.count }),
      compute: ({ sum, count }) => sum / count,
    },
  )
}
