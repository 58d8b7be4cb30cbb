/**
 * Medians of interleaved turns. Contestants take turns, so that what the machine does meanwhile hits all of them; each has a
 * process of its own, since one library's garbage and WebAssembly memory slow the others' loops down.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Family } from '../tasks/families.ts'
import type { Row } from '../tasks/row.ts'
import { differenceInLosses, differenceInValues } from './agreement.ts'
import type { Pace } from './pace.ts'
import { median } from './pace.ts'
import type { ContestantProcess } from './process.ts'

/** Median microseconds of one run, by contestant; those that cannot do it are missing. */
export type Timings = ReadonlyMap<string, number>

const steps = 10
// Idle threads of a pool spin for a while before they sleep: not while another contestant is timed.
const pause = 10

type Difference = (given: ContestantProcess) => Promise<string | null>

const byValues = async (reference: ContestantProcess): Promise<Difference> => {
  const { values: expected } = await reference.ask({ kind: 'values' })
  return async (given) => differenceInValues((await given.ask({ kind: 'values' })).values, expected)
}

const byLosses = async (reference: ContestantProcess): Promise<Difference> => {
  const { losses: expected } = await reference.ask({ kind: 'losses', steps })
  return async (given) => differenceInLosses((await given.ask({ kind: 'losses', steps })).losses, expected)
}

/** Throws unless all have the last one's results, but for rounding. */
const checkAgreement = async (able: readonly ContestantProcess[], row: Row): Promise<void> => {
  const reference = able.at(-1)
  if (reference === undefined || row.agreement === 'none') return
  const difference = await (row.agreement === 'losses' ? byLosses : byValues)(reference)
  for (const one of able.slice(0, -1)) {
    const found = await difference(one)
    if (found === null) continue
    throw new Error(`${row.what}: ${one.contestant.name} and ${reference.contestant.name} differ: ${found}.`)
  }
}

const milliseconds = async (one: ContestantProcess, calls: number): Promise<number> =>
  (await one.ask({ kind: 'time', calls })).milliseconds

/** Runs until V8 has compiled what it will; gives how many calls make up a turn. */
const warm = async (one: ContestantProcess, { warmUp, turn }: Pace): Promise<number> => {
  let calls = 1
  for (let spent = 0; spent < warmUp;) {
    const taken = await milliseconds(one, calls)
    spent += taken
    calls = Math.max(1, Math.round((turn * calls) / Math.max(taken, 1e-3)))
  }
  return calls
}

/** Those that can do the row, once they have made it and agree. */
const prepare = async (
  processes: readonly ContestantProcess[],
  family: Family,
  name: string,
  row: Row,
): Promise<readonly ContestantProcess[]> => {
  const able: ContestantProcess[] = []
  for (const one of processes) if ((await one.ask({ kind: 'make', family, row: name })).able) able.push(one)
  await checkAgreement(able, row)
  return able
}

export const race = async (
  processes: readonly ContestantProcess[],
  family: Family,
  name: string,
  row: Row,
  pace: Pace,
): Promise<Timings> => {
  const able = await prepare(processes, family, name, row)
  const calls: number[] = []
  for (const one of able) calls.push(await warm(one, pace))
  const turns: number[][] = able.map(() => [])
  const spent = able.map(() => 0)
  for (let round = 0; round < pace.rounds; round++) {
    for (const [i, one] of able.entries()) {
      if (spent[i]! > pace.patience && round >= 3) continue
      await sleep(pause)
      const taken = await milliseconds(one, calls[i]!)
      spent[i]! += taken
      turns[i]!.push((taken * 1000) / calls[i]!)
    }
  }
  return new Map(able.map(({ contestant }, i) => [contestant.name, median(turns[i]!)]))
}
