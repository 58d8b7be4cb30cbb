import type { Atom, Equation, Program, Variable } from '../ir/program.ts'
import { Literal, Variable as VariableOf, equation } from '../ir/program.ts'
import { rewrite } from './rewrite.ts'
import type { Rewriter } from './rewrite.ts'

// Bodies up to this size go in wherever they are called; larger ones only where they are called once.
const smallBody = 32

const countCalls = (program: Program): ReadonlyMap<Program, number> => {
  const counts = new Map<Program, number>()
  for (const eqn of program.equations) {
    if (eqn.op === 'call') counts.set(eqn.params.program, (counts.get(eqn.params.program) ?? 0) + 1)
  }
  return counts
}

/** The body's equations on the caller's values, with fresh variables. */
const splice = (r: Rewriter, eqn: Equation, body: Program): void => {
  const values = new Map<Variable, Atom>(body.inputs.map((v, i) => [v, eqn.inputs[i]!]))
  for (const { variable, value } of body.constants) {
    const fresh = new VariableOf(variable.aval)
    values.set(variable, fresh)
    r.constants.push({ variable: fresh, value })
  }
  const resolve = (a: Atom): Atom => (a instanceof Literal ? a : values.get(a)!)
  for (const inner of body.equations) {
    const outputs = inner.outputs.map((v) => {
      const fresh = new VariableOf(v.aval)
      values.set(v, fresh)
      return fresh
    })
    r.emit(equation(inner.op, inner.params, inner.inputs.map(resolve), outputs, inner.source))
  }
  eqn.outputs.forEach((v, i) => {
    r.replace(v, resolve(body.outputs[i]!))
  })
}

/** Puts the bodies of called programs in the place of calls, where that does not make the program much longer. */
export const inline = (program: Program): Program => {
  const counts = countCalls(program)
  if (counts.size === 0) return program
  return rewrite(program, (r, eqn) => {
    if (eqn.op !== 'call') {
      r.emit(eqn)
      return
    }
    const body = inline(eqn.params.program)
    // A weak input that gets a strong value would change the types inside.
    const sameTypes = body.inputs.every((v, i) => v.aval.equals(eqn.inputs[i]!.aval))
    if (sameTypes && (body.equations.length <= smallBody || counts.get(eqn.params.program) === 1)) splice(r, eqn, body)
    else r.emit(eqn)
  })
}
