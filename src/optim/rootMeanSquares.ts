/** Gradient transformations that divide each element by the root of what its squares come to: RMSprop and its variants. After optax. */
import * as np from '../numpy/index.ts'
import { rsqrt } from '../ops/elementwise.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { rmsOptions } from './options.ts'
import type { GradientTransformation, OptState } from './transformation.ts'
import { stateOf } from './transformation.ts'
import { debias, fullLike, increment, mapTree, moment, zeroCount, zerosLike } from './trees.ts'
import type { MomentsState } from './moments.ts'
import { readMoments } from './moments.ts'

/** Options of `scaleByRms` and `scaleByStddev`. */
export interface RmsOptions {
  /** Decay of the mean of squares; 0.9 by default. */
  readonly decay?: ArrayLike
  /** 1e-8 by default. */
  readonly eps?: ArrayLike
  /** The mean of squares before the first step; 0 by default. */
  readonly initialScale?: ArrayLike
  /** Whether eps is added under the root (default) or to it. */
  readonly epsInSqrt?: boolean
  /** Whether to correct means for their start at 0; false by default. */
  readonly biasCorrection?: boolean
}

const inverseRoot = (x: NDArray, eps: ArrayLike, inSqrt: boolean): NDArray =>
  inSqrt ? rsqrt(np.add(x, eps)) : np.divide(1, np.add(np.sqrt(x), eps))

/** The state of `scaleByRms`. */
export interface RmsState {
  readonly count: NDArray
  /** The mean of squares; a tree like the parameters. */
  readonly nu: OptState
}

const scaleByRmsDoor = must.door('optim.scaleByRms', { options: must.optionsOf(rmsOptions) })

/**
 * `g / sqrt(mean of g²)`. Hinton's RMSProp (lecture notes, 2012).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const t = optim.scaleByRms({ decay: 0.5 })
 * // 4 / √(0.5 · 4²): the mean began at 0.
 * t.update(np.array([4]), t.init(np.zeros([1])))[0] // => [1.4142135]
 * const corrected = optim.scaleByRms({ decay: 0.5, biasCorrection: true })
 * corrected.update(np.array([4]), corrected.init(np.zeros([1])))[0] // => [1.]
 * ```
 */
export const scaleByRms = (options: RmsOptions = {}): GradientTransformation<RmsState> => {
  scaleByRmsDoor(options)
  const { decay = 0.9, eps = 1e-8, initialScale = 0, epsInSqrt = true, biasCorrection = false } = options
  return {
    init: (params) => ({ count: zeroCount(), nu: fullLike(params, initialScale) as OptState }),
    update: (updates, state) => {
      const before = stateOf('optim.scaleByRms', state, 'count', 'nu')
      const count = increment(before.count)
      const nu = moment(updates, before.nu, decay, 2)
      const scaled = (g: NDArray, v: NDArray): NDArray => np.multiply(inverseRoot(v, eps, epsInSqrt), g)
      const changed = mapTree('optim.scaleByRms', scaled, updates, biasCorrection ? debias(nu, decay, count) : nu)
      return [changed, { count, nu }]
    },
  }
}

const scaleByStddevDoor = must.door('optim.scaleByStddev', { options: must.optionsOf(rmsOptions) })

/**
 * `g / sqrt(mean of g² - (mean of g)²)`: centred RMSProp. Graves, "Generating sequences" (2013).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const t = optim.scaleByStddev({ decay: 0.5 })
 * // 4 / √(0.5 · 4² - (0.5 · 4)²)
 * t.update(np.array([4]), t.init(np.zeros([1])))[0] // => [2.]
 * ```
 */
export const scaleByStddev = (options: RmsOptions = {}): GradientTransformation<MomentsState> => {
  scaleByStddevDoor(options)
  const { decay = 0.9, eps = 1e-8, initialScale = 0, epsInSqrt = true, biasCorrection = false } = options
  return {
    init: (params) => ({
      count: zeroCount(),
      mu: zerosLike(params) as OptState,
      nu: fullLike(params, initialScale) as OptState,
    }),
    update: (updates, state) => {
      const before = readMoments('optim.scaleByStddev', state)
      const count = increment(before.count)
      const mu = moment(updates, before.mu, decay, 1)
      const nu = moment(updates, before.nu, decay, 2)
      const hat = (m: OptState): OptState => (biasCorrection ? debias(m, decay, count) : m)
      const scaled = (g: NDArray, m: NDArray, v: NDArray): NDArray =>
        np.multiply(inverseRoot(np.subtract(v, np.square(m)), eps, epsInSqrt), g)
      return [mapTree('optim.scaleByStddev', scaled, updates, hat(mu), hat(nu)), { count, mu, nu }]
    },
  }
}

