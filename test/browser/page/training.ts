/** The digits example's network and training step, on a few batches over and over. Runs in Node too. */
import { devices, jit, nn, np, optim, random, valueAndGrad, withDevice } from 'pullback'
import type { Device, NDArray } from 'pullback'
import { wasmDevice } from 'pullback/testing'
import { nextTask } from './tasks.ts'

/** Images as rows of 784 bytes, in base64: what can be sent to a page. */
export interface DigitBatch {
  readonly images: string
  readonly labels: readonly number[]
}

interface Batch {
  readonly x: NDArray
  readonly y: NDArray
}

const toBatch = ({ images, labels }: DigitBatch): Batch => ({
  x: np.array(Float32Array.from(atob(images), (byte) => byte.charCodeAt(0) / 255)).reshape([labels.length, -1]),
  y: np.array(Int32Array.from(labels)),
})

const first = nn.linear(28 * 28, 128)
const last = nn.linear(128, 10)

const init = (key: random.Key) => ({
  first: first.init(random.foldIn(key, 0)),
  last: last.init(random.foldIn(key, 1)),
})
type Params = ReturnType<typeof init>

const loss = (params: Params, { x, y }: Batch, key: random.Key): NDArray => {
  const hidden = nn.dropout(key, nn.relu(first.apply(params.first, x)), 0.1)
  return np.mean(optim.softmaxCrossEntropyWithIntegerLabels(last.apply(params.last, hidden), y))
}

const optimizer = optim.adam(2e-3)

const update = (params: Params, state: optim.StateOf<typeof optimizer>, batch: Batch, key: random.Key) => {
  const [value, gradient] = valueAndGrad(loss)(params, batch, key)
  const [updates, next] = optimizer.update(gradient, state, params)
  return { params: optim.applyUpdates(params, updates), state: next, loss: value }
}

const chosen = {
  /** What serves where no device is chosen, as soon as the platform allows. */
  'the first device': () => devices()[0]!,
  interpreter: () => 'interpreter',
  'one thread': () => wasmDevice({ threads: 1 }),
  'two threads': () => wasmDevice({ threads: 2, startAfter: 0 }),
} satisfies Record<string, () => Device | 'interpreter'>

export interface Training {
  readonly on: keyof typeof chosen
  readonly batches: readonly DigitBatch[]
  readonly steps: number
}

/** The loss of each step. Between steps the event loop turns, as in a page that shows its progress. */
export const train = async ({ on, batches, steps }: Training): Promise<readonly number[]> => {
  const device: Device | 'interpreter' = chosen[on]()
  const step = jit(update)
  const data = batches.map(toBatch)
  let params = init(random.key(0))
  let state = optimizer.init(params)
  const losses: number[] = []
  for (let i = 0; i < steps; i++) {
    const result = withDevice(device, () => step(params, state, data[i % data.length]!, random.key(i)))
    params = result.params
    state = result.state
    losses.push(result.loss.item())
    await nextTask()
  }
  return losses
}
