/** Tasks: how rows become batches, the loss, and the metrics. */
import * as np from '../../numpy/index.ts'
import type { AnyModel, AnyRunOptions, NamedArrays, ParamTree } from '../../models/index.ts'
import { meanPooling } from '../../models/index.ts'
import type { Tokenizer } from '../../tokenizers/index.ts'
import type { NDArray } from '../../trace/value.ts'
import type {
  AnyMetric,
  Batch,
  Objective,
  Operator,
  PromptSaveOptions,
  Sample,
  Scored,
  Stream,
  TrainRow,
} from '../../train/index.ts'
import {
  accuracy,
  bucket,
  causalLM,
  collate,
  contrastive,
  f1,
  map,
  meanSquaredError,
  perplexity,
  precision,
  recall,
  regression,
  rocAuc,
  seq2seq,
  sequenceClassification,
  tokenizeRows,
} from '../../train/index.ts'
import { columnsBefore } from '../../train/methods/virtualTokens.ts'
import type { PairRow, Reading } from './rows.ts'
import type { TaskName } from './settings.ts'

/** A batch: arrays by the names of `transformers`; for pairs, the arrays of the second texts are prefixed with `pair_`. */
export type TaskBatch = NamedArrays

/** A model to run, with or without an adapter: in its parameters, or before its inputs. */
export interface Running {
  readonly model: AnyModel
  readonly params: ParamTree
}

/** What a task does with batches. */
export interface Task {
  readonly name: TaskName
  /** The loss of a tuned model. */
  readonly loss: (tuned: Running, batch: TaskBatch, options: AnyRunOptions) => Objective
  /** The outputs that metrics measure. */
  readonly outputs: (tuned: Running, batch: TaskBatch) => Scored
  readonly metrics: { readonly [name: string]: AnyMetric<Scored> }
  /** The metric that determines the best checkpoint. */
  readonly best: { readonly metric: string; readonly mode: 'min' | 'max' }
  /** PEFT's name of the task. */
  readonly taskType: NonNullable<PromptSaveOptions['taskType']>
}

const inputsOf = (model: AnyModel, batch: TaskBatch, prefix = ''): NamedArrays =>
  Object.fromEntries(
    model.inputs.flatMap((name) => {
      const x = batch[`${prefix}${name}`]
      return x === undefined || name === 'labels' ? [] : [[name, x]]
    }),
  )

const labelsOf = (batch: TaskBatch): NDArray => batch['labels']!

const logitsOf = ({ model, params }: Running, batch: TaskBatch, options: AnyRunOptions = {}): NDArray =>
  model.apply(params, inputsOf(model, batch), options)['logits']!

const classify = (classes: number): Task => {
  const binary = { f1: f1(), precision: precision(), recall: recall(), rocAuc: rocAuc() }
  return {
    name: 'classify',
    loss: (tuned, batch, options) => sequenceClassification(logitsOf(tuned, batch, options), labelsOf(batch)),
    outputs: (tuned, batch) => ({ logits: logitsOf(tuned, batch), labels: labelsOf(batch) }),
    metrics: { accuracy: accuracy(), ...(classes === 2 ? binary : { f1: f1({ classes, average: 'macro' }) }) },
    best: { metric: 'eval/f1', mode: 'max' },
    taskType: 'SEQ_CLS',
  }
}

/** `x`, [batch, length], preceded by `value` at the positions of virtual tokens, which batches do not contain. */
const before = (places: number, value: number, x: NDArray): NDArray =>
  places === x.shape[1] ? x : columnsBefore(places - x.shape[1]!, value, x)

/** Logits of each token, and the labels: virtual tokens have none, but the last of them predicts the first token of the text. */
const writtenBy = (tuned: Running, batch: TaskBatch, options?: AnyRunOptions) => {
  const logits = logitsOf(tuned, batch, options)
  return { logits, labels: before(logits.shape[1]!, -100, labelsOf(batch)) }
}

const causal: Task = {
  name: 'causal',
  loss: (tuned, batch, options) => {
    const { logits, labels } = writtenBy(tuned, batch, options)
    return causalLM(logits, labels)
  },
  outputs: writtenBy,
  metrics: { perplexity: perplexity() },
  best: { metric: 'eval/perplexity', mode: 'min' },
  taskType: 'CAUSAL_LM',
}

const translate = (): Task => {
  const run = ({ model, params }: Running, batch: TaskBatch, options: AnyRunOptions = {}) =>
    model.apply(params, { ...inputsOf(model, batch), labels: labelsOf(batch) }, options)['logits']!
  return {
    name: 'seq2seq',
    loss: (tuned, batch, options) => seq2seq(run(tuned, batch, options), labelsOf(batch)),
    outputs: (tuned, batch) => ({ logits: run(tuned, batch), labels: labelsOf(batch) }),
    metrics: { perplexity: perplexity({ shift: false }) },
    best: { metric: 'eval/perplexity', mode: 'min' },
    taskType: 'SEQ_2_SEQ_LM',
  }
}

/** Mean pooling of the last hidden states, including those of virtual tokens, as in `sentence-transformers`. */
export const vectorsOf = (
  { model, params }: Running,
  batch: TaskBatch,
  prefix = '',
  options: AnyRunOptions = {},
): NDArray => {
  const { last_hidden_state: states } = model.apply(params, inputsOf(model, batch, prefix), options)
  return meanPooling(states!, before(states!.shape[1]!, 1, batch[`${prefix}attention_mask`]!))
}

