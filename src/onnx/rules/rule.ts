/** What a rule is: an operation of the IR, written as nodes of ONNX. */
import { Aval } from '../../core/aval.ts'
import type { OpName, OpParams } from '../../ir/op.ts'
import type { Program } from '../../ir/program.ts'
import type { Value, Writer } from '../writer.ts'

/** Writes an operation with these parameters on these operands; gives a value for each result, of the type that the equation says. */
export type RuleOf<P> = (w: Writer, operands: readonly Value[], params: P, results: readonly Aval[]) => readonly Value[]

export type Rule<N extends OpName> = RuleOf<OpParams[N]>

export type Rules = { readonly [N in OpName]: Rule<N> }

/** A rule for what ONNX has no word for: a program of operations that it has, in line. */
export const expanded =
  <N extends OpName>(
    op: N,
    programOf: (params: OpParams[N], operands: readonly Aval[], results: readonly Aval[]) => Program,
  ): Rule<N> =>
  (w, operands, params, results) => {
    const avals = operands.map(({ dtype, shape }) => new Aval(dtype, shape))
    const key = `${op} ${JSON.stringify(params)} ${avals.join(' ')}`
    return w.inline(
      w.expansion(key, () => programOf(params, avals, results)),
      operands,
    )
  }
