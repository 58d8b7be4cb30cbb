/** Gradient transformations by a factor, momentum, decay and noise. After optax. */
import type { DType } from '../core/dtype.ts'
import * as np from '../numpy/index.ts'
import type { Key } from '../random/keys.ts'
import { aKey, split } from '../random/keys.ts'
import { normal } from '../random/samplers.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { Mask, MaskedState } from './masks.ts'
import { masked } from './masks.ts'
import { aMask, aRate, momentumOptions } from './options.ts'
import type { GradientTransformation, OptState } from './transformation.ts'
import { requireParams, stateOf, stateless } from './transformation.ts'
import { debias, globalNorm, increment, leavesOf, mapTree, moment, zeroCount, zerosLike } from './trees.ts'

/** A value for each step: a pure function of the step (an int32 scalar), counted from 0. */
export type Schedule = (step: NDArray) => ArrayLike

/** A fixed value, or one for each step. */
export type ScalarOrSchedule = ArrayLike | Schedule

const times = <T>(tree: T, factor: ArrayLike): T =>
  mapTree('optim.scale', (g) => np.multiply(g, typeof factor === 'number' ? factor : np.astype(factor, g.dtype)), tree)

const scaleDoor = must.door('optim.scale', { factor: must.arrayLike })

/**
 * Updates times a factor.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const { init, update } = optim.scale(-0.1)
 * update({ w: np.array([1, 2]) }, init(null))[0].w // => [-0.1 -0.2]
 * ```
 */
export const scale = (factor: ArrayLike): GradientTransformation<null> => {
  scaleDoor(factor)
  return stateless((updates) => times(updates, factor))
}

/** The state of a transformation that depends on the step. */
export interface CountState {
  /** Steps so far; int32. */
  readonly count: NDArray
}

const scaleByScheduleDoor = must.door('optim.scaleBySchedule', { schedule: must.func })

/**
 * Updates times the schedule's value for the step.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const t = optim.scaleBySchedule((step) => np.divide(1, np.add(step, 1)))
 * const [first, state] = t.update(np.array([6]), t.init(null))
 * first // => [6.]
 * t.update(np.array([6]), state)[0] // => [3.]
 * ```
 */
export const scaleBySchedule = (schedule: Schedule): GradientTransformation<CountState> => {
  scaleByScheduleDoor(schedule)
  return {
    init: () => ({ count: zeroCount() }),
    update: (updates, state) => {
      const { count } = stateOf('optim.scaleBySchedule', state, 'count')
      return [times(updates, schedule(count)), { count: increment(count) }]
    },
  }
}

/** The state of a factor: a step count for a schedule, null for a number. */
export type RateState = CountState | null

const scaleByLearningRateDoor = must.door('optim.scaleByLearningRate', {
  learningRate: aRate,
  options: must.optionsOf<{ readonly flipSign?: boolean }>({ flipSign: must.boolean }),
})

/**
 * Updates times the learning rate, negated so that `applyUpdates` goes downhill (unless `flipSign` is false).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const { init, update } = optim.scaleByLearningRate(0.5)
 * update(np.array([2]), init(null))[0] // => [-1.]
 * // Of a schedule the state counts the steps.
 * const halving = optim.exponentialDecay({ initValue: 1, decayRate: 0.5, transitionSteps: 10 })
 * optim.scaleByLearningRate(halving).init(null)?.count // => 0
 * ```
 */
export const scaleByLearningRate = (
  learningRate: ScalarOrSchedule,
  options: { readonly flipSign?: boolean } = {},
): GradientTransformation<RateState> => {
  scaleByLearningRateDoor(learningRate, options)
  const { flipSign = true } = options
  const sign = flipSign ? -1 : 1
  if (typeof learningRate === 'number') return scale(sign * learningRate)
  return typeof learningRate === 'function'
    ? scaleBySchedule((step) => np.multiply(sign, learningRate(step)))
    : scale(np.multiply(sign, learningRate))
}

/**
 * The signs of updates.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const { init, update } = optim.scaleBySign()
 * update(np.array([-3, 0, 0.1]), init(null))[0] // => [-1.  0.  1.]
 * ```
 */
export const scaleBySign = (): GradientTransformation<null> =>
  stateless((updates) => mapTree('optim.scaleBySign', np.sign, updates))

/** Options of `trace`. */
export interface MomentumOptions {
  /** Looks ahead: the update is what the next step's would be without a new gradient; false by default. */
  readonly nesterov?: boolean
  /** The dtype of the accumulator; the parameters' by default. */
  readonly accumulatorDtype?: DType
}

/** The state of `trace`. */
export interface TraceState {
  /** The sum of gradients; a tree like the parameters. */
  readonly trace: OptState
}

const traceDoor = must.door('optim.trace', { decay: must.arrayLike, options: must.optionsOf(momentumOptions) })

/**
 * Momentum: a decaying sum of gradients, `t ← g + decay · t`. Polyak (1964); with `nesterov`, Nesterov (1983).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const t = optim.trace(0.5)
 * const [first, state] = t.update(np.array([4]), t.init(np.zeros([1])))
 * first // => [4.]
 * t.update(np.array([4]), state)[0] // => [6.]
 * ```
 */
