/** Writing safetensors. */
import { joinBytes } from '../../core/bytes.ts'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { ArgumentError, ShapeError } from '../../core/errors.ts'
import { asArray } from '../../runtime/installArrays.ts'
import * as must from '../../conversions/arguments.ts'
import { toHost } from '../../trace/value.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { IoError } from '../errors.ts'
import { writeFile } from '../node.ts'
import { encodeUtf8 } from '../platform.ts'
import { bytesOfElements, countOf } from '../tensors.ts'
import type { SafetensorsDType } from './dtypes.ts'
import { safetensorsDTypes, widthOf, writtenAs } from './dtypes.ts'
import { LENGTH_BYTES, MAX_HEADER } from './header.ts'

/** A tensor given by its bytes, for element types without a dtype in Pullback, such as `F8_E4M3`. */
export interface RawTensor {
  readonly dtype: SafetensorsDType
  readonly shape: readonly number[]
  /** The elements, little-endian, in row-major order. */
  readonly bytes: Uint8Array
}

/** Arrays (or raw tensors) by name. */
export interface NamedTensors {
  readonly [name: string]: ArrayLike | RawTensor
}

/** Options of `encodeSafetensors` and `writeSafetensors`. */
export interface SafetensorsOptions {
  /** Strings by name. `transformers` expects `{ format: 'pt' }`, which is the default. */
  readonly metadata?: { readonly [key: string]: string }
}

const isRaw = (x: ArrayLike | RawTensor): x is RawTensor => typeof x === 'object' && 'bytes' in x && 'dtype' in x

const rawOf = (name: string, tensor: ArrayLike | RawTensor): RawTensor => {
  if (!isRaw(tensor)) {
    const { aval, data } = toHost(asArray(tensor), 'encodeSafetensors')
    return { dtype: writtenAs(aval.dtype), shape: aval.shape, bytes: bytesOfElements(data) }
  }
  const expected = (countOf(tensor.shape) ?? NaN) * widthOf(tensor.dtype)
  if (tensor.bytes.length === expected) return tensor
  throw new ShapeError(
    `encodeSafetensors: tensor '${name}' of ${tensor.dtype}[${tensor.shape.join(', ')}] takes ${expected} bytes, got ${tensor.bytes.length}.`,
  )
}

/** The file in pieces: the header, then each tensor's bytes. */
export const chunksOf = (
  tensors: NamedTensors,
  { metadata = { format: 'pt' } }: SafetensorsOptions = {},
): readonly Uint8Array[] => {
  if (Object.hasOwn(tensors, '__metadata__')) {
    throw new ArgumentError("encodeSafetensors: no tensor can be named '__metadata__'. Give texts in the options.")
  }
  // The widest first, so that every tensor is aligned; by name among equals, as the format's own implementation does.
  const entries = Object.entries(tensors)
    .map(([name, tensor]) => [name, rawOf(name, tensor)] as const)
    .sort(([a, x], [b, y]) => widthOf(y.dtype) - widthOf(x.dtype) || (a < b ? -1 : 1))
  let at = 0
  const members = entries.map(([name, { dtype, shape, bytes }]) => {
    const begin = at
    at += bytes.length
    return [name, { dtype, shape, data_offsets: [begin, at] }] as const
  })
  const described = Object.keys(metadata).length === 0 ? members : [['__metadata__', metadata] as const, ...members]
  const text = encodeUtf8(
    `{${described.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`,
  )
  const padded = Math.ceil(text.length / 8) * 8
  if (padded > MAX_HEADER) {
    throw new ArgumentError(
      `encodeSafetensors: the header would take ${padded} bytes; at most ${MAX_HEADER} can be read.`,
    )
  }
  const header = new Uint8Array(LENGTH_BYTES + padded).fill(0x20)
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true)
  header.set(text, LENGTH_BYTES)
  return [header, ...entries.map(([, { bytes }]) => bytes)]
}

const isRawTensor = (x: unknown): boolean => {
  const { dtype, shape, bytes } = (typeof x === 'object' && x !== null ? x : {}) as Partial<RawTensor>
  const isShape = must.listOf(must.natural).accepts(shape)
  return isShape && bytes instanceof Uint8Array && (safetensorsDTypes as readonly unknown[]).includes(dtype)
}
const aTensor = must.kind('an array or a raw tensor', (x) => must.arrayLike.accepts(x) || isRawTensor(x))
/** Checks tensors by name. */
export const namedTensors = must.recordOf(aTensor, 'an object of arrays, or of raw tensors, by their names')
const safetensorsOptions: must.OptionTable<SafetensorsOptions> = {
  metadata: must.recordOf(must.string, 'an object of strings'),
}
const options = must.optionsOf(safetensorsOptions)
const encodeDoor = must.door('encodeSafetensors', { tensors: namedTensors, options })
const writeDoor = must.door('writeSafetensors', { path: must.string, tensors: namedTensors, options })

/**
 * Arrays as the bytes of a safetensors file. A number is a float32 scalar.
 *
 * @throws ArgumentError if an array is named `__metadata__`; ShapeError if a raw tensor's bytes do not fit its shape.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { encodeSafetensors, openSafetensors } from 'pullback/io'
 * const bytes = encodeSafetensors({ w: np.ones([2, 3]), step: 7 }, { metadata: { format: 'pt', license: 'MIT' } })
 * const file = await openSafetensors(bytes)()
 * file._tag === 'Right' && file.right.metadata.get('license') // => MIT
 * file._tag === 'Right' && file.right.tensors.get('w')!.shape // => 2,3
 * ```
 */
export const encodeSafetensors = (tensors: NamedTensors, options: SafetensorsOptions = {}): Uint8Array => {
  encodeDoor(tensors, options)
  return joinBytes(chunksOf(tensors, options))
}

/**
 * Writes a safetensors file atomically.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { openSafetensors, writeSafetensors } from 'pullback/io'
 * const path = join(mkdtempSync(join(tmpdir(), 'pullback-')), 'model.safetensors')
 * await writeSafetensors(path, { bias: np.array([0, 1]) })()
 * const file = await openSafetensors(path)()
 * const bias = file._tag === 'Right' ? await file.right.read('bias')() : file
 * bias._tag === 'Right' && bias.right // => [0. 1.]
 * ```
 */
export const writeSafetensors = (
  path: string,
  tensors: NamedTensors,
  options: SafetensorsOptions = {},
): TaskEither<IoError, void> => {
  writeDoor(path, tensors, options)
  return writeFile(path, chunksOf(tensors, options))
}
