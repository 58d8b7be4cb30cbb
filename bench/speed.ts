/** Pullback beside its peers, row by row. */
import type { Contestant } from './harness/contestants.ts'
import { contestants, pythonContestantsOf, xlaContestant } from './harness/contestants.ts'
import { firstCalls } from './harness/firstCall.ts'
import { ContestantProcess } from './harness/process.ts'
import type { Timings } from './harness/race.ts'
import { race } from './harness/race.ts'
import type { Options } from './options.ts'
import { duration } from './report/format.ts'
import type { Family } from './tasks/families.ts'
import { familyNames, rowsOf } from './tasks/families.ts'
import { firstCallOf } from './tasks/firstCall.ts'
import type { Row } from './tasks/row.ts'

export interface Measured {
  readonly name: string
  readonly row: Row
  readonly timings: Timings
}

export interface Speed {
  readonly contestants: readonly Contestant[]
  readonly rows: readonly Measured[]
  /** Rows without a result, and why. */
  readonly failures: readonly string[]
}

const show = (name: string, row: Row, timings: Timings): void => {
  console.log(`${name}: ${row.what}`)
  for (const [contestant, microseconds] of timings) console.log(`  ${contestant.padEnd(30)} ${duration(microseconds)}`)
}

type Start = (all: readonly Contestant[]) => Promise<readonly ContestantProcess[]>

/** Each family has fresh processes: what one leaves in memory is no other's burden. */
const measureFamily = async (
  family: Exclude<Family, 'firstCall'>,
  taking: readonly Contestant[],
  start: Start,
  { wants, pace }: Options,
  failures: string[],
): Promise<readonly Measured[]> => {
  const rows = rowsOf(family).filter(([name]) => wants(name))
  if (rows.length === 0) return []
  const processes = await start(taking)
  const measured: Measured[] = []
  for (const [name, row] of rows) {
    try {
      const timings = await race(processes, family, name, row, pace)
      show(name, row, timings)
      measured.push({ name, row, timings })
    } catch (error) {
      failures.push(`${name}: ${(error as Error).message}`)
      console.error(failures.at(-1))
    }
  }
  for (const one of processes) one.stop()
  return measured
}

const measureFirstCalls = async (
  taking: readonly Contestant[],
  python: string,
  { wants, pace }: Options,
): Promise<readonly Measured[]> => {
  const measured: Measured[] = []
  for (const [name, row] of rowsOf('firstCall').filter(([rowName]) => wants(rowName))) {
    const [family, work] = firstCallOf[name as keyof typeof firstCallOf]
    const timings = await firstCalls(taking, python, family, work, pace)
    show(name, row, timings)
    measured.push({ name, row, timings })
  }
  return measured
}

export const measureSpeed = async (options: Options): Promise<Speed> => {
  const taking = [
    ...contestants,
    ...(options.xla ? [xlaContestant] : []),
    ...(options.python === null ? [] : pythonContestantsOf(options.python)),
  ]
  const python = options.python ?? ''
  const start: Start = (all) => Promise.all(all.map((contestant) => ContestantProcess.start(contestant, python)))
  const failures: string[] = []
  const rows: Measured[] = []
  for (const family of familyNames) {
    const measured =
      family === 'firstCall'
        ? await measureFirstCalls(taking, python, options)
        : await measureFamily(family, taking, start, options, failures)
    rows.push(...measured)
  }
  return { contestants: taking, rows, failures }
}
