/**
 * `pullback/train`: tuning as functions of trees, data as streams that can be resumed, and the loop as a fold.
 *
 * @module pullback/train
 */
export type { AdapterConfig, AdapterWeights } from './adapter.ts'
export { Adapter } from './adapter.ts'
export type { AdapterError, CheckpointError, DataError, DivergenceError, TrainError } from './errors.ts'
export type { Cursor, Item, Position, Stream, StreamError } from './stream.ts'
export * from './data/index.ts'
