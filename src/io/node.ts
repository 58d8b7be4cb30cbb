/** Files by path: Node's implementation of sources, and of writing whole files. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as must from '../conversions/arguments.ts'
import type { IoError } from './errors.ts'
import { attempt, fail, failPlatform } from './errors.ts'
import type { FileHandle, NodeFiles, UrlLike } from './platform.ts'
import { nodeModule } from './platform.ts'
import { newBytes } from './memory.ts'
import type { ByteSource } from './source.ts'

/** Node's file system, or the error that there is none. */
export const nodeFiles = (path: string): NodeFiles => {
  const files = nodeModule('node:fs')?.promises
  return (
    files ??
    fail({
      _tag: 'Access',
      source: path,
      code: 'NO_FILES',
      message: `${path}: there are no paths here, only in Node 20.16 or later. Hand over a File, a Blob, bytes or an address.`,
    })
  )
}

/** Runs `f`; what the platform throws is an `AccessError`. */
export const withPlatform = async <A>(name: string, f: () => Promise<A>): Promise<A> => {
  try {
    return await f()
  } catch (error) {
    return failPlatform(name, error)
  }
}

const withFile = async <A>(path: string | UrlLike, name: string, f: (handle: FileHandle) => Promise<A>): Promise<A> => {
  const files = nodeFiles(name)
  // Opening a pipe would wait for its other end, perhaps forever.
  const stat = await withPlatform(name, () => files.stat(path))
  if (!stat.isFile()) fail({ _tag: 'Access', source: name, code: 'EISDIR', message: `${name}: is not a file.` })
  const handle = await withPlatform(name, () => files.open(path, 'r'))
  try {
    return await f(handle)
  } finally {
    await handle.close()
  }
}

const fileSize = async (handle: FileHandle, name: string): Promise<number> =>
  (await withPlatform(name, () => handle.stat())).size

// Node reads at most 2 GB at once.
const CHUNK = 2 ** 30

const readInto = async (handle: FileHandle, name: string, offset: number, bytes: Uint8Array): Promise<void> => {
  for (let at = 0; at < bytes.length;) {
    const length = Math.min(CHUNK, bytes.length - at)
    const { bytesRead } = await withPlatform(name, () => handle.read(bytes, at, length, offset + at))
    if (bytesRead === 0) {
      fail({
        _tag: 'Access',
        source: name,
        code: 'EOF',
        message: `${name}: the file ends at byte ${offset + at}, but ${offset + bytes.length} were asked for.`,
      })
    }
    at += bytesRead
  }
}

const pathSourceDoor = must.door('pathSource', {
  path: must.kind(
    'a path, or a URL',
    (x) => typeof x === 'string' || (typeof x === 'object' && x !== null && 'href' in x),
  ),
})

/**
 * A file as a source. It is opened for each read, so that nothing has to be closed. Not for devices or pipes.
 *
 * @example
 * ```ts
 * import { writeFileSync, mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { pathSource } from 'pullback/io'
 * const path = join(mkdtempSync(join(tmpdir(), 'pullback-')), 'data.bin')
 * writeFileSync(path, Uint8Array.of(10, 20, 30, 40))
 * const part = await pathSource(path).read(2, 2)()
 * part._tag === 'Right' && part.right // => 30,40
 * ```
 */
export const pathSource = (path: string | UrlLike): ByteSource => {
  pathSourceDoor(path)
  const name = typeof path === 'string' ? path : path.href
  return {
    name,
    size: attempt(() => withFile(path, name, (handle) => fileSize(handle, name))),
    read: (offset, length) =>
      attempt(() =>
        withFile(path, name, async (handle) => {
          const bytes = newBytes(name, await fileSize(handle, name), offset, length)
          await readInto(handle, name, offset, bytes)
          return bytes
        }),
      ),
  }
}

/** Writes all chunks at the current position, and flushes them to the disk by default. */
export const writeAll = async (handle: FileHandle, chunks: Iterable<Uint8Array>, flush = true): Promise<void> => {
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      at += (await handle.write(chunk, at, Math.min(CHUNK, chunk.length - at))).bytesWritten
    }
  }
  if (flush) await handle.sync()
}

/** A device or a directory must not be replaced by a file. */
const refuseSpecial = async (files: NodeFiles, path: string): Promise<void> => {
  const stat = await files.stat(path).catch(() => null)
  if (stat !== null && !stat.isFile()) {
    fail({ _tag: 'Access', source: path, code: 'ENOTFILE', message: `${path}: is there already, and is not a file.` })
  }
}

let drafts = 0

/**
 * Writes a file atomically: under a temporary name beside it, flushed to the disk, then renamed. If anything fails, the
 * temporary file is removed, and an existing file stays as it was.
 */
export const writeFile = (path: string, chunks: Iterable<Uint8Array>): TaskEither<IoError, void> =>
  attempt(async () => {
    const files = nodeFiles(path)
    await refuseSpecial(files, path)
    const draft = `${path}.${Date.now().toString(36)}-${drafts++}.tmp`
    try {
      const handle = await files.open(draft, 'wx')
      try {
        await writeAll(handle, chunks)
      } finally {
        await handle.close()
      }
      await files.rename(draft, path)
      await syncDirectory(files, nodeModule('node:path')!.dirname(path))
    } catch (error) {
      await files.rm(draft, { force: true }).catch(() => undefined)
      failPlatform(path, error)
    }
  })

/** Flushes a directory's entries, where the platform can open directories. */
export const syncDirectory = async (files: NodeFiles, directory: string): Promise<void> => {
  try {
    const handle = await files.open(directory, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch {
    // The file is complete anyway; only its name may be lost if the machine stops now.
  }
}
