/** Removes what is not used: equations, constants, and results of the programs inside equations. */
import type { Marks } from '../core/marks.ts'
import { keyOf, marked } from '../core/marks.ts'
import type { OpName } from '../ir/op.ts'
import type { Atom, Equation, Variable } from '../ir/program.ts'
import { Literal, Program, equation } from '../ir/program.ts'
import { subprograms } from '../ir/walk.ts'
import type { Primitive, Pruning } from '../primitives/primitive.ts'
import { primitives } from '../primitives/all.ts'
import { hasEffect } from '../primitives/registry.ts'

/** The equations and inputs that some outputs of a program, and its effects, depend on. */
interface Live {
  readonly equations: readonly Equation[]
  readonly variables: ReadonlySet<Variable>
}

const same = <T>(xs: readonly T[], ys: readonly T[]): boolean =>
  xs.length === ys.length && xs.every((x, i) => x === ys[i])

const programsOf = (eqn: Equation): readonly Program[] => subprograms(eqn).map(([, program]) => program)

/** An equation without what only its unused results need. */
const pruneEquation = (eqn: Equation, used: Marks): Equation => {
  const { prune } = primitives[eqn.op] as Primitive<OpName>
  if (prune === undefined) return eqn
  const { params, operands, results } = prune(eqn.params, used, pruning)
  const [inputs, outputs] = [marked(eqn.inputs, operands), marked(eqn.outputs, results)]
  const pruned = equation(eqn.op, params as never, inputs, outputs, eqn.source)
  const isWhole = same(inputs, eqn.inputs) && same(outputs, eqn.outputs) && same(programsOf(pruned), programsOf(eqn))
  return isWhole ? eqn : pruned
}

const liveOf = (program: Program, outputs: Marks): Live =>
  program.derive(`live ${keyOf(outputs)}`, () => {
    const variables = new Set<Variable>()
    const mark = (a: Atom): void => {
      if (!(a instanceof Literal)) variables.add(a)
    }
    marked(program.outputs, outputs).forEach(mark)
    const equations: Equation[] = []
    for (let i = program.equations.length - 1; i >= 0; i--) {
      const eqn = program.equations[i]!
      const used = eqn.outputs.map((v) => variables.has(v))
      if (!used.includes(true) && !hasEffect(eqn)) continue
      const kept = pruneEquation(eqn, used)
      equations.push(kept)
      kept.inputs.forEach(mark)
    }
    return { equations: equations.reverse(), variables }
  })

const take = (program: Program, inputs: Marks, outputs: Marks): Program =>
  program.derive(`take ${keyOf(inputs, outputs)}`, () => {
    const { equations, variables } = liveOf(program, outputs)
    const parts = {
      inputs: marked(program.inputs, inputs),
      constants: program.constants.filter((c) => variables.has(c.variable)),
      equations,
      outputs: marked(program.outputs, outputs),
    }
    const isWhole =
      parts.inputs.length === program.inputs.length &&
      parts.outputs.length === program.outputs.length &&
      parts.constants.length === program.constants.length &&
      same(equations, program.equations)
    return isWhole ? program : new Program(parts)
  })

const pruning: Pruning = {
  needs: (program, outputs) => {
    const { variables } = liveOf(program, outputs)
    return program.inputs.map((v) => variables.has(v))
  },
  take,
}

const all = (xs: readonly unknown[]): Marks => xs.map(() => true)

/**
 * Removes equations and constants that no output depends on, and inside equations carries of loops, stacked results,
 * results of branches and calls, and operands that are not used. Equations with an effect stay.
 */
export const dce = (program: Program): Program => take(program, all(program.inputs), all(program.outputs))
