/** Recipes of gather and the scatters: slices of some axes at computed starts, with and without batching axes. */
import type { DType } from '../../core/dtype.ts'
import type { Shape } from '../../core/shape.ts'
import { range } from '../../core/shape.ts'
import type { GatherParams, IndexMode, ScatterParams } from '../../ir/op.ts'
import type { ScatterName } from '../../ops/indexing.ts'
import type { Draw, Recipe, Typed } from '../draw.ts'
import { domains } from '../draw.ts'

interface Slices {
  readonly operand: Typed
  readonly indices: Typed
  readonly params: GatherParams
  /** The shape of a gather's result, and of a scatter's updates. */
  readonly shape: Shape
}

type Role = 'batch' | 'collapsed' | 'window' | 'whole'

/** Values far enough apart for minima and maxima to be clear. */
const operandOf = (draw: Draw, dtypes: readonly DType[]): Typed =>
  draw.operand({ dtypes, minExtent: 1, maxRank: 4, domain: domains.distinct })

const rolesOf = (draw: Draw, rank: number): Role[] => {
  const batching = draw.below(3) === 2
  return range(rank).map((d) => (d === 0 && batching ? 'batch' : draw.pick(['collapsed', 'whole', 'window'] as const)))
}

const slicesOf = (draw: Draw, dtypes: readonly DType[], modes: readonly IndexMode[]): Slices => {
  const operand = operandOf(draw, dtypes)
  const { shape, rank } = operand.aval
  const roles = rolesOf(draw, rank)
  const axes = (...wanted: Role[]): number[] => range(rank).filter((d) => wanted.includes(roles[d]!))
  const batching = axes('batch')
  const indexed = draw.shuffle(axes('collapsed', 'window'))
  const sliceSizes = shape.map((n, d) => (roles[d] === 'whole' ? n : roles[d] === 'window' ? 1 + draw.below(n) : 1))
  const starts = [...batching.map((d) => shape[d]!), ...range(draw.below(3)).map(() => 1 + draw.below(3))]
  const indices = draw.operand({
    dtypes: ['int32', 'uint32', 'int8', 'int64'],
    shape: [...starts, indexed.length],
    domain: (u) => Math.floor(u * 6) - 1,
  })
  const windows = axes('whole', 'window')
  const total = starts.length + windows.length
  const offsetDims = draw
    .shuffle(range(total))
    .slice(0, windows.length)
    .sort((a, b) => a - b)
  let fromStarts = 0
  const resultShape = range(total).map((d) => {
    const window = offsetDims.indexOf(d)
    return window < 0 ? starts[fromStarts++]! : sliceSizes[windows[window]!]!
  })
  return {
    operand,
    indices,
    shape: resultShape,
    params: {
      offsetDims,
      collapsedSliceDims: axes('collapsed'),
      operandBatchingDims: batching,
      startIndicesBatchingDims: batching.map((_, i) => i),
      startIndexMap: indexed,
      sliceSizes,
      mode: draw.pick(modes),
    },
  }
}

export const gather: Recipe<'gather'> = (draw) => {
  const { operand, indices, params } = slicesOf(
    draw,
    [...draw.numbers, 'bool'],
    draw.smooth ? ['clip'] : ['fill', 'clip'],
  )
  return { params, operands: [operand, indices] }
}

const scatterParams = (p: GatherParams): ScatterParams => ({
  updateWindowDims: p.offsetDims,
  insertedWindowDims: p.collapsedSliceDims,
  operandBatchingDims: p.operandBatchingDims,
  scatterIndicesBatchingDims: p.startIndicesBatchingDims,
  scatterDimsToOperandDims: p.startIndexMap,
  mode: p.mode,
  uniqueIndices: false,
})

const scatterer =
  <N extends ScatterName>(): Recipe<N> =>
  (draw) => {
    const { operand, indices, params, shape } = slicesOf(draw, draw.numbers, ['fill', 'clip'])
    const updates = draw.operand({ dtypes: [operand.aval.dtype], shape, domain: domains.between })
    return { params: scatterParams(params), operands: [operand, indices, updates] }
  }

export const scatter = scatterer<'scatter'>()
export const scatterAdd = scatterer<'scatterAdd'>()
export const scatterMin = scatterer<'scatterMin'>()
export const scatterMax = scatterer<'scatterMax'>()
export const scatterMul = scatterer<'scatterMul'>()
