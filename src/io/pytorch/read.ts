/** Reading PyTorch's checkpoints: zip archives of a pickle and of the storages that it refers to. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { DType, TypedArray } from '../../core/dtype.ts'
import { allocate } from '../../core/dtype.ts'
import { sizeOf, stridesOf } from '../../core/shape.ts'
import type { NDArray } from '../../trace/value.ts'
import type { IoError } from '../errors.ts'
import { attempt, malformed, missing, run, unsupported } from '../errors.ts'
import type { ByteSource, Readable } from '../source.ts'
import { openSource } from '../source.ts'
import { arrayOf, countOf, elementsOf, swapBytes } from '../tensors.ts'
import type { ReadOptions, TensorFile, TensorInfo } from '../tensors.ts'
import type { ZipArchive, ZipEntry } from '../zip/read.ts'
import { openZip } from '../zip/read.ts'
import type { Pickled, PickledTensor } from './pickle.ts'
import { isDict, isListValue, isTensor, readPickle } from './pickle.ts'

interface Kind {
  readonly width: number
  readonly dtype: DType
}

/** By storage. */
const kinds: { readonly [storage: string]: Kind | undefined } = {
  FloatStorage: { width: 4, dtype: 'float32' },
  DoubleStorage: { width: 8, dtype: 'float64' },
  HalfStorage: { width: 2, dtype: 'float16' },
  BFloat16Storage: { width: 2, dtype: 'bfloat16' },
  LongStorage: { width: 8, dtype: 'int64' },
  IntStorage: { width: 4, dtype: 'int32' },
  ShortStorage: { width: 2, dtype: 'int32' },
  CharStorage: { width: 1, dtype: 'int8' },
  ByteStorage: { width: 1, dtype: 'uint8' },
  BoolStorage: { width: 1, dtype: 'bool' },
}

interface Member extends TensorInfo {
  readonly tensor: PickledTensor
  readonly entry: ZipEntry
}

/** More than any checkpoint has, and few enough to count. */
const MAX_LEAVES = 5_000_000
const MAX_DEPTH = 100

/** Tensors, and what else there is, by the keys that lead to them, joined by dots. */
const leavesOf = (root: Pickled, source: string) => {
  const tensors = new Map<string, PickledTensor>()
  const others = new Map<string, unknown>()
  let visited = 0
  const visit = (value: Pickled, path: string, depth: number): void => {
    if (++visited > MAX_LEAVES || depth > MAX_DEPTH)
      malformed('pytorch', source, 0, 'its containers are too deep, or hold each other')
    const inner = (key: string | number): string => (path === '' ? String(key) : `${path}.${key}`)
    if (isDict(value)) for (const [key, item] of value.entries) visit(item, inner(key), depth + 1)
    else if (isListValue(value)) value.items.forEach((item, i) => visit(item, inner(i), depth + 1))
    else if (tensors.has(path) || others.has(path)) malformed('pytorch', source, 0, `the name '${path}' stands twice`)
    else if (isTensor(value)) tensors.set(path, value)
    else others.set(path, value)
  }
  visit(root, '', 0)
  return { tensors, others }
}

const memberOf = (name: string, tensor: PickledTensor, prefix: string, archive: ZipArchive, source: string): Member => {
  const fault = (what: string): never => malformed('pytorch', source, 0, `tensor '${name}' ${what}`)
  const { storage, shape, strides, offset } = tensor
  const entry =
    archive.entries.get(`${prefix}data/${storage.key}`) ?? fault(`is in storage ${storage.key}, which is not there`)
  const kind = kinds[storage.type]
  if (kind === undefined)
    return unsupported('pytorch', source, entry.header, `tensor '${name}' has a ${storage.type}, which is not read`)
  const count = countOf(shape) ?? fault(`cannot have the shape [${shape.join(', ')}]`)
  const last = count === 0 ? offset : offset + shape.reduce((sum, n, d) => sum + (n - 1) * strides[d]!, 0) + 1
  const held = entry.size / kind.width
  if (!(last <= held)) fault(`goes to element ${last} of a storage of ${held}`)
  if (count > held && count > 2 ** 20) fault(`repeats the ${held} elements of its storage to ${count}`)
  const dtype = storage.type.replace(/Storage$/, '')
  return { name, dtype, shape, offset: entry.header, bytes: count * kind.width, tensor, entry }
}

