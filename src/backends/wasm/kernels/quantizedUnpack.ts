/**
 * The integers and scales of quantised blocks, 32 elements at a time: as in `core/blocks.ts`, but in vectors. A group is a
 * block of 32, or an eighth of a block of 256.
 */
import type { BlockKind } from '../../../core/blocks.ts'
import { blocks } from '../../../core/blocks.ts'
import type { Code } from '../asm/index.ts'
import { f32x4, i32, i32x4, lane, load, op, select, shuffle, shuffle32, v128 } from '../asm/index.ts'
import { plus, quotient, remainder, times } from './integers.ts'
import type { I32, Vector } from './matmulFloat.ts'

/** Elements of a group. */
export const GROUP = 32

/** Elements with one scale: value = scale · integer + offset, the product rounded first. */
interface Part {
  /** In all lanes. */
  readonly scale: Vector
  /** In all lanes; null for none. */
  readonly offset: Vector | null
  /** Integers as floats, in order, four in each. */
  readonly integers: readonly Vector[]
}

const bytes16 = (x: number): Vector => v128(new Uint8Array(16).fill(x))
const and = (x: Vector, y: Vector): Vector => op('v128.and', x, y)
const or = (x: Vector, y: Vector): Vector => op('v128.or', x, y)
const bytesAt = (address: I32, offset = 0): Vector => load('v128.load', address, offset)
const byteAt = (address: I32, offset = 0): I32 => load('i32.load8_u', address, offset)

/** float16s, sign-extended to lanes of 32 bits, as float32: see `singleOfHalf` of the loops. */
const singles = (code: Code, halves: Vector): Vector => {
  const bits = code.let(and(op('i32x4.shl', halves, i32(13)), i32x4(0x8fffe000 | 0)))
  const isSpecial = op('i32x4.eq', and(bits, i32x4(0x0f800000)), i32x4(0x0f800000))
  return code.let(op('v128.bitselect', or(bits, i32x4(0x7f800000)), op('f32x4.mul', bits, f32x4(2 ** 112)), isSpecial))
}

/** Four floats of 16 bits, or one in all lanes, as float32. */
export const floatsOfHalves = (code: Code, kind: 'float16' | 'bfloat16', address: I32, one = false): Vector => {
  if (kind === 'float16') {
    return one ? halfAt(code, address) : singles(code, load('v128.load16x4_s', address))
  }
  const bits = one
    ? op('i32x4.extend_low_i16x8_u', load('v128.load16_splat', address))
    : load('v128.load16x4_u', address)
  return op('i32x4.shl', bits, i32(16))
}

const halfAt = (code: Code, address: I32, offset = 0): Vector =>
  singles(code, op('i32x4.extend_low_i16x8_s', load('v128.load16_splat', address, offset)))

/** Two float16s in turn: the first in lanes 0 and 2. */
const twoHalvesAt = (code: Code, address: I32): Vector =>
  singles(code, op('i32x4.extend_low_i16x8_s', load('v128.load32_splat', address)))

const spread = (x: Vector, of: 0 | 1): Vector => shuffle32(x, x, [of, of, of, of])

/** 16 bytes as four vectors of floats. */
const floatsOfBytes = (code: Code, x: Vector, signed: boolean): readonly Vector[] => {
  const shorts = signed
    ? [op('i16x8.extend_low_i8x16_s', x), op('i16x8.extend_high_i8x16_s', x)]
    : [op('i16x8.extend_low_i8x16_u', x), op('i16x8.extend_high_i8x16_u', x)]
  return shorts.flatMap((half) => floatsOfShorts(code.let(half)))
}

const floatsOfShorts = (x: Vector): readonly Vector[] =>
  [op('i32x4.extend_low_i16x8_s', x), op('i32x4.extend_high_i16x8_s', x)].map((y) => op('f32x4.convert_i32x4_s', y))

/** The low and the high nibbles of 16 bytes. */
const nibbles = (code: Code, x: Vector): readonly [Vector, Vector] => {
  const pairs = code.let(x)
  return [and(pairs, bytes16(15)), and(op('i16x8.shr_u', pairs, i32(4)), bytes16(15))]
}

const eachBit = v128(Uint8Array.from({ length: 16 }, (_, i) => 1 << (i & 7)))

/** Bits 0 to 15, or 16 to 31, of the word in all lanes: 16 in the byte of each that is set. */
const fifthBits = (word: Vector, half: 0 | 1): Vector => {
  const places = Array.from({ length: 16 }, (_, i) => 2 * half + (i >> 3))
  const spreadOut = and(shuffle(word, word, places), eachBit)
  return and(op('i8x16.eq', spreadOut, eachBit), bytes16(16))
}

/** Integers of one block of 32 in two vectors of bytes, less `centre`. */
const centred = (code: Code, halves: readonly Vector[], centre: number): readonly Vector[] =>
  halves.flatMap((half) => floatsOfBytes(code, code.let(op('i8x16.sub', half, bytes16(centre))), true))

const plain = (code: Code, halves: readonly Vector[]): readonly Vector[] =>
  halves.flatMap((half) => floatsOfBytes(code, code.let(half), false))

const fiveBits = (code: Code, address: I32, word: number): readonly Vector[] => {
  const high = code.let(load('v128.load32_splat', address, word))
  return nibbles(code, bytesAt(address, word + 4)).map((low, half) => or(low, fifthBits(high, half as 0 | 1)))
}

