/** Parquet, by hyparquet. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { ByteSource, IoError, Readable } from '../../io/index.ts'
import { openSource } from '../../io/index.ts'
import { aReadable } from '../../io/source.ts'
import * as must from '../../conversions/arguments.ts'
import type { DataError } from '../errors.ts'
import type { Stream, StreamError } from '../stream.ts'
import { cursorOf, dataError, end, isCount, isParts, item, left, right, strangePosition, streamOf } from './cursor.ts'
import type { TrainRow } from './decode.ts'
import { row } from './decode.ts'
import { peer } from './peers.ts'
import type { BadRows, RowOptions } from './rows.ts'
import { decodeRow, judgeRows, rowTable } from './rows.ts'

/** A file as hyparquet reads it. */
interface AsyncBuffer {
  readonly byteLength: number
  slice(start: number, end?: number): Promise<ArrayBuffer>
}

interface Metadata {
  readonly row_groups: readonly { readonly num_rows: bigint }[]
}

/** The parts of hyparquet that are used. */
interface Hyparquet {
  parquetMetadataAsync(file: AsyncBuffer): Promise<Metadata>
  parquetReadObjects(options: {
    readonly file: AsyncBuffer
    readonly metadata: Metadata
    readonly rowStart: number
    readonly rowEnd: number
    readonly columns?: readonly string[]
    readonly compressors?: unknown
  }): Promise<readonly Readonly<Record<string, unknown>>[]>
}

/** Carries an error of reading through hyparquet. */
class ReadFault extends Error {
  readonly error: IoError

  constructor(error: IoError) {
    super(error.message)
    this.error = error
  }
}

const bufferOf = (source: ByteSource, byteLength: number): AsyncBuffer => ({
  byteLength,
  slice: async (start, to = byteLength) => {
    const from = start < 0 ? Math.max(0, byteLength + start) : start
    const bytes = await source.read(from, Math.min(to, byteLength) - from)()
    if (bytes._tag === 'Left') throw new ReadFault(bytes.left)
    return bytes.right.slice().buffer
  },
})

/** The result of hyparquet, or its exception as an error. */
const asking = async <A>(source: string, ask: () => Promise<A>): Promise<Either<IoError, A>> => {
  try {
    return right(await ask())
  } catch (error) {
    if (error instanceof ReadFault) return left(error.error)
    const why = error instanceof Error ? error.message : String(error)
    return left({ _tag: 'Malformed', format: 'parquet', source, offset: 0, message: `${source}: not Parquet: ${why}` })
  }
}

/** Long integers as numbers where they are exact, as in JSON. */
const plain = (value: unknown): unknown => {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]))
}

interface OpenFile {
  readonly library: Hyparquet
  readonly compressors: unknown
  readonly file: AsyncBuffer
  readonly metadata: Metadata
  /** The index of the first row of each group, and the total number of rows. */
  readonly starts: readonly number[]
}

const openFile = async (source: ByteSource): Promise<Either<StreamError, OpenFile>> => {
  const { name } = source
  const library = await peer<Hyparquet>('hyparquet', name, 'to read Parquet')
  if (library._tag === 'Left') return library
  const size = await source.size()
  if (size._tag === 'Left') return size
  const file = bufferOf(source, size.right)
  const metadata = await asking(name, () => library.right.parquetMetadataAsync(file))
  if (metadata._tag === 'Left') return metadata
  // Snappy only needs hyparquet; without the other package, other compressions are an error that names them.
  const more = await peer<{ readonly compressors: unknown }>('hyparquet-compressors', name, 'for compressions')
  const starts = [0]
  for (const { num_rows: rows } of metadata.right.row_groups) starts.push(starts.at(-1)! + Number(rows))
  const compressors = more._tag === 'Right' ? more.right.compressors : undefined
  return right({ library: library.right, compressors, file, metadata: metadata.right, starts })
}

type ParquetRow = Readonly<Record<string, unknown>>

