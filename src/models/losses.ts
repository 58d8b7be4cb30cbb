/** Losses as in `transformers`. */
import { ShapeError } from '../core/errors.ts'
import { sameShape, showShape } from '../core/shape.ts'
import { stopGradient } from '../api/derivatives.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { anArray, arrayOfRank } from './doors.ts'
import { asInt32 } from './inputs.ts'
import { rowsOf } from './layers.ts'

/** The label of tokens that do not count. */
export const IGNORED = -100

const someScores = must.kind('an array of shape [..., classes]', (x) => anArray.accepts(x) && (x as NDArray).ndim > 0, {
  error: ShapeError,
})

/**
 * `log(softmax(scores))` at one class of each row, without an array for all classes: the only residual is one array of the
 * scores' size. For a class that does not exist, the result is NaN.
 *
 * @param classes - integers of shape `[...]`, not negative.
 */
export const logProbabilityAt = (scores: NDArray, classes: NDArray): NDArray => {
  const count = scores.shape.at(-1)!
  const shifted = np.subtract(scores, stopGradient(np.max(scores, { axis: -1, keepdims: true })))
  const isPicked = np.equal(np.arange(count), np.expandDims(classes, -1))
  const picked = np.sum(np.where(isPicked, shifted, 0), { axis: -1 })
  const total = np.log(np.sum(np.exp(shifted), { axis: -1 }))
  return np.where(np.less(classes, count), np.subtract(picked, total), NaN)
}

/** Shifts labels to the token before; the last token has none. So the scores need not be sliced, which would copy them. */
export const nextLabels = (labels: NDArray): NDArray =>
  np.pad(labels.at(':', np.slice(1, labels.shape[1])).get(), [[0, 0], [0, Math.min(1, labels.shape[1]!)]], { constantValues: IGNORED }) // prettier-ignore

const crossEntropyDoor = must.door('crossEntropy', { logits: someScores, labels: must.arrayLike })

const nextTokenLossDoor = must.door('nextTokenLoss', {
  logits: arrayOfRank(3, '[batch, length, classes]'),
  labels: must.arrayLike,
})

/**
 * Cross-entropy of scores against labels, its mean over the labels that are not -100; NaN where all are.
 *
 * A label that is not a class throws an `IndexError` if it is known, and makes the loss NaN if a transformation traces it.
 *
 * @param logits - shape `[..., classes]`.
 * @param labels - integers of shape `[...]`.
 * @throws DTypeError for labels that are not integers, ShapeError for labels of another shape.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { crossEntropy } from 'pullback/models'
 * const logits = np.array([[0, 0], [0, 100], [5, 5]])
 * crossEntropy(logits, [0, 1, 0]) // => 0.46209812
 * // -100 does not count.
 * crossEntropy(logits, [0, -100, -100]) // => 0.6931472
 * crossEntropy(logits, [0, 1, 2]) // throws IndexError
 * ```
 */
export const crossEntropy = (logits: NDArray, labels: ArrayLike): NDArray => {
  crossEntropyDoor(logits, labels)
  const given = asInt32('crossEntropy: labels', labels)
  if (!sameShape(given.shape, logits.shape.slice(0, -1))) {
    throw new ShapeError(
      `crossEntropy: labels have shape ${showShape(given.shape)}, and scores ${showShape(logits.shape)}: ` +
        'there is one label for all scores along the last axis.',
    )
  }
  const counts = np.notEqual(given, IGNORED)
  const safe = np.where(counts, rowsOf(given, logits.shape.at(-1)!, 'crossEntropy: labels', IGNORED), 0)
  const losses = np.where(counts, np.negative(logProbabilityAt(logits, safe)), 0)
  return np.divide(np.sum(losses), np.sum(counts.astype(losses.dtype)))
}

/**
 * Cross-entropy of each token's scores against the next token's label.
 *
 * @param logits - shape `[batch, length, classes]`.
 * @param labels - integers of shape `[batch, length]`, -100 where nothing counts.
 * @throws DTypeError for labels that are not integers, ShapeError for labels of another shape.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { nextTokenLoss } from 'pullback/models'
 * // Scores of two tokens, certain of token 1 everywhere.
 * const logits = np.array([[[0, 100], [0, 100], [0, 100]]])
 * // The first label is nobody's next.
 * nextTokenLoss(logits, [[0, 1, 1]]) // => 0.
 * nextTokenLoss(logits, [[1, 1, 0]]) // => 50.
 * ```
 */
export const nextTokenLoss = (logits: NDArray, labels: ArrayLike): NDArray => {
  nextTokenLossDoor(logits, labels)
  const given = asInt32('nextTokenLoss: labels', labels)
  if (!sameShape(given.shape, logits.shape.slice(0, -1))) {
    throw new ShapeError(
      `nextTokenLoss: labels have shape ${showShape(given.shape)}, and scores ${showShape(logits.shape)}: ` +
        'there is one label for each token.',
    )
  }
  return crossEntropy(logits, nextLabels(given))
}

const spanLossDoor = must.door('spanLoss', {
  startLogits: arrayOfRank(2, '[batch, length]'),
  endLogits: arrayOfRank(2, '[batch, length]'),
  starts: must.arrayLike,
  ends: must.arrayLike,
})

/**
 * The mean of two cross-entropies, for the beginning and for the end of a span. Negative positions count as the first token,
 * and positions beyond the text do not count, as after truncation.
 *
 * @param startLogits - shape `[batch, length]`.
 * @param endLogits - shape `[batch, length]`.
 * @param starts - integers of shape `[batch]`.
 * @param ends - integers of shape `[batch]`.
 * @throws DTypeError for positions that are not integers, ShapeError for another number of them.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { spanLoss } from 'pullback/models'
 * const none = np.zeros([1, 4])
 * spanLoss(none, none, [1], [2]) // => 1.3862944
 * // An end beyond the text does not count: of nothing the mean is NaN.
 * spanLoss(none, none, [1], [9]) // => nan
 * ```
 */
export const spanLoss = (startLogits: NDArray, endLogits: NDArray, starts: ArrayLike, ends: ArrayLike): NDArray => {
  spanLossDoor(startLogits, endLogits, starts, ends)
  const lossOf = (name: string, logits: NDArray, given: ArrayLike): NDArray => {
    const places = asInt32(`spanLoss: ${name}`, given)
    const isThere = np.less(places, logits.shape[1]!)
    return crossEntropy(logits, np.where(isThere, np.maximum(places, 0), IGNORED).astype('int32'))
  }
  return np.divide(np.add(lossOf('starts', startLogits, starts), lossOf('ends', endLogits, ends)), 2)
}
