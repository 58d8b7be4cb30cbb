import type { TypedArray } from '../core/dtype.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { Program } from '../ir/program.ts'
import { zerosOf } from '../ops/creation.ts'
import type { Freedom } from '../primitives/freedom.ts'
import type { Dual, ProgramTransforms, Tangent } from '../primitives/primitive.ts'
import { hasEffect, primitives } from '../primitives/registry.ts'
import type { Interpreter } from '../trace/interpreter.ts'
import { currentInterpreter, withInterpreter } from '../trace/interpreter.ts'
import type { Body, Trace } from '../trace/body.ts'
import { NDArray } from '../trace/value.ts'
import { fetchFrom } from '../trace/body.ts'
import { applyProgram } from './apply.ts'
import { settled } from './freedom.ts'

type Values = readonly NDArray[]
type Freedoms = readonly (Freedom | null)[]

/** A value and its tangent; the tangent is null where only a freedom is tracked. */
class DualBody implements Body {
  readonly trace: Trace
  readonly primal: NDArray
  readonly tangent: Tangent
  readonly freedom: Freedom | null

  constructor(trace: Trace, primal: NDArray, tangent: Tangent, freedom: Freedom | null) {
    this.trace = trace
    this.primal = primal
    this.tangent = tangent
    this.freedom = freedom
  }

  // The value is concrete where the primal is, so that ordinary control flow works.
  host(operation: string): TypedArray {
    return this.primal.body.host(operation)
  }

  fetch(operation: string): Promise<TypedArray> {
    return fetchFrom(this.primal.body, operation)
  }
}

const isOpen = ({ other, apart, steep }: Freedom): boolean => other !== null || apart !== null || steep !== null

const noTangents = (count: number): Tangent[] => Array.from({ length: count }, () => null)

/** Whether a program has undetermined results, by its equations or those of programs that it calls. */
const leavesOpen = (program: Program): boolean =>
  program.derive('leaves open', () =>
    program.equations.some(({ op, params }) => {
      const { facts, applies } = primitives[op]
      const inner = applies?.(params as never)
      return facts.leavesOpen === true || (inner !== undefined && leavesOpen(inner.program))
    }),
  )