/** Rows from index `from` to the end of their group. */
const readGroup = async (
  { library, compressors, file, metadata, starts }: OpenFile,
  source: string,
  from: number,
  columns: readonly string[] | undefined,
): Promise<Either<StreamError, readonly ParquetRow[]>> => {
  const to = starts.find((start) => start > from)!
  return asking(source, () =>
    library.parquetReadObjects({
      file,
      metadata,
      rowStart: from,
      rowEnd: to,
      ...(columns === undefined ? {} : { columns }),
      ...(compressors === undefined ? {} : { compressors }),
    }),
  )
}

/** The rows of a file, one row group at a time. The place is the number read, and the total. */
const rowsOf = (source: ByteSource, columns: readonly string[] | undefined): Stream<ParquetRow> =>
  streamOf('parquet', (position) => {
    // The number of rows read, and the total: so a changed file is detected.
    const place = position ?? [0, null]
    if (!isParts(place, 2) || !isCount(place[0])) return strangePosition('parquet', position)
    const [start, total] = [place[0], place[1]]
    let file: OpenFile | null = null
    let group: readonly ParquetRow[] = []
    let next = start
    let first = start
    return cursorOf(async () => {
      if (file === null) {
        const opened = await openFile(source)
        if (opened._tag === 'Left') return opened
        file = opened.right
        const rows = file.starts.at(-1)!
        if (total !== null && total !== rows) {
          const was = `it has ${rows} rows, and had ${String(total)}`
          return left(dataError(source.name, `is not the file that was read before: ${was}. Begin anew.`))
        }
        if (start > rows) return strangePosition('parquet', position).next()
      }
      if (next === file.starts.at(-1)) return end
      if (next === first + group.length) {
        const read = await readGroup(file, source.name, next, columns)
        if (read._tag === 'Left') return read
        group = read.right
        first = next
        if (group.length === 0) return end
      }
      const value = group[next - first]!
      next++
      return item(value, [next, file.starts.at(-1)!])
    })
  })

/** Options of `parquet`. */
export interface ParquetOptions {
  /** Which columns are read; all by default. */
  readonly columns?: readonly string[]
}

const parquetDoor = must.door('parquet', {
  from: aReadable,
  options: must.optionsOf<ParquetOptions & Partial<RowOptions<unknown>>>({
    ...rowTable,
    columns: must.listOf(must.string, 'a list of names'),
  }),
})

/**
 * The rows of a Parquet file, by `hyparquet`, which must be installed; compressions other than Snappy by
 * `hyparquet-compressors`. One row group is in memory at a time. Long integers are numbers where these are exact. * * @param
 * options - which columns; what rows must be; how to handle bad ones. * @throws ArgumentError if bad rows are skipped without a
 * tally to count them.
 * @example
 * ```ts
 * import { parquetWriteBuffer } from 'hyparquet-writer'
 * import { decode, parquet, toArray } from 'pullback/train'
 * const bytes = parquetWriteBuffer({
 *   columnData: [
 *     { name: 'text', data: ['fine', 'awful'], type: 'STRING' },
 *     { name: 'stars', data: [5, 1], type: 'INT32' },
 *     { name: 'date', data: ['Monday', 'Friday'], type: 'STRING' },
 *   ],
 * })
 * const row = decode.object({ text: decode.string, stars: decode.integer })
 * // Other columns are not even read.
 * const rows = await toArray(parquet(bytes, { columns: ['text', 'stars'], decode: row }))()
 * rows._tag === 'Right' && rows.right.map(({ text, stars }) => `${text} ${stars}`) // => fine 5,awful 1
 * ```
 */
export function parquet<T>(from: Readable, options: ParquetOptions & RowOptions<T>): Stream<T>
export function parquet(from: Readable, options?: ParquetOptions & BadRows): Stream<TrainRow>
export function parquet(from: Readable, options: ParquetOptions & Partial<RowOptions<unknown>> = {}): Stream<unknown> {
  parquetDoor(from, options)
  const { decode: decoder = row, columns } = options
  const source = openSource(from)
  const judge = (raw: ParquetRow, number: number): Either<DataError, unknown> =>
    decodeRow('parquet', decoder, plain(raw), `${source.name}, row ${number}`)
  return judgeRows('parquet', source.name, judge, options)(rowsOf(source, columns))
}
