/** Consumers of streams. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as must from '../../conversions/arguments.ts'
import type { Item, Position, Stream, StreamError } from '../stream.ts'
import { aStream } from './cursor.ts'

const itemsDoor = must.door('items', { stream: aStream, position: must.anything })

/**
 * The elements with their places, for `for await`; an error is the last of them. The stream is closed when the loop is left.
 *
 * @example
 * ```ts
 * import { items, range } from 'pullback/train'
 * for await (const item of items(range(9))) {
 *   if (item._tag === 'Right' && item.right.value === 2) break
 * }
 * ```
 */
export const items = <A>(
  stream: Stream<A>,
  position: Position = null,
): AsyncGenerator<Either<StreamError, Item<A>>, void> => {
  itemsDoor(stream, position)
  return generate(stream, position)
}

async function* generate<A>(stream: Stream<A>, position: Position): AsyncGenerator<Either<StreamError, Item<A>>, void> {
  const cursor = stream.open(position)
  try {
    for (;;) {
      const pulled = await cursor.next()
      if (pulled._tag === 'Left') {
        yield pulled
        return
      }
      if (pulled.right === null) return
      yield { _tag: 'Right', right: pulled.right }
    }
  } finally {
    await cursor.close()
  }
}

const foldDoor = must.door('fold', { initial: must.anything, f: must.func })
const foldStreamDoor = must.door('fold', { stream: aStream })

/**
 * Folds the elements into one value.
 *
 * @example
 * ```ts
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { fold, range } from 'pullback/train'
 * const sum = await pipe(range(5), fold(0, (sum, x) => sum + x))()
 * sum._tag === 'Right' && sum.right // => 10
 * ```
 */
export const fold = <A, B>(
  initial: B,
  f: (result: B, value: A) => B,
): ((stream: Stream<A>) => TaskEither<StreamError, B>) => {
  foldDoor(initial, f)
  return (stream) => {
    foldStreamDoor(stream)
    return async () => {
      let result = initial
      for await (const item of generate(stream, null)) {
        if (item._tag === 'Left') return item
        result = f(result, item.right.value)
      }
      return { _tag: 'Right', right: result }
    }
  }
}

const toArrayDoor = must.door('toArray', { stream: aStream })

/**
 * All elements as a list, or the error that ended the stream.
 *
 * @example
 * ```ts
 * import { range, toArray } from 'pullback/train'
 * const numbers = await toArray(range(3))()
 * numbers._tag === 'Right' && numbers.right // => 0,1,2
 * ```
 */
export const toArray = <A>(stream: Stream<A>): TaskEither<StreamError, readonly A[]> => {
  toArrayDoor(stream)
  return async () => {
    const values: A[] = []
    for await (const item of generate(stream, null)) {
      if (item._tag === 'Left') return item
      values.push(item.right.value)
    }
    return { _tag: 'Right', right: values }
  }
}
