/** A convolutional network with batch normalisation: trained, saved, resumed, and used. */
import { jit, nn, np, optim, random, tree, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'
import { describe, expect, it } from 'vitest'

const block = (features: number) =>
  nn.residual(
    nn.sequential(
      nn.conv(features, features, [3, 3], { bias: false }),
      nn.batchNorm(features, { momentum: 0.5 }),
      nn.relu,
    ),
  )

const model = nn.sequential(
  nn.conv(1, 6, [3, 3], { bias: false }),
  nn.batchNorm(6, { momentum: 0.5 }),
  nn.relu,
  nn.repeat(2, block(6)),
  (x) => nn.maxPool(x, [2, 2], { strides: [2, 2] }),
  block(6),
  (x) => np.mean(x, { axis: [-3, -2] }),
  nn.dropoutLayer(0.1),
  nn.linear(6, 2),
)
type Params = ReturnType<typeof model.init>
type State = ReturnType<typeof model.initState>

/** Images with a horizontal or a vertical bar in noise, and which it is. */
const batchOf = (key: random.Key, size: number): { readonly x: NDArray; readonly y: NDArray } => {
  const [forNoise, forPlace, forKind] = random.split(key, 3)
  const noise = random.normal(forNoise, [size, 8, 8]).mul(0.3)
  const place = random.randint(forPlace, [size, 1, 1], 0, 8)
  const y = random.randint(forKind, [size], 0, 2)
  const along = np.arange(8)
  const rows = np.equal(np.reshape(along, [1, 8, 1]), place)
  const columns = np.equal(np.reshape(along, [1, 1, 8]), place)
  const bar = np.where(np.reshape(np.equal(y, 0), [size, 1, 1]), rows, columns)
  return { x: np.expandDims(np.add(noise, bar), -1), y }
}

const loss = (params: Params, state: State, x: NDArray, y: NDArray, key: random.Key) => {
  const [logits, next] = model.apply(params, state, x, { training: true, key })
  return [np.mean(optim.softmaxCrossEntropyWithIntegerLabels(logits, y)), next] as const
}

const optimizer = optim.adam(2e-2)

interface Training {
  readonly params: Params
  readonly state: State
  readonly opt: optim.StateOf<typeof optimizer>
  readonly key: random.Key
}

const step = jit(({ params, state, opt, key }: Training) => {
  const [forBatch, forDropout, next] = random.split(key, 3)
  const { x, y } = batchOf(forBatch, 16)
  const [[value, after], gradient] = valueAndGrad(loss, { hasAux: true })(params, state, x, y, forDropout)
  const [updates, stepped] = optimizer.update(gradient, opt, params)
  return {
    training: { params: optim.applyUpdates(params, updates), state: after, opt: stepped, key: next },
    loss: value,
  }
})

const begin = (): Training => {
  const params = model.init(random.key(0))
  return { params, state: model.initState(), opt: optimizer.init(params), key: random.key(1) }
}

const train = (from: Training, steps: number): { readonly training: Training; readonly losses: readonly number[] } => {
  let training = from
  const losses: number[] = []
  for (let i = 0; i < steps; i++) {
    const next = step(training)
    training = next.training
    losses.push(next.loss.item())
  }
  return { training, losses }
}

describe('a convolutional network with batch normalisation', () => {
  const whole = train(begin(), 24)

  it('learns', () => {
    expect(whole.losses[0]).toBeGreaterThan(0.4)
    const late = whole.losses.slice(-6)
    expect(late.reduce((a, b) => a + b) / late.length).toBeLessThan(0.25)
    const { x, y } = batchOf(random.key(99), 64)
    const infer = jit((params: Params, state: State) => model.apply(params, state, x))
    const [logits, state] = infer(whole.training.params, whole.training.state)
    expect(np.mean(np.equal(np.argmax(logits, { axis: -1 }), y)).item()).toBeGreaterThan(0.9)
    expect(tree.equal(state, whole.training.state)).toBe(true)
  })

  it('resumes from its bytes as if it had never stopped, bit for bit', () => {
    const half = train(begin(), 10)
    const bytes = tree.serialize({ ...half.training, steps: 10 })
    const read = tree.deserialize(bytes, { like: { ...begin(), steps: 0 } })
    if (read._tag === 'Left') throw new Error(read.left.message)
    const { steps, ...training } = read.right
    const rest = train(training, 24 - steps)
    expect([...half.losses, ...rest.losses]).toEqual(whole.losses)
    expect(tree.equal(rest.training, whole.training)).toBe(true)
  })
})
