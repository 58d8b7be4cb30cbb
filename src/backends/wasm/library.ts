/**
 * The library module: code shared by all programs, compiled once per engine. It has the tuned kernels' functions, and
 * `parallel`, which runs a kernel on a range, split into pieces.
 */
import type { Code, Func } from './asm/index.ts'
import { ModuleBuilder, variable } from './asm/index.ts'
import { defineDispatch, defineSerialDispatch } from './dispatch.ts'
import { kernelLibrary } from './kernels/index.ts'
import { matmulLibrary } from './kernels/matmul.ts'
import type { LibraryFunction, VectorFeatures } from './kernels/routine.ts'
import { MAX_PAGES } from './memoryMap.ts'

/** The features of the engine that modules may use. */
export interface Features extends VectorFeatures {
  /** Whether the memory is shared between threads: modules that import it must declare that. */
  readonly shared: boolean
}

/** The first global that the library module imports. */
const threadScratchGlobal = variable(0x23, 'i32', 0)

/** The address of the calling thread's own scratch memory, of `THREAD_SCRATCH` bytes. */
const threadScratch: LibraryFunction = {
  name: 'threadScratch',
  params: [],
  result: 'i32',
  body: (code) => {
    code.return(threadScratchGlobal)
  },
}

/** All functions that programs may import from `lib`. */
const libraryFunctions: readonly LibraryFunction[] = [threadScratch, ...kernelLibrary, ...matmulLibrary]

/** Declares the memory of the engine, in every module that imports it. */
export const importMemory = (builder: ModuleBuilder, { shared }: Features): void => {
  builder.importMemory('env', 'memory', { initial: 0, maximum: MAX_PAGES, shared })
}

/** Imports a library function into a program's module. */
export const importLibraryFunction = (builder: ModuleBuilder, name: string): Func => {
  const found = libraryFunctions.find((f) => f.name === name)
  if (found === undefined) throw new Error(`the library has no function ${name}`)
  return builder.importFunction('lib', name, found.params, found.result)
}

/** The function with which a program runs the kernel in a table slot: `parallel(slot, frame, count, grain)`. */
export const importParallel = (builder: ModuleBuilder): Func =>
  builder.importFunction('env', 'parallel', ['i32', 'i32', 'i32', 'i32'])

/**
 * Exports the kernels that `parallel` runs, by number: the creator of an instance puts them into the table from `tableBase` on.
 * The module does not import the table to fill it, since V8 before version 13 keeps an importer of a table alive as long as the
 * table.
 */
export const exportKernels = (builder: ModuleBuilder, kernels: readonly Func[]): void => {
  kernels.forEach((f, k) => {
    builder.export(f, String(k))
  })
}

/**
 * The bytes of the library module. It exports all functions and `parallel`; with threads also `work` and `abandon`, for which
 * it imports `startThreads` and `settle` (see dispatch.ts).
 */
export const buildLibrary = (features: Features, threads: boolean): Uint8Array => {
  const builder = new ModuleBuilder()
  importMemory(builder, features)
  builder.importTable('env', 'table')
  builder.importGlobal('env', 'threadScratch', 'i32')
  const imported = threads ? ['startThreads', 'settle'].map((name) => builder.importFunction('env', name, [])) : []
  const known = new Map<string, Func>()
  libraryFunctions.forEach(({ name, params, result }, k) => {
    known.set(name, { index: imported.length + k, params, result })
  })
  const call = (name: string): Func => known.get(name)!
  for (const { name, params, result, body } of libraryFunctions) {
    const define = (code: Code): void => {
      body(code, call, features)
    }
    builder.function(params, result, define, name)
  }
  const [startThreads, settle] = imported
  if (startThreads === undefined || settle === undefined) defineSerialDispatch(builder)
  else defineDispatch(builder, { startThreads, settle })
  return builder.finish()
}
