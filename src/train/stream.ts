/** Data as values: streams that can be read again from any place. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { DataError } from './errors.ts'
import type { IoError } from '../io/index.ts'

/** A place in a stream: plain data, which goes into checkpoints. */
export type Position = null | number | string | boolean | readonly Position[] | { readonly [key: string]: Position }

/** An element, and the place after it. */
export interface Item<T> {
  readonly value: T
  readonly position: Position
}

/** A stream that is being read. */
export interface Cursor<T> {
  /** The next element; null at the end. */
  readonly next: () => Promise<Either<DataError | IoError, Item<T> | null>>
  /** Gives up files that are open. */
  readonly close: () => Promise<void>
}

/** A lazy sequence, which is the same every time: nothing is read before it is opened. */
export interface Stream<T> {
  /** From the beginning, or from a place that an earlier reading of the same stream gave. */
  readonly open: (position?: Position) => Cursor<T>
}
