/** Gradient transformations that scale each element by means of its past gradients: Adam and its variants. After optax. */
import type { DType } from '../core/dtype.ts'
import * as np from '../numpy/index.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { complement, minus, over, times } from '../surface/hyperparameters.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { adamOptions, lionOptions } from './options.ts'
import type { GradientTransformation, OptState } from './transformation.ts'
import { requireParams, stateOf } from './transformation.ts'
import { debias, fullLike, increment, mapTree, moment, zeroCount, zerosLike } from './trees.ts'
import type { MomentsState } from './moments.ts'
import { readMoments } from './moments.ts'

/** The state of `scaleByAmsgrad`. */
export interface AmsgradState extends MomentsState {
  /** The largest mean of squares so far; a tree like the parameters. */
  readonly nuMax: OptState
}

/** `m / (sqrt(v + epsRoot) + eps)`. */
const ratio = <T>(like: T, m: unknown, v: unknown, eps: ArrayLike, epsRoot: ArrayLike): T =>
  mapTree(
    'optim',
    (g, mean, variance) => np.astype(np.divide(mean, np.add(np.sqrt(np.add(variance, epsRoot)), eps)), g.dtype),
    like,
    m,
    v,
  )

/** The first moment, debiased; with `nesterov`, one step ahead. */
const firstMoment = (mu: OptState, updates: unknown, b1: ArrayLike, count: NDArray, nesterov: boolean): OptState => {
  if (!nesterov) return debias(mu, b1, count)
  const ahead = debias(mu, b1, increment(count))
  const now = debias(updates, b1, count)
  return mapTree('optim', (m, g) => np.add(np.multiply(b1, m), np.multiply(complement(b1), g)), ahead, now)
}

/** Options that Adam and its variants share. */
export interface AdamOptions {
  /** Decay of the mean of gradients; 0.9 by default. */
  readonly b1?: ArrayLike
  /** Decay of the mean of squares; 0.999 by default. */
  readonly b2?: ArrayLike
  /** Added to the root; 1e-8 by default. */
  readonly eps?: ArrayLike
  /** Added under the root; 0 by default. */
  readonly epsRoot?: ArrayLike
  /** The dtype of the first moment; the parameters' by default. */
  readonly muDtype?: DType
  /** Nesterov's momentum (Dozat, 2016); false by default. */
  readonly nesterov?: boolean
}

const scaleByAdamDoor = must.door('optim.scaleByAdam', { options: must.optionsOf(adamOptions) })

/**
 * `m̂ / (sqrt(v̂ + epsRoot) + eps)`. Kingma and Ba, "Adam" (2014).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const t = optim.scaleByAdam()
 * const [first, state] = t.update(np.array([100, -0.01]), t.init(np.zeros([2])))
 * // Of the first step only the signs are left.
 * first // => [ 0.9999934 -0.9999924]
 * state.count // => 1
 * // The mean of squares, begun at 0.
 * state.nu // => [1.e+01 1.e-07]
 * ```
 */
export const scaleByAdam = (options: AdamOptions = {}): GradientTransformation<MomentsState> => {
  scaleByAdamDoor(options)
  const { b1 = 0.9, b2 = 0.999, eps = 1e-8, epsRoot = 0, muDtype, nesterov = false } = options
  return {
    init: (params) => ({
      count: zeroCount(),
      mu: zerosLike(params, muDtype) as OptState,
      nu: zerosLike(params) as OptState,
    }),
    update: (updates, state) => {
      const before = readMoments('optim.scaleByAdam', state)
      const count = increment(before.count)
      const mu = moment(updates, before.mu, b1, 1)
      const nu = moment(updates, before.nu, b2, 2)
      const mean = firstMoment(mu, updates, b1, count, nesterov)
      return [ratio(updates, mean, debias(nu, b2, count), eps, epsRoot), { count, mu, nu }]
    },
  }
}

const scaleByAmsgradDoor = must.door('optim.scaleByAmsgrad', { options: must.optionsOf(adamOptions) })

/**
 * Adam with the largest second moment so far. Reddi et al., "On the convergence of Adam" (2018).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const t = optim.scaleByAmsgrad({ b2: 0.5 })
 * const [, state] = t.update(np.array([10]), t.init(np.zeros([1])))
 * const [, next] = t.update(np.array([0]), state)
 * // The mean falls, its maximum stays.
 * next.nu // => [25.]
 * next.nuMax // => [100.]
 * ```
 */
