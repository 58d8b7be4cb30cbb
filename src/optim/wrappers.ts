/** Transformations of transformations: accumulation, skipping of non-finite gradients, hyperparameters in the state. */
import { ArgumentError } from '../core/errors.ts'
import * as np from '../numpy/index.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { aRate } from './options.ts'
import type { Schedule } from './scaling.ts'
import type { GradientTransformation, OptState } from './transformation.ts'
import { aTransformation, stateOf } from './transformation.ts'
import { increment, leavesOf, mapTree, selectTree, zeroCount, zerosLike } from './trees.ts'

/** Throws unless a count is a positive whole number. */
const checkPositive = (operation: string, what: string, n: number): void => {
  if (!Number.isInteger(n) || n < 1)
    throw new ArgumentError(`${operation}: ${what} is a positive whole number, got ${n}.`)
}

/** `floor(count) mod k` for counts, which are not negative. */
const modulo = (count: NDArray, k: ArrayLike): NDArray => np.remainder(count, k)

/** Options of `multiSteps`. */
export interface MultiStepsOptions {
  /** Gradients are averaged (default), or added up. */
  readonly useGradMean?: boolean
}

const multiStepsOptions: must.OptionTable<MultiStepsOptions> = { useGradMean: must.boolean }

/** The state of `multiSteps`. */
export interface MultiStepsState<S = OptState> {
  /** Gradients since the last step; int32. */
  readonly miniStep: NDArray
  /** Steps of the inner transformation; int32. */
  readonly gradientStep: NDArray
  readonly inner: S
  /** A tree like the parameters. */
  readonly accumulated: OptState
}

const multiStepsDoor = must.door('optim.multiSteps', {
  inner: aTransformation,
  everyK: must.anyOf(must.number, must.func),
  options: must.optionsOf(multiStepsOptions),
})

/**
 * Gradient accumulation: `inner` is given the mean of every `everyK` gradients; in between, updates are zero.
 *
 * @param everyK - a number, or a function of the number of steps of `inner` so far.
 * @throws ArgumentError if `everyK` is a number below 1.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.multiSteps(optim.sgd(1), 2)
 * let state = optimizer.init(np.array(0))
 * const [first, next] = optimizer.update(np.array(1), state)
 * first // => 0.
 * optimizer.update(np.array(3), next)[0] // => -2.
 * ```
 */
export const multiSteps = <S>(
  inner: GradientTransformation<S>,
  everyK: number | Schedule,
  options: MultiStepsOptions = {},
): GradientTransformation<MultiStepsState<S>> => {
  multiStepsDoor(inner, everyK, options)
  const { useGradMean = true } = options
  if (typeof everyK === 'number') checkPositive('optim.multiSteps', 'everyK', everyK)
  return {
    init: (params) => ({
      miniStep: zeroCount(),
      gradientStep: zeroCount(),
      inner: inner.init(params),
      accumulated: zerosLike(params) as OptState,
    }),
    update: <T>(updates: T, state: MultiStepsState<S>, params?: unknown) => {
      const before = stateOf('optim.multiSteps', state, 'miniStep', 'gradientStep', 'inner', 'accumulated')
      const k = np.astype(typeof everyK === 'number' ? everyK : everyK(before.gradientStep), 'int32')
      const seen = np.add(before.miniStep, 1)
      const add = (g: NDArray, sum: NDArray): NDArray =>
        useGradMean ? np.add(sum, np.divide(np.subtract(g, sum), np.astype(seen, g.dtype))) : np.add(sum, g)
      const gathered = mapTree('optim.multiSteps', add, updates, before.accumulated)
      const [changed, after] = inner.update(gathered, before.inner, params)
      const emit = np.equal(before.miniStep, np.subtract(k, 1))
      const next: MultiStepsState<S> = {
        miniStep: modulo(seen, k),
        gradientStep: np.where(emit, increment(before.gradientStep), before.gradientStep),
        inner: selectTree(emit, after, before.inner),
        accumulated: selectTree(emit, zerosLike(gathered), gathered) as OptState,
      }
      return [selectTree(emit, changed, zerosLike(changed)), next] as const
    },
  }
}

/** The state of `applyEvery`. */
export interface ApplyEveryState {
  readonly count: NDArray
  /** A tree like the parameters. */
  readonly accumulated: OptState
}

const applyEveryDoor = must.door('optim.applyEvery', { k: must.integer })

/**
 * Adds up updates, and returns the sum every `k` steps; in between, updates are zero.
 *
 * @throws ArgumentError unless `k` is a positive whole number.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const t = optim.applyEvery(2)
 * const [first, state] = t.update(np.array([1]), t.init(np.zeros([1])))
 * first // => [0.]
 * t.update(np.array([3]), state)[0] // => [4.]
 * ```
 */
export const applyEvery = (k: number): GradientTransformation<ApplyEveryState> => {
  applyEveryDoor(k)
  checkPositive('optim.applyEvery', 'k', k)
  return {
    init: (params) => ({ count: zeroCount(), accumulated: zerosLike(params) as OptState }),
    update: <T>(updates: T, state: ApplyEveryState) => {
      const before = stateOf('optim.applyEvery', state, 'count', 'accumulated')
      const fresh = np.equal(before.count, 0)
      const add = (u: NDArray, sum: NDArray): NDArray => np.where(fresh, u, np.add(sum, u))
      const sum = mapTree('optim.applyEvery', add, updates, before.accumulated)
      const emit = np.equal(before.count, k - 1)
      const next: ApplyEveryState = { count: modulo(increment(before.count), k), accumulated: sum as OptState }
      return [selectTree(emit, sum, zerosLike(sum)), next] as const
    },
  }
}

