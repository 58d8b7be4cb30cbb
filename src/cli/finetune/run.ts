/** A tuning run: from settings to a step, hooks, and the files of the result. */
import type { JsonRecord } from '../../io/index.ts'
import type { AnyRunOptions, ParamTree } from '../../models/index.ts'
import { saveModel } from '../../models/index.ts'
import * as np from '../../numpy/index.ts'
import * as optim from '../../optim/index.ts'
import * as random from '../../random/index.ts'
import type { NDArray } from '../../trace/value.ts'
import type { Adapter, Found, Stream, Tally } from '../../train/index.ts'
import {
  checkpoints,
  decayMask,
  describe,
  evaluateEvery,
  evaluator,
  fileFingerprint,
  fingerprint,
  latestCheckpoint,
  makeStep,
  metricsFile,
  plan,
  progress,
  report,
  signals,
  take,
  tensorBoard,
  toArray,
  train,
} from '../../train/index.ts'
import { nodeStore } from '../../train/checkpoint/store.ts'
import { FailedError, orFail } from '../command.ts'
import { removeAll } from '../host.ts'
import { jsonBeside } from '../model.ts'
import type { Base } from './base.ts'
import { copyBeside, makeDirectory, writeText } from './files.ts'
import { withDirectory } from './lock.ts'
import type { Method } from './methods.ts'
import { methodsByName, rateFor } from './methods.ts'
import type { Settings } from './settings.ts'
import type { Running, Task, TaskBatch } from './task.ts'

/** The parts of a run. */
export interface Run {
  readonly settings: Settings
  readonly base: Base
  readonly task: Task
  readonly train: Stream<TaskBatch>
  readonly valid: Stream<TaskBatch> | null
  readonly steps: number
  /** Batches of one pass over the data. */
  readonly stepsPerEpoch: number
  readonly tally: Tally
}

/** Warmup from 0, then the decay of the settings. */
const rateSchedule = ({ settings, task, steps }: Run): ((step: NDArray) => NDArray) => {
  const { schedule, warmup, method } = settings
  const peak = settings.learningRate ?? rateFor(method, task.name)
  const rising = Math.min(Math.round(warmup * steps), steps - 1)
  const falling = Math.max(1, steps - rising)
  const after = {
    linear: () => optim.linearSchedule({ initValue: peak, endValue: 0, transitionSteps: falling }),
    cosine: () => optim.cosineDecaySchedule({ initValue: peak, decaySteps: falling }),
    constant: () => optim.constantSchedule(peak),
  }[schedule]()
  if (rising === 0) return (step) => np.asarray(after(step))
  const before = optim.linearSchedule({ initValue: peak / rising, endValue: peak, transitionSteps: rising })
  const both = optim.joinSchedules([before, after], [rising])
  return (step) => np.asarray(both(step))
}

/** The options of a model's run. */
const optionsOf = (key: random.Key | undefined): AnyRunOptions => (key === undefined ? {} : { key })

const stepOf = (run: Run, method: Method, adapter: Adapter) => {
  const { task, settings, base } = run
  return makeStep({
    loss: (trained: Adapter, batch: TaskBatch, { key }, params: ParamTree) => {
      const [ofAdapter, ofModel] = key === undefined ? [undefined, undefined] : random.split(key)
      // The base is a separate argument, which is not differentiated.
      const tuned = method.apply({ model: base.model, params }, trained, ofAdapter)
      return task.loss(tuned, batch, optionsOf(ofModel))
    },
    optimizer: (rate: NDArray) =>
      optim.adamw(rate, { weightDecay: settings.weightDecay, mask: decayMask(adapter) as never }),
    learningRate: rateSchedule(run),
    clip: settings.clip,
    layerNorms: true,
  })
}

/** The first batch, whose shapes the plan uses. */
const firstBatch = async (batches: Stream<TaskBatch>): Promise<TaskBatch> => {
  const [batch] = orFail(await toArray(take<TaskBatch>(1)(batches))())
  if (batch === undefined) throw new FailedError('there are no rows to learn from')
  return batch
}