export const trace = (decay: ArrayLike, options: MomentumOptions = {}): GradientTransformation<TraceState> => {
  traceDoor(decay, options)
  const { nesterov = false, accumulatorDtype } = options
  const step = (g: NDArray, t: NDArray): NDArray => np.add(g, np.multiply(decay, t))
  return {
    init: (params) => ({ trace: zerosLike(params, accumulatorDtype) as OptState }),
    update: (updates, state) => {
      const { trace: old } = stateOf('optim.trace', state, 'trace')
      const next = mapTree('optim.trace', step, updates, old)
      const changed = nesterov ? mapTree('optim.trace', step, updates, next) : next
      const kept = mapTree('optim.trace', (t, o) => np.astype(t, o.dtype), next, old)
      return [changed, { trace: kept as OptState }]
    },
  }
}

/** The state of `ema`. */
export interface EmaState extends CountState {
  /** The mean of gradients; a tree like the parameters. */
  readonly ema: OptState
}

const emaDoor = must.door('optim.ema', {
  decay: must.arrayLike,
  options: must.optionsOf<{ readonly debias?: boolean; readonly accumulatorDtype?: DType }>({
    debias: must.boolean,
    accumulatorDtype: must.dtype,
  }),
})

/**
 * A decaying mean of gradients; `debias` (true by default) corrects for its start at 0.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const t = optim.ema(0.9)
 * const [first, state] = t.update(np.array([1]), t.init(np.zeros([1])))
 * first // => [0.99999976]
 * t.update(np.array([0]), state)[0].at(0).get().item().toFixed(3) // => 0.474
 * // As it stands, begun at 0.
 * state.ema // => [0.1]
 * ```
 */
export const ema = (
  decay: ArrayLike,
  options: { readonly debias?: boolean; readonly accumulatorDtype?: DType } = {},
): GradientTransformation<EmaState> => {
  emaDoor(decay, options)
  const { debias: corrected = true, accumulatorDtype } = options
  return {
    init: (params) => ({ count: zeroCount(), ema: zerosLike(params, accumulatorDtype) as OptState }),
    update: <T>(updates: T, state: EmaState) => {
      const { count: before, ema: old } = stateOf('optim.ema', state, 'count', 'ema')
      const count = increment(before)
      const mean = moment(updates, old, decay, 1)
      const given = corrected ? debias(mean, decay, count) : mean
      return [mapTree('optim.ema', (g, m) => np.astype(m, g.dtype), updates, given), { count, ema: mean }] as const
    },
  }
}

const addDecayedWeightsDoor = must.door('optim.addDecayedWeights', {
  weightDecay: must.optional(aRate),
  options: must.optionsOf<{ readonly mask?: Mask | undefined }>({
    mask: aMask,
  }),
})

/**
 * Weight decay: `g + weightDecay · p`.
 *
 * @param options - `mask`: which leaves decay; all by default.
 * @throws ArgumentError from `update` without parameters.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const params = { w: np.array([10]), b: np.array([10]) }
 * const gradients = { w: np.array([1]), b: np.array([1]) }
 * const t = optim.addDecayedWeights(0.1, { mask: { w: true, b: false } })
 * t.update(gradients, t.init(params), params)[0].w // => [2.]
 * t.update(gradients, t.init(params), params)[0].b // => [1.]
 * t.update(gradients, t.init(params))[0] // throws ArgumentError
 * ```
 */
export const addDecayedWeights = (
  weightDecay: ScalarOrSchedule = 0,
  options: { readonly mask?: Mask | undefined } = {},
): GradientTransformation<RateState | MaskedState<RateState>> => {
  addDecayedWeightsDoor(weightDecay, options)
  const { mask } = options
  const decayed = <T>(updates: T, params: unknown, rate: ArrayLike): T =>
    mapTree(
      'optim.addDecayedWeights',
      (g, p) => np.add(g, np.multiply(np.astype(rate, p.dtype), p)),
      updates,
      requireParams('optim.addDecayedWeights', params),
    )
  const all: GradientTransformation<RateState> =
    typeof weightDecay !== 'function'
      ? stateless((updates, params) => (weightDecay === 0 ? updates : decayed(updates, params, weightDecay)))
      : {
          init: () => ({ count: zeroCount() }),
          update: <T>(updates: T, state: CountState, params?: unknown): readonly [T, CountState] => {
            const { count } = stateOf<CountState>('optim.addDecayedWeights', state, 'count')
            return [decayed(updates, params, weightDecay(count)), { count: increment(count) }]
          },
        }
  return mask === undefined ? all : masked(all, mask)
}

/** The state of `addNoise`. */
export interface NoiseState extends CountState {
  readonly key: Key
}

const addNoiseDoor = must.door('optim.addNoise', { eta: must.arrayLike, gamma: must.arrayLike, key: aKey })

