/**
 * Pullback beside plain loops, TensorFlow.js and jax-js, in one run.
 *
 *     npm run bench               prints the table
 *     npm run bench -- --write    writes it into docs/benchmarks.md too
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import * as jax from '@jax-js/jax'
import * as tf from '@tensorflow/tfjs'
import { grad, jit, makeProgram, np } from 'pullback'
import type { NDArray } from 'pullback'
import { race } from './timing.ts'
import type { Contestant, Timing } from './timing.ts'
import { trainingContestants } from './training.ts'

await tf.setBackend('cpu')
await jax.init('wasm')
jax.defaultDevice('wasm')

const eight = Float32Array.from({ length: 8 }, (_, i) => i)

const dispatch = (): readonly Contestant[] => {
  const x = np.array(eight)
  const t = tf.tensor1d(eight)
  const j = jax.numpy.array(eight)
  return [
    { name: 'Pullback', per: 2, run: () => x.mul(2).add(1).dataSync() },
    {
      name: 'plain loops',
      per: 2,
      run: () => {
        const out = new Float32Array(8)
        for (let i = 0; i < 8; i++) out[i] = eight[i]! * 2 + 1
        return out
      },
    },
    {
      name: 'TensorFlow.js',
      per: 2,
      run: () => {
        tf.tidy(() => t.mul(2).add(1).dataSync())
      },
    },
    { name: 'jax-js', per: 2, run: () => j.ref.mul(2).add(1).data() },
  ]
}

const eagerGrad = (): readonly Contestant[] => {
  const derivative = grad((x: NDArray) => np.sin(np.multiply(x, x)))
  const x = np.array(0.7)
  const t = tf.scalar(0.7)
  const tfDerivative = tf.grad((v) => tf.sin(tf.mul(v, v)))
  const jaxDerivative = jax.grad((v: jax.Array) => jax.numpy.sin(v.ref.mul(v)))
  return [
    { name: 'Pullback', run: () => derivative(x).dataSync() },
    { name: 'plain loops', run: () => Math.cos(0.7 * 0.7) * 1.4 },
    {
      name: 'TensorFlow.js',
      run: () => {
        tf.tidy(() => tfDerivative(t).dataSync())
      },
    },
    { name: 'jax-js', run: () => jaxDerivative(jax.numpy.array(0.7)).data() },
  ]
}

const tracing = (): readonly Contestant[] => {
  const f = (x: NDArray): NDArray => {
    let y = x
    for (let i = 0; i < 100; i++) y = np.add(np.multiply(y, x), x)
    return y
  }
  const x = np.array(eight)
  return [{ name: 'Pullback', per: 200, run: () => makeProgram(f)(x) }]
}

const cacheHit = (): readonly Contestant[] => {
  const f = jit((x: NDArray) => x)
  const x = np.array(eight)
  const g = jax.jit((v: jax.Array) => v.mul(1)) as (v: jax.Array) => jax.Array
  const j = jax.numpy.array(eight)
  return [
    { name: 'Pullback', run: () => f(x) },
    { name: 'jax-js', run: () => g(j.ref).data() },
  ]
}

const rows: { what: string; unit: string; timings: readonly Timing[] }[] = []

const measure = async (what: string, unit: string, contestants: readonly Contestant[]): Promise<void> => {
  const timings = await race(contestants)
  rows.push({ what, unit, timings })
  console.log(what)
  for (const { name, microseconds } of timings) {
    console.log(`  ${name.padEnd(14)} ${microseconds.toFixed(2).padStart(10)} µs ${unit}`)
  }
}

await measure('eager `x * 2 + 1` on 8 elements', 'an operation', dispatch())
await measure('eager `grad(sin(x * x))`', 'a call', eagerGrad())
await measure('tracing', 'an equation', tracing())
await measure('`jit` cache hit (identity; jax-js: times 1)', 'a call', cacheHit())
await measure(
  'SimpleNetwork step, Linear(10, 100) → relu → Linear(100, 1), batch 32',
  'a step',
  await trainingContestants({ sizes: [10, 100, 1], batch: 32, classes: false }),
)
await measure(
  'digits step, 784 → 128 → 10, batch 64',
  'a step',
  await trainingContestants({ sizes: [784, 128, 10], batch: 64, classes: true }),
)

/** Largest resident memory of a synchronous loop of a million small operations, in a process of its own. */
const memory = (): number => {
  const code = `import { np } from 'pullback'
let x = np.array([1, 2, 3, 4, 5, 6, 7, 8])
for (let i = 0; i < 500000; i++) x = x.mul(0.5).add(1)
console.log(process.resourceUsage().maxRSS / 1024)`
  const { stdout } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--conditions=source', '--input-type=module', '-e', code],
    { cwd: import.meta.dirname, encoding: 'utf8' },
  )
  return Number(stdout.trim())
}
const megabytes = memory()
console.log(`a synchronous loop of 1,000,000 operations: ${megabytes.toFixed(0)} MB resident at most`)

const names = ['Pullback', 'plain loops', 'TensorFlow.js', 'jax-js']
const cell = (timings: readonly Timing[], name: string): string => {
  const [own, timing] = [timings.find((t) => t.name === 'Pullback')!, timings.find((t) => t.name === name)]
  if (timing === undefined) return '–'
  const text =
    timing.microseconds >= 1000
      ? `${(timing.microseconds / 1000).toFixed(1)} ms`
      : `${timing.microseconds.toFixed(2)} µs`
  return name === 'Pullback' ? text : `${text} (${(timing.microseconds / own.microseconds).toFixed(2)}×)`
}
const table = [
  `| | ${names.join(' | ')} |`,
  `| --- | ${names.map(() => '---:').join(' | ')} |`,
  ...rows.map(({ what, unit, timings }) => `| ${what}, ${unit} | ${names.map((n) => cell(timings, n)).join(' | ')} |`),
  '',
  `A synchronous loop of 1,000,000 small operations: ${megabytes.toFixed(0)} MB resident at most.`,
].join('\n')
console.log(`\n${table}`)

if (process.argv.includes('--write')) {
  const path = join(import.meta.dirname, '..', 'docs', 'benchmarks.md')
  const text = readFileSync(path, 'utf8')
  const [cpu] = cpus()
  const head = `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus().length} cores of ${cpu!.model.trim()}`
  writeFileSync(
    path,
    text.replace(/<!-- table -->[^]*<!-- end -->/, `<!-- table -->\n\n${head}:\n\n${table}\n\n<!-- end -->`),
  )
}
process.exit(0)
