/** One step of training as a pure function of a state and a batch. */
import { jit } from '../../api/jit.ts'
import * as np from '../../numpy/index.ts'
import { clipByGlobalNorm } from '../../optim/clipping.ts'
import { applyUpdates } from '../../optim/transformation.ts'
import type { GradientTransformation, OptState } from '../../optim/transformation.ts'
import { globalNorm, increment, selectTree, zeroCount } from '../../optim/trees.ts'
import { foldIn } from '../../random/keys.ts'
import type { Key } from '../../random/keys.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import type { ObjectiveMetrics } from '../objectives/objective.ts'
import { ownTree } from '../own.ts'
import { averaged, initAverage, nextAverage } from './average.ts'
import { layerNorms } from './norms.ts'
import type { Counted, Part } from './parts.ts'
import { addGradients, joinParts, noGradients, partOf, scanParts, stackCounted } from './parts.ts'
import type { LossScaleOptions } from './precision.ts'
import { castFloats, castLike, initLossScale, nextLossScale, widenFloats } from './precision.ts'
import { averageDoor, checkRate, initDoor, makeStepDoor, stepDoor, stepOverDoor } from './state.ts'
import type { LossRun, StepFunctions, StepOptions, StepState } from './state.ts'

/** The scale as a constant, or how it changes. */
const scalingOf = <P, B, S, F, M>({ lossScale, compute }: StepOptions<P, B, S, F, M>): LossScaleOptions | number => {
  if (lossScale === undefined) return compute === 'float16' ? {} : 1
  return lossScale === 'dynamic' ? {} : lossScale
}

/** The dropout key of one micro-batch: another one for every step, also after a skipped step. */
const keyOf = <P, S, M>({ key, step, skipped }: StepState<P, S, M>, place: NDArray | null): { readonly key?: Key } => {
  if (key === null) return {}
  const own = foldIn(key, np.add(step, skipped))
  return { key: place === null ? own : foldIn(own, place) }
}

/** The rate of an update, and the optimizer for it. */
const optimizerOf = <P, B, S, F, M>({ optimizer, learningRate, scheduleBy = 'step' }: StepOptions<P, B, S, F, M>) => {
  const rateAt = (step: NDArray, seen: NDArray): NDArray | null => {
    if (learningRate === undefined) return null
    const rate = typeof learningRate === 'number' ? learningRate : learningRate(scheduleBy === 'step' ? step : seen)
    return np.asarray(rate).astype('float32')
  }
  return (step: NDArray, seen: NDArray): readonly [GradientTransformation<S>, rate: NDArray | null] => {
    const rate = rateAt(step, seen)
    return [typeof optimizer === 'function' ? optimizer(rate!) : optimizer, rate]
  }
}

const prefixed = (prefix: string, metrics: ObjectiveMetrics): ObjectiveMetrics =>
  Object.fromEntries(Object.entries(metrics).map(([name, x]) => [`${prefix}${name}`, x]))

/**
 * A step of training: gradients of a loss, summed over micro-batches by how much counts in each, unscaled, clipped, applied.
 *
 * - 16-bit parameters are widened to float32 first, so gradients, slots and updates are float32 whatever is stored. With
 *   `compute` the loss sees 16 bits, and the float32 parameters are the master weights.
 * - With a loss scale (float16), an update with infinities is skipped and halves the scale, as in PyTorch's GradScaler.
 *   Gradients are unscaled before they are clipped.
 * - A model with running statistics (batch norms) has a state, `initState(params, { modelState })`. The loss finds the current
 *   one in `run.state` and returns the next, `[loss, state]`. No gradient goes through it. Micro-batches update it one after
 *   the other, as in PyTorch, each normalised by its own statistics. A skipped update leaves it unchanged. With `ema` its
 *   floats have a running mean, too, for `averageModelState`, as in timm and TensorFlow's EfficientNet; it keeps its dtypes.
 * - Metrics are `loss`, `weight` (what counted), `gradNorm` (before clipping), `clippedNorm`, `learningRate`, `lossScale`, `finite` (1
 *   or 0), `skipped` (so far), and the loss's own.
 *
 * @throws ArgumentError from `makeStep` for options that do not fit.
 * @example
 * ```ts
 * import { jit, np, optim } from 'pullback'
 * import { makeStep } from 'pullback/train'
 * const { initState, step } = makeStep({
 *   loss: (w: NDArray, batch: { readonly x: NDArray }) => np.mean(np.square(np.subtract(batch.x, w))),
 *   optimizer: (rate) => optim.sgd(rate),
 *   learningRate: optim.linearSchedule({ initValue: 0.5, endValue: 0, transitionSteps: 10 }),
 *   clip: 1,
 * })
 * const run = jit(step)
 * const [state, metrics] = run(initState(np.array(0)), { x: np.array([1, 3]) })
 * metrics['gradNorm'] // => 4.
 * metrics['clippedNorm'] // => 1.
 * state.params // => 0.5
 * run(state, { x: np.array([1, 3]) })[1]['learningRate'] // => 0.45
 * ```
 */
