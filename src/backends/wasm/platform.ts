/**
 * What the back end asks of its platform, and nothing else of it: WebAssembly, threads, cores, a clock. Types are our own, as
 * the library is compiled without those of Node or of browsers; whatever a platform lacks is undefined here.
 */
import type { Code, Expr } from './asm/index.ts'
import { f32x4, lane, ModuleBuilder, op } from './asm/index.ts'

/** A compiled module; it can be sent to other threads. */
export type WasmModule = object

/** What an instance exports that is used here. */
export type WasmFunction = (...args: readonly number[]) => number

export interface WasmInstance {
  readonly exports: { readonly [name: string]: WasmFunction | undefined }
}

export interface WasmMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer
  /** Grows by some pages of 64 KB; throws a RangeError where there is no more. */
  grow(pages: number): number
}

export interface WasmTable {
  readonly length: number
  grow(slots: number): number
  set(slot: number, value: WasmFunction | null): void
}

interface WasmImports {
  readonly [module: string]: object
}

interface MemoryDescriptor {
  readonly initial: number
  readonly maximum: number
  readonly shared: boolean
}

/** The part of the JavaScript interface that is used here (https://webassembly.github.io/spec/js-api/). */
export interface WasmApi {
  readonly Module: new (bytes: Uint8Array) => WasmModule
  readonly Instance: new (module: WasmModule, imports: WasmImports) => WasmInstance
  readonly Memory: new (descriptor: MemoryDescriptor) => WasmMemory
  readonly Table: new (descriptor: { readonly element: 'anyfunc'; readonly initial: number }) => WasmTable
  readonly RuntimeError: new () => Error
  readonly validate: (bytes: Uint8Array) => boolean
}

/** A thread that runs. */
export interface Thread {
  stop(): void
}

interface NodeWorker {
  on(event: 'error' | 'exit', listener: () => void): void
  unref(): void
  terminate(): Promise<number>
}

/** What is used of Node's file system. */
export interface NodeFiles {
  mkdirSync(path: string): void
  statSync(path: string): { isDirectory(): boolean; isFile(): boolean }
  readFileSync(path: string): Uint8Array
  readdirSync(path: string, options: { readonly recursive: true }): readonly string[]
  writeFileSync(path: string, data: Uint8Array, options: { readonly flag: 'wx' }): void
  renameSync(from: string, to: string): void
  rmSync(path: string, options: { readonly force: true }): void
}

interface Hash {
  update(data: string | Uint8Array): Hash
  digest(): Uint8Array
}

interface NodeModules {
  'node:fs': NodeFiles
  'node:crypto': { createHash(algorithm: 'sha256'): Hash; randomUUID(): string }
  'node:path': {
    join(...parts: readonly string[]): string
    resolve(path: string): string
    dirname(path: string): string
  }
  'node:worker_threads': { readonly Worker: new (source: string, options: object) => NodeWorker }
  'node:url': { fileURLToPath(url: string): string }
  'node:util': { inspect(value: object, options: object): string }
  'node:vm': { runInNewContext(code: string): unknown }
  'node:v8': { setFlagsFromString(flags: string): void }
  'node:os': { readonly availableParallelism?: () => number }
}

interface WebWorker {
  onerror: (() => void) | null
  postMessage(data: unknown): void
  terminate(): void
}

/** Globals that some platforms have. */
interface Host {
  readonly WebAssembly?: WasmApi
  readonly crossOriginIsolated?: boolean
  readonly navigator?: { readonly hardwareConcurrency?: number }
  readonly performance?: { now(): number }
  readonly Worker?: new (url: string) => WebWorker
  readonly Blob?: new (parts: readonly string[], options: { readonly type: string }) => object
  readonly URL?: { createObjectURL(blob: object): string; revokeObjectURL(url: string): void }
  readonly process?: {
    readonly arch?: string
    readonly execArgv?: readonly string[]
    readonly env?: { readonly [name: string]: string | undefined }
    readonly versions?: { readonly v8?: string }
    readonly getBuiltinModule?: <N extends keyof NodeModules>(name: N) => NodeModules[N] | undefined
  }
}

const host = globalThis as unknown as Host

/** Node's own modules, without an import that a bundler for browsers would stumble on (Node ≥ 20.16). */
export const nodeModule = <N extends keyof NodeModules>(name: N): NodeModules[N] | undefined =>
  host.process?.getBuiltinModule?.(name)

export const wasmApi = (): WasmApi | undefined => host.WebAssembly

/** Milliseconds of a clock that is never set back, where there is one. */
export const now: () => number = host.performance === undefined ? Date.now : host.performance.now.bind(host.performance)

const moduleOf = (body: (code: Code) => Expr): Uint8Array => {
  const module = new ModuleBuilder()
  module.function([], 'i32', (code) => {
    code.return(body(code))
  })
  return module.finish()
}

const firstLane = (x: Expr<'v128'>): Expr<'i32'> => lane('i32x4.extract_lane', 0, x)

