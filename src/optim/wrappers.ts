/** Transformations of transformations: accumulation, refusal of bad gradients, hyperparameters in the state. */
import * as np from '../numpy/index.ts'
import { asArray } from '../runtime/array.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'
import { checkPositive } from './blocks.ts'
import type { Schedule } from './scaling.ts'
import type { GradientTransformation, OptState } from './transformation.ts'
import { stateOf } from './transformation.ts'
import { increment, leavesOf, mapTree, selectTree, zeroCount, zerosLike } from './trees.ts'

/** `floor(count) mod k` for counts, which are not negative. */
const modulo = (count: NDArray, k: ArrayLike): NDArray => np.remainder(count, k)

/** Options of `multiSteps`. */
export interface MultiStepsOptions {
  /** Gradients are averaged (default), or added up. */
  readonly useGradMean?: boolean
}

interface MultiStepsState {
  readonly miniStep: NDArray
  readonly gradientStep: NDArray
  readonly inner: OptState
  readonly accumulated: OptState
}

/**
 * Gradient accumulation: `inner` gets the mean of `everyK` gradients, once for all; in between, updates are zero.
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
export const multiSteps = (
  inner: GradientTransformation,
  everyK: number | Schedule,
  { useGradMean = true }: MultiStepsOptions = {},
): GradientTransformation => {
  if (typeof everyK === 'number') checkPositive('optim.multiSteps', 'everyK', everyK)
  return {
    init: (params) => ({
      miniStep: zeroCount(),
      gradientStep: zeroCount(),
      inner: inner.init(params),
      accumulated: zerosLike(params) as OptState,
    }),
    update: <T>(updates: T, state: OptState, params?: unknown) => {
      const before = stateOf<{ [K in keyof MultiStepsState]: MultiStepsState[K] }>(
        'optim.multiSteps',
        state,
        'miniStep',
        'gradientStep',
        'inner',
        'accumulated',
      )
      const k = np.astype(typeof everyK === 'number' ? everyK : everyK(before.gradientStep), 'int32')
      const seen = np.add(before.miniStep, 1)
      const add = (g: NDArray, sum: NDArray): NDArray =>
        useGradMean ? np.add(sum, np.divide(np.subtract(g, sum), np.astype(seen, g.dtype))) : np.add(sum, g)
      const gathered = mapTree('optim.multiSteps', add, updates, before.accumulated)
      const [changed, after] = inner.update(gathered, before.inner, params)
      const emit = np.equal(before.miniStep, np.subtract(k, 1))
      const next: OptState = {
        miniStep: modulo(seen, k),
        gradientStep: np.where(emit, increment(before.gradientStep), before.gradientStep),
        inner: selectTree(emit, after, before.inner),
        accumulated: selectTree(emit, zerosLike(gathered), gathered) as OptState,
      }
      return [selectTree(emit, changed, zerosLike(changed)), next] as const
    },
  }
}

/** Updates are added up, and given out every `k` steps; in between they are zero. */
export const applyEvery = (k: number): GradientTransformation => {
  checkPositive('optim.applyEvery', 'k', k)
  return {
    init: (params) => ({ count: zeroCount(), accumulated: zerosLike(params) as OptState }),
    update: <T>(updates: T, state: OptState) => {
      const before = stateOf<{ count: NDArray; accumulated: OptState }>(
        'optim.applyEvery',
        state,
        'count',
        'accumulated',
      )
      const fresh = np.equal(before.count, 0)
      const add = (u: NDArray, sum: NDArray): NDArray => np.where(fresh, u, np.add(sum, u))
      const sum = mapTree('optim.applyEvery', add, updates, before.accumulated)
      const emit = np.equal(before.count, k - 1)
      const next: OptState = { count: modulo(increment(before.count), k), accumulated: sum as OptState }
      return [selectTree(emit, sum, zerosLike(sum)), next] as const
    },
  }
}

const allFinite = (tree: unknown): NDArray =>
  leavesOf(tree).reduce((ok, x) => np.logicalAnd(ok, np.all(np.isfinite(x))), asArray(true))

/**
 * Steps whose gradients have NaN or infinities are left out: updates are zero and the inner state stays, unless that
 * happens more than `maxConsecutiveErrors` times in a row.
 */
export const applyIfFinite = (inner: GradientTransformation, maxConsecutiveErrors: number): GradientTransformation => ({
  init: (params) => ({
    notFiniteCount: zeroCount(),
    lastFinite: np.array(true),
    totalNotFinite: zeroCount(),
    inner: inner.init(params),
  }),
  update: (updates, state, params) => {
    const before = stateOf<{ notFiniteCount: NDArray; totalNotFinite: NDArray; inner: OptState }>(
      'optim.applyIfFinite',
      state,
      'notFiniteCount',
      'totalNotFinite',
      'inner',
    )
    const finite = allFinite(updates)
    const count = np.where(finite, 0, increment(before.notFiniteCount))
    const apply = np.logicalOr(finite, np.greater(count, maxConsecutiveErrors))
    const [changed, after] = inner.update(updates, before.inner, params)
    const next: OptState = {
      notFiniteCount: np.astype(count, 'int32'),
      lastFinite: finite,
      totalNotFinite: np.where(finite, before.totalNotFinite, increment(before.totalNotFinite)),
      inner: selectTree(apply, after, before.inner),
    }
    return [selectTree(apply, changed, zerosLike(changed)), next]
  },
})

/**
 * An optimizer whose hyperparameters live in its state, where they can be read, and changed between steps.
 *
 * @param make - the optimizer for given hyperparameters (arrays of rank 0).
 * @param hyperparams - numbers, or schedules of the step.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.injectHyperparams((h) => optim.sgd(h.learningRate), { learningRate: 0.5 })
 * const state = optimizer.init(np.array(0))
 * optimizer.update(np.array(2), state)[0] // => -1.
 * ```
 */
export const injectHyperparams = <H extends { readonly [name: string]: ArrayLike | Schedule }>(
  make: (hyperparams: { readonly [K in keyof H]: NDArray }) => GradientTransformation,
  hyperparams: H,
): GradientTransformation => {
  type Values = { readonly [K in keyof H]: NDArray }
  const float = (x: ArrayLike): NDArray => np.astype(x, 'float32')
  const at = (count: NDArray, kept: { readonly [name: string]: OptState } | null): Values =>
    Object.fromEntries(
      Object.entries(hyperparams).map(([name, value]) => {
        if (typeof value === 'function') return [name, float(value(count))]
        return [name, (kept?.[name] as NDArray | undefined) ?? float(value)]
      }),
    ) as Values
  return {
    init: (params) => {
      const values = at(zeroCount(), null)
      return { count: zeroCount(), hyperparams: values, inner: make(values).init(params) }
    },
    update: (updates, state, params) => {
      const before = stateOf<{ count: NDArray; hyperparams: { readonly [name: string]: OptState }; inner: OptState }>(
        'optim.injectHyperparams',
        state,
        'count',
        'hyperparams',
        'inner',
      )
      const values = at(before.count, before.hyperparams)
      const [changed, after] = make(values).update(updates, before.inner, params)
      return [changed, { count: increment(before.count), hyperparams: values, inner: after }]
    },
  }
}