/** The plan of the run, before anything is computed. */
export const planOf = async (run: Run, adapter: Adapter, method: Method): Promise<string> => {
  const batch = await firstBatch(run.train)
  const { base, task, settings } = run
  const planned = plan({
    params: base.params,
    batch,
    optimizer: optim.adamw(rateFor(settings.method, task.name)),
    method: { apply: (params: ParamTree, given: Adapter) => method.apply({ model: base.model, params }, given) },
    adapter,
    loss: (tuned: unknown, given) => task.loss(tuned as Running, given, {}).loss,
    compile: false,
  })
  return describe(planned)
}

/** A fresh adapter. */
export const beginning = ({ settings, base }: Run): readonly [method: Method, adapter: Adapter] => {
  const method = methodsByName[settings.method]
  return [method, method.init(random.key(settings.seed), base, settings)]
}

/** The result of a run. */
interface Outcome {
  readonly reason: string
  readonly steps: number
  readonly metrics: { readonly [name: string]: unknown }
  readonly passedOver: readonly string[]
}

/** Writes the result: an adapter, or a whole model. */
const saveResult = async (run: Run, method: Method, adapter: Adapter): Promise<void> => {
  const { settings, base, task } = run
  const { out } = settings
  if (method.save !== null) {
    orFail(await method.save(out, adapter, { baseModel: settings.model, taskType: task.taskType })())
  } else if (base.files === null) {
    throw new FailedError(`${settings.method} changes weights of a GGUF file, which is not written; use lora`)
  } else {
    const params = method.merge(base.params, adapter)
    const saved = { ...base.files, config: base.config, architecture: base.model.architecture, params }
    orFail(await saveModel(out, saved)())
  }
  if (base.files !== null) await copyBeside(settings.model, out)
}

/** The file beside a result that records how it was made. */
export const RUN_FILE = 'finetune.json'

const writeJson = (path: string, value: JsonRecord): Promise<void> =>
  writeText(path, `${JSON.stringify(value, null, 2)}\n`)

/** How to start a run, and how to report its progress. */
interface RunTrainingOptions {
  readonly resume: boolean
  readonly labels: readonly string[] | null
  readonly say: (text: string) => void
}

/** Trains, evaluates, saves, with exclusive use of the directory. */
export const runTraining = async (
  run: Run,
  start: readonly [method: Method, adapter: Adapter],
  planText: string,
  options: RunTrainingOptions,
): Promise<Outcome> => {
  const { out } = run.settings
  await makeDirectory(out)
  return withDirectory(out, () => trainInto(run, start, planText, options))
}

/** Settings that may change when a run is resumed: paths, the number of steps, the checkpoints to keep. */
const mayDiffer: ReadonlySet<string> = new Set(['out', 'model', 'data', 'valid', 'steps', 'epochs', 'checkpointEvery', 'keep', 'evaluateEvery']) // prettier-ignore

/** Throws unless a run can be resumed with these settings, naming those that changed. */
const checkSame = (out: string, was: JsonRecord | null, is: JsonRecord): void => {
  if (was === null) return
  const keys = Object.keys(is).filter((key) => !mayDiffer.has(key))
  const changed = keys.filter((key) => JSON.stringify(was[key] ?? null) !== JSON.stringify(is[key] ?? null))
  if (changed.length === 0) return
  const each = changed.map((key) =>
    key === 'fingerprints'
      ? 'the rows are others'
      : `${key} was ${JSON.stringify(was[key] ?? null)} and is ${JSON.stringify(is[key] ?? null)}`,
  )
  throw new FailedError(
    `${out}: --resume goes on with the same run, but ${each.join('; ')}. Give what is in ${out}/${RUN_FILE}, or begin anew in another --out`,
  )
}

