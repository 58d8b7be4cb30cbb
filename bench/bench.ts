/**
 * Pullback beside plain loops, TensorFlow.js and jax-js, in one run.
 *
 *     npm run bench               prints the table
 *     npm run bench -- --write    writes it into docs/benchmarks.md too
 */
import { residentMegabytes } from './memory.ts'
import { cacheHit, dispatch, eagerGrad, tracing } from './small.ts'
import type { Row } from './table.ts'
import { missed, table, writeTable } from './table.ts'
import type { Contestant } from './timing.ts'
import { race } from './timing.ts'
import { trainingContestants } from './training.ts'

const rows: Row[] = []

const measure = async (what: string, contestants: readonly Contestant[], target?: number): Promise<void> => {
  const timings = await race(contestants)
  rows.push({ what, timings, ...(target === undefined ? {} : { target }) })
  console.log(what)
  for (const { name, microseconds } of timings) {
    console.log(`  ${name.padEnd(18)} ${microseconds.toFixed(2).padStart(10)} µs`)
  }
}

await measure('eager `x * 2 + 1` on 8 elements, an operation', await dispatch(), 3)
await measure('eager `grad(sin(x * x))` of a scalar, a call', await eagerGrad())
await measure('tracing, an equation', tracing(), 10)
await measure('`jit` cache hit: compiled `x + 1` on 8 elements, a call', cacheHit(), 10)
await measure(
  'SimpleNetwork: Linear(10, 100) → relu → Linear(100, 1), squared error, Adam, batch 32, a step',
  await trainingContestants({ sizes: [10, 100, 1], batch: 32, classes: false }),
)
await measure(
  'digits: 784 → 128 → 10, cross-entropy, Adam, batch 64, a step',
  await trainingContestants({ sizes: [784, 128, 10], batch: 64, classes: true }),
)

const megabytes = residentMegabytes()
const text = table(rows, megabytes)
console.log(`\n${text}`)
for (const line of missed(rows, megabytes)) console.log(`Target missed: ${line}`)
if (process.argv.includes('--write')) writeTable(text)
// Peers keep workers alive.
process.exit(0)
