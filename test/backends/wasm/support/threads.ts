/** Engines that end with their test, and small programs of one parallel kernel, made by hand. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { expect, vi } from 'vitest'
import type { Code, Expr, Func } from '../../../../src/backends/wasm/asm/index.ts'
import { i32, load, ModuleBuilder, op, result } from '../../../../src/backends/wasm/asm/index.ts'
import type { Engine, EngineOptions, HostCall, RunnableProgram } from '../../../../src/backends/wasm/engine.ts'
import { createEngine } from '../../../../src/backends/wasm/engine.ts'
import {
  exportKernels,
  importLibraryFunction,
  importMemory,
  importParallel,
} from '../../../../src/backends/wasm/library.ts'
import { threadScratchAt } from '../../../../src/backends/wasm/memoryMap.ts'

const engines: Engine[] = []

export const makeEngine = (options: EngineOptions = {}): Engine => {
  const engine = createEngine({ startAfter: 0, ...options })
  engines.push(engine)
  return engine
}

/** Ends the threads of all engines, and undoes all mocks. */
export const cleanUp = (): void => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
  for (const engine of engines.splice(0)) engine.dispose()
}

/** Until the condition holds, for 10 seconds at most. */
export const until = async (condition: () => boolean): Promise<void> => {
  for (const end = Date.now() + 10_000; !condition() && Date.now() < end;) await sleep(5)
  expect(condition()).toBe(true)
}

/** Starts the engine's threads with a job, and waits until all are ready. */
export const startThreads = async (engine: Engine): Promise<void> => {
  countingRunner(engine, 64, 1).run(engine.heapStart)
  await until(() => engine.readyThreads === engine.threads - 1)
}

/** The threads that are started from now on, to be. */
export const watchThreads = (): readonly Worker[] => {
  const started: Worker[] = []
  class Watched extends Worker {
    constructor(source: string, options: object) {
      super(source, options)
      started.push(this)
    }
  }
  vi.spyOn(process, 'getBuiltinModule').mockReturnValue({ Worker: Watched })
  return started
}

// Programs

export interface Parts {
  /** What the kernel does for one iteration; `thread` is 0 for the caller. */
  readonly iteration: (code: Code, frame: Expr<'i32'>, i: Expr<'i32'>, thread: Expr<'i32'>) => void
  /** What `run` does besides calling the kernel on all iterations. */
  readonly before?: (code: Code, host: Func) => void
  readonly count: number
  readonly grain: number
}

export const add = (x: Expr<'i32'>, y: Expr<'i32'>): Expr<'i32'> => op('i32.add', x, y)
export const cell = (frame: Expr<'i32'>, i: Expr<'i32'>): Expr<'i32'> => add(frame, op('i32.shl', i, i32(2)))
export const isHelper = (thread: Expr<'i32'>): Expr<'i32'> => op('i32.ne', thread, i32(0))

/** A program of one parallel kernel. */
export const program = (engine: Engine, { iteration, before, count, grain }: Parts): RunnableProgram => {
  const builder = new ModuleBuilder()
  importMemory(builder, engine.features)
  const base = builder.importGlobal('env', 'tableBase', 'i32')
  const parallel = importParallel(builder)
  const host = builder.importFunction('env', 'host', ['i32', 'i32'])
  const threadScratch = importLibraryFunction(builder, 'threadScratch')
  const kernel = builder.function(['i32', 'i32', 'i32'], null, (code) => {
    const thread = code.let(op('i32.sub', result<'i32'>(threadScratch), i32(threadScratchAt(0))))
    code.for(code.param(1), code.param(2), 1, (i) => {
      iteration(code, code.param(0), i, thread)
    })
  })
  const run = (code: Code): void => {
    before?.(code, host)
    code.call(parallel, base, code.param(0), i32(count), i32(grain))
  }
  builder.function(['i32'], null, run, 'run')
  exportKernels(builder, [kernel])
  return { bytes: builder.finish(), tableSize: 1 }
}

export const noHost: HostCall = () => {
  throw new Error('there is no host step')
}

/** Adds 1 to a cell for each iteration. */
export const countOnce = (code: Code, frame: Expr<'i32'>, i: Expr<'i32'>): void => {
  const address = code.let(cell(frame, i))
  code.store('i32.store', address, add(load('i32.load', address), i32(1)))
}

export const countingRunner = (engine: Engine, count: number, grain: number) =>
  engine.instantiate(program(engine, { iteration: countOnce, count, grain }), noHost)

export const cells = (engine: Engine, count: number): Int32Array =>
  new Int32Array(engine.memory.buffer, engine.heapStart, count)

/** Runs a linear congruential generator from each number, so that threads have time to meet. */
export const scramble = (code: Code, frame: Expr<'i32'>, i: Expr<'i32'>): void => {
  const x = code.variable(i)
  code.for(i32(0), i32(300), 1, () => {
    code.set(x, add(op('i32.mul', x.get, i32(1664525)), i32(1013904223)))
  })
  code.store('i32.store', cell(frame, i), x.get)
}

export const scrambled = (start: number): number => {
  let x = start
  for (let k = 0; k < 300; k++) x = (Math.imul(x, 1664525) + 1013904223) | 0
  return x
}

/** Expects that both the caller and another thread take part in jobs, sooner or later. Between jobs, threads fall asleep. */
export const expectSharing = async (engine: Engine): Promise<void> => {
  const markThread: Parts['iteration'] = (code, frame, i, thread) => {
    scramble(code, frame, i)
    code.store('i32.store', cell(frame, i), isHelper(thread))
  }
  const runner = engine.instantiate(program(engine, { iteration: markThread, count: 10_000, grain: 100 }), noHost)
  const marks = new Set<number>()
  await until(() => {
    runner.run(engine.heapStart)
    for (const mark of cells(engine, 10_000)) marks.add(mark)
    return marks.size === 2
  })
  expect(marks).toEqual(new Set([0, 1]))
}
