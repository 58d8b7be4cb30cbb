/** Weights changed by methods: matrices that compute their own products, without intermediate matrices of the weight's size. */
import { stopGradient } from '../../api/derivatives.ts'
import { isLinearOperator, LinearOperator } from '../../api/linearOperator.ts'
import { isQuantized } from '../../api/quantized.ts'
import type { DType } from '../../core/dtype.ts'
import { bitsOf } from '../../core/dtype.ts'
import { ArgumentError } from '../../core/errors.ts'
import { registerPytreeNode } from '../../core/registration.ts'
import type { Shape } from '../../core/shape.ts'
import * as nn from '../../nn/index.ts'
import * as np from '../../numpy/index.ts'
import * as random from '../../random/index.ts'
import type { Key } from '../../random/keys.ts'
import type { ArrayLike, TakeOptions } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import type { Parameter } from '../targets.ts'

/** `x W`, or `x Wᵀ`. */
export const productOf = (x: NDArray, weight: Parameter, transposed: boolean): NDArray =>
  transposed ? np.einsum('...i,oi->...o', x, weight) : np.matmul(x, weight)

/** All elements of a weight. */
export const denseOf = (weight: Parameter): NDArray => {
  if (isQuantized(weight)) return weight.dequantize()
  return isLinearOperator(weight) ? weight.dense() : weight
}

/** Widens to at least float32, in which weights are changed and measured. */
export const widened = (x: NDArray): NDArray => (bitsOf(x.dtype) < 32 ? np.astype(x, 'float32') : x)

/** A weight changed by a method. Changes are computed in float32 or wider, and rounded once. */
abstract class ChangedWeight extends LinearOperator {
  readonly base: Parameter

  constructor(base: Parameter) {
    super()
    this.base = base
  }

  override get shape(): Shape {
    return this.base.shape
  }

  override get dtype(): DType {
    return this.base.dtype
  }

  /** All elements, before they are rounded. */
  abstract wide(): NDArray

  override dense(): NDArray {
    return np.astype(this.wide(), this.dtype)
  }
}

/** All elements of a weight, in float32 or wider. */
const wideOf = (weight: Parameter): NDArray =>
  weight instanceof ChangedWeight ? weight.wide() : widened(denseOf(weight))

/** Added in the wider of both dtypes, in that of the first. */
const addTo = (x: NDArray, y: NDArray): NDArray => {
  const sum = np.add(x, y)
  return sum.dtype === x.dtype ? sum : np.astype(sum, x.dtype)
}

/** Multiplied in the wider of both dtypes, in that of the first. */
const scaleBy = (x: NDArray, y: NDArray): NDArray => {
  const product = np.multiply(x, y)
  return product.dtype === x.dtype ? product : np.astype(product, x.dtype)
}

/** Rows of the change of a weight: 0 for an index out of range. */
const addedRows = (x: NDArray, indices: ArrayLike, options: TakeOptions): NDArray =>
  np.take(x, indices, { ...options, axis: 0, ...(options.fillValue === undefined ? {} : { fillValue: 0 }) })

/** Rows, without gradient for those at one index: PyTorch's `padding_idx`. */
const fixedRows = (rows: NDArray, indices: NDArray, fixed: number): NDArray =>
  np.where(np.expandDims(np.equal(indices, fixed), -1), stopGradient(rows), rows)

/** Rows of a weight, without gradient to its table for those at one index. */
const rowsButOf = (weight: Parameter, indices: NDArray, fixed: number): NDArray =>
  isLinearOperator(weight) && weight.rowsBut !== undefined
    ? weight.rowsBut(indices, fixed)
    : fixedRows(np.take(weight, indices, { axis: 0 }), indices, fixed)

/** Dropout of the input, in training. */
interface Dropped {
  readonly key: Key | null
  readonly rate: number
}

const drop = (x: NDArray, { key, rate }: Dropped): NDArray =>
  // A weight that a run uses several times has the same dropout each time, so that the run is a function of the key.
  key === null || rate === 0 ? x : nn.dropout(random.clone(key), x, rate)

