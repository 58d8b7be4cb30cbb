/** Inlines programs into those that apply them. */
import type { Atom, Equation, Program } from './program.ts'
import { Literal, Variable, equation } from './program.ts'
import { Rewriter } from './rewrite.ts'

/**
 * The program to inline for an equation, from its operands to its results; null to keep the equation. `within` is the program
 * of the equation.
 */
type Choice = (eqn: Equation, within: Program) => Program | null

type Values = Map<Variable, Atom>

const valueOf = (values: Values, a: Atom): Atom => (a instanceof Literal ? a : (values.get(a) ?? a))

/** Emits a body's equations on the caller's values, with fresh variables, including nested bodies. */
const splice = (r: Rewriter, eqn: Equation, body: Program, choose: Choice): readonly Atom[] => {
  const values: Values = new Map(body.inputs.map((v, i) => [v, eqn.inputs[i]!]))
  for (const { variable, value } of body.constants) {
    const fresh = new Variable(variable.aval)
    values.set(variable, fresh)
    r.constants.push({ variable: fresh, value })
  }
  inlineInto(r, body, values, true, choose)
  return body.outputs.map((a) => valueOf(values, a))
}

/** Emits a program's equations; those of inlined bodies are copied directly, once each. */
const inlineInto = (r: Rewriter, program: Program, values: Values, fresh: boolean, choose: Choice): void => {
  for (const eqn of program.equations) {
    const inputs = eqn.inputs.map((a) => valueOf(values, a))
    const outputs = fresh ? eqn.outputs.map((v) => new Variable(v.aval)) : eqn.outputs
    const here = equation(eqn.op, eqn.params, inputs, outputs, eqn.source)
    const body = choose(here, program)
    if (body === null) {
      r.emit(here)
      if (fresh) eqn.outputs.forEach((v, i) => values.set(v, outputs[i]!))
    } else {
      const results = splice(r, here, body, choose)
      eqn.outputs.forEach((v, i) => values.set(v, results[i]!))
    }
  }
}

/** Replaces equations by the programs that `choose` returns. */
export const inlineWhere = (program: Program, choose: Choice): Program => {
  const r = new Rewriter(program)
  const values: Values = new Map()
  inlineInto(r, program, values, false, choose)
  values.forEach((atom, v) => {
    r.replace(v, atom)
  })
  return r.finish()
}

/** The program of a call; null for anything else, and where a weak type inside would become a strong one. */
export const calledBy = (eqn: Equation): Program | null => {
  if (eqn.op !== 'call') return null
  const { program } = eqn.params
  return program.inputs.every((v, i) => v.aval.equals(eqn.inputs[i]!.aval)) ? program : null
}

const hasCalls = (program: Program): boolean => program.equations.some((eqn) => eqn.op === 'call')

/** Inlines all calls. */
export const inlineCalls = (program: Program): Program => (hasCalls(program) ? inlineWhere(program, calledBy) : program)
