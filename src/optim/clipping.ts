/** Gradient transformations that bound updates. After optax. */
import { ShapeError } from '../core/errors.ts'
import { range } from '../core/shape.ts'
import { euclideanNorm, rootMeanSquare } from '../numpy/euclidean.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import { inType, minus } from '../surface/hyperparameters.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { GradientTransformation } from './transformation.ts'
import { requireParams, stateless } from './transformation.ts'
import { globalNorm, mapTree } from './trees.ts'

const clipDoor = must.door('optim.clip', { maxDelta: must.arrayLike })

/**
 * Clips every element to `[-maxDelta, maxDelta]`.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const { init, update } = optim.clip(1)
 * update(np.array([-3, 0.5]), init(null))[0] // => [-1.   0.5]
 * ```
 */
export const clip = (maxDelta: ArrayLike): GradientTransformation<null> => {
  clipDoor(maxDelta)
  return stateless((updates) => mapTree('optim.clip', (g) => between(g, inType(maxDelta, g.dtype)), updates))
}

const between = (g: NDArray, bound: ArrayLike): NDArray => np.clip(g, minus(0, bound), bound)

const clipByBlockRmsDoor = must.door('optim.clipByBlockRms', { threshold: must.arrayLike })

/**
 * Scales each leaf down so that its root mean square is at most `threshold`.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const { init, update } = optim.clipByBlockRms(1)
 * const [updates] = update({ a: np.array([6, 6]), b: np.array([0.5, 0.5]) }, init(null))
 * updates.a // => [1. 1.]
 * updates.b // => [0.5 0.5]
 * ```
 */
export const clipByBlockRms = (threshold: ArrayLike): GradientTransformation<null> => {
  clipByBlockRmsDoor(threshold)
  return stateless((updates) =>
    mapTree(
      'optim.clipByBlockRms',
      (g) => np.divide(g, np.maximum(1, np.divide(rootMeanSquare(g), threshold))),
      updates,
    ),
  )
}

const clipByGlobalNormDoor = must.door('optim.clipByGlobalNorm', { maxNorm: must.arrayLike })

/**
 * Scales all leaves down together so that their global norm is at most `maxNorm`. Pascanu et al., "On the difficulty of
 * training recurrent neural networks" (2012).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const { init, update } = optim.clipByGlobalNorm(1)
 * update(np.array([3, 4]), init(null))[0] // => [0.6 0.8]
 * ```
 */
export const clipByGlobalNorm = (maxNorm: ArrayLike): GradientTransformation<null> => {
  clipByGlobalNormDoor(maxNorm)
  return stateless((updates) => {
    const norm = globalNorm(updates)
    // A norm of 0 is left alone, to avoid dividing by it.
    const short = np.logicalOr(np.less(norm, maxNorm), np.equal(norm, 0))
    const length = np.where(short, 1, norm)
    return mapTree(
      'optim.clipByGlobalNorm',
      (g) => np.where(short, g, np.multiply(np.divide(g, np.astype(length, g.dtype)), maxNorm)),
      updates,
    )
  })
}

/** The axes over which a unit's weights extend: all of a vector's, all but the last of a kernel's. */
const unitAxes = (x: NDArray): readonly number[] => {
  const long = x.shape.filter((n) => n !== 1).length
  if (long <= 1) return range(x.ndim)
  if (x.ndim <= 3) return [0]
  if (x.ndim <= 5) return range(x.ndim - 1)
  throw new ShapeError(
    `optim.adaptiveGradClip: leaves have rank 5 at most, got ${x.aval}. Give the axes: { axis: [...] }.`,
  )
}

const unitNorm = (x: NDArray, axis: readonly number[] | undefined): NDArray =>
  euclideanNorm(x, { axis: axis ?? unitAxes(x), keepdims: true })

const adaptiveGradClipDoor = must.door('optim.adaptiveGradClip', {
  clipping: must.arrayLike,
  options: must.optionsOf<{ readonly eps?: ArrayLike; readonly axis?: readonly number[] }>({
    eps: must.arrayLike,
    axis: must.axisList,
  }),
})

/**
 * Scales each unit's gradient down to at most `clipping` times the norm of its parameters (at least `eps`). Brock et al.,
 * "High-performance large-scale image recognition without normalization" (2021).
 *
 * @param options - `eps`: 1e-3 by default; `axis`: the axes of a unit, by default as in optax.
 * @throws ArgumentError from `update` without parameters.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * // A kernel of two inputs and two units, whose weights have the norms 5 and 1.
 * const { init, update } = optim.adaptiveGradClip(0.1)
 * const kernel = np.array([[3, 0], [4, 1]])
 * update(np.array([[0, 0.01], [9, 0]]), init(null), kernel)[0] // => [[0.   0.01]\n [0.5  0.  ]]
 * ```
 */
export const adaptiveGradClip = (
  clipping: ArrayLike,
  options: { readonly eps?: ArrayLike; readonly axis?: readonly number[] } = {},
): GradientTransformation<null> => {
  adaptiveGradClipDoor(clipping, options)
  const { eps = 1e-3, axis } = options
  const clipped = (g: NDArray, p: NDArray): NDArray => {
    const most = np.multiply(clipping, np.maximum(unitNorm(p, axis), eps))
    const norm = unitNorm(g, axis)
    return np.where(np.less(norm, most), g, np.multiply(g, np.divide(most, np.maximum(norm, 1e-6))))
  }
  return stateless((updates, params) =>
    mapTree('optim.adaptiveGradClip', clipped, updates, requireParams('optim.adaptiveGradClip', params)),
  )
}
