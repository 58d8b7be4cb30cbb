import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { runInThisContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { KernelError, WorkerError } from '../../src/core/errors.ts'
import { Bytes } from '../../src/backends/wasm/asm/bytes.ts'
import type { Code, Expr, Func } from '../../src/backends/wasm/asm/index.ts'
import { atomic, i32, load, ModuleBuilder, op, result } from '../../src/backends/wasm/asm/index.ts'
import type { Engine, EngineOptions, HostCall, RunnableProgram } from '../../src/backends/wasm/engine.ts'
import { createEngine } from '../../src/backends/wasm/engine.ts'
import { FirstFit } from '../../src/backends/wasm/first-fit.ts'
import { importLibraryFunction, importMemory, importParallel } from '../../src/backends/wasm/library.ts'
import { threadScratchAt } from '../../src/backends/wasm/memory-map.ts'
import { hostFunctions } from '../../src/backends/wasm/math/host.ts'
import { wasmApi } from '../../src/backends/wasm/platform.ts'
import type { ProgramRecord } from '../../src/backends/wasm/program-records.ts'
import { ProgramRecords } from '../../src/backends/wasm/program-records.ts'
import { workerMath } from '../../src/backends/wasm/worker-math.ts'

// Engines

const engines: Engine[] = []

const makeEngine = (options: EngineOptions = {}): Engine => {
  const engine = createEngine({ startAfter: 0, ...options })
  engines.push(engine)
  return engine
}

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
  for (const engine of engines.splice(0)) engine.dispose()
})

/** Until the condition holds, for 10 seconds at most. */
const until = async (condition: () => boolean): Promise<void> => {
  for (const end = Date.now() + 10_000; !condition() && Date.now() < end;) await sleep(5)
  expect(condition()).toBe(true)
}

/** Starts the engine's threads with a job, and waits until all are ready. */
const startThreads = async (engine: Engine): Promise<void> => {
  countingRunner(engine, 64, 1).run(engine.heapStart)
  await until(() => engine.readyThreads === engine.threads - 1)
}

