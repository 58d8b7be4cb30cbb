import type { OpName } from '../ir/op.ts'
import type { Atom, Equation, Variable } from '../ir/program.ts'
import { Literal } from '../ir/program.ts'
import { ProgramError } from '../core/errors.ts'
import type { Primitive, ProgramTransforms, Tangent } from '../primitives/primitive.ts'
import { Linear } from '../primitives/primitive.ts'
import { primitives } from '../primitives/registry.ts'
import { withOrigins } from '../trace/interpreter.ts'
import { isDifferentiable } from '../trace/value.ts'
import type { NDArray } from '../trace/value.ts'
import type { Environment } from './apply.ts'
import { applyEquations, read } from './apply.ts'
import { Cotangents } from './cotangents.ts'
import type { LinearMap } from './partial.ts'

/** Evaluates the equations of known inputs; returns those that depend on unknown ones. */
const forwardKnown = (equations: readonly Equation[], env: Environment): readonly Equation[] => {
  const linear: Equation[] = []
  for (const eqn of equations) {
    if (eqn.inputs.some((a) => !(a instanceof Literal) && !env.has(a))) linear.push(eqn)
    else applyEquations([eqn], env)
  }
  return linear
}

/** Integers and bools that depend on a linear value (which branch is taken, which element is read) are not linear in it. */
const checkFloats = ({ op, inputs }: Equation, operands: readonly (NDArray | Linear)[]): void => {
  const place = operands.findIndex((x) => x instanceof Linear && !isDifferentiable(x.aval))
  if (place < 0) return
  throw new ProgramError(
    `transpose: ${op} is not linear: what it does depends, by operand ${place} (${inputs[place]!.aval}), on the values that ` +
      'are to be transposed.',
  )
}

const transposeEquation = (
  programs: ProgramTransforms,
  eqn: Equation,
  env: Environment,
  cotangents: Cotangents,
): void => {
  const cts = eqn.outputs.map((v) => cotangents.take(v))
  if (cts.every((ct) => ct === null)) return
  const operands = eqn.inputs.map((a) => (a instanceof Literal || env.has(a) ? read(env, a) : new Linear(a.aval)))
  checkFloats(eqn, operands)
  const { transpose, part } = primitives[eqn.op] as Primitive<OpName>
  const place = part?.(eqn.params, eqn.inputs[0]!.aval)
  if (place !== undefined && place !== null) {
    cotangents.addPart(eqn.inputs[0] as Variable, place, cts[0]!)
    return
  }
  if (transpose === undefined) {
    throw new ProgramError(
      `transpose: ${eqn.op} is not linear in its operands (${eqn.inputs.map((a) => a.aval).join(', ')}).`,
    )
  }
  const results = transpose(eqn.params, cts, operands, programs)
  results.forEach((ct, i) => {
    if (ct !== null && operands[i] instanceof Linear) cotangents.add(eqn.inputs[i] as Variable, ct)
  })
}

/**
 * Pulls cotangents of the outputs back through equations that are linear in everything not in `env`. One walk from
 * the last equation to the first; known equations are evaluated before that.
 */
export const backward = (
  programs: ProgramTransforms,
  equations: readonly Equation[],
  env: Environment,
  outputs: readonly (Atom | null)[],
  cotangents: readonly Tangent[],
  inputs: readonly (Variable | null)[],
): readonly Tangent[] => {
  const linear = forwardKnown(equations, env)
  const collected = new Cotangents()
  outputs.forEach((atom, i) => {
    const ct = cotangents[i]!
    if (ct === null || atom === null || atom instanceof Literal || env.has(atom)) return
    collected.add(atom, ct)
  })
  withOrigins((workFor) => {
    for (let i = linear.length - 1; i >= 0; i--) {
      workFor(linear[i]!.source)
      transposeEquation(programs, linear[i]!, env, collected)
    }
  })
  return inputs.map((v) => (v === null ? null : collected.get(v)))
}

/** The pullback of a derivative: cotangents of arguments from cotangents of outputs. */
export const pullCotangents = (
  programs: ProgramTransforms,
  linear: LinearMap,
  cotangents: readonly Tangent[],
): readonly Tangent[] => {
  const env: Environment = new Map(linear.captured.map((c) => [c.variable, c.value]))
  return backward(programs, linear.equations, env, linear.outputs, cotangents, linear.inputs)
}
