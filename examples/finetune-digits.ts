/**
 * The smallest functional fine-tuning pipeline: a network pretrained on the digits 0 to 4 learns 5 to 9 from 50 examples
 * each, in three ways, against training from scratch.
 *
 *     npm run example -- examples/finetune-digits.ts
 */
import { isLeft } from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { jit, nn, np, optim, random, tree, valueAndGrad } from 'pullback'
import type { NDArray, TreeOfArrays } from 'pullback'
import { readDigits, select } from './support/digits.ts'
import type { Digits } from './support/digits.ts'
import { fail, isQuick, progressBar, writeOutput } from './support/output.ts'
import { batches, fold, shuffled, splitDigits, toBatch } from './support/train.ts'
import type { Batch } from './support/train.ts'

const quick = isQuick()
const settings = {
  pretrainEpochs: quick ? 1 : 5,
  tuneEpochs: quick ? 3 : 20,
  perClass: 50,
  batchSize: 32,
  hidden: 128,
  rank: 4,
}

// --- the network: a body of two layers, and a head for five classes -----------------------------------------------

const layers = {
  body: [nn.linear(28 * 28, settings.hidden), nn.linear(settings.hidden, settings.hidden)],
  head: nn.linear(settings.hidden, 5),
} as const

interface Params {
  readonly body: readonly nn.LinearParams[]
  readonly head: nn.LinearParams
}

const init = (key: random.Key): Params => ({
  body: layers.body.map((layer, i) => layer.init(random.foldIn(key, i))),
  head: layers.head.init(random.foldIn(key, 9)),
})

const predict = (params: Params, x: NDArray): NDArray => {
  const hidden = layers.body.reduce((h, layer, i) => nn.relu(layer.apply(params.body[i]!, h)), x)
  return layers.head.apply(params.head, hidden)
}

// --- a way of tuning: which tree is trained, and how it becomes parameters ---------------------------------------

/** `trained` gets gradients and optimizer slots; `assemble` makes the network's parameters of it. */
interface Tuning<T> {
  readonly name: string
  readonly trained: T
  readonly assemble: (trained: T) => Params
}

/** Everything is trained. */
const everything = (params: Params): Tuning<Params> => ({ name: 'everything', trained: params, assemble: (p) => p })

/** The body is split out before differentiation: it has no gradient and no optimizer slots. */
const frozenBody = (params: Params): Tuning<tree.Partial<Params>> => {
  const [head, body] = tree.partition(params, (_, path) => path[0] === 'head')
  return { name: 'frozen body', trained: head, assemble: (h) => tree.combine(h, body) }
}

/** The factors of a change of a kernel: `kernel + down @ up`, of low rank. */
interface Adapter {
  readonly down: NDArray
  readonly up: NDArray
}

interface Adapted {
  readonly adapters: readonly Adapter[]
  readonly head: nn.LinearParams
}

/** Low-rank adapters (Hu et al., "LoRA", 2021): a function from adapters and head to the whole tree. */
const lowRank = (params: Params, key: random.Key): Tuning<Adapted> => {
  const adapterFor = ({ kernel }: nn.LinearParams, i: number): Adapter => ({
    down: nn.initializers.heNormal()(random.foldIn(key, i), [kernel.shape[0]!, settings.rank]),
    up: np.zeros([settings.rank, kernel.shape[1]!]),
  })
  const adapt = (layer: nn.LinearParams, { down, up }: Adapter): nn.LinearParams => ({
    ...layer,
    kernel: np.add(layer.kernel, np.matmul(down, up)),
  })
  return {
    name: `rank-${settings.rank} adapters`,
    trained: { adapters: params.body.map(adapterFor), head: params.head },
    assemble: ({ adapters, head }) => ({ body: params.body.map((layer, i) => adapt(layer, adapters[i]!)), head }),
  }
}

// --- training: a fold of one pure step over batches --------------------------------------------------------------

interface Run {
  readonly name: string
  readonly params: Params
  readonly trainedCount: number
  readonly seconds: number
}

