import { ProgramError } from '../core/errors.ts'
import type { OpName } from '../ir/op.ts'
import type { Atom, Program, Variable } from '../ir/program.ts'
import { Literal } from '../ir/program.ts'
import { subprograms } from '../ir/walk.ts'
import type { Primitive } from '../primitives/primitive.ts'
import { primitives } from '../primitives/registry.ts'

/**
 * Checks that each variable is defined once and before its use, and that every equation has the types that its
 * operation gives. Nested programs too.
 *
 * @throws ProgramError naming the equation; ShapeError or DTypeError where an operation refuses its operands.
 */
export const checkProgram = (program: Program): void => {
  const defined = new Set<Variable>()
  const define = (v: Variable, what: string): void => {
    if (defined.has(v))
      throw new ProgramError(`checkProgram: ${what} defines a variable ${v.aval} that is defined already.`)
    defined.add(v)
  }
  const use = (a: Atom, what: string): void => {
    if (!(a instanceof Literal) && !defined.has(a)) {
      throw new ProgramError(`checkProgram: ${what} uses a variable ${a.aval} that is not defined before it.`)
    }
  }
  program.inputs.forEach((v, i) => {
    define(v, `input ${i}`)
  })
  program.constants.forEach(({ variable, value }, i) => {
    define(variable, `constant ${i}`)
    if (!variable.aval.matches(value.aval)) {
      throw new ProgramError(`checkProgram: constant ${i} is declared ${variable.aval} and is ${value.aval}.`)
    }
  })
  program.equations.forEach((equation, i) => {
    const what = `equation ${i} (${equation.op})`
    equation.inputs.forEach((a) => {
      use(a, what)
    })
    for (const [, inner] of subprograms(equation)) checkProgram(inner)
    const { type } = primitives[equation.op] as Primitive<OpName>
    const types = type(
      equation.params,
      equation.inputs.map((a) => a.aval),
    )
    const declared = equation.outputs.map((v) => v.aval)
    if (types.length !== declared.length || types.some((t, k) => !t.equals(declared[k]!))) {
      throw new ProgramError(`checkProgram: ${what} gives (${types.join(', ')}), declared (${declared.join(', ')}).`)
    }
    equation.outputs.forEach((v) => {
      define(v, what)
    })
  })
  program.outputs.forEach((a, i) => {
    use(a, `output ${i}`)
  })
}
