/** Runs compiled programs: owns the memory, the table of kernels, the library module and the threads. */
import { FirstFit } from '../../core/firstFit.ts'
import type { CompiledProgram } from './compiled.ts'
import type { Features } from './library.ts'
import { buildLibrary } from './library.ts'
import { hostFunctions } from './math/host.ts'
import { control, controlWords, heapStartFor, MAX_PAGES, PAGE, threadScratchAt, word } from './memoryMap.ts'
import type { WasmApi, WasmFunction, WasmInstance, WasmMemory, WasmTable } from './platform.ts'
import { cores, hasRelaxedSimd, hasThreads, hasWideVectors, wasmApi } from './platform.ts'
import { kernelError, Pool } from './pool.ts'
import type { ProgramRecord } from './programRecords.ts'
import { ProgramRecords } from './programRecords.ts'

export interface EngineOptions {
  /** The most threads that work at once, including the caller's. By default the number of cores, up to 8. */
  readonly threads?: number
  /** Whether programs may use relaxed SIMD. By default, if the platform supports it. */
  readonly relaxed?: boolean
  /**
   * Whether to emit loops for an engine that joins adjacent vectors into ones of 256 bits. By default, if V8 was started
   * with `--experimental-wasm-revectorize`, on processors that it does this for.
   */
  readonly wide?: boolean
  /** Whether the memory is shared between threads. By default, if there may be more than one. */
  readonly shared?: boolean
  /** The number of pieces of work, of about 20 microseconds, on one thread before threads are started. */
  readonly startAfter?: number
  /** Milliseconds without progress after which a thread with a piece of work counts as dead. */
  readonly patience?: number
}

/** Called in the middle of a program: evaluate host step number `step` of the program, on this frame. */
export type HostCall = (step: number, frame: number) => void

/** The parts of a compiled program for the engine. */
export type RunnableProgram = Pick<CompiledProgram, 'bytes' | 'tableSize'>

/** A program that is ready to run. */
export interface Runner {
  /**
   * Runs the program on the frame at this address. Throws what a host step throws; a `KernelError` if a kernel traps; a
   * `WorkerError` if another thread dies. When it has thrown, nothing runs any more.
   */
  run(frame: number): void
  /** Frees the program's slots in the table. It must not run any more. */
  dispose(): void
}

export interface Engine {
  /** The features to compile programs for. */
  readonly features: Features
  /** The most threads that work at once. */
  readonly threads: number
  /** The number of threads currently ready to help the caller. */
  readonly readyThreads: number
  /** Its buffer is replaced when it grows. Addresses are unsigned. */
  readonly memory: WasmMemory
  /** The first free address. */
  readonly heapStart: number
  /** The number of slots for kernels in the table. */
  readonly tableLength: number
  instantiate(program: RunnableProgram, host: HostCall): Runner
  /** Ends the threads. Programs still run, on the calling thread. */
  dispose(): void
}

/** More threads than this rarely help: they share the memory bandwidth. */
const USUAL_THREADS = 8
/** The most threads that the count can hold. */
const MOST_THREADS = 64
/** 50 ms of work: the time to start threads. */
const START_AFTER = 2500
const PATIENCE = 30_000

const threadsFor = (wanted: number | undefined): number =>
  Math.min(MOST_THREADS, Math.max(1, Math.trunc(wanted ?? Math.min(cores(), USUAL_THREADS))))

/** The threads, and the modules that they read. */
interface Threads {
  readonly pool: Pool
  readonly records: ProgramRecords
}

class WasmEngine implements Engine {
  readonly features: Features
  readonly threads: number
  readonly memory: WasmMemory
  readonly heapStart: number
  readonly #api: WasmApi
  readonly #table: WasmTable
  readonly #slots = new FirstFit()
  readonly #library: WasmInstance
  readonly #helpers: Threads | null

