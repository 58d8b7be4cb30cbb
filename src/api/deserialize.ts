/**
 * Reads bytes back as a tree. The bytes are not trusted: the header is read line by line, and every number in it is compared
 * with the bytes that are there before anything is allocated.
 */
import * as must from '../conversions/arguments.ts'
import type { Either } from 'fp-ts/lib/Either.js'
import { Aval } from '../core/aval.ts'
import { crc32 } from '../core/crc32.ts'
import { allocate, bitsOf, isDType } from '../core/dtype.ts'
import { ArgumentError } from '../core/errors.ts'
import type { Registration } from '../core/registration.ts'
import { flatten, flattenUpTo, leafPaths, makeObject } from '../core/tree.ts'
import { keystr } from '../core/path.ts'
import { NDArray, fromHost } from '../trace/value.ts'
import type { SerializeOptions } from './serialize.ts'
import { registrationsOf, serializeOptions } from './serialize.ts'
import {
  NEWLINE,
  SPACE,
  bytesOf,
  headerStart,
  padded,
  signature,
  specialNumbers,
  typedArrays,
  version,
} from './treeFormat.ts'

/** Why bytes are not a valid tree, and at which byte. */
export interface SerializationError {
  /**
   * - `NotATree`: they do not begin with the signature of the format.
   * - `UnsupportedVersion`: a later version of this library wrote them.
   * - `Truncated`: they end too early.
   * - `Damaged`: a checksum, or a field with a fixed value, is wrong.
   * - `Malformed`: the checksums are right, but this library cannot have written it.
   * - `UnknownType`: they hold an instance of a class that `types` does not name.
   * - `Rejected`: a class could not be constructed from its data.
   * - `Mismatch`: a tree, but not like `like`.
   */
  readonly _tag:
    'NotATree' | 'UnsupportedVersion' | 'Truncated' | 'Damaged' | 'Malformed' | 'UnknownType' | 'Rejected' | 'Mismatch'
  readonly message: string
  /** Counted from 0. */
  readonly byte: number
}

/** Options of `tree.deserialize`. */
export interface DeserializeOptions<T> extends SerializeOptions {
  /**
   * A tree of the same structure, with arrays of the same shapes and dtypes, and leaves of the same types. The result has its
   * type.
   */
  readonly like?: T
}

class Stop extends Error {
  readonly reason: SerializationError
  constructor(reason: SerializationError) {
    super(reason.message)
    this.reason = reason
  }
}

const stop = (_tag: SerializationError['_tag'], byte: number, message: string): never => {
  throw new Stop({ _tag, byte, message: `tree.deserialize: ${message} (byte ${byte}).` })
}

/** A node as read: its number of subtrees, and how it is built from them. */
interface ReadNode {
  readonly byte: number
  readonly arity: number
  readonly make: (children: readonly unknown[]) => unknown
}

type Fields = Readonly<Record<string, unknown>>

const constant =
  (value: () => unknown) =>
  (byte: number): ReadNode => ({ byte, arity: 0, make: value })

const words: ReadonlyMap<unknown, (byte: number) => ReadNode> = new Map([
  ['null', constant(() => null)],
  ['undefined', constant(() => undefined)],
  ['none', constant(() => ({ _tag: 'None' }))],
  ['some', (byte) => ({ byte, arity: 1, make: ([value]) => ({ _tag: 'Some', value }) })],
])

const isCount = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0

const isShape = (x: unknown): x is readonly number[] => Array.isArray(x) && x.every(isCount)

/** Strings in strictly ascending order of code units, so no key occurs twice. */
const areKeys = (x: unknown): x is readonly string[] =>
  Array.isArray(x) && x.every((key, i) => typeof key === 'string' && (i === 0 || (x[i - 1] as string) < key))

/** Number of elements; null where the product of the extents, a 0 left out, is too large to be exact. */
const countOf = (shape: readonly number[]): number | null => {
  let count = 1
  for (const extent of shape) if (extent !== 0) count *= extent
  if (!Number.isSafeInteger(count)) return null
  return shape.includes(0) ? 0 : count
}

