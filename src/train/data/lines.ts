/** Files of lines: JSONL, and texts. */
import type { Either } from 'fp-ts/lib/Either.js'
import { decodeUtf8 } from '../../core/utf8.ts'
import type { ByteSource, Readable } from '../../io/index.ts'
import { openSource, readAll } from '../../io/index.ts'
import { aReadable } from '../../io/source.ts'
import * as must from '../../conversions/arguments.ts'
import type { DataError } from '../errors.ts'
import type { Stream } from '../stream.ts'
import { fromArray } from './basic.ts'
import { dataError, left, right, streamOf } from './cursor.ts'
import type { PlainRow, TrainRow } from './decode.ts'
import { row } from './decode.ts'
import { filter, mapTaskEither } from './elements.ts'
import type { FileRecord } from './records.ts'
import { lineSplitter, recordsCursor } from './records.ts'
import type { BadRows, RowOptions } from './rows.ts'
import { badRowsTable, decodeRow, judgeRows, rowTable } from './rows.ts'

const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0d

/** Whether a record is not blank. */
export const isFilled = ({ bytes }: FileRecord): boolean => !bytes.every(isBlank)

/** The text of a record, or the error that it is not UTF-8. */
export const textOf = (at: string, { bytes }: FileRecord): Either<DataError, string> => {
  const text = decodeUtf8(bytes)
  return text === null ? left(dataError(at, 'is not UTF-8')) : right(text)
}

/** The lines of a file. */
const linesOf = (name: string, source: ByteSource): Stream<FileRecord> =>
  streamOf(name, (position) => recordsCursor(name, source, position, lineSplitter))

const jsonOf = (at: string, text: string): Either<DataError, unknown> => {
  try {
    return right(JSON.parse(text) as unknown)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return left(dataError(at, `is not JSON: ${why}`))
  }
}

const jsonlDoor = must.door('jsonl', { from: aReadable, options: must.optionsOf(rowTable) })

/**
 * The rows of a file of JSON lines (UTF-8; `\n` or `\r\n`; blank lines do not count). It is read a piece at a time, and
 * resuming from a place reads nothing before it. * * @param from - a path, a URL, a `File` or `Blob`, or bytes.
 * @param options - what rows must be (by default `{ text }`, `{ text, label }`, `{ prompt, completion }` or `{ messages }`, see
 *   `decode.row`), and how to handle bad ones. * @throws ArgumentError if bad rows are skipped without a tally to count them.
 *
 * @example
 * ```ts
 * import { jsonl, toArray } from 'pullback/train'
 * const bytes = new TextEncoder().encode('{"text": "fine", "label": "ham"}\n{"text": 3}\n')
 * const rows = await toArray(jsonl(bytes))()
 * rows._tag === 'Left' && rows.left.message // => bytes:2: text must be a text, got 3
 * ```
 */
export function jsonl<T>(from: Readable, options: RowOptions<T>): Stream<T>
export function jsonl(from: Readable, options?: BadRows): Stream<TrainRow>
export function jsonl(from: Readable, options: Partial<RowOptions<unknown>> = {}): Stream<unknown> {
  jsonlDoor(from, options)
  const { decode: decoder = row } = options
  const source = openSource(from)
  const judge = (record: FileRecord): Either<DataError, unknown> => {
    const at = `${source.name}:${record.line}`
    const text = textOf(at, record)
    const json = text._tag === 'Left' ? text : jsonOf(at, text.right)
    return json._tag === 'Left' ? json : decodeRow('jsonl', decoder, json.right, at)
  }
  return judgeRows('jsonl', source.name, judge, options)(filter(isFilled)(linesOf('jsonl', source)))
}

const textLinesDoor = must.door('textLines', { from: aReadable, options: must.optionsOf(badRowsTable) })

/**
 * The lines of a text as rows `{ text }`; blank ones are skipped.
 *
 * @example
 * ```ts
 * import { textLines, toArray } from 'pullback/train'
 * const rows = await toArray(textLines(new TextEncoder().encode('To be,\r\n\r\nor not')))()
 * rows._tag === 'Right' && rows.right.map(({ text }) => text) // => To be,,or not
 * ```
 */
export const textLines = (from: Readable, options: BadRows = {}): Stream<PlainRow> => {
  textLinesDoor(from, options)
  const source = openSource(from)
  const judge = (record: FileRecord): Either<DataError, PlainRow> => {
    const text = textOf(`${source.name}:${record.line}`, record)
    return text._tag === 'Left' ? text : right({ text: text.right })
  }
  return judgeRows('textLines', source.name, judge, options)(filter(isFilled)(linesOf('textLines', source)))
}

const textFilesDoor = must.door('textFiles', {
  files: must.listOf(aReadable, 'a list of files'),
  options: must.optionsOf(badRowsTable),
})

/**
 * Whole files, each of them a row `{ text }`: documents.
 *
 * @example
 * ```ts
 * import { textFiles, toArray } from 'pullback/train'
 * const encoder = new TextEncoder()
 * const rows = await toArray(textFiles([encoder.encode('One document.\nTwo lines.'), encoder.encode('Another.')]))()
 * rows._tag === 'Right' && rows.right.map(({ text }) => text.length) // => 24,8
 * ```
 */
export const textFiles = (files: readonly Readable[], options: BadRows = {}): Stream<PlainRow> => {
  textFilesDoor(files, options)
  const sources = files.map(openSource)
  const read = mapTaskEither((source: ByteSource) => async () => {
    const bytes = await readAll(source)()
    return bytes._tag === 'Left' ? bytes : right({ bytes: bytes.right, name: source.name })
  })
  const judge = ({ bytes, name }: { readonly bytes: Uint8Array; readonly name: string }) => {
    const text = textOf(name, { bytes, line: 1 })
    return text._tag === 'Left' ? text : right({ text: text.right.replace(/^\uFEFF/, '') })
  }
  return judgeRows('textFiles', 'files', judge, options)(read(fromArray(sources)))
}
