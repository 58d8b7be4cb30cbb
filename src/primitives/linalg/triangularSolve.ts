/** Solutions of triangular equations by substitution. */
import type { Aval } from '../../core/aval.ts'
import { allocate } from '../../core/dtype.ts'
import { ShapeError } from '../../core/errors.ts'
import { sameShape, sizeOf } from '../../core/shape.ts'
import type { TriangularSolveParams } from '../../ir/op.ts'
import { triangularSolve } from '../../ops/linalg.ts'
import { neg } from '../../ops/elementwise.ts'
import type { NDArray } from '../../trace/value.ts'
import { addTangents, checkSame, isLinear, materialize, oneBatched, single } from '../kinds.ts'
import type { Primitive } from '../primitive.ts'
import { batchOf, checkMatrices, checkSquare, extents, masked, times, turned } from './matrices.ts'

const checkTypes = ({ leftSide }: TriangularSolveParams, [a, b]: readonly Aval[]): readonly Aval[] => {
  checkSquare('triangularSolve', a!)
  checkMatrices('triangularSolve', b!)
  if (a!.dtype !== b!.dtype) checkSame('triangularSolve', [a!, b!])
  const [n] = extents(a!.shape)
  const [rows, columns] = extents(b!.shape)
  if (!sameShape(batchOf(a!.shape), batchOf(b!.shape)) || n !== (leftSide ? rows : columns)) {
    throw new ShapeError(
      `triangularSolve: matrices ${a!} do not fit right-hand sides ${b!} on the ${leftSide ? 'left' : 'right'}.`,
    )
  }
  return [b!.strengthen()]
}

/** Overwrites b with the x of op(a) x = b: element (i, c) of x is at `i * si + c * sc`. */
const substitute = (
  a: Float64Array,
  x: Float64Array,
  n: number,
  count: number,
  [si, sc]: readonly [number, number],
  {
    lower,
    turnedA,
    unitDiagonal,
  }: { readonly lower: boolean; readonly turnedA: boolean; readonly unitDiagonal: boolean },
): void => {
  const [ri, rj] = turnedA ? [1, n] : [n, 1]
  const forward = lower !== turnedA
  for (let c = 0; c < count; c++) {
    for (let step = 0; step < n; step++) {
      const i = forward ? step : n - 1 - step
      let sum = x[i * si + c * sc]!
      for (let k = 0; k < step; k++) {
        const j = forward ? k : n - 1 - k
        sum -= a[i * ri + j * rj]! * x[j * si + c * sc]!
      }
      x[i * si + c * sc] = unitDiagonal ? sum : sum / a[i * ri + i * rj]!
    }
  }
}

/** The part of a tangent of `a` that the solution depends on. */
const relevant = (t: NDArray, { lower, unitDiagonal }: TriangularSolveParams): NDArray =>
  masked(t, lower ? (unitDiagonal ? 'gt' : 'ge') : unitDiagonal ? 'lt' : 'le')

export const triangularSolveP: Primitive<'triangularSolve'> = {
  type: checkTypes,
  evaluate: ({ leftSide, lower, transposeA, unitDiagonal }, [a, b], [, bAval], [out]) => {
    const [rows, columns] = extents(bAval!.shape)
    const [n, count] = leftSide ? [rows, columns] : [columns, rows]
    const result = allocate(out!.dtype, out!.size)
    // x op(a) = b is op(a)ᵀ xᵀ = bᵀ.
    const strides = leftSide ? ([columns, 1] as const) : ([1, columns] as const)
    const how = { lower, unitDiagonal, turnedA: leftSide ? transposeA : !transposeA }
    for (let i = 0; i < sizeOf(batchOf(bAval!.shape)); i++) {
      const matrix = Float64Array.from(a!.subarray(i * n * n, (i + 1) * n * n) as Float64Array)
      const x = Float64Array.from(b!.subarray(i * n * count, (i + 1) * n * count) as Float64Array)
      substitute(matrix, x, n, count, strides, how)
      result.set(x as never, i * n * count)
    }
    return [result]
  },
  // op(a) x = b, so op(a) dx = db - op(da) x; likewise on the right.
  jvp: (params, [a, b], [ta, tb]) => {
    const x = triangularSolve(a!, b!, params)
    const fromB = tb === null ? null : triangularSolve(a!, tb!, params)
    if (ta === null) return single(x, fromB)
    const part = relevant(ta!, params)
    const moved = params.transposeA ? turned(part) : part
    const right = params.leftSide ? times(moved, x) : times(x, moved)
    return single(x, addTangents(fromB, neg(triangularSolve(a!, right, params))))
  },
  transpose: (params, [ct], [a, b]) => {
    if (!isLinear(b!)) return [null, null]
    return [null, triangularSolve(a as NDArray, ct!, { ...params, transposeA: !params.transposeA })]
  },
  batch: (params, [a, b], [axisA, axisB], size) =>
    oneBatched(triangularSolve(materialize(a!, axisA!, 0, size), materialize(b!, axisB!, 0, size), params), 0),
  facts: { rounds: 'freely' },
}
