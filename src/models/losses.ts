/** Losses as `transformers` takes them. */
import { ShapeError } from '../core/errors.ts'
import { sameShape, showShape } from '../core/shape.ts'
import * as nn from '../nn/index.ts'
import * as np from '../numpy/index.ts'
import * as must from '../surface/arguments.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'
import { anArray, arrayOfRank } from './doors.ts'
import { asInt32, rowsOf } from './layers.ts'

/** A label of tokens that do not count. */
export const IGNORED = -100

const someScores = must.kind('an array of shape [..., classes]', (x) => anArray.accepts(x) && (x as NDArray).ndim > 0, {
  error: ShapeError,
})

const crossEntropyDoor = must.door('crossEntropy', { logits: someScores, labels: must.arrayLike })

const nextTokenLossDoor = must.door('nextTokenLoss', {
  logits: arrayOfRank(3, '[batch, length, classes]'),
  labels: must.arrayLike,
})

/**
 * Cross-entropy of scores against labels, its mean over the labels that are not -100; NaN where none is left.
 *
 * A label that is no class throws an `IndexError` if it is known, and makes the loss NaN if a transformation traces it.
 *
 * @param logits - shape `[..., classes]`.
 * @param labels - integers of shape `[...]`.
 */
export const crossEntropy = (logits: NDArray, labels: ArrayLike): NDArray => {
  crossEntropyDoor(logits, labels)
  const given = asInt32(labels)
  if (!sameShape(given.shape, logits.shape.slice(0, -1))) {
    throw new ShapeError(
      `crossEntropy: labels have shape ${showShape(given.shape)}, and scores ${showShape(logits.shape)}: ` +
        'there is one label for all scores along the last axis.',
    )
  }
  const counts = np.notEqual(given, IGNORED)
  const safe = np.where(counts, rowsOf(given, logits.shape.at(-1)!, 'crossEntropy: labels', IGNORED), 0)
  const picked = np.takeAlongAxis(nn.logSoftmax(logits), np.expandDims(safe, -1), -1)
  const losses = np.where(counts, np.negative(np.squeeze(picked, { axis: -1 })), 0)
  return np.divide(np.sum(losses), np.sum(counts.astype(losses.dtype)))
}

/**
 * Cross-entropy of each token's scores against the next token's label.
 *
 * @param logits - shape `[batch, length, classes]`.
 * @param labels - integers of shape `[batch, length]`, -100 where nothing counts.
 * @throws ShapeError for labels of another shape.
 */
export const nextTokenLoss = (logits: NDArray, labels: ArrayLike): NDArray => {
  nextTokenLossDoor(logits, labels)
  const given = asInt32(labels)
  if (!sameShape(given.shape, logits.shape.slice(0, -1))) {
    throw new ShapeError(
      `nextTokenLoss: labels have shape ${showShape(given.shape)}, and scores ${showShape(logits.shape)}: ` +
        'there is one label for each token.',
    )
  }
  const length = given.shape[1]!
  return crossEntropy(logits.at(':', np.slice(0, length - 1)).get(), given.at(':', np.slice(1, length)).get())
}
