/** What a rule is: an operation of the IR, written as StableHLO. */
import type { Aval } from '../../core/aval.ts'
import type { OpName, OpParams } from '../../ir/op.ts'
import type { Value, Writer } from '../writer.ts'

/** Writes an operation with these parameters on these operands; gives a value for each result, of the type that the equation says. */
export type RuleOf<P> = (w: Writer, operands: readonly Value[], params: P, results: readonly Aval[]) => readonly Value[]

export type Rule<N extends OpName> = RuleOf<OpParams[N]>

export type Rules = { readonly [N in OpName]: Rule<N> }
