/** `nn`: normalisation over batches, groups of features and images, after flax. Computes at least in float32. */
import type { DType } from '../core/dtype.ts'
import { promoteTypes } from '../core/dtype.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { normalizeAxes, normalizeAxis, range } from '../core/shape.ts'
import * as np from '../numpy/index.ts'
import type { Key } from '../random/keys.ts'
import { consume, splitTwo } from '../random/keys.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { inexact } from '../conversions/promote.ts'
import { composite } from '../trace/interpreter.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { Initializer } from './initializers.ts'
import { ones, zeros } from './initializers.ts'
import type { Layer, StatefulLayer } from './layer.ts'
import { applyDoor, checkFeatures, checkRun, initDoor, statefulDoor } from './layer.ts'
import type { NormParams } from './layers.ts'

/** The running statistics of `batchNorm`. */
export interface RunningStatistics {
  /** Shape `[features]`; initially zeros. */
  readonly mean: NDArray
  /** Shape `[features]`; initially ones. The biased variance, with divisor n. */
  readonly var: NDArray
}

/** Options of all normalisations with a learned scale and bias for each feature. */
export interface FeatureNormOptions {
  /** Added to the variance. */
  readonly epsilon?: ArrayLike
  /** Whether to multiply by a learned scale; true by default. */
  readonly scale?: boolean
  /** Whether to add a learned bias; true by default. */
  readonly bias?: boolean
  /** `ones` by default. */
  readonly scaleInit?: Initializer
  /** `zeros` by default. */
  readonly biasInit?: Initializer
}

/** Options of layers with running statistics. */
export interface RunningOptions {
  /** The weight of the old statistics: `momentum · old + (1 - momentum) · batch`. 0.99 by default. */
  readonly momentum?: number
}

/** Options of `batchNorm`; `epsilon` is 1e-5 by default. */
export interface BatchNormOptions extends FeatureNormOptions, RunningOptions {
  /** The axis of features; the last by default. */
  readonly axis?: number
}

const batchNormOptions: must.OptionTable<BatchNormOptions> = {
  axis: must.axis,
  epsilon: must.arrayLike,
  scale: must.boolean,
  bias: must.boolean,
  scaleInit: must.func,
  biasInit: must.func,
  momentum: must.number,
}

/** Options of `groupNorm` and `instanceNorm`; `epsilon` is 1e-6 by default for groups, 1e-5 for instances. */
export interface SpatialNormOptions extends FeatureNormOptions {
  /**
   * Axes over which statistics are taken, besides the features of a group: all but the first and the last by default. If the
   * input has no batch axis, or several, count from the end: `[-3, -2]` for an image.
   */
  readonly spatialAxes?: readonly number[]
}

const spatialNormOptions: must.OptionTable<SpatialNormOptions> = {
  spatialAxes: must.axisList,
  epsilon: must.arrayLike,
  scale: must.boolean,
  bias: must.boolean,
  scaleInit: must.func,
  biasInit: must.func,
}

/** Options of `instanceNorm`. */
export interface InstanceNormOptions extends SpatialNormOptions, RunningOptions {
  /** Whether inference uses the statistics from training, as in PyTorch: the layer then has state. False by default. */
  readonly trackRunningStats?: boolean
}

const initParams =
  (
    name: string,
    features: number,
    { scale = true, bias = true, scaleInit = ones, biasInit = zeros }: FeatureNormOptions,
    enter = initDoor(name),
  ) =>
  (key: Key, dtype: DType = 'float32'): NormParams => {
    enter(key, dtype)
    consume(name, key)
    const [forScale, forBias] = splitTwo(key)
    return {
      scale: scale ? scaleInit(forScale, [features], dtype) : null,
      bias: bias ? biasInit(forBias, [features], dtype) : null,
    }
  }

