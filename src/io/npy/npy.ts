/** NumPy's `.npy`: one array. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { DType, TypedArray } from '../../core/dtype.ts'
import { convert } from '../../core/convert.ts'
import { sizeOf } from '../../core/shape.ts'
import { asArray } from '../../runtime/installArrays.ts'
import * as must from '../../conversions/arguments.ts'
import { toHost } from '../../trace/value.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import type { IoError } from '../errors.ts'
import { attempt, malformed, run, unsupported } from '../errors.ts'
import { writeFile } from '../node.ts'
import { decodeUtf8 } from '../platform.ts'
import type { Readable } from '../source.ts'
import { aReadable, openSource } from '../source.ts'
import { arrayOf, bytesOfElements, elementsOf, readOptions, swapBytes } from '../tensors.ts'
import type { ReadOptions } from '../tensors.ts'
import { encodeNpyHeader, headerSpan, parseNpyHeader, PREFIX } from './header.ts'
import type { NpyHeader } from './header.ts'

interface Kind {
  readonly width: number
  readonly dtype: DType
}

const same = (dtype: DType, width: number): Kind => ({ dtype, width })

/** By kind and width, as in `descr` without its byte order. */
const kinds: { readonly [descr: string]: Kind | undefined } = {
  b1: same('bool', 1),
  u1: same('uint8', 1),
  i1: same('int8', 1),
  u2: same('uint16', 2),
  i2: same('int16', 2),
  u4: same('uint32', 4),
  i4: same('int32', 4),
  u8: same('uint64', 8),
  i8: same('int64', 8),
  f2: same('float16', 2),
  f4: same('float32', 4),
  f8: same('float64', 8),
}

/** `descr` of a dtype. NumPy has no bfloat16: float32 holds all its values. */
const written: { readonly [D in DType]: string } = {
  bool: '|b1',
  uint8: '|u1',
  int8: '|i1',
  uint16: '<u2',
  int16: '<i2',
  uint32: '<u4',
  int32: '<i4',
  uint64: '<u8',
  int64: '<i8',
  float16: '<f2',
  bfloat16: '<f4',
  float32: '<f4',
  float64: '<f8',
}

/** Reorders column-major elements to row-major. */
const fromFortran = (elements: TypedArray, shape: readonly number[]): TypedArray => {
  const out = elements.slice()
  const places = new Array<number>(shape.length).fill(0)
  const strides = shape.map((_, d) => sizeOf(shape.slice(0, d)))
  let from = 0
  for (let i = 0; i < out.length; i++) {
    out[i] = elements[from]!
    for (let d = shape.length - 1; d >= 0; d--) {
      from += strides[d]!
      if (++places[d]! < shape[d]!) break
      from -= strides[d]! * shape[d]!
      places[d] = 0
    }
  }
  return out
}

const kindOf = ({ descr }: NpyHeader, source: string, base: number): Kind =>
  (/^[<>|=]/.test(descr) ? kinds[descr.slice(1)] : undefined) ??
  unsupported(
    'npy',
    source,
    base,
    `elements of type '${descr}' are not read: only bools, integers and floats up to 64 bits`,
  )

/** The number of bytes of the elements. */
export const npyBytes = (header: NpyHeader, source: string, base: number): number =>
  sizeOf(header.shape) * kindOf(header, source, base).width

/** The array of a header and its elements. */
export const npyArray = (
  header: NpyHeader,
  bytes: Uint8Array,
  source: string,
  base: number,
  options: ReadOptions,
): NDArray => {
  const { dtype, width } = kindOf(header, source, base)
  if (header.descr.startsWith('>')) swapBytes(bytes, width)
  const elements = elementsOf(dtype, bytes)
  const ordered = header.isFortran && header.shape.length > 1 ? fromFortran(elements, header.shape) : elements
  return arrayOf(header.shape, dtype, ordered, options)
}

