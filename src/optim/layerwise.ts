/** Optimizers whose steps depend on norms of whole leaves, and Adafactor. Defaults are those of optax. */
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import { asArray } from '../runtime/installArrays.ts'
import { minus, times } from '../surface/hyperparameters.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { AdamOptions } from './adaptive.ts'
import type { MomentsState } from './moments.ts'
import { scaleByAdam } from './adaptive.ts'
import { scaleByParamBlockRms, scaleByTrustRatio } from './blocks.ts'
import type { FactoredRmsOptions } from './factored.ts'
import { scaleByFactoredRms } from './factored.ts'
import { clipByBlockRms } from './clipping.ts'
import type { Mask, MaskedState } from './masks.ts'
import { masked } from './masks.ts'
import { aMask, aRate, adamOptions, weightDecayOptions } from './options.ts'
import type { RateState, ScalarOrSchedule, TraceState } from './scaling.ts'
import { addDecayedWeights, ema, scale, scaleByLearningRate, trace } from './scaling.ts'
import type { GradientTransformation } from './transformation.ts'
import { chain } from './transformation.ts'
import type { DecayState, WeightDecayOptions } from './options.ts'

const lambDoor = must.door('optim.lamb', {
  learningRate: aRate,
  options: must.optionsOf<AdamOptions & WeightDecayOptions>({
    ...adamOptions,
    ...weightDecayOptions,
  }),
})

/**
 * LAMB: Adam in which the step of each leaf, before the learning rate, has the norm of its parameters; eps is 1e-6 and weight
 * decay 0 by default. You et al., "Large batch optimization for deep learning" (2019).
 *
 * @throws ArgumentError from `update` without parameters.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.lamb(0.1)
 * const params = { small: np.array([3, 4]), large: np.array([30, 40]) }
 * const gradients = { small: np.array([1, 0]), large: np.array([1, 0]) }
 * const [updates] = optimizer.update(gradients, optimizer.init(params), params)
 * updates.small.at(0).get() // => -0.5
 * updates.large.at(0).get() // => -5.
 * ```
 */
export const lamb = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions & WeightDecayOptions = {},
): GradientTransformation<[MomentsState, DecayState, null, RateState]> => {
  lambDoor(learningRate, options)
  const { weightDecay = 0, mask, eps = 1e-6, ...own } = options
  return chain(
    scaleByAdam({ eps, ...own }),
    addDecayedWeights(weightDecay, { mask }),
    scaleByTrustRatio(),
    scaleByLearningRate(learningRate),
  )
}

/** Options of `lars`. */
export interface LarsOptions extends WeightDecayOptions {
  /** 0.9 by default. */
  readonly momentum?: ArrayLike
  readonly nesterov?: boolean
  /** 1e-3 by default. */
  readonly trustCoefficient?: ArrayLike
  readonly eps?: ArrayLike
  /** Which leaves are scaled by the trust ratio; all by default. */
  readonly trustRatioMask?: Mask
}

const larsOptions: must.OptionTable<LarsOptions> = {
  momentum: must.arrayLike,
  nesterov: must.boolean,
  trustCoefficient: must.arrayLike,
  eps: must.arrayLike,
  trustRatioMask: aMask,
  ...weightDecayOptions,
}

const larsDoor = must.door('optim.lars', {
  learningRate: aRate,
  options: must.optionsOf(larsOptions),
})

/**
 * LARS: momentum, with the gradient of each leaf scaled to `trustCoefficient` times the norm of its parameters. You et al.,
 * "Large batch training of convolutional networks" (2017).
 *
 * @throws ArgumentError from `update` without parameters.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.lars(1, { trustCoefficient: 0.1 })
 * const params = np.array([3, 4])
 * // Of length 0.1 · 5.
 * const [first, state] = optimizer.update(np.array([0, 100]), optimizer.init(params), params)
 * first // => [ 0.  -0.5]
 * // The second step, with momentum 0.9.
 * optimizer.update(np.array([0, 100]), state, params)[0] // => [ 0.   -0.95]
 * ```
 */
export const lars = (
  learningRate: ScalarOrSchedule,
  options: LarsOptions = {},
): GradientTransformation<[DecayState, MaskedState<null>, RateState, TraceState]> => {
  larsDoor(learningRate, options)
  const {
    weightDecay = 0,
    mask,
    momentum = 0.9,
    nesterov = false,
    trustCoefficient = 1e-3,
    eps = 0,
    trustRatioMask = true,
  } = options
  return chain(
    addDecayedWeights(weightDecay, { mask }),
    masked(scaleByTrustRatio({ trustCoefficient, eps }), trustRatioMask),
    scaleByLearningRate(learningRate),
    trace(momentum, { nesterov }),
  )
}

