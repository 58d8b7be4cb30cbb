/**
 * Batch normalisation as PyTorch keeps it. Running statistics are state: a tree of its own beside the parameters, which a model is
 * given and gives back, because no optimizer shall step them and no gradient goes to them. The names are those of files.
 */
import { stopGradient } from '../api/derivatives.ts'
import { ShapeError } from '../core/errors.ts'
import * as np from '../numpy/index.ts'
import type { NDArray } from '../trace/value.ts'
import { parameter } from './spec.ts'

/** Scale and shift. */
export const batchNorm = (features: number) => ({
  weight: parameter([features], 'ones'),
  bias: parameter([features], 'zeros'),
})

/** What is remembered of batches. */
export const runningStatistics = (features: number) => ({
  running_mean: parameter([features], 'zeros'),
  running_var: parameter([features], 'ones'),
})

/** Scale and shift, with values. */
export interface BatchNormParams {
  readonly weight: NDArray
  readonly bias: NDArray
}

/** What is remembered of batches, with values. */
export interface RunningStatistics {
  readonly running_mean: NDArray
  /** Unbiased: of n elements, the divisor is n - 1. */
  readonly running_var: NDArray
}

/** How many batches a file has seen, which says nothing where the momentum is a number. */
export const batchCounts = /(^|\.)num_batches_tracked$/

/** How a batch norm is run. */
export interface BatchNormRun {
  /** Whether to normalise by the batch's own statistics and to take them in, or by those that were gathered. */
  readonly training: boolean
  readonly epsilon: number
  /** The new batch's part of the running statistics. */
  readonly momentum: number
}

/** All axes but that of channels. */
const AXES = [0, 2, 3]

const perChannel = (v: NDArray): NDArray => np.reshape(v, [v.size, 1, 1])

/** `(x - mean) / sqrt(variance + ε) · weight + bias`. */
const normalized = (
  { weight, bias }: BatchNormParams,
  x: NDArray,
  mean: NDArray,
  variance: NDArray,
  epsilon: number,
) => {
  const scale = np.divide(weight, np.sqrt(np.add(variance, epsilon)))
  return np.add(np.multiply(np.subtract(x, perChannel(mean)), perChannel(scale)), perChannel(bias))
}

/**
 * Each channel with mean 0 and variance 1, then scale and shift. The batch is normalised by its biased variance, and running
 * variances take in the unbiased one, as in PyTorch.
 *
 * @param x - shape `[batch, channels, height, width]`.
 * @returns what was normalised, and the statistics after it: the given ones unless in training.
 * @throws ShapeError in training if a channel has one element only: it has no variance.
 */
export const applyBatchNorm = (
  params: BatchNormParams,
  state: RunningStatistics,
  x: NDArray,
  { training, epsilon, momentum }: BatchNormRun,
): readonly [y: NDArray, state: RunningStatistics] => {
  if (!training) return [normalized(params, x, state.running_mean, state.running_var, epsilon), state]
  const count = x.size / x.shape[1]!
  if (count < 2) {
    throw new ShapeError(
      `batchNorm: in training each channel needs more than one element, got ${x.aval}. Use a larger batch or image.`,
    )
  }
  const [mean, variance] = [np.mean(x, { axis: AXES }), np.var(x, { axis: AXES })]
  const mixed = (old: NDArray, now: NDArray): NDArray =>
    np.add(np.multiply(old, 1 - momentum), np.multiply(stopGradient(now), momentum)).astype(old.dtype)
  const next = {
    running_mean: mixed(state.running_mean, mean),
    running_var: mixed(state.running_var, np.multiply(variance, count / (count - 1))),
  }
  return [normalized(params, x, mean, variance, epsilon), next]
}

/** One part after the other, each with its parameters and its state; and the states that they leave. */
export const inTurn = <P, T>(
  params: readonly P[],
  states: readonly T[],
  x: NDArray,
  apply: (params: P, state: T, x: NDArray, place: number) => readonly [NDArray, T],
): readonly [NDArray, T[]] => {
  let y = x
  const next = params.map((p, i) => {
    const [out, state] = apply(p, states[i]!, y, i)
    y = out
    return state
  })
  return [y, next]
}
