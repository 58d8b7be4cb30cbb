/** The WebAssembly back end: an engine, its memory, and the programs compiled for it. */
import type { Aval } from '../../core/aval.ts'
import type { TypedArray } from '../../core/dtype.ts'
import { dtypes } from '../../core/dtype.ts'
import { OutOfMemoryError } from '../../core/errors.ts'
import { LruMap, leaving } from '../../core/lru.ts'
import { fingerprint } from '../../ir/fingerprint.ts'
import type { OpName, OpParams } from '../../ir/op.ts'
import type { Program } from '../../ir/program.ts'
import { primitives } from '../../primitives/registry.ts'
import type { Capabilities } from '../../trace/device.ts'
import type { ConcreteBody } from '../../trace/body.ts'
import type { Backend, Executable } from '../backend.ts'
import type { Explanation } from '../explanation.ts'
import { callsHost, operationKey, singleEquation } from '../operation.ts'
import type { ProgramStore } from '../store.ts'
import { Blocks } from './blocks.ts'
import { explain } from './compile.ts'
import type { CompiledProgram } from './compiled.ts'
import type { EngineOptions } from './engine.ts'
import { createEngine } from './engine.ts'
import type { Site } from './executable.ts'
import { WasmExecutable } from './executable.ts'
import { Frames } from './frames.ts'
import { bytesOf, Heap } from './heap.ts'
import type { Features } from './library.ts'
import { MAX_PAGES, PAGE } from './memoryMap.ts'
import { decode, encode, storeKey } from './moduleStore.ts'
import { revision } from './revision.ts'

/** The compiler from programs to modules. */
type Compile = (program: Program, features: Features) => CompiledProgram

/** Options of `wasmDevice`: of its engine, and of its memory. */
export interface DeviceOptions extends EngineOptions {
  /** The most memory in bytes; 4 GB by default, which is also the maximum. */
  readonly maxBytes?: number
  /** Bytes of arrays beyond which the oldest are moved to ordinary memory; it adapts. 256 MB by default. */
  readonly softLimit?: number
  /** Whether to detect writes outside blocks: slow. */
  readonly guards?: boolean
  /**
   * Arrays of up to this many bytes live in ordinary memory: 4096 by default, since a copy of 4 KB takes half a microsecond,
   * less than managing a block.
   */
  readonly small?: number
}

/** The uses of a device's memory, in bytes. */
export interface MemoryUse {
  /** Arrays, and their number. */
  readonly arrays: number
  readonly count: number
  /** All blocks: arrays, constants of programs, frames. */
  readonly used: number
  /** Bytes of arrays beyond which the oldest are evicted. */
  readonly limit: number
  /** The number of arrays evicted so far. */
  readonly evictions: number
}

