/** Convolution with any strides, padding, dilations, axis orders and groups; its gradients are convolutions again. */
import { Aval } from '../../core/aval.ts'
import { DTypeError, ShapeError } from '../../core/errors.ts'
import type { ConvParams } from '../../ir/op.ts'
import { conv } from '../../ops/convolution.ts'
import { zerosOf } from '../../ops/creation.ts'
import { moveAxis, rev } from '../../ops/movement.ts'
import type { NDArray } from '../../trace/value.ts'
import { addTangents, checkAccepts, isLinear, oneBatched, single } from '../kinds.ts'
import type { Batched, Linear, Primitive } from '../primitive.ts'
import { evaluateConv } from './evaluate.ts'
import { fold, moveGroups, unfold } from './folding.ts'
import type { Sliding } from './sliding.ts'
import { checkWindow, paddingToOperand, paddingToWindow, slidingAxes } from './sliding.ts'

const windowOf = (params: ConvParams, rhs: Aval) => ({
  windowDimensions: params.rhsSpec.slice(2).map((d) => rhs.shape[d]!),
  windowStrides: params.windowStrides,
  padding: params.padding,
  baseDilation: params.lhsDilation,
  windowDilation: params.rhsDilation,
})

/** The spatial axes of a convolution, in the order of the specs. */
export const spatialAxes = (params: ConvParams, lhs: Aval, rhs: Aval): readonly Sliding[] =>
  slidingAxes(
    params.lhsSpec.slice(2).map((d) => lhs.shape[d]!),
    windowOf(params, rhs),
  )

const checkSpecs = ({ lhsSpec, rhsSpec, outSpec }: ConvParams, lhs: Aval, rhs: Aval): void => {
  const names = (spec: readonly number[]): boolean =>
    spec.length === lhs.rank && spec.toSorted((a, b) => a - b).every((d, i) => d === i)
  if (lhs.rank >= 2 && lhs.rank === rhs.rank && [lhsSpec, rhsSpec, outSpec].every(names)) return
  throw new ShapeError(
    `conv takes operands of one rank, 2 or more, and specs that name each axis once, got ${lhs} and ${rhs}, ` +
      `specs [${lhsSpec.join(', ')}], [${rhsSpec.join(', ')}] and [${outSpec.join(', ')}].`,
  )
}

const checkGroups = (params: ConvParams, lhs: Aval, rhs: Aval): void => {
  const { lhsSpec, rhsSpec, featureGroupCount: groups, batchGroupCount: batchGroups } = params
  const counts = [groups, batchGroups].every((n) => Number.isInteger(n) && n >= 1)
  if (!counts || (groups > 1 && batchGroups > 1)) {
    throw new ShapeError(
      `conv: counts of groups are positive, and one of them is 1, got featureGroupCount ${groups} and ` +
        `batchGroupCount ${batchGroups}.`,
    )
  }
  const [batch, features] = [lhs.shape[lhsSpec[0]!]!, lhs.shape[lhsSpec[1]!]!]
  const [kernels, depth] = [rhs.shape[rhsSpec[0]!]!, rhs.shape[rhsSpec[1]!]!]
  if (features !== depth * groups) {
    throw new ShapeError(
      `conv: kernels ${rhs} with ${depth} input features, in ${groups} groups, do not fit ${lhs} with ${features} features.`,
    )
  }
  if (kernels % (groups * batchGroups) !== 0 || batch % batchGroups !== 0) {
    throw new ShapeError(
      `conv: ${kernels} output features fall into ${groups * batchGroups} groups, and a batch of ${batch} into ` +
        `${batchGroups}; these do not divide.`,
    )
  }
}

const convType = (params: ConvParams, [lhs, rhs]: readonly Aval[]): readonly Aval[] => {
  checkAccepts('conv', 'number', lhs!)
  if (lhs!.dtype !== rhs!.dtype) throw new DTypeError(`conv takes operands of one dtype, got ${lhs} and ${rhs}.`)
  checkSpecs(params, lhs!, rhs!)
  checkWindow('conv', lhs!.rank - 2, windowOf(params, rhs!), 'spatial axes')
  checkGroups(params, lhs!, rhs!)
  const { lhsSpec, rhsSpec, outSpec, batchGroupCount } = params
  const extents = [
    lhs!.shape[lhsSpec[0]!]! / batchGroupCount,
    rhs!.shape[rhsSpec[0]!]!,
    ...spatialAxes(params, lhs!, rhs!).map((axis) => axis.out),
  ]
  const shape = new Array<number>(extents.length)
  outSpec.forEach((d, i) => (shape[d] = extents[i]!))
  return [new Aval(lhs!.dtype, shape, lhs!.weak && rhs!.weak)]
}

/** The spec with batch and feature (for kernels: output and input features) swapped. */
const exchanged = ([first, second, ...spatial]: readonly number[]): number[] => [second!, first!, ...spatial]