  constructor(api: WasmApi, options: EngineOptions) {
    const possible = options.shared !== false && hasThreads()
    this.threads = possible ? threadsFor(options.threads) : 1
    const shared = possible && (options.shared ?? this.threads > 1)
    this.features = { relaxed: options.relaxed ?? hasRelaxedSimd(), wide: options.wide ?? hasWideVectors(), shared }
    this.#api = api
    this.heapStart = heapStartFor(this.threads)
    this.memory = new api.Memory({ initial: Math.ceil(this.heapStart / PAGE), maximum: MAX_PAGES, shared })
    this.#table = new api.Table({ element: 'anyfunc', initial: 64 })
    const module = new api.Module(buildLibrary(this.features, this.threads > 1))
    this.#helpers = this.threads > 1 ? this.#prepareThreads(module, options) : null
    const env = {
      memory: this.memory,
      table: this.#table,
      threadScratch: threadScratchAt(0),
      startThreads: () => this.#helpers?.pool.start(),
      settle: () => this.#helpers?.pool.settle(),
    }
    this.#library = new api.Instance(module, { env })
  }

  #prepareThreads(library: object, { startAfter = START_AFTER, patience = PATIENCE }: EngineOptions): Threads {
    const records = new ProgramRecords(this.#api)
    const options = { helpers: this.threads - 1, startAfter, patience }
    return { records, pool: new Pool(library, this.memory, records.memory, options) }
  }

  get readyThreads(): number {
    return this.#helpers?.pool.ready ?? 0
  }

  get tableLength(): number {
    return this.#table.length
  }

  #takeSlots(count: number): number {
    const base = this.#slots.take(count)
    const missing = this.#slots.end - this.#table.length
    if (missing > 0) this.#table.grow(Math.max(missing, this.#table.length))
    return base
  }

  /** A remaining reference in a slot would keep its program alive. */
  #giveSlots(base: number, count: number): void {
    for (let slot = base; slot < base + count; slot++) this.#table.set(slot, null)
    this.#slots.give(base, count)
  }

  instantiate({ bytes, tableSize }: RunnableProgram, host: HostCall): Runner {
    const module = new this.#api.Module(bytes)
    const tableBase = this.#takeSlots(tableSize)
    const record = tableSize === 0 ? undefined : this.#helpers?.records.add(bytes, tableBase, tableSize)
    const announce = record === undefined ? null : this.#announcer(record)
    // A host step may run another program: restore this one afterwards.
    const hostCall: HostCall = (step, frame) => {
      host(step, frame)
      announce?.()
    }
    const { parallel } = this.#library.exports
    const env = { memory: this.memory, tableBase, host: hostCall, parallel }
    const instance = new this.#api.Instance(module, { env, lib: this.#library.exports, math: hostFunctions })
    for (let k = 0; k < tableSize; k++) this.#table.set(tableBase + k, instance.exports[k]!)
    return {
      run: this.#runner(instance.exports['run']!, announce),
      dispose: () => {
        record?.dispose()
        this.#giveSlots(tableBase, tableSize)
      },
    }
  }

  /** Tells the threads which program runs. */
  #announcer({ number, address }: ProgramRecord): () => void {
    const words = controlWords(this.memory.buffer)
    const [program, record] = [word(control.program), word(control.record)]
    return () => {
      words[program] = number
      words[record] = address
    }
  }

  #runner(entry: WasmFunction, announce: (() => void) | null): (frame: number) => void {
    return (frame) => {
      announce?.()
      try {
        entry(frame)
      } catch (error) {
        if (announce !== null) this.#abandon()
        throw this.#named(error)
      }
    }
  }

  /** Abandons the rest of a job. */
  #abandon(): void {
    this.#library.exports['abandon']!()
    this.#helpers!.pool.recover()
  }

  /** A trap as a library error; errors of host steps and threads are unchanged. */
  #named(error: unknown): unknown {
    return error instanceof this.#api.RuntimeError ? kernelError(String(error)) : error
  }

  dispose(): void {
    this.#helpers?.pool.close()
  }
}

/** Makes an engine. The platform must have WebAssembly with SIMD (`hasSimd`). */
export const createEngine = (options: EngineOptions = {}): Engine => {
  const api = wasmApi()
  if (api === undefined) throw new Error('this platform has no WebAssembly')
  return new WasmEngine(api, options)
}
