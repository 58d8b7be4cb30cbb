/** Tensors that stay quantised as in the file. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { QuantizedArray } from '../../api/quantized.ts'
import { Aval } from '../../core/aval.ts'
import type { BlockKind } from '../../core/blocks.ts'
import { blocks, isBlockKind } from '../../core/blocks.ts'
import type { IoError } from '../errors.ts'
import { attempt, run } from '../errors.ts'
import { aTensorFile, elementsOf } from '../tensors.ts'
import type { TensorFile } from '../tensors.ts'
import * as must from '../../conversions/arguments.ts'
import { handedOver } from '../../trace/value.ts'
import type { NDArray } from '../../trace/value.ts'

const readQuantizedDoor = must.door('readQuantized', { file: aTensorFile, name: must.string })

/** The kind of a tensor's blocks; null if it has none, or is not in a file of blocks. */
const blockKindIn = (file: TensorFile, name: string): BlockKind | null => {
  const kind = file.tensors.get(name)?.dtype.toLowerCase()
  return file.format === 'gguf' && kind !== undefined && isBlockKind(kind) ? kind : null
}

/**
 * Reads a tensor: GGUF's quantised types stay in blocks, and take no more memory than in the file; everything else is read as
 * an array.
 *
 * @example
 * ```ts
 * import { QuantizedArray, np } from 'pullback'
 * import { encodeGguf, openGguf, readQuantized } from 'pullback/io'
 * // One block of 32 elements in 34 bytes.
 * const block = new QuantizedArray(np.zeros([1, 34], { dtype: 'uint8' }), 'q8_0')
 * const file = await openGguf(encodeGguf({ w: block }))()
 * const w = file._tag === 'Right' ? await readQuantized(file.right, 'w')() : file
 * w._tag === 'Right' && w.right // => q8_0[1,32] (34 bytes)
 * // Expanded: read gives an array.
 * const array = file._tag === 'Right' ? await file.right.read('w')() : file
 * array._tag === 'Right' && array.right.shape // => 1,32
 * ```
 */
export const readQuantized = (file: TensorFile, name: string): TaskEither<IoError, NDArray | QuantizedArray> => {
  readQuantizedDoor(file, name)
  const kind = blockKindIn(file, name)
  if (kind === null) return file.read(name)
  return attempt(async () => {
    const { shape } = file.tensors.get(name)!
    const bytes = await run(file.readBytes(name))
    // The header has been checked: rows are whole blocks, and there are as many bytes as they need.
    const row = (shape.at(-1)! / blocks[kind].elements) * blocks[kind].bytes
    const aval = new Aval('uint8', [...shape.slice(0, -1), row])
    return new QuantizedArray(handedOver(aval, elementsOf('uint8', bytes)), kind)
  })
}
