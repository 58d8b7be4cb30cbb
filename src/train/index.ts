/**
 * `pullback/train`: tuning as functions of trees, data as streams that can be resumed, and the loop as a fold.
 *
 * @module pullback/train
 */
export type { AdapterConfig, AdapterWeights } from './adapter.ts'
export { Adapter } from './adapter.ts'
export type { AdapterError, CheckpointError, DataError, DivergenceError, TrainError } from './errors.ts'
export type { Cursor, Item, Position, Stream } from './stream.ts'
export type { ModelLike } from './modelTypes.ts'
export type { Parameter, Targets } from './targets.ts'
export type { CombineOptions } from './methods/combine.ts'
export type { Ia3Config, Ia3Options } from './methods/ia3.ts'
export type { ApplyOptions, LoraAdapters, LoraApplyOptions, LoraConfig, LoraOptions } from './methods/lora.ts'
export type { LoraInit } from './methods/loraInit.ts'
export type { PeftConfig } from './methods/peft/formats.ts'
export type { LoadAdapterOptions } from './methods/peft/load.ts'
export type { SaveAdapterOptions } from './methods/peft/save.ts'
export { encodeAdapter } from './methods/peft/save.ts'
export type { Mergeable } from './methods/products.ts'
export { dora, ia3, loadAdapter, lora, mergeDifference, saveAdapter, vera } from './methods/products.ts'
export type { ProjectionSpec } from './methods/projections.ts'
export type { ModuleConfig, ModuleOptions, Tuned } from './methods/settings.ts'
export type { VeraConfig, VeraOptions } from './methods/vera.ts'
