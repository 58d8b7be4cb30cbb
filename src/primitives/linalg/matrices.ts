/** Shared helpers of factorisations: matrices in the last two axes, one after the other in memory, in double precision. */
import type { Aval } from '../../core/aval.ts'
import type { TypedArray } from '../../core/dtype.ts'
import { allocate } from '../../core/dtype.ts'
import { ShapeError } from '../../core/errors.ts'
import type { Shape } from '../../core/shape.ts'
import { sizeOf } from '../../core/shape.ts'
import type { OpName } from '../../ir/op.ts'
import { iota, zerosLike } from '../../ops/creation.ts'
import { cast, eq, ge, gt, le, lt, select } from '../../ops/elementwise.ts'
import { dotGeneral } from '../../ops/contraction.ts'
import { broadcast, slice } from '../../ops/movement.ts'
import { checkAccepts } from '../kinds.ts'
import type { NDArray } from '../../trace/value.ts'

export { swapLast as turned } from '../../ops/movement.ts'

/** Rows and columns of the matrices in an array. */
export const extents = (shape: Shape): readonly [rows: number, columns: number] => [shape.at(-2)!, shape.at(-1)!]

export const batchOf = (shape: Shape): readonly number[] => shape.slice(0, -2)

/** Throws unless the operand holds matrices of floats. */
export const checkMatrices = (op: OpName, x: Aval): void => {
  checkAccepts(op, 'float', x)
  if (x.rank < 2) throw new ShapeError(`${op} takes matrices, arrays of rank 2 or more, got ${x}.`)
}

export const checkSquare = (op: OpName, x: Aval): void => {
  checkMatrices(op, x)
  const [m, n] = extents(x.shape)
  if (m !== n) throw new ShapeError(`${op} takes square matrices, got ${x}.`)
}

/** Results of a kernel over all matrices of an array: each call gets a copy of one, and returns one piece of each result. */
export const overMatrices = (
  data: TypedArray,
  shape: Shape,
  outputs: readonly Aval[],
  kernel: (a: Float64Array, rows: number, columns: number, index: number) => readonly ArrayLike<number>[],
): readonly TypedArray[] => {
  const [m, n] = extents(shape)
  const count = sizeOf(batchOf(shape))
  const results = outputs.map((a) => allocate(a.dtype, a.size))
  for (let i = 0; i < count; i++) {
    const pieces = kernel(Float64Array.from(data.subarray(i * m * n, (i + 1) * m * n) as Float64Array), m, n, i)
    pieces.forEach((piece, k) => {
      results[k]!.set(piece as never, i * piece.length)
    })
  }
  return results
}

/** The leading rows and columns. */
export const leading = (x: NDArray, rows: number, columns: number): NDArray =>
  slice(x, x.shape.map(() => 0), [...batchOf(x.shape), rows, columns]) // prettier-ignore

/** Products of matrices, batch by batch. */
export const times = (x: NDArray, y: NDArray): NDArray => {
  const batch = batchOf(x.shape).map((_, d) => d)
  return dotGeneral(x, y, { contract: [[x.ndim - 1], [y.ndim - 2]], batch: [batch, batch] })
}

const compare = { eq, gt, ge, lt, le }

/** Whether the row of each element compares in this way with its column. */
const where = (x: NDArray, how: keyof typeof compare): NDArray => {
  const shape = x.shape.slice(-2)
  return broadcast(compare[how](iota('int32', shape, 0), iota('int32', shape, 1)), x.shape, [x.ndim - 2, x.ndim - 1])
}

/** The diagonal. */
export const samePlace = (x: NDArray): NDArray => where(x, 'eq')

/** 1 where the row compares in this way with the column, 0 elsewhere. */
export const pattern = (x: NDArray, how: keyof typeof compare): NDArray => cast(where(x, how), x.dtype)

/** The elements whose row compares in this way with their column; zeros elsewhere, whatever is there. */
export const masked = (x: NDArray, how: keyof typeof compare): NDArray => select(where(x, how), x, zerosLike(x))

/** The part on and below the diagonal, or strictly below it. */
export const lowerPart = (x: NDArray, strict = false): NDArray => masked(x, strict ? 'gt' : 'ge')

/** A vector of each batch as rows all alike (`along` the last axis) or columns all alike. */
export const spreadVector = (v: NDArray, shape: Shape, along: 'rows' | 'columns'): NDArray => {
  const lead = v.ndim - 1
  const dims = [...v.shape.slice(0, -1).map((_, d) => d), along === 'rows' ? lead + 1 : lead]
  return broadcast(v, shape, dims)
}
