/** `nn.initializers`: functions that make initializers, `(key, shape, dtype) => array`, after `jax.nn.initializers`. */
import type { DType } from '../core/dtype.ts'
import { ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { normalizeAxes, normalizeAxis, showShape, sizeOf } from '../core/shape.ts'
import * as np from '../numpy/index.ts'
import type { Key } from '../random/keys.ts'
import { orthonormalize } from '../random/orthonormalize.ts'
import * as random from '../random/samplers.ts'
import * as must from '../surface/arguments.ts'
import { inType, over, root, times } from '../surface/hyperparameters.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'

/** Makes an array of a shape; float32 unless told otherwise. */
export type Initializer = (key: Key, shape: Shape, dtype?: DType) => NDArray

const initializerParameters = { key: must.anything, shape: must.shape, dtype: must.optional(must.dtype) }

/** An initializer whose arguments are looked at. */
const checked = (name: string, make: Initializer): Initializer => {
  const enter = must.door(`nn.initializers.${name}`, initializerParameters)
  return (key, shape, dtype) => {
    enter(key, shape, dtype)
    return make(key, shape, dtype)
  }
}

const zerosDoor = must.door('nn.initializers.zeros', initializerParameters)

/** Zeros, whatever the key. */
export const zeros: Initializer = (_key, shape, dtype = 'float32') => {
  zerosDoor(_key, shape, dtype)
  return np.zeros(shape, { dtype })
}

const onesDoor = must.door('nn.initializers.ones', initializerParameters)

/** Ones, whatever the key. */
export const ones: Initializer = (_key, shape, dtype = 'float32') => {
  onesDoor(_key, shape, dtype)
  return np.ones(shape, { dtype })
}

const constantDoor = must.door('nn.initializers.constant', {
  options: must.optionsOf<{ readonly value: ArrayLike }>({ value: must.required(must.arrayLike) }),
})

/** One value everywhere. */
export const constant = (options: { readonly value: ArrayLike }): Initializer => {
  constantDoor(options)
  const { value } = options
  return checked('constant', (_key, shape, dtype = 'float32') => np.full(shape, value, { dtype }))
}

const uniformDoor = must.door('nn.initializers.uniform', {
  options: must.optionsOf<{ readonly scale?: ArrayLike }>({ scale: must.arrayLike }),
})

/** Uniform in `[0, scale)`; scale 0.01 by default. */
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

/** Normal with mean 0; standard deviation 0.01 by default. */
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

/** Normal with mean 0 and standard deviation 0.01 by default, then kept within `lower` and `upper` (-2 and 2) of these. */
export const truncatedNormal = (
  options: { readonly stddev?: ArrayLike; readonly lower?: ArrayLike; readonly upper?: ArrayLike } = {},
): Initializer => {
  truncatedNormalDoor(options)
  const { stddev = 1e-2, lower = -2, upper = 2 } = options
  return checked('truncatedNormal', (key, shape, dtype = 'float32') =>
    np.multiply(random.truncatedNormal(key, lower, upper, shape, { dtype }), inType(stddev, dtype)),
  )
}

/** Which axes of a kernel are what: inputs (-2), outputs (-1), and independent kernels side by side (none). */
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

/** Uniform with variance `2 / (fan in + fan out)`, also called Xavier uniform. Glorot and Bengio (2010). */
export const glorotUniform = family('glorotUniform', 1, 'fanAvg', 'uniform')
/** Truncated normal with variance `2 / (fan in + fan out)`, also called Xavier normal. Glorot and Bengio (2010). */
export const glorotNormal = family('glorotNormal', 1, 'fanAvg', 'truncatedNormal')
/** Uniform with variance `1 / fan in`. LeCun et al., "Efficient backprop" (1998). */
export const lecunUniform = family('lecunUniform', 1, 'fanIn', 'uniform')
/** Truncated normal with variance `1 / fan in`. LeCun et al., "Efficient backprop" (1998). */
export const lecunNormal = family('lecunNormal', 1, 'fanIn', 'truncatedNormal')
/** Uniform with variance `2 / fan in`, also called Kaiming uniform. He et al. (2015). */
export const heUniform = family('heUniform', 2, 'fanIn', 'uniform')
/** Truncated normal with variance `2 / fan in`, also called Kaiming normal. He et al. (2015). */
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
