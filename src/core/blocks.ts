/**
 * GGUF's blocks of quantised numbers: the number of elements and of bytes of a block, and its float32 values. Formulas are
 * those of `dequantize_row_*` in ggml-quants.c, each product and sum rounded to float32.
 */
import { float16BitsToFloat32 } from './float16.ts'
import type { Shape } from './shape.ts'

/** Kinds of blocks. */
export type BlockKind = 'q8_0' | 'q4_0' | 'q4_1' | 'q5_0' | 'q5_1' | 'q4_k' | 'q5_k' | 'q6_k'

/** What products dequantise or widen as they read it: blocks, or 16-bit floats. */
export type ExpandedKind = BlockKind | 'float16' | 'bfloat16'

export const isHalfKind = (kind: ExpandedKind): kind is 'float16' | 'bfloat16' => kind.endsWith('float16')

interface Block {
  /** Elements in a block. */
  readonly elements: number
  /** Bytes of a block. */
  readonly bytes: number
  /** Writes the elements of the block that begins at byte `at` to `out` from index `to` on. */
  readonly expand: (data: Uint8Array, at: number, out: Float32Array, to: number) => void
}

const f32 = Math.fround
const half = (data: Uint8Array, at: number): number => float16BitsToFloat32(data[at]! | (data[at + 1]! << 8))
const signed = (byte: number): number => (byte << 24) >> 24
const word = (data: Uint8Array, at: number): number =>
  data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)

// x = d·q, q in -128..127
const q8_0: Block = {
  elements: 32,
  bytes: 34,
  expand: (data, at, out, to) => {
    const d = half(data, at)
    for (let i = 0; i < 32; i++) out[to + i] = signed(data[at + 2 + i]!) * d
  },
}

// x = d·(q - 8), low nibbles first
const q4_0: Block = {
  elements: 32,
  bytes: 18,
  expand: (data, at, out, to) => {
    const d = half(data, at)
    for (let i = 0; i < 16; i++) {
      const pair = data[at + 2 + i]!
      out[to + i] = ((pair & 15) - 8) * d
      out[to + i + 16] = ((pair >> 4) - 8) * d
    }
  },
}

// x = d·q + m
const q4_1: Block = {
  elements: 32,
  bytes: 20,
  expand: (data, at, out, to) => {
    const [d, m] = [half(data, at), half(data, at + 2)]
    for (let i = 0; i < 16; i++) {
      const pair = data[at + 4 + i]!
      out[to + i] = f32((pair & 15) * d) + m
      out[to + i + 16] = f32((pair >> 4) * d) + m
    }
  },
}

// As Q4_0 and Q4_1, with a fifth bit of each element in a word of 32.
const q5_0: Block = {
  elements: 32,
  bytes: 22,
  expand: (data, at, out, to) => {
    const d = half(data, at)
    const high = word(data, at + 2)
    for (let i = 0; i < 16; i++) {
      const pair = data[at + 6 + i]!
      out[to + i] = (((pair & 15) | (((high >>> i) & 1) << 4)) - 16) * d
      out[to + i + 16] = (((pair >> 4) | (((high >>> (i + 16)) & 1) << 4)) - 16) * d
    }
  },
}

const q5_1: Block = {
  elements: 32,
  bytes: 24,
  expand: (data, at, out, to) => {
    const [d, m] = [half(data, at), half(data, at + 2)]
    const high = word(data, at + 4)
    for (let i = 0; i < 16; i++) {
      const pair = data[at + 8 + i]!
      out[to + i] = f32(((pair & 15) | (((high >>> i) & 1) << 4)) * d) + m
      out[to + i + 16] = f32(((pair >> 4) | (((high >>> (i + 16)) & 1) << 4)) * d) + m
    }
  },
}