const checkMomentum = (name: string, momentum: number): void => {
  if (momentum >= 0 && momentum <= 1) return
  throw new ArgumentError(`${name}: momentum is a weight from 0 to 1, got ${momentum}.`)
}

/** 16-bit floats are computed with in float32. */
const computed = (x: NDArray): NDArray => (promoteTypes(x.dtype, 'float32') === x.dtype ? x : x.astype('float32'))

interface Statistics {
  readonly mean: NDArray
  readonly var: NDArray
}

/** Statistics over some axes, which stay with extent 1. */
const statisticsOf = (x: NDArray, axis: readonly number[]): Statistics => ({
  mean: np.mean(x, { axis, keepdims: true }),
  var: np.var(x, { axis, keepdims: true }),
})

/** `(x - mean) / sqrt(var + epsilon)`. */
const standardized = (x: NDArray, { mean, var: variance }: Statistics, epsilon: ArrayLike): NDArray =>
  np.divide(np.subtract(x, mean), np.sqrt(np.add(variance, epsilon)))

/** Applies the learned scale and bias along one axis, in the dtype that they and the input promote to. */
const scaleAndShift = (y: NDArray, x: NDArray, { scale, bias }: NormParams, axis: number): NDArray => {
  const along = (p: NDArray): NDArray => alongAxis(computed(p), y.ndim, axis)
  const scaled = scale === null ? y : np.multiply(y, along(scale))
  const shifted = bias === null ? scaled : np.add(scaled, along(bias))
  const dtype = [scale, bias].reduce((d, p) => (p === null ? d : promoteTypes(d, p.dtype)), x.dtype)
  return shifted.dtype === dtype ? shifted : shifted.astype(dtype)
}

/** A vector as an array of `ndim` axes, all of extent 1 except one. */
const alongAxis = (v: NDArray, ndim: number, axis: number): NDArray =>
  np.reshape(
    v,
    range(ndim).map((d) => (d === axis ? v.size : 1)),
  )

const initStatistics =
  (features: number) =>
  (dtype: DType = 'float32'): RunningStatistics => ({
    mean: np.zeros([features], { dtype }),
    var: np.ones([features], { dtype }),
  })

/** The running statistics after a batch, in their own dtype. */
const advanced = (state: RunningStatistics, batch: Statistics, momentum: number): RunningStatistics => {
  const mixed = (old: NDArray, now: NDArray): NDArray =>
    // The complement in double precision: 1 - 0.99 in float32 is wrong in the sixth digit.
    np
      .add(np.multiply(computed(old), momentum), np.multiply(np.reshape(now, old.shape), 1 - momentum))
      .astype(old.dtype)
  return { mean: mixed(state.mean, batch.mean), var: mixed(state.var, batch.var) }
}

const batchNormDoor = must.door('nn.batchNorm', { features: must.natural, options: must.optionsOf(batchNormOptions) })

/**
 * Normalises each feature to mean 0 and variance 1 over the batch and all other axes, then applies a learned scale and bias.
 * Training uses the batch's own mean and variance, through which gradients flow, and updates the running statistics with them;
 * inference uses the running statistics. Ioffe and Szegedy, "Batch normalization" (2015).
 *
 * PyTorch's `momentum` is `1 - momentum` here, and its running variances are unbiased: n / (n - 1) times the batch's.
 *
 * Under `vmap` each example is its own batch, so pass the whole batch instead.
 *
 * @param features - extent of the axis of features.
 * @throws ShapeError if `x` does not have that many features, or in training has no other axis; ArgumentError for a momentum
 *   outside [0, 1].
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const model = nn.sequential(nn.linear(3, 4), nn.batchNorm(4), nn.relu)
 * const params = model.init(random.key(0))
 * const x = random.normal(random.key(1), [16, 3])
 * const [y, state] = model.apply(params, model.initState(), x, { training: true })
 * state[1].mean.shape // => 4
 * model.apply(params, state, x)[0].shape // => 16,4
 * ```
 */
