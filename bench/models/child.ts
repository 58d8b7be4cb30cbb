/** One task in a process of its own: `child.ts TASK ROUNDS`. Sends times and the most memory that was resident. */
import { peakResidentBytes } from '../memory/peak.ts'
import { tasks } from './tasks.ts'
import type { Times } from './timed.ts'
import { timed } from './timed.ts'

export interface Timed extends Times {
  readonly peakBytes: number
}

const [name, rounds] = process.argv.slice(2) as [string, string]
const { run, parts = 1 } = await tasks[name]!()
const result: Timed = { ...(await timed(run, Number(rounds), parts)), peakBytes: peakResidentBytes() }
process.send!(result)
