/** `nn.initializers`: functions that make initializers, `(key, shape, dtype) => array`, after `jax.nn.initializers`. */
import type { DType } from '../core/dtype.ts'
import { ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { normalizeAxes, normalizeAxis, showShape, sizeOf } from '../core/shape.ts'
import * as np from '../numpy/index.ts'
import type { Key } from '../random/keys.ts'
import { orthonormalize } from '../random/orthonormalize.ts'
import * as random from '../random/samplers.ts'
import * as must from '../conversions/arguments.ts'
import { inType, over, root, times } from '../surface/hyperparameters.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

/** Makes an array of a shape; float32 by default. */
export type Initializer = (key: Key, shape: Shape, dtype?: DType) => NDArray

const initializerParameters = { key: must.anything, shape: must.shape, dtype: must.optional(must.dtype) }

/** An initializer that checks its arguments. */
const checked = (name: string, make: Initializer): Initializer => {
  const enter = must.door(`nn.initializers.${name}`, initializerParameters)
  return (key, shape, dtype) => {
    enter(key, shape, dtype)
    return make(key, shape, dtype)
  }
}

const zerosDoor = must.door('nn.initializers.zeros', initializerParameters)

/**
 * Zeros, whatever the key.
 *
 * @example
 * ```ts
 * import { nn, random } from 'pullback'
 * nn.initializers.zeros(random.key(0), [2, 3]) // => [[0. 0. 0.]\n [0. 0. 0.]]
 * nn.linear(3, 2, { kernelInit: nn.initializers.zeros }).init(random.key(0)).kernel.shape // => 3,2
 * ```
 */
export const zeros: Initializer = (_key, shape, dtype = 'float32') => {
  zerosDoor(_key, shape, dtype)
  return np.zeros(shape, { dtype })
}

const onesDoor = must.door('nn.initializers.ones', initializerParameters)

/**
 * Ones, whatever the key.
 *
 * @example
 * ```ts
 * import { nn, random } from 'pullback'
 * nn.initializers.ones(random.key(0), [3], 'int32') // => [1 1 1]
 * ```
 */
export const ones: Initializer = (_key, shape, dtype = 'float32') => {
  onesDoor(_key, shape, dtype)
  return np.ones(shape, { dtype })
}

const constantDoor = must.door('nn.initializers.constant', {
  options: must.optionsOf<{ readonly value: ArrayLike }>({ value: must.required(must.arrayLike) }),
})

/**
 * The same value everywhere.
 *
 * @param options - `value`: a number, or an array that broadcasts to the shape.
 * @example
 * ```ts
 * import { nn, random } from 'pullback'
 * const init = nn.initializers.constant({ value: 0.5 })
 * init(random.key(0), [3]) // => [0.5 0.5 0.5]
 * ```
 */
export const constant = (options: { readonly value: ArrayLike }): Initializer => {
  constantDoor(options)
  const { value } = options
  return checked('constant', (_key, shape, dtype = 'float32') => np.full(shape, value, { dtype }))
}

const uniformDoor = must.door('nn.initializers.uniform', {
  options: must.optionsOf<{ readonly scale?: ArrayLike }>({ scale: must.arrayLike }),
})

/**
 * Uniform in `[0, scale)`; scale 0.01 by default.
 *
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const init = nn.initializers.uniform({ scale: 0.1 })
 * const kernel = init(random.key(0), [100, 100])
 * np.min(kernel).item() >= 0 && np.max(kernel).item() < 0.1 // => true
 * ```
 */
export const uniform = (options: { readonly scale?: ArrayLike } = {}): Initializer => {
  uniformDoor(options)
  const { scale = 1e-2 } = options
  return checked('uniform', (key, shape, dtype = 'float32') =>
    np.multiply(random.uniform(key, shape, { dtype }), inType(scale, dtype)),
  )
}

const normalDoor = must.door('nn.initializers.normal', {
  options: must.optionsOf<{ readonly stddev?: ArrayLike }>({ stddev: must.arrayLike }),
})

/**
 * Normal with mean 0; standard deviation 0.01 by default.
 *
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const init = nn.initializers.normal({ stddev: 0.02 })
 * np.std(init(random.key(0), [100, 100])).item().toFixed(3) // => 0.020
 * ```
 */
export const normal = (options: { readonly stddev?: ArrayLike } = {}): Initializer => {
  normalDoor(options)
  const { stddev = 1e-2 } = options
  return checked('normal', (key, shape, dtype = 'float32') =>
    np.multiply(random.normal(key, shape, { dtype }), inType(stddev, dtype)),
  )
}

/** Standard deviation of a standard normal variable kept within [-2, 2]. */
const STDDEV_WITHIN_TWO = 0.87962566103423978

const truncatedNormalDoor = must.door('nn.initializers.truncatedNormal', {
  options: must.optionsOf<{ readonly stddev?: ArrayLike; readonly lower?: ArrayLike; readonly upper?: ArrayLike }>({
    stddev: must.arrayLike,
    lower: must.arrayLike,
    upper: must.arrayLike,
  }),
})

/**
 * Normal with mean 0 and standard deviation 0.01 by default, truncated to between `lower` and `upper` (-2 and 2 by default)
 * standard deviations.
 *
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const init = nn.initializers.truncatedNormal({ stddev: 0.02, lower: -1, upper: 1 })
 * np.max(np.abs(init(random.key(0), [100, 100]))).item() <= 0.02 // => true
 * ```
 */
export const truncatedNormal = (
  options: { readonly stddev?: ArrayLike; readonly lower?: ArrayLike; readonly upper?: ArrayLike } = {},
): Initializer => {
  truncatedNormalDoor(options)
  const { stddev = 1e-2, lower = -2, upper = 2 } = options
  return checked('truncatedNormal', (key, shape, dtype = 'float32') =>
    np.multiply(random.truncatedNormal(key, lower, upper, shape, { dtype }), inType(stddev, dtype)),
  )
}

/** The roles of a kernel's axes: inputs (-2), outputs (-1), and independent kernels (none). */
export interface FanOptions {
  readonly inAxis?: number | readonly number[]
  readonly outAxis?: number | readonly number[]
  readonly batchAxis?: number | readonly number[]
}

const fanOptions: must.OptionTable<FanOptions> = { inAxis: must.axes, outAxis: must.axes, batchAxis: must.axes }

interface Fans {
  readonly in: number
  readonly out: number
}

// Axes that are neither inputs, outputs nor batch make up the receptive field.
const fansOf = (shape: Shape, { inAxis = -2, outAxis = -1, batchAxis = [] }: FanOptions): Fans => {
  if (shape.length < 2) {
    throw new ShapeError(
      `nn.initializers: a kernel has an axis of inputs and one of outputs, got shape ${showShape(shape)}. ` +
        'Use nn.initializers.zeros or normal for vectors.',
    )
  }
  const extent = (axis: number | readonly number[]): number =>
    sizeOf(normalizeAxes('nn.initializers', axis, shape.length).map((d) => shape[d]!))
  const [inputs, outputs, batch] = [extent(inAxis), extent(outAxis), extent(batchAxis)]
  const receptive = sizeOf(shape) / (inputs * outputs * batch)
  return { in: inputs * receptive, out: outputs * receptive }
}

const denominators: { readonly [M in ScalingMode]: (fans: Fans) => number } = {
  fanIn: (fans) => fans.in,
  fanOut: (fans) => fans.out,
  fanAvg: (fans) => (fans.in + fans.out) / 2,
}

type ScalingMode = 'fanIn' | 'fanOut' | 'fanAvg'

const draws: {
  readonly [D in 'truncatedNormal' | 'normal' | 'uniform']: (
    variance: ArrayLike,
    ...a: Parameters<Initializer>
  ) => NDArray
} = {
  truncatedNormal: (variance, key, shape, dtype = 'float32') =>
    np.multiply(
      random.truncatedNormal(key, -2, 2, shape, { dtype }),
      over(root(inType(variance, dtype)), STDDEV_WITHIN_TWO),
    ),
  normal: (variance, key, shape, dtype = 'float32') =>
    np.multiply(random.normal(key, shape, { dtype }), root(inType(variance, dtype))),
  uniform: (variance, key, shape, dtype = 'float32') =>
    np.multiply(random.uniform(key, shape, { minval: -1, dtype }), root(times(3, inType(variance, dtype)))),
}

/** Options of `varianceScaling`. */
export interface VarianceScalingOptions extends FanOptions {
  readonly scale: ArrayLike
  readonly mode: ScalingMode
  readonly distribution: keyof typeof draws
}

const varianceScalingOptions: must.OptionTable<VarianceScalingOptions> = {
  scale: must.required(must.arrayLike),
  mode: must.required(must.oneOf(['fanIn', 'fanOut', 'fanAvg'])),
  distribution: must.required(must.oneOf(['truncatedNormal', 'normal', 'uniform'])),
  ...fanOptions,
}

const varianceScalingDoor = must.door('nn.initializers.varianceScaling', {
  options: must.optionsOf(varianceScalingOptions),
})

/**
 * Random with variance `scale / fan`, where the fan is the number of a unit's inputs, its outputs, or their mean.
 * Glorot and Bengio (2010), He et al. (2015), LeCun et al. (1998) are its special cases.
 *
 * @throws ShapeError for kernels of rank below 2.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * // Variance 2 / fan out: 1/5 of 10 outputs.
 * const init = nn.initializers.varianceScaling({ scale: 2, mode: 'fanOut', distribution: 'normal' })
 * np.var(init(random.key(0), [2000, 10])).item().toFixed(2) // => 0.20
 * init(random.key(0), [10]) // throws ShapeError
 * ```
 */
export const varianceScaling = (options: VarianceScalingOptions): Initializer => {
  varianceScalingDoor(options)
  const { scale, mode, distribution, ...fans } = options
  return checked('varianceScaling', (key, shape, dtype) => {
    if (sizeOf(shape) === 0) return np.zeros(shape, { dtype: dtype ?? 'float32' })
    return draws[distribution](over(scale, denominators[mode](fansOf(shape, fans))), key, shape, dtype)
  })
}

const family = (
  name: string,
  scale: number,
  mode: ScalingMode,
  distribution: VarianceScalingOptions['distribution'],
): ((options?: FanOptions) => Initializer) => {
  const enter = must.door(`nn.initializers.${name}`, { options: must.optionsOf(fanOptions) })
  return (options = {}) => {
    enter(options)
    return varianceScaling({ scale, mode, distribution, ...options })
  }
}

/**
 * Uniform with variance `2 / (fan in + fan out)`, also called Xavier uniform. Glorot and Bengio (2010).
 *
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const init = nn.initializers.glorotUniform()
 * // Within √(6 / (inputs + outputs)) of 0.
 * const kernel = init(random.key(0), [100, 50])
 * np.max(np.abs(kernel)).item() <= Math.sqrt(6 / 150) // => true
 * ```
 */
export const glorotUniform = family('glorotUniform', 1, 'fanAvg', 'uniform')

/**
 * Truncated normal with variance `2 / (fan in + fan out)`, also called Xavier normal. Glorot and Bengio (2010).
 *
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const kernel = nn.initializers.glorotNormal()(random.key(0), [300, 100])
 * np.std(kernel).item().toFixed(3) // => 0.071
 * Math.sqrt(2 / 400).toFixed(3) // => 0.071
 * ```
 */
export const glorotNormal = family('glorotNormal', 1, 'fanAvg', 'truncatedNormal')

/**
 * Uniform with variance `1 / fan in`. LeCun et al., "Efficient backprop" (1998).
 *
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * // Kernels whose inputs are the last axis.
 * const init = nn.initializers.lecunUniform({ inAxis: -1, outAxis: -2 })
 * np.var(init(random.key(0), [200, 50])).item().toFixed(3) // => 0.020
 * ```
 */
export const lecunUniform = family('lecunUniform', 1, 'fanIn', 'uniform')

/**
 * Truncated normal with variance `1 / fan in`. LeCun et al., "Efficient backprop" (1998).
 *
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * // The kernels of nn.linear are made so: with inputs of variance 1, outputs have it too.
 * const { kernel } = nn.linear(400, 100).init(random.key(0))
 * np.var(np.matmul(random.normal(random.key(1), [100, 400]), kernel)).item().toFixed(1) // => 1.0
 * ```
 */
export const lecunNormal = family('lecunNormal', 1, 'fanIn', 'truncatedNormal')

/**
 * Uniform with variance `2 / fan in`, also called Kaiming uniform. He et al. (2015).
 *
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * // A window of 3 by 3 and 4 features: 36 inputs of each output.
 * const init = nn.initializers.heUniform()
 * np.max(np.abs(init(random.key(0), [3, 3, 4, 16]))).item() <= Math.sqrt(6 / 36) // => true
 * ```
 */
export const heUniform = family('heUniform', 2, 'fanIn', 'uniform')

/**
 * Truncated normal with variance `2 / fan in`, also called Kaiming normal. He et al. (2015).
 *
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * // Before a relu, which halves the power of what goes through it.
 * const layer = nn.linear(400, 100, { kernelInit: nn.initializers.heNormal() })
 * np.var(layer.init(random.key(0)).kernel).item().toFixed(3) // => 0.005
 * ```
 */
export const heNormal = family('heNormal', 2, 'fanIn', 'truncatedNormal')

/** Options of the orthogonal initializer. */
export interface OrthogonalOptions {
  readonly scale?: ArrayLike
  /** The axis of columns, last by default; all others together are the rows. */
  readonly columnAxis?: number
}

const orthogonalOptions: must.OptionTable<OrthogonalOptions> = { scale: must.arrayLike, columnAxis: must.axis }

const orthogonalDoor = must.door('nn.initializers.orthogonal', { options: must.optionsOf(orthogonalOptions) })

/**
 * Random with orthonormal rows or columns, whichever are fewer. Saxe et al., "Exact solutions" (2013).
 *
 * @throws ShapeError for kernels of rank below 2.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const kernel = nn.initializers.orthogonal()(random.key(0), [5, 3])
 * np.allclose(np.matmul(kernel.T, kernel), np.eye(3), { atol: 1e-6 }) // => True
 * ```
 */
export const orthogonal = (options: OrthogonalOptions = {}): Initializer => {
  orthogonalDoor(options)
  const { scale = 1, columnAxis = -1 } = options
  return checked('orthogonal', (key, shape, dtype = 'float32') => {
    if (shape.length < 2) {
      throw new ShapeError(`nn.initializers.orthogonal: a shape of rank 2 or more is needed, got ${showShape(shape)}.`)
    }
    const axis = normalizeAxis('nn.initializers.orthogonal', columnAxis, shape.length)
    const columns = shape[axis]!
    const rows = sizeOf(shape) / columns
    const matrix = orthonormalize(random.normal(key, [Math.max(rows, columns), Math.min(rows, columns)], { dtype }))
    const fitted = rows < columns ? np.transpose(matrix) : matrix
    const others = shape.filter((_, d) => d !== axis)
    return np.multiply(np.moveaxis(np.reshape(fitted, [...others, columns]), -1, axis), scale)
  })
}
