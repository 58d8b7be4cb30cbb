/** Application of a program as one operation. */
import { ProgramError } from '../core/errors.ts'
import { call } from '../ops/calls.ts'
import { moveAxis } from '../ops/movement.ts'
import type { NDArray } from '../trace/value.ts'
import { isLinear } from './kinds.ts'
import type { Primitive, Tangent } from './primitive.ts'

/** The values at the places that are marked. */
const marked = <T>(xs: readonly T[], marks: readonly boolean[]): T[] => xs.filter((_, i) => marks[i])

/** Values spread over the places that are marked; null elsewhere. */
const spread = <T>(xs: readonly T[], marks: readonly boolean[]): (T | null)[] => {
  let next = 0
  return marks.map((m) => (m ? xs[next++]! : null))
}

export const callP: Primitive<'call'> = {
  type: ({ program, name }, operands) => {
    const { inAvals } = program
    if (operands.length !== inAvals.length || operands.some((a, i) => !a.matches(inAvals[i]!))) {
      throw new ProgramError(`call: ${name} takes (${inAvals.join(', ')}), got (${operands.join(', ')}).`)
    }
    return program.outAvals
  },
  evaluate: ({ program }, data, _, __, run) => run(program, data),
  jvp: ({ program, name }, primals, tangents, programs) => {
    const nonzero = tangents.map((t) => t !== null)
    const derived = programs.jvp(program, nonzero)
    const outs = call(derived.program, `jvp(${name})`, [...primals, ...marked(tangents, nonzero)] as NDArray[])
    const n = program.outputs.length
    return { primals: outs.slice(0, n), tangents: spread(outs.slice(n), derived.out) }
  },
  transpose: ({ program, name }, cotangents, operands, programs) => {
    const linear = operands.map(isLinear)
    const nonzero = cotangents.map((ct) => ct !== null)
    const derived = programs.transpose(program, linear, nonzero)
    const known = operands.filter((x) => !isLinear(x)) as NDArray[]
    const outs = call(derived.program, `transpose(${name})`, [...known, ...(marked(cotangents, nonzero) as NDArray[])])
    const perLinear: Tangent[] = spread(outs, derived.out)
    let next = 0
    return linear.map((l) => (l ? perLinear[next++]! : null))
  },
  partial: ({ program, name }, operands, unknown, defer, programs) => {
    const parts = programs.split(program, unknown)
    const known = operands.filter((_, i) => !unknown[i])
    const knownOuts = call(parts.known, `known(${name})`, known)
    const knownCount = parts.outUnknown.filter((u) => !u).length
    const residuals = [...parts.residualInputs.map((i) => operands[i]!), ...knownOuts.slice(knownCount)]
    const deferred = defer('call', { program: parts.unknown, name }, [...residuals, ...marked(operands, unknown)])
    let k = 0
    let d = 0
    return parts.outUnknown.map((u) => (u ? deferred[d++]! : knownOuts[k++]!))
  },
  batch: ({ program, name }, operands, axes, size, programs) => {
    const mapped = axes.map((a) => a !== null)
    const derived = programs.batch(program, size, mapped)
    const fronts = operands.map((x, i) => (axes[i] === null ? x : moveAxis(x, axes[i]!, 0)))
    return {
      outputs: call(derived.program, `vmap(${name})`, fronts),
      axes: derived.out.map((batched) => (batched ? 0 : null)),
    }
  },
  facts: { higherOrder: true },
}