/** Applies the derivative of every operation, and leaves values without a tangent to the parent. */
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

  lift(primal: NDArray, tangent: Tangent, freedom: Freedom | null = null): NDArray {
    const open = freedom !== null && isOpen(freedom) ? freedom : null
    if (tangent === null && open === null) return primal
    return new NDArray(primal.aval, new DualBody(this, primal, tangent, open))
  }

  private bodyOf(x: NDArray): DualBody | null {
    return x.body.trace === this ? (x.body as DualBody) : null
  }

  primalOf(x: NDArray): NDArray {
    return this.bodyOf(x)?.primal ?? x
  }

  /** The tangent, once the value is no longer used in this interpreter. The parent is current. */
  tangentOf(x: NDArray): Tangent {
    const body = this.bodyOf(x)
    if (body === null) return null
    return body.freedom === null ? body.tangent : settled(body.primal, body.tangent, body.freedom)
  }

  bind<N extends OpName>(op: N, params: OpParams[N], operands: Values): Values {
    const bodies = operands.map((x) => this.bodyOf(x))
    if (bodies.every((b) => b === null)) return this.parent.bind(op, params, operands)
    const primitive = primitives[op]
    // A program that is applied as a whole would lose freedoms: apply its equations.
    const inner = primitive.applies?.(params)
    if (inner !== undefined && leavesOpen(inner.program)) {
      return withInterpreter(this, () => applyProgram(inner.program, operands))
    }
    const primals = operands.map((x) => this.primalOf(x))
    const dual = withInterpreter(this.parent, () => {
      const freedoms = bodies.map((b) => b?.freedom ?? null)
      if (freedoms.every((f) => f === null)) {
        return primitive.jvp(
          params,
          primals,
          bodies.map((b) => b?.tangent ?? null),
          this.programs,
        )
      }
      if (primitive.facts.leavesOpen === true || hasEffect({ op, params })) {
        return this.push(
          op,
          params,
          primals,
          operands.map((x) => this.tangentOf(x)),
        )
      }
      return this.pushFree(
        op,
        params,
        primals,
        bodies.map((b) => b?.tangent ?? null),
        freedoms,
      )
    })
    return dual.primals.map((p, i) => this.lift(p, dual.tangents[i]!, dual.freedoms?.[i]))
  }

  /** Applies the rule, if any operand has a tangent. */
  private push<N extends OpName>(op: N, params: OpParams[N], primals: Values, tangents: readonly Tangent[]): Dual {
    if (tangents.some((t) => t !== null)) return primitives[op].jvp(params, primals, tangents, this.programs)
    const outputs = this.parent.bind(op, params, primals)
    return { primals: outputs, tangents: noTangents(outputs.length) }
  }

  /** Applies the rule with freedoms, at `x + ε apart`, in the direction `steep / ε + tangent`. */
  private pushFree<N extends OpName>(
    op: N,
    params: OpParams[N],
    primals: Values,
    tangents: readonly Tangent[],
    freedoms: Freedoms,
  ): Dual {
    const others = freedoms.some((f) => f !== null && f.other !== null)
      ? this.parent.bind(
          op,
          params,
          primals.map((x, i) => freedoms[i]?.other ?? x),
        )
      : null
    const aparts = freedoms.map((f) => f?.apart ?? null)
    const steeps = freedoms.map((f) => f?.steep ?? null)
    const moved = steeps.every((t) => t === null)
      ? this.pushApart(op, params, primals, tangents, aparts)
      : this.pushSteep(op, params, primals, tangents, aparts, steeps)
    const freedomOf = (i: number): Freedom => ({
      other: others?.[i] ?? null,
      apart: moved.aparts[i]!,
      steep: moved.steeps[i]!,
      tolerance: Math.max(...freedoms.map((f) => f?.tolerance ?? 0)),
    })
    return { ...moved, freedoms: moved.primals.map((_, i) => freedomOf(i)) }
  }

  private pushApart<N extends OpName>(
    op: N,
    params: OpParams[N],
    primals: Values,
    tangents: readonly Tangent[],
    aparts: readonly Tangent[],
  ) {
    const dual = this.push(op, params, primals, tangents)
    const count = dual.primals.length
    const moves = aparts.some((t) => t !== null)
    return {
      ...dual,
      aparts: moves ? this.push(op, params, primals, aparts).tangents : noTangents(count),
      steeps: noTangents(count),
    }
  }

  /** ε is a further perturbation: the rule itself is differentiated with respect to the primal and the tangent of its direction. */
  private pushSteep<N extends OpName>(
    op: N,
    params: OpParams[N],
    primals: Values,
    tangents: readonly Tangent[],
    aparts: readonly Tangent[],
    steeps: readonly Tangent[],
  ) {
    const epsilon = new JvpInterpreter(this.name, this.parent, this.programs)
    try {
      const points = primals.map((x, i) => epsilon.lift(x, aparts[i]!))
      const directions = steeps.map((steep, i): Tangent => {
        const tangent = tangents[i]!
        if (steep === null && tangent === null) return null
        return epsilon.lift(steep ?? zerosOf(primals[i]!.aval.strengthen()), tangent)
      })
      const dual = withInterpreter(epsilon, () => primitives[op].jvp(params, points, directions, this.programs))
      return {
        primals: dual.primals.map((y) => epsilon.primalOf(y)),
        tangents: dual.tangents.map((t) => (t === null ? null : epsilon.tangentOf(t))),
        aparts: dual.primals.map((y) => epsilon.tangentOf(y)),
        steeps: dual.tangents.map((t) => (t === null ? null : epsilon.primalOf(t))),
      }
    } finally {
      epsilon.live = false
    }
  }
}

export interface JvpResult {
  readonly outputs: readonly NDArray[]
  readonly tangents: readonly Tangent[]
}

/** A function's outputs, and their tangents for the `tangents` of its arguments. */
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
