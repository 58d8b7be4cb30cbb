/**
 * A convolution as a sum over strided arrays. Once `lhs` is padded, the element that a window reads is linear in all indices:
 *
 *     C[g, m, j] = Σ_k A[g, m, k] · B[g, k, j],
 *
 * where m runs over batch and output positions, k over input features and window positions, j over output features, and g
 * over groups. The gradients are also convolutions, so this covers them: for that of the kernels, k runs over images and
 * positions, and m over few indices.
 */
import type { Aval } from '../../../core/aval.ts'
import { stridesOf } from '../../../core/shape.ts'
import type { ConvParams } from '../../../ir/op.ts'
import type { AxisPart } from './convParts.ts'
import type { Grid } from './grid.ts'
import { axesOf, simplify } from './grid.ts'

/** Strides are in bytes. */
export interface Contraction {
  readonly groups: number
  /** Strides from group to group in A, B and C. */
  readonly groupStrides: readonly [a: number, b: number, c: number]
  /** m: strides in A and C, longest in C first. */
  readonly rows: Grid
  /** k: strides in A and B, longest in A first. */
  readonly sums: Grid
  /** j: their number, and their stride in B; in C they are contiguous. */
  readonly columns: number
  readonly columnStride: number
  /** Whether A has columns, too, which are contiguous: C[m, j] = Σ_k A[m, k, j] · B[k, j]. */
  readonly columnwise: boolean
}

const sortedBy = (grid: Grid, array: number): Grid => {
  const strides = grid.strides[array]!
  const order = strides.map((_, d) => d).toSorted((x, y) => strides[y]! - strides[x]!)
  return simplify(axesOf(grid, order))
}

/** Where the first elements are, in bytes. */
interface Offsets {
  readonly a: number
  readonly b: number
  readonly c: number
}

/** Groups of one output feature that are contiguous everywhere, and fill vectors. */
const isDepthwise = ({ groups, groupStrides, columns }: Contraction, bytes: number): boolean =>
  columns === 1 && groups > 1 && groups % (16 / bytes) === 0 && groupStrides.every((s) => s === bytes)

/** Groups as columns. */
const columnwise = (contraction: Contraction): Contraction => ({
  ...contraction,
  groups: 1,
  columns: contraction.groups,
  columnStride: contraction.groupStrides[1],
  columnwise: true,
})

const sum = (xs: readonly number[]): number => xs.reduce((x, y) => x + y, 0)

/** Of some parts of the spatial axes. `lhs` is padded; `out` has its features last, at `outSpec[1]`, or one feature. */
export const contractionOf = (
  params: ConvParams,
  [lhs, rhs, out]: readonly [Aval, Aval, Aval],
  outSpec: readonly number[],
  parts: readonly AxisPart[],
  bytes: number,
): { readonly contraction: Contraction; readonly offsets: Offsets } => {
  const { lhsSpec, rhsSpec, featureGroupCount, batchGroupCount } = params
  /** Strides in the order of a spec. */
  const strides = ({ shape }: Aval, spec: readonly number[]): readonly [number, number, ...number[]] => {
    const all = stridesOf(shape)
    return spec.map((d) => all[d]! * bytes) as [number, number, ...number[]]
  }
  const [batchA, featureA, ...spatialA] = strides(lhs, lhsSpec)
  const [columnB, featureB, ...spatialB] = strides(rhs, rhsSpec)
  const [batchC, columnC, ...spatialC] = strides(out, outSpec)
  const each = (f: (part: AxisPart, d: number) => number): number[] => parts.map(f)
  const groups = featureGroupCount * batchGroupCount
  const batch = lhs.shape[lhsSpec[0]!]! / batchGroupCount
  const depth = rhs.shape[rhsSpec[1]!]!
  const columns = rhs.shape[rhsSpec[0]!]! / groups
  const rows = {
    shape: [batch, ...each(({ outputs }) => outputs.count)],
    strides: [
      [batchA, ...each(({ alongOutputs }, d) => alongOutputs * spatialA[d]!)],
      [batchC, ...each(({ outputs }, d) => outputs.step * spatialC[d]!)],
    ],
  }
  const sums = {
    shape: [...each(({ window }) => window.count), depth],
    strides: [
      [...each(({ alongWindow }, d) => alongWindow * spatialA[d]!), featureA],
      [...each(({ window }, d) => window.step * spatialB[d]!), featureB],
    ],
  }
  const contraction = {
    groups,
    groupStrides: [batchGroupCount > 1 ? batch * batchA : depth * featureA, columns * columnB, columns * columnC],
    rows: sortedBy(rows, 1),
    sums: sortedBy(sums, 0),
    columns,
    columnStride: columnB,
    columnwise: false,
  } as const
  const offsets = {
    a: sum(each(({ first }, d) => first * spatialA[d]!)),
    b: sum(each(({ window }, d) => window.first * spatialB[d]!)),
    c: sum(each(({ outputs }, d) => outputs.first * spatialC[d]!)),
  }
  return { contraction: isDepthwise(contraction, bytes) ? columnwise(contraction) : contraction, offsets }
}
