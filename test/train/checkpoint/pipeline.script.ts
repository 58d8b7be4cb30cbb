/**
 * A whole pipeline that the test kills, as people write it: texts as samples, in another order for each epoch, packed into rows, two
 * micro-batches for an update, a transformer with dropout in 16 bits, a loss scale that moves, AdamW by a schedule, a running mean,
 * norms by layer, evaluation on the way, and a report at the end.
 *
 *     node pipeline.mjs DIRECTORY STEPS PAUSE
 */
import { writeFileSync } from 'node:fs'
import { pipe } from 'fp-ts/lib/function.js'
import { debug, np, optim, random, tree } from 'pullback'
import type { NDArray } from 'pullback'
import { gpt2Config, gpt2LMHeadModel } from 'pullback/models'
import {
  batch,
  causalLM,
  checkpoints,
  collate,
  evaluateEvery,
  evaluator,
  fromArray,
  latestCheckpoint,
  makeStep,
  map,
  metricsFile,
  onStep,
  pack,
  perplexity,
  prefetch,
  report,
  shuffle,
  signals,
  train,
} from 'pullback/train'
import type { Batch } from 'pullback/train'

const [directory = '', steps = '60', pause = '0'] = process.argv.slice(2)
const LENGTH = 16
debug.warnings(false)

const config = gpt2Config({ vocab_size: 32, n_positions: LENGTH, n_embd: 8, n_layer: 1, n_head: 2, resid_pdrop: 0.2, embd_pdrop: 0.2, attn_pdrop: 0 }) // prettier-ignore
if (config._tag === 'Left') throw new Error(config.left.message)
const model = gpt2LMHeadModel(config.right)
type Params = ReturnType<typeof model.init>

/** 45 texts of 3 to 11 tokens. */
const samples = Array.from({ length: 45 }, (_, i) => {
  const ids = Array.from({ length: 3 + ((5 * i) % 9) }, (__, j) => 1 + ((i * i + 7 * j) % 31))
  return { input_ids: ids, labels: ids }
})
const rows = (texts: typeof samples) => pipe(fromArray(texts), pack(LENGTH, { buffer: 12 }), batch(2, { dropLast: true }), map(collate())) // prettier-ignore
type Stacked = { readonly [name in keyof Batch]: NDArray }
const data = pipe(
  fromArray(samples),
  shuffle(random.key(6), 20),
  pack(LENGTH, { buffer: 12 }),
  batch(2, { dropLast: true }),
  map(collate()),
  batch(2, { dropLast: true }),
  map((pair): Stacked => tree.map((...xs: NDArray[]) => np.stack(xs), ...(pair as unknown as [never])) as Stacked),
  prefetch(2),
)

const scores = (params: Params, given: Batch, key?: NDArray): NDArray =>
  model.apply(params, { inputIds: given.input_ids, segmentIds: given.segment_ids! }, key === undefined ? {} : { key })
    .logits

const made = makeStep({
  loss: (params: Params, given: Batch, { key }) =>
    causalLM(scores(params, given, key), given.labels!, { segmentIds: given.segment_ids! }),
  optimizer: (rate) => optim.adamw(rate),
  learningRate: optim.cosineDecaySchedule({ initValue: 0.02, decaySteps: 200 }),
  scheduleBy: 'step',
  accumulate: true,
  clip: 1,
  ema: 0.9,
  compute: 'float16',
  lossScale: { initScale: 2 ** 22, growthInterval: 4 },
  layerNorms: true,
})
const initial = made.initState(model.init(random.key(1)), { key: random.key(2) })
type State = typeof initial

const found = await latestCheckpoint(`${directory}/checkpoints`, initial)()
if (found._tag === 'Left') throw new Error(found.left.message)
for (const { message } of found.right.passedOver) process.stderr.write(`passed over: ${message}\n`)
process.stdout.write(`from ${found.right.checkpoint?.step ?? 0}\n`)

const measure = evaluator(
  (params: Params, given: Batch) => ({
    logits: scores(params, given),
    labels: given.labels!,
    mask: given.segment_ids!,
  }),
  { perplexity: perplexity() },
)
const valid = rows(samples.slice(0, 9))
const metrics = `${directory}/metrics.jsonl`
const result = await train(made.step as never, initial, data as never, {
  steps: Number(steps),
  from: found.right.checkpoint,
  onNonFinite: 'ignore',
  hooks: [
    metricsFile(metrics),
    evaluateEvery(7, (state: State) => measure(made.average(state), valid)),
    checkpoints(`${directory}/checkpoints`, { every: 3, keepLast: 2, keepBest: { metric: 'eval/perplexity' } }),
    report(`${directory}/report.html`, { metricsFile: metrics, plan: 'a plan' }),
    onStep(async ({ step: n }) => {
      process.stdout.write(`step ${n}\n`)
      if (Number(pause) > 0) await new Promise((resolve) => setTimeout(resolve, Number(pause)))
    }),
    signals(),
  ] as never,
})()
if (result._tag === 'Left') throw new Error(result.left.message)
if (result.right.step === Number(steps)) writeFileSync(`${directory}/final.bin`, tree.serialize(result.right.state))
process.stdout.write(`ended: ${result.right.reason}\n`)
