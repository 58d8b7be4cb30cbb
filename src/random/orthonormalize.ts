import { div, mul, sqrt, sub } from '../ops/elementwise.ts'
import { dotGeneral } from '../ops/contraction.ts'
import { range } from '../core/shape.ts'
import { broadcast, concatenate, sliceInDim } from '../ops/movement.ts'
import { reduceSum } from '../ops/reduction.ts'
import type { NDArray } from '../trace/value.ts'

/** A column minus its projection onto the columns before it. */
const project = (column: NDArray, basis: NDArray): NDArray => {
  const batch = range(column.aval.rank - 2)
  const row = batch.length
  const weights = dotGeneral(basis, column, { contract: [[row], [row]], batch: [batch, batch] })
  return sub(column, dotGeneral(basis, weights, { contract: [[row + 1], [row]], batch: [batch, batch] }))
}

const normalizeColumn = (column: NDArray): NDArray => {
  const { shape, rank } = column.aval
  const length = sqrt(reduceSum(mul(column, column), [rank - 2]))
  return div(
    column,
    broadcast(
      length,
      shape,
      range(rank).filter((d) => d !== rank - 2),
    ),
  )
}

/**
 * The orthonormal columns that span the columns of `x` (shape `[..., n, m]` with n ≥ m): the Q of the QR factorisation
 * whose R has a positive diagonal. Gram-Schmidt, each column projected twice, which is enough (Giraud et al., 2005).
 */
export const orthonormalize = (x: NDArray): NDArray => {
  const last = x.aval.rank - 1
  const columns = range(x.aval.shape[last]!).map((i) => sliceInDim(x, i, i + 1, last))
  return (
    columns.reduce<NDArray | null>((basis, column) => {
      const rest = basis === null ? column : project(project(column, basis), basis)
      const unit = normalizeColumn(rest)
      return basis === null ? unit : concatenate([basis, unit], last)
    }, null) ?? x
  )
}