/** The state of `scaleByRss`. */
export interface RssState {
  /** A tree like the parameters. */
  readonly sumOfSquares: OptState
}

const scaleByRssDoor = must.door('optim.scaleByRss', {
  options: must.optionsOf<{
    readonly initialAccumulatorValue?: ArrayLike
    readonly eps?: ArrayLike
  }>({ initialAccumulatorValue: must.arrayLike, eps: must.arrayLike }),
})

/**
 * `g / sqrt(sum of g²)`. Duchi et al., "Adaptive subgradient methods" (2011).
 *
 * @param options - `initialAccumulatorValue`: the sum before the first step, 0.1 by default; `eps`: 1e-7 by default.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const t = optim.scaleByRss({ initialAccumulatorValue: 0 })
 * const [first, state] = t.update(np.array([3, 0]), t.init(np.zeros([2])))
 * first // => [1. 0.]
 * t.update(np.array([4, 2]), state)[0] // => [0.8 1. ]
 * state.sumOfSquares // => [9. 0.]
 * ```
 */
export const scaleByRss = (
  options: {
    readonly initialAccumulatorValue?: ArrayLike
    readonly eps?: ArrayLike
  } = {},
): GradientTransformation<RssState> => {
  scaleByRssDoor(options)
  const { initialAccumulatorValue = 0.1, eps = 1e-7 } = options
  return {
    init: (params) => ({ sumOfSquares: fullLike(params, initialAccumulatorValue) as OptState }),
    update: (updates, state) => {
      const before = stateOf('optim.scaleByRss', state, 'sumOfSquares')
      const sumOfSquares = mapTree('optim.scaleByRss', (s, g) => np.add(np.square(g), s), before.sumOfSquares, updates)
      const scaled = (g: NDArray, s: NDArray): NDArray =>
        np.multiply(np.where(np.greater(s, 0), rsqrt(np.add(s, eps)), 0), g)
      return [mapTree('optim.scaleByRss', scaled, updates, sumOfSquares), { sumOfSquares }]
    },
  }
}

/** The state of `scaleByAdadelta`: trees like the parameters. */
export interface AdadeltaState {
  readonly meanSquareGradient: OptState
  readonly meanSquareUpdate: OptState
}

const scaleByAdadeltaDoor = must.door('optim.scaleByAdadelta', {
  options: must.optionsOf<{ readonly rho?: ArrayLike; readonly eps?: ArrayLike }>({
    rho: must.arrayLike,
    eps: must.arrayLike,
  }),
})

/**
 * `g` times the root of past updates' mean square over that of gradients. Zeiler, "ADADELTA" (2012).
 *
 * @param options - `rho`: decay of both means, 0.9 by default; `eps`: added under both roots, 1e-6 by default.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const t = optim.scaleByAdadelta({ rho: 0.5, eps: 1 })
 * // √(0 + 1) / √(0.5 · 4² + 1) · 4
 * t.update(np.array([4]), t.init(np.zeros([1])))[0] // => [1.3333334]
 * ```
 */
export const scaleByAdadelta = (
  options: { readonly rho?: ArrayLike; readonly eps?: ArrayLike } = {},
): GradientTransformation<AdadeltaState> => {
  scaleByAdadeltaDoor(options)
  const { rho = 0.9, eps = 1e-6 } = options
  return {
    init: (params) => {
      const zeros = zerosLike(params) as OptState
      return { meanSquareGradient: zeros, meanSquareUpdate: zeros }
    },
    update: (updates, state) => {
      const before = stateOf('optim.scaleByAdadelta', state, 'meanSquareGradient', 'meanSquareUpdate')
      const meanSquareGradient = moment(updates, before.meanSquareGradient, rho, 2)
      const root = (x: NDArray): NDArray => np.sqrt(np.add(x, eps))
      const changed = mapTree(
        'optim.scaleByAdadelta',
        (g, eg, ex) => np.multiply(np.divide(root(ex), root(eg)), g),
        updates,
        meanSquareGradient,
        before.meanSquareUpdate,
      )
      return [changed, { meanSquareGradient, meanSquareUpdate: moment(changed, before.meanSquareUpdate, rho, 2) }]
    },
  }
}
