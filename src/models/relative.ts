/** Relative positions as in T5: a learned bias is added to attention scores, one for each range of distances (bucket). */
import * as np from '../numpy/index.ts'
import type { NDArray } from '../trace/value.ts'
import type { Span } from './masks.ts'

/** The parameters of buckets. */
export interface BucketConfig {
  readonly numBuckets: number
  /** Distances from here on share the last bucket. */
  readonly maxDistance: number
}

const { fround, log, min, trunc } = Math

/**
 * The bucket of each distance from 0 to `maxDistance`. The first e buckets, half of them, hold one distance each; the others
 * are logarithmic: `e + ⌊log(distance / e) / log(maxDistance / e) · (numBuckets - e)⌋`, rounded to float32 at each step, as in
 * PyTorch: at powers of two the floor depends on it.
 */
export const bucketsOfDistances = ({ numBuckets, maxDistance }: BucketConfig): Int32Array<ArrayBuffer> => {
  const exact = Math.floor(numBuckets / 2)
  const scale = fround(log(maxDistance / exact))
  return Int32Array.from({ length: maxDistance + 1 }, (_, distance) => {
    if (distance < exact) return distance
    const share = fround(fround(log(fround(distance / exact))) / scale)
    return min(numBuckets - 1, exact + trunc(fround(share * (numBuckets - exact))))
  })
}

/** Buckets of distances, looked up. */
const lookUp = (distances: NDArray, config: BucketConfig): NDArray =>
  np.take(np.array(bucketsOfDistances(config)), np.minimum(distances, config.maxDistance))

/** Keys after the query count as distance 0: a decoder does not see them. Shape `[queries, keys]`. */
const bucketsBefore = (ahead: NDArray, config: BucketConfig): NDArray =>
  lookUp(np.maximum(np.negative(ahead), 0), config)

/** Half of the buckets are for keys after the query. Shape `[queries, keys]`. */
const bucketsAround = (ahead: NDArray, { numBuckets, maxDistance }: BucketConfig): NDArray => {
  const half = Math.floor(numBuckets / 2)
  const after = np.multiply(np.greater(ahead, 0).astype('int32'), half)
  return np.add(after, lookUp(np.abs(ahead), { numBuckets: half, maxDistance }))
}

/**
 * The bias of attention scores, shape `[1, heads, queries, keys]`.
 *
 * @param table - a number for each bucket and head, shape `[numBuckets, heads]`.
 */
export const relativeBias = (
  { weight: table }: { readonly weight: NDArray },
  { queries, keys, offset = 0 }: Span,
  config: BucketConfig,
  kind: 'bidirectional' | 'causal',
): NDArray => {
  const places = np.add(np.expandDims(np.arange(queries), 1), offset)
  const ahead = np.subtract(np.expandDims(np.arange(keys), 0), places)
  const buckets = kind === 'causal' ? bucketsBefore(ahead, config) : bucketsAround(ahead, config)
  return np.expandDims(np.transpose(np.take(table, buckets, { axis: 0 }), [2, 0, 1]), 0)
}
