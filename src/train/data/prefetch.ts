/** Reading ahead. */
import * as must from '../../conversions/arguments.ts'
import type { Stream } from '../stream.ts'
import type { Operator, Pulled } from './cursor.ts'
import { cursorOf, operator } from './cursor.ts'

const prefetchDoor = must.door('prefetch', { n: must.natural })
const prefetchOperator = operator('prefetch')

/**
 * The same elements; the next `n` are read while a step computes. Nothing is read before the first element is requested.
 *
 * @example
 * ```ts
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { fromArray, map, prefetch, toArray } from 'pullback/train'
 * // The slow part goes before it: while a step uses one batch, the next two are made.
 * const batches = await pipe(fromArray([1, 2, 3]), map(async (n) => n * 10), prefetch(2), toArray)()
 * batches._tag === 'Right' && batches.right // => 10,20,30
 * ```
 */
export const prefetch = <A>(n: number): Operator<A, A> => {
  prefetchDoor(n)
  return prefetchOperator((source: Stream<A>, position, epoch) => {
    const cursor = source.open(position, epoch)
    const ahead: Promise<Pulled<A>>[] = []
    const fill = (): void => {
      while (ahead.length < n) {
        const pulled = cursor.next()
        // The error is reported when this element is read, which may never happen.
        pulled.catch(() => undefined)
        ahead.push(pulled)
      }
    }
    return cursorOf(() => {
      const pulled = ahead.shift() ?? cursor.next()
      fill()
      return pulled
    }, cursor.close)
  })
}
