/** Runs routines of tuned kernels on their own: guarded buffers in a small memory, phases as exported functions. */
import type { Aval } from '../../../../src/core/aval.ts'
import type { TypedArray } from '../../../../src/core/dtype.ts'
import { allocate } from '../../../../src/core/dtype.ts'
import type { HostArray } from '../../../../src/core/host.ts'
import type { Code, Expr, Func } from '../../../../src/backends/wasm/asm/index.ts'
import { ModuleBuilder } from '../../../../src/backends/wasm/asm/index.ts'
import type { LibraryFunction, Routine } from '../../../../src/backends/wasm/kernels/routine.ts'
import { THREAD_SCRATCH } from '../../../../src/backends/wasm/memoryMap.ts'

/** The part of WebAssembly's JavaScript interface that is used here; the libraries of types for ES and Node lack it. */
interface Engine {
  readonly Memory: new (limits: { initial: number; maximum: number }) => Memory
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: Record<string, Phase> }
}

interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

type Phase = (...args: readonly number[]) => void

const engine = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly

/** Bytes before and after each buffer that must stay as they are. */
const GUARD = 64
const GUARD_BYTE = 0xa5
/** What buffers for results and scratch memory hold at first. */
const JUNK_BYTE = 0x5c
const PAGE = 65536
const MAX_PAGES = 65536

const aligned = (n: number): number => (n + 15) & ~15

/** The pieces of a phase's range, in the order in which they run. */
export type Cuts = (count: number) => readonly (readonly [lo: number, hi: number])[]

/** All iterations at once. */
export const whole: Cuts = (count) => (count === 0 ? [] : [[0, count]])

/** Up to seven pieces at places drawn from a seed, in a drawn order: what a pool of threads may do. */
export const randomCuts = (seed: number): Cuts => {
  let state = (seed * 2654435761) >>> 0
  const below = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
  return (count) => {
    const places = Array.from({ length: below(7) }, () => below(count + 1)).sort((a, b) => a - b)
    const edges = [0, ...places, count]
    const pieces = edges.slice(1).map((hi, i): [number, number] => [edges[i]!, hi])
    return pieces
      .filter(([lo, hi]) => lo < hi)
      .map((piece) => ({ piece, order: below(1000) }))
      .sort((a, b) => a.order - b.order)
      .map(({ piece }) => piece)
  }
}

export interface RoutineOptions {
  /** Functions that the routine's imports, and they themselves, may name. */
  readonly library?: readonly LibraryFunction[]
  /** Use relaxed SIMD: Node 20 wants `--experimental-wasm-relaxed-simd`. */
  readonly relaxed?: boolean
  /** Write loops for an engine that joins vectors; any engine runs them. */
  readonly wide?: boolean
  /** Result 0 takes the memory of operand `inPlace`. */
  readonly inPlace?: number
  /** This operand ends where the memory ends: reading beyond it fails. */
  readonly atEnd?: number
}

/** A routine in a memory of its own, with its operands in place. */
export interface PreparedRoutine {
  /** Bytes of the module, library functions included. */
  readonly codeBytes: number
  run(cuts?: Cuts): void
  /** Copies of the results. Throws if a guard or an operand was written to. */
  results(): TypedArray[]
}

interface Compiled {
  readonly bytes: Uint8Array
  /** Whether library functions want the thread's own scratch memory. */
  readonly threadScratch: boolean
}

const compile = (routine: Routine, inputs: number, outputs: number, options: RoutineOptions): Compiled => {
  const { library = [], relaxed = false, wide = false } = options
  const builder = new ModuleBuilder()
  builder.importMemory('env', 'memory', { initial: 0, maximum: MAX_PAGES, shared: false })
  const scratchOfThread = builder.importGlobal('env', 'threadScratch', 'i32')
  const threadScratch: LibraryFunction = {
    name: 'threadScratch',
    params: [],
    result: 'i32',
    body: (code) => {
      code.return(scratchOfThread)
    },
  }
  const known = new Map<string, Func>()
  const find = (name: string): Func => {
    const func = known.get(name)
    if (func !== undefined) return func
    const wanted = [threadScratch, ...library].find((f) => f.name === name)
    if (wanted === undefined) throw new Error(`the library has no function ${name}`)
    const made = builder.function(wanted.params, wanted.result, (code) => {
      wanted.body(code, find, { relaxed, wide })
    })
    known.set(name, made)
    return made
  }
  routine.imports.forEach(find)
  const imported = (name: string): Func => {
    if (!routine.imports.includes(name)) throw new Error(`the routine does not import ${name}`)
    return find(name)
  }
  const params = Array.from({ length: inputs + outputs + 3 }, () => 'i32' as const)
  routine.phases.forEach((phase, p) => {
    const emit = (code: Code): void => {
      const at = (i: number): Expr<'i32'> => code.param<'i32'>(i)
      const places = {
        inputs: Array.from({ length: inputs }, (_, i) => at(i)),
        outputs: Array.from({ length: outputs }, (_, i) => at(inputs + i)),
        scratch: at(inputs + outputs),
      }
      phase.emit(code, places, at(inputs + outputs + 1), at(inputs + outputs + 2), imported)
    }
    builder.function(params, null, emit, `phase${p}`)
  })
  return { bytes: builder.finish(), threadScratch: known.has('threadScratch') }
}

