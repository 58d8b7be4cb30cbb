/** True values of operations: what laws about consistency cannot know. */
import type { DType, FloatDType } from '../../core/dtype.ts'
import type { OpName, OpParams } from '../../ir/op.ts'

/** Numbers in the shape that they are nested in. */
export type Nested = number | readonly Nested[]

/** Elements of the float that is asked about, or of a dtype. */
export type Value = Nested | { readonly [D in DType]?: Nested }

/** An application, and its results as they are known from elsewhere: by hand, from mpmath, from a published table. */
export interface Truth<N extends OpName> {
  readonly params: OpParams[N]
  readonly operands: readonly Value[]
  readonly results: readonly Value[]
}

/** At least one, for operands whose floats are of a dtype. */
export type Truths<N extends OpName> = (float: FloatDType) => readonly [Truth<N>, ...Truth<N>[]]

/** Of an application that does not depend on the float. */
export const application =
  <N extends OpName>(
    params: OpParams[N],
    operands: readonly Value[],
    ...results: readonly [Value, ...Value[]]
  ): Truths<N> =>
  () => [{ params, operands, results }]

/** Of several. */
export const all =
  <N extends OpName>(first: Truths<N>, ...rest: readonly Truths<N>[]): Truths<N> =>
  (float) => [...first(float), ...rest.flatMap((truths) => truths(float))]