/** The threads that are started from now on, to be. */
const watchThreads = (): readonly Worker[] => {
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

interface Parts {
  /** What the kernel does for one iteration; `thread` is 0 for the caller. */
  readonly iteration: (code: Code, frame: Expr<'i32'>, i: Expr<'i32'>, thread: Expr<'i32'>) => void
  /** What `run` does besides calling the kernel on all iterations. */
  readonly before?: (code: Code, host: Func) => void
  readonly count: number
  readonly grain: number
}

const add = (x: Expr<'i32'>, y: Expr<'i32'>): Expr<'i32'> => op('i32.add', x, y)
const cell = (frame: Expr<'i32'>, i: Expr<'i32'>): Expr<'i32'> => add(frame, op('i32.shl', i, i32(2)))
const isHelper = (thread: Expr<'i32'>): Expr<'i32'> => op('i32.ne', thread, i32(0))

/** A program of one parallel kernel. */
const program = (engine: Engine, { iteration, before, count, grain }: Parts): RunnableProgram => {
  const builder = new ModuleBuilder()
  importMemory(builder, engine.features)
  builder.importTable('env', 'table')
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
  builder.elements(base, [kernel])
  return { bytes: builder.finish(), tableSize: 1 }
}

const noHost: HostCall = () => {
  throw new Error('there is no host step')
}

/** Adds 1 to a cell for each iteration. */
const countOnce = (code: Code, frame: Expr<'i32'>, i: Expr<'i32'>): void => {
  const address = code.let(cell(frame, i))
  code.store('i32.store', address, add(load('i32.load', address), i32(1)))
}

const countingRunner = (engine: Engine, count: number, grain: number) =>
  engine.instantiate(program(engine, { iteration: countOnce, count, grain }), noHost)

const cells = (engine: Engine, count: number): Int32Array =>
  new Int32Array(engine.memory.buffer, engine.heapStart, count)

/** Runs a linear congruential generator from each number, so that threads have time to meet. */
const scramble = (code: Code, frame: Expr<'i32'>, i: Expr<'i32'>): void => {
  const x = code.variable(i)
  code.for(i32(0), i32(300), 1, () => {
    code.set(x, add(op('i32.mul', x.get, i32(1664525)), i32(1013904223)))
  })
  code.store('i32.store', cell(frame, i), x.get)
}

const scrambled = (start: number): number => {
  let x = start
  for (let k = 0; k < 300; k++) x = (Math.imul(x, 1664525) + 1013904223) | 0
  return x
}

/** Expects that both the caller and another thread take part in jobs, sooner or later. Between jobs, threads fall asleep. */
const expectSharing = async (engine: Engine): Promise<void> => {
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

describe('parallel kernels', () => {
  const variants: readonly EngineOptions[] = [
    { shared: false },
    { threads: 1 },
    { threads: 1, shared: true },
    { threads: 2 },
    { threads: 4 },
  ]

  test.each(variants)('give the same with %o', async (options) => {
    const engine = makeEngine(options)
    await startThreads(engine)
    const jobs = fc.record({ count: fc.integer({ min: 0, max: 3000 }), grain: fc.integer({ min: 1, max: 100 }) })
    fc.assert(
      fc.property(jobs, ({ count, grain }) => {
        const runner = engine.instantiate(program(engine, { iteration: scramble, count, grain }), noHost)
        runner.run(engine.heapStart)
        runner.dispose()
        expect(Array.from(cells(engine, count))).toEqual(Array.from({ length: count }, (_, i) => scrambled(i)))
      }),
      { numRuns: 40 },
    )
  })

  test('run every iteration exactly once, thousands of times in a row', async () => {
    const engine = makeEngine({ threads: 4 })
    await startThreads(engine)
    cells(engine, 100).fill(0)
    const [few, many] = [countingRunner(engine, 10, 3), countingRunner(engine, 100, 1)]
    for (let k = 0; k < 10_000; k++) {
      few.run(engine.heapStart)
      many.run(engine.heapStart)
    }
    expect(Array.from(cells(engine, 100))).toEqual(Array.from({ length: 100 }, (_, i) => (i < 10 ? 20_000 : 10_000)))
  })

  test('are shared out between threads, which may have fallen asleep', async () => {
    const engine = makeEngine({ threads: 2 })
    await startThreads(engine)
    await expectSharing(engine)
  })

  test('see memory that has grown since the threads began', async () => {
    const engine = makeEngine({ threads: 2 })
    await startThreads(engine)
    const runner = countingRunner(engine, 1000, 1)
    for (let k = 0; k < 100; k++) {
      const end = engine.memory.buffer.byteLength
      engine.memory.grow(1)
      runner.run(end)
      expect(new Int32Array(engine.memory.buffer, end, 1000).every((x) => x === 1)).toBe(true)
    }
  })

  test('of many programs, some of them large, reach the threads', async () => {
    const engine = makeEngine({ threads: 2 })
    await startThreads(engine)
    /** With a custom section that makes it large. */
    const enlarged = ({ bytes, tableSize }: RunnableProgram): RunnableProgram => {
      const all = new Bytes()
      all.append(bytes)
      all.byte(0)
      const section = new Bytes()
      section.name('padding')
      section.append(new Uint8Array(500_000))
      all.sized(section)
      return { bytes: all.finish(), tableSize }
    }
    const one = program(engine, { iteration: countOnce, count: 99, grain: 1 })
    const large = enlarged(one)
    for (let k = 0; k < 100; k++) engine.instantiate(k < 6 ? large : one, noHost)
    await expectSharing(engine)
  })

  test('may start kernels, which then run on the same thread', async () => {
    const engine = makeEngine({ threads: 2 })
    await startThreads(engine)
    const builder = new ModuleBuilder()
    importMemory(builder, engine.features)
    builder.importTable('env', 'table')
    const base = builder.importGlobal('env', 'tableBase', 'i32')
    const parallel = importParallel(builder)
    const inner = builder.function(['i32', 'i32', 'i32'], null, (code) => {
      code.for(code.param(1), code.param(2), 1, (i) => {
        countOnce(code, code.param(0), i)
      })
    })
    const outer = builder.function(['i32', 'i32', 'i32'], null, (code) => {
      code.for(code.param(1), code.param(2), 1, (i) => {
        const row = add(code.param<'i32'>(0), op('i32.mul', i, i32(400)))
        code.call(parallel, add(base, i32(1)), row, i32(100), i32(7))
      })
    })
    builder.function(
      ['i32'],
      null,
      (code) => {
        code.call(parallel, base, code.param(0), i32(50), i32(1))
      },
      'run',
    )
    builder.elements(base, [outer, inner])
    const runner = engine.instantiate({ bytes: builder.finish(), tableSize: 2 }, noHost)
    cells(engine, 5000).fill(0)
    for (let k = 0; k < 500; k++) runner.run(engine.heapStart)
    expect(cells(engine, 5000).every((x) => x === 500)).toBe(true)
  })

  test('of a program go on after a host step that ran another program', async () => {
    const engine = makeEngine({ threads: 2 })
    await startThreads(engine)
    const inner = engine.instantiate(program(engine, { iteration: scramble, count: 500, grain: 10 }), noHost)
    const before = (code: Code, host: Func): void => {
      code.call(host, i32(7), code.param(0))
    }
    const parts: Parts = { iteration: countOnce, before, count: 500, grain: 10 }
    const steps = new Set<number>()
    const outer = engine.instantiate(program(engine, parts), (step, frame) => {
      steps.add(step)
      inner.run(frame)
    })
    const expected = Array.from({ length: 500 }, (_, i) => scrambled(i) + 1)
    for (let k = 0; k < 200; k++) {
      outer.run(engine.heapStart)
      expect(Array.from(cells(engine, 500))).toEqual(expected)
    }
    expect(steps).toEqual(new Set([7]))
  })
})

describe('threads start', () => {
  test('only after as much work as starting them takes', async () => {
    const engine = makeEngine({ threads: 2, startAfter: 100 })
    const runner = countingRunner(engine, 60, 1)
    runner.run(engine.heapStart)
    await sleep(300)
    expect(engine.readyThreads).toBe(0)
    runner.run(engine.heapStart)
    await until(() => engine.readyThreads === 1)
  })

  test('not at all where the platform has none', () => {
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
    const engine = makeEngine({ threads: 4 })
    expect(engine.features.shared).toBe(false)
    expect(engine.threads).toBe(1)
    countingRunner(engine, 100, 1).run(engine.heapStart)
    expect(cells(engine, 100).every((x) => x === 1)).toBe(true)
  })

  test('or the caller goes on alone, where the platform refuses', () => {
    const refuse = vi.fn(function (): never {
      throw new Error('no threads for you')
    })
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue({ Worker: refuse })
    const engine = makeEngine({ threads: 2 })
    const runner = countingRunner(engine, 100, 1)
    cells(engine, 100).fill(0)
    for (let k = 0; k < 10; k++) runner.run(engine.heapStart)
    expect(cells(engine, 100).every((x) => x === 10)).toBe(true)
    expect(refuse).toHaveBeenCalledTimes(2)
  })

  test('and are not tried for ever where they end at once', async () => {
    let started = 0
    class Short {
      constructor() {
        started++
      }
      on(event: string, listener: () => void): void {
        if (event === 'exit') setTimeout(listener, 1)
      }
      unref = (): void => undefined
      terminate = (): Promise<number> => Promise.resolve(0)
    }
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue({ Worker: Short })
    const engine = makeEngine({ threads: 2 })
    const runner = countingRunner(engine, 100, 1)
    for (let k = 0; k < 10; k++) {
      runner.run(engine.heapStart)
      await sleep(5)
    }
    expect(started).toBe(2)
  })

  test('from a Blob in browsers', async () => {
    /** A browser's worker, as far as it is used: by a thread of Node that runs the text behind the URL. */
    class WebWorker {
      onerror: (() => void) | null = null
      readonly #thread: Promise<Worker>
      constructor(url: string) {
        const receive = "require('node:worker_threads').parentPort.once('message', (data) => onmessage({ data }))"
        this.#thread = fetch(url)
          .then((response) => response.text())
          .then((text) => new Worker(`${text};${receive}`, { eval: true, execArgv: [] }))
      }
      postMessage(data: unknown): void {
        void this.#thread.then((thread) => {
          thread.postMessage(data)
        })
      }
      terminate(): void {
        void this.#thread.then((thread) => thread.terminate())
      }
    }
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
    vi.stubGlobal('crossOriginIsolated', true)
    vi.stubGlobal('Worker', WebWorker)
    const engine = makeEngine({ threads: 3 })
    expect(engine.threads).toBe(3)
    await startThreads(engine)
    cells(engine, 1000).fill(0)
    countingRunner(engine, 1000, 10).run(engine.heapStart)
    expect(cells(engine, 1000).every((x) => x === 1)).toBe(true)
  })
})

