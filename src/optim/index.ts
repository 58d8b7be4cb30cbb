/** The `optim` namespace: gradient transformations, optimizers, schedules and losses, after optax. */
export * from './adaptive.ts'
export type { FactoredRmsOptions, FactoredState, TrustRatioOptions } from './blocks.ts'
export { scaleByFactoredRms, scaleByParamBlockNorm, scaleByParamBlockRms, scaleByTrustRatio } from './blocks.ts'
export * from './clipping.ts'
export * from './losses.ts'
export * from './masks.ts'
export * from './optimizers.ts'
export * from './scaling.ts'
export * from './privacy.ts'
export * from './schedules.ts'
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
