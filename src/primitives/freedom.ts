/** What operations leave open, and how that is carried along. See docs/design/0013-what-factorisations-leave-open.md. */
import type { DType } from '../core/dtype.ts'
import type { NDArray } from '../trace/value.ts'
import type { Tangent } from './primitive.ts'

/**
 * What a factorisation leaves open at its operand: which basis of the eigenvectors of equal eigenvalues, say. Tell equal
 * values apart by ε: there the primal is `primal + ε apart`, and its tangent `steep / ε + tangent`. Of what does not depend on the
 * choice, `steep` is 0, and `tangent` is the derivative: each operation adds to it what `apart` and `steep` come to together.
 * Null stands for zero, and for no other choice.
 */
export interface Freedom {
  /** The primal that another choice would have given. */
  readonly other: NDArray | null
  readonly apart: Tangent
  readonly steep: Tangent
  /** How far two primals may be apart that are the same but for rounding, relative to the largest element. */
  readonly tolerance: number
}

/** Far above roundings, far below what depends on a choice: that moves by its whole size. */
export const toleranceOf = (dtype: DType): number =>
  dtype === 'float64' ? 2 ** -32 : dtype === 'float32' ? 2 ** -12 : 2 ** -4