/** The bytes after the header, taken in order. */
class Payload {
  readonly #bytes: Uint8Array
  #place: number

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes
    this.#place = start
  }

  /** Copies the next bytes into an array of their own and checks their checksum; zeros pad them to a multiple of 8. */
  take<T extends { readonly buffer: ArrayBufferLike; readonly byteOffset: number; readonly byteLength: number }>(
    length: number,
    make: () => T,
    checksum: number,
    what: string,
  ): T {
    const at = this.#place
    const end = at + padded(length)
    if (end > this.#bytes.length) {
      return stop(
        'Truncated',
        this.#bytes.length,
        `${what} has ${length} bytes from byte ${at} on, and not all are there`,
      )
    }
    const out = make()
    const copy = bytesOf(out)
    copy.set(this.#bytes.subarray(at, at + length))
    if (crc32(copy) !== checksum) stop('Damaged', at, `the checksum of ${what} is not that of its elements`)
    for (let i = at + length; i < end; i++) if (this.#bytes[i] !== 0) stop('Damaged', i, `what pads ${what} is not 0`)
    this.#place = end
    return out
  }

  end(): void {
    const rest = this.#bytes.length - this.#place
    if (rest > 0) stop('Malformed', this.#place, `${rest} bytes follow the last array`)
  }
}

/** Reads the lines of a header into nodes. */
class NodeReader {
  readonly #payload: Payload
  readonly #types: ReadonlyMap<string, Registration>

  constructor(payload: Payload, types: ReadonlyMap<string, Registration>) {
    this.#payload = payload
    this.#types = types
  }

  read(line: Uint8Array, byte: number): ReadNode {
    const json = this.#parse(byte, () => JSON.parse(asciiOf(line)) as unknown)
    const word = words.get(json)
    if (word !== undefined) return word(byte)
    if (typeof json !== 'object' || json === null) return this.#malformed(byte)
    const fields = json as Fields
    const [kind] = Object.keys(fields)
    const value = kind === undefined ? undefined : fields[kind]
    switch (kind) {
      case 'array':
        return isCount(value) ? { byte, arity: value, make: (children) => children } : this.#malformed(byte)
      case 'object':
        if (!areKeys(value)) return this.#malformed(byte)
        return { byte, arity: value.length, make: (children) => makeObject(value, children) }
      case 'custom':
        return this.#custom(value, fields['children'], byte)
      default: {
        const leaf = this.#leaf(kind, value, fields, byte)
        return { byte, arity: 0, make: () => leaf }
      }
    }
  }

  /** A value beyond the limits of its type, in length or in size, is malformed. */
  #parse<T>(byte: number, read: () => T): T {
    try {
      return read()
    } catch {
      return this.#malformed(byte)
    }
  }

  #malformed(byte: number): never {
    return stop('Malformed', byte, 'a line of the header is not a node of a tree')
  }

  #custom(name: unknown, children: unknown, byte: number): ReadNode {
    if (typeof name !== 'string' || !isCount(children)) return this.#malformed(byte)
    const type = this.#types.get(name)
    if (type === undefined) {
      return stop(
        'UnknownType',
        byte,
        `there is an instance of ${JSON.stringify(name)}, which the option types does not name`,
      )
    }
    const make = ([aux, ...rest]: readonly unknown[]): unknown => {
      try {
        return type.unflatten(aux, rest)
      } catch (error) {
        return stop(
          'Rejected',
          byte,
          `${name} could not be made: ${error instanceof Error ? error.message : String(error)}`,
        )
      }
    }
    return { byte, arity: children + 1, make }
  }

  #leaf(kind: string | undefined, value: unknown, fields: Fields, byte: number): unknown {
    switch (kind) {
      case 'dtype':
        return this.#array(fields, byte)
      case 'typed':
        return this.#typedArray(fields, byte)
      case 'number':
        if (typeof value === 'number' && Number.isFinite(value)) return value
        return specialNumbers.get(value as string) ?? this.#malformed(byte)
      case 'string':
        return typeof value === 'string' ? value : this.#malformed(byte)
      case 'boolean':
        return typeof value === 'boolean' ? value : this.#malformed(byte)
      case 'bigint': {
        // Hexadecimal digits are parsed in linear time, decimal ones are not.
        if (typeof value !== 'string' || !/^-?0x[0-9a-f]+$/.test(value)) return this.#malformed(byte)
        const size = this.#parse(byte, () => BigInt(value.replace('-', '')))
        return value.startsWith('-') ? -size : size
      }
      default:
        return this.#malformed(byte)
    }
  }

  #array({ dtype, shape, weak = false, crc32: checksum }: Fields, byte: number): NDArray {
    if (typeof dtype !== 'string' || !isDType(dtype) || !isShape(shape)) return this.#malformed(byte)
    const count = countOf(shape)
    if (count === null || typeof weak !== 'boolean' || typeof checksum !== 'number') return this.#malformed(byte)
    const what = `an array of ${dtype}`
    const data = this.#payload.take((count * bitsOf(dtype)) / 8, () => allocate(dtype, count), checksum, what)
    if (dtype === 'bool' && data.some((v: number | bigint) => v > 1)) {
      stop('Malformed', byte, 'an array of bool has elements other than 0 and 1')
    }
    return fromHost(new Aval(dtype, shape, weak), data)
  }

  #typedArray({ typed, length, crc32: checksum }: Fields, byte: number): unknown {
    const type = typedArrays.get(typed as string)
    if (type === undefined || !isCount(length) || typeof checksum !== 'number') return this.#malformed(byte)
    const bytes = length * type.BYTES_PER_ELEMENT
    if (!Number.isSafeInteger(bytes)) return this.#malformed(byte)
    return this.#payload.take(bytes, () => new type(length), checksum, `a ${typed as string}`)
  }
}

