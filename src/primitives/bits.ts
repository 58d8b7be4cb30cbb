/** Random bits: the Threefry-2x32 block cipher. */
import { allocate } from '../core/dtype.ts'
import { DTypeError } from '../core/errors.ts'
import { threefry2x32 } from '../ops/bits.ts'
import { checkSame, materialize } from './kinds.ts'
import type { Primitive } from './primitive.ts'

// Salmon et al. (2011), table 2: rotation distances of the eight rounds that repeat.
const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const
const parity = 0x1bd11bda

/** One block: 20 rounds, with the key added after every fourth. Writes two words at the index `place`. */
const encrypt = (
  k0: number,
  k1: number,
  c0: number,
  c1: number,
  out0: Uint32Array,
  out1: Uint32Array,
  place: number,
): void => {
  const keys = [k0, k1, k0 ^ k1 ^ parity]
  let x0 = (c0 + k0) | 0
  let x1 = (c1 + k1) | 0
  for (let round = 0; round < 20; round++) {
    const r = rotations[round % 8]!
    x0 = (x0 + x1) | 0
    x1 = ((x1 << r) | (x1 >>> (32 - r))) ^ x0
    if (round % 4 === 3) {
      const i = (round + 1) / 4
      x0 = (x0 + keys[i % 3]!) | 0
      x1 = (x1 + keys[(i + 1) % 3]! + i) | 0
    }
  }
  out0[place] = x0
  out1[place] = x1
}

export const threefry2x32P: Primitive<'threefry2x32'> = {
  type: (_, operands) => {
    if (operands[0]!.dtype !== 'uint32') throw new DTypeError(`threefry2x32 takes uint32, got ${operands.join(', ')}.`)
    checkSame('threefry2x32', operands)
    return [operands[0]!, operands[0]!]
  },
  evaluate: (_, datas, __, [out]) => {
    const [k0, k1, c0, c1] = datas as readonly Uint32Array[]
    const out0 = allocate('uint32', out!.size) as Uint32Array
    const out1 = allocate('uint32', out!.size) as Uint32Array
    for (let i = 0; i < out!.size; i++) encrypt(k0![i]!, k1![i]!, c0![i]!, c1![i]!, out0, out1, i)
    return [out0, out1]
  },
  jvp: (_, [k0, k1, c0, c1]) => ({ primals: threefry2x32(k0!, k1!, c0!, c1!), tangents: [null, null] }),
  batch: (_, operands, axes, size) => {
    const [k0, k1, c0, c1] = operands.map((x, i) => materialize(x, axes[i]!, 0, size))
    return { outputs: threefry2x32(k0!, k1!, c0!, c1!), axes: [0, 0] }
  },
  facts: { elementwise: true, cost: 100, narrow: 'as they are' },
}
