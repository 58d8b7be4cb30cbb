/** Reading PyTorch's checkpoints: a pickle, and the storages that it refers to. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { TypedArray } from '../../core/dtype.ts'
import { allocate } from '../../core/dtype.ts'
import { sizeOf, stridesOf } from '../../core/shape.ts'
import type { NDArray } from '../../trace/value.ts'
import type { IoError } from '../errors.ts'
import { attempt, malformed, missing, run, unsupported } from '../errors.ts'
import type { ByteSource, Readable } from '../source.ts'
import { openDoor, openSource } from '../source.ts'
import { arrayOf, countOf, elementsOf, swapBytes, withDoors } from '../tensors.ts'
import type { ReadOptions, TensorFile, TensorInfo } from '../tensors.ts'
import { openArchive } from './archive.ts'
import type { Pickled, PickledTensor } from './pickle.ts'
import { isDict, isListValue, isTensor, PICKLE_START } from './pickle.ts'
import { openSequence } from './sequence.ts'
import type { Checkpoint, Stored } from './storage.ts'
import { storageKinds } from './storage.ts'

interface Member extends TensorInfo {
  readonly tensor: PickledTensor
  readonly stored: Stored
}

/** More than any checkpoint has, but few enough to handle. */
const MAX_LEAVES = 5_000_000
const MAX_DEPTH = 100

/** Tensors and other values, by their paths of keys, joined by dots. */
const leavesOf = (root: Pickled, source: string) => {
  const tensors = new Map<string, PickledTensor>()
  const others = new Map<string, unknown>()
  let visited = 0
  const visit = (value: Pickled, path: string, depth: number): void => {
    if (++visited > MAX_LEAVES || depth > MAX_DEPTH)
      malformed('pytorch', source, 0, 'its containers are too deep, or hold each other')
    const inner = (key: string | number): string => (path === '' ? String(key) : `${path}.${key}`)
    if (isDict(value)) for (const [key, item] of value.entries) visit(item, inner(key), depth + 1)
    else if (isListValue(value))
      value.items.forEach((item, i) => {
        visit(item, inner(i), depth + 1)
      })
    else if (tensors.has(path) || others.has(path)) malformed('pytorch', source, 0, `the name '${path}' stands twice`)
    else if (isTensor(value)) tensors.set(path, value)
    else others.set(path, value)
  }
  visit(root, '', 0)
  return { tensors, others }
}

const memberOf = (name: string, tensor: PickledTensor, { storages }: Checkpoint, source: string): Member => {
  const fault = (what: string): never => malformed('pytorch', source, 0, `tensor '${name}' ${what}`)
  const { storage, shape, strides, offset } = tensor
  const stored = storages(storage.key) ?? fault(`is in storage ${storage.key}, which is not there`)
  const kind = storageKinds[storage.type]
  if (kind === undefined) {
    return unsupported('pytorch', source, stored.offset, `tensor '${name}' has a ${storage.type}, which is not read`)
  }
  const count = countOf(shape) ?? fault(`cannot have the shape [${shape.join(', ')}]`)
  const last = count === 0 ? 0 : offset + shape.reduce((sum, n, d) => sum + (n - 1) * strides[d]!, 0) + 1
  const held = stored.bytes / kind.width
  if (!(last <= held)) fault(`goes to element ${last} of a storage of ${held}`)
  if (count > held && count > 2 ** 20) fault(`repeats the ${held} elements of its storage to ${count}`)
  const dtype = storage.type.replace(/Storage$/, '')
  return { name, dtype, shape, offset: stored.offset, bytes: count * kind.width, tensor, stored }
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
  const { dtype, width } = storageKinds[member.tensor.storage.type]!
  if (isBig) swapBytes(storage, width)
  const whole = storage.subarray(0, storage.length - (storage.length % width))
  const elements = elementsOf(dtype, whole)
  const view = member.bytes === 0 ? allocate(dtype, 0) : gather(elements, member.tensor)
  return arrayOf(member.shape, dtype, view, options)
}

/** A zip archive (PyTorch 1.6 and later), or the sequence of pickles that came before it. */
const openCheckpoint = async (input: ByteSource, size: number): Promise<Checkpoint> => {
  const first = await run(input.read(0, Math.min(1, size)))
  return first[0] === PICKLE_START ? openSequence(input, size) : openArchive(input)
}

const openPytorchDoor = openDoor('openPytorch')

/**
 * Opens a checkpoint that `torch.save` wrote, a zip archive or, before PyTorch 1.6, a sequence of pickles. Tensors are named by
 * their paths of keys, joined by dots; numbers and strings are in `metadata`. Nothing in the file is executed: only tensors,
 * containers, numbers and strings are supported, and anything else in a pickle is an error that names it.
 *
 * @example
 * ```ts
 * import { openPytorch } from 'pullback/io'
 * // torch.save({ 'epoch': 3 }), in the format before 1.6.
 * const bytes = Buffer.from('gAKKCmz8nEb5IGqoUBkugAJN6QMugAJ9LoACfVgFAAAAZXBvY2hLA3MugAJdLg==', 'base64')
 * const file = await openPytorch(bytes)()
 * file._tag === 'Right' && file.right.metadata.get('epoch') // => 3
 * // A pickle that would run a command is an error.
 * const command = Buffer.from('gAKKCmz8nEb5IGqoUBkugAJN6QMugAJ9LoACY29zCnN5c3RlbQpYAgAAAGxzhVIugAJdLg==', 'base64')
 * const evil = await openPytorch(command)()
 * evil._tag === 'Left' && evil.left._tag // => Unsupported
 * ```
 */
export const openPytorch = (from: Readable): TaskEither<IoError, TensorFile> => {
  openPytorchDoor(from)
  return attempt(async () => {
    const input = openSource(from)
    const { name: source } = input
    const checkpoint = await openCheckpoint(input, await run(input.size))
    const { tensors: views, others } = leavesOf(checkpoint.root, source)
    const tensors = new Map([...views].map(([name, view]) => [name, memberOf(name, view, checkpoint, source)]))
    const find = (name: string): Member => tensors.get(name) ?? missing(source, name, tensors.keys())
    return withDoors({
      format: 'pytorch',
      source,
      tensors,
      metadata: others,
      readBytes: (name) => attempt(() => find(name).stored.read()),
      read: (name, options = {}) =>
        attempt(async () => {
          const member = find(name)
          return decode(member, await member.stored.read(), checkpoint.isBig, options)
        }),
    })
  })
}