describe('failures', () => {
  const works = (engine: Engine): void => {
    cells(engine, 1000).fill(0)
    countingRunner(engine, 1000, 1).run(engine.heapStart)
    expect(cells(engine, 1000).every((x) => x === 1)).toBe(true)
  }

  /** Runs until it throws. Threads need not take part in every job. */
  const failure = async (run: () => void): Promise<unknown> => {
    let thrown: unknown
    await until(() => {
      try {
        run()
      } catch (error) {
        thrown = error
      }
      return thrown !== undefined
    })
    return thrown
  }

  /** Only threads of one kind meet the statement; the others take their time. */
  const onlyOn = (who: 'caller' | 'helper', statement: (code: Code) => void): Parts => ({
    iteration: (code, frame, i, thread) => {
      const chosen = who === 'helper' ? isHelper(thread) : op('i32.eqz', thread)
      code.if(
        chosen,
        () => {
          statement(code)
        },
        () => {
          scramble(code, frame, i)
        },
      )
    },
    count: 1000,
    grain: 10,
  })
  const trap = (code: Code): void => {
    code.unreachable()
  }
  const hang = (code: Code): void => {
    code.loop((again) => {
      code.branch(again)
    })
  }

  test.each(['caller', 'helper'] as const)(
    'a kernel that traps on a %s throws, and the next call works',
    async (who) => {
      const engine = makeEngine({ threads: 3 })
      await startThreads(engine)
      const runner = engine.instantiate(program(engine, onlyOn(who, trap)), noHost)
      for (let k = 0; k < 20; k++) {
        const thrown = await failure(() => {
          runner.run(engine.heapStart)
        })
        expect(thrown).toBeInstanceOf(KernelError)
        expect(String(thrown)).toContain('unreachable')
        works(engine)
      }
      expect(engine.readyThreads).toBe(2)
    },
  )

  test('nothing runs any more when a kernel has trapped', async () => {
    const engine = makeEngine({ threads: 2 })
    await startThreads(engine)
    // Cell 0: a helper has begun; cell 1: how many pieces it has begun and not finished.
    const iteration: Parts['iteration'] = (code, frame, i, thread) => {
      const bump = (by: number): void => {
        code.drop(atomic('i32.atomic.rmw.add', [frame, i32(by)], 4))
      }
      const work = (): void => {
        bump(1)
        code.atomicStore('i32.atomic.store', frame, i32(1))
        for (let k = 0; k < 100; k++) scramble(code, add(frame, i32(64)), i)
        bump(-1)
      }
      const trapOnceHelped = (): void => {
        code.if(atomic('i32.atomic.load', [frame]), () => {
          code.unreachable()
        })
        scramble(code, add(frame, i32(64)), i)
      }
      code.if(isHelper(thread), work, trapOnceHelped)
    }
    const runner = engine.instantiate(program(engine, { iteration, count: 10_000, grain: 10 }), noHost)
    for (let k = 0; k < 20; k++) {
      cells(engine, 2).fill(0)
      const thrown = await failure(() => {
        runner.run(engine.heapStart)
      })
      expect(thrown).toBeInstanceOf(KernelError)
      expect(Array.from(cells(engine, 2))).toEqual([1, 0])
    }
  })

  test('a kernel that traps without threads throws', () => {
    const engine = makeEngine({ shared: false })
    const runner = engine.instantiate(program(engine, onlyOn('caller', trap)), noHost)
    expect(() => {
      runner.run(engine.heapStart)
    }).toThrow(KernelError)
    works(engine)
  })

  test('what a host step throws is thrown as it is', async () => {
    const engine = makeEngine({ threads: 2 })
    await startThreads(engine)
    const thrown = new RangeError('of the host')
    const before = (code: Code, host: Func): void => {
      code.call(host, i32(0), code.param(0))
    }
    const runner = engine.instantiate(program(engine, { iteration: countOnce, before, count: 99, grain: 1 }), () => {
      throw thrown
    })
    expect(() => {
      runner.run(engine.heapStart)
    }).toThrow(thrown)
    works(engine)
  })

  test('a thread that dies with a piece of work is an error, not a hang, and others take its place', async () => {
    const engine = makeEngine({ threads: 3, patience: 200 })
    await startThreads(engine)
    const runner = engine.instantiate(program(engine, onlyOn('helper', hang)), noHost)
    const thrown = await failure(() => {
      runner.run(engine.heapStart)
    })
    expect(thrown).toBeInstanceOf(WorkerError)
    expect(engine.readyThreads).toBe(0)
    works(engine)
    await startThreads(engine)
    await expectSharing(engine)
  })

  test('threads that end while nothing runs are replaced', async () => {
    const started = watchThreads()
    const engine = makeEngine({ threads: 2 })
    await startThreads(engine)
    await started[0]!.terminate()
    await until(() => engine.readyThreads === 0)
    works(engine)
    await startThreads(engine)
    expect(started).toHaveLength(2)
    works(engine)
  })

  test('a module that a thread cannot instantiate is an error', async () => {
    const engine = makeEngine({ threads: 2 })
    await startThreads(engine)
    const { add } = ProgramRecords.prototype
    vi.spyOn(ProgramRecords.prototype, 'add').mockImplementation(function (this: ProgramRecords, bytes, base, size) {
      return add.call(this, new Uint8Array(bytes.length), base, size)
    })
    const runner = engine.instantiate(program(engine, { iteration: scramble, count: 1000, grain: 10 }), noHost)
    vi.restoreAllMocks()
    const thrown = await failure(() => {
      runner.run(engine.heapStart)
    })
    expect(thrown).toBeInstanceOf(WorkerError)
    works(engine)
  })
})

