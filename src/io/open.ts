/** Opening a file of tensors of any format, recognised by its first bytes. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import type { IoError } from './errors.ts'
import { attempt, run, unsupported } from './errors.ts'
import { neighbours } from './folder.ts'
import { openGguf } from './gguf/read.ts'
import { openNpz } from './npy/npz.ts'
import { openOnnx } from './onnx/read.ts'
import { encodeUtf8 } from './platform.ts'
import { openPytorch } from './pytorch/read.ts'
import { openSafetensors } from './safetensors/read.ts'
import { openShards } from './shards.ts'
import type { ByteSource, Readable } from './source.ts'
import { openDoor, openSource } from './source.ts'
import type { Progress, ReadOptions, TensorFile } from './tensors.ts'
import { aTensorFile, readOptions } from './tensors.ts'
import { openZip } from './zip/read.ts'

type Open = (from: Readable) => TaskEither<IoError, TensorFile>

const startsWith = (bytes: Uint8Array, text: string): boolean => encodeUtf8(text).every((byte, i) => bytes[i] === byte)

/** A zip archive is PyTorch's if there is a pickle in it, and NumPy's otherwise. */
const openArchive = async (input: ByteSource): Promise<Open> => {
  const { entries } = await openZip(input)
  return [...entries.keys()].some((name) => /(^|\/)data\.pkl$/.test(name)) ? openPytorch : openNpz
}

const formatOf = async (input: ByteSource): Promise<Open> => {
  const size = await run(input.size)
  const first = await run(input.read(0, Math.min(size, 16)))
  if (startsWith(first, 'GGUF')) return openGguf
  if (startsWith(first, 'PK')) return openArchive(input)
  // An index is JSON text, whose first 8 bytes would be an impossible header length of safetensors.
  if (first[0] === 0x7b && first[7] !== 0) return openIndex
  // The header of safetensors is a JSON object, after the 8 bytes of its length.
  if (first[8] === 0x7b) return openSafetensors
  // ONNX begins with a field of ModelProto; the first is ir_version, a varint.
  if (first[0] === 0x08) return openOnnx
  if (first[0] === 0x80 && first[1]! <= 5) return openPytorch
  return unsupported(
    'tensors',
    input.name,
    0,
    'none of the formats that are known: safetensors, GGUF, npz, ONNX, PyTorch',
  )
}

/** Opens an index, which names other files of its folder. */
const openIndex: Open = (from) =>
  attempt(() => {
    const beside = neighbours(from)
    const { name: source } = openSource(from)
    if (beside === null)
      return unsupported(
        'index',
        source,
        0,
        'an index names other files, and where they are is not known: open their folder',
      )
    return openShards(beside.folder, beside.name, (shard) => run(openTensors(shard)))
  })

const openTensorsDoor = openDoor('openTensors')

/**
 * Opens a file of tensors: safetensors (or the index of several), GGUF, `.npz`, ONNX or a PyTorch checkpoint, whatever its
 * name.
 *
 * @example
 * ```ts
 * import { encodeSafetensors, openTensors } from 'pullback/io'
 * const file = await openTensors(encodeSafetensors({ bias: [0, 1] }))()
 * file._tag === 'Right' && file.right.format // => safetensors
 * ```
 */
export const openTensors = (from: Readable): TaskEither<IoError, TensorFile> => {
  openTensorsDoor(from)
  return attempt(async () => {
    const input = openSource(from)
    const open = await formatOf(input)
    // ONNX and an index look for weights beside the given path.
    return run(open(open === openOnnx || open === openIndex ? from : input))
  })
}

/** Options of `readTensors`. */
export interface ReadTensorsOptions extends ReadOptions {
  /** Which tensors to read; all by default. */
  readonly where?: (name: string) => boolean
  /** Called after each tensor, for a progress bar. */
  readonly onProgress?: (progress: Progress) => void
}

/** The number of tensors that are read at the same time. */
const PARALLEL = 4

const readTensorsOptions: must.OptionTable<ReadTensorsOptions> = {
  ...readOptions,
  where: must.func,
  onProgress: must.func,
}
const readTensorsDoor = must.door('readTensors', { file: aTensorFile, options: must.optionsOf(readTensorsOptions) })

/**
 * All (or some) tensors of a file as arrays, by name, in the order of the file.
 *
 * @example
 * ```ts
 * import { encodeSafetensors, openTensors, readTensors } from 'pullback/io'
 * const file = await openTensors(encodeSafetensors({ 'head.bias': [0, 1], 'body.bias': [2] }))()
 * const head = file._tag === 'Right' ? await readTensors(file.right, { where: (name) => name.startsWith('head.') })() : file
 * head._tag === 'Right' && Object.keys(head.right) // => head.bias
 * head._tag === 'Right' && head.right['head.bias'] // => [0. 1.]
 * ```
 */
export const readTensors = (
  file: TensorFile,
  options: ReadTensorsOptions = {},
): TaskEither<IoError, { readonly [name: string]: NDArray }> => {
  readTensorsDoor(file, options)
  const { where = () => true, onProgress, ...rest } = options
  return attempt(async () => {
    const wanted = [...file.tensors.values()].filter(({ name }) => where(name))
    const total = wanted.reduce((sum, { bytes }) => sum + bytes, 0)
    const arrays = new Map<string, NDArray>()
    const queue = wanted.values()
    let done = 0
    const work = async (): Promise<void> => {
      for (const { name, bytes } of queue) {
        arrays.set(name, await run(file.read(name, rest)))
        done += bytes
        onProgress?.({ name, bytes: done, total })
      }
    }
    await Promise.all(Array.from({ length: PARALLEL }, work))
    return Object.fromEntries(wanted.map(({ name }) => [name, arrays.get(name)!]))
  })
}