// The cotangent, its elements `stride` apart, is convolved with the kernels, reversed and with input and output features
// swapped.
const transposeLhs = (ct: NDArray, { aval }: Linear, rhs: NDArray, params: ConvParams): NDArray => {
  const { lhsSpec, rhsSpec, outSpec, featureGroupCount, batchGroupCount } = params
  // For batch groups, the groups of output features, which come back one after the other as features.
  const groups = featureGroupCount * batchGroupCount
  const kernels = rev(moveGroups(rhs, rhsSpec[0]!, rhsSpec[1]!, groups), rhsSpec.slice(2))
  const out = conv(ct, kernels, {
    windowStrides: params.lhsDilation,
    padding: spatialAxes(params, aval, rhs.aval).map(paddingToOperand),
    lhsDilation: params.windowStrides,
    rhsDilation: params.rhsDilation,
    lhsSpec: outSpec,
    rhsSpec: exchanged(rhsSpec),
    outSpec: lhsSpec,
    featureGroupCount: groups,
    batchGroupCount: 1,
  })
  return moveGroups(out, lhsSpec[1]!, lhsSpec[0]!, batchGroupCount)
}

// lhs is convolved with the cotangent as kernels: the batch is summed over, and the input features become the batch. Groups of
// features become groups of the batch, and vice versa.
const transposeRhs = (ct: NDArray, lhs: NDArray, { aval }: Linear, params: ConvParams): NDArray =>
  conv(lhs, ct, {
    windowStrides: params.rhsDilation,
    padding: spatialAxes(params, lhs.aval, aval).map(paddingToWindow),
    lhsDilation: params.lhsDilation,
    rhsDilation: params.windowStrides,
    lhsSpec: exchanged(params.lhsSpec),
    rhsSpec: exchanged(params.outSpec),
    outSpec: exchanged(params.rhsSpec),
    featureGroupCount: params.batchGroupCount,
    batchGroupCount: params.featureGroupCount,
  })

/** More images: the new axis joins the batch, inside of its groups. */
const batchLhs = (lhs: NDArray, rhs: NDArray, axis: number, size: number, params: ConvParams): Batched => {
  const images = fold(lhs, axis, params.lhsSpec[0]!, params.batchGroupCount)
  return oneBatched(unfold(conv(images, rhs, params), params.outSpec[0]!, size), 0)
}

/** More kernels: the new axis joins the output features, inside of their groups. */
const batchRhs = (lhs: NDArray, rhs: NDArray, axis: number, size: number, params: ConvParams): Batched => {
  const groups = params.featureGroupCount * params.batchGroupCount
  const kernels = fold(rhs, axis, params.rhsSpec[0]!, groups)
  return oneBatched(unfold(conv(lhs, kernels, params), params.outSpec[1]!, size, groups), 0)
}

/** Images and kernels in pairs: each pair is a group, of the kind that already exists. */
const batchBoth = (
  lhs: NDArray,
  rhs: NDArray,
  [lhsAxis, rhsAxis]: readonly [number, number],
  size: number,
  params: ConvParams,
): Batched => {
  const grouped = params.batchGroupCount > 1 ? 'batchGroupCount' : 'featureGroupCount'
  const images = fold(lhs, lhsAxis, params.lhsSpec[grouped === 'batchGroupCount' ? 0 : 1]!)
  const kernels = fold(rhs, rhsAxis, params.rhsSpec[0]!)
  const out = conv(images, kernels, { ...params, [grouped]: size * params[grouped] })
  return oneBatched(unfold(out, params.outSpec[1]!, size), 0)
}

const withoutAxis = (x: NDArray, axis: number): Aval => x.aval.withShape(moveAxis(x, axis, 0).shape.slice(1))

export const convP: Primitive<'conv'> = {
  type: convType,
  evaluate: (params, data, operands, [out]) => [
    evaluateConv(params, data, operands, out!, spatialAxes(params, operands[0]!, operands[1]!)),
  ],
  jvp: (params, [lhs, rhs], [tl, tr]) => {
    const fromLhs = tl === null ? null : conv(tl!, rhs!, params)
    const fromRhs = tr === null ? null : conv(lhs!, tr!, params)
    return single(conv(lhs!, rhs!, params), addTangents(fromLhs, fromRhs))
  },
  transpose: (params, [ct], [lhs, rhs]) => [
    isLinear(lhs!) ? transposeLhs(ct!, lhs, rhs as NDArray, params) : null,
    isLinear(rhs!) ? transposeRhs(ct!, lhs as NDArray, rhs, params) : null,
  ],
  batch: (params, [lhs, rhs], [lhsAxis, rhsAxis], size) => {
    if (rhsAxis === null) return batchLhs(lhs!, rhs!, lhsAxis!, size, params)
    if (lhsAxis === null) return batchRhs(lhs!, rhs!, rhsAxis!, size, params)
    if (size > 0) return batchBoth(lhs!, rhs!, [lhsAxis!, rhsAxis!], size, params)
    // There are no groups to merge.
    const [out] = convType(params, [withoutAxis(lhs!, lhsAxis!), withoutAxis(rhs!, rhsAxis!)])
    return oneBatched(zerosOf(out!.withShape([0, ...out!.shape])), 0)
  },
  facts: { reduces: true, rounds: 'in any order' },
}
