/** What going on from a place in buckets reads again. */
import { pipe } from 'fp-ts/lib/function.js'
import { random } from 'pullback'
import { expect, it } from 'vitest'
import { bucket, range, shuffle } from '../../../src/train/index.ts'
import type { Stream } from '../../../src/train/index.ts'
import { kept, readFrom } from './support/read.ts'

/** The stream, and how many elements have been read of it. */
const counted = <T>(stream: Stream<T>) => {
  const count = { read: 0 }
  const counting: Stream<T> = {
    open: (position, epoch) => {
      const cursor = stream.open(position, epoch)
      return {
        next: () => {
          count.read++
          return cursor.next()
        },
        close: cursor.close,
      }
    },
  }
  return { count, counting }
}

it('a few buffers of shuffle, and not one for each element that waits; what waits long is found too', async () => {
  const { count, counting } = counted(range(6000))
  // Lengths 0 to 19 in buckets of one each; 19 is rare, so that some wait for long.
  const lengthOf = (x: number): number => (x % 1000 === 7 ? 19 : x % 19)
  const stream = pipe(counting, shuffle(random.key(1), 500), bucket({ lengthOf, bounds: Array.from({ length: 20 }, (_, i) => i + 1), size: 12 })) // prettier-ignore
  const { items } = await readFrom(stream)
  for (const at of [3, 100, 250, 400]) {
    const { position } = items[at]!
    const waiting = (position as readonly [unknown, readonly unknown[]])[1].length
    expect(waiting).toBeGreaterThan(50)
    count.read = 0
    const cursor = stream.open(kept(position))
    const next = await cursor.next()
    await cursor.close()
    expect(next).toEqual({ _tag: 'Right', right: items[at + 1] })
    expect(count.read).toBeLessThan(16 * 500)
  }
})
