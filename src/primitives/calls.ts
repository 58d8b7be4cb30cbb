/** Application of a program as one operation. */
import type { Marks } from '../core/marks.ts'
import { interleave, marked, spread, unmarked } from '../core/marks.ts'
import type { Program } from '../ir/program.ts'
import { call } from '../ops/calls.ts'
import type { NDArray } from '../trace/value.ts'
import { isLinear } from './kinds.ts'
import { atFront, checkOperands, isMapped } from './operands.ts'
import type { Defer, Linear, Primitive, ProgramTransforms, Tangent } from './primitive.ts'

/** Transposes operations that only apply their program, where it is linear. */
export const transposeApplication = (
  { program, name }: { readonly program: Program; readonly name: string },
  cotangents: readonly Tangent[],
  operands: readonly (NDArray | Linear)[],
  programs: ProgramTransforms,
): readonly Tangent[] => {
  const linear = operands.map(isLinear)
  const nonzero = cotangents.map((ct) => ct !== null)
  const derived = programs.transpose(program, linear, nonzero)
  const known = unmarked(operands, linear) as NDArray[]
  const outs = call(derived.program, `transpose(${name})`, [...known, ...(marked(cotangents, nonzero) as NDArray[])])
  return spread<Tangent>(spread(outs, derived.out), linear)
}

/** Partial evaluation of operations that only apply their program: computes what depends on known operands, and defers the rest. */
export const splitApplication = (
  { program, name }: { readonly program: Program; readonly name: string },
  operands: readonly NDArray[],
  unknown: Marks,
  defer: Defer,
  programs: ProgramTransforms,
): readonly NDArray[] => {
  const parts = programs.split(program, unknown)
  const known = unmarked(operands, unknown)
  const knownOuts = call(parts.known, `known(${name})`, known)
  const knownCount = unmarked(parts.outUnknown, parts.outUnknown).length
  const residuals = [...parts.residualInputs.map((i) => operands[i]!), ...knownOuts.slice(knownCount)]
  const deferred = defer('call', { program: parts.unknown, name }, [...residuals, ...marked(operands, unknown)])
  return interleave(deferred, knownOuts, parts.outUnknown)
}

export const callP: Primitive<'call'> = {
  type: ({ program, name }, operands) => {
    checkOperands(`call: ${name}`, program.inAvals, operands)
    return program.outAvals
  },
  evaluate: ({ program }, data, _, __, run) => run(program, data),
  body: ({ program }) => program,
  applies: (params) => params,
  jvp: ({ program, name }, primals, tangents, programs) => {
    const nonzero = tangents.map((t) => t !== null)
    const derived = programs.jvp(program, nonzero)
    const outs = call(derived.program, `jvp(${name})`, [...primals, ...marked(tangents, nonzero)] as NDArray[])
    const n = program.outputs.length
    return { primals: outs.slice(0, n), tangents: spread(outs.slice(n), derived.out) }
  },
  transpose: transposeApplication,
  partial: splitApplication,
  batch: ({ program, name }, operands, axes, size, programs) => {
    const mapped = axes.map(isMapped)
    const derived = programs.batch(program, size, mapped)
    return {
      outputs: call(derived.program, `vmap(${name})`, atFront(operands, axes)),
      axes: derived.out.map((batched) => (batched ? 0 : null)),
    }
  },
  depends: ({ program }, marks, depends) => depends(program, marks),
  prune: (params, used, programs) => {
    const operands = programs.needs(params.program, used)
    return { params: { ...params, program: programs.take(params.program, operands, used) }, operands, results: used }
  },
  facts: { higherOrder: true },
}
