/** Losses as `transformers` takes them. */
import { ShapeError } from '../core/errors.ts'
import { sameShape, showShape } from '../core/shape.ts'
import * as nn from '../nn/index.ts'
import * as np from '../numpy/index.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'
import { asInt32, rowsOf } from './layers.ts'

/** A label of tokens that do not count. */
export const IGNORED = -100

/**
 * Cross-entropy of scores against labels, its mean over the labels that are not -100; NaN where none is left.
 *
 * A label that is no class throws an `IndexError` if it is known, and makes the loss NaN if a transformation traces it.
 *
 * @param logits - shape `[..., classes]`.
 * @param labels - integers of shape `[...]`.
 */
export const crossEntropy = (logits: NDArray, labels: ArrayLike): NDArray => {
  const given = asInt32(labels)
  if (!sameShape(given.shape, logits.shape.slice(0, -1))) {
    throw new ShapeError(
      `crossEntropy: labels have shape ${showShape(given.shape)}, and scores ${showShape(logits.shape)}: ` +
        'there is one label for all scores along the last axis.',
    )
  }
  const counts = np.notEqual(given, IGNORED)
  const safe = np.where(counts, rowsOf(given, logits.shape.at(-1)!, 'labels', IGNORED), 0)
  const picked = np.takeAlongAxis(nn.logSoftmax(logits), np.expandDims(safe, -1), -1)
  const losses = np.where(counts, np.negative(np.squeeze(picked, { axis: -1 })), 0)
  return np.divide(np.sum(losses), np.sum(counts.astype(losses.dtype)))
}

/** Cross-entropy of each token's scores against the next token's label. */
export const nextTokenLoss = (logits: NDArray, labels: ArrayLike): NDArray => {
  const given = asInt32(labels)
  const length = given.shape[1]!
  return crossEntropy(logits.at(':', np.slice(0, length - 1)).get(), given.at(':', np.slice(1, length)).get())
}
