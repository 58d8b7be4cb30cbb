/** Weights in blocks of a few bits (`core/blocks.ts` has the formulas), expanded by operations on bytes. */
import type { BlockKind } from '../../core/blocks.ts'
import { blocks } from '../../core/blocks.ts'
import * as lax from '../../lax/index.ts'
import * as np from '../../numpy/index.ts'
import type { NDArray } from '../../trace/value.ts'

/** Bytes `from` up to `to` of blocks, which are the last axis, as int32. */
const bytesAt = (x: NDArray, from: number, to: number): NDArray => x.at('...', np.slice(from, to)).get()

const low = (x: NDArray, bits: number): NDArray => np.bitwiseAnd(x, 2 ** bits - 1)
const shifted = (x: NDArray, by: number | NDArray): NDArray => np.rightShift(x, by)

/** The float32 of two bytes of a float16: subnormal ones too. */
const halfAt = (x: NDArray, at: number): NDArray => {
  const word = np.add(bytesAt(x, at, at + 1), np.leftShift(bytesAt(x, at + 1, at + 2), 8))
  const [sign, exponent, fraction] = [shifted(word, 15), low(shifted(word, 10), 5), low(word, 10)]
  // The exponent of float32 is 112 larger; 31, of infinities and NaN, becomes 255.
  const isSpecial = np.equal(exponent, 31)
  const wide = np.where(isSpecial, 255, np.add(exponent, 112))
  const bits = np.add(np.leftShift(wide, 23), np.leftShift(fraction, 13)).astype('int32')
  const normal = lax.bitcastConvertType(bits, 'float32')
  const size = np.where(np.equal(exponent, 0), np.multiply(fraction.astype('float32'), 2 ** -24), normal)
  return np.where(np.equal(sign, 1), np.negative(size), size)
}

const float = (x: NDArray): NDArray => x.astype('float32')
const joined = (...parts: readonly NDArray[]): NDArray => np.concatenate(parts, { axis: -1 })

/** The nibbles of bytes: all low ones, then all high ones. */
const nibbles = (x: NDArray): NDArray => joined(low(x, 4), shifted(x, 4))

/** The bits of a word of four bytes, the lowest first, as 32 numbers. */
const bitsOf = (x: NDArray): NDArray => {
  const spread = np.expandDims(x, -1)
  const bits = low(shifted(spread, np.arange(8, { dtype: 'int32' })), 1)
  return np.reshape(bits, [...x.shape.slice(0, -1), 8 * x.shape.at(-1)!])
}

/** Six-bit scales and minima of 8 groups, in 12 bytes. */
const scalesAt = (x: NDArray, at: number): readonly [scales: NDArray, minima: NDArray] => {
  const [a, b, c] = [bytesAt(x, at, at + 4), bytesAt(x, at + 4, at + 8), bytesAt(x, at + 8, at + 12)]
  const high = (y: NDArray): NDArray => np.leftShift(shifted(y, 6), 4)
  return [joined(low(a, 6), np.bitwiseOr(low(c, 4), high(a))), joined(low(b, 6), np.bitwiseOr(shifted(c, 4), high(b)))]
}

/** Groups of 32 in a block of 256. */
const inGroups = (x: NDArray, count: number): NDArray => np.reshape(x, [...x.shape.slice(0, -1), count, -1])
const flat = (x: NDArray): NDArray => np.reshape(x, [...x.shape.slice(0, -2), -1])

/** x = (d·scale)·q - dmin·minimum; `fifth` are the bits above the nibbles, as numbers. */
const expandGroups = (x: NDArray, from: number, fifth: NDArray | null): NDArray => {
  const [d, least] = [halfAt(x, 0), halfAt(x, 2)]
  const [scales, minima] = scalesAt(x, 4)
  // Each 32 bytes hold two groups: low nibbles, then high ones.
  const pairs = inGroups(bytesAt(x, from, from + 128), 4)
  const quads = inGroups(flat(nibbles(pairs)), 8)
  const q = fifth === null ? quads : np.bitwiseOr(quads, np.leftShift(fifth, 4))
  const column = (y: NDArray): NDArray => np.expandDims(y, -1)
  const scaled = np.multiply(column(np.multiply(d, float(scales))), float(q))
  return flat(np.subtract(scaled, column(np.multiply(least, float(minima)))))
}

/** Of each kind: from int32 bytes `[..., blocks, bytes]` to elements `[..., blocks, elements]`. */
const expanders: { readonly [K in BlockKind]: (x: NDArray) => NDArray } = {
  q8_0: (x) => {
    const q = bytesAt(x, 2, 34)
    return np.multiply(float(np.where(np.greater(q, 127), np.subtract(q, 256), q)), halfAt(x, 0))
  },
  q4_0: (x) => np.multiply(float(np.subtract(nibbles(bytesAt(x, 2, 18)), 8)), halfAt(x, 0)),
  q4_1: (x) => np.add(np.multiply(float(nibbles(bytesAt(x, 4, 20))), halfAt(x, 0)), halfAt(x, 2)),
  q5_0: (x) => {
    const q = np.bitwiseOr(nibbles(bytesAt(x, 6, 22)), np.leftShift(bitsOf(bytesAt(x, 2, 6)), 4))
    return np.multiply(float(np.subtract(q, 16)), halfAt(x, 0))
  },
  q5_1: (x) => {
    const q = np.bitwiseOr(nibbles(bytesAt(x, 8, 24)), np.leftShift(bitsOf(bytesAt(x, 4, 8)), 4))
    return np.add(np.multiply(float(q), halfAt(x, 0)), halfAt(x, 2))
  },
  q4_k: (x) => expandGroups(x, 16, null),
  q5_k: (x) => {
    const groups = np.reshape(np.arange(8, { dtype: 'int32' }), [8, 1])
    return expandGroups(x, 48, low(shifted(np.expandDims(bytesAt(x, 16, 48), -2), groups), 1))
  },
  q6_k: (x) => {
    // Two halves of 128: nibbles of 64 bytes, two bits each of 32 bytes, 8 scales of 16 elements.
    const halves = [0, 1].map((h) => {
      const ql = bytesAt(x, 64 * h, 64 * h + 64)
      const qh = bytesAt(x, 128 + 32 * h, 160 + 32 * h)
      const [first, second] = [bytesAt(ql, 0, 32), bytesAt(ql, 32, 64)]
      const quarters = [low(first, 4), low(second, 4), shifted(first, 4), shifted(second, 4)]
      return joined(...quarters.map((q, i) => np.bitwiseOr(q, np.leftShift(low(shifted(qh, 2 * i), 2), 4))))
    })
    const q = float(np.subtract(inGroups(joined(...halves), 16), 32))
    const bytes = bytesAt(x, 192, 208)
    const scales = float(np.where(np.greater(bytes, 127), np.subtract(bytes, 256), bytes))
    return flat(np.multiply(np.expandDims(np.multiply(halfAt(x, 208), scales), -1), q))
  },
}

/** The float32 values of blocks, which are uint8 along the last axis. */
export const expand = (payload: NDArray, kind: BlockKind): NDArray => {
  const rows = payload.shape.slice(0, -1)
  const { bytes, elements } = blocks[kind]
  const count = payload.shape.at(-1)! / bytes
  const expanded = expanders[kind](np.reshape(payload.astype('int32'), [...rows, count, bytes]))
  return np.reshape(expanded, [...rows, count * elements])
}
