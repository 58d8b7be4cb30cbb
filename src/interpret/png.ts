/** Pictures as uncompressed PNG (ISO 15948), which needs neither a library nor a platform API. */
import { crc32 } from '../core/crc32.ts'

/** The most bytes of a stored block of zlib. */
const MOST_STORED = 65535

/** Bytes as a stream of zlib: a header, stored blocks, and Adler-32. */
const stored = (bytes: Uint8Array): Uint8Array => {
  const blocks = Math.max(1, Math.ceil(bytes.length / MOST_STORED))
  const out = new Uint8Array(2 + 5 * blocks + bytes.length + 4)
  out.set([0x78, 0x01])
  let at = 2
  for (let i = 0; i < blocks; i++) {
    const part = bytes.subarray(i * MOST_STORED, (i + 1) * MOST_STORED)
    const n = part.length
    out.set([i === blocks - 1 ? 1 : 0, n & 255, n >> 8, ~n & 255, (~n >> 8) & 255], at)
    out.set(part, at + 5)
    at += 5 + n
  }
  let [a, b] = [1, 0]
  for (const x of bytes) {
    a = (a + x) % 65521
    b = (b + a) % 65521
  }
  out.set([b >> 8, b & 255, a >> 8, a & 255], at)
  return out
}

const bigEndian = (n: number): readonly number[] => [(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]

const chunk = (type: string, data: Uint8Array): Uint8Array => {
  const out = new Uint8Array(12 + data.length)
  out.set(bigEndian(data.length))
  for (let i = 0; i < 4; i++) out[4 + i] = type.charCodeAt(i)
  out.set(data, 8)
  out.set(bigEndian(crc32(out.subarray(4, 8 + data.length))), 8 + data.length)
  return out
}

/** A function of every platform, under the library's own types. */
const host = globalThis as unknown as { readonly btoa: (binary: string) => string }

const base64 = (bytes: Uint8Array): string => {
  let text = ''
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000))
  return host.btoa(text)
}

/**
 * A picture as a data URL.
 *
 * @param pixels - red, green, blue and opacity of each pixel, row by row.
 */
export const pngOf = (pixels: Uint8Array, width: number, height: number): string => {
  // Each row begins with the number of its filter: none.
  const rows = new Uint8Array(height * (1 + 4 * width))
  for (let y = 0; y < height; y++)
    rows.set(pixels.subarray(4 * width * y, 4 * width * (y + 1)), y * (1 + 4 * width) + 1)
  const header = Uint8Array.of(...bigEndian(width), ...bigEndian(height), 8, 6, 0, 0, 0)
  const parts = [chunk('IHDR', header), chunk('IDAT', stored(rows)), chunk('IEND', new Uint8Array(0))]
  const signature = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10)
  const file = new Uint8Array(signature.length + parts.reduce((sum, p) => sum + p.length, 0))
  let at = 0
  for (const part of [signature, ...parts]) {
    file.set(part, at)
    at += part.length
  }
  return `data:image/png;base64,${base64(file)}`
}
