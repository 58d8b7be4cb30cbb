/**
 * Optimizers whose steps follow the gradient, its sign, or the gradient over its root mean square: chains with the defaults of
 * optax. Each takes a learning rate that is a number or a schedule.
 */
import * as must from '../conversions/arguments.ts'
import type { Key } from '../random/keys.ts'
import { aKey } from '../random/keys.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { AdadeltaState, RmsOptions, RmsState, RssState } from './rootMeanSquares.ts'
import type { LionOptions, LionState } from './adaptive.ts'
import type { MomentsState } from './moments.ts'
import { scaleByAdadelta, scaleByRms, scaleByRss, scaleByStddev } from './rootMeanSquares.ts'
import { scaleByLion } from './adaptive.ts'
import type { DecayState, WeightDecayOptions } from './options.ts'
import { aRate, lionOptions, momentumChoice, rmsOptions, weightDecayOptions } from './options.ts'
import type { MomentumOptions, NoiseState, RateState, ScalarOrSchedule, TraceState } from './scaling.ts'
import { addDecayedWeights, addNoise, scaleByLearningRate, scaleBySign, trace } from './scaling.ts'
import type { GradientTransformation } from './transformation.ts'
import { chain, identity } from './transformation.ts'

/** Options of optimizers that may have momentum. */
export interface MomentumChoice extends MomentumOptions {
  /** Decay of the sum of gradients; no momentum by default. */
  readonly momentum?: ArrayLike
}

const momentumOf = ({ momentum, ...options }: MomentumChoice): GradientTransformation<TraceState | null> =>
  momentum === undefined ? identity() : trace(momentum, options)

const sgdDoor = must.door('optim.sgd', {
  learningRate: aRate,
  options: must.optionsOf<MomentumChoice>({
    ...momentumChoice,
  }),
})

/**
 * Stochastic gradient descent, with optional momentum.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.sgd(0.1, { momentum: 0.9, nesterov: true })
 * const params = np.array([1, 2])
 * const [updates] = optimizer.update(np.array([1, 1]), optimizer.init(params))
 * optim.applyUpdates(params, updates) // => [0.81 1.81]
 * ```
 */
export const sgd = (
  learningRate: ScalarOrSchedule,
  options: MomentumChoice = {},
): GradientTransformation<[TraceState | null, RateState]> => {
  sgdDoor(learningRate, options)
  return chain(momentumOf(options), scaleByLearningRate(learningRate))
}

const rmspropDoor = must.door('optim.rmsprop', {
  learningRate: aRate,
  options: must.optionsOf<RmsOptions & MomentumChoice & { readonly centered?: boolean }>({
    ...rmsOptions,
    ...momentumChoice,
    centered: must.boolean,
  }),
})

/**
 * RMSProp. Hinton (lecture notes, 2012).
 *
 * @param options - `centered`: subtract the squared mean of gradients; `momentum` after scaling.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.rmsprop(0.1, { decay: 0.5 })
 * const [first, state] = optimizer.update(np.array([3, -3]), optimizer.init(np.zeros([2])))
 * first // => [-0.14142136  0.14142136]
 * optimizer.update(np.array([0, -3]), state)[0] // => [-0.        0.11547005]
 * ```
 */
export const rmsprop = (
  learningRate: ScalarOrSchedule,
  options: RmsOptions & MomentumChoice & { readonly centered?: boolean } = {},
): GradientTransformation<[MomentsState | RmsState, RateState, TraceState | null]> => {
  rmspropDoor(learningRate, options)
  const { centered = false, momentum, nesterov = false, ...own } = options
  return chain(
    centered ? scaleByStddev(own) : scaleByRms(own),
    scaleByLearningRate(learningRate),
    momentum === undefined ? identity() : trace(momentum, { nesterov }),
  )
}

const adagradDoor = must.door('optim.adagrad', {
  learningRate: aRate,
  options: must.optionsOf<{ readonly initialAccumulatorValue?: ArrayLike; readonly eps?: ArrayLike }>({
    initialAccumulatorValue: must.arrayLike,
    eps: must.arrayLike,
  }),
})

/**
 * Adagrad: each element's steps shrink with the root of the sum of its squared gradients. Duchi et al., "Adaptive subgradient
 * methods" (2011).
 *
 * @param options - `initialAccumulatorValue`: the sum before the first step, 0.1 by default; `eps`: 1e-7 by default.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.adagrad(1, { initialAccumulatorValue: 0 })
 * const [first, state] = optimizer.update(np.array([3]), optimizer.init(np.array([0])))
 * first // => [-1.]
 * optimizer.update(np.array([4]), state)[0] // => [-0.8]
 * ```
 */
