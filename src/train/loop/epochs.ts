/** Passes over data as one stream, whose place includes the number of the pass. */
import { strangePosition } from '../data/cursor.ts'
import type { Cursor, Position, Stream } from '../stream.ts'

interface Place {
  readonly epoch: number
  readonly at: Position
}

const isPlace = (x: Position | undefined): x is Position & Place => {
  const place = (typeof x === 'object' ? x : null) as Partial<Place> | null
  return typeof place?.epoch === 'number' && place.at !== undefined
}

/** Several passes, for each of which `shuffle` draws another order. An empty pass is the last. */
export const overEpochs = <B>(stream: Stream<B>, epochs: number): Stream<B> => ({
  open: (position) => {
    const start = position ?? { epoch: 0, at: null }
    if (!isPlace(start)) return strangePosition('train', start)
    const place: Place = start
    let { epoch } = place
    // A pass that was left in the middle may already have had all its elements.
    let isEmpty = place.at === null
    let cursor: Cursor<B> | null = null
    return {
      next: async () => {
        while (epoch < epochs) {
          cursor ??= stream.open(epoch === place.epoch ? place.at : null, epoch)
          const item = await cursor.next()
          if (item._tag === 'Left') return item
          if (item.right !== null) {
            isEmpty = false
            const { value, position: at } = item.right
            return { _tag: 'Right', right: { value, position: { epoch, at } } }
          }
          await cursor.close()
          cursor = null
          if (isEmpty) break
          isEmpty = true
          epoch++
        }
        return { _tag: 'Right', right: null }
      },
      close: async () => {
        await cursor?.close()
      },
    }
  },
})
