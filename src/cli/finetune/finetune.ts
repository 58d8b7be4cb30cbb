/** `pullback finetune`: a whole run, from rows to an adapter or a model. */
import type { JsonRecord } from '../../io/index.ts'
import { openModel, openSource, readAll } from '../../io/index.ts'
import { decodeUtf8 } from '../../core/utf8.ts'
import type { Stream, TrainRow } from '../../train/index.ts'
import { shuffle, Tally } from '../../train/index.ts'
import * as random from '../../random/index.ts'
import type { Command, Given, Terminal } from '../command.ts'
import { FailedError, orFail, UsageError } from '../command.ts'
import { isGguf } from '../model.ts'
import type { Base } from './base.ts'
import { loadBase, withLabels } from './base.ts'
import { countPass, countRows, detectLabels, detectTask, partsOf } from './data.ts'
import type { Parts, Pass } from './data.ts'
import { checkFits } from './methods.ts'
import type { PairRow, Reading } from './rows.ts'
import { openKnownRows, openRows, pairRow } from './rows.ts'
import type { Run } from './run.ts'
import { beginning, planOf, runTraining } from './run.ts'
import type { Settings, TaskName } from './settings.ts'
import { flagOf, resolveSettings, settingNames, settingOptions } from './settings.ts'
import type { Task, TaskBatch } from './task.ts'
import { batchesOf, pairBatchesOf, taskOf } from './task.ts'