export const batchNorm = (
  features: number,
  options: BatchNormOptions = {},
): StatefulLayer<NormParams, RunningStatistics> => {
  batchNormDoor(features, options)
  const name = 'nn.batchNorm'
  const { axis = -1, epsilon = 1e-5, momentum = 0.99 } = options
  const enter = statefulDoor(name)
  checkMomentum(name, momentum)
  return {
    init: initParams(name, features, options),
    initState: initStatistics(features),
    apply: (params, state, x, run) =>
      composite('batchNorm', () => {
        enter(params, state, x)
        const { training = false } = checkRun(name, run)
        const array = inexact(asArray(x))
        const along = normalizeAxis(name, axis, array.ndim)
        checkFeatures(name, array, features, axis)
        if (!training) {
          const known = { mean: running(state.mean, array, along), var: running(state.var, array, along) }
          return [scaleAndShift(standardized(computed(array), known, epsilon), array, params, along), state]
        }
        if (array.ndim === 1) {
          throw new ShapeError(
            `${name}: in training x needs axes beside its features, got ${array.aval}: a batch has statistics, one example has none. ` +
              'Under vmap, each example is a batch of its own; hand over the whole batch.',
          )
        }
        const wide = computed(array)
        const batch = statisticsOf(
          wide,
          range(array.ndim).filter((d) => d !== along),
        )
        const y = scaleAndShift(standardized(wide, batch, epsilon), array, params, along)
        return [y, advanced(state, batch, momentum)]
      }),
  }
}

const running = (statistic: NDArray, x: NDArray, axis: number): NDArray => alongAxis(computed(statistic), x.ndim, axis)

/** Axes of statistics, counted from the front; never that of features. */
const spatialAxesOf = (name: string, x: NDArray, axes: readonly number[] | undefined): readonly number[] => {
  const spatial = axes === undefined ? range(x.ndim).slice(1, -1) : normalizeAxes(name, axes, x.ndim)
  if (!spatial.includes(x.ndim - 1)) return spatial
  throw new ShapeError(`${name}: the last axis of ${x.aval} is that of features, and no spatial axis.`)
}

const groupNormDoor = must.door('nn.groupNorm', {
  features: must.natural,
  numGroups: must.count,
  options: must.optionsOf(spatialNormOptions),
})

/**
 * Normalises each group of features of each example to mean 0 and variance 1, over the spatial axes too; then applies a learned
 * scale and bias for each feature. Features are the last axis, and consecutive ones form a group. Wu and He, "Group
 * normalization" (2018).
 *
 * @param numGroups - the number of groups of features; flax's default is 32.
 * @throws ArgumentError if groups do not divide features; ShapeError if the last axis of `x` does not have `features`.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const layer = nn.groupNorm(4, 2)
 * const y = layer.apply(layer.init(random.key(0)), np.array([[1, 3, 10, 30]]))
 * np.round(y) // => [[-1.  1. -1.  1.]]
 * ```
 */
export const groupNorm = (features: number, numGroups: number, options: SpatialNormOptions = {}): Layer<NormParams> => {
  groupNormDoor(features, numGroups, options)
  const name = 'nn.groupNorm'
  const { epsilon = 1e-6, spatialAxes } = options
  const enter = applyDoor(name, 'scale', 'bias')
  if (features % numGroups !== 0) {
    throw new ArgumentError(`${name}: ${numGroups} groups do not divide ${features} features.`)
  }
  return {
    init: initParams(name, features, options),
    apply: (params, x) =>
      composite('groupNorm', () => {
        enter(params, x)
        const array = inexact(asArray(x))
        checkFeatures(name, array, features)
        const spatial = spatialAxesOf(name, array, spatialAxes)
        const grouped = np.reshape(computed(array), [...array.shape.slice(0, -1), numGroups, features / numGroups])
        const y = standardized(grouped, statisticsOf(grouped, [...spatial, array.ndim]), epsilon)
        return scaleAndShift(np.reshape(y, array.shape), array, params, array.ndim - 1)
      }),
  }
}