/** The header, once its checksum is right. */
const headerOf = (bytes: Uint8Array): Uint8Array => {
  const start = bytes.subarray(0, signature.length)
  const other = signature.findIndex((byte, i) => i < start.length && start[i] !== byte)
  if (other >= 0) stop('NotATree', other, 'these bytes were not written by tree.serialize')
  if (bytes.length < headerStart) stop('Truncated', bytes.length, 'there are fewer bytes than in any tree')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const written = view.getUint32(8, true)
  if (written !== version) stop('UnsupportedVersion', 8, `the format's version is ${written}, known is ${version}`)
  const length = view.getUint32(12, true)
  const end = headerStart + length
  if (length % 8 !== 0 || view.getUint32(20, true) !== 0) stop('Damaged', 12, 'the lengths before the header are none')
  if (end > bytes.length) stop('Truncated', bytes.length, `the header has ${length} bytes, and not all are there`)
  const header = bytes.subarray(headerStart, end)
  const checksum = crc32(header, crc32(bytes.subarray(8, 16)))
  if (checksum !== view.getUint32(16, true)) stop('Damaged', 16, 'the checksum of the header is not that of its bytes')
  const foreign = header.findIndex((byte) => byte > 0x7e)
  if (foreign >= 0) stop('Malformed', headerStart + foreign, 'the header is not ASCII')
  return header
}

/** In pieces: the number of arguments of a function is limited. */
const asciiOf = (bytes: Uint8Array): string => {
  const pieces: string[] = []
  for (let i = 0; i < bytes.length; i += 8192) pieces.push(String.fromCharCode(...bytes.subarray(i, i + 8192)))
  return pieces.join('')
}

/** Nodes in preorder, one line each. */
const readNodes = (header: Uint8Array, reader: NodeReader): readonly ReadNode[] => {
  const nodes: ReadNode[] = []
  let [wanted, place] = [1, 0]
  while (wanted > 0) {
    const byte = headerStart + place
    const end = header.indexOf(NEWLINE, place)
    if (end < 0) return stop('Malformed', byte, 'nodes of the tree are missing')
    const node = reader.read(header.subarray(place, end), byte)
    nodes.push(node)
    wanted += node.arity - 1
    place = end + 1
  }
  const more = header.findIndex((byte, i) => i >= place && byte !== SPACE)
  if (more >= 0) stop('Malformed', headerStart + more, 'something follows the last node of the tree')
  return nodes
}