/** The header of the file that begins at byte `base`, read by `read(offset, length)`; `size` bytes are available. */
export const readNpyHeader = async (
  read: (offset: number, length: number) => Promise<Uint8Array>,
  size: number,
  source: string,
  base: number,
): Promise<NpyHeader> => {
  const [start, end] = headerSpan(await read(0, Math.min(PREFIX, size)), source, base)
  if (end > size) malformed('npy', source, base + size, 'it ends inside of its header')
  const text = decodeUtf8(await read(start, end - start))
  if (text === null) return malformed('npy', source, base + start, 'its header is not text')
  const header = parseNpyHeader(text, source, base + start, end)
  const needed = npyBytes(header, source, base + start)
  if (end + needed !== size) {
    malformed('npy', source, base + end, `${needed} bytes of elements are needed, ${size - end} are there`)
  }
  return header
}

const readNpyDoor = must.door('readNpy', { from: aReadable, options: must.optionsOf(readOptions) })

/**
 * Reads a `.npy` file.
 *
 * @returns an error if it is truncated or continues after its elements, or if they are objects, structures, strings or complex.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { encodeNpy, readNpy } from 'pullback/io'
 * const result = await readNpy(encodeNpy(np.array([1, 2])))()
 * result._tag === 'Right' && result.right // => [1. 2.]
 * ```
 */
export const readNpy = (from: Readable, options: ReadOptions = {}): TaskEither<IoError, NDArray> => {
  readNpyDoor(from, options)
  return attempt(async () => {
    const input = openSource(from)
    const size = await run(input.size)
    const header = await readNpyHeader((offset, length) => run(input.read(offset, length)), size, input.name, 0)
    const bytes = await run(input.read(header.dataStart, size - header.dataStart))
    return npyArray(header, bytes, input.name, header.dataStart, options)
  })
}

const encodeNpyDoor = must.door('encodeNpy', { x: must.arrayLike })
const writeNpyDoor = must.door('writeNpy', { path: must.string, x: must.arrayLike })

/** The file of an array, in pieces. */
export const npyChunks = (x: ArrayLike): readonly Uint8Array[] => {
  const { aval, data } = toHost(asArray(x), 'encodeNpy')
  const elements = aval.dtype === 'bfloat16' ? convert(data, 'bfloat16', 'float32') : data
  return [encodeNpyHeader(written[aval.dtype], aval.shape), bytesOfElements(elements)]
}

/**
 * An array as the bytes of a `.npy` file. bfloat16, which NumPy does not have, is written as float32.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { encodeNpy, readNpy } from 'pullback/io'
 * const bytes = encodeNpy(np.array([[1, 2]], { dtype: 'bfloat16' }))
 * // The magic string that NumPy looks for.
 * new TextDecoder().decode(bytes.slice(1, 6)) // => NUMPY
 * const array = await readNpy(bytes)()
 * array._tag === 'Right' && array.right.dtype // => float32
 * ```
 */
export const encodeNpy = (x: ArrayLike): Uint8Array => {
  encodeNpyDoor(x)
  const [header, elements] = npyChunks(x) as [Uint8Array, Uint8Array]
  const bytes = new Uint8Array(header.length + elements.length)
  bytes.set(header)
  bytes.set(elements, header.length)
  return bytes
}

/**
 * Writes a `.npy` file atomically.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { readNpy, writeNpy } from 'pullback/io'
 * const path = join(mkdtempSync(join(tmpdir(), 'pullback-')), 'x.npy')
 * // A task: nothing is written until it is called.
 * const written = await writeNpy(path, np.arange(3))()
 * written._tag // => Right
 * const x = await readNpy(path)()
 * x._tag === 'Right' && x.right // => [0 1 2]
 * ```
 */
export const writeNpy = (path: string, x: ArrayLike): TaskEither<IoError, void> => {
  writeNpyDoor(path, x)
  return writeFile(path, npyChunks(x))
}
