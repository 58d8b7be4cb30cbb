/** Checks of options that several optimizers share. */
import * as must from '../conversions/arguments.ts'
import type { AdamOptions, LionOptions } from './adaptive.ts'
import type { RmsOptions } from './rootMeanSquares.ts'
import type { Mask, MaskedState } from './masks.ts'
import type { MomentumOptions, RateState, ScalarOrSchedule } from './scaling.ts'

/** A hyperparameter, or a schedule for it. */
export const aRate = must.kind(
  'a number, an array or a schedule',
  (x) => must.arrayLike.accepts(x) || must.func.accepts(x),
)

/** A mask that selects leaves, or a predicate. */
export const aMask = must.kind(
  'true, false, a tree of them, or a function from a tree to one',
  (x) => typeof x === 'boolean' || typeof x === 'function' || (typeof x === 'object' && x !== null),
)

export const adamOptions: must.OptionTable<AdamOptions> = {
  b1: must.arrayLike,
  b2: must.arrayLike,
  eps: must.arrayLike,
  epsRoot: must.arrayLike,
  muDtype: must.dtype,
  nesterov: must.boolean,
}

export const rmsOptions: must.OptionTable<RmsOptions> = {
  decay: must.arrayLike,
  eps: must.arrayLike,
  initialScale: must.arrayLike,
  epsInSqrt: must.boolean,
  biasCorrection: must.boolean,
}

export const lionOptions: must.OptionTable<LionOptions> = {
  b1: must.arrayLike,
  b2: must.arrayLike,
  muDtype: must.dtype,
}

/** The state of weight decay, which may be masked. */
export type DecayState = RateState | MaskedState<RateState>

/** Options of optimizers with decoupled weight decay. */
export interface WeightDecayOptions {
  /** Decay, multiplied by the learning rate. */
  readonly weightDecay?: ScalarOrSchedule
  /** Which leaves decay; all by default. */
  readonly mask?: Mask
}

export const weightDecayOptions: must.OptionTable<WeightDecayOptions> = { weightDecay: aRate, mask: aMask }

export const momentumOptions: must.OptionTable<MomentumOptions> = {
  nesterov: must.boolean,
  accumulatorDtype: must.dtype,
}

export const momentumChoice = { momentum: must.arrayLike, ...momentumOptions }
