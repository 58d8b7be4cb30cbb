/** Where bytes come from: one small interface, so that formats need not know whether it is a disk, a page or a server. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { IoError } from './errors.ts'
import { accessError, attempt, fail, run } from './errors.ts'
import { checkRange } from './memory.ts'
import { pathSource } from './node.ts'
import type { BlobLike, UrlLike } from './platform.ts'
import { urlSource } from './url.ts'

/** Bytes that can be read a part at a time. */
export interface ByteSource {
  /** For messages: a path, an address, a file's name. */
  readonly name: string
  /** Number of bytes. */
  readonly size: TaskEither<IoError, number>
  /**
   * The bytes from `offset` on, in memory of their own that begins at its buffer's start. Short reads are errors: what
   * comes back has `length` bytes.
   */
  readonly read: (offset: number, length: number) => TaskEither<IoError, Uint8Array>
}

/** What can be opened: a path (Node), an `http:` or `https:` address, a `Blob` or `File`, bytes, or a source. */
export type Readable = string | UrlLike | BlobLike | ArrayBuffer | Uint8Array | ByteSource

/** Bytes in memory as a source. They must not change while they are read. */
export const bytesSource = (bytes: Uint8Array, name = 'bytes'): ByteSource => ({
  name,
  size: attempt(() => Promise.resolve(bytes.length)),
  read: (offset, length) =>
    attempt(() => {
      checkRange(name, bytes.length, offset, length)
      return Promise.resolve(bytes.slice(offset, offset + length))
    }),
})

/** A `Blob` or a `File` as a source: only what is read comes into memory. */
export const blobSource = (blob: BlobLike, name = blob.name ?? 'blob'): ByteSource => ({
  name,
  size: attempt(() => Promise.resolve(blob.size)),
  read: (offset, length) =>
    attempt(async () => {
      checkRange(name, blob.size, offset, length)
      try {
        return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer())
      } catch (error) {
        // The file behind a File may have changed or gone since it was chosen.
        return fail(accessError(name, error))
      }
    }),
})

const isUrl = (x: object): x is UrlLike => 'href' in x && 'protocol' in x
const isBlob = (x: object): x is BlobLike => 'arrayBuffer' in x && 'slice' in x

/** The source that is meant: strings that begin with `http:` or `https:` are addresses, others are paths. */
export const openSource = (from: Readable): ByteSource => {
  if (typeof from === 'string') return /^https?:/i.test(from) ? urlSource(from) : pathSource(from)
  if (from instanceof Uint8Array) return bytesSource(from)
  if (from instanceof ArrayBuffer) return bytesSource(new Uint8Array(from))
  if (isUrl(from)) return from.protocol === 'file:' ? pathSource(from) : urlSource(from.href)
  return isBlob(from) ? blobSource(from) : from
}

/** All bytes of a source. */
export const readAll = (source: ByteSource): TaskEither<IoError, Uint8Array> =>
  attempt(async () => run(source.read(0, await run(source.size))))
