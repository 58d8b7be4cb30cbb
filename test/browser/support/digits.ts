/** A few real digits, as batches that can be sent to a page. */
import { createRequire } from 'node:module'
import type { DigitBatch } from '../page/training.ts'

const PIXELS = 28 * 28

const require = createRequire(import.meta.url)
const imagesOf = (digit: number): readonly number[] =>
  (require(`mnist/src/digits/${digit}.json`) as { readonly data: readonly number[] }).data

/** The first digits of each kind, in turns. */
export const digitBatches = (count: number, size: number): readonly DigitBatch[] => {
  const kinds = Array.from({ length: 10 }, (_, digit) => imagesOf(digit))
  const image = (place: number): readonly number[] => {
    const start = Math.floor(place / 10) * PIXELS
    return kinds[place % 10]!.slice(start, start + PIXELS)
  }
  return Array.from({ length: count }, (_, batch) => {
    const places = Array.from({ length: size }, (_, i) => batch * size + i)
    const bytes = places.flatMap((place) => image(place).map((x) => Math.round(255 * x)))
    return { images: Buffer.from(bytes).toString('base64'), labels: places.map((place) => place % 10) }
  })
}
