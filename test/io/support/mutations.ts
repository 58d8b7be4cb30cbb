/** Damaged files, and what must hold of whatever is read from them. */
import fc from 'fast-check'
import { expect } from 'vitest'
import type { NDArray } from 'pullback'
import { toHost } from '../../../src/trace/value.ts'

/** How many mutations of each format are tried. */
export const MUTATIONS = Number(process.env['PULLBACK_MUTATIONS'] ?? 2000)

/** Milliseconds that so many mutations may take. */
export const timeFor = (count: number): number => count * 30 + 60_000

/** An array holds as many elements as its shape says, and no more bytes than a file of `most` bytes can stand for. */
export const consistent = (x: NDArray, most: number): void => {
  const { data } = toHost(x, 'test')
  expect(data.length).toBe(x.shape.reduce((a, b) => a * b, 1))
  // Q4_0 has 32 float32 elements in 18 bytes; deflate makes 1032 bytes of one; small views may repeat elements.
  expect(data.byteLength).toBeLessThan(1100 * most + 2 ** 24)
}

/** Bytes with a fault. */
export type Edit = (bytes: Uint8Array) => Uint8Array

const at = (bytes: Uint8Array, place: number): number => Math.floor(place * bytes.length)
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
/** Headers are at the beginning, directories at the end: half of the edits go there. */
const edge = fc.oneof(
  place,
  fc.double({ min: 0, max: 0.05, noNaN: true }),
  fc.double({ min: 0.9, max: 1, maxExcluded: true, noNaN: true }),
)

const edits: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(edge, fc.nat(255)).map(([p, value]): Edit => (b) => {
    const copy = b.slice()
    copy[at(b, p)] = value
    return copy
  }),
  fc.tuple(edge, fc.nat(7)).map(([p, bit]): Edit => (b) => {
    const copy = b.slice()
    copy[at(b, p)]! ^= 1 << bit
    return copy
  }),
  place.map(
    (p): Edit =>
      (b) =>
        b.slice(0, at(b, p)),
  ),
  fc.tuple(edge, fc.uint8Array({ minLength: 1, maxLength: 16 })).map(([p, extra]): Edit => (b) => {
    const k = at(b, p)
    return Uint8Array.from([...b.subarray(0, k), ...extra, ...b.subarray(k)])
  }),
  fc.tuple(edge, fc.integer({ min: 1, max: 16 })).map(([p, n]): Edit => (b) => {
    const k = at(b, p)
    return Uint8Array.from([...b.subarray(0, k), ...b.subarray(k + n)])
  }),
  fc.tuple(edge, fc.constantFrom(0, 0x7fffffff, 0xffffffff, 0x80000000)).map(([p, word]): Edit => (b) => {
    const copy = b.slice()
    const k = Math.max(0, Math.min(at(b, p), b.length - 4))
    if (b.length >= 4) new DataView(copy.buffer).setUint32(k, word, true)
    return copy
  }),
)
/** One to four edits. */
export const mutations = fc.array(edits, { minLength: 1, maxLength: 4 })
