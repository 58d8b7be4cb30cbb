/** Medians of interleaved rounds: contestants take turns, so that what the machine does meanwhile hits all of them. */

export interface Contestant {
  readonly name: string
  /** Does the work once; may be asynchronous. */
  readonly run: () => unknown
  /** How much of the work one call does; the time is divided by it. */
  readonly per?: number
}

export interface Timing {
  readonly name: string
  /** Median microseconds for one unit of work. */
  readonly microseconds: number
}

const median = (xs: readonly number[]): number => [...xs].sort((a, b) => a - b)[Math.floor(xs.length / 2)]!

const timed = async (run: () => unknown, times: number): Promise<number> => {
  const start = performance.now()
  for (let i = 0; i < times; i++) {
    const result = run()
    if (result instanceof Promise) await result
  }
  return performance.now() - start
}

/** So many calls take about 20 ms. */
const callsFor = async ({ run }: Contestant): Promise<number> => {
  await timed(run, 20)
  const once = (await timed(run, 5)) / 5
  return Math.max(1, Math.min(20_000, Math.round(20 / Math.max(once, 1e-4))))
}

export const race = async (contestants: readonly Contestant[], rounds = 15): Promise<readonly Timing[]> => {
  const calls = await Promise.all(contestants.map(callsFor))
  const times: number[][] = contestants.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, { run, per = 1 }] of contestants.entries()) {
      times[i]!.push(((await timed(run, calls[i]!)) * 1000) / calls[i]! / per)
    }
  }
  return contestants.map(({ name }, i) => ({ name, microseconds: median(times[i]!) }))
}