export const scaleByAmsgrad = (options: AdamOptions = {}): GradientTransformation<AmsgradState> => {
  scaleByAmsgradDoor(options)
  const { b1 = 0.9, b2 = 0.999, eps = 1e-8, epsRoot = 0 } = options
  return {
    init: (params) => {
      const zeros = zerosLike(params) as OptState
      return { count: zeroCount(), mu: zeros, nu: zeros, nuMax: zeros }
    },
    update: (updates, state) => {
      const before = readMoments('optim.scaleByAmsgrad', state)
      const { nuMax: highest } = stateOf('optim.scaleByAmsgrad', state, 'nuMax')
      const count = increment(before.count)
      const mu = moment(updates, before.mu, b1, 1)
      const nu = moment(updates, before.nu, b2, 2)
      const nuMax = mapTree('optim.scaleByAmsgrad', np.maximum, highest, debias(nu, b2, count))
      return [ratio(updates, debias(mu, b1, count), nuMax, eps, epsRoot), { count, mu, nu, nuMax }]
    },
  }
}

const scaleByAdamaxDoor = must.door('optim.scaleByAdamax', { options: must.optionsOf(adamOptions) })

/**
 * Adam with the infinity norm of past gradients. Kingma and Ba, "Adam", section 7.1 (2014).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const t = optim.scaleByAdamax({ b2: 0.5 })
 * const [, state] = t.update(np.array([8]), t.init(np.zeros([1])))
 * // The greater of |g| and b2 times what was.
 * t.update(np.array([1]), state)[1].nu // => [4.]
 * ```
 */
export const scaleByAdamax = (options: AdamOptions = {}): GradientTransformation<MomentsState> => {
  scaleByAdamaxDoor(options)
  const { b1 = 0.9, b2 = 0.999, eps = 1e-8 } = options
  return {
    init: (params) => {
      const zeros = zerosLike(params) as OptState
      return { count: zeroCount(), mu: zeros, nu: zeros }
    },
    update: (updates, state) => {
      const before = readMoments('optim.scaleByAdamax', state)
      const count = increment(before.count)
      const mu = moment(updates, before.mu, b1, 1)
      const largest = (old: NDArray, g: NDArray): NDArray =>
        np.astype(np.maximum(np.add(np.abs(g), eps), np.multiply(b2, old)), old.dtype)
      const nu = mapTree('optim.scaleByAdamax', largest, before.nu, updates)
      return [ratioPlain(updates, debias(mu, b1, count), nu), { count, mu, nu }]
    },
  }
}

const ratioPlain = <T>(like: T, m: unknown, v: unknown): T => mapTree('optim', (_, x, y) => np.divide(x, y), like, m, v)

const scaleByBeliefDoor = must.door('optim.scaleByBelief', { options: must.optionsOf(adamOptions) })

/**
 * Adam with the variance of gradients about their mean. eps and epsRoot are 1e-16 by default. Zhuang et al., "AdaBelief optimizer"
 * (2020).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const t = optim.scaleByBelief()
 * const [updates, state] = t.update(np.array([2]), t.init(np.zeros([1])))
 * // The mean is 0.2, the surprise 1.8: 2 / 1.8.
 * updates // => [1.1111037]
 * ```
 */
export const scaleByBelief = (options: AdamOptions = {}): GradientTransformation<MomentsState> => {
  scaleByBeliefDoor(options)
  const { b1 = 0.9, b2 = 0.999, eps = 1e-16, epsRoot = 1e-16, nesterov = false } = options
  return {
    init: (params) => {
      const zeros = zerosLike(params) as OptState
      return { count: zeroCount(), mu: zeros, nu: zeros }
    },
    update: (updates, state) => {
      const before = readMoments('optim.scaleByBelief', state)
      const count = increment(before.count)
      const mu = moment(updates, before.mu, b1, 1)
      const surprise = mapTree('optim.scaleByBelief', np.subtract, updates, mu)
      const nu = mapTree(
        'optim.scaleByBelief',
        (v) => np.astype(np.add(v, epsRoot), v.dtype),
        moment(surprise, before.nu, b2, 2),
      )
      const mean = firstMoment(mu, updates, b1, count, nesterov)
      return [ratio(updates, mean, debias(nu, b2, count), eps, 0), { count, mu, nu }]
    },
  }
}

const scaleByYogiDoor = must.door('optim.scaleByYogi', {
  options: must.optionsOf<AdamOptions & { readonly initialAccumulatorValue?: ArrayLike }>({
    ...adamOptions,
    initialAccumulatorValue: must.arrayLike,
  }),
})

