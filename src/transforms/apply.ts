import type { Atom, Equation, Program, Variable } from '../ir/program.ts'
import { Literal } from '../ir/program.ts'
import { scalar } from '../ops/creation.ts'
import { bindAll, withOrigins } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'
import { fromHost } from '../trace/value.ts'

/** The value of a literal. */
export const literalValue = (literal: Literal): NDArray => scalar(literal.value, literal.aval.dtype, literal.aval.weak)

/** Values of a program's variables so far. */
export type Environment = Map<Variable, NDArray>

/** An environment in which a program's inputs and constants have their values. */
export const initialEnvironment = (program: Program, args: readonly NDArray[]): Environment => {
  const env: Environment = new Map()
  program.inputs.forEach((v, i) => env.set(v, args[i]!))
  for (const { variable, value } of program.constants) env.set(variable, fromHost(value.aval, value.data))
  return env
}

export const read = (env: Environment, atom: Atom): NDArray =>
  atom instanceof Literal ? literalValue(atom) : env.get(atom)!

/** Applies equations in the current interpreter, and adds their results to the environment. */
export const applyEquations = (equations: readonly Equation[], env: Environment): void => {
  withOrigins((workFor) => {
    for (const { op, params, inputs, outputs, source } of equations) {
      workFor(source)
      const values = bindAll(
        op,
        params,
        inputs.map((a) => read(env, a)),
      )
      outputs.forEach((v, i) => env.set(v, values[i]!))
    }
  })
}

/** Applies a program to values, equation by equation, in the current interpreter. */
export const applyProgram = (program: Program, args: readonly NDArray[]): readonly NDArray[] => {
  const env = initialEnvironment(program, args)
  applyEquations(program.equations, env)
  return program.outputs.map((a) => read(env, a))
}
