/** Which keys each query may see: boolean masks that broadcast to `[batch, heads, queries, keys]`. */
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

/** Both; null is no restriction. */
export const bothMasks = (a: NDArray | null, b: NDArray | null): NDArray | null =>
  a === null ? b : b === null ? a : np.logicalAnd(a, b)
