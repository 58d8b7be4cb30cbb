/** Zip archives, by the directory at their end (PKWARE APPNOTE 6.3): entries are read one at a time, in place. */
import { malformed, missing, run, unsupported } from '../errors.ts'
import { decodeUtf8 } from '../platform.ts'
import type { ByteSource } from '../source.ts'
import { crc32 } from '../../core/crc32.ts'
import { inflate } from './inflate.ts'

/** One file of an archive. */
export interface ZipEntry {
  readonly name: string
  /** Whether its bytes are stored uncompressed. */
  readonly isStored: boolean
  readonly compressed: number
  readonly size: number
  readonly crc: number
  /** Where its local header begins. */
  readonly header: number
}

export interface ZipArchive {
  readonly entries: ReadonlyMap<string, ZipEntry>
  /** An entry's bytes, inflated and checked against its CRC-32. */
  readonly read: (name: string) => Promise<Uint8Array>
  /** Where an entry's bytes begin. */
  readonly dataStart: (entry: ZipEntry) => Promise<number>
}

const END = { signature: 0x06054b50, size: 22, comment: 65_535 }
const END64 = { signature: 0x06064b50, size: 56 }
const LOCATOR64 = { signature: 0x07064b50, size: 20 }
const CENTRAL = { signature: 0x02014b50, size: 46 }
const LOCAL = { signature: 0x04034b50, size: 30 }
const ZIP64_FIELD = 1
const [ENCRYPTED, STORED, DEFLATED] = [1, 0, 8]
const [ALL16, ALL32] = [0xffff, 0xffffffff]

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

/** A 64-bit number; values beyond 2^53 are inexact, but cannot be valid. */
const big = (view: DataView, at: number): number => Number(view.getBigUint64(at, true))

interface Directory {
  readonly offset: number
  readonly size: number
  readonly count: number
}

const findEnd = (tail: DataView): number => {
  for (let at = tail.byteLength - END.size; at >= 0; at--) {
    const ends = at + END.size + tail.getUint16(at + 20, true) === tail.byteLength
    if (tail.getUint32(at, true) === END.signature && ends) return at
  }
  return -1
}

const findDirectory = async (input: ByteSource, size: number): Promise<Directory> => {
  const { name } = input
  const start = Math.max(0, size - END.size - END.comment)
  const tail = viewOf(await run(input.read(start, size - start)))
  const at = findEnd(tail)
  if (at < 0) malformed('zip', name, start, 'there is no end of a directory: it is truncated, or not a zip file')
  const [count, bytes, offset] = [
    tail.getUint16(at + 10, true),
    tail.getUint32(at + 12, true),
    tail.getUint32(at + 16, true),
  ]
  if (count !== ALL16 && bytes !== ALL32 && offset !== ALL32) return { offset, size: bytes, count }
  const locator = at - LOCATOR64.size
  if (locator < 0 || tail.getUint32(locator, true) !== LOCATOR64.signature) return { offset, size: bytes, count }
  const place = big(tail, locator + 8)
  if (place + END64.size > size)
    malformed('zip', name, start + locator, 'the end of its 64-bit directory lies beyond the file')
  const end = viewOf(await run(input.read(place, END64.size)))
  if (end.getUint32(0, true) !== END64.signature) malformed('zip', name, place, 'there is no end of a 64-bit directory')
  return { offset: big(end, 48), size: big(end, 40), count: big(end, 32) }
}

/** Sizes and offset of an entry, from its 64-bit field where they do not fit. */
const wideFields = (view: DataView, at: number, end: number, values: readonly number[]): readonly number[] => {
  if (!values.includes(ALL32)) return values
  for (let field = at; field + 4 <= end;) {
    const [id, length] = [view.getUint16(field, true), view.getUint16(field + 2, true)]
    if (id === ZIP64_FIELD) {
      let place = field + 4
      const stop = Math.min(place + length, end)
      return values.map((value) => {
        if (value !== ALL32 || place + 8 > stop) return value
        place += 8
        return big(view, place - 8)
      })
    }
    field += 4 + length
  }
  return values
}

