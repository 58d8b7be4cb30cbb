/** Recipes of convolutions and windows: strides, dilations, groups, padding and cropping, sometimes none of these. */
import { range } from '../../core/shape.ts'
import type { Padding, WindowParams } from '../../ir/op.ts'
import { dilated, slidingAxes } from '../../primitives/convolution/sliding.ts'
import type { Draw, Recipe, Typed } from '../draw.ts'
import { domains } from '../draw.ts'

type Numbers = readonly number[]

const steps = (draw: Draw, count: number): number[] => range(count).map(() => draw.pick([1, 1, 1, 2, 3]))

/** Padding on both sides, or cropping, so that at least `reach` elements are left. */
const paddingFor = (draw: Draw, extent: number, reach: number): Padding => {
  const low = draw.pick([0, 0, 1, 2, -1])
  return [low, Math.max(draw.pick([0, 0, 1, 2, -1]), reach - extent - low)]
}

/** A window that fits axes of the given extents. */
const windowOver = (draw: Draw, extents: Numbers, windowDimensions: Numbers): WindowParams => {
  const count = extents.length
  const [baseDilation, windowDilation] = [steps(draw, count), steps(draw, count)]
  const padding = extents.map((n, d) =>
    paddingFor(draw, dilated(n, baseDilation[d]!), dilated(windowDimensions[d]!, windowDilation[d]!)),
  )
  return { windowDimensions, windowStrides: steps(draw, count), padding, baseDilation, windowDilation }
}

const extent = (draw: Draw, most: number): number => (draw.below(60) === 59 ? 0 : 1 + draw.below(most))

/** The extents, each at the axis that its spec names. */
const placed = (spec: Numbers, extents: Numbers): number[] => {
  const shape = range(extents.length)
  spec.forEach((d, i) => (shape[d] = extents[i]!))
  return shape
}

export const conv: Recipe<'conv'> = (draw) => {
  const spatial = draw.below(draw.smooth ? 3 : 4)
  const [images, kernels] = [range(spatial).map(() => extent(draw, 4)), range(spatial).map(() => extent(draw, 2))]
  const { windowDimensions, baseDilation, ...window } = windowOver(draw, images, kernels)
  const groups = draw.pick([1, 1, 2])
  const [featureGroupCount, batchGroupCount] = draw.below(2) === 0 ? [groups, 1] : [1, groups]
  const depth = extent(draw, 2)
  const spec = (): number[] => draw.shuffle(range(spatial + 2))
  const specs = { lhsSpec: spec(), rhsSpec: spec(), outSpec: spec() }
  const dtypes = [draw.pick(draw.numbers)]
  const lhs = [extent(draw, 2) * batchGroupCount, depth * featureGroupCount, ...images]
  const rhs = [extent(draw, 2) * groups, depth, ...windowDimensions]
  const { windowStrides, padding, windowDilation: rhsDilation } = window
  return {
    params: {
      windowStrides,
      padding,
      lhsDilation: baseDilation,
      rhsDilation,
      ...specs,
      featureGroupCount,
      batchGroupCount,
    },
    operands: [
      draw.operand({ dtypes, shape: placed(specs.lhsSpec, lhs) }),
      draw.operand({ dtypes, shape: placed(specs.rhsSpec, rhs) }),
    ],
  }
}

const windowOn = (draw: Draw, { aval }: Typed): WindowParams =>
  windowOver(
    draw,
    aval.shape,
    aval.shape.map(() => 1 + draw.below(3)),
  )

const reducing = (draw: Draw) => {
  const x = draw.operand({ dtypes: draw.numbers, maxRank: 3, domain: domains.distinct })
  return { params: windowOn(draw, x), operands: [x] }
}

export const reduceWindowSum: Recipe<'reduceWindowSum'> = reducing
/** Windows that always contain an element: they extend beyond the edges by less than their width. */
const meetingWindowOn = (draw: Draw, { aval }: Typed): WindowParams => {
  const windowDimensions = aval.shape.map(() => 1 + draw.below(3))
  const ones = aval.shape.map(() => 1)
  const padding = windowDimensions.map((window, d): Padding => {
    const low = draw.below(window)
    return [low, Math.max(draw.below(window), window - aval.shape[d]! - low)]
  })
  const windowStrides = steps(draw, aval.rank)
  return { windowDimensions, windowStrides, padding, baseDilation: ones, windowDilation: ones }
}

/** Where derivatives are measured, infinities of windows without elements would be in the way. */
const extremal = (draw: Draw) => {
  const minExtent = draw.smooth ? 1 : 0
  const x = draw.operand({ dtypes: draw.numbers, maxRank: 3, minExtent, domain: domains.distinct })
  return { params: draw.smooth ? meetingWindowOn(draw, x) : windowOn(draw, x), operands: [x] }
}

export const reduceWindowMax: Recipe<'reduceWindowMax'> = extremal
export const reduceWindowMin: Recipe<'reduceWindowMin'> = extremal

const selecting = (draw: Draw) => {
  const x = draw.operand({ dtypes: draw.float, maxRank: 3, domain: domains.distinct })
  const params = { ...windowOn(draw, x), select: draw.pick(['max', 'min'] as const) }
  return { x, params, outputs: slidingAxes(x.aval.shape, params).map((axis) => axis.out) }
}

export const selectAndGatherAdd: Recipe<'selectAndGatherAdd'> = (draw) => {
  const { x, params } = selecting(draw)
  return { params, operands: [draw.operand({ dtypes: [x.aval.dtype], shape: x.aval.shape }), x] }
}

export const selectAndScatterAdd: Recipe<'selectAndScatterAdd'> = (draw) => {
  const { x, params, outputs } = selecting(draw)
  return { params, operands: [draw.operand({ dtypes: [x.aval.dtype], shape: outputs }), x] }
}
