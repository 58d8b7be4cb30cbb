/** Medians of interleaved rounds: contestants take turns, so that what the machine does meanwhile hits all of them. */

export interface Contestant {
  readonly name: string
  /** Does the work once; may be asynchronous. */
  readonly run: () => unknown
  /** How much of the work one call does; the time is divided by it. */
  readonly per?: number
  /** Run before each of its turns, outside the clock. */
  readonly enter?: () => Promise<unknown>
}

export interface Timing {
  readonly name: string
  /** Median microseconds for one unit of work. */
  readonly microseconds: number
}

const rounds = 21
const turn = 20
// V8 needs thousands of calls before it has compiled all that a gradient goes through.
const warmUp = 1000

const median = (xs: readonly number[]): number => [...xs].sort((a, b) => a - b)[Math.floor(xs.length / 2)]!

/** Milliseconds of so many calls. */
const timed = async (run: () => unknown, times: number): Promise<number> => {
  const start = performance.now()
  for (let i = 0; i < times; i++) {
    const result = run()
    if (result instanceof Promise) await result
  }
  return performance.now() - start
}

/** Runs until compiled and warm; gives how many calls make up a turn. */
const warm = async ({ run, enter }: Contestant): Promise<number> => {
  await enter?.()
  let spent = 0
  let once = Infinity
  for (let times = 1; spent < warmUp; times = Math.ceil(Math.max(1, turn / Math.max(once, 1e-4)))) {
    const elapsed = await timed(run, times)
    spent += elapsed
    once = elapsed / times
  }
  return Math.max(1, Math.round(turn / once))
}

/** The median time of each contestant. */
export const race = async (contestants: readonly Contestant[]): Promise<readonly Timing[]> => {
  const calls: number[] = []
  for (const contestant of contestants) calls.push(await warm(contestant))
  const times: number[][] = contestants.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, { run, enter, per = 1 }] of contestants.entries()) {
      await enter?.()
      times[i]!.push(((await timed(run, calls[i]!)) * 1000) / calls[i]! / per)
    }
  }
  return contestants.map(({ name }, i) => ({ name, microseconds: median(times[i]!) }))
}