/**
 * Gaussian noise of variance `eta / step^gamma`. Neelakantan et al., "Adding gradient noise" (2015).
 *
 * @param key - the initial key of the state.
 * @example
 * ```ts
 * import { np, optim, random } from 'pullback'
 * const t = optim.addNoise(4, 0, random.key(0))
 * const [noise] = t.update(np.zeros([10_000]), t.init(null))
 * np.std(noise).item().toFixed(1) // => 2.0
 * ```
 */
export const addNoise = (eta: ArrayLike, gamma: ArrayLike, key: Key): GradientTransformation<NoiseState> => {
  addNoiseDoor(eta, gamma, key)
  return {
    init: () => ({ count: zeroCount(), key }),
    update: <T>(updates: T, state: NoiseState) => {
      const { count: before, key: last } = stateOf('optim.addNoise', state, 'count', 'key')
      const count = increment(before)
      const deviation = np.sqrt(np.divide(eta, np.power(np.astype(count, 'float32'), gamma)))
      const leaves = leavesOf(updates)
      const [next, sample] = split(last)
      const keys = leaves.length === 0 ? [] : split(sample, leaves.length)
      let i = 0
      const noisy = (g: NDArray): NDArray => {
        const dtype = g.dtype === 'float64' ? 'float64' : 'float32'
        const noise = normal(keys[i++]!, g.shape, { dtype })
        return np.add(g, np.astype(np.multiply(np.astype(deviation, dtype), noise), g.dtype))
      }
      return [mapTree('optim.addNoise', noisy, updates), { count, key: next }] as const
    },
  }
}

/**
 * Gradients minus their means over all axes but the first, for leaves of rank 2 or more. Yong et al., "Gradient centralization"
 * (2020).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const { init, update } = optim.centralize()
 * update(np.array([[1, 3], [10, 20]]), init(null))[0] // => [[-1.  1.]\n [-5.  5.]]
 * update(np.array([1, 3]), init(null))[0] // => [1. 3.]
 * ```
 */
export const centralize = (): GradientTransformation<null> =>
  stateless((updates) =>
    mapTree(
      'optim.centralize',
      (g) =>
        g.ndim < 2 ? g : np.subtract(g, np.mean(g, { axis: g.shape.slice(1).map((_, d) => d + 1), keepdims: true })),
      updates,
    ),
  )

const normalizeByUpdateNormDoor = must.door('optim.normalizeByUpdateNorm', {
  options: must.optionsOf<{ readonly scaleFactor?: ArrayLike; readonly eps?: ArrayLike }>({
    scaleFactor: must.arrayLike,
    eps: must.arrayLike,
  }),
})

/**
 * `scaleFactor · g / (‖g‖ + eps)`, with the norm of all leaves together.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const { init, update } = optim.normalizeByUpdateNorm({ scaleFactor: 10, eps: 0 })
 * update({ a: np.array([3]), b: np.array([4]) }, init(null))[0].b // => [8.]
 * ```
 */
export const normalizeByUpdateNorm = (
  options: { readonly scaleFactor?: ArrayLike; readonly eps?: ArrayLike } = {},
): GradientTransformation<null> => {
  normalizeByUpdateNormDoor(options)
  const { scaleFactor = 1, eps = 1e-6 } = options
  return stateless((updates) => {
    const norm = np.divide(np.add(globalNorm(updates), eps), scaleFactor)
    return mapTree('optim.normalizeByUpdateNorm', (g) => np.divide(g, norm), updates)
  })
}

/**
 * Limits updates so that nonnegative parameters stay nonnegative.
 *
 * @throws ArgumentError from `update` without parameters.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.chain(optim.sgd(1), optim.keepParamsNonnegative())
 * const params = np.array([5, 1])
 * const [updates] = optimizer.update(np.array([2, 2]), optimizer.init(params), params)
 * optim.applyUpdates(params, updates) // => [3. 0.]
 * ```
 */
export const keepParamsNonnegative = (): GradientTransformation<null> =>
  stateless((updates, params) =>
    mapTree(
      'optim.keepParamsNonnegative',
      (u, p) => np.where(np.less(np.add(p, u), 0), np.negative(p), u),
      updates,
      requireParams('optim.keepParamsNonnegative', params),
    ),
  )

/** The state of `zeroNans`. */
export interface NanState {
  /** A tree like the parameters: whether the last updates had a NaN there. */
  readonly foundNan: OptState
}

/**
 * Replaces every NaN by 0. The state records, leaf by leaf, whether the last updates had any.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const t = optim.zeroNans()
 * const [updates, state] = t.update(np.array([1, NaN]), t.init(np.zeros([2])))
 * updates // => [1. 0.]
 * state.foundNan // => True
 * ```
 */
export const zeroNans = (): GradientTransformation<NanState> => ({
  init: (params) => ({ foundNan: mapTree('optim.zeroNans', () => np.array(false), params) as OptState }),
  update: (updates) => [
    mapTree('optim.zeroNans', (g) => np.where(np.isnan(g), 0, g), updates),
    { foundNan: mapTree('optim.zeroNans', (g) => np.any(np.isnan(g)), updates) as OptState },
  ],
})
