/** Writing GGUF, version 3: arrays, and quantised arrays in their blocks. */
import { joinBytes } from '../../core/bytes.ts'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { QuantizedArray } from '../../api/quantized.ts'
import { isQuantized } from '../../api/quantized.ts'
import { ArgumentError, DTypeError } from '../../core/errors.ts'
import { asArray } from '../../runtime/installArrays.ts'
import * as must from '../../conversions/arguments.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import { toHost } from '../../trace/value.ts'
import type { IoError } from '../errors.ts'
import { writeFile } from '../node.ts'
import { encodeUtf8 } from '../platform.ts'
import { bytesOfElements } from '../tensors.ts'
import { ggmlTypes } from './types.ts'

/** A text, a number (whole numbers from -2^31 to 2^31 - 1 as int32, others as float32), or a boolean. */
export type GgufMetadata = string | number | boolean

/** Options of `encodeGguf` and `writeGguf`. */
export interface WriteGgufOptions {
  /** Key-value pairs. Readers require `general.architecture`; it is `unknown` by default. */
  readonly metadata?: { readonly [key: string]: GgufMetadata }
}

const ALIGNMENT = 32
const [INT32, FLOAT32, BOOL, TEXT] = [5, 6, 7, 8]

const u32 = (x: number): Uint8Array => new Uint8Array(Uint32Array.of(x).buffer)
const u64 = (x: number): Uint8Array => new Uint8Array(BigUint64Array.of(BigInt(x)).buffer)

const text = (x: string): readonly Uint8Array[] => {
  const bytes = encodeUtf8(x)
  return [u64(bytes.length), bytes]
}

const valueOf = (value: GgufMetadata): readonly Uint8Array[] => {
  if (typeof value === 'string') return [u32(TEXT), ...text(value)]
  if (typeof value === 'boolean') return [u32(BOOL), Uint8Array.of(value ? 1 : 0)]
  if (Number.isInteger(value) && value === (value | 0)) return [u32(INT32), u32(value >>> 0)]
  return [u32(FLOAT32), new Uint8Array(Float32Array.of(value).buffer)]
}

interface Written {
  readonly name: string
  readonly type: number
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

const numberOf = (wanted: (type: { readonly name: string; readonly plain?: string }) => boolean): number | undefined =>
  [...ggmlTypes].find(([, type]) => wanted(type))?.[0]

const writtenOf = (name: string, tensor: ArrayLike | QuantizedArray): Written => {
  if (isQuantized(tensor)) {
    const { data } = toHost(tensor.payload, 'encodeGguf')
    const type = numberOf((t) => t.name.toLowerCase() === tensor.kind)!
    return { name, type, shape: tensor.shape, bytes: bytesOfElements(data) }
  }
  const { aval, data } = toHost(asArray(tensor), 'encodeGguf')
  const type = numberOf(({ plain }) => plain === aval.dtype)
  if (type === undefined) {
    throw new DTypeError(
      `encodeGguf: tensor '${name}' is ${aval}, and GGUF has no ${aval.dtype}. Convert it with astype.`,
    )
  }
  return { name, type, shape: aval.shape, bytes: bytesOfElements(data) }
}

const padding = (size: number): Uint8Array => new Uint8Array((ALIGNMENT - (size % ALIGNMENT)) % ALIGNMENT)

/** More dimensions than llama.cpp has (`GGML_MAX_DIMS`). */
const MAX_RANK = 4

const chunksOf = (
  tensors: { readonly [name: string]: ArrayLike | QuantizedArray },
  { metadata = {} }: WriteGgufOptions,
): readonly Uint8Array[] => {
  const pairs = Object.entries({ 'general.architecture': 'unknown', ...metadata })
  const written = Object.entries(tensors).map(([name, tensor]) => writtenOf(name, tensor))
  const deep = written.find(({ shape }) => shape.length > MAX_RANK)
  if (deep !== undefined) {
    throw new ArgumentError(
      `encodeGguf: tensor '${deep.name}' has ${deep.shape.length} axes; GGUF has at most ${MAX_RANK}.`,
    )
  }
  let at = 0
  const infos = written.flatMap(({ name, type, shape, bytes }) => {
    const start = at
    at += bytes.length + padding(bytes.length).length
    return [...text(name), u32(shape.length), ...[...shape].reverse().map(u64), u32(type), u64(start)]
  })
  const header = [
    encodeUtf8('GGUF'),
    u32(3),
    u64(written.length),
    u64(pairs.length),
    ...pairs.flatMap(([key, value]) => [...text(key), ...valueOf(value)]),
    ...infos,
  ]
  const size = header.reduce((sum, { length }) => sum + length, 0)
  return [...header, padding(size), ...written.flatMap(({ bytes }) => [bytes, padding(bytes.length)])]
}

const someTensors = must.recordOf(
  must.kind('an array', (x) => isQuantized(x) || must.arrayLike.accepts(x)),
  'an object of arrays by their names',
)
const options = must.optionsOf<WriteGgufOptions>({
  metadata: must.recordOf(
    must.kind('a text, a number or a boolean', (x) => ['string', 'number', 'boolean'].includes(typeof x)),
    'an object of texts, numbers and booleans',
  ),
})
const encodeGgufDoor = must.door('encodeGguf', { tensors: someTensors, options })
const writeGgufDoor = must.door('writeGguf', { path: must.string, tensors: someTensors, options })

/**
 * Encodes arrays and quantised arrays as the bytes of a GGUF file, under the given names.
 *
 * @throws DTypeError for dtypes that GGUF does not have (booleans, unsigned integers); ArgumentError for more than four axes.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { encodeGguf, openGguf } from 'pullback/io'
 * const file = await openGguf(encodeGguf({ w: np.ones([2, 3]) }, { metadata: { 'general.architecture': 'llama' } }))()
 * file._tag === 'Right' && file.right.metadata.get('general.architecture') // => llama
 * ```
 */
export const encodeGguf = (
  tensors: { readonly [name: string]: ArrayLike | QuantizedArray },
  options: WriteGgufOptions = {},
): Uint8Array => {
  encodeGgufDoor(tensors, options)
  return joinBytes(chunksOf(tensors, options))
}

/**
 * Writes a GGUF file atomically. See `encodeGguf`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { openGguf, writeGguf } from 'pullback/io'
 * const path = join(mkdtempSync(join(tmpdir(), 'pullback-')), 'tiny.gguf')
 * await writeGguf(path, { w: np.ones([2, 3]) }, { metadata: { 'general.architecture': 'llama' } })()
 * const file = await openGguf(path)()
 * file._tag === 'Right' && file.right.tensors.get('w')!.dtype // => F32
 * ```
 */
export const writeGguf = (
  path: string,
  tensors: { readonly [name: string]: ArrayLike | QuantizedArray },
  options: WriteGgufOptions = {},
): TaskEither<IoError, void> => {
  writeGgufDoor(path, tensors, options)
  return writeFile(path, chunksOf(tensors, options))
}
