/** A table of embeddings with rows that are not part of the model: those of virtual tokens. */
import { isLinearOperator, LinearOperator } from '../../api/linearOperator.ts'
import type { DType } from '../../core/dtype.ts'
import type { Shape } from '../../core/shape.ts'
import { registerPytreeNode } from '../../core/registration.ts'
import type { Weight } from '../../models/layers.ts'
import { rowsOf } from '../../models/layers.ts'
import * as np from '../../numpy/index.ts'
import type { ArrayLike, TakeOptions } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import { typeOf } from '../leaves.ts'

/** The number of a table's own rows. */
const rowCountOf = (base: Weight): number => (isLinearOperator(base) ? base.rowCount : base.shape[0]!)

/**
 * The rows of a table, then additional ones; with `twice`, then the table's own rows again, so that a token has a second id
 * that models do not recognise: see `hiddenIds`. Products ignore the additional rows, so a tied head does not change.
 */
export class ExtendedTable extends LinearOperator {
  readonly base: Weight
  readonly more: NDArray
  readonly twice: boolean

  constructor(base: Weight, more: NDArray, twice: boolean) {
    super()
    this.base = base
    this.more = more
    this.twice = twice
  }

  get shape(): Shape {
    return this.base.shape
  }

  get dtype(): DType {
    return typeOf(this.base).dtype
  }

  override get rowCount(): number {
    return rowCountOf(this.base) * (this.twice ? 2 : 1) + this.more.shape[0]!
  }

  multiply(x: NDArray, transposed: boolean): NDArray {
    return transposed ? np.einsum('...i,oi->...o', x, this.base) : np.matmul(x, this.base)
  }

  dense(): NDArray {
    if (isLinearOperator(this.base)) return this.base.dense()
    return 'dequantize' in this.base ? this.base.dequantize() : this.base
  }

  override rows(indices: ArrayLike, options: TakeOptions = {}): NDArray {
    const ids = np.asarray(indices)
    const [own, count] = [rowCountOf(this.base), this.more.shape[0]!]
    const beyond = np.subtract(ids, own)
    const again = np.subtract(beyond, count)
    const isVirtual = np.logicalAnd(np.greaterEqual(beyond, 0), np.less(again, 0))
    // What is not a row at all stays beyond the table.
    const known = np.where(np.less(again, 0), np.minimum(ids, own - 1), this.twice ? again : own)
    const words = np.take(this.base, known, { ...options, axis: 0 })
    const virtual = np.take(this.more, np.clip(beyond, 0, count - 1), { ...options, axis: 0 })
    return np.where(np.expandDims(isVirtual, -1), virtual.astype(words.dtype), words)
  }
}

registerPytreeNode<ExtendedTable>(
  ExtendedTable,
  ({ base, more, twice }) => ({ children: [base, more], keys: ['base', 'more'], aux: twice }),
  (twice, [base, more]) => new ExtendedTable(base as Weight, more as NDArray, twice as boolean),
)

/**
 * Tokens by their second ids. PEFT passes embeddings, so the model cannot see which of them are padding; these ids hide padding
 * in the same way: RoBERTa's positions count it, and the last position of a text is the last of the row.
 */
export const hiddenIds = (ids: NDArray, vocabSize: number, count: number): NDArray =>
  np.add(rowsOf(ids, vocabSize, 'input_ids'), vocabSize + count)
