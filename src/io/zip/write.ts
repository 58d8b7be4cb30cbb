/** Zip archives of entries that are stored as they are (PKWARE APPNOTE 6.3), with 64-bit fields where they are needed. */
import { encodeUtf8 } from '../platform.ts'
import { crc32 } from '../../core/crc32.ts'

const VERSION = 45
const UTF8_NAMES = 0x800
/** 1980-01-01, the earliest date of zip, so that the same content gives the same file. */
const DATE = 0x21
const ALL32 = 0xffffffff

const fieldsOf = (size: number, write: (view: DataView) => void): Uint8Array => {
  const bytes = new Uint8Array(size)
  write(new DataView(bytes.buffer))
  return bytes
}

interface Placed {
  readonly name: Uint8Array
  readonly size: number
  readonly crc: number
  readonly offset: number
}

const common = (view: DataView, at: number, { name, size, crc }: Placed, extra: number): void => {
  view.setUint16(at, VERSION, true)
  view.setUint16(at + 2, UTF8_NAMES, true)
  view.setUint16(at + 8, DATE, true)
  view.setUint32(at + 10, crc, true)
  view.setUint32(at + 14, Math.min(size, ALL32), true)
  view.setUint32(at + 18, Math.min(size, ALL32), true)
  view.setUint16(at + 22, name.length, true)
  view.setUint16(at + 24, extra, true)
}

/** The 64-bit field: the values that do not fit their 32 bits. */
const wideField = (values: readonly number[]): Uint8Array => {
  const wide = values.filter((n) => n >= ALL32)
  if (wide.length === 0) return new Uint8Array(0)
  return fieldsOf(4 + 8 * wide.length, (view) => {
    view.setUint16(0, 1, true)
    view.setUint16(2, 8 * wide.length, true)
    wide.forEach((n, i) => {
      view.setBigUint64(4 + 8 * i, BigInt(n), true)
    })
  })
}

const localHeader = (entry: Placed): readonly Uint8Array[] => {
  const extra = wideField([entry.size, entry.size])
  const fixed = fieldsOf(30, (view) => {
    view.setUint32(0, 0x04034b50, true)
    common(view, 4, entry, extra.length)
  })
  return [fixed, entry.name, extra]
}

const centralHeader = (entry: Placed): readonly Uint8Array[] => {
  const extra = wideField([entry.size, entry.size, entry.offset])
  const fixed = fieldsOf(46, (view) => {
    view.setUint32(0, 0x02014b50, true)
    view.setUint16(4, VERSION, true)
    common(view, 6, entry, extra.length)
    view.setUint32(42, Math.min(entry.offset, ALL32), true)
  })
  return [fixed, entry.name, extra]
}

const ending = (count: number, offset: number, size: number): readonly Uint8Array[] => {
  const end = fieldsOf(22, (view) => {
    view.setUint32(0, 0x06054b50, true)
    view.setUint16(8, Math.min(count, 0xffff), true)
    view.setUint16(10, Math.min(count, 0xffff), true)
    view.setUint32(12, Math.min(size, ALL32), true)
    view.setUint32(16, Math.min(offset, ALL32), true)
  })
  if (count < 0xffff && offset < ALL32 && size < ALL32) return [end]
  const end64 = fieldsOf(56, (view) => {
    view.setUint32(0, 0x06064b50, true)
    view.setBigUint64(4, 44n, true)
    view.setUint16(12, VERSION, true)
    view.setUint16(14, VERSION, true)
    view.setBigUint64(24, BigInt(count), true)
    view.setBigUint64(32, BigInt(count), true)
    view.setBigUint64(40, BigInt(size), true)
    view.setBigUint64(48, BigInt(offset), true)
  })
  const locator = fieldsOf(20, (view) => {
    view.setUint32(0, 0x07064b50, true)
    view.setBigUint64(8, BigInt(offset + size), true)
    view.setUint32(16, 1, true)
  })
  return [end64, locator, end]
}

const lengthOf = (chunks: readonly Uint8Array[]): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0)

/** An archive, in pieces, of entries that are themselves given in pieces. */
export const zipChunks = (
  entries: readonly (readonly [name: string, pieces: readonly Uint8Array[]])[],
): readonly Uint8Array[] => {
  const chunks: Uint8Array[] = []
  const placed: Placed[] = []
  let offset = 0
  for (const [name, pieces] of entries) {
    const crc = pieces.reduce((before, piece) => crc32(piece, before), 0)
    const entry = { name: encodeUtf8(name), size: lengthOf(pieces), crc, offset }
    const written = [...localHeader(entry), ...pieces]
    chunks.push(...written)
    placed.push(entry)
    offset += lengthOf(written)
  }
  const directory = placed.flatMap(centralHeader)
  return [...chunks, ...directory, ...ending(placed.length, offset, lengthOf(directory))]
}