/** Scale and offset of kinds that have both first. */
const withOffset = (code: Code, address: I32, integers: readonly Vector[]): readonly Part[] => {
  const pair = twoHalvesAt(code, address)
  return [{ scale: spread(pair, 0), offset: spread(pair, 1), integers }]
}

/** The 6-bit scale and minimum of a group, packed into 12 bytes, as floats in lanes 0 and 1. */
const packedScales = (code: Code, address: I32, group: I32): Vector => {
  const at = code.let(plus(address, group))
  const [near, far, before] = [byteAt(at, 4), byteAt(at, 8), byteAt(at)].map((x) => code.let(x)) as [I32, I32, I32]
  const isFirst = code.let(op('i32.lt_u', group, i32(4)))
  const upper = (x: I32): I32 => op('i32.shl', op('i32.shr_u', x, i32(6)), i32(4))
  const scale = select(isFirst, op('i32.and', near, i32(63)), op('i32.or', op('i32.and', far, i32(15)), upper(before)))
  const minimum = select(isFirst, op('i32.and', far, i32(63)), op('i32.or', op('i32.shr_u', far, i32(4)), upper(near)))
  const both = lane('i32x4.replace_lane', 1, op('i32x4.splat', scale), minimum)
  return op('f32x4.convert_i32x4_s', both)
}

/** Groups of blocks of 256 whose low nibbles begin at byte `low`: x = (d·scale)·q - least·minimum. */
const withPackedScales = (code: Code, address: I32, group: I32, low: number, high: number | null): readonly Part[] => {
  const pair = code.let(op('f32x4.mul', twoHalvesAt(code, address), packedScales(code, address, group)))
  const from = code.let(plus(address, times(op('i32.shr_u', group, i32(1)), 32)))
  const shift = code.let(times(op('i32.and', group, i32(1)), 4))
  const halves = [0, 16].map((half) => {
    const nibble = and(op('i16x8.shr_u', bytesAt(from, low + half), shift), bytes16(15))
    if (high === null) return nibble
    const fifth = and(op('i16x8.shr_u', bytesAt(address, high + half), group), bytes16(1))
    return or(nibble, op('i16x8.shl', fifth, i32(4)))
  })
  return [{ scale: spread(pair, 0), offset: op('f32x4.neg', spread(pair, 1)), integers: plain(code, halves) }]
}

const q6k = (code: Code, address: I32, group: I32): readonly Part[] => {
  const d = halfAt(code, address, 208)
  const [upper, row] = [code.let(op('i32.shr_u', group, i32(2))), code.let(op('i32.and', group, i32(3)))]
  const low = code.let(plus(plus(address, times(upper, 64)), times(op('i32.and', row, i32(1)), 32)))
  const high = code.let(plus(address, times(upper, 32)))
  const [shift, highShift] = [times(op('i32.shr_u', row, i32(1)), 4), times(row, 2)].map((x) => code.let(x)) as [
    I32,
    I32,
  ]
  const scales = code.let(plus(address, times(group, 2)))
  return [0, 1].map((half): Part => {
    const nibble = and(op('i16x8.shr_u', bytesAt(low, 16 * half), shift), bytes16(15))
    const pair = and(op('i16x8.shr_u', bytesAt(high, 128 + 16 * half), highShift), bytes16(3))
    const scale = op('f32x4.convert_i32x4_s', op('i32x4.splat', load('i32.load8_s', scales, 192 + half)))
    return {
      scale: op('f32x4.mul', d, scale),
      offset: null,
      integers: centred(code, [or(nibble, op('i16x8.shl', pair, i32(4)))], 32),
    }
  })
}

type Unpack = (code: Code, address: I32, group: I32) => readonly Part[]

const unpackers: { readonly [K in BlockKind]: Unpack } = {
  q8_0: (code, a) => {
    const shorts = [2, 10, 18, 26].map((offset) => code.let(load('v128.load8x8_s', a, offset)))
    return [{ scale: halfAt(code, a), offset: null, integers: shorts.flatMap(floatsOfShorts) }]
  },
  q4_0: (code, a) => [
    { scale: halfAt(code, a), offset: null, integers: centred(code, nibbles(code, bytesAt(a, 2)), 8) },
  ],
  q4_1: (code, a) => withOffset(code, a, plain(code, nibbles(code, bytesAt(a, 4)))),
  q5_0: (code, a) => [{ scale: halfAt(code, a), offset: null, integers: centred(code, fiveBits(code, a, 2), 16) }],
  q5_1: (code, a) => withOffset(code, a, plain(code, fiveBits(code, a, 4))),
  q4_k: (code, a, group) => withPackedScales(code, a, group, 16, null),
  q5_k: (code, a, group) => withPackedScales(code, a, group, 48, 16),
  q6_k: q6k,
}

/** Whether values also have an offset. */
export const hasOffset = (kind: BlockKind): boolean => kind.endsWith('1') || kind === 'q4_k' || kind === 'q5_k'

/** Unpacks group `index` of the row of blocks that begins at `row`. */
export const unpackGroup = (code: Code, kind: BlockKind, row: I32, index: I32): readonly Part[] => {
  const { elements, bytes } = blocks[kind]
  const groups = elements / GROUP
  const address = code.let(plus(row, times(quotient(index, groups), bytes)))
  return unpackers[kind](code, address, code.let(remainder(index, groups)))
}
