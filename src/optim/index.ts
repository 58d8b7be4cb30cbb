/** The `optim` namespace: gradient transformations, optimizers, schedules and losses, after optax. */
export * from './adam.ts'
export * from './adaptive.ts'
export type { TrustRatioOptions } from './blocks.ts'
export { scaleByParamBlockNorm, scaleByParamBlockRms, scaleByTrustRatio } from './blocks.ts'
export * from './classLosses.ts'
export * from './clipping.ts'
export * from './factored.ts'
export * from './layerwise.ts'
export * from './longSchedules.ts'
export * from './losses.ts'
export type { LossOptions } from './lossTools.ts'
export * from './masks.ts'
export type { MomentsState } from './moments.ts'
export * from './optimizers.ts'
export type { WeightDecayOptions } from './options.ts'
export * from './privacy.ts'
export * from './rootMeanSquares.ts'
export * from './scaling.ts'
export * from './schedules.ts'
export type { ArraySchedule } from './scheduleTools.ts'
export type { GradientTransformation, NamedStates, OptState, StateOf } from './transformation.ts'
export {
  applyUpdates,
  chain,
  identity,
  incrementalUpdate,
  monoid,
  namedChain,
  setToZero,
  stateless,
} from './transformation.ts'
export { globalNorm } from './trees.ts'
export * from './wrappers.ts'
