/** What goes wrong in the world while models are tuned: values, never thrown. */
import type { IoError } from '../io/index.ts'

/** Files that could be read and do not fit: an adapter of another model, a checkpoint of another run. */
export interface AdapterError {
  readonly _tag: 'AdapterError'
  readonly message: string
  /** Names that the files lack. */
  readonly missing: readonly string[]
  /** Names in the files that nothing takes. */
  readonly unexpected: readonly string[]
}

/** A row of data that is not what was asked for. */
export interface DataError {
  readonly _tag: 'DataError'
  readonly message: string
  /** Where it is: a file and a line, or the place in the stream. */
  readonly at: string
}

/** A checkpoint that cannot be trusted or does not fit, or none where one was wanted. */
export interface CheckpointError {
  readonly _tag: 'CheckpointError'
  /**
   * - `damaged`: files are missing, cut off or altered.
   * - `version`: a later version of this library wrote it.
   * - `mismatch`: it is whole, but of another state or another base.
   * - `missing`: there is none.
   */
  readonly reason: 'damaged' | 'version' | 'mismatch' | 'missing'
  readonly message: string
  readonly path: string
}

/** Numbers that stopped being numbers. */
export interface DivergenceError {
  readonly _tag: 'DivergenceError'
  readonly message: string
  readonly step: number
}

/** Whatever a run can end with. */
export type TrainError = IoError | AdapterError | DataError | CheckpointError | DivergenceError
