/** Attention as `transformers` computes it. */
import { customJvp } from '../api/custom.ts'
import * as nn from '../nn/index.ts'
import * as np from '../numpy/index.ts'
import { ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { sameShape, showShape } from '../core/shape.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { anArray, arrayOfRank, orNull } from './doors.ts'
import type { Drop, LinearParams } from './layers.ts'
import { applyLinear, splitHeads } from './layers.ts'

/** The lowest float32: added to a score, it absorbs the score, and its softmax weight is 0 compared with any other. */
const LEAST = -3.4028234663852886e38

/**
 * Softmax over the last axis, P, with dP = P (dx − Σ P dx): a derivative whose only residual is P, which the product with
 * values keeps anyway. The derivative of exponentials divided by their sum would keep those too: twice the memory of the
 * largest arrays of attention.
 */
const weigh = customJvp(
  (x: NDArray): NDArray => nn.softmax(x),
  ([x], [t]) => {
    const p = nn.softmax(x)
    const moved = np.multiply(p, t)
    return [p, np.subtract(moved, np.multiply(p, np.sum(moved, { axis: -1, keepdims: true })))]
  },
)

/** Options of `attend`. */
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

/** `cap · tanh(x / cap)`, as in Gemma 2; null leaves x as it is. */
export const softcapped = (x: NDArray, cap: number | null): NDArray =>
  cap === null ? x : np.multiply(np.tanh(np.divide(x, cap)), cap)

/** Splits the heads axis into one for key heads and one for the query heads that share them. */
const groupedMask = (mask: NDArray, keyHeads: number): NDArray => {
  const full = np.reshape(mask, [...Array<number>(4 - mask.ndim).fill(1), ...mask.shape])
  const [batch, heads, queries, keys] = full.shape as readonly [number, number, number, number]
  return np.reshape(
    full,
    heads === 1 ? [batch, 1, 1, queries, keys] : [batch, keyHeads, heads / keyHeads, queries, keys],
  )
}

const heads = arrayOfRank(4, '[batch, length, heads, headDim]')

const attendDoor = must.door('attend', {
  query: heads,
  key: heads,
  value: heads,
  options: must.optionsOf<AttendOptions>({
    mask: orNull(anArray),
    bias: must.arrayLike,
    scale: must.finite,
    softcap: must.nullable(must.positive),
    drop: must.func,
    dropRate: must.number,
  }),
})

/** Queries, keys and values must have the same batch and head size, and the number of key heads must divide that of query heads. */
const checkHeads = (query: NDArray, key: NDArray, value: NDArray): void => {
  const [batch, , heads, headDim] = query.shape as readonly [number, number, number, number]
  const [keyBatch, , keyHeads, keyDim] = key.shape as readonly [number, number, number, number]
  if (!sameShape(key.shape, value.shape)) {
    throw new ShapeError(`attend: keys and values have one shape, got ${key.aval} and ${value.aval}.`)
  }
  if (keyBatch === batch && keyDim === headDim && keyHeads > 0 && heads % keyHeads === 0) return
  throw new ShapeError(
    `attend: queries ${query.aval} and keys ${key.aval} are [batch, length, heads, headDim] with the same batch and headDim, ` +
      'and heads of queries are a multiple of those of keys.',
  )
}

/** What is added to scores must have their extents, or 1. */
const checkScores = (name: string, x: NDArray, scores: Shape): void => {
  const fits = x.ndim <= 4 && x.shape.every((extent, i) => extent === 1 || extent === scores[4 - x.ndim + i])
  if (fits) return
  throw new ShapeError(
    `attend: ${name} has shape ${showShape(x.shape)}, which does not broadcast to that of the scores, ` +
      `[batch, heads, queries, keys]: ${showShape(scores)}.`,
  )
}

/**
 * `softmax(scale · q kᵀ) v`, head by head; query heads share key heads in groups. The result of a query that sees no key is the
 * mean of all values, with its gradient, as in `transformers`: it is padding, and must not be NaN.
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
  attendDoor(query, key, value, options)
  checkHeads(query, key, value)
  const [batch, queries, heads, headDim] = query.shape as readonly [number, number, number, number]
  const keyHeads = key.shape[2]!
  const { mask = null, bias, softcap = null, scale = 1 / Math.sqrt(headDim), drop, dropRate = 0 } = options
  const shape = [batch, heads, queries, key.shape[1]!]
  if (mask !== null) checkScores('mask', mask, shape)
  const added = bias === undefined ? null : np.asarray(bias)
  if (added !== null) checkScores('bias', added, shape)
  const grouped = np.reshape(query, [batch, queries, keyHeads, heads / keyHeads, headDim])
  const fits = np.multiply(np.einsum('btkgh,bskh->bkgts', grouped, key), scale)
  const capped = softcapped(fits, softcap)
  const scores = added === null ? capped : np.add(capped, groupedMask(added, keyHeads))
  // In 16 bits LEAST is infinite, and the result of a query that sees no key would be NaN.
  const wide = scores.dtype === 'float16' || scores.dtype === 'bfloat16' ? scores.astype('float32') : scores
  const seen = mask === null ? wide : np.add(wide, np.where(groupedMask(mask, keyHeads), 0, LEAST))
  const weights = weigh(seen).astype(scores.dtype)
  const kept = drop === undefined ? weights : drop(weights, dropRate)
  drop?.attentions?.push(np.reshape(kept, [batch, heads, queries, kept.shape[4]!]))
  return np.reshape(np.einsum('bkgts,bskh->btkgh', kept, value), [batch, queries, heads * headDim])
}

/** Queries, keys and values of the same text. */
interface SelfAttentionParams {
  readonly query: LinearParams
  readonly key: LinearParams
  readonly value: LinearParams
}

/** Self-attention: projections, then `attend`. Shape `[batch, length, features]`. */
export const attendToSelf = (
  params: SelfAttentionParams,
  x: NDArray,
  heads: number,
  options: AttendOptions,
): NDArray => {
  const projected = (p: LinearParams): NDArray => splitHeads(applyLinear(p, x), heads)
  return attend(projected(params.query), projected(params.key), projected(params.value), options)
}
