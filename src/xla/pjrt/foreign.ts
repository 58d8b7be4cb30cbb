/** Memory that C owns, copied. */
import { decodeUtf8 } from '../../core/utf8.ts'
import type { Koffi, Ptr } from './ffi.ts'

export const bytesAt = (koffi: Koffi, p: Ptr, size: number): Uint8Array =>
  size === 0 ? new Uint8Array(0) : new Uint8Array(koffi.view(BigInt(p), size)).slice()

export const textAt = (koffi: Koffi, p: Ptr, size: number): string => decodeUtf8(bytesAt(koffi, p, size)) ?? ''

export const wordsAt = (koffi: Koffi, p: Ptr, count: number): readonly number[] => {
  const view = new DataView(bytesAt(koffi, p, 8 * count).buffer)
  return Array.from({ length: count }, (_, i) => Number(view.getBigInt64(8 * i, true)))
}

/** A value with a name, as plugins take options and give attributes. */
export type Named = string | number | boolean | readonly number[]

/** As options are given: a number that is whole may be meant as a float. */
export type NamedOption = Named | { readonly float: number }

const SIZE = 56
const kinds = { text: 0, integer: 1, integers: 2, float: 3, bool: 4 } as const

/** An array of PJRT_NamedValue, read. */
export const namedAt = (koffi: Koffi, p: Ptr, count: number): Readonly<Record<string, Named>> => {
  const one = (at: Ptr): readonly [string, Named] => {
    const raw = bytesAt(koffi, at, SIZE)
    const view = new DataView(raw.buffer)
    const word = (i: number): number => Number(view.getBigInt64(8 * i, true))
    const size = word(6)
    const kind = view.getInt32(32, true)
    const name = textAt(koffi, word(2), word(3))
    if (kind === kinds.text) return [name, textAt(koffi, word(5), size)]
    if (kind === kinds.integers) return [name, wordsAt(koffi, word(5), size)]
    if (kind === kinds.float) return [name, view.getFloat32(40, true)]
    return kind === kinds.bool ? [name, view.getUint8(40) !== 0] : [name, word(5)]
  }
  return Object.fromEntries(Array.from({ length: count }, (_, i) => one(p + SIZE * i)))
}

export { kinds as namedKinds, SIZE as namedSize }
