/**
 * CSV by RFC 4180, and TSV. Rows are split by the quoting rules, not by lines, as quoted fields may contain line breaks; so
 * each row's position is known to the byte.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import { ArgumentError } from '../../core/errors.ts'
import type { ByteSource, Readable } from '../../io/index.ts'
import { openSource } from '../../io/index.ts'
import { aReadable } from '../../io/source.ts'
import * as must from '../../conversions/arguments.ts'
import type { DataError } from '../errors.ts'
import type { Position, Stream, StreamError } from '../stream.ts'
import { cursorOf, dataError, failedCursor, item, left, right, streamOf, withNext } from './cursor.ts'
import type { TrainRow } from './decode.ts'
import { row } from './decode.ts'
import { filter } from './elements.ts'
import { isFilled, textOf } from './lines.ts'
import type { FileRecord, Splitter } from './records.ts'
import { lineSplitter, recordsCursor } from './records.ts'
import type { BadRows, RowOptions } from './rows.ts'
import { decodeRow, judgeRows, rowTable } from './rows.ts'

/** The format of a file of fields. */
export interface CsvFormat {
  /** The delimiter of fields: one ASCII character, `','` by default. */
  readonly delimiter?: string
  /** The names of columns, if they are not in the file's first row. */
  readonly columns?: readonly string[]
  /** Whether fields may be quoted, and contain delimiters and line breaks then. Default: true. */
  readonly quotes?: boolean
}

const QUOTE = 0x22
const LF = 0x0a

/** Splits rows at line breaks outside quotes. A quote only opens at the beginning of a field. */
const rowSplitter = (delimiter: number) => (): Splitter => {
  let isQuoted = false
  let isStart = true
  /** Whether the last byte was a quote inside quotes: it closes them, unless another quote follows. */
  let isPending = false
  return {
    endIn: (bytes, from) => {
      for (let i = from; i < bytes.length; i++) {
        const byte = bytes[i]!
        if (isPending) {
          isPending = false
          if (byte === QUOTE) continue
          isQuoted = false
        }
        if (isQuoted) {
          isPending = byte === QUOTE
          continue
        }
        if (byte === LF) {
          isStart = true
          return i + 1
        }
        if (byte === QUOTE && isStart) isQuoted = true
        isStart = byte === delimiter
      }
      return -1
    },
  }
}

/** The fields of a row, or the error of a field that is not closed or continues after its quotes. */
const fieldsOf = (
  at: string,
  text: string,
  { delimiter, quotes }: Required<Omit<CsvFormat, 'columns'>>,
): Either<DataError, readonly string[]> => {
  if (!quotes) return right(text.split(delimiter))
  const fields: string[] = []
  for (let from = 0; ;) {
    if (text[from] !== '"') {
      const to = text.indexOf(delimiter, from)
      fields.push(text.slice(from, to < 0 ? text.length : to))
      if (to < 0) return right(fields)
      from = to + 1
      continue
    }
    let close = text.indexOf('"', from + 1)
    while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2)
    const number = fields.length + 1
    if (close < 0) return left(dataError(at, `the quote of field ${number} is not closed`))
    fields.push(text.slice(from + 1, close).replaceAll('""', '"'))
    if (close + 1 === text.length) return right(fields)
    if (text[close + 1] !== delimiter) return left(dataError(at, `field ${number} goes on after its quotes`))
    from = close + 2
  }
}

type Names = readonly string[]

const headerOf = (at: string, names: Names): Either<DataError, Names> => {
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  return twice === undefined ? right(names) : left(dataError(at, `two columns are called ${JSON.stringify(twice)}`))
}

/** A row of a file of fields, with the columns' names. */
interface NamedRecord {
  readonly names: Names
  readonly record: FileRecord
}

/** Rows, each with the names of its columns, which are in the first row unless they are given. */
const namedRecords = (
  name: string,
  source: ByteSource,
  format: Required<Omit<CsvFormat, 'columns'>>,
  columns: Names | undefined,
): Stream<NamedRecord> => {
  const splitter = format.quotes ? rowSplitter(format.delimiter.charCodeAt(0)) : lineSplitter
  const records = streamOf(name, (position) => recordsCursor(name, source, position, splitter))
  const header = async (): Promise<Either<StreamError, { readonly names: Names; readonly after: Position } | null>> => {
    const cursor = filter(isFilled)(records).open()
    const first = await cursor.next()
    await cursor.close()
    if (first._tag === 'Left') return first
    if (first.right === null) return right(null)
    const { value, position } = first.right
    const at = `${source.name}:${value.line}`
    const text = textOf(at, value)
    const fields = text._tag === 'Left' ? text : fieldsOf(at, text.right, format)
    const names = fields._tag === 'Left' ? fields : headerOf(at, fields.right)
    return names._tag === 'Left' ? names : right({ names: names.right, after: position })
  }
  return streamOf(name, (position) => {
    let open: { readonly names: Names; readonly cursor: ReturnType<typeof records.open> } | null = null
    return cursorOf(async () => {
      if (open === null) {
        const found = columns === undefined ? await header() : right({ names: columns, after: null })
        if (found._tag === 'Left') open = { names: [], cursor: failedCursor(found.left) }
        else if (found.right === null) open = { names: [], cursor: records.open() }
        else open = { names: found.right.names, cursor: filter(isFilled)(records).open(position ?? found.right.after) }
      }
      const { names, cursor } = open
      return withNext(cursor, ({ value, position }) => item({ names, record: value }, position))
    })
  })
}

