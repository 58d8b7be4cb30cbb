/** Attention: means of values, weighted by how well keys match queries. */
import type { DType } from '../core/dtype.ts'
import { isHalf } from '../core/dtype.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { sizeOf } from '../core/shape.ts'
import * as np from '../numpy/index.ts'
import type { Key } from '../random/keys.ts'
import { consume, splitKey } from '../random/keys.ts'
import { arrayFor, asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { inexact } from '../conversions/promote.ts'
import { asOneProgram } from '../runtime/whole.ts'
import { composite } from '../trace/interpreter.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { tanh } from './activations.ts'
import type { Initializer } from './initializers.ts'
import { lecunNormal } from './initializers.ts'
import type { RunOptions } from './layer.ts'
import { arraysFrom, initDoor, partsFrom } from './layer.ts'
import type { LinearParams } from './layers.ts'
import { linear } from './layers.ts'
import { softmax } from './softmax.ts'

/** Options of `dotProductAttention`. */
export interface AttentionOptions {
  /** Added to the logits; shape broadcast to `[batch, heads, T, S]`. */
  readonly bias?: ArrayLike
  /** Which keys each query may see (bool, broadcast to `[batch, heads, T, S]`). */
  readonly mask?: ArrayLike
  /** Query i sees keys up to i. */
  readonly isCausal?: boolean
  /** Multiplies the logits; `1 / sqrt(H)` by default. */
  readonly scale?: ArrayLike
  /** How many queries of each sequence count, shape `[batch]`; the results of others are zeros. */
  readonly querySeqLengths?: ArrayLike
  /** How many keys of each sequence count, shape `[batch]`. */
  readonly keyValueSeqLengths?: ArrayLike
  /** Query i sees keys from `i - left` to `i + right`; one number means both. */
  readonly localWindowSize?: number | readonly [left: number, right: number]
}

const attentionOptions: must.OptionTable<AttentionOptions> = {
  bias: must.arrayLike,
  mask: must.arrayLike,
  isCausal: must.boolean,
  scale: must.arrayLike,
  querySeqLengths: must.arrayLike,
  keyValueSeqLengths: must.arrayLike,
  localWindowSize: must.anyOf(must.natural, must.pairOf(must.natural)),
}

/** 16-bit floats as float32, so that intermediate values are not rounded. */
const computed = (x: NDArray): NDArray => (isHalf(x.dtype) ? x.astype('float32') : x)

const checkAttention = (q: NDArray, k: NDArray, v: NDArray): void => {
  const shapes = `query ${q.aval}, key ${k.aval}, value ${v.aval}`
  const fail = (what: string): never => {
    throw new ShapeError(`nn.dotProductAttention: ${what}: ${shapes}.`)
  }
  if (q.ndim !== 4 || k.ndim !== 4 || v.ndim !== 4)
    fail('arrays have shape [batch, length, heads, features], batch optional')
  if (k.shape.join() !== v.shape.join()) fail('keys and values must have one shape')
  if (q.shape[0] !== k.shape[0] || q.shape[3] !== k.shape[3]) fail('batch and features must agree')
  if (q.shape[2]! % Math.max(1, k.shape[2]!) !== 0) fail("the number of query heads must be a multiple of the keys'")
}

/** Which keys each query sees, of shape broadcast to `[batch, 1, T, S]`; null for all. */
const visible = (t: number, s: number, options: AttentionOptions): NDArray | null => {
  const rows = np.expandDims(np.arange(t), 1)
  const columns = np.arange(s)
  const parts: NDArray[] = []
  if (options.isCausal === true) parts.push(np.lessEqual(columns, rows))
  if (options.localWindowSize !== undefined) {
    const size = options.localWindowSize
    const [left, right] = typeof size === 'number' ? [size, size] : size
    parts.push(np.greaterEqual(columns, np.subtract(rows, left)), np.lessEqual(columns, np.add(rows, right)))
  }
  const perSequence = (lengths: ArrayLike): NDArray => np.reshape(asArray(lengths), [-1, 1, 1, 1])
  if (options.querySeqLengths !== undefined) parts.push(np.less(rows, perSequence(options.querySeqLengths)))
  if (options.keyValueSeqLengths !== undefined) parts.push(np.less(columns, perSequence(options.keyValueSeqLengths)))
  if (options.mask !== undefined) parts.push(asArray(options.mask))
  return parts.length === 0 ? null : parts.reduce((a, b) => np.logicalAnd(a, b))
}

/** Softmax over the visible keys; where none is visible, zeros with zero derivatives. */
const maskedSoftmax = (logits: NDArray, mask: NDArray | null): NDArray => {
  if (mask === null) return softmax(logits)
  // Finite, so that a row of nothing else is not NaN; so low that its weight is 0 compared with any other.
  const lowest = logits.dtype === 'float64' ? -1e308 : -1e38
  return np.where(mask, softmax(np.where(mask, logits, lowest)), 0)
}

/** `[batch, length, heads, ...]`, with heads grouped by the key head that they share. */
const grouped = (x: NDArray, keyHeads: number): NDArray => {
  const [b, t, n, h] = x.shape as readonly [number, number, number, number]
  return np.reshape(x, [b, t, keyHeads, n / Math.max(1, keyHeads), h])
}

/** Reshapes a mask or bias over all heads to one over key heads and groups. */
const groupedHeads = (x: NDArray, keyHeads: number): NDArray => {
  const full = np.reshape(x, [...Array<number>(Math.max(0, 4 - x.ndim)).fill(1), ...x.shape])
  const [b, n, t, s] = full.shape as readonly [number, number, number, number]
  return n === 1 ? np.expandDims(full, 1) : np.reshape(full, [b, keyHeads, n / keyHeads, t, s])
}

/** Attention of queries, keys and values with a batch axis; the scores are its largest array. */
const attended = asOneProgram(
  'nn.dotProductAttention',
  (q: NDArray, k: NDArray, v: NDArray, { scale: given, bias, ...options }: AttentionOptions): NDArray => {
    const keyHeads = k.shape[2]!
    const scale = given ?? 1 / Math.sqrt(q.shape[3]!)
    const fits = np.multiply(np.einsum('btkgh,bskh->bkgts', grouped(q, keyHeads), k), scale)
    const logits = bias === undefined ? fits : np.add(fits, groupedHeads(asArray(bias), keyHeads))
    const mask = visible(q.shape[1]!, k.shape[1]!, options)
    const weights = maskedSoftmax(logits, mask === null ? null : groupedHeads(mask, keyHeads))
    return np.reshape(np.einsum('bkgts,bskh->btkgh', weights, v), q.shape)
  },
  (q, k) => sizeOf(q.shape.slice(0, 3)) * k.shape[1]!,
)

const dotProductAttentionDoor = must.door('nn.dotProductAttention', {
  query: must.arrayLike,
  key: must.arrayLike,
  value: must.arrayLike,
  options: must.optionsOf(attentionOptions),
})

/**
 * `softmax(scale · q kᵀ + bias) v` over the heads of each sequence. Vaswani et al., "Attention is all you need" (2017). If
 * there are fewer key heads than query heads, groups of query heads share one: Ainslie et al. (2023). The result of a query
 * that sees no key is zeros.
 *
 * 16-bit floats are computed with in float32, and the result is rounded to the query's dtype. JAX takes the softmax in float32
 * too, but rounds the weights to 16 bits before it multiplies the values by them.
 *
 * @param query - shape `[batch, T, N, H]`, or without the batch.
 * @param key - shape `[batch, S, K, H]`; N is a multiple of K.
 * @param value - shape of `key`.
 * @returns shape of `query`, and its dtype.
 * @throws ShapeError if the shapes do not fit.
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * const q = np.ones([2, 5, 4, 8])
 * nn.dotProductAttention(q, q, q, { isCausal: true }).shape // => 2,5,4,8
 * ```
 */
export const dotProductAttention = (
  query: ArrayLike,
  key: ArrayLike,
  value: ArrayLike,
  options: AttentionOptions = {},
): NDArray =>
  composite('dotProductAttention', () => {
    dotProductAttentionDoor(query, key, value, options)
    const { dtype } = inexact(asArray(query))
    const given = [query, key, value].map((x) => computed(inexact(asArray(x))))
    const single = given[0]!.ndim === 3
    const [q, k, v] = (single ? given.map((x) => np.expandDims(x, 0)) : given) as [NDArray, NDArray, NDArray]
    checkAttention(q, k, v)
    const mean = attended(q, k, v, options)
    const result = single ? np.squeeze(mean, { axis: 0 }) : mean
    return isHalf(dtype) ? result.astype(dtype) : result
  })

/** Parameters of `multiHeadAttention`. */
export interface MultiHeadAttentionParams {
  readonly query: LinearParams
  readonly key: LinearParams
  readonly value: LinearParams
  readonly out: LinearParams
}

/** Options of `multiHeadAttention`. */
export interface MultiHeadAttentionOptions {
  /** Heads of keys and values; `numHeads` by default. */
  readonly numKeyValueHeads?: number
  /** Features of each head; `features / numHeads` by default. */
  readonly headFeatures?: number
  /** Features of the input of keys and values; `features` by default. */
  readonly memoryFeatures?: number
  /** Whether projections add a bias; true by default. */
  readonly bias?: boolean
  /** `lecunNormal()` by default. */
  readonly kernelInit?: Initializer
}

const multiHeadAttentionOptions: must.OptionTable<MultiHeadAttentionOptions> = {
  numKeyValueHeads: must.count,
  headFeatures: must.count,
  memoryFeatures: must.count,
  bias: must.boolean,
  kernelInit: must.func,
}

/** Options of a run of `multiHeadAttention`; it ignores `training` and `key`, which containers pass on. */
export interface MultiHeadRunOptions extends AttentionOptions, RunOptions {
  /** The sequence that is attended to, shape `[..., S, memoryFeatures]`; the input itself by default. */
  readonly memory?: ArrayLike
}

const multiHeadRunOptions: must.OptionTable<MultiHeadRunOptions> = {
  ...attentionOptions,
  memory: must.arrayLike,
  training: must.boolean,
  key: must.anything,
}

/** A layer of attention. */
export interface MultiHeadAttention {
  readonly init: (key: Key, dtype?: DType) => MultiHeadAttentionParams
  readonly apply: (params: MultiHeadAttentionParams, x: ArrayLike, options?: MultiHeadRunOptions) => NDArray
}

const multiHeadAttentionDoor = must.door('nn.multiHeadAttention', {
  features: must.count,
  numHeads: must.count,
  options: must.optionsOf(multiHeadAttentionOptions),
})

/**
 * Attention with learned projections of queries, keys, values and the result. Self-attention, unless `memory` is given.
 *
 * @throws ArgumentError if the heads do not divide the features; ShapeError from a run whose inputs do not fit.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const layer = nn.multiHeadAttention(16, 4, { numKeyValueHeads: 2 })
 * const params = layer.init(random.key(0))
 * layer.apply(params, np.ones([2, 5, 16]), { isCausal: true }).shape // => 2,5,16
 * ```
 */
export const multiHeadAttention = (
  features: number,
  numHeads: number,
  options: MultiHeadAttentionOptions = {},
): MultiHeadAttention => {
  multiHeadAttentionDoor(features, numHeads, options)
  const {
    numKeyValueHeads = numHeads,
    headFeatures = features / numHeads,
    memoryFeatures = features,
    bias = true,
    kernelInit = lecunNormal(),
  } = options
  const name = 'nn.multiHeadAttention'
  if (!Number.isInteger(headFeatures) || numHeads % numKeyValueHeads !== 0) {
    throw new ArgumentError(
      `${name}: ${numHeads} heads must divide ${features} features, and ${numKeyValueHeads} key-value heads the heads.`,
    )
  }
  const shared = { bias, kernelInit }
  const layers = {
    query: linear(features, numHeads * headFeatures, shared),
    key: linear(memoryFeatures, numKeyValueHeads * headFeatures, shared),
    value: linear(memoryFeatures, numKeyValueHeads * headFeatures, shared),
    out: linear(numHeads * headFeatures, features, shared),
  }
  const enterInit = initDoor(name)
  const enter = must.door(name, {
    params: partsFrom('init', 'query', 'key', 'value', 'out'),
    x: must.arrayLike,
    options: must.optionsOf(multiHeadRunOptions),
  })
  const heads = (x: NDArray, count: number): NDArray => np.reshape(x, [...x.shape.slice(0, -1), count, headFeatures])
  const attend = (
    params: MultiHeadAttentionParams,
    x: ArrayLike,
    { memory = x, training: _training, key: _key, ...attention }: MultiHeadRunOptions,
  ): NDArray => {
    const q = heads(layers.query.apply(params.query, x), numHeads)
    const k = heads(layers.key.apply(params.key, memory), numKeyValueHeads)
    const v = heads(layers.value.apply(params.value, memory), numKeyValueHeads)
    const mixed = dotProductAttention(q, k, v, attention)
    return layers.out.apply(params.out, np.reshape(mixed, [...mixed.shape.slice(0, -2), numHeads * headFeatures]))
  }
  return {
    init: (key, dtype) => {
      enterInit(key, dtype)
      consume(name, key)
      const [q, k, v, o] = splitKey(key, [4])
      return {
        query: layers.query.init(q!, dtype),
        key: layers.key.init(k!, dtype),
        value: layers.value.init(v!, dtype),
        out: layers.out.init(o!, dtype),
      }
    },
    apply: (params, x, run = {}) => {
      enter(params, x, run)
      return attend(params, x, run)
    },
  }
}

/** Parameters of `luongAttention`; null where the score has none. */
export interface LuongAttentionParams {
  /** `general`: shape `[queryFeatures, memoryFeatures]`. `concat`: `[queryFeatures + memoryFeatures, features]`. */
  readonly kernel: NDArray | null
  /** `concat`: shape `[features]`. */
  readonly vector: NDArray | null
}

/** Options of `luongAttention`. */
export interface LuongAttentionOptions {
  /** The score of a query q and an element m of the memory; `general` by default. */
  readonly score?: 'dot' | 'general' | 'concat'
  /** Width of the hidden layer of `concat`; `queryFeatures` by default. */
  readonly features?: number
  readonly kernelInit?: Initializer
}

const luongAttentionOptions: must.OptionTable<LuongAttentionOptions> = {
  score: must.oneOf(['dot', 'general', 'concat']),
  features: must.count,
  kernelInit: must.func,
}

/** The result of `luongAttention`. */
export interface Attended {
  /** The weighted mean of the memory, shape `[..., memoryFeatures]`. */
  readonly context: NDArray
  /** Shape `[..., S]`; they sum to 1, or to 0 where the mask allows nothing. */
  readonly weights: NDArray
}

/** A layer of Luong's attention. */
export interface LuongAttention {
  readonly init: (key: Key, dtype?: DType) => LuongAttentionParams
  /** `mask` selects elements of the memory; bool, shape `[..., S]`. */
  readonly apply: (params: LuongAttentionParams, query: ArrayLike, memory: ArrayLike, mask?: ArrayLike) => Attended
}

const luongAttentionDoor = must.door('nn.luongAttention', {
  queryFeatures: must.count,
  memoryFeatures: must.count,
  options: must.optionsOf(luongAttentionOptions),
})

/**
 * Global attention of a decoder's state q, of shape `[..., queryFeatures]`, to an encoder's outputs m, of shape
 * `[..., S, memoryFeatures]`. Scores: `dot`: q·m; `general`: q W m; `concat`: v·tanh(W [q; m]). Luong et al., "Effective
 * approaches to attention-based neural machine translation" (2015).
 *
 * @throws ArgumentError for `dot` with different numbers of features.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const attention = nn.luongAttention(4, 6, { score: 'concat' })
 * const params = attention.init(random.key(0))
 * attention.apply(params, np.ones([2, 4]), np.ones([2, 5, 6])).weights.shape // => 2,5
 * ```
 */
export const luongAttention = (
  queryFeatures: number,
  memoryFeatures: number,
  options: LuongAttentionOptions = {},
): LuongAttention => {
  luongAttentionDoor(queryFeatures, memoryFeatures, options)
  const { score = 'general', features = queryFeatures, kernelInit = lecunNormal() } = options
  const name = 'nn.luongAttention'
  if (score === 'dot' && queryFeatures !== memoryFeatures) {
    throw new ArgumentError(`${name}: 'dot' needs equal features, got ${queryFeatures} and ${memoryFeatures}.`)
  }
  const enterInit = initDoor(name)
  const enter = must.door(name, {
    params: arraysFrom('init', 'kernel', 'vector'),
    query: must.arrayLike,
    memory: must.arrayLike,
    mask: must.optional(must.arrayLike),
  })
  const along = (memory: NDArray, q: NDArray): NDArray => np.einsum('...sm,...m->...s', memory, q)
  const scores = ({ kernel, vector }: LuongAttentionParams, q: NDArray, memory: NDArray): NDArray => {
    if (score === 'dot') return along(memory, q)
    if (score === 'general') return along(memory, np.matmul(q, kernel!))
    const both = arrayFor(name, kernel!)
    const forQuery = np.matmul(q, both.slice(0, queryFeatures))
    const forMemory = np.matmul(memory, both.slice(queryFeatures))
    return np.matmul(tanh(np.add(np.expandDims(forQuery, -2), forMemory)), vector!)
  }
  return {
    init: (key, dtype = 'float32') => {
      enterInit(key, dtype)
      consume(name, key)
      const [forKernel, forVector] = splitKey(key, [2])
      if (score === 'dot') return { kernel: null, vector: null }
      if (score === 'general')
        return { kernel: kernelInit(forKernel!, [queryFeatures, memoryFeatures], dtype), vector: null }
      const vector = kernelInit(forVector!, [features, 1], dtype)
      return {
        kernel: kernelInit(forKernel!, [queryFeatures + memoryFeatures, features], dtype),
        vector: np.reshape(vector, [features]),
      }
    },
    apply: (params, query, memory, mask) => {
      enter(params, query, memory, mask)
      const [q, m] = [inexact(asArray(query)), inexact(asArray(memory))]
      if (m.ndim < 2 || m.shape.at(-1) !== memoryFeatures || q.shape.at(-1) !== queryFeatures) {
        throw new ShapeError(
          `${name}: expected a query [..., ${queryFeatures}] and a memory [..., S, ${memoryFeatures}], got ${q.aval} and ${m.aval}.`,
        )
      }
      const weights = maskedSoftmax(scores(params, q, m), mask === undefined ? null : asArray(mask))
      return { context: np.einsum('...s,...sm->...m', weights, m), weights }
    },
  }
}
