/**
 * `parallel(slot, frame, count, grain)`: runs the kernel in a table slot on iterations 0 to `count`, taken in pieces of
 * `grain`, by all threads at once.
 *
 * The caller writes the job, then publishes it by storing the ticket: a new job number and the number of remaining iterations.
 * A thread, or the caller, takes a piece by reading the ticket and the job, and lowering the ticket by compare-and-exchange.
 * That succeeds only if no piece was taken and no other job began since the ticket was read; and a job does not change while it
 * has remaining iterations. So the job that was read belongs to the piece taken. Each finished piece is counted in `done`,
 * unless its job was abandoned meanwhile.
 *
 * All accesses to these words are sequentially consistent; so the caller sees what kernels wrote before counting a piece, and
 * the threads of a job see what the caller wrote before it.
 */
import type { Code, Expr, Func, ModuleBuilder } from './asm/index.ts'
import { atomic, i32, i64, load, op, select } from './asm/index.ts'
import { control } from './memoryMap.ts'

/**
 * The number of polls of an idle thread for a job, and of the caller for the end of a job, before they sleep: about 45
 * microseconds. Waking a thread takes about as long (40 measured in a virtual machine, a few on bare metal).
 */
const SPINS = 80_000

/** The number of pieces of work, of one job or several, from which waking threads pays. */
const WORTH_WAKING = 12

/** The functions of JavaScript that `parallel` calls. */
interface DispatchImports {
  /** Starts the threads. */
  readonly startThreads: Func
  /** Waits for the job's last pieces, and throws if a thread failed. */
  readonly settle: Func
}

const at = (address: number): Expr<'i32'> => i32(address)
const word = (address: number): Expr<'i32'> => load('i32.load', at(address))
const shared = (address: number): Expr<'i32'> => atomic('i32.atomic.load', [at(address)])
const shared64 = (address: number): Expr<'i64'> => atomic('i64.atomic.load', [at(address)])
const exchange64 = (address: number, from: Expr<'i64'>, to: Expr<'i64'>): Expr<'i64'> =>
  atomic('i64.atomic.rmw.cmpxchg', [at(address), from, to])
const low = (x: Expr<'i64'>): Expr<'i32'> => op('i32.wrap_i64', x)
const high = (x: Expr<'i64'>): Expr<'i64'> => op('i64.and', x, i64(-0x1_0000_0000n))
const wide = (x: Expr<'i32'>): Expr<'i64'> => op('i64.extend_i32_u', x)
const least = (x: Expr<'i32'>, y: Expr<'i32'>): Expr<'i32'> => select(op('i32.lt_s', x, y), x, y)

interface Global<T extends 'i32' | 'i64'> {
  readonly index: number
  readonly get: Expr<T>
}

const wake = (code: Code, threads: number): void => {
  code.if(shared(control.sleepers), () => {
    code.drop(atomic('memory.atomic.notify', [at(control.ticket), i32(threads)]))
  })
}

/** `sum += more; if (sum > limit) { sum = 0; then() }`. */
const whenSumExceeds = (
  code: Code,
  sum: Global<'i32'>,
  more: Expr<'i32'>,
  limit: Expr<'i32'>,
  then: () => void,
): void => {
  code.setGlobal(sum.index, op('i32.add', sum.get, more))
  code.if(op('i32.gt_u', sum.get, limit), () => {
    code.setGlobal(sum.index, i32(0))
    then()
  })
}

const PARALLEL = ['i32', 'i32', 'i32', 'i32'] as const

interface Job {
  readonly slot: Expr<'i32'>
  readonly frame: Expr<'i32'>
  readonly count: Expr<'i32'>
  readonly grain: Expr<'i32'>
}

const jobOfParameters = (code: Code): Job => ({
  slot: code.param(0),
  frame: code.param(1),
  count: code.param(2),
  grain: code.param(3),
})

/** The type index of a kernel: `(frame, lo, hi)`. */
const kernelType = (builder: ModuleBuilder): number => builder.type(['i32', 'i32', 'i32'], null)

/**
 * Calls the kernel piece by piece. It uses several calls even for one thread: a function that loops for long in its first call
 * stays in V8's baseline tier until it returns.
 */
