/** Recipes of operations on blocks of quantised numbers: whole blocks along the last axis, all of them finite. */
import type { BlockKind } from '../../core/blocks.ts'
import { blocks } from '../../core/blocks.ts'
import type { DType } from '../../core/dtype.ts'
import { isHalf } from '../../core/dtype.ts'
import { range } from '../../core/shape.ts'
import type { Chosen, Domain, Draw, Recipe, Typed } from '../draw.ts'

const kinds = Object.keys(blocks) as readonly BlockKind[]

/** Any two such bytes are a float16 of magnitude 0.03 to 0.26, so all scales are reasonable. */
const finite: Domain = (u) => (u < 0.5 ? 0x28 + 24 * u : 0xa8 + 24 * (u - 0.5))

const wideFloats = (draw: Draw): readonly DType[] => {
  const wide = draw.float.filter((dtype) => !isHalf(dtype))
  return wide.length > 0 ? wide : ['float32']
}

const extent = (draw: Draw): number => (draw.below(20) === 19 ? 0 : 1 + draw.below(5))

const payloadOf = (draw: Draw, kind: BlockKind, leading: readonly number[], count: number): Typed =>
  draw.operand({ dtypes: ['uint8'], shape: [...leading, count * blocks[kind].bytes], domain: finite })

const halfKinds = ['float16', 'bfloat16'] as const

/** Mostly one of the small kinds: blocks of 256 are slow. */
const kindOf = (draw: Draw): BlockKind => draw.pick(draw.below(4) === 0 ? kinds : kinds.slice(0, 5))

export const dequantize: Recipe<'dequantize'> = (draw) => {
  const kind = kindOf(draw)
  return {
    params: { kind },
    operands: [
      payloadOf(
        draw,
        kind,
        range(draw.below(3)).map(() => extent(draw)),
        draw.below(3),
      ),
    ],
  }
}

/** 16-bit floats as they are; not where derivatives are measured, as they are too coarse. */
const halves = (draw: Draw, transposed: boolean): Chosen<'quantizedDot'> => {
  const kind = draw.pick(halfKinds)
  const batch = range(draw.below(2)).map(() => extent(draw))
  const free = range(draw.below(3)).map(() => extent(draw))
  const [rows, columns] = [extent(draw), 1 + draw.below(9)]
  const x = draw.operand({ dtypes: wideFloats(draw), shape: [...batch, ...free, transposed ? rows : columns] })
  return {
    params: { kind, transposed },
    operands: [x, draw.operand({ dtypes: [kind], shape: [...batch, rows, columns] })],
  }
}

export const quantizedDot: Recipe<'quantizedDot'> = (draw) => {
  if (!draw.smooth && draw.below(4) === 0) return halves(draw, draw.below(2) === 1)
  const kind = kindOf(draw)
  const transposed = draw.below(2) === 1
  const batch = range(draw.below(2)).map(() => extent(draw))
  const free = range(draw.below(3)).map(() => extent(draw))
  const [rows, count] = [extent(draw), 1 + draw.below(blocks[kind].elements === 32 ? 2 : 1)]
  const k = transposed ? rows : count * blocks[kind].elements
  return {
    params: { kind, transposed },
    operands: [
      draw.operand({ dtypes: wideFloats(draw), shape: [...batch, ...free, k] }),
      payloadOf(draw, kind, [...batch, rows], count),
    ],
  }
}
