/** Gradient transformations by norms of whole leaves. After optax. */
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import { euclideanNorm, rootMeanSquare } from '../numpy/euclidean.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { GradientTransformation } from './transformation.ts'
import { requireParams, stateless } from './transformation.ts'
import { mapTree } from './trees.ts'

const norm = (x: NDArray): NDArray => euclideanNorm(x)

const rms = (x: NDArray): NDArray => rootMeanSquare(x)

/** The size of a leaf, but at least `least`; the derivative at 0 is finite. */
const atLeast = (size: (x: NDArray) => NDArray, x: NDArray, least: ArrayLike): NDArray => {
  const small = np.lessEqual(size(x), least)
  return np.where(small, least, size(np.where(small, 1, x)))
}

/** Options of `scaleByTrustRatio`. */
export interface TrustRatioOptions {
  /** Lower bound of norms; 0 by default. */
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
