/**
 * `pullback/train`: tuning as functions of trees, data as streams that can be resumed, and the loop as a fold.
 *
 * @module pullback/train
 */
export type { AdapterConfig, AdapterWeights } from './adapter.ts'
export { Adapter } from './adapter.ts'
export type { AdapterError, CheckpointError, DataError, DivergenceError, TrainError } from './errors.ts'
export type { Cursor, Item, Position, Stream } from './stream.ts'

export type { Metrics, Objective } from './objectives/objective.ts'
export type { CausalOptions, ClassOptions } from './objectives/classes.ts'
export {
  causalLM,
  maskedLM,
  multiLabelClassification,
  seq2seq,
  sequenceClassification,
  tokenClassification,
} from './objectives/classes.ts'
export type { MaskedTokens, MaskOptions, ShiftOptions } from './objectives/tokens.ts'
export { maskTokens, shiftRight } from './objectives/tokens.ts'
export type { RegressionOptions } from './objectives/regression.ts'
export { regression } from './objectives/regression.ts'
export type { ContrastiveOptions } from './objectives/contrastive.ts'
export { contrastive } from './objectives/contrastive.ts'
export type { DistillationOptions } from './objectives/distillation.ts'
export { distillation } from './objectives/distillation.ts'
export type { CpoOptions, DpoOptions, LogProbs, PairLogProbs, PairLoss, SimpoOptions } from './objectives/preference.ts'
export { cpo, dpo, orpo, sequenceLogProbs, simpo } from './objectives/preference.ts'
export type { FloatDType, LossScale, LossScaleOptions } from './numbers/precision.ts'
export { castFloats } from './numbers/precision.ts'
export { layerNorms } from './numbers/norms.ts'
export type { LossRun, Step, StepOptions, StepState } from './numbers/state.ts'
export { makeStep } from './numbers/step.ts'
