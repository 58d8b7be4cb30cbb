/** Reading safetensors, one tensor at a time. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { IoError } from '../errors.ts'
import { attempt, malformed, missing, run } from '../errors.ts'
import type { Readable } from '../source.ts'
import { openDoor, openSource } from '../source.ts'
import { arrayOf, withDoors } from '../tensors.ts'
import type { TensorFile } from '../tensors.ts'
import { arrayTypeOf, decode } from './dtypes.ts'
import type { SafetensorsInfo } from './header.ts'
import { headerLength, LENGTH_BYTES, parseHeader } from './header.ts'

const openSafetensorsDoor = openDoor('openSafetensors')

/**
 * Opens a safetensors file: reads and checks its header.
 *
 * @returns an error if the header is longer than the file or not JSON, if a name occurs twice, or if a tensor's bytes do not
 *   fit its dtype and shape, overlap another's, leave a gap or extend beyond the file.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { encodeSafetensors, openSafetensors } from 'pullback/io'
 * const bytes = encodeSafetensors({ w: np.array([1, 2, 3]) })
 * const file = await openSafetensors(bytes)()
 * file._tag === 'Right' && [...file.right.tensors.keys()] // => w
 * ```
 */
export const openSafetensors = (from: Readable): TaskEither<IoError, TensorFile> => {
  openSafetensorsDoor(from)
  return attempt(async () => {
    const input = openSource(from)
    const { name: source } = input
    const size = await run(input.size)
    if (size < LENGTH_BYTES)
      malformed('safetensors', source, size, `it has ${size} bytes, fewer than the 8 of a length`)
    const length = headerLength(await run(input.read(0, LENGTH_BYTES)), source, size)
    const { tensors, metadata } = parseHeader(await run(input.read(LENGTH_BYTES, length)), source, size)
    const find = (name: string): SafetensorsInfo => tensors.get(name) ?? missing(source, name, tensors.keys())
    return withDoors({
      format: 'safetensors',
      source,
      tensors,
      metadata,
      readBytes: (name) =>
        attempt(() => {
          const { offset, bytes } = find(name)
          return run(input.read(offset, bytes))
        }),
      read: (name, options = {}) =>
        attempt(async () => {
          const info = find(name)
          const elements = decode(info.dtype, await run(input.read(info.offset, info.bytes)))
          return arrayOf(info.shape, arrayTypeOf(info.dtype), elements, options)
        }),
    })
  })
}