/** The 6-bit scale and minimum of group `g` of 8, packed into 12 bytes from `at` on. */
const scaleOf = (data: Uint8Array, at: number, g: number): number =>
  g < 4 ? data[at + g]! & 63 : (data[at + g + 4]! & 15) | ((data[at + g - 4]! >> 6) << 4)
const minimumOf = (data: Uint8Array, at: number, g: number): number =>
  g < 4 ? data[at + g + 4]! & 63 : (data[at + g + 4]! >> 4) | ((data[at + g]! >> 6) << 4)

// 8 groups of 32: x = (d·scale)·q - dmin·minimum. `high` is the offset of the fifth bits, if there are any.
const expandGroups = (
  data: Uint8Array,
  at: number,
  out: Float32Array,
  to: number,
  high: number | null,
  low: number,
): void => {
  const [d, least] = [half(data, at), half(data, at + 2)]
  for (let g = 0; g < 8; g++) {
    const scale = f32(d * scaleOf(data, at + 4, g))
    const minimum = f32(least * minimumOf(data, at + 4, g))
    const from = low + 32 * (g >> 1)
    const shift = 4 * (g & 1)
    for (let i = 0; i < 32; i++) {
      const fifth = high === null ? 0 : ((data[high + i]! >> g) & 1) << 4
      out[to + 32 * g + i] = f32(scale * (((data[from + i]! >> shift) & 15) | fifth)) - minimum
    }
  }
}

const q4_k: Block = {
  elements: 256,
  bytes: 144,
  expand: (data, at, out, to) => {
    expandGroups(data, at, out, to, null, at + 16)
  },
}

const q5_k: Block = {
  elements: 256,
  bytes: 176,
  expand: (data, at, out, to) => {
    expandGroups(data, at, out, to, at + 16, at + 48)
  },
}

// 16 groups of 16 with signed scales: x = (d·scale)·(q - 32), the low four bits of q and the high two are stored separately.
const q6_k: Block = {
  elements: 256,
  bytes: 210,
  expand: (data, at, out, to) => {
    const d = half(data, at + 208)
    for (let i = 0; i < 256; i++) {
      // Of each 128 elements, row r of 32 has nibbles in half r % 2 of 64 bytes, and bits 2r of 32 bytes.
      const [upper, row, column] = [i >> 7, (i >> 5) & 3, i & 31]
      const low = (data[at + 64 * upper + 32 * (row & 1) + column]! >> (4 * (row >> 1))) & 15
      const high = (data[at + 128 + 32 * upper + column]! >> (2 * row)) & 3
      const scale = f32(d * signed(data[at + 192 + (i >> 4)]!))
      out[to + i] = scale * ((low | (high << 4)) - 32)
    }
  },
}

export const blocks: { readonly [K in BlockKind]: Block } = { q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k, q6_k }

export const isBlockKind = (name: string): name is BlockKind => Object.hasOwn(blocks, name)

/** Expands `count` whole blocks from byte `at` on into `out`, from index `to` on. */
const expandInto = (
  kind: BlockKind,
  data: Uint8Array,
  at: number,
  count: number,
  out: Float32Array,
  to: number,
): void => {
  const { elements, bytes, expand } = blocks[kind]
  for (let b = 0; b < count; b++) expand(data, at + b * bytes, out, to + b * elements)
}

/** The float32 values of whole blocks. */
export const expandBlocks = (kind: BlockKind, data: Uint8Array): Float32Array => {
  const { elements, bytes } = blocks[kind]
  const count = data.length / bytes
  const out = new Float32Array(count * elements)
  expandInto(kind, data, 0, count, out, 0)
  return out
}

/** The shape of the values of a payload, whose last axis runs over the bytes of blocks; null unless these are whole blocks. */
export const expandedShape = (kind: BlockKind, payload: Shape): Shape | null => {
  const { elements, bytes } = blocks[kind]
  const row = payload.at(-1)
  return row === undefined || row % bytes !== 0 ? null : [...payload.slice(0, -1), (row / bytes) * elements]
}
