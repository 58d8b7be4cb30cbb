/** Losses of numbers and vectors, one value per example: take `np.mean` of them. After optax. */
import { ShapeError } from '../core/errors.ts'
import { sameShape } from '../core/shape.ts'
import { euclideanNorm } from '../numpy/euclidean.ts'
import * as np from '../numpy/index.ts'
import { stopGradient } from '../ops/elementwise.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { composite } from '../trace/interpreter.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { LossOptions } from './lossTools.ts'
import { floatOnly, sumWhere } from './lossTools.ts'

const errorsOf = (predictions: NDArray, targets: ArrayLike | undefined): NDArray =>
  targets === undefined ? predictions : np.subtract(predictions, targets)

const squaredErrorDoor = must.door('optim.squaredError', {
  predictions: must.arrayLike,
  targets: must.optional(must.arrayLike),
})

/**
 * `(predictions - targets)²`; without targets, the squares of the errors given.
 *
 * @throws ShapeError if the shapes differ: broadcasting here is nearly always a mistake.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * optim.squaredError(np.array([1, 5]), np.array([1, 2])) // => [0. 9.]
 * // Of a batch its mean.
 * np.mean(optim.squaredError(np.array([1, 5]), np.array([1, 2]))) // => 4.5
 * optim.squaredError(np.ones([3]), np.ones([3, 1])) // throws ShapeError
 * ```
 */
export const squaredError = (predictions: ArrayLike, targets?: ArrayLike): NDArray => {
  squaredErrorDoor(predictions, targets)
  return composite('squaredError', () => {
    const given = floatOnly('optim.squaredError', predictions)
    const wanted = targets === undefined ? undefined : asArray(targets)
    if (wanted !== undefined && !sameShape(given.shape, wanted.shape)) {
      throw new ShapeError(
        `optim.squaredError: predictions ${given.aval} and targets ${wanted.aval} must have one shape; reshape one of them.`,
      )
    }
    return np.square(errorsOf(given, wanted))
  })
}

const l2LossDoor = must.door('optim.l2Loss', { predictions: must.arrayLike, targets: must.optional(must.arrayLike) })

/**
 * Half of `squaredError`: its derivative is the error.
 *
 * @throws ShapeError if the shapes differ.
 * @example
 * ```ts
 * import { grad, np, optim } from 'pullback'
 * optim.l2Loss(np.array([1, 5]), np.array([1, 2])) // => [0.  4.5]
 * grad((x) => optim.l2Loss(x, np.array(2)))(np.array(5)) // => 3.
 * ```
 */
export const l2Loss = (predictions: ArrayLike, targets?: ArrayLike): NDArray => {
  l2LossDoor(predictions, targets)
  return composite('l2Loss', () => np.multiply(0.5, squaredError(predictions, targets)))
}

const huberLossDoor = must.door('optim.huberLoss', {
  predictions: must.arrayLike,
  targets: must.optional(must.arrayLike),
  options: must.optionsOf<{ readonly delta?: ArrayLike }>({ delta: must.arrayLike }),
})

/**
 * `x²/2` for errors up to `delta` (1 by default), linear beyond: outliers count less than in `l2Loss`. Huber, "Robust
 * estimation of a location parameter" (1964).
 *
 * @param targets - zeros by default: `predictions` are errors.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * optim.huberLoss(np.array([0.5, 1, 10])) // => [0.125 0.5   9.5  ]
 * optim.huberLoss(np.array([10]), np.array([4]), { delta: 2 }) // => [10.]
 * ```
 */
export const huberLoss = (
  predictions: ArrayLike,
  targets?: ArrayLike,
  options: { readonly delta?: ArrayLike } = {},
): NDArray => {
  huberLossDoor(predictions, targets, options)
  const { delta = 1 } = options
  return composite('huberLoss', () => {
    const size = np.abs(errorsOf(floatOnly('optim.huberLoss', predictions), targets))
    const quadratic = np.minimum(size, delta)
    return np.add(np.multiply(0.5, np.square(quadratic)), np.multiply(delta, np.subtract(size, quadratic)))
  })
}

