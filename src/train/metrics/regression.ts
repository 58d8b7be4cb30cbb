/** Metrics of regressions. */
import type { NDArray } from '../../trace/value.ts'
import { ShapeError } from '../../core/errors.ts'
import { showShape } from '../../core/shape.ts'
import * as must from '../../conversions/arguments.ts'
import type { Metric } from './metric.ts'
import { guarded, withFields } from './metric.ts'
import type { Scored } from './scored.ts'
import { measuredArrays, rowsOf, someScored } from './scored.ts'

/** Predictions and labels of a batch, and which of them count. */
export interface Pairs {
  readonly predicted: NDArray
  readonly labels: NDArray
  readonly counts: NDArray
}

/** Errors and spread of the rows so far. */
export interface Residuals {
  readonly count: number
  readonly mean: number
  /** Σ (y - mean)². */
  readonly spread: number
  /** Σ (y - ŷ)². */
  readonly errors: number
}

const pairsOf =
  (operation: string) =>
  (scored: Scored): Pairs => {
    const { odds, labels, counts } = rowsOf(operation, scored)
    if (odds === null) {
      const { logits } = scored
      throw new ShapeError(`${operation}: there is one number for each label, got shape ${showShape(logits.shape)}.`)
    }
    return { predicted: odds.astype('float32'), labels: labels.astype('float32'), counts }
  }

/** Welford's: one row more, without the cancellation of Σ y² - n mean². */
const updated = (state: Residuals, { predicted, labels, counts }: Pairs): Residuals => {
  const [guesses, truths, counted] = [predicted.dataSync('float32'), labels.dataSync('float32'), counts.dataSync()]
  let { count, mean, spread, errors } = state
  truths.forEach((y, i) => {
    if (counted[i] === 0) return
    count++
    const from = y - mean
    mean += from / count
    spread += from * (y - mean)
    errors += (y - guesses[i]!) ** 2
  })
  return { count, mean, spread, errors }
}

const someResiduals = withFields('a state of the metric: { count, mean, spread, errors }', {
  count: must.number,
  mean: must.number,
  spread: must.number,
  errors: must.number,
})

const residuals = (
  operation: string,
  compute: (state: Residuals) => number,
): Metric<Scored, number, Pairs, Residuals> =>
  guarded(
    operation,
    { outputs: someScored, measured: measuredArrays('predicted', 'labels', 'counts'), state: someResiduals },
    {
      init: { count: 0, mean: 0, spread: 0, errors: 0 },
      measure: pairsOf(operation),
      update: updated,
      compute,
    },
  )

/**
 * The mean of squared errors.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { meanSquaredError } from 'pullback/train'
 * const metric = meanSquaredError()
 * const first = metric.measure({ logits: np.array([1, 2]), labels: np.array([1, 4]) })
 * const second = metric.measure({ logits: np.array([0]), labels: np.array([2]) })
 * // (0 + 4 + 4) / 3, of both batches together.
 * metric.compute(metric.update(metric.update(metric.init, first), second)).toFixed(3) // => 2.667
 * ```
 */
export const meanSquaredError = (): Metric<Scored, number, Pairs, Residuals> =>
  residuals('meanSquaredError', ({ errors, count }) => errors / count)

/**
 * 1 - Σ (y - ŷ)² / Σ (y - mean)²: 1 for exact predictions, 0 for predicting the mean. If all labels are equal it is 1 or 0, as
 * in scikit-learn.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { r2 } from 'pullback/train'
 * const metric = r2()
 * const measured = metric.measure({ logits: np.array([1, 2, 4]), labels: np.array([1, 2, 3]) })
 * metric.compute(metric.update(metric.init, measured)) // => 0.5
 * ```
 */
export const r2 = (): Metric<Scored, number, Pairs, Residuals> =>
  residuals('r2', ({ errors, spread, count }) => {
    if (count < 2) return NaN
    if (spread === 0) return errors === 0 ? 1 : 0
    return 1 - errors / spread
  })
