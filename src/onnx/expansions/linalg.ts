/** Cholesky's factor and triangular equations as loops, in float64, as the interpreter computes them. */
import type { Aval } from '../../core/aval.ts'
import { vmap } from '../../api/vmap.ts'
import type { OpParams } from '../../ir/op.ts'
import type { Program } from '../../ir/program.ts'
import * as lax from '../../lax/index.ts'
import * as np from '../../numpy/index.ts'
import type { NDArray } from '../../trace/value.ts'
import type { OnArrays } from './program.ts'
import { widely } from './program.ts'

const places = (n: number): NDArray => np.arange(n, { dtype: 'int32' })
const rowAt = (a: NDArray, i: NDArray): NDArray => lax.dynamicIndexInDim(a, i, 0, false)
const columnAt = (a: NDArray, j: NDArray): NDArray => lax.dynamicIndexInDim(a, j, 1, false)

/** Column by column; NaN everywhere where a pivot is not positive. */
const cholesky = (a: NDArray): NDArray => {
  const n = a.shape[0]!
  if (n === 0) return a
  const rows = places(n)
  const step = (j: NDArray, l: NDArray): NDArray => {
    const rest = np.subtract(columnAt(a, j), np.matmul(l, rowAt(l, j)))
    const pivot = lax.dynamicIndexInDim(rest, j, 0, false)
    const root = np.sqrt(np.where(np.greater(pivot, 0), pivot, NaN))
    const column = np.where(np.less(rows, j), 0, np.divide(rest, root))
    return lax.dynamicUpdateIndexInDim(l, column, j, 1)
  }
  const factor = lax.foriLoop(0, n, step, np.zerosLike(a))
  return np.where(np.any(np.isnan(factor)), NaN, factor)
}

/** Row by row of x, in the order in which rows depend on each other. */
const triangularSolve =
  ({ leftSide, lower, transposeA, unitDiagonal }: OpParams['triangularSolve']) =>
  (a: NDArray, b: NDArray): NDArray => {
    const n = a.shape[0]!
    if (b.size === 0) return b
    // x op(a) = b is op(a)ᵀ xᵀ = bᵀ.
    const matrix = transposeA === leftSide ? np.transpose(a) : a
    const isLower = lower !== (transposeA === leftSide)
    const right = leftSide ? b : np.transpose(b)
    const rows = places(n)
    const step = (i: NDArray, x: NDArray): NDArray => {
      const at = isLower ? i : np.subtract(n - 1, i)
      const row = rowAt(matrix, at)
      const isKnown = isLower ? np.less(rows, at) : np.greater(rows, at)
      const rest = np.subtract(rowAt(right, at), np.matmul(np.where(isKnown, row, 0), x))
      const pivot = lax.dynamicIndexInDim(row, at, 0, false)
      return lax.dynamicUpdateIndexInDim(x, unitDiagonal ? rest : np.divide(rest, pivot), at, 0)
    }
    const x = lax.foriLoop(0, n, step, np.zerosLike(right))
    return leftSide ? x : np.transpose(x)
  }

/** A function of matrices, for stacks of them. */
const overStacks = (f: OnArrays, operands: readonly Aval[]): Program => {
  const batched = operands[0]!.shape.slice(2).reduce<OnArrays>((g) => vmap<readonly NDArray[]>(g), f)
  return widely(batched, operands)
}

export const choleskyOf = (operands: readonly Aval[]): Program => overStacks((a) => cholesky(a), operands)

export const triangularSolveOf = (params: OpParams['triangularSolve'], operands: readonly Aval[]): Program =>
  overStacks((a, b) => triangularSolve(params)(a, b), operands)
