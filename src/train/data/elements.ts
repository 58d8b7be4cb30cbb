/** Operators that work element by element. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as must from '../../conversions/arguments.ts'
import type { Cursor, Position, Stream, StreamError } from '../stream.ts'
import { fromArray } from './basic.ts'
import type { Operator } from './cursor.ts'
import {
  anEither,
  cursorOf,
  end,
  isCount,
  isParts,
  item,
  operator,
  right,
  strangePosition,
  withNext,
} from './cursor.ts'

const functionDoor = (name: string): must.Door => must.door(name, { f: must.func })
const countDoor = (name: string): must.Door => must.door(name, { n: must.natural })

/** Maps each element to a value or an error. The place is the source's. */
const eachOf = (name: string) => {
  const make = operator(name)
  return <A, B>(f: (value: A) => Promise<Either<StreamError, B>>): Operator<A, B> =>
    make((source: Stream<A>, position, epoch) => {
      const cursor = source.open(position, epoch)
      return cursorOf(
        () =>
          withNext(cursor, async ({ value, position }) => {
            const made = await f(value)
            return made._tag === 'Left' ? made : item(made.right, position)
          }),
        cursor.close,
      )
    })
}

const mapDoor = functionDoor('map')
const mapEach = eachOf('map')

/**
 * Applies `f`, which may be asynchronous, to each element.
 *
 * @example
 * ```ts
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { fromArray, map, toArray } from 'pullback/train'
 * const lengths = await pipe(fromArray(['to', 'tune']), map((word) => word.length), toArray)()
 * lengths._tag === 'Right' && lengths.right // => 2,4
 * ```
 */
export const map = <A, B>(f: (value: A) => B | Promise<B>): Operator<A, B> => {
  mapDoor(f)
  return mapEach(async (value) => right(await f(value)))
}

const mapEitherDoor = functionDoor('mapEither')
const mapEitherEach = eachOf('mapEither')

/**
 * Applies `f` to each element; the first error ends the stream.
 *
 * @example
 * ```ts
 * import { left, right } from 'fp-ts/lib/Either.js'
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { fromArray, mapEither, toArray } from 'pullback/train'
 * const half = mapEither((n: number) =>
 *   n % 2 === 0 ? right(n / 2) : left({ _tag: 'DataError', at: '', message: `${n} is odd` } as const),
 * )
 * const halves = await pipe(fromArray([2, 4]), half, toArray)()
 * halves._tag === 'Right' && halves.right // => 1,2
 * const odd = await pipe(fromArray([2, 3, 4]), half, toArray)()
 * odd._tag === 'Left' && odd.left.message // => 3 is odd
 * ```
 */
export const mapEither = <A, B>(f: (value: A) => Either<StreamError, B>): Operator<A, B> => {
  mapEitherDoor(f)
  return mapEitherEach((value) => Promise.resolve(anEither('mapEither', f(value))))
}

const mapTaskEitherDoor = functionDoor('mapTaskEither')
const mapTaskEitherEach = eachOf('mapTaskEither')

/**
 * Runs the task of each element, in order; the first error ends the stream.
 *
 * @example
 * ```ts
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { openSource, readAll } from 'pullback/io'
 * import { fromArray, mapTaskEither, toArray } from 'pullback/train'
 * const files = fromArray([Uint8Array.of(1), Uint8Array.of(2, 3)])
 * const read = await pipe(files, mapTaskEither((file) => readAll(openSource(file))), toArray)()
 * read._tag === 'Right' && read.right.map((bytes) => bytes.length) // => 1,2
 * ```
 */
export const mapTaskEither = <A, B>(f: (value: A) => TaskEither<StreamError, B>): Operator<A, B> => {
  mapTaskEitherDoor(f)
  return mapTaskEitherEach(async (value) => anEither('mapTaskEither', await f(value)()))
}

const filterDoor = functionDoor('filter')
const filterOperator = operator('filter')

/**
 * The elements for which `f` is true.
 *
 * @example
 * ```ts
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { filter, fromArray, toArray } from 'pullback/train'
 * const rows = fromArray([{ text: 'fine', label: 1 }, { text: '', label: 0 }])
 * const filled = await pipe(rows, filter(({ text }) => text !== ''), toArray)()
 * filled._tag === 'Right' && filled.right.length // => 1
 * ```
 */
export const filter = <A>(f: (value: A) => boolean): Operator<A, A> => {
  filterDoor(f)
  return filterOperator((source: Stream<A>, position, epoch) => {
    const cursor = source.open(position, epoch)
    return cursorOf(async () => {
      for (;;) {
        const pulled = await cursor.next()
        if (pulled._tag === 'Left' || pulled.right === null || f(pulled.right.value)) return pulled
      }
    }, cursor.close)
  })
}