/**
 * Adam with the second moment `v - (1 - b2) · sign(v - g²) · g²`. Zaheer et al., "Adaptive methods for nonconvex optimization"
 * (2018).
 *
 * @param options - Adam's, with eps 1e-3; `initialAccumulatorValue`: both moments before the first step, 1e-6 by default.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const t = optim.scaleByYogi({ b2: 0.9, initialAccumulatorValue: 5 })
 * const [, state] = t.update(np.array([1]), t.init(np.zeros([1])))
 * // 5 - 0.1 · 1², where Adam has 0.9 · 5 + 0.1 · 1².
 * state.nu // => [4.9]
 * ```
 */
export const scaleByYogi = (
  options: AdamOptions & { readonly initialAccumulatorValue?: ArrayLike } = {},
): GradientTransformation<MomentsState> => {
  scaleByYogiDoor(options)
  const { b1 = 0.9, b2 = 0.999, eps = 1e-3, epsRoot = 0, initialAccumulatorValue = 1e-6 } = options
  return {
    init: (params) => {
      const small = fullLike(params, initialAccumulatorValue) as OptState
      return { count: zeroCount(), mu: small, nu: small }
    },
    update: (updates, state) => {
      const before = readMoments('optim.scaleByYogi', state)
      const count = increment(before.count)
      const mu = moment(updates, before.mu, b1, 1)
      const towards = (v: NDArray, g: NDArray): NDArray => {
        const square = np.square(g)
        const step = np.multiply(complement(b2), np.multiply(np.sign(np.subtract(v, square)), square))
        return np.astype(np.subtract(v, step), v.dtype)
      }
      const nu = mapTree('optim.scaleByYogi', towards, before.nu, updates)
      return [ratio(updates, debias(mu, b1, count), debias(nu, b2, count), eps, epsRoot), { count, mu, nu }]
    },
  }
}

const scaleByRadamDoor = must.door('optim.scaleByRadam', {
  options: must.optionsOf<AdamOptions & { readonly threshold?: ArrayLike }>({
    ...adamOptions,
    threshold: must.arrayLike,
  }),
})

/**
 * Adam that uses the second moment only once its variance is small enough. Liu et al., "On the variance of the adaptive
 * learning rate" (2019).
 *
 * @param options - Adam's, and `threshold` (5 by default): how long the average must be.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const t = optim.scaleByRadam()
 * // Too few gradients for a second moment: five steps are the mean of gradients itself.
 * let state = t.init(np.zeros([1]))
 * const sizes = [1, 2, 3, 4, 5, 6].map(() => {
 *   const [updates, next] = t.update(np.array([7]), state)
 *   state = next
 *   return updates.at(0).get().item().toFixed(2)
 * })
 * sizes // => 7.00,7.00,7.00,7.00,7.00,0.03
 * ```
 */
export const scaleByRadam = (
  options: AdamOptions & { readonly threshold?: ArrayLike } = {},
): GradientTransformation<MomentsState> => {
  scaleByRadamDoor(options)
  const { b1 = 0.9, b2 = 0.999, eps = 1e-8, epsRoot = 0, threshold = 5, nesterov = false } = options
  const longest = minus(over(2, complement(b2)), 1)
  return {
    init: (params) => {
      const zeros = zerosLike(params) as OptState
      return { count: zeroCount(), mu: zeros, nu: zeros }
    },
    update: (updates, state) => {
      const before = readMoments('optim.scaleByRadam', state)
      const count = increment(before.count)
      const mu = moment(updates, before.mu, b1, 1)
      const nu = moment(updates, before.nu, b2, 2)
      const step = np.astype(count, asArray(b2).dtype === 'float64' ? 'float64' : 'float32')
      const b2t = np.power(b2, step)
      const length = np.subtract(longest, np.divide(np.multiply(np.multiply(2, step), b2t), np.subtract(1, b2t)))
      const variance = np.multiply(np.subtract(length, 4), np.multiply(np.subtract(length, 2), longest))
      const long = np.greaterEqual(length, threshold)
      const quotient = np.divide(variance, np.multiply(times(minus(longest, 4), minus(longest, 2)), length))
      // Unused values are replaced before the root: they may be negative, which would make the derivative NaN.
      const rectified = np.sqrt(np.where(long, quotient, 1))
      const mean = firstMoment(mu, updates, b1, count, nesterov)
      const adaptive = ratio(updates, mean, debias(nu, b2, count), eps, epsRoot)
      const pick = (a: NDArray, m: NDArray): NDArray => np.where(long, np.multiply(np.astype(rectified, a.dtype), a), m)
      return [mapTree('optim.scaleByRadam', pick, adaptive, mean), { count, mu, nu }]
    },
  }
}

