/**
 * The classic first network, Linear(10, 100) → ReLU → Linear(100, 1), on real wages; and the chain rule that trains it,
 * shown: the traced program of its loss, the program of its gradient, and both as graphs.
 *
 *     npm run example -- examples/simple-network.ts
 */
import { isLeft } from 'fp-ts/lib/Either.js'
import { jit, makeProgram, nn, np, optim, optimize, random, toMermaid, tree, valueAndGrad, vjp } from 'pullback'
import type { NDArray } from 'pullback'
import { drawCurves } from './support/curves.ts'
import type { Point } from './support/curves.ts'
import { fail, isQuick, progressBar, writeOutput } from './support/output.ts'
import { fold, shuffled } from './support/train.ts'
import { readWages } from './support/wages.ts'

const settings = { epochs: isQuick() ? 3 : 100, batchSize: 32, learningRate: 1e-3 }

// A model is a pair of pure functions: how parameters begin, and what is computed with them.
const model = nn.sequential(nn.linear(10, 100), nn.relu, nn.linear(100, 1))
type Params = ReturnType<typeof model.init>

const loss = (params: Params, x: NDArray, y: NDArray): NDArray =>
  np.mean(np.square(np.subtract(model.apply(params, x), y)))

const optimizer = optim.adam(settings.learningRate)

interface State {
  readonly params: Params
  readonly optimizer: optim.StateOf<typeof optimizer>
}

const step = jit((state: State, x: NDArray, y: NDArray) => {
  const [value, gradient] = valueAndGrad(loss)(state.params, x, y)
  const [updates, next] = optimizer.update(gradient, state.optimizer, state.params)
  return { state: { params: optim.applyUpdates(state.params, updates), optimizer: next }, loss: value }
})

const evaluate = jit(loss)

interface Data {
  readonly x: NDArray
  readonly y: NDArray
}

const rows = (data: Data, places: readonly number[]): Data => ({
  x: np.take(data.x, places, { axis: 0 }),
  y: np.take(data.y, places, { axis: 0 }),
})

function* batchesOf(data: Data, key: random.Key): Generator<Data> {
  const order = [...shuffled(key, data.x.shape[0]!)]
  for (let start = 0; start + settings.batchSize <= order.length; start += settings.batchSize) {
    yield rows(data, order.slice(start, start + settings.batchSize))
  }
}

/** The loss of a batch of two, small enough to read, and its gradient: programs and graphs. */
const explain = async (params: Params): Promise<void> => {
  const [x, y] = [np.ones([2, 10]), np.ones([2, 1])]
  const traced = makeProgram(loss)(params, x, y)
  const forward = optimize(traced)
  console.log('The loss, traced. Every line is one operation with a known derivative:\n')
  console.log(`${String(forward)}\n`)

  // The chain rule, by hand: the pullback of the loss is the pullbacks of its operations, last one first.
  const gradient = (p: Params, a: NDArray, b: NDArray): unknown => {
    const [value, pullback] = vjp((q: Params) => loss(q, a, b), p)
    return pullback(np.onesLike(value))[0]
  }
  const backward = optimize(makeProgram(gradient)(params, x, y))
  console.log(`Its gradient with respect to all ${tree.leaves(params).length} parameter arrays, traced:`)
  console.log('the values above that derivatives need, then one transposed operation for each, in reverse:\n')
  console.log(`${String(backward)}\n`)

  const graphs = [
    // Boxes for layers, the derivative of each operation by each operand, and what they come to for this batch.
    ['simple-network-chain-rule.mmd', toMermaid(traced, { derivatives: true, at: tree.leaves([params, x, y]) })],
    ['simple-network-forward.mmd', toMermaid(forward, { expand: true })],
    ['simple-network-backward.mmd', toMermaid(backward, { expand: true })],
  ] as const
  for (const [name, text] of graphs) {
    const written = await writeOutput(name, text)()
    if (isLeft(written)) fail(written.left)
    else console.log(`wrote ${written.right}`)
  }
}

const main = async (): Promise<void> => {
  const wages = readWages()
  const key = random.key(0)
  const all: Data = { x: np.array(wages.x), y: np.reshape(np.array(wages.y), [-1, 1]) }
  const order = [...shuffled(random.foldIn(key, 0), wages.y.length)]
  const [test, train] = [rows(all, order.slice(0, 100)), rows(all, order.slice(100))]
  console.log(
    `${train.x.shape[0]} workers to train on, ${test.x.shape[0]} to test, features: ${wages.features.join(', ')}\n`,
  )

  const params = model.init(random.foldIn(key, 1))
  await explain(params)

  const curve: Point[] = []
  const bar = progressBar('training', settings.epochs)
  let state: State = { params, optimizer: optimizer.init(params) }
  for (let epoch = 1; epoch <= settings.epochs; epoch++) {
    state = fold(
      (s: State, batch: Data) => step(s, batch.x, batch.y).state,
      state,
      batchesOf(train, random.foldIn(key, 1 + epoch)),
    )
    const [seen, unseen] = [evaluate(state.params, train.x, train.y), evaluate(state.params, test.x, test.y)]
    curve.push({ epoch, value: seen.item(), curve: 'training' }, { epoch, value: unseen.item(), curve: 'test' })
    bar.update(epoch, { note: `training ${seen.item().toFixed(3)}, test ${unseen.item().toFixed(3)}` })
  }
  const [start, end] = [params, state.params].map((p) => evaluate(p, test.x, test.y).item())
  console.log(
    `\nmean squared error on unseen workers: ${start!.toFixed(3)} before, ${end!.toFixed(3)} after (1 is as good as the mean wage)`,
  )
  const written = await writeOutput('simple-network-loss.svg', drawCurves('Mean squared error', curve))()
  if (isLeft(written)) fail(written.left)
  else console.log(`wrote ${written.right}`)
}

await main()