/** Elements of a view in row-major order. */
const gather = (elements: TypedArray, { shape, strides, offset }: PickledTensor): TypedArray => {
  const count = sizeOf(shape)
  const rowMajor = stridesOf(shape)
  if (shape.every((n, d) => n === 1 || strides[d] === rowMajor[d])) return elements.slice(offset, offset + count)
  const out = new (elements.constructor as new (length: number) => TypedArray)(count)
  const places = new Array<number>(shape.length).fill(0)
  let from = offset
  for (let i = 0; i < count; i++) {
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

const decode = (member: Member, storage: Uint8Array, isBig: boolean, options: ReadOptions): NDArray => {
  const { dtype, width } = kinds[member.tensor.storage.type]!
  if (isBig) swapBytes(storage, width)
  const whole = storage.subarray(0, storage.length - (storage.length % width))
  const elements =
    member.tensor.storage.type === 'ShortStorage'
      ? Int32Array.from(new Int16Array(whole.slice().buffer))
      : elementsOf(dtype, whole)
  const view = member.bytes === 0 ? allocate(dtype, 0) : gather(elements, member.tensor)
  return arrayOf(member.shape, dtype, view, options)
}

const PICKLE = 'data.pkl'
const MAX_PICKLE = 2 ** 29

const findPickle = (archive: ZipArchive, source: string): ZipEntry => {
  const found = [...archive.entries.values()].filter((e) => e.name === PICKLE || e.name.endsWith(`/${PICKLE}`))
  const [entry] = found
  if (entry === undefined || found.length > 1)
    return malformed('pytorch', source, 0, `there must be one ${PICKLE} in it`)
  if (entry.size > MAX_PICKLE) malformed('pytorch', source, entry.header, `its pickle would take ${entry.size} bytes`)
  return entry
}

const checkNotLegacy = async (input: ByteSource, size: number): Promise<void> => {
  const first = await run(input.read(0, Math.min(2, size)))
  if (first[0] === 0x80) {
    unsupported(
      'pytorch',
      input.name,
      0,
      'a checkpoint as PyTorch wrote them before 1.6, not a zip archive; save it again',
    )
  }
}

/**
 * Opens a checkpoint that `torch.save` wrote (PyTorch 1.6 or later). Tensors have the keys that lead to them, joined by dots;
 * numbers and texts beside them are in `metadata`. Nothing in the file is executed: only tensors, containers, numbers and texts
 * are known, and whatever else a pickle asks for is an error that names it.
 */
export const openPytorch = (from: Readable): TaskEither<IoError, TensorFile> =>
  attempt(async () => {
    const input = openSource(from)
    const { name: source } = input
    await checkNotLegacy(input, await run(input.size))
    const archive = await openZip(input)
    const pickle = findPickle(archive, source)
    const prefix = pickle.name.slice(0, -PICKLE.length)
    const { tensors: views, others } = leavesOf(readPickle(await archive.read(pickle.name), source), source)
    const tensors = new Map([...views].map(([name, view]) => [name, memberOf(name, view, prefix, archive, source)]))
    const order = archive.entries.has(`${prefix}byteorder`)
      ? await archive.read(`${prefix}byteorder`)
      : new Uint8Array(0)
    const isBig = String.fromCharCode(...order.subarray(0, 3)) === 'big'
    const storageOf = async (name: string) => {
      const member = tensors.get(name) ?? missing(source, name, tensors.keys())
      return { member, bytes: await archive.read(member.entry.name) }
    }
    return {
      format: 'pytorch',
      source,
      tensors,
      metadata: others,
      readBytes: (name) => attempt(async () => (await storageOf(name)).bytes),
      read: (name, options = {}) =>
        attempt(async () => {
          const { member, bytes } = await storageOf(name)
          return decode(member, bytes, isBig, options)
        }),
    }
  })
