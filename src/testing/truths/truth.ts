/** True values of operations, which consistency laws cannot check. */
import type { DType, FloatDType } from '../../core/dtype.ts'
import type { OpName, OpParams } from '../../ir/op.ts'

/** Numbers in the shape that they are nested in. */
export type Nested = number | readonly Nested[]

/** Elements of the float dtype under test, or of a given dtype. */
export type Value = Nested | { readonly [D in DType]?: Nested }

/** An application, and its results from another source: by hand, from mpmath, from a published table. */
export interface Truth<N extends OpName> {
  readonly params: OpParams[N]
  readonly operands: readonly Value[]
  readonly results: readonly Value[]
}

/** The truths of an operation, at least one, for operands of a float dtype. */
export type Truths<N extends OpName> = (float: FloatDType) => readonly [Truth<N>, ...Truth<N>[]]

/** The truth of one application that does not depend on the float dtype. */
export const application =
  <N extends OpName>(
    params: OpParams[N],
    operands: readonly Value[],
    ...results: readonly [Value, ...Value[]]
  ): Truths<N> =>
  () => [{ params, operands, results }]

/** The truths of several. */
export const all =
  <N extends OpName>(first: Truths<N>, ...rest: readonly Truths<N>[]): Truths<N> =>
  (float) => [...first(float), ...rest.flatMap((truths) => truths(float))]
