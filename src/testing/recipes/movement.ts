/** Recipes of operations that create and move elements. */
import type { Shape } from '../../core/shape.ts'
import { range, sizeOf } from '../../core/shape.ts'
import type { Draw, Recipe, Typed } from '../draw.ts'

const anything = (draw: Draw, minRank = 0): Typed => draw.operand({ dtypes: [...draw.numbers, 'bool'], minRank })

const someAxes = (draw: Draw, rank: number): number[] => range(rank).filter(() => draw.below(2) === 1)

export const iota: Recipe<'iota'> = (draw) => {
  const shape = range(1 + draw.below(3)).map(() => draw.below(4))
  const dtype = draw.pick(draw.numbers)
  return { params: { dtype, shape, axis: draw.below(shape.length) }, operands: [] }
}

export const broadcast: Recipe<'broadcast'> = (draw) => {
  const x = anything(draw)
  const extra = draw.below(3)
  const rank = x.aval.rank + extra
  const dims = draw
    .shuffle(range(rank))
    .slice(0, x.aval.rank)
    .sort((a, b) => a - b)
  const shape = range(rank).map((d) => {
    const from = dims.indexOf(d)
    const extent = from < 0 ? 1 : x.aval.shape[from]!
    return extent === 1 ? 1 + draw.below(3) : extent
  })
  return { params: { shape, dims }, operands: [x] }
}

const factorings = (size: number): Shape[] =>
  size === 0
    ? [[0], [2, 0], [0, 3, 1]]
    : [
        [size],
        [1, size],
        ...[2, 3]
          .filter((n) => size % n === 0)
          .flatMap((n) => [
            [n, size / n],
            [size / n, 1, n],
          ]),
      ]

export const reshape: Recipe<'reshape'> = (draw) => {
  const x = anything(draw)
  return { params: { shape: draw.pick(factorings(sizeOf(x.aval.shape))) }, operands: [x] }
}

export const transpose: Recipe<'transpose'> = (draw) => {
  const x = anything(draw)
  return { params: { permutation: draw.shuffle(range(x.aval.rank)) }, operands: [x] }
}

export const rev: Recipe<'rev'> = (draw) => {
  const x = anything(draw)
  return { params: { axes: someAxes(draw, x.aval.rank) }, operands: [x] }
}

export const pad: Recipe<'pad'> = (draw) => {
  const x = anything(draw)
  const value = draw.operand({ dtypes: [x.aval.dtype], shape: [] })
  const sizes = (options: readonly number[]): number[] => x.aval.shape.map(() => draw.pick(options))
  const interior = sizes([0, 1, 2])
  // Cropping removes at most what there is.
  const low = x.aval.shape.map((n) => draw.pick(n > 1 ? [0, 1, -1] : [0, 1, 2]))
  const high = x.aval.shape.map((n) => draw.pick(n > 2 ? [0, 2, -1] : [0, 1]))
  return { params: { low, high, interior }, operands: [x, value] }
}

export const slice: Recipe<'slice'> = (draw) => {
  const x = anything(draw)
  const start = x.aval.shape.map((n) => draw.below(n + 1))
  const limit = x.aval.shape.map((n, d) => n - draw.below(n - start[d]! + 1))
  const strides = x.aval.shape.map(() => 1 + draw.below(3))
  return { params: { start, limit, strides }, operands: [x] }
}

export const concatenate: Recipe<'concatenate'> = (draw) => {
  const x = anything(draw, 1)
  const like = (): Typed => draw.operand({ dtypes: [x.aval.dtype], shape: x.aval.shape })
  return { params: { axis: draw.below(x.aval.rank) }, operands: [x, ...range(1 + draw.below(2)).map(like)] }
}

const starts = (draw: Draw, rank: number): Typed[] =>
  range(rank).map(() => draw.operand({ dtypes: ['int32'], shape: [], domain: (u) => Math.floor(u * 6) - 2 }))

export const dynamicSlice: Recipe<'dynamicSlice'> = (draw) => {
  const x = anything(draw)
  const sizes = x.aval.shape.map((n) => n - draw.below(n + 1))
  return { params: { sizes }, operands: [x, ...starts(draw, x.aval.rank)] }
}

export const dynamicUpdateSlice: Recipe<'dynamicUpdateSlice'> = (draw) => {
  const x = anything(draw)
  const shape = x.aval.shape.map((n) => n - draw.below(n + 1))
  const update = draw.operand({ dtypes: [x.aval.dtype], shape })
  return { params: {}, operands: [x, update, ...starts(draw, x.aval.rank)] }
}
