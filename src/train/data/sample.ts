/** Rows as token ids, and batches of them. */
import { ArgumentError } from '../../core/errors.ts'
import { IGNORED } from '../../models/losses.ts'
import * as np from '../../numpy/index.ts'
import * as must from '../../conversions/arguments.ts'
import type { NDArray } from '../../trace/value.ts'
import type { Bucket } from './batch.ts'

/** One row as token ids and labels, under the names of `transformers`. */
export interface Sample {
  readonly input_ids: readonly number[]
  /** 1 for tokens, 0 for padding; all 1 where it is left out. */
  readonly attention_mask?: readonly number[]
  /** Which of two texts. */
  readonly token_type_ids?: readonly number[]
  /** Labels of each token, or of the row: a class, or a number. */
  readonly labels?: readonly number[] | number
  /** The position of each token in its text. */
  readonly position_ids?: readonly number[]
  /** Which of several samples in one row, counted from 1; 0 for padding. */
  readonly segment_ids?: readonly number[]
  /** The number of tokens removed by truncation. */
  readonly cut?: number
}

/** Arrays of shape `[batch, length]`, int32; `labels` of rows have shape `[batch]`, float32 unless all are whole numbers. */
export interface Batch {
  readonly input_ids: NDArray
  readonly attention_mask: NDArray
  readonly token_type_ids?: NDArray
  readonly labels?: NDArray
  readonly position_ids?: NDArray
  readonly segment_ids?: NDArray
}

/** How rows are padded. */
export interface CollateOptions {
  /** The id of padding: a tokenizer's `padId`. Models ignore it. Default: 0. */
  readonly padId?: number
  /** The length of rows; that of the longest by default. */
  readonly length?: number
  /** Rounds the length of rows up to a multiple of this, for fewer shapes. */
  readonly multipleOf?: number
  /**
   * Which end is padded. For training it is the right, the default. To generate for several prompts, pad on the left, so that
   * each continues at its end; `position_ids` then give the positions of tokens.
   */
  readonly side?: 'left' | 'right'
  /**
   * The kind of labels: one for each token (`'tokens'`), a target text (`'targets'`), or one for each row, a class or a number
   * (`'classes'`, `'numbers'`). By default tokens if they are lists, classes if they are whole numbers, and numbers otherwise.
   */
  readonly labels?: 'tokens' | 'targets' | 'classes' | 'numbers'
}

const collateOptions: must.OptionTable<CollateOptions> = {
  padId: must.natural,
  length: must.count,
  multipleOf: must.count,
  side: must.oneOf(['left', 'right']),
  labels: must.oneOf(['tokens', 'targets', 'classes', 'numbers']),
}

const isRow = (x: unknown): boolean =>
  typeof x === 'object' && x !== null && 'input_ids' in x && must.isListOf(x.input_ids, must.natural.accepts)

const rowsWanted = 'a list of samples, as tokenizeRows gives them, or a bucket of them'

const isSamples = (x: unknown): boolean =>
  must.isListOf(x, isRow) || (typeof x === 'object' && x !== null && 'rows' in x && must.isListOf(x.rows, isRow))

const collateDoor = must.door('collate', { options: must.optionsOf(collateOptions) })
const samplesDoor = must.door('collate', { samples: must.kind(rowsWanted, isSamples) })

const isBucket = (x: readonly Sample[] | Bucket<Sample>): x is Bucket<Sample> => !Array.isArray(x)

/** A row padded to a length. */
const filled = (row: readonly number[], length: number, by: number, side: 'left' | 'right'): readonly number[] => {
  const padding = new Array<number>(length - row.length).fill(by)
  return side === 'right' ? [...row, ...padding] : [...padding, ...row]
}

const listOf = (sample: Sample, name: keyof Sample): readonly number[] => {
  const value = sample[name]
  if (Array.isArray(value) && value.length === sample.input_ids.length) return value as readonly number[]
  const got = Array.isArray(value) ? `${value.length} of ${sample.input_ids.length}` : String(value)
  throw new ArgumentError(`collate: ${name} must have a number for each token, got ${got}.`)
}

/** The labels of all samples, or null if there are none. */
const labelsOf = (samples: readonly Sample[]): readonly (readonly number[] | number)[] | null => {
  const labels = samples.flatMap(({ labels }) => (labels === undefined ? [] : [labels]))
  if (labels.length === 0) return null
  const lists = labels.filter((x) => typeof x !== 'number').length
  if (labels.length === samples.length && (lists === 0 || lists === labels.length)) return labels
  throw new ArgumentError(
    `collate: of ${samples.length} samples ${lists} have a list of labels and ${labels.length - lists} one label; ` +
      'all must have the same, or none.',
  )
}