const configFile = async (path: string | undefined): Promise<JsonRecord> => {
  if (path === undefined) return {}
  const text = decodeUtf8(orFail(await readAll(openSource(path))()))
  try {
    const value: unknown = JSON.parse(text ?? '')
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonRecord
  } catch (error) {
    throw new FailedError(`${path}: is no JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  throw new FailedError(`${path}: must be an object of settings`)
}

/** The settings of `--config`, and of the flags. Arguments are further data files. */
const settingsOf = async (given: Given): Promise<Settings> => {
  const config = given.text('config')
  const flags: { [key: string]: unknown } = {}
  for (const key of settingNames) flags[key] = given.text(flagOf(key))
  if (given.words.length > 0) {
    if (flags['data'] === undefined)
      throw new UsageError(`'${given.words[0]!}' is too much; files of rows follow --data`)
    flags['data'] = [...String(flags['data']).split(','), ...given.words]
  }
  const resolved = resolveSettings(config ?? 'the settings', await configFile(config), flags)
  if (resolved._tag === 'Left') throw new UsageError(resolved.left.message)
  return resolved.right
}

/** The configuration of a model, before it is loaded. */
const configOf = async (path: string): Promise<JsonRecord> =>
  isGguf(path) ? {} : orFail(await openModel(path)()).config

const longestOf = (task: TaskName, { maxLength }: Settings): number =>
  maxLength ?? (task === 'causal' || task === 'seq2seq' ? 512 : 128)

/** The size of the shuffle buffer, in rows. */
const SHUFFLED = 10_000

const mixed = <R>(rows: Stream<R>, { seed }: Settings): Stream<R> =>
  shuffle<R>(random.foldIn(random.key(seed), 2), SHUFFLED)(rows)

interface Prepared {
  readonly train: Stream<TaskBatch>
  readonly valid: Stream<TaskBatch> | null
  /** One pass over the training data. */
  readonly pass: Pass
  /** The number of rows for evaluation; null if there is no evaluation. */
  readonly validRows: number | null
}

/** How rows become batches, with the bad rows counted by a reading. */
type Batching<R> = (reading: Reading) => (rows: Stream<R>) => Stream<TaskBatch>

const prepared = async <R>(
  parts: Parts<R>,
  looked: Parts<R>,
  settings: Settings,
  batching: Batching<R>,
  { reading, looking }: Readings,
): Promise<Prepared> => ({
  train: batching(reading)(mixed(parts.train, settings)),
  valid: looked.valid === null ? null : batching(looking)(looked.valid),
  pass: await countPass(batching(looking)(looked.train)),
  validRows: looked.valid === null ? null : await countRows(looked.valid),
})

/** The reading whose counts are reported, and another for detection and evaluation. */
interface Readings {
  readonly reading: Reading
  readonly looking: Reading
}

const batchSettings = (
  base: Base,
  settings: Settings,
  task: TaskName,
  labels: readonly string[] | null,
  reading: Reading,
) => ({
  tokenizer: base.tokenizer,
  batchSize: settings.batchSize,
  maxLength: longestOf(task, settings),
  labels,
  reading,
})

const prepare = (
  base: Base,
  task: Task,
  settings: Settings,
  labels: readonly string[] | null,
  readings: Readings,
): Promise<Prepared> => {
  const own = (reading: Reading) => batchSettings(base, settings, task.name, labels, reading)
  const { data, valid } = settings
  const { name } = task
  if (name === 'embed') {
    const open = (paths: readonly string[], reading: Reading) => openRows(paths, pairRow, reading)
    const parts = (reading: Reading) =>
      partsOf(open(data, reading), valid === null ? null : open([valid], reading), settings)
    const batching: Batching<PairRow> = (reading) => pairBatchesOf(base.model, own(reading))
    return prepared(parts(readings.reading), parts(readings.looking), settings, batching, readings)
  }
  const parts = (reading: Reading) =>
    partsOf(openKnownRows(data, reading), valid === null ? null : openKnownRows([valid], reading), settings)
  const batching: Batching<TrainRow> = (reading) => batchesOf(name, base.model, own(reading))
  return prepared(parts(readings.reading), parts(readings.looking), settings, batching, readings)
}

/** Prepares everything that a run needs, from its settings. */
const prepareRun = async (
  settings: Settings,
  terminal: Terminal,
): Promise<{ readonly run: Run; readonly labels: readonly string[] | null }> => {
  const tally = new Tally()
  const reading: Reading = { onBad: settings.onBad, tally }
  // Reading for detection and for evaluation must not be counted twice.
  const looking: Reading = { onBad: settings.onBad, tally: new Tally() }
  const config = await configOf(settings.model)
  const name = settings.task === 'auto' ? await detectTask(settings.data, looking, config) : settings.task
  const labels = name === 'classify' ? (await detectLabels(openKnownRows(settings.data, looking), config)).names : null
  const wanted = name === 'classify' ? (labels ?? ['LABEL_0']) : null
  if (!isGguf(settings.model)) checkFits(settings.method, withLabels(config, wanted), name)
  const base = await loadBase(settings.model, { task: name, labels: wanted, seed: settings.seed }, terminal)
  const task = taskOf(name, wanted?.length ?? 0)
  const { train, valid, pass, validRows } = await prepare(base, task, settings, labels, { reading, looking })
  if (pass.rows === 0) throw new FailedError(`${settings.data.join(', ')}: there are no rows to learn from`)
  if (validRows === 0) {
    throw new FailedError(
      settings.valid === null
        ? `of ${pass.rows} rows none is in the share of ${settings.validFraction} to evaluate on: --valid-fraction another, or 0 for none`
        : `${settings.valid}: there are no rows to evaluate on`,
    )
  }
  const steps = settings.steps ?? pass.steps * settings.epochs
  return { run: { settings, base, task, train, valid, steps, stepsPerEpoch: pass.steps, tally }, labels }
}

const numberText = (x: unknown): string => (typeof x === 'number' ? x.toPrecision(5) : JSON.stringify(x))

const finetuneRun = async (given: Given, terminal: Terminal): Promise<void> => {
  const settings = await settingsOf(given)
  const { run, labels } = await prepareRun(settings, terminal)
  const start = beginning(run)
  const [method, adapter] = start
  const planText = await planOf(run, adapter, method)
  const json = given.flag('json')
  const { task, steps, tally, base } = run
  if (!json) {
    const fresh = base.fresh.length === 0 ? '' : `; made anew: ${base.fresh.join(', ')}`
    terminal.out(
      `${planText}\n\n${task.name} by ${settings.method}: ${steps} steps of up to ${settings.batchSize} rows${fresh}\n`,
    )
  }
  if (given.flag('dry-run')) {
    if (json) terminal.out(`${JSON.stringify({ settings, task: task.name, labels, steps, plan: planText }, null, 2)}\n`)
    return
  }
  const say = (text: string): void => {
    if (!json) terminal.out(`${text}\n`)
  }
  const outcome = await runTraining(run, start, planText, { resume: given.flag('resume'), labels, say })
  if (json) {
    terminal.out(`${JSON.stringify({ out: settings.out, task: task.name, labels, ...outcome }, null, 2)}\n`)
    return
  }
  terminal.out(`${String(tally)}\n`)
  for (const [name, value] of Object.entries(outcome.metrics)) terminal.out(`${name} = ${numberText(value)}\n`)
  terminal.out(`${settings.out}: ${outcome.steps} steps, report.html, metrics.jsonl, checkpoints\n`)
}

export const finetune: Command = {
  name: 'finetune',
  usage: '--model DIR --data FILE ... --out DIR',
  summary:
    'Tunes a model on rows {text, label}, {prompt, completion} or {messages}; writes an adapter or a model, and a report.',
  options: {
    ...settingOptions,
    config: { type: 'string', value: 'FILE', help: 'settings as JSON, { "learningRate": 0.001 }; flags go before it' },
    resume: { type: 'boolean', help: 'goes on from the last whole checkpoint' },
    'dry-run': { type: 'boolean', help: 'shows what would be trained, and its memory, and does nothing' },
    json: { type: 'boolean', help: 'the outcome as JSON' },
  },
  words: [0, Infinity],
  run: finetuneRun,
}
