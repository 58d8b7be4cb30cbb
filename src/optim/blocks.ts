/** Gradient transformations by norms of whole leaves, and factored second moments. After optax. */
import { ArgumentError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { euclideanNorm, rootMeanSquare } from '../numpy/euclidean.ts'
import * as np from '../numpy/index.ts'
import * as must from '../surface/arguments.ts'
import { minus } from '../surface/hyperparameters.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'
import type { GradientTransformation, OptState } from './transformation.ts'
import { requireParams, stateOf, stateless } from './transformation.ts'
import { increment, mapTree, mapTrees, zeroCount } from './trees.ts'

const norm = (x: NDArray): NDArray => euclideanNorm(x)
const rms = (x: NDArray): NDArray => rootMeanSquare(x)

/** A size of a leaf, at least `least`; the derivative at 0 is finite. */
const atLeast = (size: (x: NDArray) => NDArray, x: NDArray, least: ArrayLike): NDArray => {
  const small = np.lessEqual(size(x), least)
  return np.where(small, least, size(np.where(small, 1, x)))
}

/** Options of `scaleByTrustRatio`. */
export interface TrustRatioOptions {
  /** Norms count as no less; 0 by default. */
  readonly minNorm?: ArrayLike
  /** 1 by default. */
  readonly trustCoefficient?: ArrayLike
  /** 0 by default. */
  readonly eps?: ArrayLike
}

const trustRatioOptions: must.OptionTable<TrustRatioOptions> = {
  minNorm: must.arrayLike,
  trustCoefficient: must.arrayLike,
  eps: must.arrayLike,
}

const scaleByTrustRatioDoor = must.door('optim.scaleByTrustRatio', { options: must.optionsOf(trustRatioOptions) })

/**
 * Each leaf's update times `trustCoefficient · ‖p‖ / (‖u‖ + eps)`, or 1 where a norm is 0. You et al., "Large batch
 * training" (LARS, 2017; LAMB, 2019).
 *
 * @throws ArgumentError from `update` without parameters.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const { init, update } = optim.scaleByTrustRatio()
 * // As long as the parameters, whatever it was.
 * update(np.array([0, 1000]), init(null), np.array([3, 4]))[0] // => [0. 5.]
 * update(np.array([0, 1000]), init(null), np.zeros([2]))[0] // => [   0. 1000.]
 * ```
 */
export const scaleByTrustRatio = (options: TrustRatioOptions = {}): GradientTransformation<null> => {
  scaleByTrustRatioDoor(options)
  const { minNorm = 0, trustCoefficient = 1, eps = 0 } = options
  const scaled = (u: NDArray, p: NDArray): NDArray => {
    const [ofParam, ofUpdate] = [atLeast(norm, p, minNorm), atLeast(norm, u, minNorm)]
    const ratio = np.divide(np.multiply(trustCoefficient, ofParam), np.add(ofUpdate, eps))
    const zero = np.logicalOr(np.equal(ofParam, 0), np.equal(ofUpdate, 0))
    return np.multiply(u, np.where(zero, 1, ratio))
  }
  return stateless((updates, params) =>
    mapTree('optim.scaleByTrustRatio', scaled, updates, requireParams('optim.scaleByTrustRatio', params)),
  )
}

const byBlock = (name: string, size: (x: NDArray) => NDArray, minScale: ArrayLike): GradientTransformation<null> =>
  stateless((updates, params) =>
    mapTree(name, (u, p) => np.multiply(u, atLeast(size, p, minScale)), updates, requireParams(name, params)),
  )

const scaleByParamBlockNormDoor = must.door('optim.scaleByParamBlockNorm', { minScale: must.optional(must.arrayLike) })

/**
 * Each leaf's update times the norm of its parameters, at least `minScale` (1e-3 by default).
 *
 * @throws ArgumentError from `update` without parameters.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const { init, update } = optim.scaleByParamBlockNorm()
 * update(np.array([1, 0]), init(null), np.array([3, 4]))[0] // => [5. 0.]
 * ```
 */
export const scaleByParamBlockNorm = (minScale: ArrayLike = 1e-3): GradientTransformation<null> => {
  scaleByParamBlockNormDoor(minScale)
  return byBlock('optim.scaleByParamBlockNorm', norm, minScale)
}

const scaleByParamBlockRmsDoor = must.door('optim.scaleByParamBlockRms', { minScale: must.optional(must.arrayLike) })

/**
 * Each leaf's update times the root mean square of its parameters, at least `minScale` (1e-3 by default).
 *
 * @throws ArgumentError from `update` without parameters.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const { init, update } = optim.scaleByParamBlockRms(0.5)
 * update(np.array([1, 1]), init(null), np.array([2, 2]))[0] // => [2. 2.]
 * update(np.array([1, 1]), init(null), np.zeros([2]))[0] // => [0.5 0.5]
 * ```
 */
export const scaleByParamBlockRms = (minScale: ArrayLike = 1e-3): GradientTransformation<null> => {
  scaleByParamBlockRmsDoor(minScale)
  return byBlock('optim.scaleByParamBlockRms', rms, minScale)
}

/** Options of `scaleByFactoredRms`. */
export interface FactoredRmsOptions {
  /** Whether to factor at all; true by default. */
  readonly factored?: boolean
  /** The decay is `1 - (step + 1)^-decayRate`; 0.8 by default. */
  readonly decayRate?: ArrayLike
  /** Steps to begin counting from; 0 by default. */
  readonly stepOffset?: ArrayLike
  /** Leaves whose second largest extent is less are not factored; 128 by default. */
  readonly minDimSizeToFactor?: number
  /** Added to squares; 1e-30 by default. */
  readonly epsilon?: ArrayLike
}

const factoredRmsOptions: must.OptionTable<FactoredRmsOptions> = {
  factored: must.boolean,
  decayRate: must.arrayLike,
  stepOffset: must.arrayLike,
  minDimSizeToFactor: must.number,
  epsilon: must.arrayLike,
}

/** The two largest axes, the larger one last; null where the leaf is not factored. */
const factoredAxes = (
  shape: Shape,
  factored: boolean,
  least: number,
): readonly [second: number, first: number] | null => {
  if (!factored || shape.length < 2) return null
  const order = shape.map((_, d) => d).sort((a, b) => shape[a]! - shape[b]!)
  const [second, first] = [order.at(-2)!, order.at(-1)!]
  return shape[second]! < least ? null : [second, first]
}

const without = (shape: Shape, axis: number): Shape => shape.filter((_, d) => d !== axis)

/** Stands for a moment that a leaf does not have. */
const none = (p: NDArray): NDArray => np.zeros([1], { dtype: p.dtype })

/** The state of `scaleByFactoredRms`: trees like the parameters, of means over rows and columns, or of squares in full. */
export interface FactoredState {
  readonly count: NDArray
  readonly vRow: OptState
  readonly vCol: OptState
  readonly v: OptState
}

const scaleByFactoredRmsDoor = must.door('optim.scaleByFactoredRms', { options: must.optionsOf(factoredRmsOptions) })

/**
 * RMS scaling with second moments of matrices kept as their row and column means. Shazeer and Stern, "Adafactor" (2018).
 *
 * @throws ArgumentError from `update` without parameters.
 * @example
 * ```ts
 * import { NDArray, np, optim, tree } from 'pullback'
 * // A row and a column in place of a matrix of second moments.
 * const t = optim.scaleByFactoredRms({ minDimSizeToFactor: 2 })
 * const params = np.ones([3, 5])
 * const { vRow, vCol } = t.init(params)
 * tree.map((x: NDArray) => x.shape, [vRow, vCol]) // => 3,5
 * t.update(params, t.init(params), params)[0].at(0).get() // => [1. 1. 1. 1. 1.]
 * ```
 */
export const scaleByFactoredRms = (options: FactoredRmsOptions = {}): GradientTransformation<FactoredState> => {
  scaleByFactoredRmsDoor(options)
  const { factored = true, decayRate = 0.8, stepOffset = 0, minDimSizeToFactor = 128, epsilon = 1e-30 } = options
  const axesOf = (p: NDArray) => factoredAxes(p.shape, factored, minDimSizeToFactor)

  const begin = (p: NDArray): readonly NDArray[] => {
    const axes = axesOf(p)
    if (axes === null) return [none(p), none(p), np.zerosLike(p)]
    const [second, first] = axes
    const zeros = (shape: Shape): NDArray => np.zeros(shape, { dtype: p.dtype })
    return [zeros(without(p.shape, first)), zeros(without(p.shape, second)), none(p)]
  }

  const step = (decay: NDArray, g: NDArray, row: NDArray, column: NDArray, full: NDArray): readonly NDArray[] => {
    const square = np.add(np.square(g), epsilon)
    const mix = (old: NDArray, x: NDArray): NDArray => {
      const d = np.astype(decay, old.dtype)
      return np.add(np.multiply(d, old), np.multiply(np.subtract(1, d), x))
    }
    const axes = axesOf(g)
    if (axes === null) {
      const next = mix(full, square)
      return [np.multiply(g, np.power(next, -0.5)), row, column, next]
    }
    const [second, first] = axes
    const nextRow = mix(row, np.mean(square, { axis: first }))
    const nextColumn = mix(column, np.mean(square, { axis: second }))
    const rowAxis = second > first ? second - 1 : second
    const rowFactor = np.power(np.divide(nextRow, np.mean(nextRow, { axis: rowAxis, keepdims: true })), -0.5)
    const columnFactor = np.power(nextColumn, -0.5)
    const scaled = np.multiply(np.multiply(g, np.expandDims(rowFactor, first)), np.expandDims(columnFactor, second))
    return [scaled, nextRow, nextColumn, full]
  }

  const state = (count: NDArray, [row, column, full]: readonly unknown[]): FactoredState => ({
    count,
    vRow: row ?? null,
    vCol: column ?? null,
    v: full ?? null,
  })

  return {
    init: (params) => state(zeroCount(), mapTrees('optim.scaleByFactoredRms', begin, params)),
    update: <T>(updates: T, before: FactoredState, params: unknown) => {
      requireParams('optim.scaleByFactoredRms', params)
      const { count, vRow, vCol, v } = stateOf('optim.scaleByFactoredRms', before, 'count', 'vRow', 'vCol', 'v')
      const t = np.astype(np.add(np.subtract(count, stepOffset), 1), 'float32')
      const decay = np.subtract(1, np.power(t, minus(0, decayRate)))
      const [scaled, ...next] = mapTrees(
        'optim.scaleByFactoredRms',
        (g, row, column, full) => step(decay, g, row, column, full),
        updates,
        vRow,
        vCol,
        v,
      )
      return [(scaled ?? updates) as T, state(increment(count), next)] as const
    },
  }
}

/** Throws unless a count is a positive whole number. */
export const checkPositive = (operation: string, what: string, n: number): void => {
  if (!Number.isInteger(n) || n < 1)
    throw new ArgumentError(`${operation}: ${what} is a positive whole number, got ${n}.`)
}
