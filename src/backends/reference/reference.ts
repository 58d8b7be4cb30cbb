/**
 * The reference back end: it runs programs one operation after another, by the records, and so defines their meaning. To users
 * it is the device `interpreter`.
 */
import type { Aval } from '../../core/aval.ts'
import type { TypedArray } from '../../core/dtype.ts'
import { dtypes } from '../../core/dtype.ts'
import { NonFiniteError } from '../../core/errors.ts'
import { literalData } from '../../ir/literal.ts'
import type { OpName } from '../../ir/op.ts'
import type { Atom, Equation, Program, Variable } from '../../ir/program.ts'
import { Literal } from '../../ir/program.ts'
import type { Primitive, RunProgram } from '../../primitives/primitive.ts'
import { primitives } from '../../primitives/registry.ts'
import { bodyOf } from '../../trace/body.ts'
import type { Backend } from '../backend.ts'
import { findNonFinite } from '../../core/finite.ts'
import { settings } from '../../core/settings.ts'

interface Step {
  readonly equation: Equation
  readonly primitive: Primitive<OpName>
  readonly reads: readonly number[]
  readonly writes: readonly number[]
  readonly operands: readonly Aval[]
  readonly outputs: readonly Aval[]
  /** Slots that nothing reads after this step. */
  readonly dead: readonly number[]
}

/** Numbers the atoms of a program: each variable and each literal has a slot. */
class Slots {
  readonly fixed: [number, TypedArray][] = []
  readonly #slots = new Map<Variable, number>()
  #count = 0

  get count(): number {
    return this.#count
  }

  define(v: Variable): number {
    this.#slots.set(v, this.#count)
    return this.#count++
  }

  of(atom: Atom): number {
    if (!(atom instanceof Literal)) return this.#slots.get(atom)!
    this.fixed.push([this.#count, literalData(atom)])
    return this.#count++
  }
}

const planSteps = (program: Program, slots: Slots, kept: ReadonlySet<number>): Step[] => {
  const steps = program.equations.map((equation) => ({
    equation,
    primitive: primitives[equation.op],
    reads: equation.inputs.map((a) => slots.of(a)),
    writes: equation.outputs.map((v) => slots.define(v)),
    operands: equation.inputs.map((a) => a.aval),
    outputs: equation.outputs.map((v) => v.aval),
    dead: [] as number[],
  }))
  const outputs = new Set(program.outputs.map((a) => slots.of(a)))
  const seen = new Set<number>([...outputs, ...kept])
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i]!
    for (const slot of [...step.writes, ...step.reads]) {
      if (seen.has(slot)) continue
      seen.add(slot)
      step.dead.push(slot)
    }
  }
  return steps
}

const checkFinite = (step: Step, results: readonly TypedArray[]): void => {
  step.outputs.forEach((aval, i) => {
    const found = findNonFinite(aval.dtype, results[i]!, settings)
    if (found === null) return
    const { source } = step.equation
    const scope = source === undefined || source.scope === '' ? '' : ` in scope ${source.scope}`
    const where = source === undefined ? '' : ` at ${source.toString()}${scope}`
    throw new NonFiniteError(
      `${step.equation.op} produced the first ${found}${where}: (${step.operands.join(', ')}) -> ${aval}.`,
    )
  })
}

type Run = (inputs: readonly TypedArray[]) => readonly TypedArray[]

const compile = (program: Program): Run => {
  const slots = new Slots()
  const inputSlots = program.inputs.map((v) => slots.define(v))
  const constants = program.constants.map((c) => [slots.define(c.variable), c.value.data] as const)
  const steps = planSteps(program, slots, new Set(constants.map(([slot]) => slot)))
  const outputSlots = program.outputs.map((a) => slots.of(a))
  const fixed = [...constants, ...slots.fixed]
  const size = slots.count
  return (inputs) => {
    const memory = new Array<TypedArray | undefined>(size)
    for (const [slot, data] of fixed) memory[slot] = data
    inputSlots.forEach((slot, i) => (memory[slot] = inputs[i]!))
    for (const step of steps) {
      const data = step.reads.map((slot) => memory[slot]!)
      const results = step.primitive.evaluate(step.equation.params, data, step.operands, step.outputs, run)
      if (settings.nans || settings.infs) checkFinite(step, results)
      step.writes.forEach((slot, i) => (memory[slot] = results[i]!))
      for (const slot of step.dead) memory[slot] = undefined
    }
    return outputSlots.map((slot) => memory[slot]!)
  }
}

const compiled = (program: Program): Run => program.derive('interpreter', () => compile(program))

/** Runs a program, compiled once. */
export const run: RunProgram = (program, inputs) => compiled(program)(inputs)

/** The reference: runs every equation by its record's `evaluate`, in order. It defines the meaning of programs. */
export const referenceBackend: Backend = {
  name: 'interpreter',
  capabilities: { dtypes, readsAtOnce: true, maxBytes: null },
  compile: (program) => {
    const evaluate = compiled(program)
    const avals = program.outAvals
    return (inputs, operation) =>
      evaluate(inputs.map((x) => x.host(operation))).map((data, i) => bodyOf(avals[i]!, data))
  },
}