/** The checkpoint to resume from; null to start. */
const previous = async <S>(
  { settings: { out } }: Run,
  directory: string,
  initial: S,
  description: JsonRecord,
  base: string,
  { resume, say }: RunTrainingOptions,
): Promise<Found<S> | null> => {
  if (resume) {
    const found = orFail(await latestCheckpoint(directory, initial, { base })())
    for (const { message } of found.passedOver) say(`passed over: ${message}`)
    if (found.checkpoint === null) say(`${directory}: there is no checkpoint yet, the run begins`)
    else say(`goes on from step ${found.checkpoint.step}, ${found.path}`)
    checkSame(out, found.checkpoint?.config ?? null, description)
    return found
  }
  const names = orFail(await nodeStore.list(directory)()) ?? []
  const steps = names.filter((name) => name.startsWith('step-')).sort()
  if (steps.length === 0) return null
  const noted = await jsonBeside(out, RUN_FILE)
  if (noted['finalStep'] === undefined) {
    throw new FailedError(
      `${out}: has a run that was not finished, ${steps.at(-1)!}. --resume goes on with it; to begin anew choose another --out, or remove ${directory}`,
    )
  }
  // The result of that run will be replaced as well.
  await removeAll(directory)
  return null
}

const trainInto = async (
  run: Run,
  start: readonly [method: Method, adapter: Adapter],
  planText: string,
  options: RunTrainingOptions,
): Promise<Outcome> => {
  const { settings, base, task, valid, steps, stepsPerEpoch } = run
  const { out } = settings
  const [method, adapter] = start
  const made = stepOf(run, method, adapter)
  const initial = made.initState(adapter, { key: random.foldIn(random.key(settings.seed), 1) })
  const files = [...settings.data, ...(settings.valid === null ? [] : [settings.valid])]
  const fingerprints: string[] = []
  for (const file of files) fingerprints.push(orFail(await fileFingerprint(file)()))
  const description: JsonRecord = {
    ...settings,
    task: task.name,
    labels: options.labels,
    architecture: base.model.architecture,
    fingerprints,
  }
  const directory = `${out}/checkpoints`
  const fingerprinted = orFail(await fingerprint(base.params)())
  const found = await previous(run, directory, initial, description, fingerprinted, options)
  await writeJson(`${out}/${RUN_FILE}`, description)

  const measure = evaluator(
    ({ trained, params }: { readonly trained: Adapter; readonly params: ParamTree }, batch: TaskBatch) =>
      task.outputs(method.apply({ model: base.model, params }, trained), batch),
    task.metrics,
  )
  let latest: { readonly [name: string]: unknown } | null = null
  const evaluated = (state: typeof initial) => async () => {
    const result = await measure({ trained: made.average(state), params: base.params }, valid!)()
    if (result._tag === 'Right') latest = result.right
    return result
  }
  const metricsPath = `${out}/metrics.jsonl`
  const hooks = [
    progress({ metrics: ['loss', 'accuracy'] }),
    metricsFile(metricsPath),
    tensorBoard(`${out}/tensorboard`),
    report(`${out}/report.html`, {
      title: `${settings.method} on ${settings.model}`,
      plan: planText,
      metricsFile: metricsPath,
    }),
    ...(valid === null ? [] : [evaluateEvery(settings.evaluateEvery ?? stepsPerEpoch, evaluated)]),
    checkpoints(directory, {
      every: settings.checkpointEvery,
      keepLast: settings.keep,
      base: fingerprinted,
      config: description,
      ...(valid === null ? {} : { keepBest: task.best }),
    }),
    signals(),
  ]
  const step = (state: typeof initial, batch: TaskBatch, params: ParamTree) => {
    const [next, metrics] = made.step(state, batch, params)
    return [next, { ...metrics, tokens: np.sum(batch['attention_mask']!).astype('float32') }] as const
  }
  const ended = orFail(
    await train(step, initial, run.train, {
      frozen: base.params,
      steps,
      // An epoch is a pass, however many batches it has.
      ...(settings.steps === null ? { epochs: settings.epochs } : {}),
      hooks: hooks,
      from: found?.checkpoint ?? null,
    })(),
  )
  const last = ended.state
  // The last step has already been evaluated, unless no step was left.
  const metrics = valid === null ? {} : (latest ?? orFail(await evaluated(last)()))
  await saveResult(run, method, made.average(last))
  await writeJson(`${out}/${RUN_FILE}`, {
    ...description,
    metrics: metrics,
    finalStep: ended.step,
  })
  return {
    reason: ended.reason,
    steps: ended.step,
    metrics,
    passedOver: found === null ? [] : found.passedOver.map(({ message }) => message),
  }
}
