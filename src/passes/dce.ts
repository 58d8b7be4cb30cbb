import type { Atom, Equation, Variable } from '../ir/program.ts'
import { Literal, Program } from '../ir/program.ts'
import { hasEffect } from '../primitives/registry.ts'

/** Removes equations and constants that no output depends on. Equations with an effect stay. */
export const dce = (program: Program): Program => {
  const live = new Set<Variable>()
  const mark = (a: Atom): void => {
    if (!(a instanceof Literal)) live.add(a)
  }
  program.outputs.forEach(mark)
  const kept: Equation[] = []
  for (let i = program.equations.length - 1; i >= 0; i--) {
    const eqn = program.equations[i]!
    if (!eqn.outputs.some((v) => live.has(v)) && !hasEffect(eqn)) continue
    kept.push(eqn)
    eqn.inputs.forEach(mark)
  }
  return new Program({
    inputs: program.inputs,
    constants: program.constants.filter((c) => live.has(c.variable)),
    equations: kept.reverse(),
    outputs: program.outputs,
  })
}