/** Options of `csv` and `tsv`. */
export type CsvOptions<T> = CsvFormat & RowOptions<T>

const isDelimiter = (x: unknown): boolean => typeof x === 'string' && /^[\t -~]$/.test(x) && x !== '"'

const csvTable: must.OptionTable<CsvFormat & Partial<RowOptions<unknown>>> = {
  ...rowTable,
  delimiter: must.kind('one character of ASCII that is not a quote', isDelimiter),
  columns: must.listOf(must.string, 'a list of names'),
  quotes: must.boolean,
}

const rowsOf = (
  name: string,
  from: Readable,
  { delimiter = ',', quotes = true, columns, ...options }: CsvFormat & Partial<RowOptions<unknown>>,
): Stream<unknown> => {
  const format = { delimiter, quotes }
  const { decode: decoder = row } = options
  if (columns !== undefined && new Set(columns).size < columns.length) {
    throw new ArgumentError(`${name}: two columns have one name: ${columns.join(', ')}.`)
  }
  const source = openSource(from)
  const judge = ({ names, record }: NamedRecord): Either<DataError, unknown> => {
    const at = `${source.name}:${record.line}`
    const text = textOf(at, record)
    const fields = text._tag === 'Left' ? text : fieldsOf(at, text.right, format)
    if (fields._tag === 'Left') return fields
    const { length } = fields.right
    if (length !== names.length)
      return left(dataError(at, `has ${length} fields, and there are ${names.length} columns`))
    return decodeRow(name, decoder, Object.fromEntries(names.map((key, i) => [key, fields.right[i]])), at)
  }
  return judgeRows(name, source.name, judge, options)(namedRecords(name, source, format, columns))
}

const csvDoor = must.door('csv', { from: aReadable, options: must.optionsOf(csvTable) })
const tsvDoor = must.door('tsv', { from: aReadable, options: must.optionsOf({ ...csvTable }) })

/**
 * The rows of a file of comma-separated values (RFC 4180; UTF-8), as objects of strings by column. It is read a piece at a
 * time; resuming from a place reads the first row, for the names, but nothing else before the place.
 *
 * @param options - the format; what rows must be (by default `{ text }`, `{ text, label }` or `{ prompt, completion }`); how to
 *   handle bad ones. `decode.numeric` accepts strings that are numbers. * @throws ArgumentError if bad rows are skipped without
 *   a tally to count them.
 *
 * @example
 * ```ts
 * import { csv, decode, toArray } from 'pullback/train'
 * const bytes = new TextEncoder().encode('text,stars\n"Good, and ""cheap""",4\n')
 * const rows = await toArray(csv(bytes, { decode: decode.object({ text: decode.string, stars: decode.numeric }) }))()
 * rows._tag === 'Right' && rows.right[0]?.text // => Good, and "cheap"
 * rows._tag === 'Right' && rows.right[0]?.stars // => 4
 * ```
 */
export function csv<T>(from: Readable, options: CsvOptions<T>): Stream<T>
export function csv(from: Readable, options?: CsvFormat & BadRows): Stream<TrainRow>
export function csv(from: Readable, options: CsvFormat & Partial<RowOptions<unknown>> = {}): Stream<unknown> {
  csvDoor(from, options)
  return rowsOf('csv', from, options)
}

/**
 * `csv` with tabs between fields.
 *
 * @example
 * ```ts
 * import { decode, toArray, tsv } from 'pullback/train'
 * const bytes = new TextEncoder().encode('5\tA "quoted" word\n1\tPlain\n')
 * // Quotes mean nothing here; the file has no line of names.
 * const options = { columns: ['label', 'text'], decode: decode.object({ text: decode.string, label: decode.numeric }) }
 * const rows = await toArray(tsv(bytes, options))()
 * rows._tag === 'Right' && rows.right[0]?.text // => A "quoted" word
 * rows._tag === 'Right' && rows.right[0]?.label // => 5
 * ```
 */
export function tsv<T>(from: Readable, options: Omit<CsvOptions<T>, 'delimiter'>): Stream<T>
export function tsv(from: Readable, options?: Omit<CsvFormat, 'delimiter'> & BadRows): Stream<TrainRow>
export function tsv(from: Readable, options: CsvFormat & Partial<RowOptions<unknown>> = {}): Stream<unknown> {
  tsvDoor(from, options)
  return rowsOf('tsv', from, { delimiter: '\t', ...options })
}
