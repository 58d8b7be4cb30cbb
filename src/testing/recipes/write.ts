/** Small programs, written by hand: the bodies of operations that contain programs. */
import type { Aval } from '../../core/aval.ts'
import type { OpName, OpParams } from '../../ir/op.ts'
import type { Atom, Equation } from '../../ir/program.ts'
import { Program, Variable, equation } from '../../ir/program.ts'

/** Adds an equation of one output. */
export type Emit = <N extends OpName>(op: N, params: OpParams[N], operands: readonly Atom[], aval: Aval) => Variable

/** A program from its inputs' types and its equations. */
export const programOf = (
  inputs: readonly Aval[],
  write: (emit: Emit, ...inputs: Variable[]) => readonly Atom[],
): Program => {
  const variables = inputs.map((a) => new Variable(a))
  const equations: Equation[] = []
  const emit: Emit = (op, params, operands, aval) => {
    const output = new Variable(aval)
    equations.push(equation(op, params, operands, [output]))
    return output
  }
  const outputs = write(emit, ...variables)
  return new Program({ inputs: variables, equations, outputs })
}