/** The number of programs that stay compiled. */
const CAPACITY = 512

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`

interface Loaded {
  readonly executable: WasmExecutable
  /** When it last ran, counted in calls of the device. */
  used: number
}

const sum = (avals: readonly Aval[]): number => avals.reduce((total, aval) => total + aval.size, 0)

// The number of elements from which one compiled operation is faster than its primitive's loop, including the call.
// Contractions and lookups do more work for each element.
const MANY = 1 << 14
const MANY_COMBINED = 1 << 11

/** The built-in back end. */
export class WasmDevice implements Backend {
  readonly name = 'wasm'
  readonly capabilities: Capabilities
  readonly #compile: Compile
  readonly #site: Site
  readonly #loaded = new Map<string, Loaded>()
  readonly #programs = new WeakMap<Program, Executable>()
  readonly #operations = new LruMap<string, Executable | 'evaluate'>(CAPACITY)
  #clock = 0
  /** The number of programs unloaded so far. */
  #unloaded = 0
  store: ProgramStore | null = null

  constructor(compile: Compile, options: DeviceOptions = {}) {
    const { maxBytes = MAX_PAGES * PAGE, softLimit = 2 ** 28, guards = false, small = 4096 } = options
    this.#compile = compile
    this.capabilities = { dtypes, readsAtOnce: true, maxBytes }
    const engine = createEngine(options)
    const heap = new Heap(engine.memory, engine.heapStart, maxBytes, guards)
    const relieve = (): boolean => this.#site.frames.relieve() || this.#releaseConstants()
    const blocks = new Blocks(this, heap, softLimit, maxBytes * 0.75, relieve)
    const frames = new Frames(
      (bytes) => blocks.allocate(bytes),
      (range) => {
        heap.free(range)
      },
    )
    const outOfMemory = (operation: string, peakBytes: number): Error =>
      new OutOfMemoryError(
        `${operation} needs ${megabytes(peakBytes)} at its peak, as planned; the device has ${megabytes(maxBytes)}, of which ` +
          `${megabytes(heap.used)} are in use by what cannot be moved. Work on smaller pieces, or let checkpoint compute again ` +
          'what is kept for derivatives.',
      )
    this.#site = { engine, heap, blocks, frames, guards, small, outOfMemory }
  }

  /** The current uses of the memory. */
  get memory(): MemoryUse {
    const { heap, blocks } = this.#site
    return {
      arrays: blocks.bytes,
      count: blocks.count,
      used: heap.used,
      limit: blocks.limit,
      evictions: blocks.evictions,
    }
  }

  /** The number of currently compiled programs. */
  get programs(): number {
    return this.#loaded.size
  }

  /** Nothing is compiled before the first call, and repeated calls of this are cheap. */
  compile(program: Program): Executable {
    const known = this.#programs.get(program)
    if (known !== undefined) return known
    let loaded: Loaded | null = null
    const executable: Executable = (inputs, operation) => {
      if (loaded === null || loaded.executable.isDisposed) loaded = this.#load(program)
      loaded.used = this.#clock++
      return loaded.executable.run(inputs, operation)
    }
    this.#programs.set(program, executable)
    return executable
  }

  explain(program: Program): Explanation {
    return explain(program)
  }

  /** Ends the threads, and drops all programs. */
  dispose(): void {
    for (const key of this.#loaded.keys()) this.#unload(key)
    this.#site.engine.dispose()
  }

  /** Equal programs share a module. */
  #load(program: Program): Loaded {
    const key = fingerprint(program)
    const known = this.#loaded.get(key)
    if (known !== undefined) return known
    if (this.#loaded.size >= CAPACITY) this.#makeRoom()
    const executable = this.#restore(key, program) ?? this.#compileAnew(key, program)
    const loaded = { executable, used: this.#clock }
    this.#loaded.set(key, loaded)
    return loaded
  }

  #compileAnew(key: string, program: Program): WasmExecutable {
    const { features } = this.#site.engine
    const compiled = this.#compile(program, features)
    const name = this.#nameInStore(key)
    const bytes = name === null ? null : encode(name, program, compiled)
    if (bytes !== null) this.store!.set(name!, bytes)
    return new WasmExecutable(this.#site, compiled)
  }

  /** Null where no store is set, or the version of this compiler is unknown. */
  #nameInStore(key: string): string | null {
    const compiler = this.store === null ? null : revision()
    return compiler === null ? null : storeKey(compiler, key, this.#site.engine.features)
  }

  /** From the store, if it has a module that the engine accepts. */
  #restore(key: string, program: Program): WasmExecutable | null {
    const name = this.#nameInStore(key)
    if (name === null) return null
    const bytes = this.store!.get(name)
    const compiled = bytes === null ? null : decode(name, program, bytes)
    try {
      return compiled === null ? null : new WasmExecutable(this.#site, compiled)
    } catch {
      return null
    }
  }

  #makeRoom(): void {
    const oldestFirst = [...this.#loaded].sort(([, a], [, b]) => a.used - b.used)
    this.#unload(oldestFirst[leaving(oldestFirst.length, this.#unloaded++)]![0])
  }

  #unload(key: string): void {
    this.#loaded.get(key)?.executable.dispose()
    this.#loaded.delete(key)
  }

  #releaseConstants(): boolean {
    const released = [...this.#loaded.values()].map(({ executable }) => executable.releaseConstants())
    return released.includes(true)
  }

  /** An operation with a kernel that is large, or on arrays only in this device. */
  operation<N extends OpName>(
    op: N,
    params: OpParams[N],
    bodies: readonly ConcreteBody[],
    operands: readonly Aval[],
    outputs: readonly Aval[],
  ): Executable | null {
    if (!this.#pays(op, bodies, operands, outputs)) return null
    const key = operationKey(op, params, operands, outputs)
    const known = this.#operations.get(key)
    if (known !== undefined) return known === 'evaluate' ? null : known
    const executable = this.#compileNative(singleEquation(op, params, operands, outputs))
    this.#operations.set(key, executable ?? 'evaluate')
    return executable
  }

  /** Null for a program with callbacks: it would gain nothing. */
  #compileNative(program: Program): Executable | null {
    if (program.equations.some(callsHost) || !this.#load(program).executable.isNative) return null
    return this.compile(program)
  }

  put(aval: Aval, data: TypedArray): ConcreteBody {
    const bytes = bytesOf(aval.dtype, aval.size)
    const body = this.#site.blocks.put(aval, data)
    if (body === null) throw this.#site.outOfMemory('devicePut', bytes)
    return body
  }

  hold(aval: Aval, body: ConcreteBody): void {
    if (bytesOf(aval.dtype, aval.size) > this.#site.small) this.#site.blocks.hold(body, aval)
  }

  /** Whether there is much to compute, or operands are here and would have to be copied out. */
  #pays(op: OpName, bodies: readonly ConcreteBody[], operands: readonly Aval[], outputs: readonly Aval[]): boolean {
    const { elementwise, reduces, view } = primitives[op].facts
    const many = elementwise === true || view === true || operands.length < 2 ? MANY : MANY_COMBINED
    if (sum(outputs) >= many || (reduces === true && sum(operands) >= many)) return true
    return bodies.some((body) => body.isResident)
  }
}