const isNumbers = (labels: readonly unknown[]): labels is readonly number[] => typeof labels[0] === 'number'

const rowLabels = (labels: readonly number[], kind: CollateOptions['labels']): NDArray => {
  const isWhole = kind !== 'numbers' && labels.every(Number.isInteger)
  if (kind === 'classes' && !isWhole) {
    throw new ArgumentError(`collate: classes must be whole numbers, got ${labels.find((x) => !Number.isInteger(x))}.`)
  }
  return np.array(isWhole ? Int32Array.from(labels) : Float32Array.from(labels))
}

/** The positions of the unmasked tokens, counted from 0. */
const positionsOf = (mask: readonly number[]): readonly number[] => {
  let next = 0
  return mask.map((shown) => (shown === 0 ? 0 : next++))
}

/**
 * Samples as arrays, padded to one length. Padding is masked, and its labels are -100: by position, not by token, so that a
 * tokenizer may use one token to end texts and to pad them. * * @throws ArgumentError for rows longer than `length`, members
 * that only some rows have, labels of different kinds.
 *
 * @example
 * ```ts
 * import { collate } from 'pullback/train'
 * const batch = collate({ padId: 9 })([{ input_ids: [1, 2, 9], labels: [-100, 2, 9] }, { input_ids: [3], labels: [3] }])
 * batch.input_ids // => [[1 2 9]\n [3 9 9]]
 * batch.attention_mask // => [[1 1 1]\n [1 0 0]]
 * batch.labels // => [[-100    2    9]\n [   3 -100 -100]]
 * ```
 */
export const collate = (options: CollateOptions = {}): ((samples: readonly Sample[] | Bucket<Sample>) => Batch) => {
  collateDoor(options)
  const { padId = 0, multipleOf = 1, side = 'right', labels: kind } = options
  /** Rows as a matrix of `length` columns. */
  const matrix = (rows: readonly (readonly number[])[], length: number, by: number): NDArray => {
    const flat = rows.flatMap((row) => filled(row, length, by, side))
    return np.reshape(np.array(Int32Array.from(flat)), [rows.length, length])
  }
  const rounded = (length: number): number => Math.ceil(length / multipleOf) * multipleOf
  const longestOf = (rows: readonly (readonly number[])[]): number =>
    rows.reduce((n, row) => Math.max(n, row.length), 0)
  const labelled = (samples: readonly Sample[], length: number): NDArray | null => {
    const labels = labelsOf(samples)
    if (labels === null) return null
    if (isNumbers(labels)) return rowLabels(labels, kind)
    if (kind !== 'targets') return matrix(samples.map((sample) => listOf(sample, 'labels')), length, IGNORED) // prettier-ignore
    const targets = labels as readonly (readonly number[])[]
    return matrix(targets, rounded(longestOf(targets)), IGNORED)
  }
  return (given) => {
    samplesDoor(given)
    const samples = isBucket(given) ? given.rows : given
    const ids = samples.map(({ input_ids: row }) => row)
    const longest = longestOf(ids)
    const wanted = options.length ?? (isBucket(given) ? given.length : longest)
    if (longest > wanted) {
      throw new ArgumentError(
        `collate: a row has ${longest} tokens, and length is ${wanted}. Cut rows when they are tokenized: { maxLength: ${wanted} }.`,
      )
    }
    const length = rounded(wanted)
    const masks = samples.map((sample) => (sample.attention_mask === undefined ? sample.input_ids.map(() => 1) : listOf(sample, 'attention_mask'))) // prettier-ignore
    const has = (name: keyof Sample): boolean => samples.some((sample) => sample[name] !== undefined)
    const labels = labelled(samples, length)
    /** A member that some sample has; 0 for those that have none. */
    const member = (name: keyof Sample): NDArray =>
      matrix(samples.map((sample) => (sample[name] === undefined ? sample.input_ids.map(() => 0) : listOf(sample, name))), length, 0) // prettier-ignore
    const positions = has('position_ids')
      ? member('position_ids')
      : side === 'left'
        ? matrix(masks.map(positionsOf), length, 0)
        : null
    return {
      input_ids: matrix(ids, length, padId),
      attention_mask: matrix(masks, length, 0),
      ...(has('token_type_ids') ? { token_type_ids: member('token_type_ids') } : {}),
      ...(positions === null ? {} : { position_ids: positions }),
      ...(has('segment_ids') ? { segment_ids: member('segment_ids') } : {}),
      ...(labels === null ? {} : { labels }),
    }
  }
}
