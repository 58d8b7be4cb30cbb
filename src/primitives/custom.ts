/** Programs with user-defined derivatives. */
import { convert, decode, encodeElement } from '../core/convert.ts'
import { allocate } from '../core/dtype.ts'
import { ProgramError } from '../core/errors.ts'
import type { Marks } from '../core/marks.ts'
import type { OpParams } from '../ir/op.ts'
import { equation, Variable } from '../ir/program.ts'
import type { Atom, Equation, Program } from '../ir/program.ts'
import { call } from '../ops/calls.ts'
import { bindAll } from '../trace/interpreter.ts'
import { isDifferentiable } from '../trace/value.ts'
import type { NDArray } from '../trace/value.ts'
import { splitApplication, transposeApplication } from './calls.ts'
import { instantiate } from './kinds.ts'
import { atFront, checkOperands, isMapped } from './operands.ts'
import type { Batched, Primitive, ProgramTransforms, Tangent } from './primitive.ts'

/** Tangents of the float arguments, in full. Values that the function closes over must have no tangent. */
const argumentTangents = (
  name: string,
  captured: number,
  primals: readonly NDArray[],
  tangents: readonly Tangent[],
): readonly NDArray[] => {
  const moving = tangents.slice(0, captured).findIndex((t) => t !== null)
  if (moving >= 0) {
    throw new ProgramError(
      `${name}: the function closes over a value ${primals[moving]!.aval} that is being differentiated; its rule says ` +
        'nothing of that. Make it an argument.',
    )
  }
  return primals.flatMap((x, i) =>
    i >= captured && isDifferentiable(x.aval) ? [instantiate(tangents[i]!, x.aval)] : [],
  )
}

/** One tangent for each float output, null for the others. */
const outputTangents = (outputs: readonly NDArray[], tangents: readonly NDArray[]): Tangent[] => {
  let next = 0
  return outputs.map((y) => (isDifferentiable(y.aval) ? tangents[next++]! : null))
}

const allBatched = (outputs: readonly NDArray[]): Batched => ({ outputs, axes: outputs.map(() => 0) })

type CustomRule = 'customJvp' | 'customVjp'

/** The batched program, and the batching of its other programs. */
interface BatchedRule {
  readonly program: Program
  /** Which operands have a batch axis, and which float arguments. */
  readonly mapped: Marks
  readonly moving: Marks
}

/** What both kinds of rule have in common: everything but the derivative, which `batchRule` batches. */
const customRule = <N extends CustomRule>(
  op: N,
  jvp: Primitive<N>['jvp'],
  batchRule: (params: OpParams[N], batched: BatchedRule, size: number, programs: ProgramTransforms) => OpParams[N],
): Primitive<N> => ({
  type: ({ program, name }, operands) => {
    checkOperands(name, program.inAvals, operands)
    return program.outAvals
  },
  evaluate: ({ program }, data, _, __, run) => run(program, data),
  body: ({ program }) => program,
  // For a linear function; its tangent comes from the rule, through jvp.
  transpose: transposeApplication,
  depends: ({ program }, marks, depends) => depends(program, marks),
  // Stays whole, with its rule, unless some results are known: those are computed, and the rest is linear.
  partial: (params, operands, unknown, defer, programs) =>
    programs.depends(params.program, unknown).every(Boolean)
      ? defer(op, params, operands)
      : splitApplication(params, operands, unknown, defer, programs),
  jvp,
  batch: (params, operands, axes, size, programs) => {
    const mapped = axes.map(isMapped)
    const moving = mapped.filter((_, i) => i >= params.captured && isDifferentiable(operands[i]!.aval))
    const { program } = programs.batch(params.program, size, mapped, 'all')
    return allBatched(
      bindAll(op, batchRule(params, { program, mapped, moving }, size, programs), atFront(operands, axes)),
    )
  },
  facts: { higherOrder: true },
})

export const customJvpP = customRule(
  'customJvp',
  ({ program, rule, captured, name }, primals, tangents) => {
    const results = call(rule, `jvp(${name})`, [...primals, ...argumentTangents(name, captured, primals, tangents)])
    const outputs = results.slice(0, program.outputs.length)
    return { primals: outputs, tangents: outputTangents(outputs, results.slice(outputs.length)) }
  },
  (params, { program, mapped, moving }, size, programs) => ({
    ...params,
    program,
    rule: programs.batch(params.rule, size, [...mapped, ...moving], 'all').program,
  }),
)

/**
 * A pullback of a batch: residuals and cotangents have batch axes (residuals where marked), and cotangents of unmapped
 * arguments are added up.
 */
