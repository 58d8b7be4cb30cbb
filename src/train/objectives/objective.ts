/** The results of objectives: a sum and its weight, so that parts of a batch add up to the whole. */
import * as np from '../../numpy/index.ts'
import type { NDArray } from '../../trace/value.ts'

/** Metrics beside the loss, by name: arrays of rank 0, means over what counts. */
export interface ObjectiveMetrics {
  readonly [name: string]: NDArray
}

/**
 * A loss as a sum and a weight. Means of unequal parts do not average to the mean of the whole: `makeStep` adds `total` and
 * `weight` over micro-batches instead.
 */
export interface Objective {
  /** `total / weight`; NaN where nothing counts. */
  readonly loss: NDArray
  /** The sum over what counts. */
  readonly total: NDArray
  /** How much counts: tokens, rows or pairs, or the sum of their weights. */
  readonly weight: NDArray
  readonly metrics: ObjectiveMetrics
}

/** An objective from its sum and from how much counts. */
export const objectiveOf = (total: NDArray, weight: NDArray, metrics: ObjectiveMetrics = {}): Objective => ({
  loss: np.divide(total, weight),
  total,
  weight,
  metrics,
})

/** 16-bit floats as float32: losses are computed in at least float32. */
export const widened = (x: NDArray): NDArray =>
  x.dtype === 'float64' || x.dtype === 'float32' ? x : x.astype('float32')
