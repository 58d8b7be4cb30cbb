import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { runInThisContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Bytes } from '../../../src/backends/wasm/asm/bytes.ts'
import type { Code, Func } from '../../../src/backends/wasm/asm/index.ts'
import { i32, ModuleBuilder, op } from '../../../src/backends/wasm/asm/index.ts'
import type { EngineOptions, RunnableProgram } from '../../../src/backends/wasm/engine.ts'
import { exportKernels, importMemory, importParallel } from '../../../src/backends/wasm/library.ts'
import { hostFunctions, hostText } from '../../../src/backends/wasm/math/host.ts'
import type { Parts } from './support/threads.ts'
import {
  add,
  cells,
  cleanUp,
  countingRunner,
  countOnce,
  expectSharing,
  makeEngine,
  noHost,
  program,
  scramble,
  scrambled,
  startThreads,
  until,
} from './support/threads.ts'

afterEach(cleanUp)

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
    exportKernels(builder, [outer, inner])
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

describe('mathematics on other threads', () => {
  const functions = runInThisContext(hostText) as { readonly [name: string]: (...args: readonly number[]) => number }
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

describe('in a process of its own', () => {
  const folder = join(import.meta.dirname, '../../../src/backends/wasm')
  /** Runs a job until threads help, and ends without ado. */
  const script = `
    import { createEngine } from ${JSON.stringify(pathToFileURL(join(folder, 'engine.ts')))}
    import { exportKernels, importMemory, importParallel } from ${JSON.stringify(pathToFileURL(join(folder, 'library.ts')))}
    import { ModuleBuilder, i32 } from ${JSON.stringify(pathToFileURL(join(folder, 'asm/index.ts')))}
    const engine = createEngine({ threads: 3, startAfter: 0 })
    const builder = new ModuleBuilder()
    importMemory(builder, engine.features)
    const base = builder.importGlobal('env', 'tableBase', 'i32')
    const parallel = importParallel(builder)
    const kernel = builder.function(['i32', 'i32', 'i32'], null, () => {})
    builder.function(['i32'], null, (code) => code.call(parallel, base, i32(0), i32(100), i32(1)), 'run')
    exportKernels(builder, [kernel])
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
