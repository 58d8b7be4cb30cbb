/** The area under the ROC curve. */
import * as np from '../../numpy/index.ts'
import { ArgumentError } from '../../core/errors.ts'
import type { NDArray } from '../../trace/value.ts'
import * as must from '../../conversions/arguments.ts'
import type { Metric } from './metric.ts'
import { guarded, withFields } from './metric.ts'
import type { Scored } from './scored.ts'
import { measuredArrays, rowsOf, someScored } from './scored.ts'

/** Scores and labels of a batch; the label is -1 where a row does not count. */
export interface Ranked {
  readonly scores: NDArray
  readonly labels: NDArray
}

/** What is kept for each batch: five bytes for each row. */
export type RankedRows = readonly { readonly scores: Float32Array; readonly labels: Uint8Array }[]

/** The sum of the ranks of positive rows, where equal scores share their rank, and the number of positive and negative rows. */
const rankSum = (scores: Float32Array, labels: Uint8Array) => {
  const order = Uint32Array.from(scores, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!)
  let [sum, positive] = [0, 0]
  for (let begin = 0; begin < order.length;) {
    let end = begin
    let here = 0
    while (end < order.length && scores[order[end]!] === scores[order[begin]!]) here += labels[order[end++]!]!
    // Ranks begin + 1 to end.
    sum += (here * (begin + 1 + end)) / 2
    positive += here
    begin = end
  }
  return { sum, positive, negative: order.length - positive }
}

const areaOf = (rows: RankedRows): number => {
  const length = rows.reduce((n, { labels }) => n + labels.length, 0)
  const scores = new Float32Array(length)
  const labels = new Uint8Array(length)
  let at = 0
  for (const batch of rows) {
    scores.set(batch.scores, at)
    labels.set(batch.labels, at)
    at += batch.labels.length
  }
  if (scores.some(Number.isNaN)) return NaN
  // Mann and Whitney: U / (n₁ n₀), U = R₁ - n₁ (n₁ + 1) / 2.
  const { sum, positive, negative } = rankSum(scores, labels)
  return (sum - (positive * (positive + 1)) / 2) / (positive * negative)
}

const someRows = must.listOf(
  withFields('scores and labels', {
    scores: must.instance('a Float32Array', Float32Array),
    labels: must.instance('a Uint8Array', Uint8Array),
  }),
  'a state of the metric: a list of { scores, labels }',
)

const keptOf = ({ scores, labels }: Ranked): RankedRows[number] => {
  const [values, truths] = [scores.dataSync('float32'), labels.dataSync('int32')]
  const bad = truths.find((label) => label !== -1 && label !== 0 && label !== 1)
  if (bad !== undefined) throw new ArgumentError(`rocAuc: labels are 0 or 1, got ${bad}.`)
  return {
    scores: values.filter((_, i) => truths[i] !== -1),
    labels: Uint8Array.from(truths.filter((label) => label !== -1)),
  }
}

/**
 * The area under the ROC curve of class 1 against class 0, exactly, by ranks; equal scores share theirs. It keeps a float32
 * score and a label for each row, five bytes: 50 MB for ten million. NaN where all labels are the same, or a score is NaN.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { rocAuc } from 'pullback/train'
 * const metric = rocAuc()
 * // One score for each row: of class 1.
 * const logits = np.array([0.1, 0.4, 0.35, 0.8])
 * const measured = metric.measure({ logits, labels: np.array([0, 0, 1, 1], { dtype: 'int32' }) })
 * metric.compute(metric.update(metric.init, measured)) // => 0.75
 * ```
 */
export const rocAuc = (): Metric<Scored, number, Ranked, RankedRows> =>
  guarded<Scored, number, Ranked, RankedRows>(
    'rocAuc',
    { outputs: someScored, measured: measuredArrays('scores', 'labels'), state: someRows },
    {
      init: [],
      measure: (scored) => {
        const { scores, odds, labels, counts } = rowsOf('rocAuc', scored)
        if (scores !== null && scores.shape[1] !== 2) {
          throw new ArgumentError(
            `rocAuc: there are ${scores.shape[1]} classes; the curve is of 2. Take one against the rest.`,
          )
        }
        const margin = odds ?? scores!.at(':', 1).get().sub(scores!.at(':', 0).get())
        return { scores: margin.astype('float32'), labels: np.where(counts, labels, -1).astype('int32') }
      },
      update: (rows, batch) => [...rows, keptOf(batch)],
      compute: areaOf,
    },
  )
