/** The header of GGUF, versions 2 and 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). */
import { malformed, unsupported } from '../errors.ts'
import { decodeUtf8 } from '../platform.ts'
import { countOf } from '../tensors.ts'
import type { TensorInfo } from '../tensors.ts'
import { NeedsMore } from '../windows.ts'
import { ggmlTypes } from './types.ts'
import type { GgmlType } from './types.ts'

/** A value of GGUF's metadata. 64-bit integers beyond 2^53 are bigints. */
export type GgufValue = number | bigint | boolean | string | readonly GgufValue[]

/** A GGUF file's description of one of its tensors. */
export interface GgufInfo extends TensorInfo {
  readonly type: GgmlType
}

interface GgufHeader {
  readonly version: number
  readonly tensors: ReadonlyMap<string, GgufInfo>
  readonly metadata: ReadonlyMap<string, GgufValue>
}

const MAX_DEPTH = 4
const MAX_DIMENSIONS = 8
const DEFAULT_ALIGNMENT = 32

/** Reads numbers and strings one after the other, and never beyond the end of the file. */
class Cursor {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly source: string
  /** Bytes of the whole file. */
  readonly size: number
  at = 0

  constructor(bytes: Uint8Array, source: string, size: number) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.source = source
    this.size = size
  }

  fault(what: string, at = this.at): never {
    return malformed('gguf', this.source, at, what)
  }

  /** Skips the next `length` bytes, and returns where they begin. */
  take(length: number): number {
    const start = this.at
    if (start + length > this.size)
      this.fault(`its header needs ${length} bytes more, ${this.size - start} are left: it is truncated`)
    if (start + length > this.#bytes.length) throw new NeedsMore()
    this.at += length
    return start
  }

  u8 = (): number => this.#view.getUint8(this.take(1))
  i8 = (): number => this.#view.getInt8(this.take(1))
  u16 = (): number => this.#view.getUint16(this.take(2), true)
  i16 = (): number => this.#view.getInt16(this.take(2), true)
  u32 = (): number => this.#view.getUint32(this.take(4), true)
  i32 = (): number => this.#view.getInt32(this.take(4), true)
  f32 = (): number => this.#view.getFloat32(this.take(4), true)
  f64 = (): number => this.#view.getFloat64(this.take(8), true)
  u64 = (): number | bigint => narrow(this.#view.getBigUint64(this.take(8), true))
  i64 = (): number | bigint => narrow(this.#view.getBigInt64(this.take(8), true))

  bool = (): boolean => {
    const byte = this.u8()
    return byte > 1 ? this.fault(`a bool is 0 or 1, not ${byte}`, this.at - 1) : byte === 1
  }

  /** Reads the count of items of at least `least` bytes each, which must fit into the rest of the file. */
  count(what: string, least: number): number {
    const start = this.at
    const n = this.u64()
    if (typeof n === 'number' && n * least <= this.size - this.at) return n
    return this.fault(`${n} ${what} would take more bytes than the file has`, start)
  }

  string = (): string => {
    const start = this.at
    const from = this.take(this.count('bytes of text', 1))
    return decodeUtf8(this.#bytes.subarray(from, this.at)) ?? this.fault('a text is not UTF-8', start)
  }
}

const narrow = (n: bigint): number | bigint =>
  n <= BigInt(Number.MAX_SAFE_INTEGER) && n >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(n) : n

interface Reader {
  /** The fewest bytes that a value takes. */
  readonly least: number
  readonly read: (cursor: Cursor) => GgufValue
}

const ARRAY = 9
const readers: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  [0, { least: 1, read: (c) => c.u8() }],
  [1, { least: 1, read: (c) => c.i8() }],
  [2, { least: 2, read: (c) => c.u16() }],
  [3, { least: 2, read: (c) => c.i16() }],
  [4, { least: 4, read: (c) => c.u32() }],
  [5, { least: 4, read: (c) => c.i32() }],
  [6, { least: 4, read: (c) => c.f32() }],
  [7, { least: 1, read: (c) => c.bool() }],
  [8, { least: 8, read: (c) => c.string() }],
  [10, { least: 8, read: (c) => c.u64() }],
  [11, { least: 8, read: (c) => c.i64() }],
  [12, { least: 8, read: (c) => c.f64() }],
])
const LEAST_ARRAY = 12

const valueOf = (cursor: Cursor, type: number, depth: number): GgufValue => {
  if (type !== ARRAY) return (readers.get(type) ?? cursor.fault(`a value of type ${type} is not known`)).read(cursor)
  if (depth >= MAX_DEPTH) cursor.fault(`arrays nested more than ${MAX_DEPTH} deep`)
  const inner = cursor.u32()
  const least = inner === ARRAY ? LEAST_ARRAY : readers.get(inner)?.least
  if (least === undefined) return cursor.fault(`an array of type ${inner} is not known`)
  const items: GgufValue[] = []
  for (let n = cursor.count('elements of an array', least); n > 0; n--) items.push(valueOf(cursor, inner, depth + 1))
  return items
}

const alignmentOf = (metadata: ReadonlyMap<string, GgufValue>, cursor: Cursor): number => {
  const value = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT
  if (typeof value === 'number' && value >= 8 && value <= 2 ** 30 && value % 8 === 0) return value
  return cursor.fault(`general.alignment must be a multiple of 8, not ${String(value)}`)
}

/** A tensor whose offset is still relative to the start of the data. */
const tensorOf = (cursor: Cursor): GgufInfo => {
  const start = cursor.at
  const name = cursor.string()
  const rank = cursor.u32()
  if (rank > MAX_DIMENSIONS) cursor.fault(`tensor '${name}' would have ${rank} dimensions`, start)
  const reversed = Array.from({ length: rank }, () => Number(cursor.u64()))
  const number = cursor.u32()
  const offset = cursor.u64()
  const type = ggmlTypes.get(number)
  if (type === undefined)
    return unsupported(
      'gguf',
      cursor.source,
      start,
      `tensor '${name}' has elements of type ${number}, which is not known`,
    )
  // GGUF names the fastest dimension first.
  const shape = reversed.toReversed()
  const count = countOf(shape)
  const row = reversed[0] ?? 1
  if (count === null || row % type.elements !== 0) {
    return cursor.fault(`tensor '${name}' of ${type.name} cannot have the shape [${shape.join(', ')}]`, start)
  }
  const bytes = (count / type.elements) * type.bytes
  if (typeof offset !== 'number') return cursor.fault(`tensor '${name}' would begin at ${offset}`, start)
  return { name, dtype: type.name, type, shape, offset, bytes }
}

/** No two tensors share a byte. */
const checkOverlaps = (tensors: readonly GgufInfo[], cursor: Cursor): void => {
  const sorted = tensors.filter((t) => t.bytes > 0).toSorted((a, b) => a.offset - b.offset)
  sorted.forEach((t, i) => {
    const before = sorted[i - 1]
    if (before !== undefined && before.offset + before.bytes > t.offset) {
      cursor.fault(`tensor '${t.name}' begins inside of '${before.name}'`, t.offset)
    }
  })
}

/** The header in a file's first bytes; throws `NeedsMore` if it is longer than they are. */
export const parseGgufHeader = (bytes: Uint8Array, source: string, size: number): GgufHeader => {
  const cursor = new Cursor(bytes, source, size)
  if (cursor.u32() !== 0x46554747) cursor.fault("it does not begin with 'GGUF'", 0)
  const version = cursor.u32()
  if (version !== 2 && version !== 3) {
    const order = (version & 0xffff) === 0 ? ' (a big-endian file?)' : ''
    unsupported('gguf', source, 4, `version ${version} of GGUF is not read, only 2 and 3${order}`)
  }
  const tensorCount = cursor.count('tensors', 8 + 4 + 4 + 8)
  const metadataCount = cursor.count('entries of metadata', 8 + 4 + 1)
  const metadata = new Map<string, GgufValue>()
  for (let i = 0; i < metadataCount; i++) {
    const start = cursor.at
    const key = cursor.string()
    if (metadata.has(key)) cursor.fault(`the key '${key}' stands twice`, start)
    metadata.set(key, valueOf(cursor, cursor.u32(), 0))
  }
  const tensors = new Map<string, GgufInfo>()
  for (let i = 0; i < tensorCount; i++) {
    const start = cursor.at
    const tensor = tensorOf(cursor)
    if (tensors.has(tensor.name)) cursor.fault(`the name '${tensor.name}' stands twice`, start)
    tensors.set(tensor.name, tensor)
  }
  const alignment = alignmentOf(metadata, cursor)
  const dataStart = Math.ceil(cursor.at / alignment) * alignment
  for (const [name, t] of tensors) {
    if (t.offset % alignment !== 0) cursor.fault(`tensor '${name}' begins at ${t.offset}, no multiple of ${alignment}`)
    const offset = dataStart + t.offset
    if (offset + t.bytes > size)
      cursor.fault(`tensor '${name}' would end at byte ${offset + t.bytes}: the file is truncated`, size)
    tensors.set(name, { ...t, offset })
  }
  checkOverlaps([...tensors.values()], cursor)
  return { version, tensors, metadata }
}
