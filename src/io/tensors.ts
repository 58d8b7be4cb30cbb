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

/** A file's description of one of its tensors. */
export interface TensorInfo {
  readonly name: string
  /** The element type in the format's own words: `BF16`, `<f4`, `Q4_K`. */
  readonly dtype: string
  readonly shape: Shape
  /** Where its bytes begin in the source. */
  readonly offset: number
  /** The number of its bytes there. */
  readonly bytes: number
}

/** The progress of reading. */
export interface Progress {
  /** The tensor or file that is being read, or was just read. */
  readonly name: string
  /** Bytes read so far. */
  readonly bytes: number
  /** Bytes to read in total. */
  readonly total: number
}

/** Options of `read`. */
export interface ReadOptions {
  /**
   * The dtype of the array; by default the file's own, or the smallest that holds its values where Pullback does not have it
   * (float8 and quantised blocks as float32).
   */
  readonly dtype?: DType
}

/** A check for each option of `read`. */
export const readOptions: must.OptionTable<ReadOptions> = { dtype: must.dtype }

/** An opened file of tensors, of any format. Its header has been read and checked; tensors are read on demand. */
export interface TensorFile {
  /** `safetensors`, `npy`, `npz`, `gguf`, `onnx`, `pytorch`. */
  readonly format: string
  /** Its source. */
  readonly source: string
  /** In the order of the file. */
  readonly tensors: ReadonlyMap<string, TensorInfo>
  /** Other contents of the file: strings of safetensors, key-value pairs of GGUF. */
  readonly metadata: ReadonlyMap<string, unknown>
  /** One tensor as an array. */
  readonly read: (name: string, options?: ReadOptions) => TaskEither<IoError, NDArray>
  /** One tensor's bytes as in the file (inflated, if the file is compressed). */
  readonly readBytes: (name: string) => TaskEither<IoError, Uint8Array>
}

const readDoor = must.door('read', { name: must.string, options: must.optionsOf(readOptions) })
const readBytesDoor = must.door('readBytes', { name: must.string })

/** Adds argument checks to the functions of a file, so that formats need not. */
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

/** Checks a file of tensors. */
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

/** Little-endian bytes as elements of the dtype; the memory of the bytes is reused where possible. */
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

/** An array that takes over the elements, converted if another dtype is requested. */
export const arrayOf = (shape: Shape, dtype: DType, elements: TypedArray, { dtype: wanted }: ReadOptions): NDArray => {
  const target = wanted ?? dtype
  return handedOver(new Aval(target, shape), convert(elements, dtype, target))
}

/** As many axes as NumPy allows. */
const MAX_RANK = 64

/** The number of elements of a shape, or null if it is too large for an array. */
export const countOf = (shape: Shape): number | null => {
  if (shape.length > MAX_RANK) return null
  let count = 1
  for (const extent of shape) {
    if (!Number.isSafeInteger(extent) || extent < 0) return null
    count *= extent
  }
  return Number.isSafeInteger(count) ? count : null
}
