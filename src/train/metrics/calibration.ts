/** Calibration: whether a model's confidence agrees with its accuracy. */
import * as nn from '../../nn/index.ts'
import * as np from '../../numpy/index.ts'
import * as must from '../../conversions/arguments.ts'
import type { NDArray } from '../../trace/value.ts'
import type { Metric } from './metric.ts'
import { guarded, withFields } from './metric.ts'
import type { Scored } from './scored.ts'
import { measuredArrays, predictedOf, rowsOf, someScored } from './scored.ts'

/** Rows whose confidence is in a range. */
export interface ReliabilityBin {
  readonly from: number
  readonly to: number
  readonly count: number
  /** The mean confidence and the accuracy of its rows; NaN where it has none. */
  readonly confidence: number
  readonly accuracy: number
}

/** The value of `calibration`. */
export interface Calibration {
  /** The expected calibration error: Σ over bins of count / n · |accuracy - confidence|. */
  readonly ece: number
  /** The greatest difference in any bin. */
  readonly mce: number
  readonly bins: readonly ReliabilityBin[]
}

/** The probability of the predicted class, whether it is right, and whether the row counts. */
export interface Confidences {
  readonly confidence: NDArray
  readonly right: NDArray
  readonly counts: NDArray
}

/** Of each bin. */
export interface BinSums {
  readonly count: readonly number[]
  readonly confidence: readonly number[]
  readonly right: readonly number[]
}

/** Options of `calibration`. */
export interface CalibrationOptions {
  /** Bins of equal width over 0 to 1; 15 by default. */
  readonly bins?: number
}

const door = must.door('calibration', {
  options: must.optionsOf<CalibrationOptions>({
    bins: must.kind('a number of bins, from 1 to 10000', (x) => must.count.accepts(x) && (x as number) <= 10_000),
  }),
})

const sums = must.listOf(must.number)
const someSums = withFields('a state of the metric: { count, confidence, right }', {
  count: sums,
  confidence: sums,
  right: sums,
})

const measured = (scored: Scored): Confidences => {
  const rows = rowsOf('calibration', scored)
  const { scores, odds, labels, counts } = rows
  const probabilities =
    scores === null
      ? nn.sigmoid(np.abs(odds!.astype('float32')))
      : np.max(nn.softmax(scores.astype('float32')), { axis: -1 })
  return { confidence: probabilities, right: np.equal(predictedOf(rows), labels), counts }
}

/** The bin of a probability, of (from, to]; that of 0 is the first. */
const binOf = (p: number, bins: number): number => Math.min(bins - 1, Math.max(0, Math.ceil(p * bins) - 1))

/**
 * The expected calibration error and the bins of a reliability diagram, by the probability of the predicted class (Guo et al.,
 * "On Calibration of Modern Neural Networks", 2017).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { calibration } from 'pullback/train'
 * const metric = calibration({ bins: 2 })
 * // Sure of class 1 twice, and right once.
 * const logits = np.array([[0, 100], [0, 100]])
 * const measured = metric.measure({ logits, labels: np.array([1, 0], { dtype: 'int32' }) })
 * const { ece, bins } = metric.compute(metric.update(metric.init, measured))
 * ece // => 0.5
 * bins[1]?.count // => 2
 * ```
 */
export const calibration = (options: CalibrationOptions = {}): Metric<Scored, Calibration, Confidences, BinSums> => {
  door(options)
  const { bins = 15 } = options
  const zeros = Array.from({ length: bins }, () => 0)
  return guarded<Scored, Calibration, Confidences, BinSums>(
    'calibration',
    { outputs: someScored, measured: measuredArrays('confidence', 'right', 'counts'), state: someSums },
    {
      init: { count: zeros, confidence: zeros, right: zeros },
      measure: measured,
      update: (state, batch) => {
        const [count, confidence, right] = [state.count.slice(), state.confidence.slice(), state.right.slice()]
        const [isRight, counted] = [batch.right.dataSync(), batch.counts.dataSync()]
        batch.confidence.dataSync('float32').forEach((p, i) => {
          if (counted[i] === 0) return
          const bin = binOf(p, bins)
          count[bin]! += 1
          confidence[bin]! += p
          right[bin]! += Number(isRight[i])
        })
        return { count, confidence, right }
      },
      compute: (state) => {
        const total = state.count.reduce((a, b) => a + b, 0)
        const all = state.count.map((count, i): ReliabilityBin => ({
          from: i / bins,
          to: (i + 1) / bins,
          count,
          confidence: state.confidence[i]! / count,
          accuracy: state.right[i]! / count,
        }))
        const gaps = all.filter(({ count }) => count > 0)
        const gapOf = ({ accuracy, confidence }: ReliabilityBin): number => Math.abs(accuracy - confidence)
        return {
          ece: total === 0 ? NaN : gaps.reduce((sum, bin) => sum + (bin.count / total) * gapOf(bin), 0),
          mce: Math.max(...gaps.map(gapOf), gaps.length === 0 ? NaN : 0),
          bins: all,
        }
      },
    },
  )
}
