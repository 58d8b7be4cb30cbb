/** Compiles programs to modules: kernels, tuned routines, and the function that runs them in order. */
import type { Equation, Program } from '../../ir/program.ts'
import { lower } from '../../lowering/fuse.ts'
import type { Value } from '../../lowering/nodes.ts'
import { reachable } from '../../lowering/nodes.ts'
import type { Block, Carry, Kernel, Lowered, Sliced, Step } from '../../lowering/steps.ts'
import { bytesOf } from '../../lowering/steps.ts'
import type { Explanation } from '../explanation.ts'
import type { Code, Expr, Func } from './asm/index.ts'
import { ModuleBuilder, i32, load, op, select } from './asm/index.ts'
import { canFoldEquation, choose, routineOf, takesViews } from './choose.ts'
import type { CompiledProgram, HostStep, OutputSource, Place } from './compiled.ts'
import { grainFor } from './cost.ts'
import type { Epilogue } from './epilogues.ts'
import { findEpilogues } from './epilogues.ts'
import { explainLowered } from './explain.ts'
import type { Routine } from './kernels/routine.ts'
import type { Features } from './library.ts'
import { exportKernels, importLibraryFunction, importMemory, importParallel } from './library.ts'
import { kernelCount } from './loops/extent.ts'
import type { KernelEnvironment } from './loops/kernel.ts'
import { writeKernel } from './loops/kernel.ts'
import { canLoop, mathOf } from './loops/operations.ts'
import type { HostFunction } from './math/index.ts'
import { createFloat32Math, createFloat64Math, hostFunctionsOf, importHostFunctions } from './math/index.ts'
import { legalise } from './legalise.ts'
import type { Plan } from './plan.ts'
import { planMemory } from './plan.ts'

type RoutineStep = Extract<Step, { readonly kind: 'routine' }>
type LoopStep = Extract<Step, { readonly kind: 'while' | 'scan' }>

const innerBlocks = (step: Step): readonly Block[] => {
  if (step.kind === 'cond') return step.branches
  if (step.kind === 'while') return [step.condition, step.body]
  return step.kind === 'scan' ? [step.body] : []
}

/** Visits all steps, including those of inner blocks. */
const walk = (steps: readonly Step[], visit: (step: Step) => void): void => {
  for (const step of steps) {
    visit(step)
    for (const b of innerBlocks(step)) walk(b.steps, visit)
  }
}

const hostFunctionsIn = (kernel: Kernel): readonly HostFunction[] => {
  const roots = kernel.stages.flatMap((s) => [...s.stores, ...s.reductions, ...s.rowStores].map((x) => x.node))
  return reachable(roots).flatMap((n) => {
    if (n.kind !== 'op') return []
    const { dtype } = n.operands[0]!
    const name = mathOf(n.op, dtype)
    return name === null ? [] : hostFunctionsOf(dtype as 'float32' | 'float64', name)
  })
}

interface Planned {
  readonly lowered: Lowered
  readonly plan: Plan
  readonly routines: ReadonlyMap<RoutineStep, Routine>
  readonly epilogues: ReadonlyMap<Step, Epilogue>
}

/** Options of `compile`. */
interface CompileOptions {
  /** Splits all ranges as finely as possible, so that tests on small arrays use threads. */
  readonly finest?: boolean
}

/** Writes a lowered program's module. */
class ProgramWriter {
  readonly hostSteps: HostStep[] = []
  readonly #builder = new ModuleBuilder()
  readonly #lowered: Lowered
  readonly #plan: Plan
  readonly #routines: ReadonlyMap<RoutineStep, Routine>
  readonly #host: Func
  readonly #parallel: Func
  readonly #library = new Map<string, Func>()
  readonly #environment: KernelEnvironment
  readonly #tableBase: Expr<'i32'>
  readonly #table: Func[] = []
  readonly #finest: boolean
  readonly #epilogues: ReadonlyMap<Step, Epilogue>

