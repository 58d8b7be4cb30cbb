/** Several short samples in one row. */
import { ArgumentError } from '../../core/errors.ts'
import * as must from '../../conversions/arguments.ts'
import type { Stream } from '../stream.ts'
import type { Operator } from './cursor.ts'
import { dataError, left, operator, right } from './cursor.ts'
import type { Sample } from './sample.ts'
import { IGNORED } from '../../models/losses.ts'
import { windowsCursor } from './windows.ts'

/** A row of several samples. All lists have its length. */
export interface PackedSample extends Sample {
  readonly attention_mask: readonly number[]
  readonly labels: readonly number[]
  /** From 0 in each sample. */
  readonly position_ids: readonly number[]
  /** 1, 2, ... by sample, 0 for padding. */
  readonly segment_ids: readonly number[]
}

/** Options of `pack`. */
export interface PackOptions {
  /** The number of samples considered at once for filling rows. Default: 1000. */
  readonly buffer?: number
  /** The id of padding. Default: 0. */
  readonly padId?: number
}

const packDoor = must.door('pack', {
  length: must.count,
  options: must.optionsOf<PackOptions>({ buffer: must.count, padId: must.natural }),
})
const packOperator = operator('pack')

/** Which samples share a row: the longest first, each into the first row that has room for it (first fit decreasing). */
const rowsOf = (lengths: readonly number[], room: number): readonly (readonly number[])[] => {
  const rows: { free: number; readonly members: number[] }[] = []
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[b]! - lengths[a]! || a - b)
  for (const i of order) {
    let row = rows.find(({ free }) => free >= lengths[i]!)
    if (row === undefined) rows.push((row = { free: room, members: [] }))
    row.free -= lengths[i]!
    row.members.push(i)
  }
  // In the order of the data again: rows by their first samples, and samples in them.
  const sorted = rows.map(({ members }) => members.sort((a, b) => a - b))
  return sorted.sort((a, b) => a[0]! - b[0]!)
}

const labelsOf = ({ input_ids: ids, labels = ids }: Sample): readonly number[] => {
  if (typeof labels === 'number' || labels.length !== ids.length) {
    throw new ArgumentError('pack: samples must have a label for each token, as those of causal models have.')
  }
  // The first token follows another sample, which must not predict it.
  return ids.length === 0 ? [] : [IGNORED, ...labels.slice(1)]
}

const join = (samples: readonly Sample[], length: number, padId: number): PackedSample => {
  const padding = (by: number): readonly number[] =>
    new Array<number>(length - samples.reduce((n, { input_ids: ids }) => n + ids.length, 0)).fill(by)
  const cut = samples.reduce((n, sample) => n + (sample.cut ?? 0), 0)
  return {
    input_ids: [...samples.flatMap(({ input_ids: ids }) => ids), ...padding(padId)],
    attention_mask: [...samples.flatMap(({ input_ids: ids }) => ids.map(() => 1)), ...padding(0)],
    labels: [...samples.flatMap(labelsOf), ...padding(IGNORED)],
    position_ids: [...samples.flatMap(({ input_ids: ids }) => ids.map((_, i) => i)), ...padding(0)],
    segment_ids: [...samples.flatMap(({ input_ids: ids }, i) => ids.map(() => i + 1)), ...padding(0)],
    ...(cut > 0 ? { cut } : {}),
  }
}

/**
 * Rows of exactly `length` tokens, each of several samples, to reduce padding. With `segment_ids`, tokens only attend to their
 * own sample, and `position_ids` start again in each, so a sample counts as if it were alone. Resuming from a place reads one
 * buffer again.
 *
 * @returns an error for a sample that is longer than `length`.
 *
 * @example
 * ```ts
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { fromArray, pack, toArray } from 'pullback/train'
 * const samples = [[5, 6, 7], [8, 9], [4]].map((ids) => ({ input_ids: ids, labels: ids }))
 * const rows = await pipe(fromArray(samples), pack(4), toArray)()
 * rows._tag === 'Right' && rows.right.map((row) => row.segment_ids.join('')) // => 1112,1100
 * rows._tag === 'Right' && rows.right[0]?.labels // => -100,6,7,-100
 * ```
 */
export const pack = (length: number, options: PackOptions = {}): Operator<Sample, PackedSample> => {
  packDoor(length, options)
  const { buffer = 1000, padId = 0 } = options
  return packOperator((source: Stream<Sample>, position, epoch) =>
    windowsCursor('pack', source, position, epoch, {
      size: buffer,
      arrange: (samples: readonly Sample[]) => {
        const lengths = samples.map(({ input_ids: ids }) => ids.length)
        const long = lengths.find((n) => n > length)
        if (long !== undefined) {
          return left(
            dataError('pack', `a sample has ${long} tokens, and a row ${length}. Cut it when it is tokenized.`),
          )
        }
        return right(rowsOf(lengths, length).map((row) => join(row.map((i) => samples[i]!), length, padId))) // prettier-ignore
      },
    }),
  )
}
