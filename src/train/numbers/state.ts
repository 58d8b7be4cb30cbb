/** What a step of training is made of, and what it changes. */
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
 * What a loss is given besides: handed on to `model.apply`, it turns dropout on where there is a key. A loss of a model with a state of its
 * own, as running statistics are, is given that as `state`: its type is `LossRun<State>`.
 */
export type LossRun<M = null> = { readonly key?: Key } & ([M] extends [null] ? unknown : { readonly state: M })

/** All that a step changes: a tree of arrays, which goes through `jit` and into checkpoints. */
export interface StepState<P, S = OptState, M = null> {
  /** What is trained. */
  readonly params: P
  readonly optimizer: S
  /** Updates so far; int32. */
  readonly step: NDArray
  /** What counted in them, tokens or rows; float64. */
  readonly seen: NDArray
  /** Steps that were left out, since something in them was not finite; int32. */
  readonly skipped: NDArray
  /** Every step has a key of its own, made of this one; null without dropout. */
  readonly key: Key | null
  /** The running mean of the parameters, which began at 0: `average` makes up for that. Null without `ema`. */
  readonly ema: P | null
  /** Null where the loss is not scaled, or by a number that stays. */
  readonly lossScale: LossScale | null
  /** What the model gathers as it is trained, by no gradient: running statistics. Null where the loss gives none. */
  readonly modelState: M
  /** The running mean of that, as `ema` is of the parameters. */
  readonly modelAverage: M | null
}

/** What `makeStep` is given. */
export interface StepOptions<P, B, S = OptState, F = undefined, M = null> {
  /**
   * The loss: an objective of `pullback/train`, or a scalar. It is differentiated by the first argument only; `frozen` is what `step` was
   * given besides, a frozen base. (A large one that the loss closes over would be a constant of the compiled program.)
   *
   * Where `initState` was given a model's state, the loss finds it in `run.state` and gives the next one besides, `[loss, state]`: of the
   * same tree, shapes and dtypes.
   */
  readonly loss: (
    params: P,
    batch: B,
    run: LossRun<M>,
    frozen: F,
  ) => Objective | NDArray | readonly [loss: Objective | NDArray, state: M]
  /** The optimizer, or where there is a `learningRate`, the optimizer for a rate: `(rate) => optim.adamw(rate)`. */
  readonly optimizer: GradientTransformation<S> | ((learningRate: NDArray) => GradientTransformation<S>)
  /** The rate, or a schedule of it. It is one of the metrics then. */
  readonly learningRate?: number | ((at: NDArray) => ArrayLike)
  /** What a schedule counts: updates (default), or what has been seen in them, which are tokens for models of language. */
  readonly scheduleBy?: 'step' | 'seen'
  /**
   * Whether batches are stacks of micro-batches, `[count, ...]` at every leaf, that are computed one after the other and make one
   * update; not by default. For micro-batches of different shapes there is `stepOver`.
   */
  readonly accumulate?: boolean
  /** The greatest norm of all gradients together; longer ones are shortened to it. */
  readonly clip?: number
  /** The decay of a running mean of the parameters, 0.999 for example; none by default. */
  readonly ema?: number
  /** The dtype that the loss sees parameters in; by default float32, and float64 for parameters that have it. */
  readonly compute?: 'float16' | 'bfloat16' | 'float32'
  /** The factor of the loss before it is differentiated; 'dynamic' with float16, 1 otherwise. */
  readonly lossScale?: 'dynamic' | number | LossScaleOptions
  /** What becomes of an update that is not finite: it is left out and counted (default), or applied all the same. */
  readonly onNonFinite?: 'skip' | 'apply'
  /** Whether the norm of each layer's gradients is among the metrics, as `gradNorm/encoder.layer.0`; not by default. */
  readonly layerNorms?: boolean
}

/** What `makeStep` gives. */
export interface StepFunctions<P, B, S = OptState, F = undefined, M = null> {
  /** The state before the first step. */
  readonly initState: (params: P, options?: { readonly key?: Key; readonly modelState?: M }) => StepState<P, S, M>
  /** The state after a batch, and metrics: arrays of rank 0. A pure function, to be compiled by `jit`. */
  readonly step: (
    state: StepState<P, S, M>,
    batch: B,
    frozen?: F,
  ) => readonly [state: StepState<P, S, M>, metrics: ObjectiveMetrics]
  /** One update from several batches of any shapes, as if they were one. It compiles what it needs itself. */
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

/** Whether rates and optimizers go together, which the types leave open. */
export const checkRate = (optimizer: unknown, learningRate: unknown): void => {
  const takesRate = typeof optimizer === 'function'
  if (takesRate === (learningRate !== undefined)) return
  throw new ArgumentError(
    takesRate
      ? 'makeStep: an optimizer that is a function of the rate needs a learningRate: a number, or a schedule.'
      : 'makeStep: with a learningRate, the optimizer is a function of it, as in { optimizer: (rate) => optim.adamw(rate) }.',
  )
}
