/**
 * Checkpoints before PyTorch 1.6: a magic number, a version, system information, the saved value and the keys of its storages,
 * each a pickle; then the storages, each after its number of elements (torch/serialization.py, `_legacy_save`).
 */
import { malformed, run, unsupported } from '../errors.ts'
import type { ByteSource } from '../source.ts'
import { readInWindows } from '../windows.ts'
import type { Pickled, PickledStorage } from './pickle.ts'
import { isDict, isListValue, isStorage, isTensor, readPickle } from './pickle.ts'
import type { Checkpoint, Stored } from './storage.ts'
import { storageKinds } from './storage.ts'

const MAGIC = 0x1950a86a20f9469cfc6cn
const VERSION = 1001

interface Sequence {
  readonly info: Pickled
  readonly root: Pickled
  readonly keys: Pickled
  /** Where the storages begin. */
  readonly end: number
}

const readSequence = (bytes: Uint8Array, source: string, size: number): Sequence => {
  const magic = readPickle(bytes, source, 0, size)
  if (magic.value !== MAGIC) malformed('pytorch', source, 0, 'it begins with a pickle, but not with that of PyTorch')
  const version = readPickle(bytes, source, magic.end, size)
  if (version.value !== VERSION)
    unsupported('pytorch', source, magic.end, `version ${String(version.value)} of the format`)
  const info = readPickle(bytes, source, version.end, size)
  const root = readPickle(bytes, source, info.end, size)
  const keys = readPickle(bytes, source, root.end, size)
  return { info: info.value, root: root.value, keys: keys.value, end: keys.end }
}

/** The storages that a value's tensors are views of. */
const storagesOf = (root: Pickled): ReadonlyMap<string, PickledStorage> => {
  const found = new Map<string, PickledStorage>()
  const seen = new Set<Pickled>()
  const waiting: Pickled[] = [root]
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (seen.has(value)) continue
    if (typeof value === 'object') seen.add(value)
    if (isTensor(value)) found.set(value.storage.key, value.storage)
    else if (isStorage(value)) found.set(value.key, value)
    else if (isListValue(value)) for (const item of value.items) waiting.push(item)
    else if (isDict(value)) for (const item of value.entries.values()) waiting.push(item)
  }
  return found
}

const COUNT = 8

/** Reads the pickles of a checkpoint, and where its storages are. */
export const openSequence = async (input: ByteSource, size: number): Promise<Checkpoint> => {
  const { name: source } = input
  const { info, root, keys, end } = await readInWindows(input, size, (bytes) => readSequence(bytes, source, size))
  const known = storagesOf(root)
  const stored = new Map<string, Stored>()
  if (!isListValue(keys)) malformed('pytorch', source, end, 'the keys of its storages are not a list')
  const isBig = isDict(info) && info.entries.get('little_endian') === false
  let at = end
  for (const key of isListValue(keys) ? keys.items : []) {
    const fault = (what: string): never => malformed('pytorch', source, at, `storage ${String(key)} ${what}`)
    const storage = typeof key === 'string' ? known.get(key) : undefined
    if (storage === undefined || typeof key !== 'string') return fault('belongs to no tensor')
    const { width } =
      storageKinds[storage.type] ?? unsupported('pytorch', source, at, `a ${storage.type}, which is not read`)
    const head = await run(input.read(at, COUNT))
    const count = Number(new DataView(head.buffer).getBigInt64(0, !isBig))
    const [offset, bytes] = [at + COUNT, count * width]
    if (count < 0 || offset + bytes > size) fault(`of ${count} elements goes beyond the file`)
    stored.set(key, { offset, bytes, read: () => run(input.read(offset, bytes)) })
    at = offset + bytes
  }
  return { root, isBig, storages: (key) => stored.get(key) ?? null }
}
