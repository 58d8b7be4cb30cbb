/** Streams of what is at hand, and of pages that are asked for. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { ArgumentError } from '../../core/errors.ts'
import * as must from '../../conversions/arguments.ts'
import type { Position, Stream, StreamError } from '../stream.ts'
import { anEither, cursorOf, end, isCount, isParts, item, strangePosition, streamOf } from './cursor.ts'

const fromArrayDoor = must.door('fromArray', {
  values: must.kind('a list', Array.isArray, { hint: must.listHint }),
})

/** A stream of `length` elements, read by index. The place is the number of elements read. */
const indexed = <T>(name: string, length: number, at: (i: number) => T): Stream<T> =>
  streamOf(name, (position) => {
    const start = position ?? 0
    if (!isCount(start) || start > length) return strangePosition(name, position)
    let i = start
    return cursorOf(() => Promise.resolve(i < length ? item(at(i++), i) : end))
  })

/**
 * The elements of a list, which must not change.
 *
 * @example
 * ```ts
 * import { fromArray, toArray } from 'pullback/train'
 * const rows = await toArray(fromArray(['a', 'b']))()
 * rows._tag === 'Right' && rows.right // => a,b
 * ```
 */
export const fromArray = <T>(values: readonly T[]): Stream<T> => {
  fromArrayDoor(values)
  return indexed('fromArray', values.length, (i) => values[i]!)
}

const isColumns = (x: unknown): boolean =>
  typeof x === 'object' && x !== null && !Array.isArray(x) && Object.values(x).every(Array.isArray)

const fromColumnsDoor = must.door('fromColumns', {
  columns: must.kind('an object of lists', isColumns, {
    hint: (x) => (Array.isArray(x) ? 'fromArray makes a stream of rows.' : null),
  }),
})

/**
 * Rows from parallel columns.
 *
 * @throws ArgumentError for columns of different lengths.
 *
 * @example
 * ```ts
 * import { fromColumns, toArray } from 'pullback/train'
 * const rows = await toArray(fromColumns({ text: ['a', 'b'], label: [0, 1] }))()
 * rows._tag === 'Right' && rows.right[1]?.text // => b
 * ```
 */
export const fromColumns = <R extends object>(columns: {
  readonly [K in keyof R]: readonly R[K][]
}): Stream<Readonly<R>> => {
  fromColumnsDoor(columns)
  const entries = Object.entries<readonly unknown[]>(columns)
  const lengths = entries.map(([, values]) => values.length)
  if (new Set(lengths).size > 1) {
    const each = entries.map(([key, values]) => `${key} ${values.length}`).join(', ')
    throw new ArgumentError(`fromColumns: columns must have one length, got ${each}.`)
  }
  return indexed(
    'fromColumns',
    lengths[0] ?? 0,
    (i) => Object.fromEntries(entries.map(([key, values]) => [key, values[i]])) as R,
  )
}

const rangeDoor = must.door('range', { start: must.integer, stop: must.optional(must.integer) })

/**
 * Whole numbers from `start` to before `stop`; of one number, from 0 to before it.
 *
 * @example
 * ```ts
 * import { range, toArray } from 'pullback/train'
 * const numbers = await toArray(range(2, 5))()
 * numbers._tag === 'Right' && numbers.right // => 2,3,4
 * ```
 */
export const range = (start: number, stop?: number): Stream<number> => {
  rangeDoor(start, stop)
  const [from, to] = stop === undefined ? [0, start] : [start, stop]
  return indexed('range', Math.max(0, to - from), (i) => from + i)
}

/** A page of elements, and the key of the next page; null ends the stream. */
export interface Page<T> {
  readonly values: readonly T[]
  readonly next: Position
}

const fromTaskEitherDoor = must.door('fromTaskEither', { read: must.func })

/**
 * A stream of pages that a task returns, from a database or a service. The first page has the key null, each other the `next`
 * of the page before. The same key must always return the same page.
 *
 * @example
 * ```ts
 * import * as TE from 'fp-ts/lib/TaskEither.js'
 * import { fromTaskEither, toArray } from 'pullback/train'
 * const pages = fromTaskEither((page) => TE.right({ values: [Number(page), 0.5], next: page === null ? 7 : null }))
 * const values = await toArray(pages)()
 * values._tag === 'Right' && values.right // => 0,0.5,7,0.5
 * ```
 */
export const fromTaskEither = <T>(read: (page: Position) => TaskEither<StreamError, Page<T>>): Stream<T> => {
  fromTaskEitherDoor(read)
  return streamOf('fromTaskEither', (position) => {
    const start = position ?? [null, 0]
    if (!isParts(start, 2) || !isCount(start[1])) return strangePosition('fromTaskEither', position)
    let asked = start[0]!
    let taken = start[1]
    let page: Page<T> | null = null
    return cursorOf(async () => {
      for (;;) {
        if (page === null) {
          const given = anEither('fromTaskEither', await read(asked)())
          if (given._tag === 'Left') return given
          page = given.right
        }
        if (taken < page.values.length) return item(page.values[taken++]!, [asked, taken])
        if (page.next === null) return end
        asked = page.next
        page = null
        taken = 0
      }
    })
  })
}
