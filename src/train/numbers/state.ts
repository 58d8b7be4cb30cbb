/** The options and the state of a training step. */
import { ArgumentError } from '../../core/errors.ts'
import { aTransformation } from '../../optim/transformation.ts'
import type { GradientTransformation, OptState } from '../../optim/transformation.ts'
import { aKey } from '../../random/keys.ts'
import type { Key } from '../../random/keys.ts'
import * as must from '../../conversions/arguments.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import type { ObjectiveMetrics, Objective } from '../objectives/objective.ts'
import type { LossScale, LossScaleOptions } from './precision.ts'
import { lossScaleTable } from './precision.ts'

/**
 * The last argument of a loss. Passed on to `model.apply`, it turns dropout on where it has a key. The loss of a model with a
 * state, such as running statistics, gets that as `state`: the type is `LossRun<State>`.
 */
export type LossRun<M = null> = { readonly key?: Key } & ([M] extends [null] ? unknown : { readonly state: M })

/** Everything that a step changes: a tree of arrays, for `jit` and checkpoints. */
export interface StepState<P, S = OptState, M = null> {
  /** What is trained. */
  readonly params: P
  readonly optimizer: S
  /** Updates so far; int32. */
  readonly step: NDArray
  /** The number of tokens or rows that counted in them; float64. */
  readonly seen: NDArray
  /** Steps that were skipped because of values that are not finite; int32. */
  readonly skipped: NDArray
  /** The key of each step is derived from this one; null without dropout. */
  readonly key: Key | null
  /** The running mean of the parameters. It starts at 0, which `average` corrects for. Null without `ema`. */
  readonly ema: P | null
  /** Null where the loss is not scaled, or by a constant. */
  readonly lossScale: LossScale | null
  /** State that the model updates without gradients: running statistics. Null where the loss returns none. */
  readonly modelState: M
  /** The running mean of that, as `ema` is of the parameters. */
  readonly modelAverage: M | null
}

/** Options of `makeStep`. */
export interface StepOptions<P, B, S = OptState, F = undefined, M = null> {
  /**
   * The loss: an objective of `pullback/train`, or a scalar. It is differentiated with respect to the first argument only.
   * `frozen` is the last argument of `step`, a frozen base. (A large base that the loss closes over would be a constant of the
   * compiled program.)
   *
   * Where `initState` was given a model's state, the loss finds it in `run.state` and returns the next one as well,
   * `[loss, state]`, with the same tree, shapes and dtypes.
   */
  readonly loss: (
    params: P,
    batch: B,
    run: LossRun<M>,
    frozen: F,
  ) => Objective | NDArray | readonly [loss: Objective | NDArray, state: M]
  /** The optimizer, or where there is a `learningRate`, the optimizer for a rate: `(rate) => optim.adamw(rate)`. */
  readonly optimizer: GradientTransformation<S> | ((learningRate: NDArray) => GradientTransformation<S>)
  /** The rate, or a schedule. It then appears in the metrics. */
  readonly learningRate?: number | ((at: NDArray) => ArrayLike)
  /** What a schedule counts: updates (default), or what they have seen, which for language models is tokens. */
  readonly scheduleBy?: 'step' | 'seen'
  /**
   * Whether batches are stacks of micro-batches, `[count, ...]` at every leaf, that are computed one after the other and make
   * one update; false by default. For micro-batches of different shapes use `stepOver`.
   */
  readonly accumulate?: boolean
  /** The greatest global norm of the gradients; they are scaled down to it. */
  readonly clip?: number
  /** The decay of a running mean of the parameters, 0.999 for example; none by default. */
  readonly ema?: number
  /** The dtype that the loss sees parameters in; by default float32, and float64 for parameters that have it. */
  readonly compute?: 'float16' | 'bfloat16' | 'float32'
  /** The factor of the loss before it is differentiated; 'dynamic' with float16, 1 otherwise. */
  readonly lossScale?: 'dynamic' | number | LossScaleOptions
  /** What happens to an update that is not finite: it is skipped and counted (default), or applied anyway. */
  readonly onNonFinite?: 'skip' | 'apply'
  /** Whether the norm of each layer's gradients is among the metrics, as `gradNorm/encoder.layer.0`; false by default. */
  readonly layerNorms?: boolean
}

