/** What a rule is: an operation of the IR, written as StableHLO. */
import type { Aval } from '../../core/aval.ts'
import type { OpName, OpParams } from '../../ir/op.ts'
import type { Value, Writer } from '../writer.ts'

/** Writes an operation on these operands; gives a value for each result, of the type that the equation says. */
export type Rule<N extends OpName> = (
  w: Writer,
  operands: readonly Value[],
  params: OpParams[N],
  results: readonly Aval[],
) => readonly Value[]

export type Rules = { readonly [N in OpName]: Rule<N> }