/** The tree of nodes in preorder, from its leaves up. */
const build = (nodes: readonly ReadNode[]): unknown => {
  const stack: unknown[] = []
  for (let i = nodes.length - 1; i >= 0; i--) {
    const { arity, make } = nodes[i]!
    const children: unknown[] = []
    for (let k = 0; k < arity; k++) children.push(stack.pop())
    stack.push(make(children))
  }
  return stack[0]
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : 'what was thrown is not an error'

const describe = (x: unknown): string => (x instanceof NDArray ? String(x.aval) : `a ${typeof x}`)

const alike = (x: unknown, y: unknown): boolean => {
  if (x instanceof NDArray || y instanceof NDArray)
    return x instanceof NDArray && y instanceof NDArray && x.aval.matches(y.aval)
  if (typeof x !== 'object' || x === null || typeof y !== 'object' || y === null) return typeof x === typeof y
  return x.constructor === y.constructor
}

/** The first difference between a tree and `like`; null if there is none. */
const differenceFrom = (like: unknown, tree: unknown): string | null => {
  try {
    const wanted = flatten(like)
    const got = flatten(tree)
    if (!got.treedef.equals(wanted.treedef)) {
      flattenUpTo('like', wanted.treedef, tree)
      return 'the structure is not that of like'
    }
    const other = wanted.leaves.findIndex((leaf, i) => !alike(leaf, got.leaves[i]))
    if (other < 0) return null
    const path = keystr(leafPaths(wanted.treedef)[other]!)
    return `the tree${path} is ${describe(got.leaves[other])}, and ${describe(wanted.leaves[other])} in like`
  } catch (error) {
    return messageOf(error)
  }
}

/** Of any realm. */
const isBuffer = (x: unknown): x is ArrayBuffer =>
  x instanceof ArrayBuffer || Object.prototype.toString.call(x) === '[object ArrayBuffer]'

const asBytes = (x: unknown): Uint8Array => {
  if (ArrayBuffer.isView(x)) return bytesOf(x)
  if (isBuffer(x)) return new Uint8Array(x)
  throw new ArgumentError(
    `tree.deserialize: takes the bytes that tree.serialize gave, as a Uint8Array or an ArrayBuffer, got ${x === null ? 'null' : typeof x}.`,
  )
}

const deserializeOptions: must.OptionTable<DeserializeOptions<unknown>> = { ...serializeOptions, like: must.anything }
const deserializeDoor = must.door('tree.deserialize', {
  bytes: must.anything,
  options: must.optionsOf(deserializeOptions),
})

/**
 * The tree from which `tree.serialize` made these bytes. Bytes may come from anywhere: invalid ones are a `Left` that says why,
 * and at which byte. They never make it throw, and no more is allocated than their length justifies.
 *
 * @param options - `like`: a tree that the result must be like, which also determines its type; `types`: registered classes by
 *   the names under which they were written. An instance is made by its class's own `unflatten`, from data that has not been
 *   validated.
 * @throws ArgumentError for what is neither a Uint8Array nor an ArrayBuffer.
 * @example
 * ```ts
 * import { np, tree } from 'pullback'
 * const params = { w: np.array([1, 2]), b: np.array(3) }
 * const read = tree.deserialize(tree.serialize(params), { like: params })
 * const w = read._tag === 'Right' ? read.right.w : null
 * w // => [1. 2.]
 * const other = tree.deserialize(Uint8Array.of(1, 2, 3))
 * other._tag === 'Left' && other.left._tag // => NotATree
 * ```
 */
export function deserialize(
  bytes: Uint8Array | ArrayBuffer,
  options?: SerializeOptions & { readonly like?: undefined },
): Either<SerializationError, unknown>
export function deserialize<T>(
  bytes: Uint8Array | ArrayBuffer,
  options: DeserializeOptions<T> & { readonly like: T },
): Either<SerializationError, T>
export function deserialize(
  bytes: Uint8Array | ArrayBuffer,
  options: DeserializeOptions<unknown> = {},
): Either<SerializationError, unknown> {
  deserializeDoor(bytes, options)
  const types = registrationsOf('tree.deserialize', options.types)
  const given = asBytes(bytes)
  try {
    const header = headerOf(given)
    const payload = new Payload(given, headerStart + header.length)
    const nodes = readNodes(header, new NodeReader(payload, types))
    payload.end()
    const tree = build(nodes)
    const difference = options.like === undefined ? null : differenceFrom(options.like, tree)
    if (difference !== null) stop('Mismatch', headerStart, difference)
    return { _tag: 'Right', right: tree }
  } catch (error) {
    if (error instanceof Stop) return { _tag: 'Left', left: error.reason }
    throw error
  }
}
