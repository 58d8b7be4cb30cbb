/** Optimizers: chains with the defaults of optax. Every one takes a learning rate that is a number or a schedule. */
import * as np from '../numpy/index.ts'
import type { Key } from '../random/keys.ts'
import { aKey } from '../random/keys.ts'
import { asArray } from '../runtime/array.ts'
import * as must from '../surface/arguments.ts'
import { minus, times } from '../surface/hyperparameters.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'
import type {
  AdadeltaState,
  AdamOptions,
  AmsgradState,
  LionOptions,
  LionState,
  MomentsState,
  RmsOptions,
  RmsState,
  RssState,
} from './adaptive.ts'
import {
  scaleByAdadelta,
  scaleByAdam,
  scaleByAdamax,
  scaleByAmsgrad,
  scaleByBelief,
  scaleByLion,
  scaleByNovograd,
  scaleByRadam,
  scaleByRms,
  scaleByRss,
  scaleByStddev,
  scaleByYogi,
} from './adaptive.ts'
import type { FactoredRmsOptions } from './blocks.ts'
import { scaleByFactoredRms, scaleByParamBlockRms, scaleByTrustRatio } from './blocks.ts'
import { clipByBlockRms } from './clipping.ts'
import type { Mask, MaskedState } from './masks.ts'
import { masked } from './masks.ts'
import { aMask, aRate, adamOptions, lionOptions, momentumChoice, rmsOptions, weightDecayOptions } from './options.ts'
import type { MomentumOptions, NoiseState, RateState, ScalarOrSchedule, TraceState } from './scaling.ts'
import { addDecayedWeights, addNoise, ema, scale, scaleByLearningRate, scaleBySign, trace } from './scaling.ts'
import type { GradientTransformation } from './transformation.ts'
import { chain, identity } from './transformation.ts'

/** The state of weight decay, which may be masked. */
type DecayState = RateState | MaskedState<RateState>

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
 * Stochastic gradient descent, with momentum if asked for.
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

const adamDoor = must.door('optim.adam', {
  learningRate: aRate,
  options: must.optionsOf(adamOptions),
})

/**
 * Adam. Kingma and Ba, "Adam: a method for stochastic optimization" (2014).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.adam(1e-3)
 * const state = optimizer.init({ w: np.zeros([2]) })
 * optimizer.update({ w: np.array([5, -0.1]) }, state)[0].w // => [-0.00099999  0.00099999]
 * ```
 */
export const adam = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions = {},
): GradientTransformation<[MomentsState, RateState]> => {
  adamDoor(learningRate, options)
  return chain(scaleByAdam(options), scaleByLearningRate(learningRate))
}

/** Options of optimizers with decoupled weight decay. */
export interface WeightDecayOptions {
  /** Decay, multiplied by the learning rate. */
  readonly weightDecay?: ScalarOrSchedule
  /** Which leaves decay; all by default. */
  readonly mask?: Mask
}

const adamwDoor = must.door('optim.adamw', {
  learningRate: aRate,
  options: must.optionsOf<AdamOptions & WeightDecayOptions>({
    ...adamOptions,
    ...weightDecayOptions,
  }),
})

/**
 * Adam with decoupled weight decay, 1e-4 by default: the decay is not divided by the root of squares. Loshchilov and Hutter,
 * "Decoupled weight decay regularization" (2017).
 *
 * @throws ArgumentError from `update` without parameters, unless `weightDecay` is 0.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.adamw(0.1, { weightDecay: 0.5 })
 * const params = np.array([1, 10])
 * // Without gradients nothing but the decay is left.
 * const [updates] = optimizer.update(np.zeros([2]), optimizer.init(params), params)
 * optim.applyUpdates(params, updates) // => [0.95 9.5 ]
 * ```
 */
export const adamw = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions & WeightDecayOptions = {},
): GradientTransformation<[MomentsState, DecayState, RateState]> => {
  adamwDoor(learningRate, options)
  const { weightDecay = 1e-4, mask, ...own } = options
  return chain(scaleByAdam(own), addDecayedWeights(weightDecay, { mask }), scaleByLearningRate(learningRate))
}

const nadamDoor = must.door('optim.nadam', {
  learningRate: aRate,
  options: must.optionsOf(adamOptions),
})

/**
 * Adam with Nesterov's momentum: the mean of gradients is taken a step ahead. Dozat, "Incorporating Nesterov momentum into
 * Adam" (2016).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const gradient = np.array([1])
 * const [nadam, adam] = [optim.nadam(0.1), optim.adam(0.1)]
 * const [first, state] = nadam.update(gradient, nadam.init(gradient))
 * first // => [-0.14736743]
 * adam.update(gradient, adam.init(gradient))[0] // => [-0.09999933]
 * ```
 */
