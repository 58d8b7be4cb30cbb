/** Operators that process windows of elements at once, into another form or order. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Cursor, Item, Position, Stream, StreamError } from '../stream.ts'
import type { Pulled } from './cursor.ts'
import { cursorOf, end, isCount, isParts, item, strangePosition } from './cursor.ts'

/** How windows are processed. */
interface Windows<A, B> {
  /** Elements in a window. */
  readonly size: number
  /** Elements in the first window, if the source does not end within `size`: at most `size`. */
  readonly first?: number
  /** Processes a window, from its elements and its index. */
  readonly arrange: (values: readonly A[], index: number) => Either<StreamError, readonly B[]>
}

/** Elements of a source, read ahead. */
class Ahead<A> {
  readonly #cursor: Cursor<A>
  #items: Item<A>[] = []
  #isOver = false

  constructor(cursor: Cursor<A>) {
    this.#cursor = cursor
  }

  /** Reads until there are `count` elements, or no more. Returns an error, or null. */
  async fill(count: number): Promise<Pulled<never>> {
    while (!this.#isOver && this.#items.length < count) {
      const pulled = await this.#cursor.next()
      if (pulled._tag === 'Left') return pulled
      if (pulled.right === null) this.#isOver = true
      else this.#items.push(pulled.right)
    }
    return end
  }

  get length(): number {
    return this.#items.length
  }

  take(count: number): readonly Item<A>[] {
    const taken = this.#items.slice(0, count)
    this.#items = this.#items.slice(count)
    return taken
  }
}

/**
 * A cursor over the results of `arrange` for each window. A place is the source's place before the window, the window's index,
 * and how much of it has been returned: resuming only reads the window again. An error in the source comes before its whole
 * window, as the window cannot be arranged without it.
 */
export const windowsCursor = <A, B>(
  name: string,
  source: Stream<A>,
  position: Position,
  epoch: number,
  { size, first = size, arrange }: Windows<A, B>,
): Cursor<B> => {
  const start = position ?? [null, 0, 0]
  if (!isParts(start, 3) || !isCount(start[1]) || !isCount(start[2])) return strangePosition(name, position)
  let [place, index, given] = start as readonly [Position, number, number]
  const cursor = source.open(place, epoch)
  const ahead = new Ahead(cursor)
  let made: readonly B[] | null = null
  let after: Position = place
  return cursorOf(async () => {
    for (;;) {
      if (made === null) {
        // One more than the window tells whether the source ends with it.
        const filled = await ahead.fill(size + 1)
        if (filled._tag === 'Left') return filled
        if (ahead.length === 0) return end
        const window = ahead.take(index === 0 && ahead.length > size ? first : size)
        after = window.at(-1)!.position
        const arranged = arrange(
          window.map(({ value }) => value),
          index,
        )
        if (arranged._tag === 'Left') return arranged
        made = arranged.right
      }
      if (given < made.length) {
        const value = made[given++]!
        return item(value, [place, index, given])
      }
      made = null
      place = after
      index++
      given = 0
    }
  }, cursor.close)
}