const batchBackward = (
  programs: ProgramTransforms,
  backward: Program,
  size: number,
  residuals: readonly boolean[],
  mapped: readonly boolean[],
): Program => {
  const marks = backward.inputs.map((_, i) => residuals[i] ?? true)
  const whole = programs.batch(backward, size, marks, 'all').program
  const sums: Equation[] = []
  const outputs = whole.outputs.map((y, i): Atom => {
    if (mapped[i] === true) return y
    const total = new Variable(y.aval.withShape(y.aval.shape.slice(1)))
    sums.push(equation('reduceSum', { axes: [0] }, [y], [total]))
    return total
  })
  return whole.with({ equations: [...whole.equations, ...sums], outputs })
}

export const customVjpP = customRule(
  'customVjp',
  ({ program, forward, backward, captured, name }, primals, tangents) => {
    const moving = argumentTangents(name, captured, primals, tangents)
    const results = call(forward, `forward(${name})`, primals)
    const outputs = results.slice(0, program.outputs.length)
    const residuals = results.slice(outputs.length)
    const params = { backward, residuals: residuals.length, name }
    return {
      primals: outputs,
      tangents: outputTangents(outputs, bindAll('customLinear', params, [...residuals, ...moving])),
    }
  },
  (params, { program, mapped, moving }, size, programs) => ({
    ...params,
    program,
    forward: programs.batch(params.forward, size, mapped, 'all').program,
    backward: batchBackward(programs, params.backward, size, [], moving),
  }),
)

const dot = (xs: ArrayLike<number | bigint>, ys: ArrayLike<number | bigint>): number => {
  let sum = 0
  for (let i = 0; i < xs.length; i++) sum += Number(xs[i]) * Number(ys[i])
  return sum
}

export const customLinearP: Primitive<'customLinear'> = {
  type: ({ backward, residuals, name }, operands) => {
    const expected = [...backward.inAvals.slice(0, residuals), ...backward.outAvals]
    if (operands.length !== expected.length || operands.some((a, i) => !a.matches(expected[i]!))) {
      throw new ProgramError(`${name}: its derivative takes (${expected.join(', ')}), got (${operands.join(', ')}).`)
    }
    return backward.inAvals.slice(residuals)
  },
  // Only the transpose is known: element j of the map is the pullback of the j-th unit cotangent, applied to the tangents.
  evaluate: ({ backward, residuals }, data, _, outputs, run) => {
    const { outAvals } = backward
    const known = data.slice(0, residuals)
    const tangents = outAvals.map(({ dtype }, i) => decode(dtype, data[residuals + i]!))
    const units = outputs.map((a) => allocate(a.dtype, a.size))
    return outputs.map(({ dtype, size }, o) => {
      const sums = new Float64Array(size)
      for (let j = 0; j < size; j++) {
        const unit = allocate(dtype, size)
        unit.set(encodeElement(dtype, 1) as never, j)
        const pulled = run(backward, [...known, ...units.map((u, i) => (i === o ? unit : u))])
        sums[j] = pulled.reduce((sum, ct, i) => sum + dot(decode(outAvals[i]!.dtype, ct), tangents[i]!), 0)
      }
      return convert(sums, 'float64', dtype)
    })
  },
  jvp: (params, primals, tangents) => {
    const { residuals, name } = params
    if (tangents.slice(0, residuals).some((t) => t !== null)) {
      throw new ProgramError(
        `${name}: a forward derivative of a forward derivative needs more than a pullback. Use customJvp, or reverse mode.`,
      )
    }
    const moved = primals.map((x, i) => (i < residuals ? x : instantiate(tangents[i]!, x.aval)))
    return { primals: bindAll('customLinear', params, primals), tangents: bindAll('customLinear', params, moved) }
  },
  transpose: ({ backward, residuals, name }, cotangents, operands) => {
    const avals = backward.inAvals.slice(residuals)
    const known = operands.slice(0, residuals) as NDArray[]
    const full = cotangents.map((ct, i) => instantiate(ct, avals[i]!))
    return [...known.map(() => null), ...call(backward, `backward(${name})`, [...known, ...full])]
  },
  batch: (params, operands, axes, size, programs) => {
    const mapped = axes.map(isMapped)
    const [known, moving] = [mapped.slice(0, params.residuals), mapped.slice(params.residuals)]
    const backward = batchBackward(programs, params.backward, size, known, moving)
    return allBatched(bindAll('customLinear', { ...params, backward }, atFront(operands, axes)))
  },
  facts: { higherOrder: true },
}