export const nadam = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions = {},
): GradientTransformation<[MomentsState, RateState]> => {
  nadamDoor(learningRate, options)
  return adam(learningRate, { ...options, nesterov: true })
}

const nadamwDoor = must.door('optim.nadamw', {
  learningRate: aRate,
  options: must.optionsOf<AdamOptions & WeightDecayOptions>({
    ...adamOptions,
    ...weightDecayOptions,
  }),
})

/**
 * AdamW with Nesterov's momentum; weight decay is 1e-4 by default.
 *
 * @throws ArgumentError from `update` without parameters, unless `weightDecay` is 0.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.nadamw(0.01, { weightDecay: 1 })
 * let params = np.array([1])
 * let state = optimizer.init(params)
 * for (const _ of [1, 2]) {
 *   const [updates, next] = optimizer.update(np.array([1]), state, params)
 *   ;[params, state] = [optim.applyUpdates(params, updates), next]
 * }
 * params // => [0.9539376]
 * ```
 */
export const nadamw = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions & WeightDecayOptions = {},
): GradientTransformation<[MomentsState, DecayState, RateState]> => {
  nadamwDoor(learningRate, options)
  return adamw(learningRate, { ...options, nesterov: true })
}

const adamaxDoor = must.door('optim.adamax', {
  learningRate: aRate,
  options: must.optionsOf(adamOptions),
})

/**
 * Adam with the infinity norm in place of the root of squares: steps of one size as long as gradients do not grow. Kingma and Ba,
 * "Adam", section 7.1 (2014).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.adamax(0.1)
 * const [first, state] = optimizer.update(np.array([4, -2]), optimizer.init(np.zeros([2])))
 * first // => [-0.09999998  0.09999998]
 * optimizer.update(np.array([4, 0]), state)[0] // => [-0.09999997  0.04741582]
 * ```
 */
export const adamax = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions = {},
): GradientTransformation<[MomentsState, RateState]> => {
  adamaxDoor(learningRate, options)
  return chain(scaleByAdamax(options), scaleByLearningRate(learningRate))
}

const adamaxwDoor = must.door('optim.adamaxw', {
  learningRate: aRate,
  options: must.optionsOf<AdamOptions & WeightDecayOptions>({
    ...adamOptions,
    ...weightDecayOptions,
  }),
})

/**
 * Adamax with decoupled weight decay, 1e-4 by default.
 *
 * @throws ArgumentError from `update` without parameters, unless `weightDecay` is 0.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.adamaxw(0.1, { weightDecay: 0.5 })
 * const params = np.array([10, 10])
 * optimizer.update(np.array([0, 3]), optimizer.init(params), params)[0] // => [-0.5 -0.6]
 * ```
 */
export const adamaxw = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions & WeightDecayOptions = {},
): GradientTransformation<[MomentsState, DecayState, RateState]> => {
  adamaxwDoor(learningRate, options)
  const { weightDecay = 1e-4, mask, ...own } = options
  return chain(scaleByAdamax(own), addDecayedWeights(weightDecay, { mask }), scaleByLearningRate(learningRate))
}

const amsgradDoor = must.door('optim.amsgrad', {
  learningRate: aRate,
  options: must.optionsOf(adamOptions),
})

/**
 * Adam with the largest second moment so far: after a large gradient, steps stay small. Reddi et al., "On the convergence of
 * Adam" (2018).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const after = (optimizer: optim.GradientTransformation) => {
 *   const [, state] = optimizer.update(np.array([100]), optimizer.init(np.zeros([1])))
 *   return optimizer.update(np.array([1]), state)[0]
 * }
 * after(optim.amsgrad(0.1, { b2: 0.5 })) // => [-0.04789473]
 * after(optim.adam(0.1, { b2: 0.5 })) // => [-0.08294781]
 * ```
 */
export const amsgrad = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions = {},
): GradientTransformation<[AmsgradState, RateState]> => {
  amsgradDoor(learningRate, options)
  return chain(scaleByAmsgrad(options), scaleByLearningRate(learningRate))
}

const adabeliefDoor = must.door('optim.adabelief', {
  learningRate: aRate,
  options: must.optionsOf(adamOptions),
})

/**
 * Adam scaled by the surprise of gradients, how far they are from their mean: steps are long where gradients are as expected.
 * Zhuang et al., "AdaBelief optimizer" (2020).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.adabelief(0.1)
 * const gradient = np.array([1])
 * // The same gradient twice: the second is less of a surprise. Adam's steps are -0.1 both times.
 * const [first, state] = optimizer.update(gradient, optimizer.init(np.zeros([1])))
 * first // => [-0.11111037]
 * optimizer.update(gradient, state)[0] // => [-0.11679931]
 * ```
 */
