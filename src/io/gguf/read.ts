/** Reading GGUF: llama.cpp's files of weights, plain or quantised. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { expandBlocks } from '../../core/blocks.ts'
import type { IoError } from '../errors.ts'
import { attempt, malformed, missing, run, unsupported } from '../errors.ts'
import type { Readable } from '../source.ts'
import { openDoor, openSource } from '../source.ts'
import { arrayOf, elementsOf, withDoors } from '../tensors.ts'
import type { ReadOptions, TensorFile } from '../tensors.ts'
import { readInWindows } from '../windows.ts'
import type { GgufInfo, GgufValue } from './header.ts'
import { parseGgufHeader } from './header.ts'
import { blockKindOf } from './types.ts'

/** An opened GGUF file. */
export interface GgufFile extends TensorFile {
  readonly tensors: ReadonlyMap<string, GgufInfo>
  /** The key-value pairs: architecture, hyperparameters, tokenizer. */
  readonly metadata: ReadonlyMap<string, GgufValue>
}

const decode = ({ name, type, shape, offset }: GgufInfo, bytes: Uint8Array, source: string, options: ReadOptions) => {
  if (type.plain !== undefined) return arrayOf(shape, type.plain, elementsOf(type.plain, bytes), options)
  const kind = blockKindOf(type)
  if (kind !== null) return arrayOf(shape, 'float32', expandBlocks(kind, bytes), options)
  return unsupported(
    'gguf',
    source,
    offset,
    `tensor '${name}' is quantised as ${type.name}, which is not expanded here`,
  )
}

const openGgufDoor = openDoor('openGguf')

/**
 * Opens a GGUF file (versions 2 and 3). `read` expands quantised tensors to float32, bit for bit as llama.cpp does: Q8_0, Q4_0,
 * Q4_1, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K; `readBytes` gives the blocks.
 *
 * Shapes have the slowest dimension first, as everywhere here; the file names them in the reverse order.
 *
 * @returns an error if the header is damaged, or a tensor overlaps another or extends beyond the file.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { encodeGguf, openGguf } from 'pullback/io'
 * const bytes = encodeGguf({ 'token_embd.weight': np.ones([4, 8]) }, { metadata: { 'general.name': 'tiny' } })
 * const file = await openGguf(bytes)()
 * file._tag === 'Right' && file.right.metadata.get('general.name') // => tiny
 * file._tag === 'Right' && file.right.tensors.get('token_embd.weight')!.shape // => 4,8
 * const damaged = await openGguf(bytes.slice(0, 40))()
 * damaged._tag === 'Left' && damaged.left._tag // => Malformed
 * ```
 */
export const openGguf = (from: Readable): TaskEither<IoError, GgufFile> => {
  openGgufDoor(from)
  return attempt(async () => {
    const input = openSource(from)
    const { name: source } = input
    const size = await run(input.size)
    if (size < 24) malformed('gguf', source, size, `it has ${size} bytes, fewer than the 24 of an empty one`)
    const { tensors, metadata } = await readInWindows(input, size, (bytes) => parseGgufHeader(bytes, source, size))
    const bytesOf = (name: string) => {
      const { offset, bytes } = tensors.get(name) ?? missing(source, name, tensors.keys())
      return run(input.read(offset, bytes))
    }
    return withDoors({
      format: 'gguf',
      source,
      tensors,
      metadata,
      readBytes: (name) => attempt(() => bytesOf(name)),
      read: (name, options = {}) =>
        attempt(async () => {
          const bytes = await bytesOf(name)
          return decode(tensors.get(name)!, bytes, source, options)
        }),
    })
  })
}