const runAlone = (code: Code, type: number, { slot, frame, count, grain }: Job): void => {
  const lo = code.variable(i32(0))
  code.if(op('i32.gt_s', count, i32(0)), () => {
    code.loop((again) => {
      const hi = code.let(op('i32.add', lo.get, least(grain, op('i32.sub', count, lo.get))))
      code.callIndirect(type, slot, frame, lo.get, hi)
      code.set(lo, hi)
      code.branchIf(again, op('i32.lt_s', lo.get, count))
    })
  })
}

/** Defines `parallel` for an engine without threads. */
export const defineSerialDispatch = (builder: ModuleBuilder): void => {
  const type = kernelType(builder)
  builder.function(
    PARALLEL,
    null,
    (code) => {
      runAlone(code, type, jobOfParameters(code))
    },
    'parallel',
  )
}

/** `finish(number, pieces)`: counts iterations as finished, if the job with this number (in the high half) is still current. */
const defineFinish = (builder: ModuleBuilder): Func =>
  builder.function(['i64', 'i32'], null, (code) => {
    const [number, iterations] = [code.param<'i64'>(0), code.param<'i32'>(1)]
    code.loop((again) => {
      const done = code.let(shared64(control.done))
      code.if(op('i64.ne', high(done), number), () => {
        code.return()
      })
      const counted = exchange64(control.done, done, op('i64.add', done, wide(iterations)))
      code.branchIf(again, op('i64.ne', counted, done))
    })
    code.if(shared(control.callerSleeps), () => {
      code.drop(atomic('memory.atomic.notify', [at(control.done), i32(1)]))
    })
  })

interface Held {
  /** The job number, in the high half, of the piece that this thread has taken. */
  readonly number: Global<'i64'>
  /** Its number of iterations; 0 if none is taken. */
  readonly iterations: Global<'i32'>
}

/** `takePieces(program)`: takes and runs pieces of the job until none is left, or the job belongs to another program. */
const defineTakePieces = (builder: ModuleBuilder, held: Held, finish: Func): Func => {
  const type = kernelType(builder)
  return builder.function(['i32'], null, (code) => {
    code.loop((again) => {
      const ticket = code.let(shared64(control.ticket))
      const left = code.let(low(ticket))
      code.if(op('i32.eqz', left), () => {
        code.return()
      })
      code.if(op('i32.ne', shared(control.program), code.param(0)), () => {
        code.return()
      })
      const [slot, frame] = [code.let(shared(control.slot)), code.let(shared(control.frame))]
      const lo = code.let(op('i32.sub', shared(control.count), left))
      const piece = code.let(least(shared(control.grain), left))
      const taken = exchange64(control.ticket, ticket, op('i64.sub', ticket, wide(piece)))
      code.branchIf(again, op('i64.ne', taken, ticket))
      code.setGlobal(held.number.index, high(ticket))
      code.setGlobal(held.iterations.index, piece)
      code.callIndirect(type, slot, frame, lo, op('i32.add', lo, piece))
      code.setGlobal(held.iterations.index, i32(0))
      code.call(finish, high(ticket), piece)
      code.branch(again)
    })
  })
}

/** `work(program)`: the main loop of a thread, until a job of another program comes. */
const defineWork = (builder: ModuleBuilder, busy: number, takePieces: Func): void => {
  const body = (code: Code): void => {
    const spins = code.local('i32')
    const ticket = code.local('i64')
    code.setGlobal(busy, i32(1))
    code.loop((again) => {
      code.set(spins, i32(SPINS))
      code.loop((look) => {
        code.set(ticket, shared64(control.ticket))
        code.set(spins, op('i32.sub', spins.get, i32(1)))
        code.branchIf(look, op('i32.and', op('i32.eqz', low(ticket.get)), op('i32.ne', spins.get, i32(0))))
      })
      code.if(op('i32.eqz', low(ticket.get)), () => {
        // A caller that publishes a job after this line sees a sleeper; one that did so before has changed the ticket.
        code.drop(atomic('i32.atomic.rmw.add', [at(control.sleepers), i32(1)]))
        code.drop(atomic('memory.atomic.wait64', [at(control.ticket), ticket.get, i64(-1n)]))
        code.drop(atomic('i32.atomic.rmw.sub', [at(control.sleepers), i32(1)]))
        // A woken thread wakes two others, so that the caller pays for only one.
        code.if(op('i32.ne', low(shared64(control.ticket)), i32(0)), () => {
          wake(code, 2)
        })
        code.branch(again)
      })
      code.if(op('i32.ne', shared(control.program), code.param(0)), () => {
        code.return()
      })
      code.call(takePieces, code.param(0))
      code.branch(again)
    })
  }
  builder.function(['i32'], null, body, 'work')
}