const instanceNormOptions: must.OptionTable<InstanceNormOptions> = {
  ...spatialNormOptions,
  momentum: must.number,
  trackRunningStats: must.boolean,
}

const instanceNormDoor = must.door('nn.instanceNorm', {
  features: must.natural,
  options: must.optionsOf(instanceNormOptions),
})

/**
 * Normalises each feature of each example to mean 0 and variance 1 over the spatial axes, then applies a learned scale and
 * bias. Features are the last axis. Ulyanov et al., "Instance normalization" (2016). With `trackRunningStats` the layer has
 * state: training keeps a running mean of the examples' statistics, and inference uses it instead of theirs.
 *
 * @throws ShapeError if the last axis of `x` does not have `features`, or there is no spatial axis; ArgumentError for a
 *   momentum outside [0, 1].
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const layer = nn.instanceNorm(1)
 * const y = layer.apply(layer.init(random.key(0)), np.array([[[1], [3]], [[10], [30]]]))
 * np.round(np.ravel(y)) // => [-1.  1. -1.  1.]
 * ```
 */
export function instanceNorm(
  features: number,
  options?: InstanceNormOptions & { readonly trackRunningStats?: false },
): Layer<NormParams>
export function instanceNorm(
  features: number,
  options: InstanceNormOptions & { readonly trackRunningStats: true },
): StatefulLayer<NormParams, RunningStatistics>
export function instanceNorm(
  features: number,
  options: InstanceNormOptions = {},
): Layer<NormParams> | StatefulLayer<NormParams, RunningStatistics> {
  const name = 'nn.instanceNorm'
  instanceNormDoor(features, options)
  const { epsilon = 1e-5, momentum = 0.99, spatialAxes, trackRunningStats = false } = options
  checkMomentum(name, momentum)
  const init = initParams(name, features, options)
  const spatialOf = (x: NDArray): readonly number[] => {
    const axes = spatialAxesOf(name, x, spatialAxes)
    if (axes.length > 0) return axes
    throw new ShapeError(
      `${name}: x needs spatial axes, [batch, ...spatial, features], got ${x.aval}. Without a batch name them: { spatialAxes: [-2] }.`,
    )
  }
  const checked = (x: Parameters<typeof asArray>[0]): NDArray => {
    const array = inexact(asArray(x))
    checkFeatures(name, array, features)
    return array
  }
  const normalized = (x: NDArray, statistics: Statistics, params: NormParams): NDArray =>
    scaleAndShift(standardized(computed(x), statistics, epsilon), x, params, x.ndim - 1)
  const enterPlain = applyDoor(name, 'scale', 'bias')
  const plain: Layer<NormParams> = {
    init,
    apply: (params, x) =>
      composite('instanceNorm', () => {
        enterPlain(params, x)
        const array = checked(x)
        return normalized(array, statisticsOf(computed(array), spatialOf(array)), params)
      }),
  }
  const enter = statefulDoor(name)
  const tracking: StatefulLayer<NormParams, RunningStatistics> = {
    init,
    initState: initStatistics(features),
    apply: (params, state, x, run) =>
      composite('instanceNorm', () => {
        enter(params, state, x)
        const { training = false } = checkRun(name, run)
        const array = checked(x)
        const last = array.ndim - 1
        if (!training) {
          const known = { mean: running(state.mean, array, last), var: running(state.var, array, last) }
          return [normalized(array, known, params), state]
        }
        const statistics = statisticsOf(computed(array), spatialOf(array))
        const average = (s: NDArray): NDArray => np.mean(s, { axis: range(last) })
        const next = advanced(state, { mean: average(statistics.mean), var: average(statistics.var) }, momentum)
        return [normalized(array, statistics, params), next]
      }),
  }
  return trackRunningStats ? tracking : plain
}
