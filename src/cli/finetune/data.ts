/** The rows of a run: their task, the names of their classes, and the split for evaluation. */
import type { TrainRow, Stream } from '../../train/index.ts'
import { fold, splitByHash, take, toArray } from '../../train/index.ts'
import type { JsonRecord } from '../../io/index.ts'
import { FailedError, orFail } from '../command.ts'
import { labelsOf } from './base.ts'
import type { PairRow, Reading } from './rows.ts'
import { openKnownRows, openRows, pairRow } from './rows.ts'
import type { Settings, TaskName } from './settings.ts'
import type { TaskBatch } from './task.ts'

/** A stream of either kind of rows. */
type Rows =
  | { readonly kind: 'known'; readonly rows: Stream<TrainRow> }
  | { readonly kind: 'pairs'; readonly rows: Stream<PairRow> }

/** The rows of files, as the task reads them. */
export const rowsFor = (task: TaskName, paths: readonly string[], reading: Reading): Rows =>
  task === 'embed'
    ? { kind: 'pairs', rows: openRows(paths, pairRow, reading) }
    : { kind: 'known', rows: openKnownRows(paths, reading) }

const writesAfterReading = (config: JsonRecord): boolean => ['t5', 'mt5'].includes(String(config['model_type']))

/** The task of rows, detected from the first of them and the model. */
export const detectTask = async (paths: readonly string[], reading: Reading, config: JsonRecord): Promise<TaskName> => {
  const first = orFail(await toArray(take<TrainRow>(1)(openKnownRows(paths, reading)))())
  const [row] = first
  if (row === undefined) throw new FailedError(`${paths.join(', ')}: there are no rows`)
  if ('label' in row) return 'classify'
  return writesAfterReading(config) ? 'seq2seq' : 'causal'
}

/** The kind of labels: class names, or numbers. */
interface Labels {
  /** Null if they are numbers. */
  readonly names: readonly string[] | null
}

interface Seen {
  readonly texts: Set<string>
  readonly numbers: Set<number>
}

/** More classes than this are probably numbers for a regression. */
const MOST = 1000

/** The classes of rows: strings in alphabetical order, integers up to the largest, or null for other numbers. */
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
  // A head that already has these classes keeps their order.
  if (own !== null && [...seen.texts].every((label) => own.includes(label))) return { names: own }
  return { names: [...seen.texts].sort() }
}

/**
 * The text that is hashed for the split. The beginning of a text is enough, but not that of instructions, which all rows may
 * share: they would all go to one part.
 */
const textOf = (row: TrainRow | PairRow): string => {
  if ('messages' in row) {
    return row.messages.flatMap(({ role, content }) => (role === 'system' ? [] : [`${role}: ${content}`])).join('\n')
  }
  if ('prompt' in row) return `${row.prompt}\n${row.completion}`
  return 'textPair' in row ? `${row.text}\n${row.textPair}` : row.text
}

const isInstruction = (row: TrainRow | PairRow): boolean => 'messages' in row || 'prompt' in row

/** Rows for training, and rows for evaluation. */
export interface Parts<R> {
  readonly train: Stream<R>
  readonly valid: Stream<R> | null
}

/** Splits off a fraction of the rows for evaluation, by the hash of their texts: the same rows in every run. */
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

/** The number of rows. */
export const countRows = async (rows: Stream<unknown>): Promise<number> =>
  orFail(await fold(0, (n: number) => n + 1)(rows)())

/** One pass over the data. */
export interface Pass {
  readonly rows: number
  /** The number of batches: each padded length has its own last batch, which may not be full. */
  readonly steps: number
}

/**
 * Counts the batches of a pass by reading it. The number of rows of each length does not depend on their order, so all passes
 * have as many batches.
 */
export const countPass = async (batches: Stream<TaskBatch>): Promise<Pass> =>
  orFail(
    await fold({ rows: 0, steps: 0 }, ({ rows, steps }: Pass, batch: TaskBatch) => ({
      rows: rows + Object.values(batch)[0]!.shape[0]!,
      steps: steps + 1,
    }))(batches)(),
  )