/** `abandon()`: after a trap, abandons this thread's piece and the remaining ones of its job. */
const defineAbandon = (builder: ModuleBuilder, busy: number, held: Held, finish: Func): void => {
  const body = (code: Code): void => {
    const number = held.number.get
    code.setGlobal(busy, i32(0))
    code.if(op('i32.eqz', held.iterations.get), () => {
      code.return()
    })
    code.loop((again) => {
      const ticket = code.let(shared64(control.ticket))
      code.if(op('i64.eq', high(ticket), number), () => {
        code.branchIf(again, op('i64.ne', exchange64(control.ticket, ticket, number), ticket))
        code.call(finish, number, low(ticket))
      })
    })
    code.call(finish, number, held.iterations.get)
    code.setGlobal(held.iterations.index, i32(0))
  }
  builder.function([], null, body, 'abandon')
}

/** Writes the job and publishes it. The result is the value of `done` at its end. */
const publish = (code: Code, number: Global<'i32'>, job: Job): Expr<'i64'> => {
  for (const part of ['slot', 'frame', 'count', 'grain'] as const) {
    code.atomicStore('i32.atomic.store', at(control[part]), job[part])
  }
  code.setGlobal(number.index, op('i32.add', number.get, i32(1)))
  const none = code.let(op('i64.shl', wide(number.get), i64(32n)))
  const all = code.let(op('i64.or', none, wide(job.count)))
  code.atomicStore('i64.atomic.store', at(control.done), none)
  code.atomicStore('i64.atomic.store', at(control.ticket), all)
  return all
}

/** Waits until all is done: first by polling, then in JavaScript, where it can sleep and measure time. */
const awaitAll = (code: Code, all: Expr<'i64'>, settle: Func): void => {
  const spins = code.variable(i32(SPINS))
  const unfinished = op('i64.ne', shared64(control.done), all)
  code.loop((look) => {
    code.set(spins, op('i32.sub', spins.get, i32(1)))
    code.branchIf(look, op('i32.and', unfinished, op('i32.ne', spins.get, i32(0))))
  })
  code.if(op('i32.or', unfinished, shared(control.failure)), () => {
    code.call(settle)
  })
}

/** Defines `parallel`, and the functions of threads: `work` and `abandon`. */
export const defineDispatch = (builder: ModuleBuilder, { startThreads, settle }: DispatchImports): void => {
  const type = kernelType(builder)
  // Whether this thread is inside `parallel`: nested calls run on one thread.
  const busy = builder.global(i32(0))
  const number = builder.global(i32(0))
  const piecesAlone = builder.global(i32(0))
  const piecesAsleep = builder.global(i32(0))
  const held: Held = { number: builder.global(i64(0n)), iterations: builder.global(i32(0)) }
  const finish = defineFinish(builder)
  const takePieces = defineTakePieces(builder, held, finish)
  defineWork(builder, busy.index, takePieces)
  defineAbandon(builder, busy.index, held, finish)
  const body = (code: Code): void => {
    const job = jobOfParameters(code)
    const pieces = op('i32.div_u', job.count, job.grain)
    code.if(op('i32.or', busy.get, op('i32.le_s', job.count, job.grain)), () => {
      runAlone(code, type, job)
      code.return()
    })
    code.if(op('i32.eqz', op('i32.and', shared(control.ready), i32(255))), () => {
      whenSumExceeds(code, piecesAlone, pieces, word(control.startAfter), () => {
        code.call(startThreads)
      })
      runAlone(code, type, job)
      code.return()
    })
    code.setGlobal(busy.index, i32(1))
    const all = publish(code, number, job)
    code.if(shared(control.sleepers), () => {
      whenSumExceeds(code, piecesAsleep, pieces, i32(WORTH_WAKING), () => {
        wake(code, 1)
      })
    })
    code.call(takePieces, word(control.program))
    awaitAll(code, all, settle)
    code.setGlobal(busy.index, i32(0))
  }
  builder.function(PARALLEL, null, body, 'parallel')
}
