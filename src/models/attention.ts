/** Attention as `transformers` computes it. */
import * as nn from '../nn/index.ts'
import * as np from '../numpy/index.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'
import type { Drop } from './layers.ts'

/** The least float32: added to a score it is all that is left of it, and beside any other score its weight is 0. */
const LEAST = -3.4028234663852886e38

/** What attention may be asked for. */
export interface AttendOptions {
  /** Which keys each query sees, broadcast to `[batch, heads, queries, keys]`; null for all. */
  readonly mask?: NDArray | null
  /** Added to the scores, broadcast as the mask. */
  readonly bias?: ArrayLike
  /** Multiplies the scores; `1 / sqrt(headDim)` by default. */
  readonly scale?: number
  /** Scores become `cap · tanh(scores / cap)`, as in Gemma 2. */
  readonly softcap?: number | null
  /** Dropout of the weights. */
  readonly drop?: Drop
  readonly dropRate?: number
}

/** With one axis for key heads and one for the query heads that share them. */
const groupedMask = (mask: NDArray, keyHeads: number): NDArray => {
  const full = np.reshape(mask, [...Array<number>(4 - mask.ndim).fill(1), ...mask.shape])
  const [batch, heads, queries, keys] = full.shape as readonly [number, number, number, number]
  return np.reshape(
    full,
    heads === 1 ? [batch, 1, 1, queries, keys] : [batch, keyHeads, heads / keyHeads, queries, keys],
  )
}

/**
 * `softmax(scale · q kᵀ) v`, head by head; query heads share key heads in groups. A query that sees no key gets the mean of all
 * values, and moves them so, as in `transformers`: it is padding, and what becomes of it must not be NaN.
 *
 * @param query - shape `[batch, queries, heads, headDim]`.
 * @param key - shape `[batch, keys, keyHeads, headDim]`; `heads` is a multiple of `keyHeads`.
 * @param value - shape of `key`.
 * @returns shape `[batch, queries, heads · headDim]`.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { layers } from 'pullback/models'
 * const [query, key, value] = random.normal(random.key(0), [3, 2, 5, 4, 8])
 * const mask = layers.causalMask({ queries: 5, keys: 5 })
 * const y = layers.attend(query!, key!, value!, { mask })
 * y.shape // => 2,5,32
 * // The first query sees the first key only: what it gets is its value.
 * np.allclose(y.at(':', 0).get(), np.reshape(value!.at(':', 0).get(), [2, 32])).bool() // => true
 * ```
 */
export const attend = (query: NDArray, key: NDArray, value: NDArray, options: AttendOptions = {}): NDArray => {
  const [batch, queries, heads, headDim] = query.shape as readonly [number, number, number, number]
  const keyHeads = key.shape[2]!
  const { mask = null, bias, softcap = null, scale = 1 / Math.sqrt(headDim), drop, dropRate = 0 } = options
  const grouped = np.reshape(query, [batch, queries, keyHeads, heads / keyHeads, headDim])
  const fits = np.multiply(np.einsum('btkgh,bskh->bkgts', grouped, key), scale)
  const capped = softcap === null ? fits : np.multiply(np.tanh(np.divide(fits, softcap)), softcap)
  const scores = bias === undefined ? capped : np.add(capped, groupedMask(np.asarray(bias), keyHeads))
  // In 16 bits LEAST is an infinity, and a query that sees no key would be NaN.
  const wide = scores.dtype === 'float16' || scores.dtype === 'bfloat16' ? scores.astype('float32') : scores
  const seen = mask === null ? wide : np.add(wide, np.where(groupedMask(mask, keyHeads), 0, LEAST))
  const weights = nn.softmax(seen).astype(scores.dtype)
  const kept = drop === undefined ? weights : drop(weights, dropRate)
  return np.reshape(np.einsum('bkgts,bskh->btkgh', kept, value), [batch, queries, heads * headDim])
}
