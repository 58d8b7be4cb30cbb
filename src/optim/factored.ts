/** Factored second moments: a row and a column for each matrix, as in Adafactor. After optax. */
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import type { Shape } from '../core/shape.ts'
import { minus } from '../surface/hyperparameters.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { GradientTransformation, OptState } from './transformation.ts'
import { requireParams, stateOf } from './transformation.ts'
import { increment, mapTrees, zeroCount } from './trees.ts'

/** Options of `scaleByFactoredRms`. */
export interface FactoredRmsOptions {
  /** Whether to factor at all; true by default. */
  readonly factored?: boolean
  /** The decay is `1 - (step + 1)^-decayRate`; 0.8 by default. */
  readonly decayRate?: ArrayLike
  /** Steps to begin counting from; 0 by default. */
  readonly stepOffset?: ArrayLike
  /** Leaves whose second largest extent is smaller are not factored; 128 by default. */
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

/** Placeholder for a moment that a leaf does not have. */
const none = (p: NDArray): NDArray => np.zeros([1], { dtype: p.dtype })

/** The state of `scaleByFactoredRms`: trees like the parameters, with the means over rows and over columns, or all mean squares. */
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
