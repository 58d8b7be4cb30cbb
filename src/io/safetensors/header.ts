/**
 * The header of safetensors (https://github.com/huggingface/safetensors#format): its length in 8 bytes, JSON with names,
 * element types, shapes and offsets, then the elements of all tensors without gaps.
 */
import { malformed } from '../errors.ts'
import { isList, isObject, readJson } from '../json.ts'
import type { JsonNode } from '../json.ts'
import { countOf } from '../tensors.ts'
import type { TensorInfo } from '../tensors.ts'
import { isSafetensorsDType, widthOf } from './dtypes.ts'
import type { SafetensorsDType } from './dtypes.ts'

export const LENGTH_BYTES = 8
/** Longer headers are refused, as in the format's own implementation. */
export const MAX_HEADER = 100_000_000

export interface SafetensorsInfo extends TensorInfo {
  readonly dtype: SafetensorsDType
}

interface Header {
  readonly tensors: ReadonlyMap<string, SafetensorsInfo>
  readonly metadata: ReadonlyMap<string, string>
}

/** The header's length, from the first 8 bytes of a source of that size. */
export const headerLength = (bytes: Uint8Array, source: string, size: number): number => {
  const length = new DataView(bytes.buffer, bytes.byteOffset, LENGTH_BYTES).getBigUint64(0, true)
  const most = Math.min(MAX_HEADER, size - LENGTH_BYTES)
  if (length <= BigInt(most)) return Number(length)
  return malformed('safetensors', source, 0, `its header would take ${length} bytes, at most ${most} are there`)
}

const fault = (source: string, at: number, what: string): never => malformed('safetensors', source, at, what)

const naturals = (node: JsonNode | undefined, source: string, what: string, at: number): readonly number[] => {
  if (node === undefined || !isList(node.value))
    return fault(source, node?.at ?? at, `${what} must be a list of numbers`)
  return node.value.map(({ value, at: place }) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
      ? value
      : fault(source, place, `${what} must be numbers from 0 to 2^53`),
  )
}

const dtypeOf = (node: JsonNode | undefined, source: string, what: string, at: number): SafetensorsDType => {
  const name = node?.value
  if (typeof name === 'string' && isSafetensorsDType(name)) return name
  return fault(source, node?.at ?? at, `the dtype of ${what} must be one that is known, not ${JSON.stringify(name)}`)
}

const show = (name: string): string => JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}...` : name)

const tensorOf = (name: string, { value, at }: JsonNode, source: string, dataStart: number): SafetensorsInfo => {
  const what = `tensor ${show(name)}`
  if (!isObject(value)) return fault(source, at, `${what} must be an object with dtype, shape and data_offsets`)
  const { members } = value
  const odd = [...members.keys()].find((key) => !['dtype', 'shape', 'data_offsets'].includes(key))
  if (odd !== undefined) fault(source, members.get(odd)!.at, `${what} has a member ${show(odd)} that is not known`)
  const dtype = dtypeOf(members.get('dtype'), source, what, at)
  const shape = naturals(members.get('shape'), source, `the shape of ${what}`, at)
  const offsets = naturals(members.get('data_offsets'), source, `the offsets of ${what}`, at)
  const [begin, end] = offsets
  if (begin === undefined || end === undefined || offsets.length !== 2 || end < begin) {
    return fault(source, members.get('data_offsets')!.at, `the offsets of ${what} must be two, in order`)
  }
  const count = countOf(shape)
  const bytes = count === null ? NaN : count * widthOf(dtype)
  if (bytes !== end - begin) {
    fault(
      source,
      at,
      `${what} is ${dtype} of shape [${shape.join(', ')}], which does not fill the bytes ${begin} to ${end}`,
    )
  }
  return { name, dtype, shape, offset: dataStart + begin, bytes: end - begin }
}

/** Tensors must follow each other from the first byte to the last: no gap, no overlap. */
const checkLayout = (tensors: readonly SafetensorsInfo[], source: string, dataStart: number, size: number): void => {
  const sorted = tensors.toSorted((a, b) => a.offset - b.offset || a.bytes - b.bytes)
  let at = dataStart
  for (const { name, offset, bytes } of sorted) {
    if (offset < at) fault(source, offset, `tensor ${show(name)} begins inside of another`)
    if (offset > at) fault(source, at, `before tensor ${show(name)} there are ${offset - at} bytes that belong to none`)
    at += bytes
  }
  if (at > size) fault(source, size, `its tensors would end at byte ${at}: the file is truncated`)
  if (at < size) fault(source, at, `after its tensors there are ${size - at} bytes more`)
}

const textsOf = (node: JsonNode, source: string): ReadonlyMap<string, string> => {
  if (!isObject(node.value)) return fault(source, node.at, '__metadata__ must be an object of texts')
  return new Map(
    [...node.value.members].map(([key, { value, at }]) => [
      key,
      typeof value === 'string' ? value : fault(source, at, `__metadata__ ${show(key)} must be a text`),
    ]),
  )
}

/** The header in the bytes that follow the length, of a source of `size` bytes. */
export const parseHeader = (bytes: Uint8Array, source: string, size: number): Header => {
  const root = readJson(bytes, 'safetensors', source, LENGTH_BYTES)
  if (!isObject(root.value)) return fault(source, root.at, 'its header must be an object')
  const dataStart = LENGTH_BYTES + bytes.length
  const { members } = root.value
  const meta = members.get('__metadata__')
  const tensors = new Map(
    [...members].flatMap(([name, node]) =>
      name === '__metadata__' ? [] : [[name, tensorOf(name, node, source, dataStart)] as const],
    ),
  )
  checkLayout([...tensors.values()], source, dataStart, size)
  return { tensors, metadata: meta === undefined ? new Map() : textsOf(meta, source) }
}
