/** A forward walk that replaces variables, shared by the passes. */
import type { Atom, Constant, Equation, Variable } from './program.ts'
import { Literal, Program, equation } from './program.ts'

/** The state while equations are rewritten in order. */
export class Rewriter {
  readonly equations: Equation[] = []
  readonly constants: Constant[]
  readonly #program: Program
  readonly #replaced = new Map<Variable, Atom>()
  readonly #definitions = new Map<Variable, Equation>()

  constructor(program: Program) {
    this.#program = program
    this.constants = [...program.constants]
  }

  /** The current replacement of an atom. */
  resolve(atom: Atom): Atom {
    return atom instanceof Literal ? atom : (this.#replaced.get(atom) ?? atom)
  }

  replace(variable: Variable, by: Atom): void {
    this.#replaced.set(variable, by)
  }

  /** The rewritten equation that defines an atom. */
  definition(atom: Atom): Equation | undefined {
    return atom instanceof Literal ? undefined : this.#definitions.get(atom)
  }

  emit(eqn: Equation): void {
    this.equations.push(eqn)
    for (const v of eqn.outputs) this.#definitions.set(v, eqn)
  }

  finish(): Program {
    return new Program({
      inputs: this.#program.inputs,
      constants: this.constants,
      equations: this.equations,
      outputs: this.#program.outputs.map((a) => this.resolve(a)),
    })
  }
}

/** The same equation on other inputs. */
export const withInputs = (eqn: Equation, inputs: readonly Atom[]): Equation =>
  inputs.every((a, i) => a === eqn.inputs[i]) ? eqn : equation(eqn.op, eqn.params, inputs, eqn.outputs, eqn.source)

/** Walks the equations in order, each on its rewritten inputs; `step` emits or replaces. */
export const rewrite = (program: Program, step: (r: Rewriter, eqn: Equation) => void): Program => {
  const r = new Rewriter(program)
  for (const eqn of program.equations) {
    step(
      r,
      withInputs(
        eqn,
        eqn.inputs.map((a) => r.resolve(a)),
      ),
    )
  }
  return r.finish()
}
