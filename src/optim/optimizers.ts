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

/** Adam with decoupled weight decay, 1e-4 by default. Loshchilov and Hutter (2017). */
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

/** Adam with Nesterov's momentum. Dozat (2016). */
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

/** AdamW with Nesterov's momentum. */
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

/** Adam with the infinity norm. Kingma and Ba (2014). */
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

/** Adamax with decoupled weight decay, 1e-4 by default. */
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

/** Adam with the largest second moment so far. Reddi et al. (2018). */
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

/** Adam scaled by the surprise of gradients. Zhuang et al. (2020). */
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

/** Yogi. Zaheer et al. (2018). */
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

/** Rectified Adam. Liu et al. (2019). */
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

/** NovoGrad; eps is 1e-6 by default. Ginsburg et al. (2019). */
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

/** Adagrad. Duchi et al. (2011). */
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

/** Adadelta; the learning rate is 1 by default. Zeiler (2012). */
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

/** Lion; weight decay is 1e-3 by default. Chen et al. (2023). */
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

/** LAMB; eps is 1e-6 and weight decay 0 by default. You et al. (2019). */
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

/** LARS. You et al. (2017). */
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

/** Adafactor: RMS scaling in memory of rows and columns. Shazeer and Stern (2018). */
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

/** The signs of gradients times the learning rate. Bernstein et al., "signSGD" (2018). */
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

/** SGD with Gaussian noise of variance `eta / step^gamma`. Neelakantan et al. (2015). */
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

/** Fromage. Bernstein et al., "On the distance between two neural networks" (2020). */
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
