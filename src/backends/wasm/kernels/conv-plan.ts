/**
 * A convolution as a sum over strided arrays. Once `lhs` is padded, the element that a window reads is linear in all indices:
 *
 *     C[g, m, j] = Σ_k A[g, m, k] · B[g, k, j],
 *
 * where m runs over batch and output positions, k over input features and window positions, j over output features, and g
 * over groups. The gradients are convolutions too, so that this covers them: for that of the kernels, k runs over images and
 * positions, m over what is few.
 */
import type { Aval } from '../../../core/aval.ts'
import { stridesOf } from '../../../core/shape.ts'
import type { ConvParams } from '../../../ir/op.ts'
import type { Grid } from './grid.ts'
import { axesOf, simplify } from './grid.ts'

/** Strides are in bytes. */
export interface Contraction {
  readonly groups: number
  /** From group to group in A, B and C. */
  readonly groupStrides: readonly [a: number, b: number, c: number]
  /** m: strides in A and C, longest in C first. */
  readonly rows: Grid
  /** k: strides in A and B, longest in A first. */
  readonly sums: Grid
  /** j: how many, and their stride in B; in C they are neighbours. */
  readonly columns: number
  readonly columnStride: number
}

const sortedBy = (grid: Grid, array: number): Grid => {
  const strides = grid.strides[array]!
  const order = strides.map((_, d) => d).toSorted((x, y) => strides[y]! - strides[x]!)
  return simplify(axesOf(grid, order))
}

/** `lhs` is padded; `out` has its features last, at `outSpec[1]`, or one feature. */
export const contractionOf = (
  params: ConvParams,
  [lhs, rhs, out]: readonly [Aval, Aval, Aval],
  outSpec: readonly number[],
  bytes: number,
): Contraction => {
  const { lhsSpec, rhsSpec, windowStrides, rhsDilation, featureGroupCount, batchGroupCount } = params
  const [a, b, c] = [lhs, rhs, out].map(({ shape }) => stridesOf(shape).map((s) => s * bytes)) as [
    number[],
    number[],
    number[],
  ]
  const along = (strides: readonly number[], spec: readonly number[], factors: readonly number[] = []): number[] =>
    spec.slice(2).map((axis, d) => strides[axis]! * (factors[d] ?? 1))
  const extents = (aval: Aval, spec: readonly number[]): number[] => spec.slice(2).map((axis) => aval.shape[axis]!)
  const groups = featureGroupCount * batchGroupCount
  const batch = lhs.shape[lhsSpec[0]!]! / batchGroupCount
  const depth = rhs.shape[rhsSpec[1]!]!
  const columns = rhs.shape[rhsSpec[0]!]! / groups
  const [batchA, featureA] = [a[lhsSpec[0]!]!, a[lhsSpec[1]!]!]
  const [columnB, columnC] = [b[rhsSpec[0]!]!, c[outSpec[1]!]!]
  const rows = {
    shape: [batch, ...extents(out, outSpec)],
    strides: [
      [batchA, ...along(a, lhsSpec, windowStrides)],
      [c[outSpec[0]!]!, ...along(c, outSpec)],
    ],
  }
  const sums = {
    shape: [...extents(rhs, rhsSpec), depth],
    strides: [
      [...along(a, lhsSpec, rhsDilation), featureA],
      [...along(b, rhsSpec), b[rhsSpec[1]!]!],
    ],
  }
  return {
    groups,
    groupStrides: [batchGroupCount > 1 ? batch * batchA : depth * featureA, columns * columnB, columns * columnC],
    rows: sortedBy(rows, 1),
    sums: sortedBy(sums, 0),
    columns,
    columnStride: columnB,
  }
}