const train = <T extends TreeOfArrays<T>>(
  tuning: Tuning<T>,
  data: Digits,
  epochs: number,
  learningRate: number,
  key: random.Key,
): Run => {
  const optimizer = optim.adam(learningRate)
  const loss = (trained: T, { x, y }: Batch): NDArray =>
    np.mean(optim.softmaxCrossEntropyWithIntegerLabels(predict(tuning.assemble(trained), x), y))
  const initial = { trained: tuning.trained, state: optimizer.init(tuning.trained) }
  const step = jit(({ trained, state }: typeof initial, batch: Batch) => {
    const [value, gradient] = valueAndGrad(loss)(trained, batch)
    const [updates, next] = optimizer.update(gradient, state, trained)
    return { trained: optim.applyUpdates(trained, updates), state: next, value }
  })
  const start = performance.now()
  const bar = progressBar(tuning.name.padEnd(20), epochs)
  const end = fold(
    (before: typeof initial, epoch: number) => {
      const after = fold(step, before, batches(random.foldIn(key, epoch), data, settings.batchSize))
      bar.update(epoch + 1, { note: `epoch ${epoch + 1}` })
      return after
    },
    initial,
    Array.from({ length: epochs }, (_, epoch) => epoch),
  )
  const trainedCount = tree.leaves(tuning.trained).reduce((n, leaf) => n + leaf.size, 0)
  return {
    name: tuning.name,
    params: tuning.assemble(end.trained),
    trainedCount,
    seconds: (performance.now() - start) / 1000,
  }
}

const accuracy = (params: Params, data: Digits): number => {
  const { x, y } = toBatch(data)
  return np.mean(np.equal(np.argmax(jit(predict)(params, x), { axis: -1 }), y)).item()
}

// --- the pipeline -------------------------------------------------------------------------------------------------

/** Digits 5 to 9 as classes 0 to 4. */
const relabel = (data: Digits): Digits => ({ ...data, labels: data.labels.map((label) => label - 5) })

/** So many examples of each class, and the rest. */
const fewOfEach = (key: random.Key, data: Digits, perClass: number): readonly [few: Digits, rest: Digits] => {
  const order = [...shuffled(key, data.count)]
  const taken = new Set<number>()
  for (let label = 0; label < 5; label++) {
    for (const place of order.filter((p) => data.labels[p] === label).slice(0, perClass)) taken.add(place)
  }
  return [
    select(data, [...taken]),
    select(
      data,
      order.filter((p) => !taken.has(p)),
    ),
  ]
}

const row = (run: Run, test: Digits): string =>
  `| ${run.name.padEnd(20)} | ${(100 * accuracy(run.params, test)).toFixed(1).padStart(6)} % | ${String(run.trainedCount).padStart(8)} | ${run.seconds.toFixed(1).padStart(6)} s |`

const compare = (low: Digits, high: Digits): string => {
  const key = random.key(0)
  const [pretraining, held] = splitDigits(random.foldIn(key, 0), low, [low.count - 500, 500])
  const [few, rest] = fewOfEach(random.foldIn(key, 1), relabel(high), settings.perClass)
  const test = select(
    rest,
    Array.from({ length: Math.min(rest.count, quick ? 500 : rest.count) }, (_, i) => i),
  )

  const pretrained = train(
    everything(init(random.foldIn(key, 2))),
    pretraining!,
    settings.pretrainEpochs,
    1e-3,
    random.foldIn(key, 3),
  )
  console.log(`pretrained on 0 to 4: ${(100 * accuracy(pretrained.params, held!)).toFixed(1)} % of unseen digits`)
  console.log(`tuning on ${few.count} images of 5 to 9, testing on ${test.count}\n`)

  // The head for 0 to 4 knows nothing of 5 to 9: every way begins with a new one.
  const fresh = init(random.foldIn(key, 4))
  const start: Params = { body: pretrained.params.body, head: fresh.head }
  const tune = <T extends TreeOfArrays<T>>(tuning: Tuning<T>): Run =>
    train(tuning, few, settings.tuneEpochs, 1e-3, random.foldIn(key, 5))
  const runs = [
    { ...tune(everything(fresh)), name: 'from scratch' },
    tune(everything(start)),
    tune(frozenBody(start)),
    tune(lowRank(start, random.foldIn(key, 6))),
  ]
  return [
    '| way                  | accuracy | trained  |     time |',
    '| -------------------- | -------- | -------- | -------- |',
    ...runs.map((run) => row(run, test)),
  ].join('\n')
}

const pipeline = pipe(
  TE.Do,
  TE.bind('low', () => readDigits([0, 1, 2, 3, 4])),
  TE.bind('high', () => readDigits([5, 6, 7, 8, 9])),
  TE.map(({ low, high }) => compare(low, high)),
  TE.tapIO((table) => () => {
    console.log(`\n${table}\n`)
  }),
  TE.flatMap((table) => writeOutput('finetune-digits.md', `${table}\n`)),
)

const result = await pipeline()
if (isLeft(result)) fail(result.left)
else console.log(`wrote ${result.right}`)
