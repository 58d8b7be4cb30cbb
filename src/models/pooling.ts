/** One vector for a text, from the vectors of its tokens. */
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { anArray, arrayOfRank } from './doors.ts'
import { besideTokens } from './inputs.ts'

const meanPoolingDoor = must.door('meanPooling', {
  hidden: arrayOfRank(3, '[batch, length, features]'),
  attentionMask: must.optional(must.arrayLike),
})

const normalizeDoor = must.door('normalize', { x: anArray })

/**
 * The mean of the tokens that are not padding, as in sentence encoders.
 *
 * @param hidden - shape `[batch, length, features]`.
 * @param attentionMask - shape `[batch, length]`; all 1 by default.
 * @returns shape `[batch, features]`; 0 for a text without tokens.
 * @throws ShapeError if the mask has another shape.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { meanPooling } from 'pullback/models'
 * const hidden = np.array([[[1, 1], [3, 5], [9, 9]]])
 * meanPooling(hidden, [[1, 1, 0]]) // => [[2. 3.]]
 * ```
 */
export const meanPooling = (hidden: NDArray, attentionMask?: ArrayLike): NDArray => {
  meanPoolingDoor(hidden, attentionMask)
  if (attentionMask === undefined) return np.mean(hidden, { axis: 1 })
  const tokens = hidden.shape.slice(0, 2) as readonly number[] as readonly [batch: number, length: number]
  const mask = besideTokens('meanPooling', 'attentionMask', attentionMask, tokens)
  const weights = np.expandDims(np.notEqual(mask, 0).astype(hidden.dtype), -1)
  const count = np.maximum(np.sum(weights, { axis: 1 }), 1)
  return np.divide(np.sum(np.multiply(hidden, weights), { axis: 1 }), count)
}

/**
 * Normalises vectors to length 1, along the last axis. A zero vector stays zero.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { normalize } from 'pullback/models'
 * normalize(np.array([[3, 4], [0, 0]])) // => [[0.6 0.8]\n [0.  0. ]]
 * ```
 */
export const normalize = (x: NDArray): NDArray => {
  normalizeDoor(x)
  const norm = np.sqrt(np.sum(np.square(x), { axis: -1, keepdims: true }))
  return np.divide(x, np.maximum(norm, 1e-12))
}