/** Options of `adafactor`. */
export interface AdafactorOptions extends Omit<FactoredRmsOptions, 'epsilon' | 'stepOffset'> {
  /** Steps to begin counting from; 0 by default. */
  readonly decayOffset?: ArrayLike
  /** Whether updates are scaled by the parameters' root mean square; true by default. */
  readonly multiplyByParameterScale?: boolean
  /** Largest root mean square of an update; 1 by default, null for none. */
  readonly clippingThreshold?: ArrayLike | null
  readonly momentum?: ArrayLike
  readonly weightDecayRate?: ScalarOrSchedule
  /** 1e-30 by default. */
  readonly eps?: ArrayLike
  readonly mask?: Mask
}

const adafactorOptions: must.OptionTable<AdafactorOptions> = {
  decayOffset: must.arrayLike,
  multiplyByParameterScale: must.boolean,
  clippingThreshold: must.nullable(must.arrayLike),
  momentum: must.arrayLike,
  weightDecayRate: aRate,
  eps: must.arrayLike,
  mask: aMask,
  factored: must.boolean,
  decayRate: must.arrayLike,
  minDimSizeToFactor: must.number,
}

const adafactorDoor = must.door('optim.adafactor', {
  learningRate: must.optional(aRate),
  options: must.optionsOf(adafactorOptions),
})

/**
 * Adafactor: RMS scaling that stores only means over rows and columns. Shazeer and Stern, "Adafactor" (2018).
 *
 * @param learningRate - none by default.
 * @throws ArgumentError from `update` without parameters.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.adafactor(0.1, { minDimSizeToFactor: 2 })
 * const params = np.full([2, 3], 2)
 * const state = optimizer.init(params)
 * const [updates] = optimizer.update(np.ones([2, 3]), state, params)
 * // A tenth of the parameters' root mean square.
 * optim.applyUpdates(params, updates).at(0).get() // => [1.8 1.8 1.8]
 * ```
 */
export const adafactor = (learningRate?: ScalarOrSchedule, options: AdafactorOptions = {}): GradientTransformation => {
  adafactorDoor(learningRate, options)
  const {
    decayOffset = 0,
    multiplyByParameterScale = true,
    clippingThreshold = 1,
    momentum,
    weightDecayRate,
    eps = 1e-30,
    mask,
    ...own
  } = options
  return chain(
    scaleByFactoredRms({ ...own, stepOffset: decayOffset, epsilon: eps }),
    ...(clippingThreshold === null ? [] : [clipByBlockRms(clippingThreshold)]),
    ...(learningRate === undefined ? [] : [scaleByLearningRate(learningRate, { flipSign: false })]),
    ...(multiplyByParameterScale ? [scaleByParamBlockRms()] : []),
    ...(momentum === undefined ? [] : [ema(momentum, { debias: false, accumulatorDtype: 'float32' })]),
    ...(weightDecayRate === undefined ? [] : [addDecayedWeights(weightDecayRate, { mask })]),
    scale(-1),
  )
}

const fromageDoor = must.door('optim.fromage', {
  learningRate: aRate,
  options: must.optionsOf<{ readonly minNorm?: ArrayLike }>({ minNorm: must.arrayLike }),
})

/**
 * Fromage: each leaf's step has `learningRate` times the norm of its parameters, which are then divided by √(1 +
 * learningRate²), so that they do not grow. Bernstein et al., "On the distance between two neural networks and the stability of
 * learning" (2020).
 *
 * @throws ArgumentError from `update` without parameters.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.fromage(0.75)
 * const params = np.array([10])
 * // (10 - 0.75 · 10) / 1.25
 * const [updates] = optimizer.update(np.array([0.1]), optimizer.init(params), params)
 * optim.applyUpdates(params, updates) // => [2.]
 * ```
 */
export const fromage = (
  learningRate: ScalarOrSchedule,
  options: { readonly minNorm?: ArrayLike } = {},
): GradientTransformation<[null, RateState, DecayState]> => {
  fromageDoor(learningRate, options)
  const { minNorm = 1e-6 } = options
  const shrink = (rate: ArrayLike): ArrayLike =>
    typeof rate === 'number' ? 1 / Math.sqrt(1 + rate ** 2) : np.divide(1, np.sqrt(np.add(1, np.square(rate))))
  if (typeof learningRate !== 'function') {
    const factor = shrink(learningRate)
    return chain(
      scaleByTrustRatio({ minNorm }),
      scaleByLearningRate(times(learningRate, factor)),
      addDecayedWeights(minus(factor, 1)),
    )
  }
  const rateAt = (step: NDArray): NDArray => asArray(learningRate(step))
  return chain(
    scaleByTrustRatio({ minNorm }),
    scaleByLearningRate((step) => times(rateAt(step), shrink(rateAt(step)))),
    addDecayedWeights((step) => minus(shrink(rateAt(step)), 1)),
  )
}
