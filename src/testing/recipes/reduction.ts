/** Recipes of operations that combine elements: reductions, running ones, contraction, sorting. */
import type { DType } from '../../core/dtype.ts'
import { range } from '../../core/shape.ts'
import type { AxesParams, AxisParams, CumulativeParams, OpName, OpParams } from '../../ir/op.ts'
import type { Domain, Draw, Recipe, Typed } from '../draw.ts'
import { domains } from '../draw.ts'

type WithAxes = {
  [N in OpName]: OpParams[N] extends AxesParams ? (AxesParams extends OpParams[N] ? N : never) : never
}[OpName]
type Along = { [N in OpName]: OpParams[N] extends AxisParams ? N : never }[OpName]

const ordered = (draw: Draw): readonly DType[] => [...draw.numbers, 'bool']

/** At least one axis, so that the operation does something. */
const axesOf = (draw: Draw, rank: number): number[] => {
  const first = draw.below(rank)
  return range(rank).filter((d) => d === first || draw.below(2) === 1)
}

const reduce =
  <N extends WithAxes>(dtypes: (draw: Draw) => readonly DType[], domain: Domain, minExtent = 0): Recipe<N> =>
  (draw) => {
    const x = draw.operand({ dtypes: dtypes(draw), minRank: 1, minExtent, domain })
    return { params: { axes: axesOf(draw, x.aval.rank) }, operands: [x] }
  }

const numbers = (draw: Draw): readonly DType[] => draw.numbers

export const reduceSum = reduce<'reduceSum'>(numbers, domains.general)
export const reduceProd = reduce<'reduceProd'>(numbers, domains.nonzero)
export const reduceMax = reduce<'reduceMax'>(ordered, domains.distinct, 1)
export const reduceMin = reduce<'reduceMin'>(ordered, domains.distinct, 1)
export const reduceAnd = reduce<'reduceAnd'>(() => ['bool'], domains.general)
export const reduceOr = reduce<'reduceOr'>(() => ['bool'], domains.general)

const along =
  <N extends Along>(): Recipe<N> =>
  (draw) => {
    const x = draw.operand({ dtypes: ordered(draw), minRank: 1, minExtent: 1, domain: domains.distinct })
    return { params: { axis: draw.below(x.aval.rank) } as OpParams[N], operands: [x] }
  }

export const argmax = along<'argmax'>()
export const argmin = along<'argmin'>()

const running =
  (domain: Domain) =>
  (draw: Draw): { readonly params: CumulativeParams; readonly operands: readonly Typed[] } => {
    const x = draw.operand({ dtypes: draw.numbers, minRank: 1, domain })
    return { params: { axis: draw.below(x.aval.rank), reverse: draw.below(2) === 1 }, operands: [x] }
  }

export const cumsum: Recipe<'cumsum'> = running(domains.general)
export const cumprod: Recipe<'cumprod'> = running(domains.nonzero)
export const cummax: Recipe<'cummax'> = running(domains.distinct)
export const cummin: Recipe<'cummin'> = running(domains.distinct)

/** Each axis of the left operand contracts, is a batch axis, or is free. */
export const dotGeneral: Recipe<'dotGeneral'> = (draw) => {
  const x = draw.operand({ dtypes: draw.numbers, maxRank: 4 })
  const roles = range(x.aval.rank).map(() => draw.pick(['contract', 'free', 'batch'] as const))
  const withRole = (role: string): number[] => draw.shuffle(range(x.aval.rank).filter((d) => roles[d] === role))
  const left = { contract: withRole('contract'), batch: withRole('batch') }
  const shared = [...left.contract, ...left.batch]
  const free = range(draw.below(3)).map(() => draw.below(4))
  const extents = [...shared.map((d) => x.aval.shape[d]!), ...free]
  const order = draw.shuffle(range(extents.length))
  const y = draw.operand({ dtypes: [x.aval.dtype], shape: order.map((i) => extents[i]!) })
  const placeOf = (i: number): number => order.indexOf(i)
  const right = {
    contract: left.contract.map((_, i) => placeOf(i)),
    batch: left.batch.map((_, i) => placeOf(left.contract.length + i)),
  }
  return {
    params: { contract: [left.contract, right.contract], batch: [left.batch, right.batch] },
    operands: [x, y],
  }
}

export const sort: Recipe<'sort'> = (draw) => {
  const x = draw.operand({ dtypes: ordered(draw), minRank: 1, domain: domains.distinct })
  const more = range(draw.below(3)).map(() =>
    draw.operand({ dtypes: [draw.pick(draw.numbers)], shape: x.aval.shape, domain: domains.general }),
  )
  return {
    params: { axis: draw.below(x.aval.rank), numKeys: 1 + draw.below(1 + Math.min(more.length, 1)), stable: true },
    operands: [x, ...more],
  }
}