const flatMapDoor = functionDoor('flatMap')
const flatMapOperator = operator('flatMap')

/**
 * Concatenates the lists or streams that `f` returns for the elements.
 *
 * @example
 * ```ts
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { flatMap, fromArray, toArray } from 'pullback/train'
 * const words = await pipe(fromArray(['to be', 'or not']), flatMap((line) => line.split(' ')), toArray)()
 * words._tag === 'Right' && words.right // => to,be,or,not
 * ```
 */
export const flatMap = <A, B>(f: (value: A) => readonly B[] | Stream<B>): Operator<A, B> => {
  flatMapDoor(f)
  const streamFor = (value: A): Stream<B> => {
    const made = f(value)
    return 'open' in made ? made : fromArray(made)
  }
  return flatMapOperator((source: Stream<A>, position, epoch) => {
    // The place before the current element, and the place in its list or stream.
    const start = position ?? [null, null]
    if (!isParts(start, 2)) return strangePosition('flatMap', position)
    let [before, within] = start as readonly [Position, Position]
    const outer = source.open(before, epoch)
    let after: Position = before
    let inner: Cursor<B> | null = null
    return cursorOf(
      async () => {
        for (;;) {
          if (inner === null) {
            const pulled = await outer.next()
            if (pulled._tag === 'Left') return pulled
            if (pulled.right === null) return end
            after = pulled.right.position
            inner = streamFor(pulled.right.value).open(within, epoch)
          }
          const pulled = await inner.next()
          if (pulled._tag === 'Left') return pulled
          if (pulled.right !== null) return item(pulled.right.value, [before, pulled.right.position])
          await inner.close()
          inner = null
          before = after
          within = null
        }
      },
      async () => {
        await inner?.close()
        await outer.close()
      },
    )
  })
}

const takeDoor = countDoor('take')
const takeOperator = operator('take')

/**
 * The first `n` elements.
 *
 * @example
 * ```ts
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { range, repeat, take, toArray } from 'pullback/train'
 * const first = await pipe(range(2), repeat(null), take(5), toArray)()
 * first._tag === 'Right' && first.right // => 0,1,0,1,0
 * ```
 */
export const take = <A>(n: number): Operator<A, A> => {
  takeDoor(n)
  return takeOperator((source: Stream<A>, position, epoch) => {
    const start = position ?? [null, 0]
    if (!isParts(start, 2) || !isCount(start[1]) || start[1] > n) return strangePosition('take', position)
    let taken = start[1]
    const cursor = source.open(start[0], epoch)
    return cursorOf(
      async () => (taken === n ? end : withNext(cursor, ({ value, position }) => item(value, [position, ++taken]))),
      cursor.close,
    )
  })
}

const skipDoor = countDoor('skip')
const skipOperator = operator('skip')

/**
 * All elements except the first `n`.
 *
 * @example
 * ```ts
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { range, skip, toArray } from 'pullback/train'
 * const rest = await pipe(range(5), skip(3), toArray)()
 * rest._tag === 'Right' && rest.right // => 3,4
 * ```
 */
export const skip = <A>(n: number): Operator<A, A> => {
  skipDoor(n)
  return skipOperator((source: Stream<A>, position, epoch) => {
    const cursor = source.open(position, epoch)
    let left = position === null ? n : 0
    return cursorOf(async () => {
      for (; left > 0; left--) {
        const pulled = await cursor.next()
        if (pulled._tag === 'Left' || pulled.right === null) return pulled
      }
      return cursor.next()
    }, cursor.close)
  })
}

const enumerateOperator = operator('enumerate')

/**
 * Each element with its index, from 0.
 *
 * @example
 * ```ts
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { enumerate, fromArray, map, toArray } from 'pullback/train'
 * const lines = await pipe(enumerate(fromArray(['a', 'b'])), map(([i, text]) => `${i + 1}: ${text}`), toArray)()
 * lines._tag === 'Right' && lines.right // => 1: a,2: b
 * ```
 */
export const enumerate = <A>(stream: Stream<A>): Stream<readonly [index: number, value: A]> =>
  enumerateOperator<A, readonly [number, A]>((source, position, epoch) => {
    const start = position ?? [null, 0]
    if (!isParts(start, 2) || !isCount(start[1])) return strangePosition('enumerate', position)
    let index = start[1]
    const cursor = source.open(start[0], epoch)
    return cursorOf(
      () =>
        withNext(cursor, ({ value, position }) => {
          const numbered = [index++, value] as const
          return item(numbered, [position, index])
        }),
      cursor.close,
    )
  })(stream)
