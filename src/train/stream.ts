/** Data as values: streams that can be read again from any place. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { DataError } from './errors.ts'
import type { IoError } from '../io/index.ts'

/** A place in a stream: plain data, which goes into checkpoints. The beginning is null. */
export type Position = null | number | string | boolean | readonly Position[] | { readonly [key: string]: Position }

/** What reading may end in. */
export type StreamError = DataError | IoError

/** An element, and the place after it. */
export interface Item<T> {
  readonly value: T
  readonly position: Position
}

/** A stream that is being read. */
export interface Cursor<T> {
  /** The next element; null at the end. Errors are final, as the end is. */
  readonly next: () => Promise<Either<StreamError, Item<T> | null>>
  /** Gives up files that are open. After it there are no more elements. */
  readonly close: () => Promise<void>
}

/** A lazy sequence, which is the same every time: nothing is read before it is opened. */
export interface Stream<T> {
  /**
   * From the beginning, or from a place that an earlier reading of the same stream gave.
   *
   * @param epoch - which reading of the data it is, counted from 0: `repeat` counts, and `shuffle` draws another order for each.
   */
  readonly open: (position?: Position, epoch?: number) => Cursor<T>
}
