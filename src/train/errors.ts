/** Failures from outside while models are tuned: values, never thrown. */
import type { IoError } from '../io/index.ts'

/** Files that could be read but do not fit: an adapter of another model. */
export interface AdapterError {
  readonly _tag: 'AdapterError'
  readonly message: string
  /** Names that the files lack. */
  readonly missing: readonly string[]
  /** Unexpected names in the files. */
  readonly unexpected: readonly string[]
}

/** A row of data that is not of the expected form. */
export interface DataError {
  readonly _tag: 'DataError'
  readonly message: string
  /** Its position: a file and a line, or the index in the stream. */
  readonly at: string
}

/** A checkpoint that is damaged, does not fit, or is missing. */
export interface CheckpointError {
  readonly _tag: 'CheckpointError'
  /**
   * - `damaged`: files are missing, truncated or altered.
   * - `version`: a later version of this library wrote it.
   * - `mismatch`: it is intact, but of another state or another base.
   * - `missing`: there is none.
   */
  readonly reason: 'damaged' | 'version' | 'mismatch' | 'missing'
  readonly message: string
  readonly path: string
}

/** A loss that became NaN or infinite. */
export interface DivergenceError {
  readonly _tag: 'DivergenceError'
  readonly message: string
  readonly step: number
}

/** Any error that can end a run. */
export type TrainError = IoError | AdapterError | DataError | CheckpointError | DivergenceError
