/**
 * A network that reads handwritten digits: 10,000 real MNIST images, softmax cross-entropy, Adam, mini-batches.
 *
 *     npm start              trains to at least 95 % on digits that it has not seen
 *     npm start -- --quick   one short epoch
 */
import { isLeft } from 'fp-ts/lib/Either.js'
import { jit, nn, np, optim, random, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'
import { drawCurves } from './support/curves.ts'
import type { Point } from './support/curves.ts'
import { readDigits } from './support/digits.ts'
import type { Digits } from './support/digits.ts'
import { fail, isQuick, progressBar, writeOutput } from './support/output.ts'
import { batches, fold, splitDigits, toBatch } from './support/train.ts'
import type { Batch } from './support/train.ts'

const quick = isQuick()
const settings = { epochs: quick ? 1 : 12, batchSize: 64, learningRate: 2e-3, hidden: 128, dropout: 0.1 }

const first = nn.linear(28 * 28, settings.hidden)
const last = nn.linear(settings.hidden, 10)

const init = (key: random.Key) => ({
  first: first.init(random.foldIn(key, 0)),
  last: last.init(random.foldIn(key, 1)),
})
type Params = ReturnType<typeof init>

/** Logits; with a key, hidden units are dropped out. */
const predict = (params: Params, x: NDArray, key: random.Key | null): NDArray =>
  last.apply(params.last, nn.dropout(key, nn.relu(first.apply(params.first, x)), settings.dropout))

const loss = (params: Params, { x, y }: Batch, key: random.Key | null): NDArray =>
  np.mean(optim.softmaxCrossEntropyWithIntegerLabels(predict(params, x, key), y))

// A short warm-up, then down to nothing along half a cosine.
const optimizer = optim.adam(
  optim.warmupCosineDecaySchedule({
    initValue: 0,
    peakValue: settings.learningRate,
    warmupSteps: quick ? 5 : 50,
    decaySteps: settings.epochs * (quick ? 20 : 125),
  }),
)

interface State {
  readonly params: Params
  readonly optimizer: optim.StateOf<typeof optimizer>
}

const step = jit((state: State, batch: Batch, key: random.Key) => {
  const [value, gradient] = valueAndGrad(loss)(state.params, batch, key)
  const [updates, next] = optimizer.update(gradient, state.optimizer, state.params)
  return { state: { params: optim.applyUpdates(state.params, updates), optimizer: next }, loss: value }
})

const evaluate = jit((params: Params, batch: Batch) => {
  const logits = predict(params, batch.x, null)
  const hits = np.equal(np.argmax(logits, { axis: -1 }), batch.y)
  return { loss: loss(params, batch, null), accuracy: np.mean(hits) }
})

interface Scores {
  readonly loss: number
  readonly accuracy: number
}

const score = (params: Params, data: Digits): Scores => {
  const { loss: l, accuracy } = evaluate(params, toBatch(data))
  return { loss: l.item(), accuracy: accuracy.item() }
}

/** The images moved by up to a pixel each way, all of a batch alike: what they show stays the same. */
const shifted = (batch: Batch, key: random.Key): Batch => {
  const by = [...random.randint(key, [2], -1, 2).dataSync('int32')]
  const pictures = np.reshape(batch.x, [-1, 28, 28])
  return { ...batch, x: np.reshape(np.roll(pictures, by, { axis: [1, 2] }), batch.x.shape) }
}

interface Epoch {
  readonly state: State
  /** Mean loss over the epoch's batches. */
  readonly loss: number
}

const runEpoch = (epoch: number, state: State, train: Digits, key: random.Key): Epoch => {
  const steps = Math.floor(train.count / settings.batchSize)
  const bar = progressBar(`epoch ${String(epoch).padStart(2)}`, steps)
  const initial = { state, total: 0 }
  const end = fold(
    (current: typeof initial, batch: Batch, i) => {
      const [forShift, forDropout] = random.split(random.foldIn(key, i))
      const result = step(current.state, shifted(batch, forShift), forDropout)
      const total = current.total + result.loss.item()
      bar.update(i + 1, { note: `loss ${(total / (i + 1)).toFixed(4)}` })
      return { state: result.state, total }
    },
    initial,
    batches(random.foldIn(key, 1_000_000), train, settings.batchSize),
  )
  return { state: end.state, loss: end.total / steps }
}

const main = async (): Promise<void> => {
  const read = await readDigits([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])()
  if (isLeft(read)) {
    fail(read.left)
    return
  }
  const key = random.key(0)
  const counts = quick ? [1280, 500, 500] : [read.right.count - 2000, 1000, 1000]
  const [train, validation, test] = splitDigits(random.foldIn(key, 0), read.right, counts)
  console.log(`${train!.count} digits to train on, ${validation!.count} to validate, ${test!.count} to test`)

  const params = init(random.foldIn(key, 1))
  let state: State = { params, optimizer: optimizer.init(params) }
  const losses: Point[] = []
  const accuracies: Point[] = []
  for (let epoch = 1; epoch <= settings.epochs; epoch++) {
    const result = runEpoch(epoch, state, train!, random.foldIn(key, 1 + epoch))
    state = result.state
    const scores = score(state.params, validation!)
    const seen = score(state.params, train!)
    losses.push({ epoch, value: seen.loss, curve: 'training' }, { epoch, value: scores.loss, curve: 'validation' })
    accuracies.push(
      { epoch, value: seen.accuracy, curve: 'training' },
      { epoch, value: scores.accuracy, curve: 'validation' },
    )
    console.log(
      `epoch ${epoch}: loss ${result.loss.toFixed(4)}, validation accuracy ${(100 * scores.accuracy).toFixed(1)} %`,
    )
  }

  const final = score(state.params, test!)
  console.log(`test accuracy ${(100 * final.accuracy).toFixed(1)} %, loss ${final.loss.toFixed(4)}`)
  const pictures = [
    ['digits-loss.svg', drawCurves('Loss', losses)],
    ['digits-accuracy.svg', drawCurves('Accuracy', accuracies, { percent: true })],
  ] as const
  for (const [name, svg] of pictures) {
    const written = await writeOutput(name, svg)()
    if (isLeft(written)) fail(written.left)
    else console.log(`wrote ${written.right}`)
  }
}

await main()
