/**
 * Batch normalisation as in PyTorch. Running statistics are state: a tree beside the parameters, which a model takes and
 * returns, because no optimizer may update them and they have no gradient. The names are those in files.
 */
import { stopGradient } from '../api/derivatives.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { show } from '../core/show.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import { NDArray } from '../trace/value.ts'
import { anArray, arrayOfRank, aVector, withMembers } from './doors.ts'
import { aSize, parameter } from './spec.ts'

const batchNormDoor = must.door('batchNorm', { features: aSize })

/**
 * The parameters of a batch norm: `weight` and `bias`, one number for each channel. Ioffe and Szegedy, "Batch Normalization" (2015).
 *
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * const { weight, bias } = layers.batchNorm(16)
 * weight.shape // => 16
 * // As it begins.
 * bias.beginning // => zeros
 * ```
 */
export const batchNorm = (features: number) => {
  batchNormDoor(features)
  return { weight: parameter([features], 'ones'), bias: parameter([features], 'zeros') }
}

const runningStatisticsDoor = must.door('runningStatistics', { features: aSize })

/**
 * What is remembered of batches.
 *
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * const state = layers.runningStatistics(16)
 * Object.keys(state) // => running_mean,running_var
 * ```
 */
export const runningStatistics = (features: number) => {
  runningStatisticsDoor(features)
  return { running_mean: parameter([features], 'zeros'), running_var: parameter([features], 'ones') }
}

/** Scale and shift, with values. */
export interface BatchNormParams {
  readonly weight: NDArray
  readonly bias: NDArray
}

/** The running statistics, with values. */
export interface RunningStatistics {
  readonly running_mean: NDArray
  /** The unbiased variance, with divisor n - 1. */
  readonly running_var: NDArray
}

/** The number of batches seen, which has no effect if the momentum is a number. */
export const batchCounts = /(^|\.)num_batches_tracked$/

/** Options of a run of a batch norm. */
export interface BatchNormRun {
  /** Whether to normalise by the batch's own statistics and update the running ones, or to use the running statistics. */
  readonly training: boolean
  readonly epsilon: number
  /** The weight of the new batch in the running statistics. */
  readonly momentum: number
}

/** All axes except that of channels. */
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

const applyBatchNormDoor = must.door('applyBatchNorm', {
  params: withMembers({ weight: aVector, bias: aVector }),
  state: withMembers({ running_mean: aVector, running_var: aVector }),
  x: arrayOfRank(4, '[batch, channels, height, width]'),
  run: withMembers({ training: must.boolean, epsilon: must.finite, momentum: must.finite }),
})

/**
 * Normalises each channel to mean 0 and variance 1, then scales and shifts. The batch is normalised by its biased variance, and
 * running variances are updated with the unbiased one, as in PyTorch.
 *
 * @param x - shape `[batch, channels, height, width]`.
 * @returns the normalised array, and the next statistics: outside training, the given ones. * @throws ShapeError in training if
 *   a channel has only one element, and so no variance.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { layers } from 'pullback/models'
 * const params = { weight: np.array([1]), bias: np.array([0]) }
 * const state = { running_mean: np.array([0]), running_var: np.array([1]) }
 * // Two images of one channel and one pixel.
 * const x = np.reshape(np.array([1, 3]), [2, 1, 1, 1])
 * const [y, next] = layers.applyBatchNorm(params, state, x, { training: true, epsilon: 0, momentum: 0.5 })
 * np.ravel(y) // => [-1.  1.]
 * next.running_mean // => [1.]
 * // Afterwards what was gathered is all that counts.
 * const [z] = layers.applyBatchNorm(params, next, x, { training: false, epsilon: 0, momentum: 0.5 })
 * z.shape // => 2,1,1,1
 * ```
 */
export const applyBatchNorm = (
  params: BatchNormParams,
  state: RunningStatistics,
  x: NDArray,
  run: BatchNormRun,
): readonly [y: NDArray, state: RunningStatistics] => {
  applyBatchNormDoor(params, state, x, run)
  const { training, epsilon, momentum } = run
  const channels = x.shape[1]!
  for (const v of [params.weight, params.bias, state.running_mean, state.running_var]) {
    if (v.size !== channels) {
      throw new ShapeError(
        `applyBatchNorm: ${x.aval} has ${channels} channels, and a parameter or statistic ${v.size}.`,
      )
    }
  }
  if (!training) return [normalized(params, x, state.running_mean, state.running_var, epsilon), state]
  const count = x.size / channels
  if (count < 2) {
    throw new ShapeError(
      `applyBatchNorm: in training each channel needs more than one element, got ${x.aval}. Use a larger batch or image.`,
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

const inTurnDoor = must.door('inTurn', {
  params: must.listOf(must.anything, 'a list of parameters, one for each part'),
  states: must.listOf(must.anything, 'a list of states, one for each part'),
  x: anArray,
  apply: must.func,
})

const isResult = (x: unknown): boolean => Array.isArray(x) && x.length === 2 && x[0] instanceof NDArray

/**
 * Applies parts one after the other, each with its parameters and its state; also returns the next states. * * @throws
 * ArgumentError if the numbers of states and parameters differ.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { layers } from 'pullback/models'
 * // Each part adds its parameter, and counts its calls.
 * const [y, counts] = layers.inTurn([10, 100], [0, 7], np.array([1]), (params, state, x) => [np.add(x, params), state + 1])
 * y // => [111.]
 * counts // => 1,8
 * ```
 */
export const inTurn = <P, T>(
  params: readonly P[],
  states: readonly T[],
  x: NDArray,
  apply: (params: P, state: T, x: NDArray, place: number) => readonly [NDArray, T],
): readonly [NDArray, T[]] => {
  inTurnDoor(params, states, x, apply)
  if (params.length !== states.length) {
    throw new ArgumentError(`inTurn: ${params.length} parts have as many states, got ${states.length}.`)
  }
  let y = x
  const next = params.map((p, i) => {
    const result = apply(p, states[i]!, y, i)
    if (!isResult(result))
      throw new ArgumentError(`inTurn: apply gives [y, state], an array and a state; got ${show(result)}.`)
    const [out, state] = result
    y = out
    return state
  })
  return [y, next]
}
