/** Runs compiled programs: owns the memory, the table of kernels, the library module and the threads. */
import type { CompiledProgram } from './compiled.ts'
import { FirstFit } from './first-fit.ts'
import type { Features } from './library.ts'
import { buildLibrary } from './library.ts'
import { heapStartFor, MAX_PAGES, PAGE, threadScratchAt } from './memory-map.ts'
import type { WasmApi, WasmInstance, WasmMemory, WasmTable } from './platform.ts'
import { cores, hasRelaxedSimd, hasThreads, wasmApi } from './platform.ts'

export interface EngineOptions {
  /** The most threads that work at once, the caller's included. By default as many as there are cores, up to 8. */
  readonly threads?: number
  /** Whether programs may use relaxed SIMD. By default, if the platform has it. */
  readonly relaxed?: boolean
  /** Whether the memory is shared between threads. By default, if there may be more than one. */
  readonly shared?: boolean
}

/** Called in the middle of a program: evaluate host step number `step` of the program, on this frame. */
export type HostCall = (step: number, frame: number) => void

/** A program that is ready to run. */
export interface Runner {
  /** Runs the program on the frame at this address. */
  run(frame: number): void
  /** Gives its places in the table back. It must not run any more. */
  dispose(): void
}

export interface Engine {
  /** What programs are to be compiled for. */
  readonly features: Features
  /** The most threads that work at once. */
  readonly threads: number
  /** Its buffer is replaced when it grows. Addresses are unsigned. */
  readonly memory: WasmMemory
  /** The first address that is free for others. */
  readonly heapStart: number
  instantiate(program: Pick<CompiledProgram, 'bytes' | 'tableSize'>, host: HostCall): Runner
  /** Ends the threads. */
  dispose(): void
}

const MAX_THREADS = 8

class WasmEngine implements Engine {
  readonly features: Features
  readonly threads: number
  readonly memory: WasmMemory
  readonly heapStart: number
  readonly #api: WasmApi
  readonly #table: WasmTable
  readonly #slots = new FirstFit()
  readonly #library: WasmInstance

  constructor(api: WasmApi, options: EngineOptions) {
    const possible = hasThreads() && options.shared !== false
    this.threads = possible ? Math.max(1, options.threads ?? Math.min(cores(), MAX_THREADS)) : 1
    const shared = possible && (options.shared ?? this.threads > 1)
    this.features = { relaxed: options.relaxed ?? hasRelaxedSimd(), shared }
    this.#api = api
    this.heapStart = heapStartFor(this.threads)
    this.memory = new api.Memory({ initial: Math.ceil(this.heapStart / PAGE), maximum: MAX_PAGES, shared })
    this.#table = new api.Table({ element: 'anyfunc', initial: 64 })
    const env = { memory: this.memory, table: this.#table, threadScratch: threadScratchAt(0) }
    this.#library = new api.Instance(new api.Module(buildLibrary(this.features)), { env })
  }

  #takeSlots(count: number): number {
    const base = this.#slots.take(count)
    const missing = this.#slots.end - this.#table.length
    if (missing > 0) this.#table.grow(Math.max(missing, this.#table.length))
    return base
  }

  #giveSlots(base: number, count: number): void {
    for (let slot = base; slot < base + count; slot++) this.#table.set(slot, null)
    this.#slots.give(base, count)
  }

  instantiate({ bytes, tableSize }: Pick<CompiledProgram, 'bytes' | 'tableSize'>, host: HostCall): Runner {
    const tableBase = this.#takeSlots(tableSize)
    const { parallel } = this.#library.exports
    const env = { memory: this.memory, table: this.#table, tableBase, host, parallel }
    const instance = new this.#api.Instance(new this.#api.Module(bytes), {
      env,
      lib: this.#library.exports,
      math: Math,
    })
    return {
      run: instance.exports['run']!,
      dispose: () => {
        this.#giveSlots(tableBase, tableSize)
      },
    }
  }

  dispose(): void {
    // No threads yet.
  }
}

/** Makes an engine. The platform must have SIMD (`hasSimd`). */
export const createEngine = (options: EngineOptions = {}): Engine => {
  const api = wasmApi()
  if (api === undefined) throw new Error('this platform has no WebAssembly')
  return new WasmEngine(api, options)
}