export const adagrad = (
  learningRate: ScalarOrSchedule,
  options: { readonly initialAccumulatorValue?: ArrayLike; readonly eps?: ArrayLike } = {},
): GradientTransformation<[RssState, RateState]> => {
  adagradDoor(learningRate, options)
  return chain(scaleByRss(options), scaleByLearningRate(learningRate))
}

const adadeltaDoor = must.door('optim.adadelta', {
  learningRate: must.optional(aRate),
  options: must.optionsOf<{ readonly rho?: ArrayLike; readonly eps?: ArrayLike } & WeightDecayOptions>({
    rho: must.arrayLike,
    eps: must.arrayLike,
    ...weightDecayOptions,
  }),
})

/**
 * Adadelta; the learning rate is 1 by default: steps have the size of past ones, and start small. Zeiler, "ADADELTA" (2012).
 *
 * @param options - `rho`: decay of the means of squares, 0.9 by default; `eps`: 1e-6 by default.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.adadelta()
 * const params = np.array([1])
 * // √eps / √(eps + (1 - rho) g²)
 * optimizer.update(np.array([2]), optimizer.init(params), params)[0] // => [-0.00316227]
 * ```
 */
export const adadelta = (
  learningRate: ScalarOrSchedule = 1,
  options: { readonly rho?: ArrayLike; readonly eps?: ArrayLike } & WeightDecayOptions = {},
): GradientTransformation<[DecayState, AdadeltaState, RateState]> => {
  adadeltaDoor(learningRate, options)
  const { weightDecay = 0, mask, ...own } = options
  return chain(addDecayedWeights(weightDecay, { mask }), scaleByAdadelta(own), scaleByLearningRate(learningRate))
}

const lionDoor = must.door('optim.lion', {
  learningRate: aRate,
  options: must.optionsOf<LionOptions & WeightDecayOptions>({
    ...lionOptions,
    ...weightDecayOptions,
  }),
})

/**
 * Lion: steps are the signs of a mean of gradients; weight decay is 1e-3 by default. Rates are a tenth of AdamW's. Chen et al.,
 * "Symbolic discovery of optimization algorithms" (2023).
 *
 * @throws ArgumentError from `update` without parameters, unless `weightDecay` is 0.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.lion(0.01, { weightDecay: 0 })
 * const params = np.zeros([3])
 * optimizer.update(np.array([1000, -0.001, 0]), optimizer.init(params), params)[0] // => [-0.01  0.01  -0. ]
 * ```
 */
export const lion = (
  learningRate: ScalarOrSchedule,
  options: LionOptions & WeightDecayOptions = {},
): GradientTransformation<[LionState, DecayState, RateState]> => {
  lionDoor(learningRate, options)
  const { weightDecay = 1e-3, mask, ...own } = options
  return chain(scaleByLion(own), addDecayedWeights(weightDecay, { mask }), scaleByLearningRate(learningRate))
}

const signSgdDoor = must.door('optim.signSgd', { learningRate: aRate })

/**
 * The signs of gradients times the learning rate. Bernstein et al., "signSGD" (2018).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.signSgd(0.5)
 * optimizer.update(np.array([1e-9, 0, -7]), optimizer.init(np.zeros([3])))[0] // => [-0.5  -0.  0.5]
 * ```
 */
export const signSgd = (learningRate: ScalarOrSchedule): GradientTransformation<[null, RateState]> => {
  signSgdDoor(learningRate)
  return chain(scaleBySign(), scaleByLearningRate(learningRate))
}

const noisySgdDoor = must.door('optim.noisySgd', {
  learningRate: aRate,
  key: aKey,
  options: must.optionsOf<{ readonly eta?: ArrayLike; readonly gamma?: ArrayLike }>({
    eta: must.arrayLike,
    gamma: must.arrayLike,
  }),
})

/**
 * SGD with Gaussian noise of variance `eta / step^gamma` (0.01 and 0.55 by default) added to gradients. Neelakantan et al.,
 * "Adding gradient noise improves learning for very deep networks" (2015).
 *
 * @param key - the initial key of the state: runs with the same key are the same.
 * @example
 * ```ts
 * import { np, optim, random } from 'pullback'
 * const optimizer = optim.noisySgd(1, random.key(0), { eta: 0.01 })
 * const params = np.zeros([10_000])
 * const [updates] = optimizer.update(params, optimizer.init(params))
 * np.std(updates).item().toFixed(2) // => 0.10
 * ```
 */
export const noisySgd = (
  learningRate: ScalarOrSchedule,
  key: Key,
  options: { readonly eta?: ArrayLike; readonly gamma?: ArrayLike } = {},
): GradientTransformation<[NoiseState, RateState]> => {
  noisySgdDoor(learningRate, key, options)
  const { eta = 0.01, gamma = 0.55 } = options
  return chain(addNoise(eta, gamma, key), scaleByLearningRate(learningRate))
}
