/**
 * Floats to blocks: llama.cpp's reference quantisation (`quantize_row_*_ref` in ggml-quants.c), every operation rounded to float32.
 * Integers are chosen with unrounded scales, which are then rounded to float16.
 */
import type { BlockKind } from '../core/blocks.ts'
import { blocks } from '../core/blocks.ts'
import { float32ToFloat16Bits } from '../core/float16.ts'

/** Kinds that can be written; the others can only be read. */
export const writableKinds = ['q8_0', 'q4_0', 'q4_1', 'q5_0', 'q5_1'] as const satisfies readonly BlockKind[]

/** A kind that `quantize` makes. */
export type WritableKind = (typeof writableKinds)[number]

const ELEMENTS = 32
const f32 = Math.fround

/** Writes the block of the 32 values of `x` at byte `at`. */
type WriteBlock = (x: Float32Array, out: Uint8Array, at: number) => void

const putHalf = (out: Uint8Array, at: number, value: number): void => {
  const bits = float32ToFloat16Bits(value)
  out[at] = bits & 255
  out[at + 1] = bits >> 8
}

const reciprocal = (d: number): number => (d === 0 ? 0 : f32(1 / d))

/** The value farthest from 0, the first if there are several. */
const farthest = (x: Float32Array): number => x.reduce((m, v) => (Math.abs(v) > Math.abs(m) ? v : m))

/** Halves away from 0, as C's `roundf`. */
const roundHalfAway = (x: number): number => Math.sign(x) * Math.floor(Math.abs(x) + 0.5)

// d = max |x| / 127, q = round(x / d)
const writeQ8: WriteBlock = (x, out, at) => {
  const d = f32(Math.abs(farthest(x)) / 127)
  const id = reciprocal(d)
  putHalf(out, at, d)
  for (let i = 0; i < ELEMENTS; i++) out[at + 2 + i] = roundHalfAway(f32(x[i]! * id))
}

/** The low four bits of each integer as nibbles, the first half of them low; the fifth bits, if wanted, as a word before. */
const putIntegers = (q: Uint8Array, out: Uint8Array, at: number, bits: 4 | 5): void => {
  const low = bits === 5 ? at + 4 : at
  for (let i = 0; i < 16; i++) out[low + i] = (q[i]! & 15) | ((q[i + 16]! & 15) << 4)
  if (bits === 4) return
  for (let byte = 0; byte < 4; byte++) {
    let high = 0
    for (let i = 0; i < 8; i++) high |= (q[8 * byte + i]! >> 4) << i
    out[at + byte] = high
  }
}

const integers = (x: Float32Array, of: (v: number) => number, most: number): Uint8Array =>
  Uint8Array.from(x, (v) => Math.min(most, Math.trunc(of(v))))

// d = m / -2^(bits - 1), m the value farthest from 0; q = trunc(x / d + 2^(bits - 1) + 1/2)
const writeCentred =
  (bits: 4 | 5): WriteBlock =>
  (x, out, at) => {
    const half = 2 ** (bits - 1)
    const d = f32(farthest(x) / -half)
    const id = reciprocal(d)
    putHalf(out, at, d)
    putIntegers(
      integers(x, (v) => f32(f32(v * id) + half + 0.5), 2 * half - 1),
      out,
      at + 2,
      bits,
    )
  }

// d = (max - min) / (2^bits - 1), q = trunc((x - min) / d + 1/2)
const writeFromLeast =
  (bits: 4 | 5): WriteBlock =>
  (x, out, at) => {
    const most = 2 ** bits - 1
    const least = Math.min(...x)
    const d = f32(f32(Math.max(...x) - least) / most)
    const id = reciprocal(d)
    putHalf(out, at, d)
    putHalf(out, at + 2, least)
    putIntegers(
      integers(x, (v) => f32(f32(f32(v - least) * id) + 0.5), most),
      out,
      at + 4,
      bits,
    )
  }

const writers: { readonly [K in WritableKind]: WriteBlock } = {
  q8_0: writeQ8,
  q4_0: writeCentred(4),
  q4_1: writeFromLeast(4),
  q5_0: writeCentred(5),
  q5_1: writeFromLeast(5),
}

/** The blocks of values; their number must be a multiple of 32. */
export const quantizeBlocks = (kind: WritableKind, values: Float32Array): Uint8Array => {
  const { bytes } = blocks[kind]
  const write = writers[kind]
  const out = new Uint8Array((values.length / ELEMENTS) * bytes)
  for (let b = 0; b < values.length / ELEMENTS; b++) {
    write(values.subarray(b * ELEMENTS, (b + 1) * ELEMENTS), out, b * bytes)
  }
  return out
}
