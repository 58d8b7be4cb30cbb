import type { Aval } from '../core/aval.ts'
import type { Marks } from '../core/marks.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { Atom, Equation, Source, Variable } from '../ir/program.ts'
import type { Program } from '../ir/program.ts'
import type { ProgramTransforms, Split, Tangent } from '../primitives/primitive.ts'
import { primitives } from '../primitives/registry.ts'
import type { Interpreter } from '../trace/interpreter.ts'
import { currentInterpreter, currentOrigin, currentScope, withInterpreter } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'
import type { Trace } from '../trace/body.ts'
import { isDifferentiable } from '../trace/value.ts'
import { applyProgram } from './apply.ts'
import type { Captured } from './builder.ts'
import { ProgramBuilder } from './builder.ts'
import type { RecordedBody } from './builder.ts'
import { resultsDepending } from './depends.ts'
import { jvpValues } from './jvp.ts'
import { stage } from './stage.ts'

/** The source of equations recorded eagerly: finding the line would cost more than the equation. */
const scopeOnly = (): Source | undefined => {
  const within = currentScope()
  return within === null ? undefined : { scope: within.text, within, toString: () => '(unknown)' }
}

/** Whether all results depend on the unknown operands: then nothing can be computed yet. */
const dependsWholly = <N extends OpName>(op: N, params: OpParams[N], unknown: Marks): boolean =>
  resultsDepending(op, params, unknown, 1).every(Boolean)

/** Evaluates what depends only on known values, and records the rest. */
class PartialInterpreter implements Interpreter, Trace {
  readonly name: string
  readonly parent: Interpreter
  readonly builder: ProgramBuilder
  readonly programs: ProgramTransforms
  live = true

  constructor(name: string, parent: Interpreter, programs: ProgramTransforms, embed: boolean) {
    this.name = name
    this.parent = parent
    this.programs = programs
    this.builder = new ProgramBuilder(this, embed)
  }

  bind<N extends OpName>(op: N, params: OpParams[N], operands: readonly NDArray[]): readonly NDArray[] {
    if (!operands.some((x) => x.body.trace === this)) return this.parent.bind(op, params, operands)
    const primitive = primitives[op]
    if (primitive.partial === undefined) return this.defer(op, params, operands)
    const unknown = operands.map((x) => x.body.trace === this)
    if (unknown.every(Boolean) && dependsWholly(op, params, unknown)) return this.defer(op, params, operands)
    return withInterpreter(this.parent, () =>
      primitive.partial!(params, operands, unknown, (o, p, xs) => this.defer(o, p, xs), this.programs),
    )
  }

  defer<N extends OpName>(op: N, params: OpParams[N], operands: readonly NDArray[]): readonly NDArray[] {
    return this.builder.emit(
      op,
      params,
      operands,
      (avals) => primitives[op].type(params, avals),
      currentOrigin() ?? scopeOnly(),
    )
  }
}

/** The recorded derivative at a point: linear from `inputs` to `outputs`, with known values captured. */
export interface LinearMap {
  /** A variable for each argument that can have a tangent. */
  readonly inputs: readonly (Variable | null)[]
  readonly captured: readonly Captured[]
  readonly equations: readonly Equation[]
  /** Null where an output has no tangent. */
  readonly outputs: readonly (Atom | null)[]
  readonly outAvals: readonly Aval[]
}

/** A function's outputs at a point, and its derivative there. */
export const linearizeValues = (
  programs: ProgramTransforms,
  name: string,
  f: (args: readonly NDArray[]) => readonly NDArray[],
  primals: readonly NDArray[],
): { readonly outputs: readonly NDArray[]; readonly linear: LinearMap } => {
  const interpreter = new PartialInterpreter(name, currentInterpreter(), programs, false)
  const { builder } = interpreter
  try {
    const tangents = primals.map((p): Tangent => (isDifferentiable(p.aval) ? builder.fresh(p.aval) : null))
    const result = withInterpreter(interpreter, () => jvpValues(programs, name, f, primals, tangents))
    const linear: LinearMap = {
      inputs: tangents.map((t) => (t === null ? null : (t.body as RecordedBody).variable)),
      outputs: result.tangents.map((t) => (t === null ? null : builder.atom(t, name))),
      captured: builder.captured,
      equations: builder.equations,
      outAvals: result.outputs.map((x) => x.aval),
    }
    return { outputs: result.outputs, linear }
  } finally {
    interpreter.live = false
  }
}

/**
 * Splits a program by what is known of its inputs: partial evaluation while the known side is staged. An output that does not
 * depend on unknown inputs is known, unless it is in `forced`.
 */
export const splitProgram = (programs: ProgramTransforms, program: Program, unknown: Marks, forced: Marks): Split => {
  const { inAvals } = program
  let rest: Program | undefined
  let outUnknown: Marks = []
  const known = stage(
    'jit',
    (args) => {
      const interpreter = new PartialInterpreter('jit', currentInterpreter(), programs, true)
      const { builder } = interpreter
      let next = 0
      const inputs = inAvals.map((aval, i) => (unknown[i] === true ? builder.fresh(aval) : args[next++]!))
      const outputs = withInterpreter(interpreter, () => applyProgram(program, inputs))
      interpreter.live = false
      outUnknown = outputs.map((y, i) => forced[i] === true || builder.owns(y))
      rest = builder.finish(
        inputs.filter((_, i) => unknown[i]),
        outputs.filter((_, i) => outUnknown[i]),
        'jit',
      )
      return [...outputs.filter((_, i) => outUnknown[i] !== true), ...builder.captured.map((c) => c.value)]
    },
    inAvals.filter((_, i) => unknown[i] !== true),
  ).program
  return forwardInputs(known, rest!, outUnknown, unknown)
}

/** Residuals that are unchanged inputs need not be results of the known side. */
const forwardInputs = (known: Program, rest: Program, outUnknown: Marks, unknown: Marks): Split => {
  const knownPlaces = unknown.flatMap((u, i) => (u ? [] : [i]))
  const placeOf = new Map(known.inputs.map((v, i) => [v, knownPlaces[i]!]))
  const outCount = outUnknown.filter((u) => !u).length
  const residuals = known.outputs.slice(outCount)
  const forwarded = residuals.map((a) => placeOf.has(a))
  const byKind = <T>(xs: readonly T[], kind: boolean): T[] => xs.filter((_, i) => forwarded[i] === kind)
  const captured = rest.inputs.slice(0, residuals.length)
  return {
    known: known.with({ outputs: [...known.outputs.slice(0, outCount), ...byKind(residuals, false)] }),
    unknown: rest.with({
      inputs: [...byKind(captured, true), ...byKind(captured, false), ...rest.inputs.slice(residuals.length)],
    }),
    outUnknown,
    residualInputs: byKind(residuals, true).map((a) => placeOf.get(a)!),
  }
}
