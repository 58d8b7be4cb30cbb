/** Reading of streams in tests, and streams that tell what is done to them. */
import type { Item, Position, Stream } from '../../../../src/train/index.ts'

/** All that comes of a stream from a place on; an error is its message, the last of it. */
export const readFrom = async <T>(
  stream: Stream<T>,
  position: Position = null,
  most = Infinity,
): Promise<{ readonly items: readonly Item<T>[]; readonly error: string | null }> => {
  const cursor = stream.open(position)
  const items: Item<T>[] = []
  try {
    while (items.length < most) {
      const pulled = await cursor.next()
      if (pulled._tag === 'Left') return { items, error: pulled.left.message }
      if (pulled.right === null) break
      items.push(pulled.right)
    }
    return { items, error: null }
  } finally {
    await cursor.close()
  }
}

/** The values of a stream, which must not fail. */
export const valuesOf = async <T>(stream: Stream<T>, most = Infinity): Promise<readonly T[]> => {
  const { items, error } = await readFrom(stream, null, most)
  if (error !== null) throw new Error(error)
  return items.map(({ value }) => value)
}

/** A place as a checkpoint keeps it. */
export const kept = (position: Position): Position => JSON.parse(JSON.stringify(position)) as Position

/** What is done to a stream. */
export interface Log {
  opened: number
  closed: number
  reads: number
}

/** A stream that counts how often it is opened, read and closed. */
export const watched = <T>(stream: Stream<T>, log: Log): Stream<T> => ({
  open: (position, epoch) => {
    log.opened++
    const cursor = stream.open(position, epoch)
    let isClosed = false
    return {
      next: () => {
        log.reads++
        return cursor.next()
      },
      close: () => {
        if (!isClosed) log.closed++
        isClosed = true
        return cursor.close()
      },
    }
  },
})

/** A stream that fails in the place of its element number `at`. */
export const failingAt = <T>(stream: Stream<T>, at: number): Stream<T> => ({
  open: (position, epoch) => {
    const start = (position ?? [null, 0]) as readonly [Position, number]
    const cursor = stream.open(start[0], epoch)
    let count = start[1]
    let isClosed = false
    return {
      next: async () => {
        if (isClosed) return { _tag: 'Right', right: null }
        if (count === at) {
          return { _tag: 'Left', left: { _tag: 'DataError', at: `element ${at}`, message: `element ${at} is bad` } }
        }
        const pulled = await cursor.next()
        if (pulled._tag === 'Left' || pulled.right === null) return pulled
        count++
        return { _tag: 'Right', right: { value: pulled.right.value, position: [pulled.right.position, count] } }
      },
      close: () => {
        isClosed = true
        return cursor.close()
      },
    }
  },
})
