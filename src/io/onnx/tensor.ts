/** `TensorProto` of ONNX (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). */
import type { DType, TypedArray } from '../../core/dtype.ts'
import type { NDArray } from '../../trace/value.ts'
import { malformed, unsupported } from '../errors.ts'
import { decodeFloat8 } from '../float8.ts'
import { decodeUtf8 } from '../platform.ts'
import { arrayOf, countOf, elementsOf } from '../tensors.ts'
import type { ReadOptions, TensorInfo } from '../tensors.ts'
import { varintAt } from './wire.ts'
import type { WireField, WireReader } from './wire.ts'

interface Kind {
  readonly name: string
  readonly width: number
  readonly dtype?: DType
  /** Elements from little-endian bytes, where they are not the same bytes. */
  readonly decode?: (bytes: Uint8Array) => TypedArray
  /** The field that has the elements one by one, if they are not in `raw_data`. */
  readonly field?: number
}

const [FLOATS, INT32S, INT64S, RAW, DOUBLES, UINT64S] = [4, 5, 7, 9, 10, 11]

const kinds: ReadonlyMap<number, Kind> = new Map<number, Kind>([
  [1, { name: 'FLOAT', width: 4, dtype: 'float32', field: FLOATS }],
  [2, { name: 'UINT8', width: 1, dtype: 'uint8', field: INT32S }],
  [3, { name: 'INT8', width: 1, dtype: 'int8', field: INT32S }],
  [4, { name: 'UINT16', width: 2, dtype: 'uint16', field: INT32S }],
  [5, { name: 'INT16', width: 2, dtype: 'int16', field: INT32S }],
  [6, { name: 'INT32', width: 4, dtype: 'int32', field: INT32S }],
  [7, { name: 'INT64', width: 8, dtype: 'int64', field: INT64S }],
  [8, { name: 'STRING', width: 0 }],
  [9, { name: 'BOOL', width: 1, dtype: 'bool', field: INT32S }],
  [10, { name: 'FLOAT16', width: 2, dtype: 'float16', field: INT32S }],
  [11, { name: 'DOUBLE', width: 8, dtype: 'float64', field: DOUBLES }],
  [12, { name: 'UINT32', width: 4, dtype: 'uint32', field: UINT64S }],
  [13, { name: 'UINT64', width: 8, dtype: 'uint64', field: UINT64S }],
  [14, { name: 'COMPLEX64', width: 8 }],
  [15, { name: 'COMPLEX128', width: 16 }],
  [16, { name: 'BFLOAT16', width: 2, dtype: 'bfloat16', field: INT32S }],
  [17, { name: 'FLOAT8E4M3FN', width: 1, dtype: 'float32', decode: decodeFloat8('e4m3fn'), field: INT32S }],
  [19, { name: 'FLOAT8E5M2', width: 1, dtype: 'float32', decode: decodeFloat8('e5m2'), field: INT32S }],
])

/** Where the elements of a tensor are. */
export interface OnnxInfo extends TensorInfo {
  readonly kind: Kind
  /** The fields that hold elements, in order. */
  readonly fields: readonly WireField[]
  /** `location`, `offset` and `length`, if the elements are in a separate file. */
  readonly external: ReadonlyMap<string, string> | null
}

const MAX_NAME = 65_536

const textOf = async (reader: WireReader, { start, end }: WireField): Promise<string> => {
  if (end - start > MAX_NAME) reader.fault(start, `a name of ${end - start} bytes`)
  return decodeUtf8(await reader.bytes(start, end)) ?? reader.fault(start, 'a name is not UTF-8')
}

/** `StringStringEntryProto`. */
export const readEntry = async (
  reader: WireReader,
  entry: WireField,
): Promise<readonly [key: string, value: string]> => {
  let [key, value] = ['', '']
  for await (const field of reader.fields(entry.start, entry.end)) {
    if (field.type !== 'bytes') continue
    if (field.number === 1) key = await textOf(reader, field)
    if (field.number === 2) value = await textOf(reader, field)
  }
  return [key, value]
}

const numbersOf = async (reader: WireReader, field: WireField): Promise<readonly number[]> => {
  if (field.type === 'varint') return [Number(BigInt.asIntN(64, field.value))]
  if (field.type !== 'bytes' || field.end - field.start > 1024)
    return reader.fault(field.start, 'dimensions that are none')
  const bytes = await reader.bytes(field.start, field.end)
  const out: number[] = []
  for (let at = 0; at < bytes.length;) {
    const [value, next] = varintAt(bytes, at) ?? reader.fault(field.start + at, 'a number does not end')
    out.push(Number(BigInt.asIntN(64, value)))
    at = next
  }
  return out
}