const checkPhases = ({ phases, scratch }: Routine): void => {
  const integral = Number.isInteger(scratch) && scratch >= 0
  const sane = phases.every(({ count, grain }) => Number.isInteger(count) && count >= 0 && grain >= 1)
  if (!integral || !sane)
    throw new Error('a routine has whole counts, grains of 1 or more, and scratch memory of 0 or more')
}

const bytesOf = (data: TypedArray): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

export const newMemory = (): Memory => new engine.Memory({ initial: 1, maximum: MAX_PAGES })

/** Compiles a routine and fills a memory for it, one of its own unless given. */
export const prepareRoutine = (
  routine: Routine,
  operands: readonly HostArray[],
  outputs: readonly Aval[],
  options: RoutineOptions = {},
  memory: Memory = newMemory(),
): PreparedRoutine => {
  checkPhases(routine)
  const { bytes, threadScratch } = compile(routine, operands.length, outputs.length, options)
  const blank = outputs.map((a) => allocate(a.dtype, a.size))
  const sizes = [...operands.map((x) => x.data.byteLength), ...blank.map((x) => x.byteLength), routine.scratch]
  if (threadScratch) sizes.push(THREAD_SCRATCH)
  let end = 0
  const places = sizes.map((size) => {
    const place = end + GUARD
    end = aligned(place + size + GUARD)
    return place
  })
  const last = options.atEnd
  const missing = end + (last === undefined ? 0 : sizes[last]! + GUARD) - memory.buffer.byteLength
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE))
  if (last !== undefined) {
    end = memory.buffer.byteLength
    places[last] = end - sizes[last]!
  }
  const view = new Uint8Array(memory.buffer, 0, end)
  const { exports } = new engine.Instance(new engine.Module(bytes), {
    env: { memory, threadScratch: threadScratch ? places.at(-1)! : 0 },
  })
  view.fill(GUARD_BYTE)
  const fill = (): void => {
    sizes.forEach((size, i) => {
      if (i < operands.length) view.set(bytesOf(operands[i]!.data), places[i])
      else view.fill(JUNK_BYTE, places[i], places[i]! + size)
    })
  }
  fill()
  const reused = options.inPlace
  const args = places
    .slice(0, operands.length + outputs.length + 1)
    .map((place, i) => (i === operands.length && reused !== undefined ? places[reused]! : place))
  const spans = sizes.map((size, i) => [places[i]!, places[i]! + size] as const).sort(([x], [y]) => x - y)
  const gaps = [...spans, [end, end] as const].map(([start], i) => [i === 0 ? 0 : spans[i - 1]![1], start] as const)
  const guardsHold = (): boolean =>
    gaps.every(([start, stop]) => view.subarray(start, stop).every((byte) => byte === GUARD_BYTE))
  const intact = (i: number): boolean => {
    const before = bytesOf(operands[i]!.data)
    return i === reused || Buffer.compare(before, view.subarray(places[i], places[i]! + before.length)) === 0
  }
  return {
    codeBytes: bytes.length,
    run: (cuts = whole) => {
      routine.phases.forEach(({ count }, p) => {
        for (const [lo, hi] of cuts(count)) exports[`phase${p}`]!(...args, lo, hi)
      })
    },
    results: () => {
      if (!guardsHold()) throw new Error('the routine wrote outside of its buffers')
      const touched = operands.findIndex((_, i) => !intact(i))
      if (touched >= 0) throw new Error(`the routine wrote to operand ${touched}`)
      return outputs.map((aval, i) => {
        const data = allocate(aval.dtype, aval.size)
        const place = args[operands.length + i]!
        bytesOf(data).set(view.subarray(place, place + data.byteLength))
        return data
      })
    },
  }
}

// Each memory reserves gigabytes of addresses: hundreds of runs share one.
const common = newMemory()

/** The results of a routine, run once. */
export const runRoutine = (
  routine: Routine,
  operands: readonly HostArray[],
  outputs: readonly Aval[],
  options: RoutineOptions & { readonly cuts?: Cuts } = {},
): TypedArray[] => {
  const prepared = prepareRoutine(routine, operands, outputs, options, common)
  prepared.run(options.cuts)
  return prepared.results()
}
