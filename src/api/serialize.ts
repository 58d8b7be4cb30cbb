/** A tree of arrays as bytes: for files, databases and other threads. The format is in `treeFormat.ts`. */
import { crc32 } from '../core/crc32.ts'
import { ArgumentError, TreeError } from '../core/errors.ts'
import type { PytreeClass, Registration } from '../core/registration.ts'
import { flatten, leafPaths } from '../core/tree.ts'
import { keystr } from '../core/path.ts'
import { registrationOf } from '../core/registration.ts'
import * as must from '../conversions/arguments.ts'
import { NDArray, toHost } from '../trace/value.ts'
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

/** Bytes with their own buffer, which `postMessage` may transfer. */
export type TreeBytes = Uint8Array & { readonly buffer: ArrayBuffer }

/** Options of `tree.serialize`. */
export interface SerializeOptions {
  /**
   * Registered classes whose instances the tree may contain, by names of your choice: the reader passes the same names. The
   * classes' own names would not survive a minifier.
   */
  readonly types?: { readonly [name: string]: PytreeClass }
}

/** The classes of a table of types, checked. */
export const registrationsOf = (
  operation: string,
  types: SerializeOptions['types'] = {},
): ReadonlyMap<string, Registration> =>
  new Map(
    Object.entries(types).map(([name, type]) => {
      const registration = registrationOf(type)
      if (registration !== undefined) return [name, registration] as const
      throw new ArgumentError(
        `${operation}: the type '${name}' is not a registered class: see tree.registerPytreeNode.`,
      )
    }),
  )

/** The lines of the header, and the arrays that follow it. */
interface Written {
  readonly lines: string[]
  readonly payload: Uint8Array[]
}

/** JSON in ASCII. JSON.stringify already escapes control characters and lone surrogates. */
const line = (node: unknown): string =>
  JSON.stringify(node).replace(/[\x7f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)

const special = new Map([...specialNumbers].map(([text, value]) => [value, text]))

const numberJson = (x: number): number | string => (Object.is(x, -0) ? '-0' : Number.isFinite(x) ? x : special.get(x)!)

const withBytes = (out: Written, description: object, bytes: Uint8Array): object => {
  out.payload.push(bytes)
  return { ...description, crc32: crc32(bytes) }
}

const describeLeaf = (out: Written, leaf: unknown): object | null => {
  if (leaf instanceof NDArray) {
    const { aval, data } = toHost(leaf, 'tree.serialize')
    const { dtype, shape, weak } = aval
    return withBytes(out, { dtype, shape, ...(weak ? { weak } : {}) }, bytesOf(data))
  }
  if (typeof leaf === 'number') return { number: numberJson(leaf) }
  if (typeof leaf === 'string') return { string: leaf }
  if (typeof leaf === 'boolean') return { boolean: leaf }
  if (typeof leaf === 'bigint') return { bigint: `${leaf < 0n ? '-' : ''}0x${(leaf < 0n ? -leaf : leaf).toString(16)}` }
  for (const [typed, type] of typedArrays) {
    // A subclass, such as Node's Buffer, would be read back as another class.
    if (!(leaf instanceof type) || leaf.constructor !== type) continue
    return withBytes(out, { typed, length: leaf.length }, bytesOf(leaf))
  }
  return null
}

const nameOf = (x: unknown): string => {
  if (typeof x !== 'object' || x === null) return `a ${typeof x}`
  const type: unknown = x.constructor
  return `an instance of ${typeof type === 'function' && type.name !== '' ? type.name : 'a class without a name'}`
}

/** Writes a tree, node by node; the auxiliary data of a class instance come between it and its children. */
const write = (out: Written, what: string, tree: unknown, names: ReadonlyMap<unknown, string>): void => {
  const { leaves, treedef } = flatten(tree)
  let next = 0
  for (const node of treedef.nodes) {
    if (node.kind === 'leaf') {
      const described = describeLeaf(out, leaves[next])
      if (described === null) {
        const path = keystr(leafPaths(treedef)[next]!)
        throw new TreeError(
          `tree.serialize: ${what}${path} is ${nameOf(leaves[next])}; leaves are arrays, typed arrays, numbers, ` +
            'bigints, strings and booleans. Take it out with tree.partition, or register its class.',
        )
      }
      next++
      out.lines.push(line(described))
    } else if (node.kind === 'array') out.lines.push(line({ array: node.arity }))
    else if (node.kind === 'object') out.lines.push(line({ object: node.keys }))
    else if (node.kind === 'custom') {
      const name = names.get(node.type)
      if (name === undefined) {
        throw new TreeError(
          `tree.serialize: the tree has an instance of ${node.type.name}. Name its class: { types: { ${node.type.name} } }.`,
        )
      }
      out.lines.push(line({ custom: name, children: node.keys.length }))
      write(out, `the aux of ${name}`, node.aux, names)
    } else out.lines.push(line(node.kind))
  }
}

/** The options of `serialize` and `deserialize`. */
export const serializeOptions: must.OptionTable<SerializeOptions> = {
  types: must.recordOf(must.func, 'an object of classes by names'),
}
const serializeDoor = must.door('tree.serialize', { tree: must.anything, options: must.optionsOf(serializeOptions) })

/**
 * A tree as bytes, for `tree.deserialize`: its structure, arrays of any dtype bit for bit, and typed arrays, numbers, bigints,
 * strings and booleans among its leaves. Checksums find accidental damage.
 *
 * @returns bytes with their own buffer: write them to a file, or post them, `port.postMessage(bytes, [bytes.buffer])`.
 * @throws TreeError for a leaf that cannot be written, naming its path, or an instance of a class that `types` does not name;
 *   TracerError for arrays that are being traced.
 * @example
 * ```ts
 * import { np, tree } from 'pullback'
 * const bytes = tree.serialize({ w: np.array([1, 2]), step: 7, note: null })
 * const read = tree.deserialize(bytes)
 * read._tag // => Right
 * ```
 */
export const serialize = (tree: unknown, options: SerializeOptions = {}): TreeBytes => {
  serializeDoor(tree, options)
  const types = registrationsOf('tree.serialize', options.types)
  const out: Written = { lines: [], payload: [] }
  write(out, 'the tree', tree, new Map([...types].map(([name, type]) => [type, name])))
  return assemble(out)
}

const assemble = ({ lines, payload }: Written): TreeBytes => {
  const headerLength = padded(lines.reduce((n, text) => n + text.length + 1, 0))
  const afterHeader = headerStart + headerLength
  const out = new Uint8Array(payload.reduce((n, bytes) => n + padded(bytes.length), afterHeader))
  const view = new DataView(out.buffer)
  out.set(signature)
  view.setUint32(8, version, true)
  view.setUint32(12, headerLength, true)
  let place = headerStart
  for (const text of lines) {
    for (let i = 0; i < text.length; i++) out[place++] = text.charCodeAt(i)
    out[place++] = NEWLINE
  }
  out.fill(SPACE, place, afterHeader)
  view.setUint32(16, crc32(out.subarray(headerStart, afterHeader), crc32(out.subarray(8, 16))), true)
  place = afterHeader
  for (const bytes of payload) {
    out.set(bytes, place)
    place += padded(bytes.length)
  }
  return out
}
