/** `pullback evaluate`: measures a tuned model on rows with labels. */
import { evaluate as evaluateStream, Tally } from '../../train/index.ts'
import type { ParamTree } from '../../models/index.ts'
import type { Stream } from '../../train/index.ts'
import type { Command, Given, Terminal } from '../command.ts'
import { FailedError, numberOption, orFail, required, UsageError, wordOption } from '../command.ts'
import { rowsFor } from './data.ts'
import type { Reading } from './rows.ts'
import type { TaskBatch } from './task.ts'
import { batchesOf, pairBatchesOf, taskOf } from './task.ts'
import type { Tuned } from './tuned.ts'
import { loadTuned, tunedOptions } from './tuned.ts'

/** The files of `--data`, and the arguments after it. */
const dataOf = (given: Given): readonly string[] => [required(given, 'data'), ...given.words]

/** Whole numbers from 1 on. */
const countOption = (given: Given, name: string): number | undefined => {
  const n = numberOption(given, name, 1, 1e9)
  if (n !== undefined && !Number.isInteger(n)) throw new UsageError(`--${name} must be a whole number`)
  return n
}

/** The batches of rows for a tuned model. */
const batchesFor = (given: Given, { base, task, labels, maxLength }: Tuned, reading: Reading): Stream<TaskBatch> => {
  const settings = {
    tokenizer: base.tokenizer,
    batchSize: countOption(given, 'batch-size') ?? 16,
    maxLength: countOption(given, 'max-length') ?? maxLength ?? (task === 'causal' || task === 'seq2seq' ? 512 : 128),
    labels: labels?.length === 1 ? null : labels,
    reading,
  }
  const found = rowsFor(task, dataOf(given), reading)
  if (found.kind === 'pairs') return pairBatchesOf(base.model, settings)(found.rows)
  return batchesOf(task as Exclude<typeof task, 'embed'>, base.model, settings)(found.rows)
}

const readingOptions = {
  data: { type: 'string', value: 'FILE', help: 'rows: .jsonl, .csv, .tsv or .parquet; more files may follow' },
  'batch-size': { type: 'string', value: 'N', help: 'rows at a time (16)' },
  'max-length': { type: 'string', value: 'N', help: 'tokens of a row, as in training by default' },
  'on-bad': { type: 'string', value: 'WORD', help: 'what becomes of bad rows: fail, or skip and count ("fail")' },
} as const

const evaluateRun = async (given: Given, terminal: Terminal): Promise<void> => {
  dataOf(given)
  const tuned = await loadTuned(given, terminal)
  const tally = new Tally()
  const onBad = wordOption(given, 'on-bad', ['fail', 'skip'] as const) ?? 'fail'
  const batches = batchesFor(given, tuned, { onBad, tally })
  const task = taskOf(tuned.task, tuned.labels?.length ?? 0)
  const outputs = (params: ParamTree, batch: TaskBatch) => task.outputs({ model: tuned.base.model, params }, batch)
  const metrics = orFail(await evaluateStream(outputs, tuned.params, batches, task.metrics)())
  if (tally.rows === tally.bad) throw new FailedError(`${dataOf(given).join(', ')}: there are no rows to evaluate on`)
  if (given.flag('json')) {
    terminal.out(
      `${JSON.stringify({ task: task.name, labels: tuned.labels, rows: tally.rows, bad: tally.bad, metrics }, null, 2)}\n`,
    )
    return
  }
  terminal.out(`${String(tally)}\n`)
  for (const [name, value] of Object.entries(metrics)) terminal.out(`${name} = ${String(value)}\n`)
}

export const evaluate: Command = {
  name: 'evaluate',
  usage: '--model DIR [--adapter DIR] --data FILE ...',
  summary: 'Measures a model, tuned or not, on rows with labels.',
  options: {
    ...tunedOptions,
    ...readingOptions,
    json: { type: 'boolean', help: 'as JSON' },
  },
  words: [0, Infinity],
  run: evaluateRun,
}
