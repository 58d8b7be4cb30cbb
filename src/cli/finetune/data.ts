/** The rows of a run: which task they are of, what their classes are called, and which of them are kept for evaluation. */
import type { TrainRow, Stream } from '../../train/index.ts'
import { fold, splitByHash, take, toArray } from '../../train/index.ts'
import type { JsonRecord } from '../../io/index.ts'
import { FailedError, orFail } from '../command.ts'
import { labelsOf } from './base.ts'
import type { PairRow, Reading } from './rows.ts'
import { openKnownRows, openRows, pairRow } from './rows.ts'
import type { Settings, TaskName } from './settings.ts'
import type { TaskBatch } from './task.ts'

/** A stream of one of both kinds of rows. */
export type Rows =
  | { readonly kind: 'known'; readonly rows: Stream<TrainRow> }
  | { readonly kind: 'pairs'; readonly rows: Stream<PairRow> }

/** The rows of files, as the task has them. */
export const rowsFor = (task: TaskName, paths: readonly string[], reading: Reading): Rows =>
  task === 'embed'
    ? { kind: 'pairs', rows: openRows(paths, pairRow, reading) }
    : { kind: 'known', rows: openKnownRows(paths, reading) }

const writesAfterReading = (config: JsonRecord): boolean => ['t5', 'mt5'].includes(String(config['model_type']))

/** The task that rows are of, by the first of them and by the model. */
export const detectTask = async (paths: readonly string[], reading: Reading, config: JsonRecord): Promise<TaskName> => {
  const first = orFail(await toArray(take<TrainRow>(1)(openKnownRows(paths, reading)))())
  const [row] = first
  if (row === undefined) throw new FailedError(`${paths.join(', ')}: there are no rows`)
  if ('label' in row) return 'classify'
  return writesAfterReading(config) ? 'seq2seq' : 'causal'
}

/** What labels are: classes by name, or numbers. */
export interface Labels {
  /** Null if they are numbers. */
  readonly names: readonly string[] | null
}

interface Seen {
  readonly texts: Set<string>
  readonly numbers: Set<number>
}

/** As many classes as this are numbers by mistake. */
const MOST = 1000

/** The classes that rows have: texts in order of their letters, whole numbers up to the greatest, or none of numbers. */
export const detectLabels = async (rows: Stream<TrainRow>, config: JsonRecord): Promise<Labels> => {
  const begin: Seen = { texts: new Set(), numbers: new Set() }
  const seen = orFail(
    await fold(begin, (all: Seen, row: TrainRow) => {
      if (!('label' in row)) return all
      if (typeof row.label === 'string') all.texts.add(row.label)
      else all.numbers.add(row.label)
      return all
    })(rows)(),
  )
  const own = labelsOf(config)
  if (seen.texts.size === 0) {
    const numbers = [...seen.numbers]
    const greatest = numbers.reduce((a, b) => Math.max(a, b), 0)
    if (!numbers.every((x) => Number.isInteger(x) && x >= 0) || greatest >= MOST) return { names: null }
    return { names: own?.length === greatest + 1 ? own : Array.from({ length: greatest + 1 }, (_, i) => `LABEL_${i}`) }
  }
  if (seen.numbers.size > 0)
    throw new FailedError('some labels are texts and some are numbers: name all classes by words, or number them')
  // A head that has these classes already keeps their order.
  if (own !== null && [...seen.texts].every((label) => own.includes(label))) return { names: own }
  return { names: [...seen.texts].sort() }
}

/**
 * What rows are told apart by. The beginning of a text will do, but not that of instructions, which all rows may have in common: they
 * would all go to one part.
 */
const textOf = (row: TrainRow | PairRow): string => {
  if ('messages' in row) {
    return row.messages.flatMap(({ role, content }) => (role === 'system' ? [] : [`${role}: ${content}`])).join('\n')
  }
  if ('prompt' in row) return `${row.prompt}\n${row.completion}`
  return 'textPair' in row ? `${row.text}\n${row.textPair}` : row.text
}

const isInstruction = (row: TrainRow | PairRow): boolean => 'messages' in row || 'prompt' in row

/** Rows to learn, and rows to evaluate on. */
export interface Parts<R> {
  readonly train: Stream<R>
  readonly valid: Stream<R> | null
}

/** A share of the rows is kept for evaluation, by the hash of their texts: the same rows in every run. */
export const partsOf = <R extends TrainRow | PairRow>(
  rows: Stream<R>,
  valid: Stream<R> | null,
  { validFraction, seed }: Settings,
): Parts<R> => {
  if (valid !== null) return { train: rows, valid }
  if (validFraction === 0) return { train: rows, valid: null }
  if (validFraction === 1) throw new FailedError('validFraction is 1: nothing is left to learn')
  const { train, held } = splitByHash(
    rows,
    { train: 1 - validFraction, held: validFraction },
    { of: textOf, salt: String(seed), compared: (row) => (isInstruction(row) ? Infinity : 600) },
  )
  return { train, valid: held }
}

/** How many rows there are. */
export const countRows = async (rows: Stream<unknown>): Promise<number> =>
  orFail(await fold(0, (n: number) => n + 1)(rows)())

/** One pass over the data. */
export interface Pass {
  readonly rows: number
  /** Batches: more than the rows fill, as each length that rows are filled up to has a last one of its own. */
  readonly steps: number
}

/**
 * Counts what a pass comes to, in the batches themselves. How many fall to each length does not depend on the order of the rows, so that
 * all passes have as many.
 */
export const countPass = async (batches: Stream<TaskBatch>): Promise<Pass> =>
  orFail(
    await fold({ rows: 0, steps: 0 }, ({ rows, steps }: Pass, batch: TaskBatch) => ({
      rows: rows + Object.values(batch)[0]!.shape[0]!,
      steps: steps + 1,
    }))(batches)(),
  )
