/** Elements in a random order. */
import type { Key } from '../../random/index.ts'
import { foldIn, permutation, randint } from '../../random/index.ts'
import { aKey } from '../../random/keys.ts'
import * as must from '../../conversions/arguments.ts'
import type { Stream } from '../stream.ts'
import type { Operator } from './cursor.ts'
import { operator, right } from './cursor.ts'
import { windowsCursor } from './windows.ts'

const shuffleDoor = must.door('shuffle', { key: aKey, buffer: must.count })
const shuffleOperator = operator('shuffle')

/** The order of a window of `count` elements. */
const orderOf = (key: Key, count: number): readonly number[] =>
  Array.from(permutation(key, count).dataSync() as Int32Array)

/**
 * The same elements in another order, which is a function of the key and the epoch, see `repeat`. `buffer` elements are held
 * and shuffled at a time: if the buffer holds all the data, every order is equally likely; a smaller one moves an element by
 * less than its size, so data sorted by label need a large buffer. The start of buffers is drawn too, so that each epoch mixes
 * different elements. Resuming from a place reads one buffer again.
 *
 * @param buffer - the number of elements held.
 *
 * @example
 * ```ts
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { random } from 'pullback'
 * import { range, repeat, shuffle, toArray } from 'pullback/train'
 * const orders = await pipe(range(5), shuffle(random.key(3), 5), repeat(2), toArray)()
 * orders._tag === 'Right' && [...orders.right].sort() // => 0,0,1,1,2,2,3,3,4,4
 * ```
 */
export const shuffle = <A>(key: Key, buffer: number): Operator<A, A> => {
  shuffleDoor(key, buffer)
  return shuffleOperator((source: Stream<A>, position, epoch) => {
    const drawn = foldIn(key, epoch)
    const half = Math.ceil(buffer / 2)
    // Number 0 of the keys draws where the first window ends; window i has number i + 1.
    const first = randint(foldIn(drawn, 0), [], half, buffer + 1).item()
    return windowsCursor('shuffle', source, position, epoch, {
      size: buffer,
      first,
      arrange: (values: readonly A[], index) =>
        right(orderOf(foldIn(drawn, index + 1), values.length).map((i) => values[i]!)),
    })
  })
}
