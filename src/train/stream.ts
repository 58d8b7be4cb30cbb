/** Streams of data that can be read again from any position. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { DataError } from './errors.ts'
import type { IoError } from '../io/index.ts'

/** A position in a stream: plain data, for checkpoints. The beginning is null. */
export type Position = null | number | string | boolean | readonly Position[] | { readonly [key: string]: Position }

/** The errors of reading. */
export type StreamError = DataError | IoError

/** An element, and the position after it. */
export interface Item<T> {
  readonly value: T
  readonly position: Position
}

/** A stream that is being read. */
export interface Cursor<T> {
  /** The next element; null at the end. Errors are final, like the end. */
  readonly next: () => Promise<Either<StreamError, Item<T> | null>>
  /** Closes open files. There are no more elements after it. */
  readonly close: () => Promise<void>
}

/** A lazy sequence, the same at every reading: nothing is read before it is opened. */
export interface Stream<T> {
  /**
   * Reads from the beginning, or from a position of an earlier reading of the same stream.
   *
   * @param epoch - the number of this reading, counted from 0: `repeat` counts, and `shuffle` draws another order for each.
   */
  readonly open: (position?: Position, epoch?: number) => Cursor<T>
}
