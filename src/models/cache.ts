/** Keys and values of tokens that a decoder has seen, so that the next token costs one step. */
import * as lax from '../lax/index.ts'
import * as np from '../numpy/index.ts'
import type { DType } from '../core/dtype.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { sameShape, showShape } from '../core/shape.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { ConcreteBody } from '../trace/body.ts'

import { aCache, aLayerCache, arrayOfRank, floatDType } from './doors.ts'

/** Keys and values of one layer, shape `[batch, capacity, heads, headDim]`. */
export interface LayerCache {
  readonly key: NDArray
  readonly value: NDArray
}

/** A tree of arrays, so it works under `jit`, and may be donated. */
export interface Cache {
  readonly layers: readonly LayerCache[]
  /** The number of tokens in it, an int32 scalar; the rest of its capacity is empty. */
  readonly length: NDArray
}

/** The dimensions of a cache. */
export interface CacheShape {
  readonly numHiddenLayers: number
  readonly numKeyValueHeads: number
  readonly headDim: number
}

/** The cache shape of configurations with these fields. */
export const cacheShapeOf = ({ numHiddenLayers, numKeyValueHeads, headDim }: CacheShape): CacheShape => ({
  numHiddenLayers,
  numKeyValueHeads,
  headDim,
})

const aCacheShape = must.kind('the cacheShape of a model', (x) => {
  const { numHiddenLayers, numKeyValueHeads, headDim } = (x ?? {}) as Partial<CacheShape>
  return must.times.accepts(numHiddenLayers) && must.count.accepts(numKeyValueHeads) && must.count.accepts(headDim)
})

const emptyCacheDoor = must.door('emptyCache', {
  shape: aCacheShape,
  batch: must.natural,
  capacity: must.natural,
  dtype: floatDType,
})

/**
 * An empty cache for `capacity` tokens.
 *
 * @param shape - `model.cacheShape`.
 * @param batch - the number of sequences.
 * @param dtype - of keys and values; float32 by default.
 * @example
 * ```ts
 * import { emptyCache } from 'pullback/models'
 * const cache = emptyCache({ numHiddenLayers: 2, numKeyValueHeads: 4, headDim: 8 }, 1, 128)
 * cache.layers[0]?.key.shape // => 1,128,4,8
 * cache.length // => 0
 * ```
 */
export const emptyCache = (shape: CacheShape, batch: number, capacity: number, dtype: DType = 'float32'): Cache => {
  emptyCacheDoor(shape, batch, capacity, dtype)
  const { numHiddenLayers, numKeyValueHeads, headDim } = shape
  const room = (): NDArray => np.zeros([batch, capacity, numKeyValueHeads, headDim], { dtype })
  return {
    layers: Array.from({ length: numHiddenLayers }, () => ({ key: room(), value: room() })),
    length: np.array(0, { dtype: 'int32' }),
  }
}

const cachedLengthDoor = must.door('cachedLength', { cache: aCache })

/**
 * The number of tokens in a cache.
 *
 * @example
 * ```ts
 * import { emptyCache, layers } from 'pullback/models'
 * const cache = emptyCache({ numHiddenLayers: 1, numKeyValueHeads: 1, headDim: 2 }, 1, 4)
 * layers.cachedLength(cache) // => 0
 * ```
 */
export const cachedLength = (cache: Cache): NDArray => {
  cachedLengthDoor(cache)
  return cache.length
}

/** The number of tokens in the cache, if it is known: not under `jit`. */
export const knownLength = ({ length }: Cache): number | null =>
  length.body instanceof ConcreteBody ? length.item() : null

/** The capacity of a cache in tokens; null if it has no layers. */
export const roomOf = ({ layers }: Cache): number | null => layers[0]?.key.shape[1] ?? null

/** Checks that a cache fits the model and the number of sequences: layers beyond it would run without a cache. */
export const checkCache = (operation: string, cache: Cache, shape: CacheShape, batch: number): void => {
  const { layers } = cache
  const { numHiddenLayers, numKeyValueHeads, headDim } = shape
  if (layers.length !== numHiddenLayers) {
    throw new ShapeError(
      `${operation}: the cache has ${layers.length} layers, and the model ${numHiddenLayers}. emptyCache(model.cacheShape, ...) fits.`,
    )
  }
  const wanted = [batch, roomOf(cache) ?? 0, numKeyValueHeads, headDim]
  layers.forEach(({ key }, i) => {
    if (sameShape(key.shape, wanted)) return
    throw new ShapeError(
      `${operation}: layer ${i} of the cache has shape ${showShape(key.shape)}, and these tokens need ${showShape(wanted)}: ` +
        'batch, room, heads of keys and their features.',
    )
  })
}

/** Throws if a cache is known to be full: it would be overwritten silently. */
export const checkRoom = (operation: string, cache: Cache, queries: number, remedy: string): void => {
  const [room, cached] = [roomOf(cache), knownLength(cache) ?? 0]
  if (room === null || cached + queries <= room) return
  throw new ArgumentError(
    `${operation}: a cache with room for ${room} tokens, of which ${cached} are taken, has none for ${queries}. ${remedy}.`,
  )
}

const newTokens = arrayOfRank(4, '[batch, tokens, heads, headDim]')

const extendCacheDoor = must.door('extendCache', {
  cache: aLayerCache,
  key: newTokens,
  value: newTokens,
  offset: must.integral,
})

/**
 * Writes new tokens into the cache of a layer from `offset` on, in its own dtype.
 *
 * @param key - shape `[batch, tokens, heads, headDim]`, as `value`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { layers } from 'pullback/models'
 * const room = np.zeros([1, 4, 1, 2])
 * const token = np.ones([1, 1, 1, 2])
 * // One token, after the two that are there.
 * const { key } = layers.extendCache({ key: room, value: room }, token, token, 2)
 * np.squeeze(key) // => [[0. 0.]\n [0. 0.]\n [1. 1.]\n [0. 0.]]
 * ```
 */
export const extendCache = (cache: LayerCache, key: NDArray, value: NDArray, offset: ArrayLike): LayerCache => {
  extendCacheDoor(cache, key, value, offset)
  return {
    key: lax.dynamicUpdateSliceInDim(cache.key, key.astype(cache.key.dtype), offset, 1),
    value: lax.dynamicUpdateSliceInDim(cache.value, value.astype(cache.value.dtype), offset, 1),
  }
}

const growCacheDoor = must.door('growCache', { cache: aCache, capacity: must.natural })

/**
 * The same tokens with a larger capacity. * * @throws ArgumentError for a smaller capacity.
 * @example
 * ```ts
 * import { emptyCache, growCache } from 'pullback/models'
 * const cache = emptyCache({ numHiddenLayers: 1, numKeyValueHeads: 1, headDim: 2 }, 1, 4)
 * growCache(cache, 16).layers[0]?.key.shape // => 1,16,1,2
 * ```
 */
export const growCache = (cache: Cache, capacity: number): Cache => {
  growCacheDoor(cache, capacity)
  const { layers, length } = cache
  const room = layers.reduce((most, { key }) => Math.max(most, key.shape[1]!), 0)
  if (capacity < room) {
    throw new ArgumentError(
      `growCache: there is room for ${room} tokens already, and a cache does not shrink to ${capacity}.`,
    )
  }
  const grow = (x: NDArray): NDArray =>
    np.pad(x, [
      [0, 0],
      [0, capacity - x.shape[1]!],
      [0, 0],
      [0, 0],
    ])
  return { layers: layers.map(({ key, value }) => ({ key: grow(key), value: grow(value) })), length }
}
