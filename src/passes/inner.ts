import { equation } from '../ir/program.ts'
import type { Equation, Program } from '../ir/program.ts'
import { isProgram, subprograms } from '../ir/walk.ts'
import { rewrite } from '../ir/rewrite.ts'

/** Maps the programs of an equation by `f`, which keeps their types. */
const mapPrograms = (eqn: Equation, f: (program: Program) => Program): Equation => {
  const replace = (value: unknown): unknown => {
    if (isProgram(value)) return f(value)
    return Array.isArray(value) ? value.map(replace) : value
  }
  const params = Object.fromEntries(Object.entries(eqn.params).map(([k, v]) => [k, replace(v)]))
  return equation(eqn.op, params as never, eqn.inputs, eqn.outputs, eqn.source)
}

/** Applies a pass to the programs among the parameters of equations: bodies, branches, rules. */
export const inner =
  (pass: (program: Program) => Program) =>
  (program: Program): Program =>
    rewrite(program, (r, eqn) => {
      r.emit(subprograms(eqn).length === 0 ? eqn : mapPrograms(eqn, pass))
    })