const spanOf = (fields: readonly WireField[]): number => fields.reduce((sum, { start, end }) => sum + end - start, 0)

/** The description of an initializer; its elements are not read. */
export const readTensorInfo = async (reader: WireReader, tensor: WireField, source: string): Promise<OnnxInfo> => {
  let name = ''
  let number = 0
  let isExternal = false
  const shape: number[] = []
  const data: WireField[] = []
  const external = new Map<string, string>()
  for await (const field of reader.fields(tensor.start, tensor.end)) {
    if (field.number === 1) shape.push(...(await numbersOf(reader, field)))
    else if (field.number === 2) number = Number(field.value)
    else if (field.number === 8 && field.type === 'bytes') name = await textOf(reader, field)
    else if (field.number === 13 && field.type === 'bytes') external.set(...(await readEntry(reader, field)))
    else if (field.number === 14) isExternal = field.value === 1n
    else if ([FLOATS, INT32S, INT64S, RAW, DOUBLES, UINT64S].includes(field.number)) data.push(field)
  }
  const kind = kinds.get(number)
  if (kind === undefined) {
    return unsupported(
      'onnx',
      source,
      tensor.start,
      `tensor '${name}' has elements of type ${number}, which is not read`,
    )
  }
  if (countOf(shape) === null)
    reader.fault(tensor.start, `tensor '${name}' cannot have the shape [${shape.join(', ')}]`)
  const raw = data.filter((f) => f.number === RAW && f.type === 'bytes')
  const fields = raw.length > 0 ? raw : data.filter((f) => f.number === kind.field)
  const [first] = fields
  return {
    name,
    dtype: kind.name,
    kind,
    shape,
    offset: first?.start ?? tensor.start,
    bytes: spanOf(fields),
    fields,
    external: isExternal ? external : null,
  }
}

type Chunks = readonly (readonly [field: WireField, bytes: Uint8Array])[]

/** Elements listed one by one: floats and doubles with fixed width, all others as varints. */
const listedElements = (info: OnnxInfo, chunks: Chunks, count: number, source: string): TypedArray => {
  const { kind } = info
  const isFixed = kind.field === FLOATS || kind.field === DOUBLES
  const bytes = new Uint8Array(count * kind.width)
  const view = new DataView(bytes.buffer)
  let at = 0
  const put = (value: bigint): void => {
    if (at + kind.width > bytes.length) at = Infinity
    else if (kind.width === 1) view.setUint8(at, Number(value & 255n))
    else if (kind.width === 2) view.setUint16(at, Number(value & 65_535n), true)
    else if (kind.width === 4) view.setUint32(at, Number(value & 0xffffffffn), true)
    else view.setBigUint64(at, value, true)
    at += kind.width
  }
  for (const [field, chunk] of chunks) {
    if (isFixed) {
      if (at + chunk.length <= bytes.length) bytes.set(chunk, at)
      at += chunk.length
    } else if (field.type === 'varint') put(field.value)
    else {
      for (let k = 0; k < chunk.length && at <= bytes.length;) {
        const found = varintAt(chunk, k)
        if (found === null) at = Infinity
        else put(found[0])
        k = found?.[1] ?? chunk.length
      }
    }
  }
  if (at !== bytes.length) wrongCount(info, count, source)
  return decodeElements(kind, bytes)
}

const wrongCount = ({ name, kind, shape, offset }: OnnxInfo, count: number, source: string): never =>
  malformed(
    'onnx',
    source,
    offset,
    `tensor '${name}' is ${kind.name}[${shape.join(', ')}], but does not hold ${count} elements`,
  )

const decodeElements = ({ dtype, decode }: Kind, bytes: Uint8Array): TypedArray =>
  (decode ?? ((b) => elementsOf(dtype!, b)))(bytes)

/** The array of an initializer, from the bytes of its fields. */
export const tensorArray = (info: OnnxInfo, chunks: Chunks, source: string, options: ReadOptions): NDArray => {
  const { kind, shape, name, offset } = info
  if (kind.dtype === undefined)
    return unsupported('onnx', source, offset, `tensor '${name}' holds ${kind.name}, for which there is no dtype`)
  const count = countOf(shape)!
  const isRaw = info.external !== null || info.fields.some((field) => field.number === RAW)
  // A varint takes at least one byte, a value of the field itself none.
  const most = isRaw ? info.bytes / kind.width : info.bytes + info.fields.length
  if (info.external === null && count > most) wrongCount(info, count, source)
  if (!isRaw) return arrayOf(shape, kind.dtype, listedElements(info, chunks, count, source), options)
  const bytes = chunks.at(-1)![1]
  if (bytes.length !== count * kind.width) wrongCount(info, count, source)
  return arrayOf(shape, kind.dtype, decodeElements(kind, bytes), options)
}
