/** Files that belong together and refer to each other by name: a directory, a URL, a repository, or given files. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as must from '../conversions/arguments.ts'
import type { IoError } from './errors.ts'
import { attempt, fail, run } from './errors.ts'
import type { HubOptions } from './hub/folder.ts'
import { hubFolder } from './hub/folder.ts'
import { nodeFiles, pathSource, withPlatform } from './node.ts'
import type { UrlLike } from './platform.ts'
import { nodeModule, parseUrl, pathOfUrl } from './platform.ts'
import type { ByteSource, Readable } from './source.ts'
import { openSource } from './source.ts'
import type { UrlOptions } from './url.ts'
import { urlSource } from './url.ts'

/** Files by name. */
export interface Folder {
  /** For messages. */
  readonly name: string
  /** A file of the folder, or null if it has none of that name. */
  readonly open: (name: string) => TaskEither<IoError, ByteSource | null>
  /** The names of all files, or null where they cannot be listed, as at a URL. */
  readonly list: TaskEither<IoError, readonly string[] | null>
}

/**
 * What can be opened as a folder: the path of a directory (Node), an `http:` or `https:` URL to which names are appended,
 * `hf:owner/name@revision`, or files by name (for example those of `<input type="file" webkitdirectory>`).
 */
export type FolderLike = string | UrlLike | ReadonlyMap<string, Readable> | Folder

/** Options of `openFolder`. */
export interface FolderOptions extends HubOptions {
  /** Sent with each request. */
  readonly headers?: { readonly [name: string]: string }
}

/** Whether a name is invalid, or leads out of its folder. */
export const leadsOut = (name: string): boolean =>
  name === '' || /^([/\\]|[A-Za-z]+:)/.test(name) || name.split(/[/\\]/).includes('..') || name.includes('\0')

const refuse = (folder: string, name: string): never =>
  fail({
    _tag: 'Access',
    source: folder,
    code: 'EACCES',
    message: `${folder}: the name '${name}' leads out of the folder.`,
  })

/** The source, or null if it does not exist. */
const ifThere = async (source: ByteSource, isAbsence: (code: string) => boolean): Promise<ByteSource | null> => {
  const size = await source.size()
  if (size._tag === 'Right') return source
  return size.left._tag === 'Access' && isAbsence(size.left.code) ? null : fail(size.left)
}

const pathFolder = (path: string): Folder => ({
  name: path,
  open: (name) =>
    attempt(async () => {
      const file = nodeModule('node:path')?.join(path, name) ?? `${path}/${name}`
      return ifThere(pathSource(file), (code) => code === 'ENOENT' || code === 'ENOTDIR')
    }),
  list: attempt(() => withPlatform(path, () => nodeFiles(path).readdir(path))),
})

const urlFolder = (url: string, { headers, fetch }: FolderOptions): Folder => {
  const options: UrlOptions = { ...(headers && { headers }), ...(fetch && { fetch }) }
  const address = parseUrl(url)
  const base = address.pathname.endsWith('/') ? address.pathname : `${address.pathname}/`
  return {
    name: url,
    open: (name) =>
      attempt(async () => {
        const file = parseUrl(address.href)
        file.pathname = base + name.split('/').map(encodeURIComponent).join('/')
        return ifThere(urlSource(file.href, options), (code) => code === 'HTTP 404' || code === 'HTTP 410')
      }),
    list: attempt(() => Promise.resolve(null)),
  }
}

const mapFolder = (files: ReadonlyMap<string, Readable>): Folder => ({
  name: 'files',
  open: (name) =>
    attempt(() => {
      const file = files.get(name)
      return Promise.resolve(file === undefined ? null : openSource(file))
    }),
  list: attempt(() => Promise.resolve([...files.keys()])),
})

const guarded = (folder: Folder): Folder => ({
  ...folder,
  open: (name) => attempt(async () => (leadsOut(name) ? refuse(folder.name, name) : run(folder.open(name)))),
})

const isFolder = (x: object): x is Folder => 'open' in x && 'list' in x
const isMap = (x: object): x is ReadonlyMap<string, Readable> => x instanceof Map

/** Checks what a folder is opened from. */
export const aFolder = must.kind('a directory, a URL, a Map of files or a folder', (x) => {
  if (typeof x === 'string') return true
  return typeof x === 'object' && x !== null && (isFolder(x) || isMap(x) || ('href' in x && 'protocol' in x))
})
/** A check for each option of opening a folder. */
export const folderTable: must.OptionTable<FolderOptions> = {
  headers: must.recordOf(must.string, 'an object of strings'),
  token: must.string,
  cacheDir: must.string,
  hubUrl: must.string,
  fetch: must.func,
  onProgress: must.func,
}
/** The door of functions that open a folder. */
export const folderDoor = (operation: string): must.Door =>
  must.door(operation, { from: aFolder, options: must.optionsOf(folderTable) })
const openFolderDoor = folderDoor('openFolder')

/**
 * Opens a folder. Nothing is read yet. Names that lead out of it are errors.
 *
 * @example
 * ```ts
 * import { openFolder } from 'pullback/io'
 * const folder = openFolder(new Map([['config.json', new TextEncoder().encode('{}')]]))
 * const names = await folder.list()
 * names._tag === 'Right' && names.right // => config.json
 * const absent = await folder.open('model.safetensors')()
 * absent._tag === 'Right' && absent.right // => null
 * const outside = await folder.open('../secret')()
 * outside._tag === 'Left' && outside.left.message // => files: the name '../secret' leads out of the folder.
 * ```
 */
export const openFolder = (from: FolderLike, options: FolderOptions = {}): Folder => {
  openFolderDoor(from, options)
  if (typeof from === 'string') {
    if (/^hf:/i.test(from)) return guarded(hubFolder(from.slice(3), options))
    return guarded(/^https?:/i.test(from) ? urlFolder(from, options) : pathFolder(from))
  }
  if (isFolder(from)) return from
  if (isMap(from)) return guarded(mapFolder(from))
  const path = from.protocol === 'file:' ? pathOfUrl(from.href) : null
  return guarded(path === null ? urlFolder(from.href, options) : pathFolder(path))
}

/** A required file. */
export const openFile = (folder: Folder, name: string): TaskEither<IoError, ByteSource> =>
  attempt(async () => {
    const file = await run(folder.open(name))
    return (
      file ??
      fail({ _tag: 'Access', source: folder.name, code: 'ENOENT', message: `${folder.name}: there is no ${name}.` })
    )
  })

/** The folder of a file given by path or URL, and its name there; null for other sources. */
export const neighbours = (from: Readable): { readonly folder: Folder; readonly name: string } | null => {
  const text = typeof from === 'string' ? from : 'href' in from ? from.href : null
  if (text === null) return null
  if (/^https?:/i.test(text)) {
    const address = parseUrl(text)
    const at = address.pathname.lastIndexOf('/') + 1
    const name = decodeURIComponent(address.pathname.slice(at))
    address.pathname = address.pathname.slice(0, at)
    return { folder: openFolder(address.href), name }
  }
  const path = nodeModule('node:path')
  const file = text.startsWith('file:') ? pathOfUrl(text) : text
  if (path === undefined || file === null) return null
  return { folder: openFolder(path.dirname(file)), name: path.basename(file) }
}
