/** The file operations that training needs, so that disks, browsers' file systems and memory are interchangeable. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { ByteSource, IoError } from '../../io/index.ts'
import { attempt, fail, failPlatform } from '../../io/errors.ts'
import { nodeFiles, pathSource, syncDirectory, writeAll } from '../../io/node.ts'
import type { NodeFiles } from '../../io/platform.ts'
import * as must from '../../conversions/arguments.ts'

/** Files by path. Failures are errors with the platform's code. */
export interface FileStore {
  /** The names in a directory, or null if there is no such directory. */
  readonly list: (path: string) => TaskEither<IoError, readonly string[] | null>
  readonly read: (path: string) => TaskEither<IoError, Uint8Array>
  /** A file that is read in parts, so that a large one is never completely in memory. */
  readonly source: (path: string) => ByteSource
  /** Writes a new file, and flushes it to the disk. */
  readonly write: (path: string, bytes: Uint8Array) => TaskEither<IoError, void>
  /** Appends to a file, which is made if it does not exist. Does not flush. */
  readonly append: (path: string, bytes: Uint8Array) => TaskEither<IoError, void>
  /** Makes a directory, and its parents. */
  readonly makeDirectory: (path: string) => TaskEither<IoError, void>
  /** Renames a file, replacing an existing one. */
  readonly rename: (from: string, to: string) => TaskEither<IoError, void>
  /** Removes a file, or a directory with all that is in it; does nothing if it does not exist. */
  readonly remove: (path: string) => TaskEither<IoError, void>
  /** Flushes a file. */
  readonly flush: (path: string) => TaskEither<IoError, void>
  /** Flushes the entries of a directory. */
  readonly flushDirectory: (path: string) => TaskEither<IoError, void>
}

/** Checks a store. */
export const aStore = must.kind('a FileStore', (x) => {
  const store = x as Partial<FileStore> | null | undefined
  return typeof store?.list === 'function' && typeof store.read === 'function' && typeof store.rename === 'function'
})

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code

/** A task on Node's files; exceptions become errors that name the path. */
const onFiles = <A>(path: string, f: (files: NodeFiles) => Promise<A>): TaskEither<IoError, A> =>
  attempt(async () => {
    const files = nodeFiles(path)
    try {
      return await f(files)
    } catch (error) {
      return failPlatform(path, error)
    }
  })

/** Bytes at the end of a file opened by these flags. */
const put = async (
  files: NodeFiles,
  path: string,
  flags: 'wx' | 'a',
  bytes: Uint8Array,
  flush: boolean,
): Promise<void> => {
  const handle = await files.open(path, flags)
  try {
    await writeAll(handle, [bytes], flush)
  } finally {
    await handle.close()
  }
}

const readFile = async (files: NodeFiles, path: string): Promise<Uint8Array> => {
  const handle = await files.open(path, 'r')
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) fail({ _tag: 'Access', source: path, code: 'EISDIR', message: `${path}: is not a file.` })
    const bytes = new Uint8Array(stat.size)
    for (let at = 0; at < bytes.length;) {
      const { bytesRead } = await handle.read(bytes, at, Math.min(2 ** 30, bytes.length - at), at)
      if (bytesRead === 0) return bytes.slice(0, at)
      at += bytesRead
    }
    return bytes
  } finally {
    await handle.close()
  }
}

const flushFile = async (files: NodeFiles, path: string): Promise<void> => {
  // Windows only flushes files that are open for writing.
  const handle = await files.open(path, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes parents one by one: Node's `recursive` never returns where a parent exists but allows no directories, as in /proc. */
const makeDirectory = async (files: NodeFiles, path: string): Promise<void> => {
  try {
    await files.mkdir(path, { recursive: false })
  } catch (error) {
    if (hasCode(error, 'EEXIST') && (await files.stat(path)).isDirectory()) return
    const parent = directoryOf(path)
    if (!hasCode(error, 'ENOENT') || parent === path || parent === '.') throw error
    await makeDirectory(files, parent)
    await files.mkdir(path, { recursive: false })
  }
}

/** Node's files. */
export const nodeStore: FileStore = {
  list: (path) =>
    onFiles(path, async (files) => {
      try {
        return await files.readdir(path)
      } catch (error) {
        if (hasCode(error, 'ENOENT')) return null
        throw error
      }
    }),
  read: (path) => onFiles(path, (files) => readFile(files, path)),
  source: pathSource,
  write: (path, bytes) => onFiles(path, (files) => put(files, path, 'wx', bytes, true)),
  append: (path, bytes) => onFiles(path, (files) => put(files, path, 'a', bytes, false)),
  makeDirectory: (path) => onFiles(path, (files) => makeDirectory(files, path)),
  rename: (from, to) => onFiles(from, (files) => files.rename(from, to)),
  remove: (path) => onFiles(path, (files) => files.rm(path, { force: true, recursive: true })),
  flush: (path) => onFiles(path, (files) => flushFile(files, path)),
  flushDirectory: (path) => onFiles(path, (files) => syncDirectory(files, path)),
}

/** The directory of a path: what is before its last separator, `.` if there is none. */
export const directoryOf = (path: string): string => {
  const at = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'))
  return at < 0 ? '.' : path.slice(0, Math.max(at, 1))
}

/** A file written whole or not at all: under another name first, which is then changed. */
export const replaceFile = (store: FileStore, path: string, bytes: Uint8Array): TaskEither<IoError, void> =>
  attempt(async () => {
    const draft = `${path}.draft`
    const steps = [
      store.remove(draft),
      store.write(draft, bytes),
      store.rename(draft, path),
      store.flushDirectory(directoryOf(path)),
    ]
    for (const step of steps) {
      const result = await step()
      if (result._tag === 'Right') continue
      await store.remove(draft)()
      fail(result.left)
    }
  })
