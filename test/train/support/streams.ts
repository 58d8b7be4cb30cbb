/** Streams of lists, for tests of the loop. */
import type { Position, Stream } from 'pullback/train'

/** The items in their order; the place is the number of items before it. `faults` are given in the places of items. */
export const streamOf = <T>(
  items: readonly T[],
  faults: ReadonlyMap<number, string> = new Map(),
): Stream<T> & { opened: number; closed: number } => {
  const stream = {
    opened: 0,
    closed: 0,
    open: (position: Position = null) => {
      stream.opened++
      let at = position === null ? 0 : (position as number)
      return {
        next: () => {
          const fault = faults.get(at)
          if (fault !== undefined) {
            return Promise.resolve({
              _tag: 'Left',
              left: { _tag: 'DataError', at: String(at), message: fault },
            } as const)
          }
          if (at >= items.length) return Promise.resolve({ _tag: 'Right', right: null } as const)
          const value = items[at++]!
          return Promise.resolve({ _tag: 'Right', right: { value, position: at } } as const)
        },
        close: () => {
          stream.closed++
          return Promise.resolve()
        },
      }
    },
  }
  return stream
}

/** The items in another order for each epoch. */
export const shuffledStream = <T>(items: readonly T[], seed: number): Stream<T> => ({
  open: (position = null, epoch = 0) => {
    const key = (i: number): number => Math.imul(i + 1, 0x9e3779b1 ^ Math.imul(epoch + seed, 0x85ebca6b)) >>> 0
    const order = items.map((_, i) => i).sort((a, b) => key(a) - key(b))
    return streamOf(order.map((i) => items[i]!)).open(position)
  },
})
