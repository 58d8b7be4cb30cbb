/** Checkpointed programs: their derivatives recompute what was not kept. */
import { countMarks, interleave, marked, spread, unmarked } from '../../core/marks.ts'
import type { PolicyName, PolicyRule } from '../../ir/op.ts'
import type { Atom, Equation, Program, Variable } from '../../ir/program.ts'
import { Literal } from '../../ir/program.ts'
import { call } from '../../ops/calls.ts'
import { checkpoint, checkpointName } from '../../ops/control.ts'
import type { NDArray } from '../../trace/value.ts'
import { isLinear, linear, oneBatched } from '../kinds.ts'
import type { Primitive, Tangent } from '../primitive.ts'
import { atFront, checkOperands, isMapped } from '../operands.ts'

type Policy = (eqn: Equation, names: readonly string[]) => boolean

const hasName = (eqn: Equation): boolean => eqn.op === 'checkpointName'
const isNamed = (eqn: Equation, names: readonly string[]): boolean =>
  eqn.op === 'checkpointName' && names.includes(eqn.params.name)

/** Whether the results of an equation may be kept. */
const policies: { readonly [P in PolicyName]: Policy } = {
  everythingSaveable: () => true,
  nothingSaveable: () => false,
  dotsSaveable: (eqn) => eqn.op === 'dotGeneral' || eqn.op === 'conv',
  dotsWithNoBatchDimsSaveable: (eqn) => eqn.op === 'dotGeneral' && eqn.params.batch[0].length === 0,
  saveOnlyTheseNames: isNamed,
  saveAnythingExceptTheseNames: (eqn, names) => !isNamed(eqn, names),
  saveAnyNamesButThese: (eqn, names) => hasName(eqn) && !isNamed(eqn, names),
}

const isKept = (eqn: Equation, rules: readonly PolicyRule[]): boolean =>
  rules.some(([policy, ...names]) => policies[policy](eqn, names))

/** The equations that `outputs` need, given the variables in `kept`, and which of those are needed. */
const equationsFor = (
  program: Program,
  outputs: readonly Atom[],
  keeps: (eqn: Equation) => boolean,
  isNeeded: (eqn: Equation) => boolean = () => false,
) => {
  const needed = new Set<Variable>()
  const need = (a: Atom): void => {
    if (!(a instanceof Literal)) needed.add(a)
  }
  outputs.forEach(need)
  const equations: Equation[] = []
  const kept: Variable[] = []
  for (const eqn of [...program.equations].reverse()) {
    const wanted = eqn.outputs.filter((v) => needed.has(v))
    if (wanted.length === 0 && !isNeeded(eqn)) continue
    if (keeps(eqn)) {
      kept.push(...wanted)
      continue
    }
    equations.push(eqn)
    eqn.inputs.forEach(need)
  }
  return { equations: equations.reverse(), kept, needed }
}

const partialCheckpoint: NonNullable<Primitive<'checkpoint'>['partial']> = (
  params,
  operands,
  unknown,
  defer,
  programs,
) => {
  const { name, policies: rules } = params
  // Policies also apply to equations in calls, including those of custom rules.
  const program = programs.inlineCalls(params.program)
  const parts = programs.split(program, unknown)
  const { known } = parts
  const knownCount = parts.outUnknown.length - countMarks(parts.outUnknown)
  const residuals = known.outputs.slice(knownCount)
  const { equations, kept, needed } = equationsFor(known, residuals, (eqn) => isKept(eqn, rules))
  const results = [...known.outputs.slice(0, knownCount), ...kept]
  const first = known.with({
    equations: equationsFor(known, results, () => false, programs.hasEffect).equations,
    outputs: results,
  })
  const again = known.with({ inputs: [...known.inputs, ...kept], equations, outputs: residuals })

  const places = unmarked(
    operands.map((_, i) => i),
    unknown,
  )
  const used = places.map((place, i) => needed.has(known.inputs[i]!) || parts.residualInputs.includes(place))
  const givenPlaces = marked(places, used)
  const { inAvals } = program
  const later = programs.stage(
    (args) => {
      const given = args.slice(0, givenPlaces.length)
      const keptValues = args.slice(given.length, given.length + kept.length)
      const unknowns = args.slice(given.length + kept.length)
      const at = new Map(givenPlaces.map((place, i) => [place, given[i]!]))
      const inputs = marked(places, used).map((place) => at.get(place)!)
      const values = call(withUsed(again, used), 'recompute', [...inputs, ...keptValues])
      return call(parts.unknown, 'rest', [...parts.residualInputs.map((i) => at.get(i)!), ...values, ...unknowns])
    },
    [...givenPlaces.map((i) => inAvals[i]!), ...kept.map((v) => v.aval), ...marked(inAvals, unknown)],
  )
  const outs = call(first, `known(${name})`, unmarked(operands, unknown))
  const deferred = defer('checkpoint', { ...params, program: later }, [
    ...givenPlaces.map((i) => operands[i]!),
    ...outs.slice(knownCount),
    ...marked(operands, unknown),
  ])
  return interleave(deferred, outs, parts.outUnknown)
}

/** A program without those of its first inputs that are not used. */
const withUsed = (program: Program, used: readonly boolean[]): Program =>
  program.with({ inputs: program.inputs.filter((_, i) => used[i] ?? true) })

export const checkpointP: Primitive<'checkpoint'> = {
  type: ({ program, name }, operands) => {
    checkOperands(`checkpoint: ${name}`, program.inAvals, operands)
    return program.outAvals
  },
  evaluate: ({ program }, data, _, __, run) => run(program, data),
  body: ({ program }) => program,
  jvp: (params, primals, tangents, programs) => {
    const nonzero = tangents.map((t) => t !== null)
    const { program, out } = programs.jvp(params.program, nonzero)
    const outs = checkpoint({ ...params, program }, [...primals, ...(marked(tangents, nonzero) as NDArray[])])
    const n = params.program.outputs.length
    return { primals: outs.slice(0, n), tangents: spread(outs.slice(n), out) }
  },
  // Stays one operation, so that no pass merges the recomputation with the first computation.
  transpose: (params, cotangents, operands, programs) => {
    const linearMarks = operands.map(isLinear)
    const nonzero = cotangents.map((ct) => ct !== null)
    const { program, out } = programs.transpose(params.program, linearMarks, nonzero)
    const known = unmarked(operands, linearMarks) as NDArray[]
    const outs = checkpoint({ ...params, program }, [...known, ...(marked(cotangents, nonzero) as NDArray[])])
    return spread<Tangent>(spread<Tangent>(outs, out), linearMarks)
  },
  partial: partialCheckpoint,
  batch: (params, operands, axes, size, programs) => {
    const { program, out } = programs.batch(params.program, size, axes.map(isMapped))
    return {
      outputs: checkpoint({ ...params, program }, atFront(operands, axes)),
      axes: out.map((o) => (o ? 0 : null)),
    }
  },
  depends: ({ program }, marks, depends) => depends(program, marks),
  prune: (params, used, programs) => {
    const operands = programs.needs(params.program, used)
    return { params: { ...params, program: programs.take(params.program, operands, used) }, operands, results: used }
  },
  facts: { higherOrder: true },
}

export const checkpointNameP: Primitive<'checkpointName'> = linear('checkpointName', {
  type: (_, [x]) => [x!],
  evaluate: (_, [data]) => [data!],
  transpose: ({ name }, ct) => checkpointName(ct, name),
  batch: ({ name }, x, axis) => oneBatched(checkpointName(x, name), axis),
  facts: { elementwise: true, mark: true, narrow: 'as they are' },
})
