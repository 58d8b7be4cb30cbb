/** Calls, replaced by what they call. */
import type { Atom, Equation, Program, Variable } from './program.ts'
import { Literal, Variable as VariableOf, equation } from './program.ts'
import { Rewriter } from './rewrite.ts'

const countCalls = (program: Program): ReadonlyMap<Program, number> => {
  const counts = new Map<Program, number>()
  for (const eqn of program.equations) {
    if (eqn.op === 'call') counts.set(eqn.params.program, (counts.get(eqn.params.program) ?? 0) + 1)
  }
  return counts
}

type Values = Map<Variable, Atom>

/** Whether a call is replaced by the body, which its program calls so many times. */
type Choice = (body: Program, times: number) => boolean

/** Writes a called body's equations on the caller's values, with fresh variables, calls in it included. */
const splice = (r: Rewriter, eqn: Equation, body: Program, choose: Choice): readonly Atom[] => {
  const values: Values = new Map(body.inputs.map((v, i) => [v, eqn.inputs[i]!]))
  for (const { variable, value } of body.constants) {
    const fresh = new VariableOf(variable.aval)
    values.set(variable, fresh)
    r.constants.push({ variable: fresh, value })
  }
  inlineInto(r, body, values, true, choose)
  return body.outputs.map((a) => valueOf(values, a))
}

const valueOf = (values: Values, a: Atom): Atom => (a instanceof Literal ? a : (values.get(a) ?? a))

/** Writes a program's equations; those of bodies that are inlined come straight from there, so that each is copied once. */
const inlineInto = (r: Rewriter, program: Program, values: Values, fresh: boolean, choose: Choice): void => {
  const counts = countCalls(program)
  for (const eqn of program.equations) {
    const inputs = eqn.inputs.map((a) => valueOf(values, a))
    const outputs = fresh ? eqn.outputs.map((v) => new VariableOf(v.aval)) : eqn.outputs
    const here = equation(eqn.op, eqn.params, inputs, outputs, eqn.source)
    if (here.op === 'call') {
      const body = here.params.program
      // A weak input that gets a strong value would change the types inside.
      const sameTypes = body.inputs.every((v, i) => v.aval.equals(inputs[i]!.aval))
      if (sameTypes && choose(body, counts.get(body)!)) {
        const results = splice(r, here, body, choose)
        eqn.outputs.forEach((v, i) => values.set(v, results[i]!))
        continue
      }
    }
    r.emit(here)
    if (fresh) eqn.outputs.forEach((v, i) => values.set(v, outputs[i]!))
  }
}

/** Puts the bodies of called programs in the place of the calls that `choose` picks. */
export const inlineWhere = (program: Program, choose: Choice): Program => {
  if (program.equations.every((eqn) => eqn.op !== 'call')) return program
  const r = new Rewriter(program)
  const values: Values = new Map()
  inlineInto(r, program, values, false, choose)
  values.forEach((atom, v) => {
    r.replace(v, atom)
  })
  return r.finish()
}

/** Puts the bodies of called programs in the place of all calls. */
export const flatten = (program: Program): Program => inlineWhere(program, () => true)