/** The result of `makeStep`. */
export interface StepFunctions<P, B, S = OptState, F = undefined, M = null> {
  /** The state before the first step. */
  readonly initState: (params: P, options?: { readonly key?: Key; readonly modelState?: M }) => StepState<P, S, M>
  /** The state after a batch, and metrics: arrays of rank 0. A pure function, to be compiled by `jit`. */
  readonly step: (
    state: StepState<P, S, M>,
    batch: B,
    frozen?: F,
  ) => readonly [state: StepState<P, S, M>, metrics: ObjectiveMetrics]
  /** One update from several batches of any shapes, as if they were one. It compiles its parts itself. */
  readonly stepOver: (
    state: StepState<P, S, M>,
    batches: readonly B[],
    frozen?: F,
  ) => readonly [state: StepState<P, S, M>, metrics: ObjectiveMetrics]
  /** The parameters to evaluate: their running mean where there is one. */
  readonly average: (state: StepState<P, S, M>) => P
  /** The model's state to evaluate them with: its running mean where there is one, else that after the last step. */
  readonly averageModelState: (state: StepState<P, S, M>) => M
}

const aScale = must.kind(
  "'dynamic', a number above 0, or options of a dynamic scale",
  (x) => x === 'dynamic' || must.positive.accepts(x),
)

const stepTable: must.OptionTable<StepOptions<unknown, unknown>> = {
  loss: must.required(must.func),
  optimizer: must.required(must.anyOf(must.func, aTransformation)),
  learningRate: must.anyOf(must.number, must.func),
  scheduleBy: must.oneOf(['step', 'seen']),
  accumulate: must.boolean,
  clip: must.positive,
  ema: must.kind('a number from 0 to below 1', (x) => typeof x === 'number' && x >= 0 && x < 1),
  compute: must.oneOf(['float16', 'bfloat16', 'float32']),
  lossScale: must.anyOf(must.optionsOf(lossScaleTable), aScale),
  onNonFinite: must.oneOf(['skip', 'apply']),
  layerNorms: must.boolean,
}

export const makeStepDoor = must.door('makeStep', { options: must.required(must.optionsOf(stepTable)) })

export const initDoor = must.door('makeStep', {
  params: must.anything,
  options: must.optionsOf<{ readonly key?: Key; readonly modelState?: unknown }>({
    key: aKey,
    modelState: must.anything,
  }),
})

const parts = [
  'params',
  'optimizer',
  'step',
  'seen',
  'skipped',
  'key',
  'ema',
  'lossScale',
  'modelState',
  'modelAverage',
]

const aState = must.kind(
  'a state, as initState or the step before gives it',
  (x) => typeof x === 'object' && x !== null && parts.every((key) => key in x),
)

export const stepDoor = must.door('makeStep', { state: aState, batch: must.anything })

export const stepOverDoor = must.door('makeStep', {
  state: aState,
  batches: must.kind('a list of at least one batch', (x) => Array.isArray(x) && x.length > 0),
})

export const averageDoor = must.door('makeStep', { state: aState })

/** Checks that rates and optimizers match, which the types do not. */
export const checkRate = (optimizer: unknown, learningRate: unknown): void => {
  const takesRate = typeof optimizer === 'function'
  if (takesRate === (learningRate !== undefined)) return
  throw new ArgumentError(
    takesRate
      ? 'makeStep: an optimizer that is a function of the rate needs a learningRate: a number, or a schedule.'
      : 'makeStep: with a learningRate, the optimizer is a function of it, as in { optimizer: (rate) => optim.adamw(rate) }.',
  )
}
