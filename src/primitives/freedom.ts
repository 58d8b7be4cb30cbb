/** What operations leave undetermined, and how that is tracked. See docs/design/0013-what-factorisations-leave-open.md. */
import type { DType } from '../core/dtype.ts'
import type { NDArray } from '../trace/value.ts'
import type { Tangent } from './primitive.ts'

/**
 * What a factorisation leaves undetermined at its operand, for example the basis of the eigenvectors of equal eigenvalues.
 * Equal values are separated by ε: there the primal is `primal + ε apart`, and its tangent `steep / ε + tangent`. For values
 * that do not depend on the choice, `steep` is 0, and `tangent` is the derivative: each operation adds to it the products of
 * `apart` and `steep`. Null means zero, and no other choice.
 */
export interface Freedom {
  /** The primal for another choice. */
  readonly other: NDArray | null
  readonly apart: Tangent
  readonly steep: Tangent
  /** How much two primals may differ by rounding, relative to the largest element. */
  readonly tolerance: number
}

/** Far above rounding errors, and far below the effect of a choice, which is as large as the values. */
export const toleranceOf = (dtype: DType): number =>
  dtype === 'float64' ? 2 ** -32 : dtype === 'float32' ? 2 ** -12 : 2 ** -4
