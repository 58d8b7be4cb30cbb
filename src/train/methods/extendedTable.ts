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

/** How many rows a table has of its own. */
const rowCountOf = (base: Weight): number => (isLinearOperator(base) ? base.rowCount : base.shape[0]!)

/**
 * The rows of a table, then more; `twice`, then the table's own once again, so that a token can be given by a number that no model
 * knows: see `hiddenIds`. Products know nothing of them, so that a head that is tied to the table stays as it is.
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
 * Tokens by their second numbers. A model that is given embeddings, as PEFT gives them, does not see which of them are padding, and these
 * numbers are not that of padding either: the places of RoBERTa count on, and the last place of a text is the last there is.
 */
export const hiddenIds = (ids: NDArray, vocabSize: number, count: number): NDArray =>
  np.add(rowsOf(ids, vocabSize, 'input_ids'), vocabSize + count)
