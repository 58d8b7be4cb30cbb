/**
 * Pullback beside plain loops, TensorFlow.js and jax-js, in one run.
 *
 *     npm run bench               prints the table
 *     npm run bench -- --write    writes it into docs/benchmarks.md too
 */
import { residentMegabytes } from './memory.ts'
import type { Row } from './table.ts'
import { missed, table, writeTable } from './table.ts'
import type { MeasureName, Name } from './tasks.ts'
import { measureNames, measureOf, names } from './tasks.ts'
import { Contestant, race } from './timing.ts'

const steps = 10
const tolerance = 1e-3

/** Throws unless all losses are, but for rounding, those of the loops written by hand. */
const checkAgreement = (losses: ReadonlyMap<Name, readonly number[]>): void => {
  const expected = losses.get('plain loops')!
  for (const [name, given] of losses) {
    const off = given.findIndex((loss, i) => !(Math.abs(loss - expected[i]!) <= tolerance * Math.abs(expected[i]!)))
    if (off < 0) continue
    throw new Error(`${name}: the loss of step ${off + 1} is ${given[off]}, that of plain loops ${expected[off]}.`)
  }
}

/** Those that can do it, once they agree on the result. */
const prepare = async (contestants: readonly Contestant[], measure: MeasureName): Promise<readonly Contestant[]> => {
  const isTraining = measureOf(measure).task !== undefined
  const losses = new Map<Name, readonly number[]>()
  const able: Contestant[] = []
  for (const contestant of contestants) {
    const made = await contestant.make(measure, isTraining ? steps : 0)
    if (!made.able) continue
    able.push(contestant)
    losses.set(contestant.name, made.results!)
  }
  if (isTraining) checkAgreement(losses)
  return able
}

const contestants: Contestant[] = []
for (const name of names) contestants.push(await Contestant.start(name))

const rows: Row[] = []
for (const measure of measureNames) {
  const timings = await race(await prepare(contestants, measure))
  const { what, target } = measureOf(measure)
  rows.push({ what, timings, ...(target === undefined ? {} : { target }) })
  console.log(what)
  for (const { name, microseconds } of timings) {
    console.log(`  ${name.padEnd(18)} ${microseconds.toFixed(2).padStart(10)} µs`)
  }
}
for (const contestant of contestants) contestant.stop()

const megabytes = residentMegabytes()
const text = table(rows, megabytes)
console.log(`\n${text}`)
for (const line of missed(rows, megabytes)) console.log(`Target missed: ${line}`)
if (process.argv.includes('--write')) writeTable(text)