/** Options of `scaleByLion`. */
export interface LionOptions {
  /** Weight of the mean in the direction; 0.9 by default. */
  readonly b1?: ArrayLike
  /** Decay of the mean; 0.99 by default. */
  readonly b2?: ArrayLike
  /** The dtype of the mean; the parameters' by default. */
  readonly muDtype?: DType
}

/** The state of `scaleByLion`. */
export interface LionState {
  /** The mean of gradients; a tree like the parameters. */
  readonly mu: OptState
}

const scaleByLionDoor = must.door('optim.scaleByLion', { options: must.optionsOf(lionOptions) })

/**
 * `sign(b1 · m + (1 - b1) · g)`. Chen et al., "Symbolic discovery of optimization algorithms" (2023).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const t = optim.scaleByLion()
 * const [first, state] = t.update(np.array([100, -1]), t.init(np.zeros([2])))
 * first // => [ 1. -1.]
 * // The mean of the first gradient still outweighs the second.
 * t.update(np.array([-1, -1]), state)[0] // => [ 1. -1.]
 * ```
 */
export const scaleByLion = (options: LionOptions = {}): GradientTransformation<LionState> => {
  scaleByLionDoor(options)
  const { b1 = 0.9, b2 = 0.99, muDtype } = options
  return {
    init: (params) => ({ mu: zerosLike(params, muDtype) as OptState }),
    update: (updates, state) => {
      const { mu } = stateOf('optim.scaleByLion', state, 'mu')
      const direction = (g: NDArray, m: NDArray): NDArray =>
        np.sign(np.add(np.multiply(complement(b1), g), np.multiply(b1, np.astype(m, g.dtype))))
      return [mapTree('optim.scaleByLion', direction, updates, mu), { mu: moment(updates, mu, b2, 1) }]
    },
  }
}

const scaleByNovogradDoor = must.door('optim.scaleByNovograd', {
  options: must.optionsOf<AdamOptions & { readonly weightDecay?: ArrayLike }>({
    ...adamOptions,
    weightDecay: must.arrayLike,
  }),
})

/**
 * Adam with one second moment for each leaf. Ginsburg et al., "Stochastic gradient methods with layer-wise moments" (2019).
 *
 * @param options - Adam's, with b2 0.25; `weightDecay`: 0 by default.
 * @throws ArgumentError from `update` without parameters.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const t = optim.scaleByNovograd({ eps: 0 })
 * const params = np.zeros([2])
 * const [updates, state] = t.update(np.array([3, 4]), t.init(params), params)
 * updates // => [0.6 0.8]
 * // One number for the two: the squared norm.
 * state.nu // => 25.
 * ```
 */
export const scaleByNovograd = (
  options: AdamOptions & { readonly weightDecay?: ArrayLike } = {},
): GradientTransformation<MomentsState> => {
  scaleByNovogradDoor(options)
  const { b1 = 0.9, b2 = 0.25, eps = 1e-8, epsRoot = 0, weightDecay = 0 } = options
  return {
    init: (params) => ({
      count: zeroCount(),
      mu: zerosLike(params) as OptState,
      nu: mapTree('optim.scaleByNovograd', (p) => np.zeros([], { dtype: p.dtype }), params) as OptState,
    }),
    update: (updates, state, params) => {
      const before = readMoments('optim.scaleByNovograd', state)
      const at = requireParams('optim.scaleByNovograd', params)
      const count = increment(before.count)
      // The moments are initialised from the first gradient.
      const first = np.equal(count, 1)
      const blend = (old: NDArray, x: NDArray, mixed: NDArray): NDArray =>
        np.where(first, np.astype(x, old.dtype), mixed)
      const power = mapTree('optim.scaleByNovograd', (g) => np.sum(np.square(g)), updates)
      const nu = mapTree('optim.scaleByNovograd', blend, before.nu, power, moment(power, before.nu, b2, 1))
      const normalized = mapTree(
        'optim.scaleByNovograd',
        (g, v, p) => np.add(np.divide(g, np.add(np.sqrt(np.add(v, epsRoot)), eps)), np.multiply(weightDecay, p)),
        updates,
        nu,
        at,
      )
      const mu = mapTree(
        'optim.scaleByNovograd',
        (u, m) => np.astype(np.where(first, u, np.add(np.multiply(b1, m), u)), m.dtype),
        normalized,
        before.mu,
      )
      return [mu, { count, mu: mu as OptState, nu }]
    },
  }
}
