/** `nn`: layers without state. A missing parameter is null, an empty subtree. */
import { ArgumentError } from '../core/errors.ts'
import * as np from '../numpy/index.ts'
import { asArray, asIndices } from '../runtime/installArrays.ts'
import { normalizeAxes } from '../core/shape.ts'
import type { Key } from '../random/keys.ts'
import { aKey, consume, splitTwo } from '../random/keys.ts'
import { bernoulli } from '../random/samplers.ts'
import * as must from '../conversions/arguments.ts'
import { complement, inType } from '../surface/hyperparameters.ts'
import { inexact } from '../conversions/promote.ts'
import { asOneProgram } from '../runtime/whole.ts'
import { composite } from '../trace/interpreter.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { inFloat32 } from './inFloat32.ts'
import type { Initializer } from './initializers.ts'
import { lecunNormal, normal, zeros } from './initializers.ts'
import type { Layer, RunnableLayer } from './layer.ts'
import { applyDoor, checkFeatures, checkRun, initDoor } from './layer.ts'
import { standardize } from './softmax.ts'

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

const linearOptions: must.OptionTable<LinearOptions> = {
  bias: must.boolean,
  kernelInit: must.func,
  biasInit: must.func,
}

const linearDoor = must.door('nn.linear', {
  inFeatures: must.natural,
  outFeatures: must.natural,
  options: must.optionsOf(linearOptions),
})

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
export const linear = (inFeatures: number, outFeatures: number, options: LinearOptions = {}): Layer<LinearParams> => {
  linearDoor(inFeatures, outFeatures, options)
  const { bias = true, kernelInit = lecunNormal(), biasInit = zeros } = options
  const enterInit = initDoor('nn.linear')
  const enter = applyDoor('nn.linear', 'kernel', 'bias')
  return {
    init: (key, dtype = 'float32') => {
      enterInit(key, dtype)
      consume('nn.linear', key)
      const [forKernel, forBias] = splitTwo(key)
      return {
        kernel: kernelInit(forKernel, [inFeatures, outFeatures], dtype),
        bias: bias ? biasInit(forBias, [outFeatures], dtype) : null,
      }
    },
    apply: (params, x) =>
      composite('linear', () => {
        enter(params, x)
        const { kernel, bias: offset } = params
        const array = asArray(x)
        checkFeatures('nn.linear', array, inFeatures)
        const product = np.matmul(array, kernel)
        return offset === null ? product : np.add(product, offset)
      }),
  }
}

/** Parameters of `embedding`. */
export interface EmbeddingParams {
  /** Shape `[numEmbeddings, features]`. */
  readonly embedding: NDArray
}

const embeddingDoor = must.door('nn.embedding', {
  numEmbeddings: must.natural,
  features: must.natural,
  options: must.optionsOf<{ readonly embeddingInit?: Initializer }>({ embeddingInit: must.func }),
})

/**
 * A row of a table for each index. Rows of indices out of range are NaN; negative ones count from the end.
 *
 * @throws DTypeError if the indices are floats.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const layer = nn.embedding(100, 8)
 * const params = layer.init(random.key(0))
 * layer.apply(params, [[1, 2, 3]]).shape // => 1,3,8
 * // Out of range.
 * np.isnan(layer.apply(params, [100]).at(0, 0).get()) // => True
 * ```
 */