const readDirectory = (
  bytes: Uint8Array,
  { offset, count }: Directory,
  name: string,
): ReadonlyMap<string, ZipEntry> => {
  const view = viewOf(bytes)
  const entries = new Map<string, ZipEntry>()
  let at = 0
  for (let i = 0; i < count; i++) {
    const fault = (what: string): never => malformed('zip', name, offset + at, what)
    if (at + CENTRAL.size > bytes.length) fault(`its directory ends after ${i} of ${count} entries`)
    if (view.getUint32(at, true) !== CENTRAL.signature) fault(`entry ${i} of its directory is none`)
    const [nameLength, extra, comment] = [28, 30, 32].map((k) => view.getUint16(at + k, true)) as [
      number,
      number,
      number,
    ]
    const extraAt = at + CENTRAL.size + nameLength
    if (extraAt + extra + comment > bytes.length) fault(`entry ${i} goes beyond its directory`)
    const entry = decodeUtf8(bytes.subarray(at + CENTRAL.size, extraAt)) ?? fault(`the name of entry ${i} is not UTF-8`)
    if (entries.has(entry)) fault(`the name '${entry}' stands twice`)
    const method = view.getUint16(at + 10, true)
    if ((view.getUint16(at + 8, true) & ENCRYPTED) !== 0)
      unsupported('zip', name, offset + at, `'${entry}' is encrypted`)
    if (method !== STORED && method !== DEFLATED) {
      unsupported('zip', name, offset + at, `'${entry}' is compressed by method ${method}, not stored or deflated`)
    }
    const narrow = [24, 20, 42].map((k) => view.getUint32(at + k, true))
    const [size, compressed, header] = wideFields(view, extraAt, extraAt + extra, narrow) as [number, number, number]
    const isStored = method === STORED
    if (isStored && size !== compressed) fault(`'${entry}' is stored, but its sizes ${size} and ${compressed} differ`)
    entries.set(entry, { name: entry, isStored, size, compressed, header, crc: view.getUint32(at + 16, true) })
    at = extraAt + extra + comment
  }
  return entries
}

/** Opens an archive: reads its directory. */
export const openZip = async (input: ByteSource): Promise<ZipArchive> => {
  const { name: source } = input
  const total = await run(input.size)
  const directory = await findDirectory(input, total)
  const { offset, size, count } = directory
  if (!(offset + size <= total) || count * CENTRAL.size > size) {
    malformed('zip', source, Math.min(offset, total), `its directory of ${count} entries does not fit the file`)
  }
  const entries = readDirectory(await run(input.read(offset, size)), directory, source)

  const dataStart = async ({ name, header, compressed }: ZipEntry): Promise<number> => {
    const fault = (what: string): never => malformed('zip', source, Math.min(header, total), what)
    if (!(header + LOCAL.size <= total)) fault(`'${name}' would begin beyond the file`)
    const local = viewOf(await run(input.read(header, LOCAL.size)))
    if (local.getUint32(0, true) !== LOCAL.signature) fault(`'${name}' has no header where the directory says`)
    const start = header + LOCAL.size + local.getUint16(26, true) + local.getUint16(28, true)
    if (!(start + compressed <= total)) fault(`'${name}' would end beyond the file`)
    return start
  }

  return {
    entries,
    dataStart,
    read: async (name) => {
      const entry = entries.get(name) ?? missing(source, name, entries.keys())
      const start = await dataStart(entry)
      const raw = await run(input.read(start, entry.compressed))
      const bytes = entry.isStored ? raw : await inflate(raw, entry.size, source, start)
      if (crc32(bytes) !== entry.crc) malformed('zip', source, start, `'${name}' is damaged: its checksum is another`)
      return bytes
    },
  }
}
