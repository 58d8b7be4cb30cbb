/** Cursors, and helpers for making streams and operators. */
import type { Either } from 'fp-ts/lib/Either.js'
import { ArgumentError } from '../../core/errors.ts'
import * as must from '../../conversions/arguments.ts'
import type { DataError } from '../errors.ts'
import type { Cursor, Item, Position, Stream, StreamError } from '../stream.ts'
import { showPlain } from './show.ts'

/** The result of reading from a cursor. */
export type Pulled<T> = Either<StreamError, Item<T> | null>

/** The end of a stream. */
export const end: Pulled<never> = { _tag: 'Right', right: null }

/** An element, and the place after it. */
export const item = <T>(value: T, position: Position): Pulled<T> => ({ _tag: 'Right', right: { value, position } })

/** An error. */
export const left = <E>(error: E): Either<E, never> => ({ _tag: 'Left', left: error })

/** A value. */
export const right = <T>(value: T): Either<never, T> => ({ _tag: 'Right', right: value })

const isEither = (x: unknown): boolean =>
  typeof x === 'object' && x !== null && '_tag' in x && (x._tag === 'Left' || x._tag === 'Right')

/** Checks that a user's function returned an `Either`. */
export const anEither = <E, A>(name: string, given: Either<E, A>): Either<E, A> => {
  if (isEither(given)) return given
  throw new ArgumentError(`${name}: the function must give an Either, got ${showPlain(given)}.`)
}

/** An error of data, whose message begins with its position. */
export const dataError = (at: string, what: string): DataError => ({ _tag: 'DataError', at, message: `${at}: ${what}` })

const nothing = (): Promise<void> => Promise.resolve()

/** A cursor from a function that returns its next element. Calls are queued, and the end and errors are final. */
export const cursorOf = <T>(pull: () => Promise<Pulled<T>>, close: () => Promise<void> = nothing): Cursor<T> => {
  let final: Pulled<T> | null = null
  let closing: Promise<void> | null = null
  let before: Promise<unknown> = Promise.resolve()
  const step = async (): Promise<Pulled<T>> => {
    if (final !== null) return final
    const pulled = await pull()
    if (pulled._tag === 'Left' || pulled.right === null) final ??= pulled
    return pulled
  }
  return {
    next: () => {
      const pulled = before.then(step)
      before = pulled.catch(() => undefined)
      return pulled
    },
    close: () => {
      final = end
      closing ??= before.then(close)
      return closing
    },
  }
}

/** A cursor that only returns an error. */
export const failedCursor = (error: StreamError): Cursor<never> => cursorOf(() => Promise.resolve(left(error)))

/** The cursor for a place that does not come from this stream. */
export const strangePosition = (name: string, position: Position): Cursor<never> =>
  failedCursor(
    dataError(name, `the position ${showPlain(position)} is none of this stream. Was it saved by another one?`),
  )

/** Applies `f` to the next element; the end and errors are passed on. */
export const withNext = async <A, B>(
  cursor: Cursor<A>,
  f: (item: Item<A>) => Pulled<B> | Promise<Pulled<B>>,
): Promise<Pulled<B>> => {
  const pulled = await cursor.next()
  if (pulled._tag === 'Left') return pulled
  return pulled.right === null ? end : f(pulled.right)
}

const isStream = (x: unknown): x is Stream<unknown> =>
  typeof x === 'object' && x !== null && 'open' in x && typeof x.open === 'function'

/** Checks a stream. */
export const aStream = must.kind('a stream, as fromArray or jsonl gives it', isStream, {
  hint: (x) => (Array.isArray(x) ? 'fromArray makes one of a list.' : null),
})

/** A stream from the function that opens it; messages begin with its name. */
export const streamOf = <T>(name: string, open: (position: Position, epoch: number) => Cursor<T>): Stream<T> => {
  const enter = must.door(name, { position: must.anything, epoch: must.natural })
  return {
    open: (position = null, epoch = 0) => {
      enter(position, epoch)
      return open(position, epoch)
    },
  }
}

/** A function of streams. */
export type Operator<A, B> = (stream: Stream<A>) => Stream<B>

/** Makes an operator: its stream opens by opening its source. */
export const operator = (
  name: string,
): (<A, B>(open: (source: Stream<A>, position: Position, epoch: number) => Cursor<B>) => Operator<A, B>) => {
  const enter = must.door(name, { stream: aStream })
  return (open) => (stream) => {
    enter(stream)
    return streamOf(name, (position, epoch) => open(stream, position, epoch))
  }
}

/** Whether a place is a list of `count` parts. */
export const isParts = (position: Position, count: number): position is readonly Position[] =>
  Array.isArray(position) && position.length === count

/** Whether a part of a place is a count. */
export const isCount = (x: unknown): x is number => must.natural.accepts(x)
