/** One task in a process of its own: `child.ts TASK ROUNDS`. Sends times and the most memory that was resident. */
import { peakResidentBytes } from '../memory/peak.ts'
import { tasks } from './tasks.ts'

export interface Timed {
  /** Of a run, or of one of its parts. */
  readonly milliseconds: number
  /** Of the first run, and of one that was steady: what comes once. */
  readonly firstMilliseconds: number
  readonly peakBytes: number
}

const [name, rounds] = process.argv.slice(2) as [string, string]
const { run, parts = 1 } = await tasks[name]!()

const timed = async (): Promise<number> => {
  const start = performance.now()
  await run()
  return performance.now() - start
}

const first = await timed()
const times: number[] = []
for (let i = 0; i < Number(rounds); i++) times.push(await timed())
times.sort((a, b) => a - b)
const median = times[times.length >> 1]!
const result: Timed = {
  milliseconds: median / parts,
  firstMilliseconds: first - median,
  peakBytes: peakResidentBytes(),
}
process.send!(result)
