import type { Atom, Equation, Program, Variable } from '../ir/program.ts'
import { Literal, Variable as VariableOf, equation } from '../ir/program.ts'
import { countEquations } from '../ir/walk.ts'
import { Rewriter } from './rewrite.ts'

// Bodies up to this size go in wherever they are called; larger ones only where they are called once.
const smallBody = 32

const countCalls = (program: Program): ReadonlyMap<Program, number> => {
  const counts = new Map<Program, number>()
  for (const eqn of program.equations) {
    if (eqn.op === 'call') counts.set(eqn.params.program, (counts.get(eqn.params.program) ?? 0) + 1)
  }
  return counts
}

const sizeOf = (program: Program): number => program.derive('size', () => countEquations(program))

type Values = Map<Variable, Atom>

/** Writes a called body's equations on the caller's values, with fresh variables, calls in it included. */
const splice = (r: Rewriter, eqn: Equation, body: Program): readonly Atom[] => {
  const values: Values = new Map(body.inputs.map((v, i) => [v, eqn.inputs[i]!]))
  for (const { variable, value } of body.constants) {
    const fresh = new VariableOf(variable.aval)
    values.set(variable, fresh)
    r.constants.push({ variable: fresh, value })
  }
  inlineInto(r, body, values, true)
  return body.outputs.map((a) => valueOf(values, a))
}

const valueOf = (values: Values, a: Atom): Atom => (a instanceof Literal ? a : (values.get(a) ?? a))

/** Writes a program's equations; those of bodies that are inlined come straight from there, so that each is copied once. */
const inlineInto = (r: Rewriter, program: Program, values: Values, fresh: boolean): void => {
  const counts = countCalls(program)
  for (const eqn of program.equations) {
    const inputs = eqn.inputs.map((a) => valueOf(values, a))
    const outputs = fresh ? eqn.outputs.map((v) => new VariableOf(v.aval)) : eqn.outputs
    const here = equation(eqn.op, eqn.params, inputs, outputs, eqn.source)
    if (here.op === 'call') {
      const body = here.params.program
      // A weak input that gets a strong value would change the types inside.
      const sameTypes = body.inputs.every((v, i) => v.aval.equals(inputs[i]!.aval))
      if (sameTypes && (counts.get(body) === 1 || sizeOf(body) <= smallBody)) {
        const results = splice(r, here, body)
        eqn.outputs.forEach((v, i) => values.set(v, results[i]!))
        continue
      }
    }
    r.emit(here)
    if (fresh) eqn.outputs.forEach((v, i) => values.set(v, outputs[i]!))
  }
}

/** Puts the bodies of called programs in the place of calls, where that does not make the program much longer. */
export const inline = (program: Program): Program => {
  if (program.equations.every((eqn) => eqn.op !== 'call')) return program
  const r = new Rewriter(program)
  const values: Values = new Map()
  inlineInto(r, program, values, false)
  values.forEach((atom, v) => {
    r.replace(v, atom)
  })
  return r.finish()
}
