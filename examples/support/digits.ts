/** Handwritten digits: the 10,000 MNIST images that the `mnist` package ships. */
import { createRequire } from 'node:module'
import { tryCatch } from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'

export const PIXELS = 28 * 28

/** Images as rows of pixels between 0 and 1, and the digits that they show. */
export interface Digits {
  readonly images: Float32Array
  readonly labels: Int32Array
  readonly count: number
}

export interface DataError {
  readonly _tag: 'DataError'
  readonly message: string
}

const require = createRequire(import.meta.url)

const rawOf = (digit: number): readonly number[] =>
  (require(`mnist/src/digits/${digit}.json`) as { readonly data: readonly number[] }).data

const readAll = (wanted: readonly number[]): Digits => {
  const raws = wanted.map((digit) => ({ digit, raw: rawOf(digit) }))
  const counts = raws.map(({ raw }) => Math.floor(raw.length / PIXELS))
  const count = counts.reduce((a, b) => a + b, 0)
  const images = new Float32Array(count * PIXELS)
  const labels = new Int32Array(count)
  let row = 0
  raws.forEach(({ digit, raw }, i) => {
    images.set(raw.slice(0, counts[i]! * PIXELS), row * PIXELS)
    labels.fill(digit, row, row + counts[i]!)
    row += counts[i]!
  })
  return { images, labels, count }
}

/** Reads the images of some digits. */
export const readDigits = (wanted: readonly number[]): TaskEither<DataError, Digits> =>
  tryCatch(
    () => Promise.resolve().then(() => readAll(wanted)),
    (e) => ({ _tag: 'DataError', message: `the mnist package could not be read: ${String(e)}` }),
  )

/** The images at some places, in that order. */
export const select = ({ images, labels }: Digits, places: ArrayLike<number>): Digits => {
  const count = places.length
  const chosen = { images: new Float32Array(count * PIXELS), labels: new Int32Array(count), count }
  for (let i = 0; i < count; i++) {
    const place = places[i]!
    chosen.images.set(images.subarray(place * PIXELS, (place + 1) * PIXELS), i * PIXELS)
    chosen.labels[i] = labels[place]!
  }
  return chosen
}
