import type { BlockKind } from 'pullback'
import { np, QuantizedArray } from 'pullback'
import { blocks } from '../../src/core/blocks.ts'

export const blockKinds = Object.keys(blocks) as readonly BlockKind[]

/** Where a kind has its float16s. */
const halves: { readonly [K in BlockKind]: readonly number[] } = {
  q8_0: [0],
  q4_0: [0],
  q4_1: [0, 2],
  q5_0: [0],
  q5_1: [0, 2],
  q4_k: [0, 2],
  q5_k: [0, 2],
  q6_k: [208],
}

/** Blocks of any bytes, but with float16s from 2^-7 to 2^-4, of either sign. */
export const randomBlocks = (
  kind: BlockKind,
  leading: readonly number[],
  last: number,
  seed: number,
): QuantizedArray => {
  const { bytes, elements } = blocks[kind]
  const row = (last / elements) * bytes
  let state = seed
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24
  const data = Uint8Array.from({ length: leading.reduce((a, b) => a * b, row) }, next)
  for (let at = 0; at < data.length; at += bytes) {
    for (const half of halves[kind]) data[at + half + 1] = 0x20 + (next() % 12) + (next() & 0x80)
  }
  return new QuantizedArray(np.reshape(data, [...leading, row]), kind)
}
