import { Aval } from '../../core/aval.ts'
import type { OpName, OpParams } from '../../ir/op.ts'
import type { Program } from '../../ir/program.ts'
import type { Rule } from './rule.ts'

/** A rule for what StableHLO has no word for: a call of a program, written once for operands of one type. */
export const expanded =
  <N extends OpName>(
    op: N,
    programOf: (params: OpParams[N], operands: readonly Aval[], results: readonly Aval[]) => Program,
  ): Rule<N> =>
  (w, operands, params, results) => {
    const avals = operands.map(({ dtype, shape }) => new Aval(dtype, shape))
    const key = `${op} ${JSON.stringify(params)} ${avals.join(' ')}`
    return w.call(
      w.expansion(key, () => programOf(params, avals, results)),
      operands,
    )
  }
