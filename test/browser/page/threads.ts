/** Whether threads take part in kernels. */
import type { Expr } from '../../../src/backends/wasm/asm/index.ts'
import { ModuleBuilder, i32, op, result } from '../../../src/backends/wasm/asm/index.ts'
import type { Engine, RunnableProgram } from '../../../src/backends/wasm/engine.ts'
import { createEngine } from '../../../src/backends/wasm/engine.ts'
import {
  exportKernels,
  importLibraryFunction,
  importMemory,
  importParallel,
} from '../../../src/backends/wasm/library.ts'
import { threadScratchAt } from '../../../src/backends/wasm/memoryMap.ts'
import { nextTask } from './tasks.ts'

const COUNT = 1000
const ROUNDS = 300

/** A program whose one kernel writes, for each iteration, the number of the thread that it runs on; 0 is the caller. */
const whoRuns = (engine: Engine): RunnableProgram => {
  const builder = new ModuleBuilder()
  importMemory(builder, engine.features)
  const base = builder.importGlobal('env', 'tableBase', 'i32')
  const parallel = importParallel(builder)
  const threadScratch = importLibraryFunction(builder, 'threadScratch')
  const kernel = builder.function(['i32', 'i32', 'i32'], null, (code) => {
    const distance = op('i32.sub', result<'i32'>(threadScratch), i32(threadScratchAt(0)))
    const thread = code.let(op('i32.div_u', distance, i32(threadScratchAt(1) - threadScratchAt(0))))
    code.for(code.param(1), code.param(2), 1, (i: Expr<'i32'>) => {
      const address = op('i32.add', code.param<'i32'>(0), op('i32.shl', i, i32(2)))
      // Long enough for others to come.
      code.for(i32(0), i32(ROUNDS), 1, () => {
        code.store('i32.store', address, thread)
      })
    })
  })
  builder.function(
    ['i32'],
    null,
    (code) => {
      code.call(parallel, base, code.param(0), i32(COUNT), i32(1))
    },
    'run',
  )
  exportKernels(builder, [kernel])
  return { bytes: builder.finish(), tableSize: 1 }
}

/** The threads that took part in a kernel, once all have, or after a time in milliseconds. */
export const sharers = async ({
  threads,
  time,
}: {
  readonly threads: number
  readonly time: number
}): Promise<readonly number[]> => {
  const engine = createEngine({ threads, startAfter: 0 })
  const runner = engine.instantiate(whoRuns(engine), () => undefined)
  const seen = new Set<number>()
  for (const end = Date.now() + time; seen.size < threads && Date.now() < end;) {
    runner.run(engine.heapStart)
    for (const thread of new Int32Array(engine.memory.buffer, engine.heapStart, COUNT)) seen.add(thread)
    // Workers need this thread's event loop to start.
    await nextTask()
  }
  engine.dispose()
  return [...seen].sort()
}