export const makeStep = <P, B, S = OptState, F = undefined, M = null>(
  options: StepOptions<P, B, S, F, M>,
): StepFunctions<P, B, S, F, M> => {
  makeStepDoor(options)
  checkRate(options.optimizer, options.learningRate)
  const { loss, accumulate = false, clip, ema, compute, onNonFinite = 'skip', layerNorms: byLayer = false } = options
  const scaling = scalingOf(options)
  const optimizerAt = optimizerOf(options)

  const initState: StepFunctions<P, B, S, F, M>['initState'] = (params, given = {}) => {
    initDoor(params, given)
    const [step, seen] = [zeroCount(), np.zeros([], { dtype: 'float64' })]
    // The type is null where none is given.
    const modelState = (given.modelState ?? null) as M
    // Compiled steps may donate their state: this copies the caller's arrays.
    return ownTree({
      params,
      optimizer: optimizerAt(step, seen)[0].init(widenFloats(params)),
      step,
      seen,
      skipped: zeroCount(),
      key: given.key ?? null,
      ema: ema === undefined ? null : initAverage(params),
      lossScale: typeof scaling === 'number' ? null : initLossScale(scaling),
      modelState,
      modelAverage: ema === undefined ? null : initAverage(modelState),
    })
  }

  const part = (state: StepState<P, S, M>, batch: B, place: NDArray | null, frozen: F): Part<P, M> => {
    const { modelState } = state
    const run = { ...keyOf(state, place), ...(modelState === null ? {} : { state: modelState }) } as LossRun<M>
    const scale: ArrayLike = state.lossScale?.scale ?? (scaling as number)
    const lossOf = (params: P) => loss(compute === undefined ? params : castFloats(params, compute), batch, run, frozen)
    return partOf(lossOf, widenFloats(state.params), scale, modelState)
  }

  /** What an update changes, if it is applied. */
  const moved = (state: StepState<P, S, M>, gradients: P, { weight, modelState }: Part<P, M>) => {
    const [optimizer, rate] = optimizerAt(state.step, state.seen)
    const before = widenFloats(state.params)
    const [updates, slots] = optimizer.update(gradients, state.optimizer, before)
    const params = castLike(applyUpdates(before, updates), state.params)
    const next = {
      params,
      optimizer: slots,
      step: increment(state.step),
      seen: np.add(state.seen, weight.astype('float64')),
      ema: ema === undefined ? null : nextAverage(state.ema!, params, ema),
      modelState,
      modelAverage: ema === undefined ? null : nextAverage(state.modelAverage!, modelState, ema),
    }
    return [next, rate] as const
  }

  const finish = (state: StepState<P, S, M>, part: Part<P, M>): readonly [StepState<P, S, M>, ObjectiveMetrics] => {
    const { gradients, total, weight, metrics } = part
    const value = np.divide(total, weight)
    const gradNorm = globalNorm(gradients)
    const finite = np.logicalAnd(np.isfinite(gradNorm), np.isfinite(value))
    const clipped = clip === undefined ? gradients : clipByGlobalNorm(clip).update(gradients, null)[0]
    const [changed, rate] = moved(state, clipped, part)
    const skips = onNonFinite === 'skip' || typeof scaling !== 'number'
    const { params, optimizer, step, seen, ema: mean, modelState, modelAverage } = state
    const before = { params, optimizer, step, seen, ema: mean, modelState, modelAverage }
    const skipped = skips ? np.where(finite, state.skipped, increment(state.skipped)) : state.skipped
    const next: StepState<P, S, M> = {
      ...(skips ? selectTree(finite, changed, before) : changed),
      skipped,
      key: state.key,
      lossScale: typeof scaling === 'number' ? null : nextLossScale(state.lossScale!, finite, scaling),
    }
    const report: ObjectiveMetrics = {
      ...metrics,
      loss: value,
      weight,
      gradNorm,
      ...(clip === undefined ? {} : { clippedNorm: np.minimum(gradNorm, clip) }),
      ...(rate === null ? {} : { learningRate: rate }),
      ...(state.lossScale === null ? {} : { lossScale: state.lossScale.scale }),
      finite: finite.astype('float32'),
      skipped,
      ...(byLayer ? prefixed('gradNorm/', layerNorms(gradients)) : {}),
    }
    return [next, report]
  }

  const step: StepFunctions<P, B, S, F, M>['step'] = (state, batch, frozen) => {
    stepDoor(state, batch)
    const base = frozen as F
    if (!accumulate) return finish(state, part(state, batch, null, base))
    const micro = (one: B, place: NDArray, modelState: M) => part({ ...state, modelState }, one, place, base)
    return finish(state, scanParts(micro, widenFloats(state.params), batch, state.modelState))
  }

  const compiledPart = jit(part as (...args: [StepState<P, S, M>, B, NDArray, F]) => Part<P, M>)
  const compiledAdd = jit((sum: P, one: Pick<Part<P>, 'gradients' | 'weight'>) => addGradients(sum, one))
  const compiledFinish = jit((state: StepState<P, S, M>, sum: P, counted: Counted, modelState: M) =>
    finish(state, joinParts(sum, counted, modelState)),
  )

  const stepOver: StepFunctions<P, B, S, F, M>['stepOver'] = (state, batches, frozen) => {
    stepOverDoor(state, batches)
    let sum = noGradients(widenFloats(state.params))
    let { modelState } = state
    const counted = batches.map((batch, i): Counted => {
      const place = np.array(i, { dtype: 'int32' })
      const one = compiledPart({ ...state, modelState }, batch, place, frozen as F) as Part<P, M>
      const { gradients, modelState: after, ...rest } = one
      modelState = after
      sum = compiledAdd(sum, { gradients, weight: rest.weight }) as P
      return rest
    })
    return compiledFinish(state, sum, stackCounted(counted), modelState) as ReturnType<typeof finish>
  }

  const average: StepFunctions<P, B, S, F, M>['average'] = (state) => {
    averageDoor(state)
    return ema === undefined ? state.params : averaged(state.ema!, state.params, state.step, ema)
  }

  const averageModelState: StepFunctions<P, B, S, F, M>['averageModelState'] = (state) => {
    averageDoor(state)
    return ema === undefined ? state.modelState : averaged(state.modelAverage!, state.modelState, state.step, ema)
  }

  return { initState, step, stepOver, average, averageModelState }
}
