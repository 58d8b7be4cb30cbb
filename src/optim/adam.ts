/** Adam and the optimizers derived from it: steps from moments of gradients. Defaults are those of optax. */
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { AdamOptions, AmsgradState } from './adaptive.ts'
import type { MomentsState } from './moments.ts'
import {
  scaleByAdam,
  scaleByAdamax,
  scaleByAmsgrad,
  scaleByBelief,
  scaleByNovograd,
  scaleByRadam,
  scaleByYogi,
} from './adaptive.ts'
import { aRate, adamOptions, weightDecayOptions } from './options.ts'
import type { RateState, ScalarOrSchedule } from './scaling.ts'
import { addDecayedWeights, scaleByLearningRate } from './scaling.ts'
import type { GradientTransformation } from './transformation.ts'
import { chain } from './transformation.ts'
import type { DecayState, WeightDecayOptions } from './options.ts'

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

const adamwDoor = must.door('optim.adamw', {
  learningRate: aRate,
  options: must.optionsOf<AdamOptions & WeightDecayOptions>({
    ...adamOptions,
    ...weightDecayOptions,
  }),
})

/**
 * Adam with decoupled weight decay, 1e-4 by default: the decay is not divided by the root mean square. Loshchilov and Hutter,
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
 * Adam with Nesterov's momentum: it uses the mean of gradients one step ahead. Dozat, "Incorporating Nesterov momentum into
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
 * Adam with the infinity norm instead of the root mean square: the size of steps is constant as long as gradients do not grow.
 * Kingma and Ba, "Adam", section 7.1 (2014).
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
 * Adam scaled by the deviation of gradients from their mean: steps are long where gradients are as expected.
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
 * Yogi: Adam with the second moment `v - (1 - b2) · sign(v - g²) · g²`, which decays slowly; eps is 1e-3 by default. Zaheer et
 * al., "Adaptive methods for nonconvex optimization" (2018).
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
 * Rectified Adam: only momentum until the second moment is an average of enough gradients. Liu et al., "On the variance of the
 * adaptive learning rate and beyond" (2019).
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
