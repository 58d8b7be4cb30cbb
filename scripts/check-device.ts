/**
 * Checks XLA on this machine's hardware, and prints a table: `npx tsx --conditions=source scripts/check-device.ts [plugin]`. It runs samples
 * of every operation and random programs against the interpreter, and times a training step beside WebAssembly.
 */
import fc from 'fast-check'
import { blockUntilReady, jit, nn, np, optim, random, valueAndGrad, withDevice } from 'pullback'
import { LawError, conforms, onDevice, operations, programs, samples } from 'pullback/testing'
import type { XlaDevice } from 'pullback/xla'
import { xla } from 'pullback/xla'
import { dataOf, programOf } from '../test/backends/wasm/support/samples.ts'

const RUNS = Number(process.env['PULLBACK_RUNS'] ?? 3)

const opened = await xla(process.argv[2] === undefined ? {} : { plugin: process.argv[2] })()
if (opened._tag === 'Left') throw new Error(opened.left.message)
const device = opened.right
console.log(
  `${device.description}, ${device.version}\n${device.plugin}\ndtypes: ${device.capabilities.dtypes.join(', ')}`,
)

/** What a check found: null if it passed. */
const faultOf = (check: () => void): string | null => {
  try {
    check()
    return null
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    if (cause instanceof LawError) return `differs: ${cause.message.split('\n')[0]!}`
    return String(cause).split('\n')[0]!
  }
}

const execute = onDevice(device)
let passed = 0
for (const op of operations) {
  for (const float of ['float32', 'bfloat16'] as const) {
    const fault = faultOf(() => {
      const property = fc.property(samples(op, { float }), (sample) => {
        conforms(programOf(sample), dataOf(sample.operands), execute)
      })
      fc.assert(property, { numRuns: RUNS, seed: 1 })
    })
    if (fault === null) passed++
    else console.log(`${op} in ${float}: ${fault}`)
  }
}
console.log(`operations: ${passed} of ${2 * operations.length} agree with the interpreter`)

for (const donate of [false, true]) {
  const run = onDevice(device, { donate })
  const among = operations.filter((op) => op !== 'bitcast' && op !== 'callback')
  const fault = faultOf(() => {
    const property = fc.property(programs({ operations: among }), ({ program, inputs }) => {
      conforms(program, dataOf(inputs), run)
    })
    fc.assert(property, { numRuns: 20 * RUNS, seed: 1 })
  })
  console.log(`random programs${donate ? ', inputs donated' : ''}: ${fault ?? 'agree'}`)
}

/** Milliseconds of a training step of an MLP, the best of five rounds. */
const timeOf = async (where: XlaDevice | 'wasm'): Promise<number> => {
  const model = nn.sequential(nn.linear(784, 512), nn.relu, nn.linear(512, 256), nn.relu, nn.linear(256, 10))
  const optimizer = optim.adam(1e-3)
  const x = random.uniform(random.key(1), [128, 784])
  const y = nn.oneHot(random.randint(random.key(2), [128], 0, 10), 10)
  let params = model.init(random.key(0))
  type Params = typeof params
  let state = optimizer.init(params)
  const loss = (p: Params) => np.mean(optim.softmaxCrossEntropy(model.apply(p, x), y))
  const step = jit(
    (p: Params, s: typeof state) => {
      const [, gradient] = valueAndGrad(loss)(p)
      const [updates, next] = optimizer.update(gradient, s, p)
      return [optim.applyUpdates(p, updates), next] as const
    },
    { donateArgnums: [0, 1] },
  )
  const steps = async (count: number): Promise<number> => {
    const start = performance.now()
    withDevice(where, () => {
      for (let i = 0; i < count; i++) [params, state] = step(params, state)
    })
    await blockUntilReady(params)
    return (performance.now() - start) / count
  }
  await steps(2)
  let best = Infinity
  for (let round = 0; round < 5; round++) best = Math.min(best, await steps(20))
  return best
}

console.log(`a training step of an MLP (784-512-256-10, batch 128): ${(await timeOf(device)).toFixed(2)} ms on XLA, ${(await timeOf('wasm')).toFixed(2)} ms on wasm`) // prettier-ignore
