/** Which keys each query may see: boolean masks that broadcast to `[batch, heads, queries, keys]`. */
import { ShapeError } from '../core/errors.ts'
import { showShape } from '../core/shape.ts'
import { cummax } from '../lax/reduction.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { anArray, orNull, withMembers } from './doors.ts'

const paddingMaskDoor = must.door('paddingMask', { attentionMask: must.optional(must.arrayLike) })

/**
 * Keys that are not padding, from a mask of shape `[batch, keys]`: `[batch, 1, 1, keys]`, bool; without a mask null, which
 * shows all.
 *
 * @throws ShapeError for a mask of another rank.
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * layers.paddingMask([[1, 1, 0]])?.shape // => 1,1,1,3
 * layers.paddingMask(undefined) // => null
 * ```
 */
export const paddingMask = (attentionMask: ArrayLike | undefined): NDArray | null => {
  paddingMaskDoor(attentionMask)
  if (attentionMask === undefined) return null
  const mask = np.asarray(attentionMask)
  if (mask.ndim === 2) return np.expandDims(np.notEqual(mask, 0), [1, 2])
  throw new ShapeError(`paddingMask: a mask is of shape [batch, keys], got one of shape ${showShape(mask.shape)}.`)
}

/** The positions of queries and keys in a sequence. */
export interface Span {
  readonly queries: number
  readonly keys: number
  /** The position of the first query among the keys: 0, or the number of tokens in a cache. */
  readonly offset?: ArrayLike
}

const causalMaskDoor = must.door('causalMask', {
  span: withMembers({ queries: must.extent, keys: must.extent, offset: must.optional(must.integral) }),
  window: must.optional(must.natural),
})

/**
 * Query i sees keys up to i; with `window`, only the last `window` of them. Shape `[queries, keys]`.
 *
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * layers.causalMask({ queries: 2, keys: 4, offset: 2 }) // => [[ True  True  True False]\n [ True  True  True  True]]
 * layers.causalMask({ queries: 2, keys: 4, offset: 2 }, 2) // => [[False  True  True False]\n [False False  True  True]]
 * ```
 */
export const causalMask = (span: Span, window?: number): NDArray => {
  causalMaskDoor(span, window)
  const { queries, keys, offset = 0 } = span
  const rows = np.add(np.expandDims(np.arange(queries), 1), offset)
  const columns = np.expandDims(np.arange(keys), 0)
  const past = np.lessEqual(columns, rows)
  return window === undefined ? past : np.logicalAnd(past, np.greater(columns, np.subtract(rows, window)))
}

/** Segments as an array of two axes. */
const segmentsFor = (operation: string, segments: ArrayLike): NDArray => {
  must.checkArguments(operation, { segments: must.arrayLike }, segments)
  const given = np.asarray(segments)
  if (given.ndim === 2) return given
  throw new ShapeError(
    `${operation}: segments are of shape [batch, length], got one of shape ${showShape(given.shape)}.`,
  )
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
export const segmentMask = (segments: ArrayLike): NDArray => {
  const given = segmentsFor('segmentMask', segments)
  return np.equal(np.expandDims(given, [1, 3]), np.expandDims(given, [1, 2]))
}

/**
 * The positions of tokens in their segments: each run of a segment counts from 0.
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
export const segmentPositions = (segments: ArrayLike): NDArray => {
  const given = segmentsFor('segmentPositions', segments)
  const places = np.expandDims(np.arange(given.shape[1]!), 0)
  const before = np.roll(given, 1, { axis: 1 })
  // The starts of runs; the first position always starts one, whatever the last segment is.
  const starts = np.where(np.notEqual(given, before), places, 0)
  return np.subtract(places, cummax(starts, 1))
}

const bothMasksDoor = must.door('bothMasks', { a: orNull(anArray), b: orNull(anArray) })

/**
 * The conjunction of two masks; null is not a restriction.
 *
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * const mask = layers.bothMasks(layers.paddingMask([[1, 0, 1]]), layers.causalMask({ queries: 3, keys: 3 }))
 * mask?.at(0, 0).get() // => [[ True False False]\n [ True False False]\n [ True False  True]]
 * layers.bothMasks(null, null) // => null
 * ```
 */
export const bothMasks = (a: NDArray | null, b: NDArray | null): NDArray | null => {
  bothMasksDoor(a, b)
  return a === null ? b : b === null ? a : np.logicalAnd(a, b)
}