  constructor({ lowered, plan, routines, epilogues }: Planned, features: Features, { finest = false }: CompileOptions) {
    this.#finest = finest
    this.#epilogues = epilogues
    this.#lowered = lowered
    this.#plan = plan
    this.#routines = routines
    const builder = this.#builder
    importMemory(builder, features)
    this.#tableBase = builder.importGlobal('env', 'tableBase', 'i32')
    this.#host = builder.importFunction('env', 'host', ['i32', 'i32'])
    this.#parallel = importParallel(builder)
    const names = new Set(['threadScratch', ...[...routines.values()].flatMap((r) => r.imports)])
    for (const name of names) this.#library.set(name, importLibraryFunction(builder, name))
    const used: HostFunction[] = []
    walk(lowered.steps, (step) => {
      if (step.kind === 'kernel') used.push(...hostFunctionsIn(step.kernel))
    })
    const host = importHostFunctions(builder, used)
    const context = { module: builder, relaxed: features.relaxed, host }
    this.#environment = {
      locationOf: plan.locationOf,
      math: { float32: createFloat32Math(context), float64: createFloat64Math(context) },
      threadScratch: this.#library.get('threadScratch')!,
    }
  }

  get tableSize(): number {
    return this.#table.length
  }

  finish(): Uint8Array {
    this.#builder.function(
      ['i32'],
      null,
      (code) => {
        this.#steps(code, this.#lowered)
      },
      'run',
    )
    exportKernels(this.#builder, this.#table)
    return this.#builder.finish()
  }

  #steps(code: Code, block: Block): void {
    let isDone = false
    for (const step of block.steps) {
      if (!isDone) this.#step(code, step)
      // A kernel that follows a routine row by row is emitted with it.
      isDone = this.#epilogues.has(step)
    }
  }

  #step(code: Code, step: Step): void {
    switch (step.kind) {
      case 'kernel':
        this.#kernel(code, step.kernel)
        return
      case 'routine':
        this.#routine(code, step)
        return
      case 'host':
        this.#hostStep(code, step.equation, step.operands, step.results)
        return
      case 'copy':
        this.#copyStep(code, step)
        return
      case 'cond': {
        const index = code.let(load('i32.load', this.#address(code, step.index)))
        this.#branches(code, index, step.branches, 0)
        return
      }
      case 'while':
        this.#while(code, step)
        return
      case 'scan':
        this.#scan(code, step)
    }
  }

  // Kernels and routines

  /** Runs a function on a range, in pieces, on all free threads. */
  #range(code: Code, f: Func, count: number, grain: number): void {
    const frame = code.param<'i32'>(0)
    if (count === 0) return
    const piece = this.#finest ? 1 : grain
    if (count <= piece) {
      code.call(f, frame, i32(0), i32(count))
      return
    }
    this.#table.push(f)
    const slot = op('i32.add', this.#tableBase, i32(this.#table.length - 1))
    code.call(this.#parallel, slot, frame, i32(count), i32(piece))
  }

  #kernel(code: Code, kernel: Kernel): void {
    const count = kernelCount(kernel)
    if (count === 0) return
    this.#range(code, writeKernel(this.#builder, kernel, this.#environment), count, grainFor(kernel))
  }

  #routine(code: Code, step: RoutineStep): void {
    const routine = this.#routines.get(step)!
    const epilogue = this.#epilogues.get(step)
    for (const phase of routine.phases) {
      const follow = phase === routine.phases.at(-1) && epilogue !== undefined ? this.#follower(epilogue) : null
      if (phase.count === 0) continue
      const f = this.#builder.function(['i32', 'i32', 'i32'], null, (inner) => {
        const inputs = step.operands.map(({ value, view }) => {
          const bytes = view === null ? 0 : (view.offset * bytesOf(value.aval)) / Math.max(1, value.aval.size)
          return inner.let(op('i32.add', this.#address(inner, value), i32(bytes)))
        })
        const outputs = step.results.map((v) => inner.let(this.#address(inner, v)))
        const scratch = inner.let(op('i32.add', inner.param<'i32'>(0), i32(this.#plan.scratchOf(step))))
        const library = (name: string): Func => this.#library.get(name)!
        const [lo, hi] = [inner.param<'i32'>(1), inner.param<'i32'>(2)]
        phase.emit(inner, { inputs, outputs, scratch }, lo, hi, library)
        follow?.(inner, lo, hi)
      })
      this.#range(code, f, phase.count, phase.grain)
    }
  }

  /** Emits the calls of a kernel for the rows that some iterations of a routine have completed. */
  #follower({ kernel, units }: Epilogue): (code: Code, lo: Expr<'i32'>, hi: Expr<'i32'>) => void {
    const f = writeKernel(this.#builder, kernel, this.#environment)
    const count = kernelCount(kernel)
    return (code, lo, hi) => {
      const end = code.let(op('i32.mul', hi, i32(units)))
      const last = select(op('i32.lt_s', end, i32(count)), end, i32(count))
      code.call(f, code.param<'i32'>(0), op('i32.mul', lo, i32(units)), last)
    }
  }

  // Places

  #pointer(code: Code, slot: number): Expr<'i32'> {
    return load('i32.load', code.param<'i32'>(0), 4 * slot)
  }

  #address(code: Code, value: Value): Expr<'i32'> {
    const place = this.#plan.locationOf(value)
    const base = place.kind === 'pointer' ? this.#pointer(code, place.slot) : code.param<'i32'>(0)
    return place.offset === 0 ? base : op('i32.add', base, i32(place.offset))
  }

  #place(value: Value): Place {
    const place = this.#plan.locationOf(value)
    if (place.kind === 'thread') throw new Error('a value of one row is read as a whole')
    return place
  }

  #copy(code: Code, from: Expr<'i32'>, to: Expr<'i32'>, value: Value): void {
    code.copy(to, from, i32(bytesOf(value.aval)))
  }

  #copyStep(code: Code, { from, to }: Extract<Step, { readonly kind: 'copy' }>): void {
    const { home } = this.#lowered
    // A carry that the loop does not change needs no copy.
    if (home(from) !== home(to)) this.#copy(code, this.#address(code, from), this.#address(code, to), to)
  }

  #hostStep(code: Code, equation: Equation, operands: readonly Value[], results: readonly Value[]): void {
    const places = (values: readonly Value[]): readonly Place[] => values.map((v) => this.#place(v))
    this.hostSteps.push({ equation, operands: places(operands), results: places(results) })
    code.call(this.#host, i32(this.hostSteps.length - 1), code.param<'i32'>(0))
  }

  // Control

  #branches(code: Code, index: Expr<'i32'>, branches: readonly Block[], first: number): void {
    if (first === branches.length - 1) {
      this.#steps(code, branches[first]!)
      return
    }
    code.if(
      op('i32.le_s', index, i32(first)),
      () => {
        this.#steps(code, branches[first]!)
      },
      () => {
        this.#branches(code, index, branches, first + 1)
      },
    )
  }

  #slotOf(value: Value): number {
    const place = this.#plan.locationOf(value)
    if (place.kind !== 'pointer') throw new Error('a loop moves what is not behind a pointer')
    return place.slot
  }

  #setPointer(code: Code, slot: number, address: Expr<'i32'>): void {
    code.store('i32.store', code.param<'i32'>(0), address, 4 * slot)
  }

  #begin(code: Code, carries: readonly Carry[]): void {
    const frame = code.param<'i32'>(0)
    for (const c of carries) {
      const [first, second] = this.#plan.buffersOf(c).map((offset) => op('i32.add', frame, i32(offset)))
      this.#copy(code, this.#address(code, c.initial), first!, c.current)
      this.#setPointer(code, this.#slotOf(c.current), first!)
      if (!c.inPlace) this.#setPointer(code, this.#slotOf(c.next), second!)
    }
  }

  #exchange(code: Code, carries: readonly Carry[]): void {
    for (const c of carries) {
      if (c.inPlace) continue
      const [current, next] = [this.#slotOf(c.current), this.#slotOf(c.next)]
      const kept = code.let(this.#pointer(code, current))
      this.#setPointer(code, current, this.#pointer(code, next))
      this.#setPointer(code, next, kept)
    }
  }

  #while(code: Code, step: Extract<LoopStep, { readonly kind: 'while' }>): void {
    this.#begin(code, step.carries)
    const count = code.variable(i32(0))
    const isBounded = step.maxSteps < 2 ** 31
    code.block((done) => {
      code.loop((again) => {
        if (isBounded) code.branchIf(done, op('i32.ge_s', count.get, i32(step.maxSteps)))
        this.#steps(code, step.condition)
        const holds = load('i32.load8_u', this.#address(code, step.holds))
        code.branchIf(done, op('i32.eqz', holds))
        this.#steps(code, step.body)
        this.#exchange(code, step.carries)
        if (isBounded) code.set(count, op('i32.add', count.get, i32(1)))
        code.branch(again)
      })
    })
  }

  #scan(code: Code, step: Extract<LoopStep, { readonly kind: 'scan' }>): void {
    const { length, reverse, carries } = step
    this.#begin(code, carries)
    if (length === 0) return
    const sliced = [...step.inputs, ...step.outputs]
    const stride = (s: Sliced): number => bytesOf(s.slice.aval)
    for (const s of sliced) {
      const start = reverse ? (length - 1) * stride(s) : 0
      this.#setPointer(code, this.#slotOf(s.slice), op('i32.add', this.#address(code, s.whole), i32(start)))
    }
    code.for(i32(0), i32(length), 1, () => {
      this.#steps(code, step.body)
      this.#exchange(code, carries)
      for (const s of sliced) {
        const slot = this.#slotOf(s.slice)
        const next = op('i32.add', this.#pointer(code, slot), i32(reverse ? -stride(s) : stride(s)))
        this.#setPointer(code, slot, next)
      }
    })
  }
}

