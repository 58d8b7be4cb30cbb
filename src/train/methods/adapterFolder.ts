/** Folders of adapters: `adapter_config.json` beside `adapter_model.safetensors`. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { isFloat } from '../../core/dtype.ts'
import type { Shape } from '../../core/shape.ts'
import { sameShape, showShape } from '../../core/shape.ts'
import { attempt, fail, malformed, run } from '../../io/errors.ts'
import type { FolderLike, IoError, JsonRecord } from '../../io/index.ts'
import { openFolder, openSafetensors, writeSafetensors } from '../../io/index.ts'
import { aFolder, openFile } from '../../io/folder.ts'
import { nodeFiles, withPlatform, writeFile } from '../../io/node.ts'
import { decodeUtf8, encodeUtf8, nodeModule } from '../../io/platform.ts'
import { readAll } from '../../io/source.ts'
import type { NDArray } from '../../trace/value.ts'
import type { AdapterError } from '../errors.ts'

export { aFolder }

/** The contents of a folder. */
export interface AdapterFiles {
  readonly source: string
  readonly config: JsonRecord
  readonly tensors: ReadonlyMap<string, NDArray>
}

const parsed = (text: string, source: string): JsonRecord => {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonRecord
  } catch (error) {
    return malformed('json', source, 0, error instanceof Error ? error.message : String(error))
  }
  return malformed('json', source, 0, 'it is not an object')
}

/** The configuration and all tensors. */
const readAdapterFolder = (from: FolderLike): TaskEither<IoError, AdapterFiles> =>
  attempt(async () => {
    const folder = openFolder(from)
    const source = await run(openFile(folder, 'adapter_config.json'))
    const text = decodeUtf8(await run(readAll(source))) ?? malformed('json', source.name, 0, 'it is not UTF-8')
    const config = parsed(text, source.name)
    const weights = await run(folder.open('adapter_model.safetensors'))
    if (weights === null) {
      return fail({
        _tag: 'Access',
        source: folder.name,
        code: 'ENOENT',
        message: `${folder.name}: there is no adapter_model.safetensors.`,
      })
    }
    const file = await run(openSafetensors(weights))
    const tensors = new Map<string, NDArray>()
    for (const name of file.tensors.keys()) tensors.set(name, await run(file.read(name)))
    return { source: folder.name, config, tensors }
  })

/** Writes the folder, the configuration last. */
export const writeAdapterFolder = (
  path: string,
  config: JsonRecord,
  tensors: { readonly [name: string]: NDArray },
): TaskEither<IoError, void> =>
  attempt(async () => {
    const files = nodeFiles(path)
    const { join } = nodeModule('node:path')!
    await withPlatform(path, () => files.mkdir(path, { recursive: true }))
    await withPlatform(path, () => files.rm(join(path, 'adapter_config.json'), { force: true }))
    await run(writeSafetensors(join(path, 'adapter_model.safetensors'), tensors))
    await run(writeFile(join(path, 'adapter_config.json'), [encodeUtf8(`${JSON.stringify(config, null, 2)}\n`)]))
  })

/** The first of many names, for a message. */
const some = (names: readonly string[]): string =>
  names.length > 6 ? `${names.slice(0, 6).join(', ')} and ${names.length - 6} more` : names.join(', ')

/** The error of files that do not fit. */
const unfit = (
  source: string,
  what: string,
  {
    missing = [],
    unexpected = [],
  }: { readonly missing?: readonly string[]; readonly unexpected?: readonly string[] } = {},
): AdapterError => {
  const lacks = missing.length === 0 ? '' : ` Missing: ${some(missing)}.`
  const left = unexpected.length === 0 ? '' : ` Left over: ${some(unexpected)}.`
  return { _tag: 'AdapterError', message: `${source}: ${what}${lacks}${left}`, missing, unexpected }
}

/** Carries the error of files that do not fit to the border of a method. */
class Unfit extends Error {
  readonly error: AdapterError
  constructor(error: AdapterError) {
    super(error.message)
    this.error = error
  }
}

export const refuse = (...args: Parameters<typeof unfit>): never => {
  throw new Unfit(unfit(...args))
}

/** Loads an adapter from a folder, with faults as values. */
export const loadAdapterFolder =
  <A>(from: FolderLike, make: (files: AdapterFiles) => A): TaskEither<IoError | AdapterError, A> =>
  async () => {
    const files = await readAdapterFolder(from)()
    if (files._tag === 'Left') return files
    try {
      return { _tag: 'Right', right: make(files.right) }
    } catch (error) {
      if (error instanceof Unfit) return { _tag: 'Left', left: error.error }
      throw error
    }
  }

/** The value of a key of the configuration: one of several strings. */
export const wordOf = ({ source, config }: AdapterFiles, key: string, words: readonly string[]): string => {
  const value = config[key]
  if (typeof value === 'string' && words.includes(value)) return value
  return refuse(source, `${key} in adapter_config.json must be ${words.join(' or ')}, got ${JSON.stringify(value)}.`)
}

/** A whole number, 1 or above. */
export const countOf = ({ source, config }: AdapterFiles, key: string): number => {
  const value = config[key]
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number
  return refuse(source, `${key} in adapter_config.json must be a whole number above 0, got ${JSON.stringify(value)}.`)
}

/** A list of strings, or null or nothing for none. */
export const wordsOf = ({ source, config }: AdapterFiles, key: string): readonly string[] => {
  const value = config[key] ?? []
  if (Array.isArray(value) && value.every((x) => typeof x === 'string')) return value
  return refuse(source, `${key} in adapter_config.json must be a list of names, got ${JSON.stringify(value)}.`)
}

/** Takes tensors by name, with given shapes; the rest are unexpected. */
export const takeTensors = (
  { source, tensors }: AdapterFiles,
  wanted: ReadonlyMap<string, Shape>,
): ReadonlyMap<string, NDArray> => {
  const missing = [...wanted.keys()].filter((name) => !tensors.has(name))
  const unexpected = [...tensors.keys()].filter((name) => !wanted.has(name))
  if (missing.length > 0 || unexpected.length > 0)
    return refuse(source, 'the adapter does not fit the model.', { missing, unexpected })
  for (const [name, shape] of wanted) {
    const { aval } = tensors.get(name)!
    if (!isFloat(aval.dtype)) refuse(source, `${name} must be of floats, but the file's is ${aval}.`)
    if (!sameShape(aval.shape, shape)) {
      refuse(source, `${name} must have shape ${showShape(shape)}, but the file's has ${showShape(aval.shape)}.`)
    }
  }
  return tensors
}
