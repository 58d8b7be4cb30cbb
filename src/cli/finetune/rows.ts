/** Files of rows, by their extensions. */
import type { DataError, Decoder, Stream, Tally, TrainRow } from '../../train/index.ts'
import { concat, csv, decode, jsonl, parquet, textLines, tsv } from '../../train/index.ts'
import { FailedError, UsageError } from '../command.ts'

/** A row whose two texts belong together. */
export interface PairRow {
  readonly text: string
  readonly textPair: string
}

const pairFields = decode.object({
  text: decode.string,
  textPair: decode.optional(decode.string),
  text_pair: decode.optional(decode.string),
})

/** `{ text, textPair }`, or `{ prompt, completion }` as a pair. */
export const pairRow: Decoder<PairRow> = (value, at = '') => {
  const isPrompt = typeof value === 'object' && value !== null && 'prompt' in value
  if (isPrompt) {
    const row = decode.object({ prompt: decode.string, completion: decode.string })(value, at)
    return row._tag === 'Left'
      ? row
      : { _tag: 'Right', right: { text: row.right.prompt, textPair: row.right.completion } }
  }
  const row = pairFields(value, at)
  if (row._tag === 'Left') return row
  const { text, textPair = row.right.text_pair } = row.right
  if (textPair !== undefined) return { _tag: 'Right', right: { text, textPair } }
  const error: DataError = { _tag: 'DataError', at, message: 'the row has no textPair beside its text' }
  return { _tag: 'Left', left: error }
}

/** How to handle bad rows. */
export interface Reading {
  readonly onBad: 'fail' | 'skip'
  readonly tally: Tally
}

const numeral = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/** Cells have no types: a label that looks like a number is a number, as in JSON. */
const ofCells =
  <T>(decoder: Decoder<T>): Decoder<T> =>
  (value, at) => {
    const { label } = value as { readonly label?: unknown }
    const isNumber = typeof label === 'string' && numeral.test(label.trim())
    return decoder(isNumber ? { ...(value as object), label: Number(label) } : value, at)
  }

const streamOf = <T>(path: string, decoder: Decoder<T>, { onBad, tally }: Reading): Stream<T> => {
  const options = { decode: decoder, onBad, tally }
  if (/\.(jsonl|ndjson)$/i.test(path)) return jsonl(path, options)
  if (/\.csv$/i.test(path)) return csv(path, { ...options, decode: ofCells(decoder) })
  if (/\.tsv$/i.test(path)) return tsv(path, { ...options, decode: ofCells(decoder) })
  if (/\.parquet$/i.test(path)) return parquet(path, options)
  throw new UsageError(`${path}: rows are read from .jsonl, .csv, .tsv and .parquet, and lines of text from .txt`)
}

/** The rows of all files, one after the other. */
export const openRows = <T>(paths: readonly string[], decoder: Decoder<T>, reading: Reading): Stream<T> => {
  if (paths.length === 0) throw new FailedError('there are no files of data')
  return concat(...paths.map((path) => streamOf(path, decoder, reading)))
}

/** Rows, decoded by their keys; for a plain text, its lines. */
export const openKnownRows = (paths: readonly string[], reading: Reading): Stream<TrainRow> =>
  concat(...paths.map((path) => (/\.txt$/i.test(path) ? textLines(path) : streamOf(path, decode.row, reading))))