/** One low-rank product that is added to a weight. */
export interface LowRankTerm extends Dropped {
  /** Shape `[rows, rank]`. */
  readonly left: NDArray
  /** Shape `[rank, columns]`. */
  readonly right: NDArray
  readonly scale: number
  /** A scalar that may be traced: the weight of this adapter among several. */
  readonly share: NDArray | null
}

const scaled = (x: NDArray, { scale, share }: LowRankTerm): NDArray => {
  const known = scale === 1 ? x : np.multiply(x, scale)
  return share === null ? known : scaleBy(known, share)
}

/** `W + Σ sᵢ Lᵢ Rᵢ`, of thin matrices. */
export class LowRank extends ChangedWeight {
  readonly terms: readonly LowRankTerm[]

  constructor(base: Parameter, terms: readonly LowRankTerm[]) {
    super(base)
    this.terms = terms
  }

  override multiply(x: NDArray, transposed: boolean): NDArray {
    return this.terms.reduce(
      (sum, term) => {
        const { left, right } = term
        const inner = productOf(drop(x, term), transposed ? right : left, transposed)
        return addTo(sum, productOf(scaled(inner, term), transposed ? left : right, transposed))
      },
      productOf(x, this.base, transposed),
    )
  }

  override wide(): NDArray {
    return this.terms.reduce((w, term) => np.add(w, np.matmul(scaled(term.left, term), term.right)), wideOf(this.base))
  }

  override rows(indices: ArrayLike, options: TakeOptions = {}): NDArray {
    return this.terms.reduce(
      (sum, term) => addTo(sum, np.matmul(scaled(addedRows(term.left, indices, options), term), term.right)),
      np.take(this.base, indices, { ...options, axis: 0 }),
    )
  }

  override rowsBut(indices: NDArray, fixed: number): NDArray {
    return this.terms.reduce(
      (sum, term) => {
        const left = fixedRows(np.take(term.left, indices, { axis: 0 }), indices, fixed)
        return addTo(sum, np.matmul(scaled(left, term), term.right))
      },
      rowsButOf(this.base, indices, fixed),
    )
  }
}

registerPytreeNode(
  LowRank,
  ({ base, terms }) => ({
    children: [base, terms.map(({ left, right, share, key }) => ({ left, right, share, key }))],
    keys: ['base', 'terms'],
    aux: terms.map(({ scale, rate }) => ({ scale, rate })),
  }),
  (aux, [base, terms]) => {
    const settings = aux as readonly Pick<LowRankTerm, 'scale' | 'rate'>[]
    const arrays = terms as readonly Omit<LowRankTerm, 'scale' | 'rate'>[]
    return new LowRank(
      base as Parameter,
      settings.map((setting, i) => ({ ...arrays[i]!, ...setting })),
    )
  },
)

/** `diag(s) W` if the axis is 0, `W diag(s)` if it is 1. */
export class Scaled extends ChangedWeight {
  readonly scale: NDArray
  readonly axis: 0 | 1

  constructor(base: Parameter, scale: NDArray, axis: 0 | 1) {
    super(base)
    this.scale = scale
    this.axis = axis
  }

  override multiply(x: NDArray, transposed: boolean): NDArray {
    const comesIn = (this.axis === 1) === transposed
    return comesIn
      ? productOf(scaleBy(x, this.scale), this.base, transposed)
      : scaleBy(productOf(x, this.base, transposed), this.scale)
  }

  override wide(): NDArray {
    return np.multiply(wideOf(this.base), this.axis === 0 ? np.expandDims(this.scale, 1) : this.scale)
  }

  override rows(indices: ArrayLike, options: TakeOptions = {}): NDArray {
    const rows = np.take(this.base, indices, { ...options, axis: 0 })
    if (this.axis === 1) return scaleBy(rows, this.scale)
    const factors = np.take(this.scale, indices, { ...options, axis: 0, mode: options.mode ?? 'fill' })
    return scaleBy(rows, np.expandDims(factors, -1))
  }

