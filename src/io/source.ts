/** Sources of bytes: one small interface, so that formats need not know whether it is a disk, a page or a server. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as must from '../conversions/arguments.ts'
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
   * The bytes from `offset` on, in new memory that begins at its buffer's start. Short reads are errors: the result has
   * `length` bytes.
   */
  readonly read: (offset: number, length: number) => TaskEither<IoError, Uint8Array>
}

/** What can be opened: a path (Node), an `http:` or `https:` URL, a `Blob` or `File`, bytes, or a source. */
export type Readable = string | UrlLike | BlobLike | ArrayBuffer | Uint8Array | ByteSource

const isUrl = (x: object): x is UrlLike => 'href' in x && 'protocol' in x
const isBlob = (x: object): x is BlobLike => 'arrayBuffer' in x && 'slice' in x
const isSource = (x: object): x is ByteSource =>
  'name' in x && 'size' in x && 'read' in x && typeof x.size === 'function' && typeof x.read === 'function'
const isBytes = (x: unknown): boolean => x instanceof Uint8Array || x instanceof ArrayBuffer

/** Checks the argument of `openSource`. */
export const aReadable = must.kind('a path, a URL, a Blob, a File, a Uint8Array, an ArrayBuffer or a source', (x) => {
  if (typeof x === 'string' || isBytes(x)) return true
  return typeof x === 'object' && x !== null && (isUrl(x) || isBlob(x) || isSource(x))
})

/** The door of functions that open something. */
export const openDoor = (operation: string): must.Door => must.door(operation, { from: aReadable })

const isObject = (x: unknown): x is object => typeof x === 'object' && x !== null
const bytesSourceDoor = must.door('bytesSource', {
  bytes: must.instance('a Uint8Array', Uint8Array),
  name: must.optional(must.string),
})
const blobSourceDoor = must.door('blobSource', {
  blob: must.kind('a Blob or a File', (x) => isObject(x) && isBlob(x)),
  name: must.optional(must.string),
})
const readAllDoor = must.door('readAll', {
  source: must.kind('a source, as openSource gives it', (x) => isObject(x) && isSource(x)),
})
const openSourceDoor = openDoor('openSource')

/**
 * Bytes in memory as a source. They must not change while they are read.
 *
 * @example
 * ```ts
 * import { bytesSource } from 'pullback/io'
 * const source = bytesSource(new TextEncoder().encode('hello'), 'greeting')
 * const part = await source.read(1, 3)()
 * part._tag === 'Right' && new TextDecoder().decode(part.right) // => ell
 * const beyond = await source.read(3, 3)()
 * beyond._tag === 'Left' && beyond.left.message // => greeting: bytes 3 to 6 were asked for, but there are 5.
 * ```
 */
export const bytesSource = (bytes: Uint8Array, name = 'bytes'): ByteSource => {
  bytesSourceDoor(bytes, name)
  return {
    name,
    size: attempt(() => Promise.resolve(bytes.length)),
    read: (offset, length) =>
      attempt(() => {
        checkRange(name, bytes.length, offset, length)
        return Promise.resolve(bytes.slice(offset, offset + length))
      }),
  }
}

/**
 * A `Blob` or a `File` as a source: only what is read comes into memory.
 *
 * @example
 * ```ts
 * import { blobSource, openSafetensors, encodeSafetensors } from 'pullback/io'
 * // A File of `<input type="file">` is a Blob.
 * const blob = new Blob([encodeSafetensors({ w: [1, 2] })])
 * const file = await openSafetensors(blobSource(blob, 'weights'))()
 * file._tag === 'Right' && file.right.source // => weights
 * ```
 */
export const blobSource = (blob: BlobLike, name?: string): ByteSource => {
  blobSourceDoor(blob, name)
  const called = name ?? blob.name ?? 'blob'
  return {
    name: called,
    size: attempt(() => Promise.resolve(blob.size)),
    read: (offset, length) =>
      attempt(async () => {
        checkRange(called, blob.size, offset, length)
        try {
          return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer())
        } catch (error) {
          // The file behind a File may have changed or gone since it was chosen.
          return fail(accessError(called, error))
        }
      }),
  }
}

/**
 * Opens a source: strings that begin with `http:` or `https:` are URLs, others are paths.
 *
 * @example
 * ```ts
 * import { openSource } from 'pullback/io'
 * openSource('weights/model.safetensors').name // => weights/model.safetensors
 * openSource('https://example.org/model.safetensors').name // => https://example.org/model.safetensors
 * const size = await openSource(new Uint8Array(3)).size()
 * size._tag === 'Right' && size.right // => 3
 * ```
 */
export const openSource = (from: Readable): ByteSource => {
  openSourceDoor(from)
  if (typeof from === 'string') return /^https?:/i.test(from) ? urlSource(from) : pathSource(from)
  if (from instanceof Uint8Array) return bytesSource(from)
  if (from instanceof ArrayBuffer) return bytesSource(new Uint8Array(from))
  if (isUrl(from)) return from.protocol === 'file:' ? pathSource(from) : urlSource(from.href)
  return isBlob(from) ? blobSource(from) : from
}

/**
 * All bytes of a source.
 *
 * @example
 * ```ts
 * import { openSource, readAll } from 'pullback/io'
 * const bytes = await readAll(openSource(Uint8Array.of(1, 2, 3)))()
 * bytes._tag === 'Right' && bytes.right // => 1,2,3
 * const none = await readAll(openSource('no/such/file'))()
 * none._tag === 'Left' && none.left._tag === 'Access' && none.left.code // => ENOENT
 * ```
 */
export const readAll = (source: ByteSource): TaskEither<IoError, Uint8Array> => {
  readAllDoor(source)
  return attempt(async () => run(source.read(0, await run(source.size))))
}