/** Whether programs can be compiled, and why not: a page's policy forbids it, or there are no vectors of 128 bits. */
type Compiler = 'ready' | 'forbidden' | 'missing'

const findCompiler = (): Compiler => {
  if (host.WebAssembly === undefined) return 'missing'
  const module = moduleOf(() => firstLane(f32x4(1)))
  try {
    new host.WebAssembly.Module(module)
    return 'ready'
  } catch {
    // What is valid, and yet may not be compiled, a content security policy forbids.
    return host.WebAssembly.validate(module) ? 'forbidden' : 'missing'
  }
}

let found: Compiler | undefined

export const compiler = (): Compiler => (found ??= findCompiler())

/** Whether there is compiling. */
export const hasSimd = (): boolean => compiler() === 'ready'

/** Whether fused multiplication and addition is there. */
export const hasRelaxedSimd = (): boolean =>
  host.WebAssembly?.validate(moduleOf(() => firstLane(op('f32x4.relaxed_madd', f32x4(1), f32x4(1), f32x4(1))))) ?? false

const revectorize = '--experimental-wasm-revectorize'
/** The first V8 whose revectorizer joins the loops of products: that of Node 24. */
const firstWideV8 = 13

/**
 * Whether V8 joins operations on neighbouring vectors into ones of 256 bits: on request, by its own flag on Node's command line, or
 * by `PULLBACK_WIDE_VECTORS=1` in the environment, which sets the flag for what is compiled from now on.
 */
export const hasWideVectors = (): boolean => {
  const { arch, env, execArgv, versions } = host.process ?? {}
  if (arch !== 'x64' || !(Number.parseInt(versions?.v8 ?? '0') >= firstWideV8)) return false
  if (execArgv?.includes(revectorize) === true) return true
  if (env?.['PULLBACK_WIDE_VECTORS'] !== '1') return false
  nodeModule('node:v8')?.setFlagsFromString(revectorize)
  return true
}

/** How many threads can run at once, as far as the platform tells. */
export const cores = (): number =>
  nodeModule('node:os')?.availableParallelism?.() ?? host.navigator?.hardwareConcurrency ?? 1

const canShareInBrowser = (): boolean =>
  host.crossOriginIsolated === true && host.Worker !== undefined && host.Blob !== undefined && host.URL !== undefined

/** Whether threads are a browser's workers. */
export const isBrowser = (): boolean => nodeModule('node:worker_threads') === undefined

/** Whether threads may share memory. */
export const hasThreads = (): boolean =>
  host.WebAssembly !== undefined &&
  typeof SharedArrayBuffer === 'function' &&
  (nodeModule('node:worker_threads') !== undefined || canShareInBrowser())

/** Whether this thread may sleep: a browser's main thread may not. */
export const canSleep = (): boolean => {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1)
    return true
  } catch {
    return false
  }
}

const startInNode = (
  Worker: new (s: string, o: object) => NodeWorker,
  source: string,
  data: object,
  ended: () => void,
): Thread => {
  const text = `(${source})(process.getBuiltinModule('node:worker_threads').workerData)`
  // Nothing of the parent's loaders and options: they cost a second, and the worker is plain JavaScript.
  const worker = new Worker(text, { eval: true, workerData: data, execArgv: [], env: {} })
  worker.on('error', ended)
  worker.on('exit', ended)
  worker.unref()
  return {
    stop: () => {
      void worker.terminate()
    },
  }
}

/** Where a file with the threads' code is served, for pages that may not start workers from text. */
let workerUrl: string | null = null

/** Has threads start from a file; null: from text. */
export const startThreadsFrom = (url: string | null): void => {
  workerUrl = url
}

interface Script {
  readonly url: string
  release(): void
}

const scriptOf = (source: string): Script => {
  if (workerUrl !== null) return { url: workerUrl, release: () => undefined }
  const text = `onmessage = (event) => { (${source})(event.data) }`
  const url = host.URL!.createObjectURL(new host.Blob!([text], { type: 'text/javascript' }))
  return {
    url,
    release: () => {
      host.URL!.revokeObjectURL(url)
    },
  }
}

const startInBrowser = (source: string, data: object, ended: () => void): Thread => {
  const { url, release } = scriptOf(source)
  const worker = new host.Worker!(url)
  worker.onerror = () => {
    release()
    ended()
  }
  worker.postMessage(data)
  return {
    stop: () => {
      worker.terminate()
      release()
    },
  }
}

/**
 * Starts a thread with a function's source text, which is called with the data. `ended` is called when the thread has ended,
 * for whatever reason, as soon as this thread's event loop gets to it. Never keeps a process alive. Throws where the platform
 * forbids it.
 */
export const startThread = (source: string, data: object, ended: () => void): Thread => {
  const Worker = nodeModule('node:worker_threads')?.Worker
  return Worker === undefined ? startInBrowser(source, data, ended) : startInNode(Worker, source, data, ended)
}
