/**
 * A run that the test kills: a network with dropout, on rows in another order for each epoch, by AdamW with a schedule, clipping and a
 * running mean of the parameters. It goes on from its last checkpoint, and writes the final state when it is done.
 *
 *     node run.mjs DIRECTORY STEPS PAUSE
 */
import { writeFileSync } from 'node:fs'
import { pipe } from 'fp-ts/lib/function.js'
import { nn, np, optim, random, tree, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'
import {
  batch,
  checkpoints,
  fromArray,
  latestCheckpoint,
  map,
  metricsFile,
  onStep,
  prefetch,
  repeat,
  shuffle,
  signals,
  train,
} from 'pullback/train'

const [directory = '', steps = '60', pause = '0'] = process.argv.slice(2)

interface Batch {
  readonly x: NDArray
  readonly y: NDArray
}

/** Batches of 8 of 75 rows, the last of an epoch of 3. */
const rows = Array.from({ length: 75 }, (_, i) => [Math.sin(i), Math.cos(3 * i), Math.sin(i * i), i / 75] as const)
const data = pipe(
  fromArray(rows),
  shuffle(random.key(6), 20),
  batch(8),
  map((chosen): Batch => {
    const x = np.array(chosen)
    return { x, y: np.sin(x.sum({ axis: 1 })) }
  }),
  repeat(null),
  prefetch(2),
)

const [first, last] = [nn.linear(4, 16), nn.linear(16, 1)] as const

interface Params {
  readonly first: nn.LinearParams
  readonly last: nn.LinearParams
}

const optimizer = optim.chain(
  optim.clipByGlobalNorm(1),
  optim.adamw(optim.cosineDecaySchedule({ initValue: 0.02, decaySteps: 200 })),
)

const loss = (params: Params, { x, y }: Batch, key: NDArray): NDArray => {
  const hidden = nn.dropout(key, nn.tanh(first.apply(params.first, x)), 0.2)
  return np.mean(np.square(np.squeeze(last.apply(params.last, hidden), { axis: -1 }).sub(y)))
}

const params: Params = { first: first.init(random.key(1)), last: last.init(random.key(2)) }
const initial = { params, optimizer: optimizer.init(params), ema: params, key: random.key(3) }
type State = typeof initial

const step = (state: State, given: Batch) => {
  const keys = random.split(state.key, [2])
  const [value, gradient] = valueAndGrad(loss)(state.params, given, keys.at(0).get())
  const [updates, next] = optimizer.update(gradient, state.optimizer, state.params)
  const moved = optim.applyUpdates(state.params, updates)
  const ema: Params = tree.map((a: NDArray, b: NDArray) => a.mul(0.9).add(b.mul(0.1)), state.ema, moved)
  return [{ params: moved, optimizer: next, ema, key: keys.at(1).get() }, { loss: value }] as const
}

const found = await latestCheckpoint(`${directory}/checkpoints`, initial)()
if (found._tag === 'Left') throw new Error(found.left.message)
for (const { message } of found.right.passedOver) process.stderr.write(`passed over: ${message}\n`)
process.stdout.write(`from ${found.right.checkpoint?.step ?? 0}\n`)

const result = await train(step, initial, data, {
  steps: Number(steps),
  from: found.right.checkpoint,
  hooks: [
    metricsFile(`${directory}/metrics.jsonl`),
    checkpoints(`${directory}/checkpoints`, { every: 3, keepLast: 2 }),
    onStep(async ({ step: n }) => {
      process.stdout.write(`step ${n}\n`)
      if (Number(pause) > 0) await new Promise((resolve) => setTimeout(resolve, Number(pause)))
    }),
    signals(),
  ],
})()
if (result._tag === 'Left') throw new Error(result.left.message)
if (result.right.step === Number(steps)) writeFileSync(`${directory}/final.bin`, tree.serialize(result.right.state))
process.stdout.write(`ended: ${result.right.reason}\n`)
