/** Files in memory: for tests, and for pages that store results in a database. */
import { joinBytes } from '../../core/bytes.ts'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { IoError } from '../../io/index.ts'
import { attempt, fail } from '../../io/errors.ts'
import { bytesSource } from '../../io/source.ts'
import * as must from '../../conversions/arguments.ts'
import { directoryOf } from './store.ts'
import type { FileStore } from './store.ts'

const missing = (path: string): never =>
  fail({ _tag: 'Access', source: path, code: 'ENOENT', message: `${path}: ENOENT: no such file or directory` })

const someFiles = must.kind(
  'a Map of bytes by path',
  (x) => x instanceof Map && [...x].every(([path, bytes]) => typeof path === 'string' && bytes instanceof Uint8Array),
)
const path = must.string
const pathDoor = must.door('memoryStore', { path })
const renameDoor = must.door('memoryStore', { path, to: must.string })
const bytesDoor = must.door('memoryStore', { path, bytes: must.instance('a Uint8Array', Uint8Array) })

/** Adds argument checks to a store. */
const withDoors = (store: FileStore): FileStore => {
  const byPath =
    <A>(f: (path: string) => TaskEither<IoError, A>) =>
    (name: string): TaskEither<IoError, A> => {
      pathDoor(name)
      return f(name)
    }
  const withBytes =
    (f: FileStore['write']): FileStore['write'] =>
    (name, bytes) => {
      bytesDoor(name, bytes)
      return f(name, bytes)
    }
  return {
    list: byPath(store.list),
    read: byPath(store.read),
    source: (name) => {
      pathDoor(name)
      return store.source(name)
    },
    write: withBytes(store.write),
    append: withBytes(store.append),
    makeDirectory: byPath(store.makeDirectory),
    rename: (from, to) => {
      renameDoor(from, to)
      return store.rename(from, to)
    },
    remove: byPath(store.remove),
    flush: byPath(store.flush),
    flushDirectory: byPath(store.flushDirectory),
  }
}

const door = must.door('memoryStore', { files: must.optional(someFiles) })

/**
 * A store whose files are the entries of a map. A directory exists if it was made, or if it contains a file.
 *
 * @param files - bytes by path.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { memoryStore, saveCheckpoint } from 'pullback/train'
 * const files = new Map<string, Uint8Array>()
 * await saveCheckpoint('run', { step: 1, state: np.array(0), position: null }, { store: memoryStore(files) })()
 * files.has('run/step-000001/checkpoint.json') // => true
 * ```
 */
export const memoryStore = (files: Map<string, Uint8Array> = new Map<string, Uint8Array>()): FileStore => {
  door(files)
  const directories = new Set<string>()
  const under = (path: string): readonly string[] =>
    [...files.keys(), ...directories].filter((known) => known.startsWith(`${path}/`))
  const isDirectory = (path: string): boolean => directories.has(path) || under(path).length > 0
  const task = <A>(f: () => A): TaskEither<IoError, A> => attempt(() => Promise.resolve().then(f))
  const put = (path: string, bytes: Uint8Array): void => {
    const directory = directoryOf(path)
    if (directory !== '.' && !isDirectory(directory)) missing(path)
    files.set(path, bytes)
  }
  const store: FileStore = {
    list: (path) =>
      task(() => {
        if (!isDirectory(path)) return null
        return [...new Set(under(path).map((known) => known.slice(path.length + 1).split('/')[0]!))]
      }),
    read: (path) => task(() => files.get(path)?.slice() ?? missing(path)),
    source: (path) => ({
      name: path,
      size: task(() => (files.get(path) ?? missing(path)).length),
      read: (offset, length) => bytesSource(files.get(path) ?? new Uint8Array(0), path).read(offset, length),
    }),
    write: (path, bytes) =>
      task(() => {
        put(path, bytes.slice())
      }),
    append: (path, bytes) =>
      task(() => {
        put(path, joinBytes([files.get(path) ?? new Uint8Array(0), bytes]))
      }),
    makeDirectory: (path) =>
      task(() => {
        directories.add(path)
      }),
    rename: (from, to) =>
      task(() => {
        const file = files.get(from)
        if (file === undefined && !isDirectory(from)) missing(from)
        if (file !== undefined) files.set(to, file)
        files.delete(from)
        for (const known of under(from)) {
          const bytes = files.get(known)
          if (bytes !== undefined) files.set(to + known.slice(from.length), bytes)
          files.delete(known)
          if (directories.delete(known)) directories.add(to + known.slice(from.length))
        }
        if (directories.delete(from)) directories.add(to)
      }),
    remove: (path) =>
      task(() => {
        files.delete(path)
        directories.delete(path)
        for (const known of under(path)) {
          files.delete(known)
          directories.delete(known)
        }
      }),
    flush: () => task(() => undefined),
    flushDirectory: () => task(() => undefined),
  }
  return withDoors(store)
}
