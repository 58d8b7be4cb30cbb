import type { TypedArray } from '../core/dtype.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { ProgramTransforms, Tangent } from '../primitives/primitive.ts'
import { primitives } from '../primitives/registry.ts'
import type { Interpreter } from '../trace/interpreter.ts'
import { currentInterpreter, withInterpreter } from '../trace/interpreter.ts'
import type { Body, Trace } from '../trace/value.ts'
import { NDArray } from '../trace/value.ts'

/** A value and how it moves. */
class DualBody implements Body {
  readonly trace: Trace
  readonly primal: NDArray
  readonly tangent: NDArray

  constructor(trace: Trace, primal: NDArray, tangent: NDArray) {
    this.trace = trace
    this.primal = primal
    this.tangent = tangent
  }

  // The value is there where the primal is, so that ordinary control flow works.
  host(operation: string): TypedArray {
    return this.primal.body.host(operation)
  }
}

/** Gives every operation its derivative, and leaves values that do not move to the parent. */
class JvpInterpreter implements Interpreter, Trace {
  readonly name: string
  readonly parent: Interpreter
  readonly programs: ProgramTransforms
  live = true

  constructor(name: string, parent: Interpreter, programs: ProgramTransforms) {
    this.name = name
    this.parent = parent
    this.programs = programs
  }

  lift(primal: NDArray, tangent: Tangent): NDArray {
    return tangent === null ? primal : new NDArray(primal.aval, new DualBody(this, primal, tangent))
  }

  primalOf(x: NDArray): NDArray {
    return x.body.trace === this ? (x.body as DualBody).primal : x
  }

  tangentOf(x: NDArray): Tangent {
    return x.body.trace === this ? (x.body as DualBody).tangent : null
  }

  bind<N extends OpName>(op: N, params: OpParams[N], operands: readonly NDArray[]): readonly NDArray[] {
    if (!operands.some((x) => x.body.trace === this)) return this.parent.bind(op, params, operands)
    const primals = operands.map((x) => this.primalOf(x))
    const tangents = operands.map((x) => this.tangentOf(x))
    const dual = withInterpreter(this.parent, () => primitives[op].jvp(params, primals, tangents, this.programs))
    return dual.primals.map((p, i) => this.lift(p, dual.tangents[i]!))
  }
}

export interface JvpResult {
  readonly outputs: readonly NDArray[]
  readonly tangents: readonly Tangent[]
}

/** A function's outputs, and how they move when its arguments move by `tangents`. */
export const jvpValues = (
  programs: ProgramTransforms,
  name: string,
  f: (args: readonly NDArray[]) => readonly NDArray[],
  primals: readonly NDArray[],
  tangents: readonly Tangent[],
): JvpResult => {
  const interpreter = new JvpInterpreter(name, currentInterpreter(), programs)
  try {
    const args = primals.map((p, i) => interpreter.lift(p, tangents[i]!))
    const outs = withInterpreter(interpreter, () => f(args))
    return { outputs: outs.map((x) => interpreter.primalOf(x)), tangents: outs.map((x) => interpreter.tangentOf(x)) }
  } finally {
    interpreter.live = false
  }
}
