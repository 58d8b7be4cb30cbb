/** Numbers that are to be foretold. */
import { ShapeError } from '../../core/errors.ts'
import { sameShape, showShape } from '../../core/shape.ts'
import { anArray } from '../../models/doors.ts'
import * as np from '../../numpy/index.ts'
import * as must from '../../conversions/arguments.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import type { Objective } from './objective.ts'
import { objectiveOf, widened } from './objective.ts'

/** Options of `regression`. */
export interface RegressionOptions {
  /** The square of the error (default), its size, or Huber's: the square, halved, up to `delta` and a straight line beyond. */
  readonly error?: 'squared' | 'absolute' | 'huber'
  /** 1 by default. */
  readonly delta?: number
  /** Of the shape of the targets: 0 for those that do not count. */
  readonly mask?: ArrayLike
}

const regressionDoor = must.door('regression', {
  predictions: anArray,
  targets: must.arrayLike,
  options: must.optionsOf<RegressionOptions>({
    error: must.oneOf(['squared', 'absolute', 'huber']),
    delta: must.positive,
    mask: must.arrayLike,
  }),
})

const errorOf = (difference: NDArray, { error = 'squared', delta = 1 }: RegressionOptions): NDArray => {
  if (error === 'squared') return np.square(difference)
  const size = np.abs(difference)
  if (error === 'absolute') return size
  // ½ min(|d|, δ)² + δ max(|d| - δ, 0).
  const near = np.minimum(size, delta)
  return np.add(np.multiply(np.square(near), 0.5), np.multiply(np.subtract(size, near), delta))
}

/**
 * The mean error of predicted numbers.
 *
 * @param predictions - any shape; a last axis of 1, as a head of one score gives it, may be missing from the targets.
 * @param targets - of the same shape.
 * @returns what counts are numbers.
 * @throws ShapeError for targets of another shape: nothing is broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { regression } from 'pullback/train'
 * regression(np.array([[1], [5]]), [0, 2]).loss // => 5.
 * regression(np.array([[1], [5]]), [0, 2], { error: 'huber' }).loss // => 1.5
 * ```
 */
export const regression = (predictions: NDArray, targets: ArrayLike, options: RegressionOptions = {}): Objective => {
  regressionDoor(predictions, targets, options)
  const given = widened(predictions)
  const wanted = np.asarray(targets)
  const guesses = given.shape.at(-1) === 1 && wanted.ndim === given.ndim - 1 ? np.squeeze(given, { axis: -1 }) : given
  const { mask } = options
  const counts = mask === undefined ? np.onesLike(guesses) : np.notEqual(mask, 0).astype(guesses.dtype)
  if (!sameShape(wanted.shape, guesses.shape) || !sameShape(counts.shape, guesses.shape)) {
    throw new ShapeError(
      `regression: predictions have shape ${showShape(given.shape)}, targets ${showShape(wanted.shape)}` +
        `${mask === undefined ? '' : `, and the mask ${showShape(counts.shape)}`}: one for each.`,
    )
  }
  const errors = errorOf(np.subtract(guesses, wanted.astype(guesses.dtype)), options)
  return objectiveOf(np.sum(np.where(np.equal(counts, 0), 0, errors)), np.sum(counts))
}
