/** Optimizers: chains with the defaults of optax. Every one takes a learning rate that is a number or a schedule. */
import * as np from '../numpy/index.ts'
import type { Key } from '../random/keys.ts'
import { asArray } from '../runtime/array.ts'
import { minus, times } from '../surface/hyperparameters.ts'
import type { ArrayLike } from '../trace/value.ts'
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
): GradientTransformation<[TraceState | null, RateState]> =>
  chain(momentumOf(options), scaleByLearningRate(learningRate))

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
): GradientTransformation<[MomentsState, RateState]> => chain(scaleByAdam(options), scaleByLearningRate(learningRate))

/** Options of optimizers with decoupled weight decay. */
export interface WeightDecayOptions {
  /** Decay, multiplied by the learning rate. */
  readonly weightDecay?: ScalarOrSchedule
  /** Which leaves decay; all by default. */
  readonly mask?: Mask
}

/** Adam with decoupled weight decay, 1e-4 by default. Loshchilov and Hutter (2017). */
export const adamw = (
  learningRate: ScalarOrSchedule,
  { weightDecay = 1e-4, mask, ...options }: AdamOptions & WeightDecayOptions = {},
): GradientTransformation<[MomentsState, DecayState, RateState]> =>
  chain(scaleByAdam(options), addDecayedWeights(weightDecay, { mask }), scaleByLearningRate(learningRate))

/** Adam with Nesterov's momentum. Dozat (2016). */
export const nadam = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions = {},
): GradientTransformation<[MomentsState, RateState]> => adam(learningRate, { ...options, nesterov: true })

/** AdamW with Nesterov's momentum. */
export const nadamw = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions & WeightDecayOptions = {},
): GradientTransformation<[MomentsState, DecayState, RateState]> => adamw(learningRate, { ...options, nesterov: true })

/** Adam with the infinity norm. Kingma and Ba (2014). */
export const adamax = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions = {},
): GradientTransformation<[MomentsState, RateState]> => chain(scaleByAdamax(options), scaleByLearningRate(learningRate))

/** Adamax with decoupled weight decay, 1e-4 by default. */
export const adamaxw = (
  learningRate: ScalarOrSchedule,
  { weightDecay = 1e-4, mask, ...options }: AdamOptions & WeightDecayOptions = {},
): GradientTransformation<[MomentsState, DecayState, RateState]> =>
  chain(scaleByAdamax(options), addDecayedWeights(weightDecay, { mask }), scaleByLearningRate(learningRate))

/** Adam with the largest second moment so far. Reddi et al. (2018). */
export const amsgrad = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions = {},
): GradientTransformation<[AmsgradState, RateState]> =>
  chain(scaleByAmsgrad(options), scaleByLearningRate(learningRate))

/** Adam scaled by the surprise of gradients. Zhuang et al. (2020). */
export const adabelief = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions = {},
): GradientTransformation<[MomentsState, RateState]> => chain(scaleByBelief(options), scaleByLearningRate(learningRate))

/** Yogi. Zaheer et al. (2018). */
export const yogi = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions = {},
): GradientTransformation<[MomentsState, RateState]> => chain(scaleByYogi(options), scaleByLearningRate(learningRate))

/** Rectified Adam. Liu et al. (2019). */
export const radam = (
  learningRate: ScalarOrSchedule,
  options: AdamOptions & { readonly threshold?: ArrayLike } = {},
): GradientTransformation<[MomentsState, RateState]> => chain(scaleByRadam(options), scaleByLearningRate(learningRate))

/** NovoGrad; eps is 1e-6 by default. Ginsburg et al. (2019). */
export const novograd = (
  learningRate: ScalarOrSchedule,
  { eps = 1e-6, ...options }: AdamOptions & { readonly weightDecay?: ArrayLike } = {},
): GradientTransformation<[MomentsState, RateState]> =>
  chain(scaleByNovograd({ eps, ...options }), scaleByLearningRate(learningRate))

/**
 * RMSProp. Hinton (lecture notes, 2012).
 *
 * @param options - `centered`: subtract the squared mean of gradients; `momentum` after scaling.
 */
export const rmsprop = (
  learningRate: ScalarOrSchedule,
  {
    centered = false,
    momentum,
    nesterov = false,
    ...options
  }: RmsOptions & MomentumChoice & { readonly centered?: boolean } = {},
): GradientTransformation<[MomentsState | RmsState, RateState, TraceState | null]> =>
  chain(
    centered ? scaleByStddev(options) : scaleByRms(options),
    scaleByLearningRate(learningRate),
    momentum === undefined ? identity() : trace(momentum, { nesterov }),
  )

/** Adagrad. Duchi et al. (2011). */
export const adagrad = (
  learningRate: ScalarOrSchedule,
  options: { readonly initialAccumulatorValue?: ArrayLike; readonly eps?: ArrayLike } = {},
): GradientTransformation<[RssState, RateState]> => chain(scaleByRss(options), scaleByLearningRate(learningRate))