export const embedding = (
  numEmbeddings: number,
  features: number,
  options: { readonly embeddingInit?: Initializer } = {},
): Layer<EmbeddingParams, readonly [indices: ArrayLike]> => {
  embeddingDoor(numEmbeddings, features, options)
  const { embeddingInit = normal({ stddev: 1 / Math.sqrt(Math.max(features, 1)) }) } = options
  const enter = applyDoor('nn.embedding', 'embedding')
  return {
    init: (key, dtype = 'float32') => ({ embedding: embeddingInit(key, [numEmbeddings, features], dtype) }),
    apply: (params, indices) =>
      composite('embedding', () => {
        enter(params, indices)
        return np.take(params.embedding, asIndices('nn.embedding', indices), { axis: 0 })
      }),
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
  readonly epsilon?: ArrayLike
  /** Whether to multiply by a learned scale; true by default. */
  readonly scale?: boolean
  /** Whether to add a learned bias; true by default for `layerNorm`. */
  readonly bias?: boolean
}

const normOptions: must.OptionTable<NormOptions> = { epsilon: must.arrayLike, scale: must.boolean, bias: must.boolean }

const scaleAndShift = (x: NDArray, { scale, bias }: NormParams): NDArray => {
  const scaled = scale === null ? x : np.multiply(x, scale)
  return bias === null ? scaled : np.add(scaled, bias)
}

type Normalize = (x: NDArray, params: NormParams, epsilon: ArrayLike) => NDArray

const layerNormOf: Normalize = asOneProgram('nn.layerNorm', (x: NDArray, params: NormParams, epsilon: ArrayLike) =>
  scaleAndShift(
    inFloat32(x, (y) => standardize(y, { epsilon })),
    params,
  ),
)

const rmsNormOf: Normalize = asOneProgram('nn.rmsNorm', (x: NDArray, params: NormParams, epsilon: ArrayLike) =>
  scaleAndShift(
    inFloat32(x, (y) => {
      const power = np.mean(np.square(y), { axis: -1, keepdims: true })
      return np.divide(y, np.sqrt(np.add(power, epsilon)))
    }),
    params,
  ),
)

const normalization = (
  name: string,
  features: number,
  { scale, bias, epsilon }: { readonly scale: boolean; readonly bias: boolean; readonly epsilon: ArrayLike },
  normalize: Normalize,
): Layer<NormParams> => {
  const enterInit = initDoor(name)
  const enter = applyDoor(name, 'scale', 'bias')
  return {
    init: (key, dtype = 'float32') => {
      enterInit(key, dtype)
      return {
        scale: scale ? np.ones([features], { dtype }) : null,
        bias: bias ? np.zeros([features], { dtype }) : null,
      }
    },
    apply: (params, x) =>
      composite(name.replace('nn.', ''), () => {
        enter(params, x)
        const array = inexact(asArray(x))
        checkFeatures(name, array, features)
        return normalize(array, params, epsilon)
      }),
  }
}

const layerNormDoor = must.door('nn.layerNorm', { features: must.natural, options: must.optionsOf(normOptions) })

/**
 * Mean 0 and variance 1 along the last axis, then a learned scale and bias. Ba et al., "Layer normalization" (2016).
 *
 * @throws ShapeError if the last axis of `x` does not have `features`.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const layer = nn.layerNorm(2, { epsilon: 0 })
 * const params = layer.init(random.key(0))
 * layer.apply(params, np.array([[1, 3], [20, 10]])) // => [[-1.  1.]\n [ 1. -1.]]
 * layer.apply({ scale: np.array([2, 2]), bias: np.array([5, 5]) }, np.array([1, 3])) // => [3. 7.]
 * ```
 */
export const layerNorm = (features: number, options: NormOptions = {}): Layer<NormParams> => {
  layerNormDoor(features, options)
  const { epsilon = 1e-6, scale = true, bias = true } = options
  return normalization('nn.layerNorm', features, { scale, bias, epsilon }, layerNormOf)
}

const rmsNormDoor = must.door('nn.rmsNorm', { features: must.natural, options: must.optionsOf(normOptions) })

/**
 * `x / sqrt(mean(x²) + epsilon)` along the last axis, then a learned scale. Zhang and Sennrich, "Root mean square layer
 * normalization" (2019).
 *
 * @throws ShapeError if the last axis of `x` does not have `features`.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const layer = nn.rmsNorm(2, { epsilon: 0 })
 * const params = layer.init(random.key(0))
 * params.scale // => [1. 1.]
 * layer.apply(params, np.array([3, -4])) // => [ 0.84852815 -1.1313709 ]
 * ```
 */
export const rmsNorm = (features: number, options: NormOptions = {}): Layer<NormParams> => {
  rmsNormDoor(features, options)
  const { epsilon = 1e-6, scale = true, bias = false } = options
  return normalization('nn.rmsNorm', features, { scale, bias, epsilon }, rmsNormOf)
}

const checkRate = (name: string, rate: number): void => {
  if (!(rate >= 0 && rate <= 1)) throw new ArgumentError(`${name}: rate is a probability, got ${rate}.`)
}

const dropoutOptions: must.OptionTable<DropoutOptions> = { broadcastDims: must.axisList }

const dropoutDoor = must.door('nn.dropout', {
  key: must.nullable(aKey),
  x: must.arrayLike,
  rate: must.arrayLike,
  options: must.optionsOf(dropoutOptions),
})

/**
 * Each element is 0 with probability `rate`, else divided by `1 - rate`; without a key, `x` is returned unchanged. Srivastava
 * et al., "Dropout" (2014).
 *
 * @param key - consumed; null (for inference) leaves `x` as it is.
 * @param rate - a probability; it may be computed.
 * @throws ArgumentError unless `rate`, where it is a number, is in [0, 1]; ShapeError if an axis of `broadcastDims` is out of range.
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.dropout(null, np.array([1, 2]), 0.5) // => [1. 2.]
 * ```
 */
export const dropout = (key: Key | null, x: ArrayLike, rate: ArrayLike, options: DropoutOptions = {}): NDArray => {
  dropoutDoor(key, x, rate, options)
  const { broadcastDims = [] } = options
  if (typeof rate === 'number') checkRate('nn.dropout', rate)
  const array = inexact(asArray(x))
  if (key === null || rate === 0) return array
  if (rate === 1) return np.zerosLike(array)
  const shared = normalizeAxes('nn.dropout', broadcastDims, array.ndim)
  const shape = array.shape.map((n, d) => (shared.includes(d) ? 1 : n))
  const kept = complement(rate)
  // If nothing is kept, do not divide by 0, so that derivatives are finite.
  const divisor = typeof kept === 'number' ? kept : inType(np.where(np.equal(kept, 0), 1, kept), array.dtype)
  return np.where(bernoulli(key, kept, shape), np.divide(array, divisor), 0)
}

/** Options of `dropout`. */
export interface DropoutOptions {
  /**
   * Axes along which all elements are kept or dropped together. With the time axis this is variational dropout: one mask for
   * all steps. Gal and Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks" (2016).
   */
  readonly broadcastDims?: readonly number[]
}

const dropoutLayerDoor = must.door('nn.dropoutLayer', { rate: must.arrayLike, options: must.optionsOf(dropoutOptions) })

/**
 * `dropout` as a layer without parameters: it acts only in training, and then needs a key.
 *
 * @throws ArgumentError unless `rate` is in [0, 1], and from a run in training without a key.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const model = nn.sequential(nn.linear(3, 4), nn.dropoutLayer(0.5))
 * const params = model.init(random.key(0))
 * const x = np.ones([2, 3])
 * np.allclose(model.apply(params, x), nn.linear(3, 4).apply(params[0], x)) // => True
 * model.apply(params, x, { training: true, key: random.key(1) }).shape // => 2,4
 * ```
 */
export const dropoutLayer = (rate: ArrayLike, options: DropoutOptions = {}): RunnableLayer<null> => {
  dropoutLayerDoor(rate, options)
  const name = 'nn.dropoutLayer'
  if (typeof rate === 'number') checkRate(name, rate)
  return {
    init: () => null,
    apply: (_params, x, run) => {
      const { training = false, key } = checkRun(name, run)
      if (!training || rate === 0) return inexact(asArray(x))
      if (key === undefined) {
        throw new ArgumentError(`${name}: training needs a key: apply(params, x, { training: true, key }).`)
      }
      return dropout(key, x, rate, options)
    },
  }
}
