/**
 * Everything that is used of the platform. The types are our own, as the library is compiled without those of Node or of
 * browsers; what a platform lacks is undefined here.
 */

/** The parts of `Blob` and `File` that are used. */
export interface BlobLike {
  readonly size: number
  readonly name?: string
  slice(start: number, end: number): BlobLike
  arrayBuffer(): Promise<ArrayBuffer>
}

/** The parts of `URL` that are used. */
export interface UrlLike {
  readonly href: string
  readonly protocol: string
}

/** A `URL` with its parts. */
interface UrlParts extends UrlLike {
  pathname: string
}

/** The parts of a response of `fetch` that are used. */
export interface ResponseLike {
  readonly ok: boolean
  readonly status: number
  readonly statusText: string
  readonly headers: { get(name: string): string | null }
  readonly body: { cancel(): Promise<void> } | null
  arrayBuffer(): Promise<ArrayBuffer>
}

/** The parts of `fetch` that are used. */
export type Fetch = (
  url: string,
  init: { readonly method?: string; readonly headers: { readonly [name: string]: string } },
) => Promise<ResponseLike>

/** An open file of Node. */
export interface FileHandle {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>
  write(buffer: Uint8Array, offset: number, length: number): Promise<{ readonly bytesWritten: number }>
  stat(): Promise<FileStat>
  sync(): Promise<void>
  close(): Promise<void>
}

/** Node's information about a file. */
interface FileStat {
  readonly size: number
  isFile(): boolean
  isDirectory(): boolean
}

/** The parts of Node's file system that are used. */
export interface NodeFiles {
  open(path: string | UrlLike, flags: 'r' | 'r+' | 'wx' | 'a'): Promise<FileHandle>
  stat(path: string | UrlLike): Promise<FileStat>
  readdir(path: string): Promise<readonly string[]>
  mkdir(path: string, options: { readonly recursive: boolean }): Promise<unknown>
  rename(from: string, to: string): Promise<void>
  symlink(target: string, path: string): Promise<void>
  copyFile(from: string, to: string): Promise<void>
  rm(path: string, options: { readonly force: boolean; readonly recursive?: boolean }): Promise<void>
}

/** An inflating stream: the parts of `DecompressionStream` that are used. */
interface Inflater {
  readonly writable: {
    getWriter(): { write(chunk: Uint8Array): Promise<void>; close(): Promise<void>; abort(): Promise<void> }
  }
  readonly readable: {
    getReader(): {
      read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array }>
      cancel(): Promise<void>
    }
  }
}

/** A checksum being computed. */
export interface Hash {
  update(bytes: Uint8Array | string): Hash
  digest(encoding: 'hex'): string
}

interface NodeModules {
  'node:crypto': { createHash(algorithm: 'sha1' | 'sha256'): Hash }
  'node:fs': { readonly promises: NodeFiles }
  'node:os': { homedir(): string }
  'node:url': { fileURLToPath(url: string): string }
  'node:path': {
    relative(from: string, to: string): string
    join(...parts: readonly string[]): string
    dirname(path: string): string
    basename(path: string): string
  }
}

interface Host {
  readonly URL: new (url: string) => UrlParts
  readonly fetch?: Fetch
  readonly DecompressionStream?: new (format: 'deflate-raw') => Inflater
  readonly process?: {
    readonly pid?: number
    readonly env?: { readonly [name: string]: string | undefined }
    readonly getBuiltinModule?: <N extends keyof NodeModules>(name: N) => NodeModules[N] | undefined
  }
}

const host = globalThis as unknown as Host

/** Node's own modules, without an import that would break bundlers for browsers (Node 20.16 or later). */
export const nodeModule = <N extends keyof NodeModules>(name: N): NodeModules[N] | undefined =>
  host.process?.getBuiltinModule?.(name)

/** The platform's `fetch`. */
export const platformFetch = (): Fetch | undefined => host.fetch

/** A new inflater, if the platform has one. */
export const makeInflater = (): Inflater | undefined =>
  host.DecompressionStream === undefined ? undefined : new host.DecompressionStream('deflate-raw')

export { decodeUtf8, encodeUtf8 } from '../core/utf8.ts'

/** Parses a URL. Throws a TypeError if it is invalid. */
export const parseUrl = (url: string): UrlParts => new host.URL(url)

/** The path of a `file:` URL, or null where there are no paths. */
export const pathOfUrl = (url: string): string | null => nodeModule('node:url')?.fileURLToPath(url) ?? null

/** An environment variable, where there are any. */
export const environment = (name: string): string | undefined => host.process?.env?.[name]
