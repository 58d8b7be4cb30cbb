/** Moves loop invariants out of a loop's body. */
import type { Marks } from '../core/marks.ts'
import { marked } from '../core/marks.ts'
import type { Atom, Equation, Variable } from '../ir/program.ts'
import { Literal, Program } from '../ir/program.ts'
import type { Hoisted } from '../primitives/primitive.ts'
import { hasEffect } from '../primitives/registry.ts'

/**
 * Splits a body: equations that depend only on inputs marked in `invariant`, literals and constants go into `outer`, with the
 * constants.
 */
export const hoist = (body: Program, invariant: Marks): Hoisted => {
  const fixed = new Set<Variable>(marked(body.inputs, invariant))
  for (const { variable } of body.constants) fixed.add(variable)
  const isFixed = (a: Atom): boolean => a instanceof Literal || fixed.has(a)
  const outer: Equation[] = []
  const inner: Equation[] = []
  for (const eqn of body.equations) {
    if (eqn.inputs.every(isFixed) && !hasEffect(eqn)) {
      outer.push(eqn)
      for (const v of eqn.outputs) fixed.add(v)
    } else inner.push(eqn)
  }
  const inputs = new Set<Variable>(body.inputs)
  const needed = new Set<Variable>()
  const need = (a: Atom): void => {
    if (!(a instanceof Literal) && fixed.has(a) && !inputs.has(a)) needed.add(a)
  }
  for (const eqn of inner) eqn.inputs.forEach(need)
  body.outputs.forEach(need)
  const values = [...needed]
  return {
    outer: new Program({
      inputs: marked(body.inputs, invariant),
      constants: body.constants,
      equations: outer,
      outputs: values,
    }),
    inner: new Program({ inputs: [...values, ...body.inputs], equations: inner, outputs: body.outputs }),
  }
}