const allFinite = (tree: unknown): NDArray =>
  leavesOf(tree).reduce((ok, x) => np.logicalAnd(ok, np.all(np.isfinite(x))), asArray(true))

/** The state of `applyIfFinite`. */
export interface ApplyIfFiniteState<S = OptState> {
  /** The current number of consecutive skipped steps; int32. */
  readonly notFiniteCount: NDArray
  readonly lastFinite: NDArray
  readonly totalNotFinite: NDArray
  readonly inner: S
}

const applyIfFiniteDoor = must.door('optim.applyIfFinite', {
  inner: aTransformation,
  maxConsecutiveErrors: must.number,
})

/**
 * Skips steps whose gradients have NaN or infinities: updates are zero and the inner state stays, unless that happens more than
 * `maxConsecutiveErrors` times in a row.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.applyIfFinite(optim.sgd(1), 3)
 * const [updates, state] = optimizer.update(np.array([1, NaN]), optimizer.init(np.zeros([2])))
 * updates // => [0. 0.]
 * state.totalNotFinite // => 1
 * optimizer.update(np.array([1, 2]), state)[0] // => [-1. -2.]
 * ```
 */
export const applyIfFinite = <S>(
  inner: GradientTransformation<S>,
  maxConsecutiveErrors: number,
): GradientTransformation<ApplyIfFiniteState<S>> => {
  applyIfFiniteDoor(inner, maxConsecutiveErrors)
  return {
    init: (params) => ({
      notFiniteCount: zeroCount(),
      lastFinite: np.array(true),
      totalNotFinite: zeroCount(),
      inner: inner.init(params),
    }),
    update: (updates, state, params) => {
      const before = stateOf('optim.applyIfFinite', state, 'notFiniteCount', 'totalNotFinite', 'inner')
      const finite = allFinite(updates)
      const count = np.where(finite, 0, increment(before.notFiniteCount))
      const apply = np.logicalOr(finite, np.greater(count, maxConsecutiveErrors))
      const [changed, after] = inner.update(updates, before.inner, params)
      const next: ApplyIfFiniteState<S> = {
        notFiniteCount: np.astype(count, 'int32'),
        lastFinite: finite,
        totalNotFinite: np.where(finite, before.totalNotFinite, increment(before.totalNotFinite)),
        inner: selectTree(apply, after, before.inner),
      }
      return [selectTree(apply, changed, zerosLike(changed)), next]
    },
  }
}

/** The state of `injectHyperparams`. */
export interface HyperparamsState<H, S = OptState> {
  readonly count: NDArray
  /** Scalar arrays, which can be read, and changed between steps. */
  readonly hyperparams: { readonly [K in keyof H]: NDArray }
  readonly inner: S
}

const injectHyperparamsDoor = must.door('optim.injectHyperparams', {
  make: must.func,
  hyperparams: must.recordOf(aRate, 'an object of numbers, arrays and schedules'),
})
const madeDoor = must.door('optim.injectHyperparams', { 'what make gives': aTransformation })

/**
 * An optimizer whose hyperparameters live in its state, where they can be read, and changed between steps.
 *
 * @param make - makes the optimizer from hyperparameters (scalar arrays).
 * @param hyperparams - numbers, or schedules of the step.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.injectHyperparams((h) => optim.sgd(h.learningRate), { learningRate: 0.5 })
 * const state = optimizer.init(np.array(0))
 * optimizer.update(np.array(2), state)[0] // => -1.
 * ```
 */
export const injectHyperparams = <H extends { readonly [name: string]: ArrayLike | Schedule }, S>(
  make: (hyperparams: { readonly [K in keyof H]: NDArray }) => GradientTransformation<S>,
  hyperparams: H,
): GradientTransformation<HyperparamsState<H, S>> => {
  injectHyperparamsDoor(make, hyperparams)
  type Values = { readonly [K in keyof H]: NDArray }
  const made = (values: Values): GradientTransformation<S> => {
    const optimizer = make(values)
    madeDoor(optimizer)
    return optimizer
  }
  const float = (x: ArrayLike): NDArray => np.astype(x, 'float32')
  const at = (count: NDArray, kept: { readonly [name: string]: NDArray } | null): Values =>
    Object.fromEntries(
      Object.entries(hyperparams).map(([name, value]) => {
        if (typeof value === 'function') return [name, float(value(count))]
        return [name, kept?.[name] ?? float(value)]
      }),
    ) as Values
  return {
    init: (params) => {
      const values = at(zeroCount(), null)
      return { count: zeroCount(), hyperparams: values, inner: made(values).init(params) }
    },
    update: (updates, state, params) => {
      const before = stateOf('optim.injectHyperparams', state, 'count', 'hyperparams', 'inner')
      const values = at(before.count, before.hyperparams)
      const [changed, after] = made(values).update(updates, before.inner, params)
      return [changed, { count: increment(before.count), hyperparams: values, inner: after }]
    },
  }
}