/** Adadelta; the learning rate is 1 by default. Zeiler (2012). */
export const adadelta = (
  learningRate: ScalarOrSchedule = 1,
  {
    weightDecay = 0,
    mask,
    ...options
  }: { readonly rho?: ArrayLike; readonly eps?: ArrayLike } & WeightDecayOptions = {},
): GradientTransformation<[DecayState, AdadeltaState, RateState]> =>
  chain(addDecayedWeights(weightDecay, { mask }), scaleByAdadelta(options), scaleByLearningRate(learningRate))

/** Lion; weight decay is 1e-3 by default. Chen et al. (2023). */
export const lion = (
  learningRate: ScalarOrSchedule,
  { weightDecay = 1e-3, mask, ...options }: LionOptions & WeightDecayOptions = {},
): GradientTransformation<[LionState, DecayState, RateState]> =>
  chain(scaleByLion(options), addDecayedWeights(weightDecay, { mask }), scaleByLearningRate(learningRate))

/** LAMB; eps is 1e-6 and weight decay 0 by default. You et al. (2019). */
export const lamb = (
  learningRate: ScalarOrSchedule,
  { weightDecay = 0, mask, eps = 1e-6, ...options }: AdamOptions & WeightDecayOptions = {},
): GradientTransformation<[MomentsState, DecayState, null, RateState]> =>
  chain(
    scaleByAdam({ eps, ...options }),
    addDecayedWeights(weightDecay, { mask }),
    scaleByTrustRatio(),
    scaleByLearningRate(learningRate),
  )

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

/** LARS. You et al. (2017). */
export const lars = (
  learningRate: ScalarOrSchedule,
  {
    weightDecay = 0,
    mask,
    momentum = 0.9,
    nesterov = false,
    trustCoefficient = 1e-3,
    eps = 0,
    trustRatioMask = true,
  }: LarsOptions = {},
): GradientTransformation<[DecayState, MaskedState<null>, RateState, TraceState]> =>
  chain(
    addDecayedWeights(weightDecay, { mask }),
    masked(scaleByTrustRatio({ trustCoefficient, eps }), trustRatioMask),
    scaleByLearningRate(learningRate),
    trace(momentum, { nesterov }),
  )

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

/** Adafactor: RMS scaling in memory of rows and columns. Shazeer and Stern (2018). */
export const adafactor = (
  learningRate?: ScalarOrSchedule,
  {
    decayOffset = 0,
    multiplyByParameterScale = true,
    clippingThreshold = 1,
    momentum,
    weightDecayRate,
    eps = 1e-30,
    mask,
    ...options
  }: AdafactorOptions = {},
): GradientTransformation =>
  chain(
    scaleByFactoredRms({ ...options, stepOffset: decayOffset, epsilon: eps }),
    ...(clippingThreshold === null ? [] : [clipByBlockRms(clippingThreshold)]),
    ...(learningRate === undefined ? [] : [scaleByLearningRate(learningRate, { flipSign: false })]),
    ...(multiplyByParameterScale ? [scaleByParamBlockRms()] : []),
    ...(momentum === undefined ? [] : [ema(momentum, { debias: false, accumulatorDtype: 'float32' })]),
    ...(weightDecayRate === undefined ? [] : [addDecayedWeights(weightDecayRate, { mask })]),
    scale(-1),
  )

/** The signs of gradients times the learning rate. Bernstein et al., "signSGD" (2018). */
export const signSgd = (learningRate: ScalarOrSchedule): GradientTransformation<[null, RateState]> =>
  chain(scaleBySign(), scaleByLearningRate(learningRate))

/** SGD with Gaussian noise of variance `eta / step^gamma`. Neelakantan et al. (2015). */
export const noisySgd = (
  learningRate: ScalarOrSchedule,
  key: Key,
  { eta = 0.01, gamma = 0.55 }: { readonly eta?: ArrayLike; readonly gamma?: ArrayLike } = {},
): GradientTransformation<[NoiseState, RateState]> =>
  chain(addNoise(eta, gamma, key), scaleByLearningRate(learningRate))

/** Fromage. Bernstein et al., "On the distance between two neural networks" (2020). */
export const fromage = (
  learningRate: ScalarOrSchedule,
  { minNorm = 1e-6 }: { readonly minNorm?: ArrayLike } = {},
): GradientTransformation<[null, RateState, DecayState]> => {
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
  const rateAt = (step: ArrayLike): ArrayLike => asArray(learningRate(step))
  return chain(
    scaleByTrustRatio({ minNorm }),
    scaleByLearningRate((step) => times(rateAt(step), shrink(rateAt(step)))),
    addDecayedWeights((step) => minus(shrink(rateAt(step)), 1)),
  )
}