  override rowsBut(indices: NDArray, fixed: number): NDArray {
    return this.axis === 1
      ? scaleBy(rowsButOf(this.base, indices, fixed), this.scale)
      : fixedRows(this.rows(indices), indices, fixed)
  }
}

registerPytreeNode(
  Scaled,
  ({ base, scale, axis }) => ({ children: [base, scale], keys: ['base', 'scale'], aux: axis }),
  (axis, [base, scale]) => new Scaled(base as Parameter, scale as NDArray, axis as 0 | 1),
)

/** `W + diag(l) L diag(d) R`, where only the vectors are trained: no derivative has the shape of L or R. */
export class ScaledLowRank extends ChangedWeight {
  /** Shape `[rows, rank]`. */
  readonly left: NDArray
  /** Shape `[rank, columns]`. */
  readonly right: NDArray
  /** Shape `[rank]`. */
  readonly inner: NDArray
  /** The factors of the outputs, rows or columns. */
  readonly outer: NDArray
  /** The axis of the outputs. */
  readonly axis: 0 | 1
  readonly dropped: Dropped

  constructor(
    base: Parameter,
    factors: readonly [left: NDArray, inner: NDArray, right: NDArray],
    outer: NDArray,
    axis: 0 | 1,
    dropped: Dropped,
  ) {
    super(base)
    ;[this.left, this.inner, this.right] = factors
    this.outer = outer
    this.axis = axis
    this.dropped = dropped
  }

  override multiply(x: NDArray, transposed: boolean): NDArray {
    const [first, last] = transposed ? [this.right, this.left] : [this.left, this.right]
    const comesIn = (this.axis === 1) === transposed
    const dropped = drop(x, this.dropped)
    const middle = np.multiply(
      productOf(comesIn ? np.multiply(dropped, this.outer) : dropped, first, transposed),
      this.inner,
    )
    const added = productOf(middle, last, transposed)
    return addTo(productOf(x, this.base, transposed), comesIn ? added : np.multiply(added, this.outer))
  }

  override wide(): NDArray {
    const product = np.matmul(np.multiply(this.left, this.inner), this.right)
    return np.add(wideOf(this.base), np.multiply(product, this.axis === 0 ? np.expandDims(this.outer, 1) : this.outer))
  }
}

registerPytreeNode(
  ScaledLowRank,
  ({ base, left, inner, right, outer, axis, dropped }) => ({
    children: [base, left, inner, right, outer, dropped.key],
    keys: ['base', 'left', 'inner', 'right', 'outer', 'key'],
    aux: { axis, rate: dropped.rate },
  }),
  (aux, [base, left, inner, right, outer, key]) => {
    const { axis, rate } = aux as { readonly axis: 0 | 1; readonly rate: number }
    return new ScaledLowRank(
      base as Parameter,
      [left as NDArray, inner as NDArray, right as NDArray],
      outer as NDArray,
      axis,
      { key: key as Key | null, rate },
    )
  },
)

/** A table that is no longer tied to its head: rows are those of the table, products those of the head. */
export class Parted extends ChangedWeight {
  readonly head: Parameter

  constructor(table: Parameter, head: Parameter) {
    super(table)
    this.head = head
  }

  override multiply(x: NDArray, transposed: boolean): NDArray {
    return productOf(x, this.head, transposed)
  }

  override wide(): NDArray {
    throw new ArgumentError(
      'merge: the adapter changes a table of embeddings, or the head that it is tied to, without the other: one array cannot be both. ' +
        'Apply it instead.',
    )
  }

  override rows(indices: ArrayLike, options: TakeOptions = {}): NDArray {
    return np.take(this.base, indices, { ...options, axis: 0 })
  }

  override rowsBut(indices: NDArray, fixed: number): NDArray {
    return rowsButOf(this.base, indices, fixed)
  }
}

registerPytreeNode(
  Parted,
  ({ base, head }) => ({ children: [base, head], keys: ['base', 'head'] }),
  (_, [base, head]) => new Parted(base as Parameter, head as Parameter),
)
