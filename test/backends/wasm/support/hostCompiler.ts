/** The least a compiler can do: every equation is a step for the interpreter, with its values in the frame. */
import type { Aval } from '../../../../src/core/aval.ts'
import type { Atom, Program, Variable } from '../../../../src/ir/program.ts'
import { Literal } from '../../../../src/ir/program.ts'
import { i32, ModuleBuilder } from '../../../../src/backends/wasm/asm/index.ts'
import type { CompiledProgram, HostStep, OutputSource, Place } from '../../../../src/backends/wasm/compiled.ts'
import { bytesOf } from '../../../../src/backends/wasm/heap.ts'
import type { Features } from '../../../../src/backends/wasm/library.ts'
import { importMemory } from '../../../../src/backends/wasm/library.ts'

const sizeOf = ({ dtype, size }: Aval): number => Math.ceil(bytesOf(dtype, size) / 16) * 16

/** Calls the host for each step, in order. */
const moduleFor = (steps: number, features: Features): Uint8Array => {
  const builder = new ModuleBuilder()
  importMemory(builder, features)
  const host = builder.importFunction('env', 'host', ['i32', 'i32'])
  const run = (code: Parameters<Parameters<ModuleBuilder['function']>[2]>[0]): void => {
    for (let step = 0; step < steps; step++) code.call(host, i32(step), code.param<'i32'>(0))
  }
  builder.function(['i32'], null, run, 'run')
  return builder.finish()
}

/** Where each variable is, and what the outputs are. Outputs that an equation gives are computed in place, once each. */
class Plan {
  readonly #places = new Map<Variable, Place>()
  readonly outputs: OutputSource[] = []
  frameBytes: number

  constructor(program: Program) {
    const given = [...program.inputs, ...program.constants.map((c) => c.variable)]
    given.forEach((v, slot) => this.#places.set(v, { kind: 'pointer', slot, offset: 0 }))
    const count = given.length
    for (const atom of program.outputs) this.outputs.push(this.#output(atom, given, count, program.inputs.length))
    this.frameBytes = Math.ceil(((count + program.outputs.length) * 4) / 16) * 16
  }

  #output(atom: Atom, given: readonly Variable[], count: number, inputs: number): OutputSource {
    if (atom instanceof Literal) throw new Error('literal outputs are not for this compiler')
    const place = this.#places.get(atom)
    if (place?.kind === 'pointer' && place.slot >= count)
      return { kind: 'buffer', slot: place.slot, aval: atom.aval, replaces: [] }
    const index = given.indexOf(atom)
    if (index >= 0) return index < inputs ? { kind: 'input', index } : { kind: 'constant', index: index - inputs }
    const slot = count + new Set(this.outputs.filter((o) => o.kind === 'buffer').map((o) => o.slot)).size
    this.#places.set(atom, { kind: 'pointer', slot, offset: 0 })
    return { kind: 'buffer', slot, aval: atom.aval, replaces: [] }
  }

  of(atom: Atom): Place {
    if (atom instanceof Literal) return { kind: 'frame', offset: 0 }
    const known = this.#places.get(atom)
    if (known !== undefined) return known
    const place: Place = { kind: 'frame', offset: this.frameBytes }
    this.frameBytes += sizeOf(atom.aval)
    this.#places.set(atom, place)
    return place
  }
}

export const compileForHost = (program: Program, features: Features): CompiledProgram => {
  const plan = new Plan(program)
  const hostSteps = program.equations.map((equation): HostStep => ({
    equation,
    operands: equation.inputs.map((a) => plan.of(a)),
    results: equation.outputs.map((v) => plan.of(v)),
  }))
  const total = [...program.inputs, ...program.outputs].reduce((sum, { aval }) => sum + sizeOf(aval), plan.frameBytes)
  return {
    bytes: moduleFor(hostSteps.length, features),
    frameBytes: plan.frameBytes,
    inputs: program.inAvals,
    constants: program.constants.map((c) => c.value),
    outputs: plan.outputs,
    hostSteps,
    tableSize: 0,
    peakBytes: total,
  }
}
