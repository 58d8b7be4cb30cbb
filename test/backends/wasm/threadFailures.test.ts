import { once } from 'node:events'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { KernelError, WorkerError } from '../../../src/core/errors.ts'
import type { Code, Func } from '../../../src/backends/wasm/asm/index.ts'
import { atomic, i32, load, op } from '../../../src/backends/wasm/asm/index.ts'
import type { Engine, RunnableProgram } from '../../../src/backends/wasm/engine.ts'
import { FirstFit } from '../../../src/core/firstFit.ts'
import { control } from '../../../src/backends/wasm/memoryMap.ts'
import { wasmApi } from '../../../src/backends/wasm/platform.ts'
import type { ProgramRecord } from '../../../src/backends/wasm/programRecords.ts'
import { ProgramRecords } from '../../../src/backends/wasm/programRecords.ts'
import type { Parts } from './support/threads.ts'
import {
  add,
  cell,
  cells,
  cleanUp,
  countingRunner,
  countOnce,
  expectSharing,
  isHelper,
  makeEngine,
  noHost,
  program,
  scramble,
  scrambled,
  startThreads,
  until,
  watchThreads,
} from './support/threads.ts'

afterEach(cleanUp)

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

  test('of a program, and another one in its place, does no harm to threads that still look there', async () => {
    const add = vi.spyOn(ProgramRecords.prototype, 'add')
    const engine = makeEngine({ threads: 2 })
    await startThreads(engine)
    const records = new Int32Array((add.mock.contexts[0] as ProgramRecords).memory.buffer)
    // The end of the first module: as a record, one with a number and without bytes.
    const end = 4 * records.findLastIndex((word) => word !== 0)
    const astray = (code: Code): void => {
      code.store('i32.store', i32(control.record), i32(end))
    }
    const parts = { before: astray, iteration: scramble, count: 10_000, grain: 100 }
    const runner = engine.instantiate(program(engine, parts), noHost)
    for (let run = 0; run < 20; run++) runner.run(engine.heapStart)
    expect([...cells(engine, 10_000)]).toEqual(Array.from({ length: 10_000 }, (_, i) => scrambled(i)))
    await expectSharing(engine)
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
