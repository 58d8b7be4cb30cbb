/** A convolutional network with batch normalisation that is trained, saved half-way, restored, and trained on. */
import { jit, nn, np, optim, random, tree, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'

const size = 12
const model = nn.sequential(
  nn.conv(1, 8, [3, 3]),
  nn.batchNorm(8, { momentum: 0.9 }),
  nn.relu,
  (h) => nn.maxPool(h, [2, 2], { strides: [2, 2] }),
  nn.residual(nn.sequential(nn.conv(8, 8, [3, 3]), nn.batchNorm(8, { momentum: 0.9 }), nn.relu)),
  (h) => h.mean({ axis: [1, 2] }),
  nn.dropoutLayer(0.1),
  nn.linear(8, 2),
)
type Params = ReturnType<typeof model.init>
type Statistics = ReturnType<typeof model.initState>

interface Batch {
  readonly images: NDArray
  readonly labels: NDArray
}

/** Stripes that go across or down, at random places and in noise; which of both is the label. */
const draw = (key: random.Key, count: number): Batch => {
  const [forLabels, forPhase, forNoise] = random.split(key, 3)
  const labels = random.bernoulli(forLabels, 0.5, [count])
  const phases = random.uniform(forPhase, [count, 1, 1], { maxval: 2 * Math.PI })
  const [x, y] = np.meshgrid([np.arange(size), np.arange(size)])
  const along = np.where(labels.reshape([count, 1, 1]), x, y)
  const stripes = np.sin(along.mul(Math.PI / 2).add(phases))
  const noise = random.normal(forNoise, stripes.shape)
  return { images: stripes.add(noise).expandDims(-1), labels: labels.astype('int32') }
}

const loss = (params: Params, statistics: Statistics, { images, labels }: Batch, key: random.Key) => {
  const [logits, next] = model.apply(params, statistics, images, { training: true, key })
  return [np.mean(optim.softmaxCrossEntropyWithIntegerLabels(logits, labels)), next] as const
}

const optimizer = optim.adamw(optim.cosineDecaySchedule({ initValue: 2e-2, decaySteps: 60 }), { weightDecay: 1e-4 })

/** All that a run needs to go on. */
interface Run {
  readonly params: Params
  readonly statistics: Statistics
  readonly optimizer: optim.StateOf<typeof optimizer>
  readonly key: random.Key
}

const begin = (key: random.Key): Run => {
  const [forParams, rest] = random.split(key)
  const params = model.init(forParams)
  return { params, statistics: model.initState(), optimizer: optimizer.init(params), key: rest }
}

const step = jit((run: Run) => {
  const [forBatch, forDropout, key] = random.split(run.key, 3)
  const gradient = valueAndGrad(loss, { hasAux: true })
  const [[value, statistics], g] = gradient(run.params, run.statistics, draw(forBatch, 32), forDropout)
  const [updates, after] = optimizer.update(g, run.optimizer, run.params)
  return { run: { params: optim.applyUpdates(run.params, updates), statistics, optimizer: after, key }, value }
})

interface Trained {
  readonly run: Run
  readonly losses: readonly number[]
}

const train = (start: Run, steps: number): Trained => {
  let run = start
  const losses: number[] = []
  for (let i = 0; i < steps; i++) {
    const taken = step(run)
    run = taken.run
    losses.push(taken.value.item())
  }
  return { run, losses }
}

/** The part of unseen images that it tells, by running statistics. */
const accuracy = jit(({ params, statistics }: Run): NDArray => {
  const { images, labels } = draw(random.key(99), 200)
  const [logits] = model.apply(params, statistics, images)
  return np.argmax(logits, { axis: -1 }).equal(labels).mean()
})

export interface Compared {
  readonly straight: readonly number[]
  readonly resumed: readonly number[]
  /** Whether parameters, statistics, optimizer and key end bit for bit the same. */
  readonly same: boolean
  readonly accuracy: number
  /** What restoring says of a file that was damaged. */
  readonly damaged: string
}

/** A run of so many steps at a stretch, and one that was saved half-way. */
export const run = (steps: number): Compared => {
  const straight = train(begin(random.key(0)), steps)
  const half = train(begin(random.key(0)), steps / 2)
  const bytes = tree.serialize(half.run)
  const damaged = tree.deserialize(bytes.map((byte, i) => (i === bytes.length - 9 ? byte ^ 1 : byte)))
  // Another process would know no more than this: the model, and the bytes.
  const restored = tree.deserialize(bytes, { like: begin(random.key(1)) })
  if (restored._tag === 'Left') throw new Error(restored.left.message)
  const rest = train(restored.right, steps / 2)
  return {
    straight: straight.losses,
    resumed: [...half.losses, ...rest.losses],
    same: tree.equal(straight.run, rest.run),
    accuracy: accuracy(rest.run).item(),
    damaged: damaged._tag === 'Left' ? damaged.left._tag : 'nothing',
  }
}
