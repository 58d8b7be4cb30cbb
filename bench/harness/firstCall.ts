/** What the first call of a piece of work costs beyond the later ones, in fresh processes. */
import type { Family } from '../tasks/families.ts'
import type { Contestant } from './contestants.ts'
import type { Pace } from './pace.ts'
import { median } from './pace.ts'
import { ContestantProcess } from './process.ts'
import type { Timings } from './race.ts'

const later = 20

/** Microseconds of a first call less the least of the next twenty; null if it cannot do it. */
const once = async (contestant: Contestant, python: string, family: Family, row: string): Promise<number | null> => {
  const one = await ContestantProcess.start(contestant, python)
  try {
    if (!(await one.ask({ kind: 'make', family, row })).able) return null
    const call = async (): Promise<number> => (await one.ask({ kind: 'time', calls: 1 })).milliseconds
    const first = await call()
    let steady = Infinity
    for (let i = 0; i < later; i++) steady = Math.min(steady, await call())
    return (first - steady) * 1000
  } finally {
    one.stop()
  }
}

export const firstCalls = async (
  contestants: readonly Contestant[],
  python: string,
  family: Family,
  row: string,
  pace: Pace,
): Promise<Timings> => {
  const found = new Map<string, number[]>(contestants.map(({ name }) => [name, []]))
  for (let i = 0; i < pace.processes; i++) {
    for (const contestant of contestants) {
      const cost = await once(contestant, python, family, row)
      if (cost !== null) found.get(contestant.name)!.push(cost)
    }
  }
  return new Map([...found].filter(([, costs]) => costs.length > 0).map(([name, costs]) => [name, median(costs)]))
}