const logCoshDoor = must.door('optim.logCosh', { predictions: must.arrayLike, targets: must.optional(must.arrayLike) })

/**
 * `log(cosh(predictions - targets))`, without overflow: about `x²/2` near 0, `|x| - log 2` far away.
 *
 * @param targets - zeros by default: `predictions` are errors.
 * @example
 * ```ts
 * import { grad, np, optim } from 'pullback'
 * optim.logCosh(np.array([0.001, 1000])) // => [4.9999994e-07 9.9930680e+02]
 * grad((x) => optim.logCosh(x, 0))(np.array(1000)) // => 1.
 * ```
 */
export const logCosh = (predictions: ArrayLike, targets?: ArrayLike): NDArray => {
  logCoshDoor(predictions, targets)
  return composite('logCosh', () => {
    const errors = errorsOf(floatOnly('optim.logCosh', predictions), targets)
    // Near 0 it is about e² / 2: log(1 + 2 sinh²(e / 2)).
    const near = np.less(np.abs(errors), 1)
    const half = np.sinh(np.divide(np.where(near, errors, 0), 2))
    const size = np.abs(np.where(near, 1, errors))
    const far = np.subtract(np.add(size, np.log1p(np.exp(np.multiply(-2, size)))), Math.LN2)
    return np.where(near, np.log1p(np.multiply(2, np.square(half))), far)
  })
}

/** Options of `cosineSimilarity` and `cosineDistance`. */
export interface CosineLossOptions extends LossOptions {
  /** Lower bound of squared norms; 0 by default. */
  readonly epsilon?: ArrayLike
}

const cosineLossOptions: must.OptionTable<CosineLossOptions> = {
  epsilon: must.arrayLike,
  axis: must.nullable(must.axes),
  where: must.arrayLike,
}

const cosineSimilarityDoor = must.door('optim.cosineSimilarity', {
  predictions: must.arrayLike,
  targets: must.arrayLike,
  options: must.optionsOf(cosineLossOptions),
})

/**
 * The cosine of the angle between two vectors along an axis.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const a = np.array([[1, 0], [1, 1]])
 * const b = np.array([[0, 5], [2, 2]])
 * optim.cosineSimilarity(a, b) // => [0.         0.99999994]
 * ```
 */
export const cosineSimilarity = (
  predictions: ArrayLike,
  targets: ArrayLike,
  options: CosineLossOptions = {},
): NDArray => {
  cosineSimilarityDoor(predictions, targets, options)
  const { epsilon = 0, axis = -1, where } = options
  return composite('cosineSimilarity', () => {
    const unit = (x: NDArray): NDArray => {
      const counted = where === undefined ? x : np.where(where, x, 0)
      const lengthOf = (y: NDArray): NDArray => euclideanNorm(y, { axis, keepdims: true })
      if (epsilon === 0) return np.divide(x, lengthOf(counted))
      // The norm of zeros has no derivative, so zeros are replaced by ones whose norm is not used.
      const least = np.sqrt(epsilon)
      const short = np.less(lengthOf(stopGradient(counted)), least)
      return np.divide(x, np.where(short, least, lengthOf(np.where(short, 1, counted))))
    }
    const a = unit(floatOnly('optim.cosineSimilarity', predictions))
    const b = unit(floatOnly('optim.cosineSimilarity', targets))
    return sumWhere(np.multiply(a, b), { axis, ...(where === undefined ? {} : { where }) })
  })
}

const cosineDistanceDoor = must.door('optim.cosineDistance', {
  predictions: must.arrayLike,
  targets: must.arrayLike,
  options: must.optionsOf(cosineLossOptions),
})

/**
 * `1 - cosineSimilarity`.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * optim.cosineDistance(np.array([1, 2]), np.array([-1, -2])) // => 2.
 * ```
 */
export const cosineDistance = (
  predictions: ArrayLike,
  targets: ArrayLike,
  options: CosineLossOptions = {},
): NDArray => {
  cosineDistanceDoor(predictions, targets, options)
  return composite('cosineDistance', () => np.subtract(1, cosineSimilarity(predictions, targets, options)))
}
