/** Training loops as folds over batches. */
import { np, random } from 'pullback'
import type { NDArray } from 'pullback'
import type { Digits } from './digits.ts'
import { PIXELS, select } from './digits.ts'

/** A batch of images and labels. */
export interface Batch {
  readonly x: NDArray
  readonly y: NDArray
}

/** Images and labels as arrays. */
export const toBatch = ({ images, labels, count }: Digits): Batch => ({
  x: np.reshape(np.array(images), [count, PIXELS]),
  y: np.array(labels),
})

/** The places 0 to `count - 1` in random order. */
export const shuffled = (key: random.Key, count: number): Int32Array => random.permutation(key, count).dataSync('int32')

/** The places 0 to `count - 1` in an order of its own for each key, so many at a time; what is left over is left out. */
export function* places(key: random.Key, count: number, size: number): Generator<Int32Array> {
  const order = shuffled(key, count)
  for (let start = 0; start + size <= count; start += size) yield order.subarray(start, start + size)
}

/** Full batches of the data in an order of its own for each key. */
export function* batches(key: random.Key, data: Digits, size: number): Generator<Batch> {
  for (const chosen of places(key, data.count, size)) yield toBatch(select(data, chosen))
}

/** Splits data at random: parts of the whole, in order. */
export const splitDigits = (key: random.Key, data: Digits, counts: readonly number[]): readonly Digits[] => {
  const order = shuffled(key, data.count)
  let start = 0
  return counts.map((count) => {
    const part = select(data, order.subarray(start, start + count))
    start += count
    return part
  })
}

/** `step` applied to batch after batch: a fold. */
export const fold = <S, B>(step: (state: S, batch: B, index: number) => S, initial: S, items: Iterable<B>): S => {
  let state = initial
  let index = 0
  for (const item of items) state = step(state, item, index++)
  return state
}
