/** Tensors as files have them, and as arrays. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { Aval } from '../core/aval.ts'
import type { DType, TypedArray } from '../core/dtype.ts'
import { allocate } from '../core/dtype.ts'
import type { Shape } from '../core/shape.ts'
import { convert } from '../core/convert.ts'
import * as must from '../conversions/arguments.ts'
import { handedOver } from '../trace/value.ts'
import type { NDArray } from '../trace/value.ts'
import type { IoError } from './errors.ts'

/** What a file says of one of its tensors. */
export interface TensorInfo {
  readonly name: string
  /** The element type in the format's own words: `BF16`, `<f4`, `Q4_K`. */
  readonly dtype: string
  readonly shape: Shape
  /** Where its bytes begin in the source. */
  readonly offset: number
  /** How many bytes it takes there. */
  readonly bytes: number
}

/** How far reading has come. */
export interface Progress {
  /** The tensor or file that is being read, or has just been. */
  readonly name: string
  /** Bytes that have come. */
  readonly bytes: number
  /** Bytes that are to come in all. */
  readonly total: number
}

/** Options of `read`. */
export interface ReadOptions {
  /**
   * The dtype of the array; by default the file's own, or the least that holds its values where Pullback has none such
   * (float8 and quantised blocks as float32).
   */
  readonly dtype?: DType
}

/** A check for each option of `read`. */
export const readOptions: must.OptionTable<ReadOptions> = { dtype: must.dtype }

/** An opened file of tensors, of whatever format. Its header has been read and checked; tensors are read on demand. */
export interface TensorFile {
  /** `safetensors`, `npy`, `npz`, `gguf`, `onnx`, `pytorch`. */
  readonly format: string
  /** Where it came from. */
  readonly source: string
  /** In the order of the file. */
  readonly tensors: ReadonlyMap<string, TensorInfo>
  /** What else the file says: texts of safetensors, key-value pairs of GGUF. */
  readonly metadata: ReadonlyMap<string, unknown>
  /** One tensor as an array. */
  readonly read: (name: string, options?: ReadOptions) => TaskEither<IoError, NDArray>
  /** One tensor's bytes as they stand in the file (inflated, where the file is compressed). */
  readonly readBytes: (name: string) => TaskEither<IoError, Uint8Array>
}

const readDoor = must.door('read', { name: must.string, options: must.optionsOf(readOptions) })
const readBytesDoor = must.door('readBytes', { name: must.string })

/** A file whose functions look at what they are called with: its format need not. */
export const withDoors = <F extends TensorFile>(file: F): F => ({
  ...file,
  read: (name, options = {}) => {
    readDoor(name, options)
    return file.read(name, options)
  },
  readBytes: (name) => {
    readBytesDoor(name)
    return file.readBytes(name)
  },
})

/** What functions that take a file of tensors must be given. */
export const aTensorFile = must.kind('a file of tensors, as openTensors gives it', (x) => {
  const file = x as Partial<TensorFile> | null | undefined
  return file?.tensors instanceof Map && typeof file.read === 'function'
})

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** Reverses the bytes of each element, in place. */
export const swapBytes = (bytes: Uint8Array, width: number): void => {
  if (width === 1) return
  for (let start = 0; start < bytes.length; start += width) bytes.subarray(start, start + width).reverse()
}

/** Little-endian bytes as elements of the dtype; the bytes' memory is used where it can be. */
export const elementsOf = (dtype: DType, bytes: Uint8Array): TypedArray => {
  const sample = allocate(dtype, 0)
  const width = sample.BYTES_PER_ELEMENT
  const own = bytes.byteOffset % width === 0 ? bytes : bytes.slice()
  if (!isLittleEndian) swapBytes(own, width)
  const Elements = sample.constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => TypedArray
  return new Elements(own.buffer, own.byteOffset, own.length / width)
}

/** The little-endian bytes of elements. */
export const bytesOfElements = (elements: TypedArray): Uint8Array => {
  const bytes = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength)
  if (isLittleEndian) return bytes
  const copy = bytes.slice()
  swapBytes(copy, elements.BYTES_PER_ELEMENT)
  return copy
}

/** An array over elements, which are its own from now on, converted if another dtype is asked for. */
export const arrayOf = (shape: Shape, dtype: DType, elements: TypedArray, { dtype: wanted }: ReadOptions): NDArray => {
  const target = wanted ?? dtype
  return handedOver(new Aval(target, shape), convert(elements, dtype, target))
}

/** As many axes as NumPy allows. */
const MAX_RANK = 64

/** Elements in a shape, or null if no array can have so many. */
export const countOf = (shape: Shape): number | null => {
  if (shape.length > MAX_RANK) return null
  let count = 1
  for (const extent of shape) {
    if (!Number.isSafeInteger(extent) || extent < 0) return null
    count *= extent
  }
  return Number.isSafeInteger(count) ? count : null
}
