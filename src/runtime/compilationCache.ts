/** Compiled programs in files, for later processes. */
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import type { ProgramStore } from '../backends/store.ts'
import { nodeModule } from '../backends/wasm/platform.ts'
import { ArgumentError } from '../core/errors.ts'
import { keepPrograms } from './devices.ts'
import { isMissing, makeDirectory, messageOf } from './directory.ts'

/** Why a directory cannot be used as a cache. */
export interface CacheFailure {
  readonly _tag: 'CacheFailure'
  readonly directory: string
  readonly message: string
}

/** A cache, and its statistics. */
export interface CompilationCache {
  readonly directory: string
  /** The number of programs that were found in it. */
  readonly hits: number
  /** The number of programs that were compiled because it did not have them. */
  readonly misses: number
  /** Errors with files, as text: the programs were compiled as if there were no cache. */
  readonly failures: readonly string[]
  /** Stops using the cache. The files stay. */
  close(): void
}

const DIGEST = 32

interface Tools {
  readonly fs: NonNullable<ReturnType<typeof nodeModule<'node:fs'>>>
  readonly crypto: NonNullable<ReturnType<typeof nodeModule<'node:crypto'>>>
  readonly path: NonNullable<ReturnType<typeof nodeModule<'node:path'>>>
}

/** @internal */
export const toolsOfNode = (): Tools | null => {
  const [fs, crypto, path] = [nodeModule('node:fs'), nodeModule('node:crypto'), nodeModule('node:path')]
  return fs === undefined || crypto === undefined || path === undefined ? null : { fs, crypto, path }
}

/**
 * Each program is a file: the SHA-256 of what follows, then the program. Files are written completely, then renamed.
 *
 * @internal
 */
export class FileStore implements ProgramStore, CompilationCache {
  readonly directory: string
  readonly failures: string[] = []
  hits = 0
  misses = 0
  readonly #tools: Tools

  constructor(directory: string, tools: Tools) {
    this.directory = directory
    this.#tools = tools
  }

  get(key: string): Uint8Array | null {
    const found = this.#read(this.#pathOf(key))
    if (found === null) this.misses++
    else this.hits++
    return found
  }

  set(key: string, bytes: Uint8Array): void {
    const { fs, crypto } = this.#tools
    const path = this.#pathOf(key)
    const draft = `${path}.${crypto.randomUUID()}`
    const content = new Uint8Array(DIGEST + bytes.length)
    content.set(this.#digest(bytes))
    content.set(bytes, DIGEST)
    try {
      fs.writeFileSync(draft, content, { flag: 'wx' })
      fs.renameSync(draft, path)
    } catch (error) {
      this.failures.push(messageOf(error))
      this.#remove(draft)
    }
  }

  close(): void {
    keepPrograms(null)
  }

  #read(path: string): Uint8Array | null {
    const { fs } = this.#tools
    try {
      // Reading a pipe or a device would block, or never end.
      if (!fs.statSync(path).isFile()) {
        this.failures.push(`${path} is not a file`)
        return null
      }
      const content = fs.readFileSync(path)
      const bytes = content.subarray(DIGEST)
      const digest = this.#digest(bytes)
      if (content.length >= DIGEST && digest.every((byte, i) => byte === content[i])) return bytes
      this.failures.push(`${path} is damaged`)
    } catch (error) {
      if (!isMissing(error)) this.failures.push(messageOf(error))
    }
    return null
  }

  #remove(path: string): void {
    try {
      this.#tools.fs.rmSync(path, { force: true })
    } catch (error) {
      this.failures.push(messageOf(error))
    }
  }

  #digest(data: string | Uint8Array): Uint8Array {
    return this.#tools.crypto.createHash('sha256').update(data).digest()
  }

  #pathOf(key: string): string {
    const name = Array.from(this.#digest(key), (byte) => byte.toString(16).padStart(2, '0')).join('')
    return this.#tools.path.join(this.directory, `${name}.pullback`)
  }
}

/**
 * Keeps programs compiled to WebAssembly in a directory, which is made if necessary, and loads them from there when the same
 * program is compiled again, in this process or in another one: a first call then only traces, and instantiates the module. It
 * corresponds to JAX's `jax_compilation_cache_dir`. For Node; elsewhere, and where the directory cannot be made, it returns a
 * `CacheFailure` with the reason. Programs with callbacks, and those with more than a megabyte of constants, are not kept. A
 * file that is damaged counts as missing. The directory may be deleted at any time.
 *
 * @throws ArgumentError where the name of the directory is not a string.
 * @example
 * ```ts
 * import { jit, np, setCompilationCacheDir } from 'pullback'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const cache = setCompilationCacheDir(mkdtempSync(join(tmpdir(), 'programs-')))()
 * jit((x: NDArray) => np.sin(x).add(41))(np.zeros([2])) // => [41. 41.]
 * if (cache._tag === 'Left') throw new Error(cache.left.message)
 * cache.right.misses // => 1
 * cache.right.close()
 * ```
 */
export const setCompilationCacheDir = (directory: string): IOEither<CacheFailure, CompilationCache> => {
  if (typeof directory !== 'string') {
    throw new ArgumentError(
      `setCompilationCacheDir takes the name of a directory, a string, got ${directory === null ? 'null' : typeof directory}.`,
    )
  }
  return () => {
    const fail = (message: string): ReturnType<IOEither<CacheFailure, CompilationCache>> => ({
      _tag: 'Left',
      left: { _tag: 'CacheFailure', directory, message },
    })
    const tools = toolsOfNode()
    if (tools === null) return fail('there are no files here: a compilation cache needs Node 20.16 or later')
    if (directory === '') return fail('the name of the directory is empty')
    const absolute = tools.path.resolve(directory)
    const fault = makeDirectory(absolute, tools)
    if (fault !== null) return fail(fault)
    const store = new FileStore(absolute, tools)
    keepPrograms(store)
    return { _tag: 'Right', right: store }
  }
}
