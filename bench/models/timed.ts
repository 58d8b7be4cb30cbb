/** How long a run takes. */
export interface Times {
  /** Of a run, or of one of its parts. */
  readonly milliseconds: number
  /** Of the first run, beyond one that was steady: what comes once. */
  readonly firstMilliseconds: number
}

const once = async (run: () => unknown): Promise<number> => {
  const start = performance.now()
  await run()
  return performance.now() - start
}

/** A first run, then the median of so many. */
export const timed = async (run: () => unknown, rounds: number, parts: number): Promise<Times> => {
  const first = await once(run)
  const times: number[] = []
  for (let i = 0; i < rounds; i++) times.push(await once(run))
  times.sort((a, b) => a - b)
  const median = times[times.length >> 1]!
  return { milliseconds: median / parts, firstMilliseconds: first - median }
}
