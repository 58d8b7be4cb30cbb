/** `nn`: layers as pairs of pure functions. Parameters are plain trees; a missing one is null, an empty subtree. */
import type { DType } from '../core/dtype.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import * as np from '../numpy/index.ts'
import { asArray, asIndices } from '../runtime/array.ts'
import { normalizeAxes } from '../core/shape.ts'
import type { Key } from '../random/keys.ts'
import { consume, split, splitTwo } from '../random/keys.ts'
import { bernoulli } from '../random/samplers.ts'
import { inexact } from '../surface/promote.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'
import type { Initializer } from './initializers.ts'
import { lecunNormal, normal, zeros } from './initializers.ts'
import { standardize } from './softmax.ts'

/** A layer: how its parameters begin, and what it computes with them. */
export interface Layer<P, A extends readonly unknown[] = readonly [x: ArrayLike], R = NDArray> {
  /** Fresh parameters. */
  readonly init: (key: Key, dtype?: DType) => P
  /** The layer's value at its arguments. */
  readonly apply: (params: P, ...args: A) => R
}

export const checkFeatures = (layer: string, x: NDArray, features: number): void => {
  if (x.aval.rank > 0 && x.aval.shape.at(-1) === features) return
  throw new ShapeError(`${layer}: the last axis of x must have extent ${features}, got ${x.aval}.`)
}

export const checkCount = (layer: string, what: string, n: number): void => {
  if (!Number.isInteger(n) || n < 0) throw new ArgumentError(`${layer}: ${what} is a whole number, got ${n}.`)
}

/** Parameters of `linear`. */
export interface LinearParams {
  /** Shape `[inFeatures, outFeatures]`. */
  readonly kernel: NDArray
  /** Shape `[outFeatures]`, or null. */
  readonly bias: NDArray | null
}

/** Options of `linear`. */
export interface LinearOptions {
  /** Whether to add a bias; true by default. */
  readonly bias?: boolean
  /** `lecunNormal()` by default. */
  readonly kernelInit?: Initializer
  /** `zeros` by default. */
  readonly biasInit?: Initializer
}

/**
 * `x @ kernel + bias` along the last axis of `x`.
 *
 * @throws ShapeError if the last axis of `x` does not have `inFeatures`.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const layer = nn.linear(3, 2)
 * const params = layer.init(random.key(0))
 * layer.apply(params, np.ones([5, 3])).shape // => 5,2
 * ```
 */
export const linear = (
  inFeatures: number,
  outFeatures: number,
  { bias = true, kernelInit = lecunNormal(), biasInit = zeros }: LinearOptions = {},
): Layer<LinearParams> => {
  checkCount('nn.linear', 'inFeatures', inFeatures)
  checkCount('nn.linear', 'outFeatures', outFeatures)
  return {
    init: (key, dtype = 'float32') => {
      consume('nn.linear', key)
      const [forKernel, forBias] = splitTwo(key)
      return {
        kernel: kernelInit(forKernel, [inFeatures, outFeatures], dtype),
        bias: bias ? biasInit(forBias, [outFeatures], dtype) : null,
      }
    },
    apply: ({ kernel, bias: offset }, x) => {
      const array = asArray(x)
      checkFeatures('nn.linear', array, inFeatures)
      const product = np.matmul(array, kernel)
      return offset === null ? product : np.add(product, offset)
    },
  }
}

/** Parameters of `embedding`. */
export interface EmbeddingParams {
  /** Shape `[numEmbeddings, features]`. */
  readonly embedding: NDArray
}

/**
 * A row of a table for each index. Rows of indices out of range are NaN; negative ones count from the end.
 *
 * @throws DTypeError if the indices are floats.
 */
export const embedding = (
  numEmbeddings: number,
  features: number,
  {
    embeddingInit = normal({ stddev: 1 / Math.sqrt(Math.max(features, 1)) }),
  }: { readonly embeddingInit?: Initializer } = {},
): Layer<EmbeddingParams, readonly [indices: ArrayLike]> => {
  checkCount('nn.embedding', 'numEmbeddings', numEmbeddings)
  checkCount('nn.embedding', 'features', features)
  return {
    init: (key, dtype = 'float32') => ({ embedding: embeddingInit(key, [numEmbeddings, features], dtype) }),
    apply: (params, indices) => np.take(params.embedding, asIndices('nn.embedding', indices), { axis: 0 }),
  }
}

/** Parameters of `layerNorm` and `rmsNorm`. */
export interface NormParams {
  /** Shape `[features]`, or null. */
  readonly scale: NDArray | null
  /** Shape `[features]`, or null. */
  readonly bias: NDArray | null
}

/** Options of `layerNorm` and `rmsNorm`. */
export interface NormOptions {
  /** Added to the variance; 1e-6 by default, as in flax. */
  readonly epsilon?: number
  /** Whether to multiply by a learned scale; true by default. */
  readonly scale?: boolean
  /** Whether to add a learned bias; true by default for `layerNorm`. */
  readonly bias?: boolean
}