const embed = (): Task => {
  const both = (tuned: Running, batch: TaskBatch, options: AnyRunOptions = {}) =>
    [vectorsOf(tuned, batch, '', options), vectorsOf(tuned, batch, 'pair_', options)] as const
  const unit = (x: NDArray): NDArray => np.divide(x, np.linalg.norm(x, { axis: -1, keepdims: true }))
  return {
    name: 'embed',
    loss: (tuned, batch, options) => contrastive(...both(tuned, batch, options)),
    outputs: (tuned, batch) => {
      const [anchors, candidates] = both(tuned, batch)
      // Each text must find its partner among those of the batch.
      const logits = np.matmul(unit(anchors), unit(candidates).T)
      return { logits, labels: np.arange(anchors.shape[0]!).astype('int32') }
    },
    metrics: { accuracy: accuracy() },
    best: { metric: 'eval/accuracy', mode: 'max' },
    taskType: 'FEATURE_EXTRACTION',
  }
}

/** One number for each text. */
const regress: Task = {
  name: 'classify',
  loss: (tuned, batch, options) =>
    regression(np.squeeze(logitsOf(tuned, batch, options), { axis: -1 }), labelsOf(batch)),
  outputs: (tuned, batch) => ({ logits: logitsOf(tuned, batch), labels: labelsOf(batch).astype('float32') }),
  metrics: { meanSquaredError: meanSquaredError() },
  best: { metric: 'eval/meanSquaredError', mode: 'min' },
  taskType: 'SEQ_CLS',
}

/** A task by its name, and the number of its classes: one is a regression. */
export const taskOf = (name: TaskName, classes: number): Task => {
  if (name === 'classify') return classes === 1 ? regress : classify(classes)
  if (name === 'causal') return causal
  return name === 'seq2seq' ? translate() : embed()
}

// Batches.

/** The lengths to which rows are padded: a few shapes, each traced once. */
const boundsUpTo = (longest: number): readonly number[] => {
  const bounds = [16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048].filter((bound) => bound < longest)
  return [...bounds, longest]
}

/** How rows become batches. */
interface BatchSettings {
  readonly tokenizer: Tokenizer
  readonly batchSize: number
  readonly maxLength: number
  readonly labels: readonly string[] | null
  readonly reading: Reading
}

const named = (batch: Batch, prefix = ''): TaskBatch =>
  Object.fromEntries(Object.entries(batch).map(([name, x]: [string, NDArray]) => [`${prefix}${name}`, x]))

/** The kind of labels in the batches of a task. */
const labelKinds = { causal: 'tokens', seq2seq: 'targets' } as const

/** Batches samples into a few shapes. */
const batched = (
  task: Exclude<TaskName, 'embed'>,
  model: AnyModel,
  { tokenizer, batchSize, maxLength, labels, reading }: BatchSettings,
) => {
  const kind = task === 'classify' ? (labels === null ? 'numbers' : 'classes') : labelKinds[task]
  // Target texts have their own lengths, which are padded to a few, too.
  const fill = collate({ padId: tokenizer.padId ?? 0, labels: kind, multipleOf: task === 'seq2seq' ? 16 : 1 })
  const buckets = bucket<Sample>({ bounds: boundsUpTo(maxLength), size: batchSize, tally: reading.tally })
  const keep = (batch: TaskBatch): TaskBatch =>
    Object.fromEntries(Object.entries(batch).filter(([name]) => name === 'labels' || model.inputs.includes(name)))
  return (samples: Stream<Sample>): Stream<TaskBatch> =>
    map((rows: Parameters<typeof fill>[0]) => keep(named(fill(rows))))(buckets(samples))
}

/** Rows as batches. */
export const batchesOf = (
  task: Exclude<TaskName, 'embed'>,
  model: AnyModel,
  settings: BatchSettings,
): Operator<TrainRow, TaskBatch> => {
  const { tokenizer, maxLength, labels, reading } = settings
  const samples = tokenizeRows(tokenizer, {
    task,
    maxLength,
    ...reading,
    ...(labels === null ? {} : { labels }),
    ...(task === 'seq2seq' ? { maxTargetLength: maxLength } : {}),
  })
  const batches = batched(task, model, settings)
  return (rows) => batches(samples(rows))
}

interface PairSample {
  readonly first: Sample
  readonly second: Sample
}

/** Pairs of texts as batches: all texts of a batch are padded to the same length. */
export const pairBatchesOf = (model: AnyModel, settings: BatchSettings): Operator<PairRow, TaskBatch> => {
  const { tokenizer, maxLength, batchSize, reading } = settings
  const sampleOf = (text: string): Sample => ({
    input_ids: tokenizer.encode(text, { truncation: true, maxLength }).ids,
  })
  const lengthOf = ({ first, second }: PairSample): number => Math.max(first.input_ids.length, second.input_ids.length)
  const buckets = bucket<PairSample>({ bounds: boundsUpTo(maxLength), size: batchSize, lengthOf, tally: reading.tally })
  const pairs = map(({ text, textPair }: PairRow): PairSample => ({
    first: sampleOf(text),
    second: sampleOf(textPair),
  }))
  const fill = collate({ padId: tokenizer.padId ?? 0 })
  const both = map((rows: { readonly length: number; readonly rows: readonly PairSample[] }): TaskBatch => {
    const of = (pick: (pair: PairSample) => Sample, prefix: string): TaskBatch => {
      const batch = named(fill({ length: rows.length, rows: rows.rows.map(pick) }))
      const kept = Object.entries(batch).filter(([name]) => model.inputs.includes(name))
      return Object.fromEntries(kept.map(([name, x]) => [`${prefix}${name}`, x]))
    }
    return { ...of((pair) => pair.first, ''), ...of((pair) => pair.second, 'pair_') }
  })
  return (rows) => both(buckets(pairs(rows)))
}
