/** Convolution of elements (im2col): windows become columns of a matrix, which the kernels are multiplied with. */
import type { Aval } from '../../core/aval.ts'
import type { TypedArray } from '../../core/dtype.ts'
import { allocate, isFloat, isLong } from '../../core/dtype.ts'
import { inversePermutation, sizeOf, stridesOf } from '../../core/shape.ts'
import type { ConvParams } from '../../ir/op.ts'
import { matmulBig, matmulFloat, matmulInteger } from '../matmul.ts'
import { gatherStrided } from '../strided.ts'
import type { Sliding } from './sliding.ts'
import { windowTable } from './sliding.ts'

/** The most window elements laid out at a time. */
const BLOCK = 1 << 20

/** The elements with the axes in another order. */
const reordered = (data: TypedArray, { dtype, shape, size }: Aval, order: readonly number[]): Float64Array => {
  const strides = stridesOf(shape)
  const extents = order.map((d) => shape[d]!)
  const from = order.map((d) => strides[d]!)
  return gatherStrided(data, extents, from, 0, allocate(dtype, size)) as Float64Array
}

/** Features, window elements and outputs: the extents of a matrix of windows. */
interface Layout {
  readonly features: number
  readonly area: number
  /** Elements of a feature. */
  readonly plane: number
  /** `windowTable`: outputs by window elements. */
  readonly table: Int32Array
}

/** Windows `first` to `first + count` of an image, one in each column: features by window elements in rows. */
const layOut = (
  image: Float64Array,
  start: number,
  { features, area, plane, table }: Layout,
  first: number,
  count: number,
  windows: Float64Array,
): void => {
  // For bigint elements zero is a bigint.
  const zero = (windows as unknown) instanceof BigInt64Array ? (0n as unknown as number) : 0
  let n = 0
  for (let c = 0; c < features; c++) {
    const feature = start + c * plane
    for (let k = 0; k < area; k++) {
      for (let p = first * area + k, end = p + count * area; p < end; p += area) {
        const place = table[p]!
        windows[n++] = place < 0 ? zero : image[feature + place]!
      }
    }
  }
}

/** Operands with axes in the order of their specs; the result (batch, feature, spatial) likewise. */
const convolve = (
  lhs: Float64Array,
  rhs: Float64Array,
  out: Float64Array,
  layout: Layout,
  { groups, batchGroups, batch, kernels }: { [K in 'groups' | 'batchGroups' | 'batch' | 'kernels']: number },
  multiply: typeof matmulFloat,
): void => {
  const { features, area, plane, table } = layout
  const depth = features * area
  const outputs = area === 0 ? 0 : table.length / area
  if (depth === 0 || outputs === 0) return
  const block = Math.min(outputs, Math.max(1, Math.floor(BLOCK / depth)))
  const Elements = multiply === matmulBig ? BigInt64Array : Float64Array
  const windows = new Elements(depth * block) as unknown as Float64Array
  const product = new Elements(kernels * block) as unknown as Float64Array
  const image = groups * features * plane
  for (let g = 0; g < groups * batchGroups; g++) {
    for (let n = 0; n < batch; n++) {
      const start = batchGroups > 1 ? (g * batch + n) * image : n * image + g * features * plane
      const target = (n * groups * batchGroups + g) * kernels * outputs
      for (let first = 0; first < outputs; first += block) {
        const count = Math.min(block, outputs - first)
        layOut(lhs, start, layout, first, count, windows)
        multiply(rhs, windows, product, [g * kernels * depth, 0, 0], [kernels, depth, count])
        for (let o = 0; o < kernels; o++) {
          out.set(product.subarray(o * count, (o + 1) * count), target + o * outputs + first)
        }
      }
    }
  }
}

const multiplyIntegers: typeof matmulFloat = (a, b, out, starts, extents) => {
  matmulInteger(a, b, out, starts, extents, false)
}

export const evaluateConv = (
  params: ConvParams,
  [a, b]: readonly TypedArray[],
  [lhs, rhs]: readonly Aval[],
  out: Aval,
  axes: readonly Sliding[],
): TypedArray => {
  const { lhsSpec, rhsSpec, outSpec, featureGroupCount: groups, batchGroupCount: batchGroups } = params
  const layout = {
    features: rhs!.shape[rhsSpec[1]!]!,
    area: sizeOf(axes.map((x) => x.window)),
    plane: sizeOf(axes.map((x) => x.extent)),
    table: windowTable(axes),
  }
  const counts = {
    groups,
    batchGroups,
    batch: lhs!.shape[lhsSpec[0]!]! / batchGroups,
    kernels: rhs!.shape[rhsSpec[0]!]! / (groups * batchGroups),
  }
  const result = allocate(out.dtype, out.size) as Float64Array
  const multiply = isLong(out.dtype) ? matmulBig : isFloat(out.dtype) ? matmulFloat : multiplyIntegers
  convolve(reordered(a!, lhs!, lhsSpec), reordered(b!, rhs!, rhsSpec), result, layout, counts, multiply)
  const canonical = outSpec.map((d) => out.shape[d]!)
  return reordered(result, out.withShape(canonical), inversePermutation(outSpec))
}