const scaleAndShift = (x: NDArray, { scale, bias }: NormParams): NDArray => {
  const scaled = scale === null ? x : np.multiply(x, scale)
  return bias === null ? scaled : np.add(scaled, bias)
}

const normalization = (
  name: string,
  features: number,
  { scale, bias }: { readonly scale: boolean; readonly bias: boolean },
  normalize: (x: NDArray) => NDArray,
): Layer<NormParams> => {
  checkCount(name, 'features', features)
  return {
    init: (_key, dtype = 'float32') => ({
      scale: scale ? np.ones([features], { dtype }) : null,
      bias: bias ? np.zeros([features], { dtype }) : null,
    }),
    apply: (params, x) => {
      const array = inexact(asArray(x))
      checkFeatures(name, array, features)
      return scaleAndShift(normalize(array), params)
    },
  }
}

/**
 * Mean 0 and variance 1 along the last axis, then a learned scale and bias. Ba et al., "Layer normalization" (2016).
 *
 * @throws ShapeError if the last axis of `x` does not have `features`.
 */
export const layerNorm = (
  features: number,
  { epsilon = 1e-6, scale = true, bias = true }: NormOptions = {},
): Layer<NormParams> => normalization('nn.layerNorm', features, { scale, bias }, (x) => standardize(x, { epsilon }))

/**
 * `x / sqrt(mean(x²) + epsilon)` along the last axis, then a learned scale. Zhang and Sennrich, "Root mean square layer
 * normalization" (2019).
 *
 * @throws ShapeError if the last axis of `x` does not have `features`.
 */
export const rmsNorm = (
  features: number,
  { epsilon = 1e-6, scale = true, bias = false }: NormOptions = {},
): Layer<NormParams> =>
  normalization('nn.rmsNorm', features, { scale, bias }, (x) => {
    const power = np.mean(np.square(x), { axis: -1, keepdims: true })
    return np.divide(x, np.sqrt(np.add(power, epsilon)))
  })

/**
 * Each element is 0 with probability `rate`, else divided by `1 - rate`; without a key nothing is done. Srivastava et
 * al., "Dropout" (2014).
 *
 * @param key - used up; null (for inference) leaves `x` as it is.
 * @throws ArgumentError unless `rate` is in [0, 1]; ShapeError if an axis of `broadcastDims` is out of range.
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.dropout(null, np.array([1, 2]), 0.5) // => [1. 2.]
 * ```
 */
export const dropout = (
  key: Key | null,
  x: ArrayLike,
  rate: number,
  { broadcastDims = [] }: DropoutOptions = {},
): NDArray => {
  if (!(rate >= 0 && rate <= 1)) throw new ArgumentError(`nn.dropout: rate is a probability, got ${rate}.`)
  const array = inexact(asArray(x))
  if (key === null || rate === 0) return array
  if (rate === 1) return np.zerosLike(array)
  const shared = normalizeAxes('nn.dropout', broadcastDims, array.ndim)
  const shape = array.shape.map((n, d) => (shared.includes(d) ? 1 : n))
  return np.where(bernoulli(key, 1 - rate, shape), np.divide(array, 1 - rate), 0)
}

/** Options of `dropout`. */
export interface DropoutOptions {
  /**
   * Axes along which all elements are kept or dropped together. With the axis of time this is variational dropout: one mask
   * for all steps. Gal and Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks" (2016).
   */
  readonly broadcastDims?: readonly number[]
}

/** A layer of some parameters, or a plain function. */
type Step =
  | { readonly init: (key: Key, dtype?: DType) => unknown; readonly apply: (params: never, x: ArrayLike) => NDArray }
  | ((x: ArrayLike) => NDArray)

/** Parameters of a chain: a tuple with null in the places of plain functions. */
export type SequentialParams<S extends readonly unknown[]> = {
  readonly [I in keyof S]: S[I] extends { readonly init: (key: Key, dtype?: DType) => infer P } ? P : null
}

/**
 * Layers and plain functions one after the other.
 *
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const model = nn.sequential(nn.linear(10, 100), nn.relu, nn.linear(100, 1))
 * const params = model.init(random.key(0))
 * model.apply(params, np.ones([4, 10])).shape // => 4,1
 * ```
 */
export const sequential = <const S extends readonly Step[]>(...steps: S): Layer<SequentialParams<S>> => ({
  init: (key, dtype) => {
    const keys = [...split(key, Math.max(steps.length, 1))]
    return steps.map((step, i) =>
      typeof step === 'function' ? null : step.init(keys[i]!, dtype),
    ) as unknown as SequentialParams<S>
  },
  apply: (params, x) =>
    steps.reduce<NDArray>(
      (value, step, i) => (typeof step === 'function' ? step(value) : step.apply(params[i] as never, value)),
      asArray(x),
    ),
})
