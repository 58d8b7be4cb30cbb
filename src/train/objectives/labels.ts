/** Labels: integers beside scores, -100 where nothing counts. */
import { ArgumentError, ShapeError } from '../../core/errors.ts'
import { sameShape, showShape } from '../../core/shape.ts'
import { asInt32, integersBesideTokens, knownElements } from '../../models/inputs.ts'
import { IGNORED } from '../../models/losses.ts'
import * as np from '../../numpy/index.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'

/** Labels as int32, of the shape of the scores without their last axis. */
export const labelsBeside = (operation: string, labels: ArrayLike, scores: NDArray): NDArray => {
  const given = asInt32(`${operation}: labels`, labels)
  if (sameShape(given.shape, scores.shape.slice(0, -1))) return given
  throw new ShapeError(
    `${operation}: labels have shape ${showShape(given.shape)}, and scores ${showShape(scores.shape)}: ` +
      'there is one label for all scores along the last axis.',
  )
}

/** Rejects a batch in which nothing counts. Where labels are traced, its loss is NaN instead. */
export const checkCounted = (operation: string, labels: NDArray): void => {
  const known = knownElements(labels)
  if (known === null || known.some((label: number | bigint) => Number(label) !== IGNORED)) return
  const count = known.length === 0 ? 'there are none' : `all ${known.length} are ${IGNORED}`
  throw new ArgumentError(
    `${operation}: no label counts, ${count}, so there is no loss. Leave such rows out; ` +
      'a prompt that fills the whole length leaves no answer to learn from.',
  )
}

/** All but the last position of `[batch, length, ...]`. */
export const allButLast = (x: NDArray): NDArray => x.at(':', np.slice(0, x.shape[1]! - 1)).get()

/** All but the first position of `[batch, length]`. */
export const allButFirst = (x: NDArray): NDArray => x.at(':', np.slice(1, x.shape[1])).get()

/** Labels in which the first of each segment, and padding, do not count: nothing in their own sample predicts them. */
export const withinSegments = (operation: string, labels: NDArray, segmentIds: ArrayLike): NDArray => {
  const [batch, length] = labels.shape as readonly [number, number]
  const segments = integersBesideTokens(operation, 'segmentIds', segmentIds, [batch, length])
  const starts = np.notEqual(segments, np.roll(segments, 1, { axis: 1 }))
  return np.where(np.logicalOr(starts, np.equal(segments, 0)), IGNORED, labels)
}
