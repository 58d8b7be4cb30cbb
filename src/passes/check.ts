import { ProgramError, PullbackError } from '../core/errors.ts'
import type { OpName } from '../ir/op.ts'
import type { Atom, Equation, Program, Variable } from '../ir/program.ts'
import { Literal } from '../ir/program.ts'
import { visitInnerFirst } from '../ir/walk.ts'
import type { Aval } from '../core/aval.ts'
import type { Primitive } from '../primitives/primitive.ts'
import { primitives } from '../primitives/all.ts'
import { checkAval, checkParts } from './checkParts.ts'
import { checkRules } from './checkRules.ts'

const fail = (message: string): never => {
  throw new ProgramError(`checkProgram: ${message}`)
}

/** The result types of an operation; its errors name the equation. */
const typesOf = (equation: Equation, what: string): readonly Aval[] => {
  const { type } = primitives[equation.op] as Primitive<OpName>
  const operands = equation.inputs.map((a) => a.aval)
  try {
    const types = type(equation.params, operands)
    checkRules(equation)
    return types
  } catch (error) {
    const message = `checkProgram: ${what}: ${error instanceof Error ? error.message : String(error)}`
    if (!(error instanceof PullbackError)) throw Object.assign(new ProgramError(message), { cause: error })
    // Keeps the class of the operation's error: a ShapeError, a DTypeError.
    throw new (error.constructor as typeof PullbackError)(message)
  }
}

/** The variables of one program, each to be defined once, and before it is used. */
class Definitions {
  readonly #defined = new Set<Variable>()

  define(v: Variable, what: string): void {
    if (this.#defined.has(v)) fail(`${what} defines a variable ${v.aval} that is defined already.`)
    this.#defined.add(v)
  }

  use(a: Atom, what: string): void {
    if (a instanceof Literal || this.#defined.has(a)) return
    fail(`${what} uses a variable ${a.aval} that is not defined before it.`)
  }
}

const checkEquation = (equation: Equation, what: string, known: Definitions): void => {
  for (const a of equation.inputs) known.use(a, what)
  const types = typesOf(equation, what)
  types.forEach((t, k) => checkAval(t, `result ${k} of ${what}`))
  const declared = equation.outputs.map((v) => v.aval)
  if (types.length !== declared.length || types.some((t, k) => !t.equals(declared[k]!))) {
    fail(`${what} gives (${types.join(', ')}), declared (${declared.join(', ')}).`)
  }
  for (const v of equation.outputs) known.define(v, what)
}

/** Checks names and types of one program; the programs that it holds are already checked. */
const checkBody = (program: Program, where: string): void => {
  const known = new Definitions()
  program.inputs.forEach((v, i) => {
    known.define(v, `${where}input ${i}`)
  })
  program.constants.forEach(({ variable, value }, i) => {
    known.define(variable, `${where}constant ${i}`)
    if (!variable.aval.matches(value.aval)) {
      fail(`${where}constant ${i} is declared ${variable.aval} and is ${value.aval}.`)
    }
  })
  program.equations.forEach((equation, i) => {
    checkEquation(equation, `${where}equation ${i} (${equation.op})`, known)
  })
  program.outputs.forEach((a, i) => {
    known.use(a, `${where}output ${i}`)
  })
}

/** `checkProgram`, which returns how deep programs are nested. */
export const checkedNesting = (program: Program): number => {
  let nesting = 0
  visitInnerFirst(
    program,
    (placed) => {
      checkBody(placed.program, placed.where)
      nesting = placed.height
    },
    checkParts,
  )
  return nesting
}

/**
 * Checks a program, and those that it holds: that its parts, including parameters, are valid; that each variable is defined
 * once and before its use; that every equation has the result types of its operation; and that derivative rules match their
 * operations. For any argument, it returns or throws one of the errors below.
 *
 * @throws ProgramError naming the equation; ShapeError, DTypeError or another named error, also naming the equation, where an
 *   operation rejects its operands or parameters.
 * @example
 * ```ts
 * import { checkProgram, parseProgram } from 'pullback'
 * const parsed = parseProgram('program(a: f32[2], b: f32[3]) {\n  c: f32[2] = add a b\n  return c\n}')
 * if (parsed._tag === 'Right') checkProgram(parsed.right) // throws ShapeError
 * ```
 */
export const checkProgram = (program: Program): void => {
  checkedNesting(program)
}