describe('mathematics on other threads', () => {
  const functions = runInThisContext(workerMath) as { readonly [name: string]: (...args: readonly number[]) => number }
  const special = [0, -0, 1, -1, 0.5, 2, 3, -3, Infinity, -Infinity, NaN, 5e-324, 1e300, 0.85, 0.999999, 1 - 2 ** -53]
  const number = fc.oneof(fc.constantFrom(...special), fc.double(), fc.double({ min: -1, max: 1 }))

  test.each(Object.entries(hostFunctions))('%s gives the same bits', (name, here) => {
    const there = functions[name]!
    fc.assert(
      fc.property(number, number, (x, y) => {
        expect(there(x, y)).toBe(here(x, y))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('disposal', () => {
  test('gives back slots of the table and room for modules', async () => {
    const add = vi.spyOn(ProgramRecords.prototype, 'add')
    const engine = makeEngine({ threads: 2 })
    await startThreads(engine)
    // Programs that take the same slot in turns, and do different things.
    const adding = (n: number): RunnableProgram => {
      const iteration: Parts['iteration'] = (code, frame, i) => {
        const address = code.let(cell(frame, i))
        code.store('i32.store', address, op('i32.add', load('i32.load', address), i32(n)))
      }
      return program(engine, { iteration, count: 100, grain: 1 })
    }
    const programs = [adding(1), adding(10_000)]
    const length = engine.tableLength
    cells(engine, 100).fill(0)
    for (let k = 0; k < 2000; k++) {
      const runner = engine.instantiate(programs[k % 2]!, noHost)
      for (let run = 0; run < 5; run++) runner.run(engine.heapStart)
      runner.dispose()
    }
    expect(new Set(cells(engine, 100))).toEqual(new Set([5000 * 10_001]))
    expect(engine.tableLength).toBe(length)
    const addresses = add.mock.results.map(({ value }) => (value as ProgramRecord).address)
    expect(addresses).toHaveLength(2001)
    expect(new Set(addresses).size).toBe(2)
  })

  test('of records leaves room for others', () => {
    const records = new ProgramRecords(wasmApi()!)
    const add = (length: number) => records.add(new Uint8Array(length), 0, 1)
    const live = Array.from({ length: 100 }, () => add(50_000))
    const size = records.memory.buffer.byteLength
    for (let k = 0; k < 2000; k++) {
      live.splice(k % 100, 1)[0]!.dispose()
      live.push(add(1 + ((k * 7919) % 50_000)))
    }
    expect(records.memory.buffer.byteLength).toBe(size)
    expect(new Set(live.map((r) => r.number)).size).toBe(100)
  })

  test('of an engine ends its threads, and programs still run', async () => {
    const started = watchThreads()
    const engine = makeEngine({ threads: 2 })
    await startThreads(engine)
    const runner = countingRunner(engine, 100, 1)
    const ended = once(started[0]!, 'exit')
    engine.dispose()
    expect(engine.readyThreads).toBe(0)
    await ended
    cells(engine, 100).fill(0)
    runner.run(engine.heapStart)
    expect(cells(engine, 100).every((x) => x === 1)).toBe(true)
  })

  test('ranges in use never overlap, and all free means nothing in use', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(20)), { maxLength: 60 }), (steps) => {
        const ranges = new FirstFit()
        const used: { start: number; length: number }[] = []
        for (const [take, n] of steps) {
          if (take) used.push({ start: ranges.take(n), length: n })
          else for (const { start, length } of used.splice(n % (used.length + 1), 1)) ranges.give(start, length)
          const owners = used.flatMap(({ start, length }) => Array.from({ length }, (_, k) => start + k))
          expect(new Set(owners).size).toBe(owners.length)
          expect(Math.max(-1, ...owners)).toBeLessThan(ranges.end)
        }
        for (const { start, length } of used) ranges.give(start, length)
        expect(ranges.end).toBe(0)
      }),
    )
  })
})

describe('in a process of its own', () => {
  const folder = join(import.meta.dirname, '../../src/backends/wasm')
  /** Runs a job until threads help, and ends without ado. */
  const script = `
    import { createEngine } from ${JSON.stringify(pathToFileURL(join(folder, 'engine.ts')))}
    import { importMemory, importParallel } from ${JSON.stringify(pathToFileURL(join(folder, 'library.ts')))}
    import { ModuleBuilder, i32 } from ${JSON.stringify(pathToFileURL(join(folder, 'asm/index.ts')))}
    const engine = createEngine({ threads: 3, startAfter: 0 })
    const builder = new ModuleBuilder()
    importMemory(builder, engine.features)
    builder.importTable('env', 'table')
    const base = builder.importGlobal('env', 'tableBase', 'i32')
    const parallel = importParallel(builder)
    const kernel = builder.function(['i32', 'i32', 'i32'], null, () => {})
    builder.function(['i32'], null, (code) => code.call(parallel, base, i32(0), i32(100), i32(1)), 'run')
    builder.elements(base, [kernel])
    const runner = engine.instantiate({ bytes: builder.finish(), tableSize: 1 }, () => {})
    const end = Date.now() + 10000
    while (engine.readyThreads < 2 && Date.now() < end) runner.run(0)
    console.log(engine.readyThreads, Date.now())
  `
  const expectToEnd = async (args: readonly string[]): Promise<void> => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 })
    const [ready, ended] = stdout.split(' ').map(Number)
    expect(stderr).toBe('')
    expect(ready).toBe(2)
    expect(Date.now() - ended!).toBeLessThan(2000)
  }

  test('threads do not keep it alive', async () => {
    await expectToEnd(['--import', 'tsx', '--input-type=module', '--eval', script])
  })

  test('threads start from a minified bundle', async () => {
    const target = await mkdtemp(join(tmpdir(), 'pullback-'))
    const outfile = join(target, 'bundle.mjs')
    const options = { bundle: true, minify: true, keepNames: true, format: 'esm', platform: 'neutral' } as const
    const contents = script.replaceAll('file://', '')
    await build({ ...options, stdin: { contents, resolveDir: folder, loader: 'ts' }, outfile, write: true })
    await expectToEnd([outfile])
    await rm(target, { recursive: true })
  })
})