const outputsOf = (lowered: Lowered, plan: Plan): readonly OutputSource[] =>
  lowered.outputs.map((value): OutputSource => {
    const input = lowered.inputs.indexOf(value)
    if (input >= 0) return { kind: 'input', index: input }
    const constant = lowered.constants.findIndex((c) => c.value === value)
    if (constant >= 0) return { kind: 'constant', index: constant }
    const replaces = lowered.replacements.get(value)!
    return { kind: 'buffer', slot: plan.outputSlots.get(value)!, aval: value.aval, replaces }
  })

const planProgram = (program: Program): Planned => {
  const chosen = new Map<Equation, Routine | null>()
  const routineFor = (eqn: Equation): Routine | null => {
    const known = chosen.get(eqn)
    if (known !== undefined) return known
    const routine = choose(eqn)
    chosen.set(eqn, routine)
    return routine
  }
  const lowered = lower(program, {
    legalise,
    canLoop,
    canFold: canFoldEquation,
    hasRoutine: (eqn) => routineFor(eqn) !== null,
    takesViews,
    inPlace: (eqn) => routineFor(eqn)?.inPlace ?? null,
  })
  const routines = new Map<RoutineStep, Routine>()
  walk(lowered.steps, (step) => {
    if (step.kind === 'routine') routines.set(step, routineOf(step.equation, step.operands))
  })
  const epilogues = new Map<Step, Epilogue>()
  const add = (block: Block): void => {
    for (const [step, epilogue] of findEpilogues(block, routines)) epilogues.set(step, epilogue)
  }
  add(lowered)
  walk(lowered.steps, (step) => {
    innerBlocks(step).forEach(add)
  })
  const scratch = (step: Step): number => routines.get(step as RoutineStep)?.scratch ?? 0
  const plan = planMemory(lowered, scratch, (step) => epilogues.has(step))
  return { lowered, plan, routines, epilogues }
}

/** Explains the compiled form of a program. */
export const explain = (program: Program): Explanation => {
  const { lowered, plan, epilogues } = planProgram(program)
  return explainLowered(lowered, plan, new Set([...epilogues.values()].map((e) => e.kernel)))
}

/** Compiles a program for an engine with these features. */
export const compile = (program: Program, features: Features, options: CompileOptions = {}): CompiledProgram => {
  const planned = planProgram(program)
  const { lowered, plan } = planned
  const writer = new ProgramWriter(planned, features, options)
  return {
    bytes: writer.finish(),
    frameBytes: plan.frameBytes,
    inputs: program.inAvals,
    constants: lowered.constants.map((c) => c.data),
    outputs: outputsOf(lowered, plan),
    hostSteps: writer.hostSteps,
    tableSize: writer.tableSize,
    peakBytes: plan.plannedPeak,
  }
}
