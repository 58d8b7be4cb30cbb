/** Files as records of bytes, read a piece at a time, from any byte on. */
import { joinBytes } from '../../core/bytes.ts'
import type { ByteSource } from '../../io/index.ts'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Cursor, Position, StreamError } from '../stream.ts'
import type { Pulled } from './cursor.ts'
import { cursorOf, dataError, end, isCount, item, left, right, strangePosition } from './cursor.ts'

/** The bytes of a record, without its line end, and its position. */
export interface FileRecord {
  readonly bytes: Uint8Array
  /** The number of its first line, counted from 1. */
  readonly line: number
}

/** Searches for the end of a record: called with more and more bytes of it, from where it stopped before. */
export interface Splitter {
  /** The index after the record's line end, or -1 if it is not among the bytes from `from` on. */
  readonly endIn: (bytes: Uint8Array, from: number) => number
}

const [LF, CR] = [0x0a, 0x0d]

/** Records that are lines. */
export const lineSplitter = (): Splitter => ({ endIn: (bytes, from) => bytes.indexOf(LF, from) + 1 || -1 })

/** Pieces start small, as a reader may only want one record, and double. */
const [FIRST_PIECE, LAST_PIECE] = [2 ** 16, 2 ** 21]

/** The longest record: a longer one is probably a file without line breaks. */
const LONGEST = 2 ** 26

const countLines = (bytes: Uint8Array): number => {
  let count = 0
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) count++
  return count
}

const withoutLineEnd = (bytes: Uint8Array): Uint8Array => {
  const length = bytes.at(-1) === LF ? bytes.length - 1 : bytes.length
  return bytes.subarray(0, bytes[length - 1] === CR ? length - 1 : length)
}

const startsWith = (bytes: Uint8Array, first: readonly number[]): boolean => first.every((byte, i) => bytes[i] === byte)

/** What files that are not text begin with, and are handed over by mistake. */
const mistaken: readonly (readonly [first: readonly number[], what: string])[] = [
  [[0x1f, 0x8b], 'compressed by gzip: unpack it first'],
  [[0x50, 0x4b, 3, 4], 'a zip archive: unpack it first'],
  [[0x50, 0x41, 0x52, 0x31], 'a Parquet file: read it with parquet'],
  [[0xff, 0xfe], 'UTF-16: save it as UTF-8'],
  [[0xfe, 0xff], 'UTF-16: save it as UTF-8'],
]

const BOM = [0xef, 0xbb, 0xbf]

/** The position in a file, and the file's size. */
interface Place {
  readonly byte: number
  readonly line: number
  readonly size: number | null
}

const placeOf = (position: Position): Place | null => {
  if (position === null) return { byte: 0, line: 1, size: null }
  if (typeof position !== 'object' || Array.isArray(position)) return null
  const { byte, line, size } = position as { readonly [key: string]: Position }
  return isCount(byte) && isCount(line) && isCount(size) ? { byte, line, size } : null
}

/** Reads records one after the other. */
class RecordReader {
  readonly #source: ByteSource
  readonly #splitter: Splitter
  readonly #size: number
  #piece = FIRST_PIECE
  /** Bytes that were read but not yet returned; the first is at `#byte` of the file. */
  #bytes: Uint8Array = new Uint8Array(0)
  #byte: number
  #line: number

  constructor(source: ByteSource, splitter: Splitter, size: number, { byte, line }: Place) {
    this.#source = source
    this.#splitter = splitter
    this.#size = size
    this.#byte = byte
    this.#line = line
  }

  get #read(): number {
    return this.#byte + this.#bytes.length
  }

  /** Reads another piece; returns whether there was one. */
  async #more(): Promise<Either<StreamError, boolean>> {
    const from = this.#read
    const length = Math.min(this.#piece, this.#size - from)
    if (length === 0) return right(false)
    const given = await this.#source.read(from, length)()
    if (given._tag === 'Left') return given
    this.#piece = Math.min(2 * this.#piece, LAST_PIECE)
    this.#bytes = this.#bytes.length === 0 ? given.right.slice() : joinBytes([this.#bytes, given.right])
    return right(true)
  }

  /** Refuses what is not a text, and passes the mark of UTF-8. */
  async begin(): Promise<Either<StreamError, null>> {
    if (this.#byte > 0) return right(null)
    const more = await this.#more()
    if (more._tag === 'Left') return more
    const { name } = this.#source
    for (const [first, what] of mistaken)
      if (startsWith(this.#bytes, first)) return left(dataError(name, `is ${what}.`))
    if (startsWith(this.#bytes, BOM)) this.#pass(BOM.length)
    return right(null)
  }

  #pass(length: number): void {
    this.#bytes = this.#bytes.subarray(length)
    this.#byte += length
  }

  async next(): Promise<Pulled<FileRecord>> {
    let searched = 0
    for (;;) {
      const found = this.#splitter.endIn(this.#bytes, searched)
      if (found >= 0) return this.#give(found)
      searched = this.#bytes.length
      if (searched > LONGEST) {
        const at = `${this.#source.name}:${this.#line}`
        return left(dataError(at, `no row ends within ${LONGEST} bytes. Is a quote open, or has the file no lines?`))
      }
      const more = await this.#more()
      if (more._tag === 'Left') return more
      if (!more.right) return searched === 0 ? end : this.#give(searched)
    }
  }

  #give(length: number): Pulled<FileRecord> {
    const whole = this.#bytes.subarray(0, length)
    const line = this.#line
    this.#line += countLines(whole)
    this.#pass(length)
    const position = { byte: this.#byte, line: this.#line, size: this.#size }
    return item({ bytes: withoutLineEnd(whole), line }, position)
  }
}

/**
 * The records of a file. The place is the byte and the line, so that resuming reads nothing before it, and the file's size, so
 * that a changed file is detected.
 */
export const recordsCursor = (
  name: string,
  source: ByteSource,
  position: Position,
  splitter: () => Splitter,
): Cursor<FileRecord> => {
  const place = placeOf(position)
  if (place === null) return strangePosition(name, position)
  let reader: RecordReader | null = null
  const start = async (): Promise<Either<StreamError, RecordReader>> => {
    const size = await source.size()
    if (size._tag === 'Left') return size
    if (place.byte > size.right || (place.size !== null && place.size !== size.right)) {
      const was = `it has ${size.right} bytes, and had ${place.size ?? 'others'}`
      return left(dataError(source.name, `is not the file that was read before: ${was}. Begin anew.`))
    }
    const made = new RecordReader(source, splitter(), size.right, place)
    const begun = await made.begin()
    return begun._tag === 'Left' ? begun : right(made)
  }
  return cursorOf(async () => {
    if (reader === null) {
      const started = await start()
      if (started._tag === 'Left') return started
      reader = started.right
    }
    return reader.next()
  })
}
