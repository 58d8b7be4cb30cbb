/** Which keys each query may see: boolean masks that broadcast to `[batch, heads, queries, keys]`. */
import { cummax } from '../lax/reduction.ts'
import * as np from '../numpy/index.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'

/** Keys that are no padding, from a mask of shape `[batch, keys]`; null sees all. */
export const paddingMask = (attentionMask: ArrayLike | undefined): NDArray | null =>
  attentionMask === undefined ? null : np.expandDims(np.notEqual(attentionMask, 0), [1, 2])

/** Where queries and keys stand in a sequence. */
export interface Span {
  readonly queries: number
  readonly keys: number
  /** The place of the first query among the keys: 0, or how many tokens are in a cache. */
  readonly offset?: ArrayLike
}

/**
 * Query i sees keys up to i; with `window`, only the last so many of them. Shape `[queries, keys]`.
 *
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * layers.causalMask({ queries: 2, keys: 4, offset: 2 }) // => [[ True  True  True False]\n [ True  True  True  True]]
 * layers.causalMask({ queries: 2, keys: 4, offset: 2 }, 2) // => [[False  True  True False]\n [False False  True  True]]
 * ```
 */
export const causalMask = ({ queries, keys, offset = 0 }: Span, window?: number): NDArray => {
  const rows = np.add(np.expandDims(np.arange(queries), 1), offset)
  const columns = np.expandDims(np.arange(keys), 0)
  const past = np.lessEqual(columns, rows)
  return window === undefined ? past : np.logicalAnd(past, np.greater(columns, np.subtract(rows, window)))
}

/**
 * Tokens see those of their own segment: samples that are packed into one row do not see each other, and padding, segment 0, sees
 * padding.
 *
 * @param segments - integers of shape `[batch, length]`.
 * @returns shape `[batch, 1, length, length]`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { layers } from 'pullback/models'
 * const segments = np.array([[1, 1, 2]], { dtype: 'int32' })
 * np.squeeze(layers.segmentMask(segments)) // => [[ True  True False]\n [ True  True False]\n [False False  True]]
 * ```
 */
export const segmentMask = (segments: ArrayLike): NDArray =>
  np.equal(np.expandDims(segments, [1, 3]), np.expandDims(segments, [1, 2]))

/**
 * Where tokens stand in their segments: each run of one segment counts from 0.
 *
 * @param segments - integers of shape `[batch, length]`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { layers } from 'pullback/models'
 * layers.segmentPositions(np.array([[1, 1, 2, 2, 2, 0]], { dtype: 'int32' })) // => [[0 1 0 1 2 0]]
 * ```
 */
export const segmentPositions = (segments: NDArray): NDArray => {
  const length = segments.shape[1]!
  const places = np.expandDims(np.arange(length), 0)
  const before = np.roll(segments, 1, { axis: 1 })
  // Where a run begins; the first place begins one whatever the last segment is.
  const starts = np.where(np.notEqual(segments, before), places, 0)
  return np.subtract(places, cummax(starts, 1))
}

/** Both; null is no restriction. */
export const bothMasks = (a: NDArray | null, b: NDArray | null): NDArray | null =>
  a === null ? b : b === null ? a : np.logicalAnd(a, b)