export const adabelief = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions = {},
): GradientTransformation<[MomentsState, RateState]> => {
  adabeliefDoor(learningRate, options)
  return chain(scaleByBelief(options), scaleByLearningRate(learningRate))
}

const yogiDoor = must.door('optim.yogi', {
  learningRate: aRate,
  options: must.optionsOf(adamOptions),
})

/**
 * Yogi: Adam with the second moment `v - (1 - b2) · sign(v - g²) · g²`, which forgets slowly; eps is 1e-3 by default. Zaheer et al.,
 * "Adaptive methods for nonconvex optimization" (2018).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.yogi(0.1)
 * const [first, state] = optimizer.update(np.array([2]), optimizer.init(np.array([0])))
 * first // => [-0.09993734]
 * optimizer.update(np.array([-2]), state)[0] // => [0.00525862]
 * ```
 */
export const yogi = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions = {},
): GradientTransformation<[MomentsState, RateState]> => {
  yogiDoor(learningRate, options)
  return chain(scaleByYogi(options), scaleByLearningRate(learningRate))
}

const radamDoor = must.door('optim.radam', {
  learningRate: aRate,
  options: must.optionsOf<AdamOptions & { readonly threshold?: ArrayLike }>({
    ...adamOptions,
    threshold: must.arrayLike,
  }),
})

/**
 * Rectified Adam: while the second moment is of too few gradients, momentum only. Liu et al., "On the variance of the adaptive
 * learning rate and beyond" (2019).
 *
 * @param options - Adam's, and `threshold` (5 by default): how long the average must be.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.radam(0.1)
 * // Not yet divided by the root of the second moment: Adam's would be -0.1.
 * optimizer.update(np.array([3]), optimizer.init(np.array([0])))[0] // => [-0.29999995]
 * ```
 */
export const radam = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions & { readonly threshold?: ArrayLike } = {},
): GradientTransformation<[MomentsState, RateState]> => {
  radamDoor(learningRate, options)
  return chain(scaleByRadam(options), scaleByLearningRate(learningRate))
}

const novogradDoor = must.door('optim.novograd', {
  learningRate: aRate,
  options: must.optionsOf<AdamOptions & { readonly weightDecay?: ArrayLike }>({
    ...adamOptions,
    weightDecay: must.arrayLike,
  }),
})

/**
 * NovoGrad: Adam with one second moment for each leaf; eps is 1e-6 by default. Ginsburg et al., "Stochastic gradient methods with
 * layer-wise adaptive moments" (2019).
 *
 * @throws ArgumentError from `update` without parameters.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.novograd(1)
 * const params = np.zeros([2])
 * // The first step has the direction of the gradient, and length 1.
 * optimizer.update(np.array([3, 4]), optimizer.init(params), params)[0] // => [-0.5999999  -0.79999983]
 * ```
 */
export const novograd = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions & { readonly weightDecay?: ArrayLike } = {},
): GradientTransformation<[MomentsState, RateState]> => {
  novogradDoor(learningRate, options)
  const { eps = 1e-6, ...own } = options
  return chain(scaleByNovograd({ eps, ...own }), scaleByLearningRate(learningRate))
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
 * Adadelta; the learning rate is 1 by default: steps have the size of past ones, and begin small. Zeiler, "ADADELTA" (2012).
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

const lambDoor = must.door('optim.lamb', {
  learningRate: aRate,
  options: must.optionsOf<AdamOptions & WeightDecayOptions>({
    ...adamOptions,
    ...weightDecayOptions,
  }),
})

/**
 * LAMB: Adam whose step of each leaf, before the learning rate, is as long as its parameters; eps is 1e-6 and weight decay 0 by default. You
 * et al., "Large batch optimization for deep learning" (2019).
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
 * LARS: momentum, where the gradient of each leaf is made as long as `trustCoefficient` times its parameters. You et al., "Large
 * batch training of convolutional networks" (2017).
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
 * Adafactor: RMS scaling in memory of rows and columns. Shazeer and Stern, "Adafactor" (2018).
 *
 * @param learningRate - by default steps are not scaled by one.
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
 * @param key - the state begins with it: runs with one key are the same.
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

const fromageDoor = must.door('optim.fromage', {
  learningRate: aRate,
  options: must.optionsOf<{ readonly minNorm?: ArrayLike }>({ minNorm: must.arrayLike }),
})

/**
 * Fromage: steps as long as `learningRate` times each leaf, and parameters then divided by √(1 + learningRate²), so that they do not
 * grow. Bernstein et al., "On the distance between two neural networks and the stability of learning" (2020).
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
