/**
 * Trees as bytes. All numbers are little-endian:
 *
 *     byte 0   the signature: 89 'PBTREE' 0A
 *          8   the version, 1                        (uint32)
 *         12   H, the header's length                (uint32)
 *         16   CRC-32 of bytes 8 to 15 and the header (uint32)
 *         20   0                                     (uint32)
 *         24   the header: ASCII, padded with spaces to H, a multiple of 8
 *     24 + H   elements of arrays, in the order of the header, each array padded with zeros to a multiple of 8
 *
 * The header has a line of JSON, ended by a newline, for each node of the tree, in preorder; strings are escaped where they are
 * not ASCII. The subtrees of a node follow it. A flat list needs no recursion, however deep the tree, and errors can name the
 * position of a line.
 *
 *     "null" "undefined" "none"                        empty subtrees
 *     "some"                                           an Option, with what is in it below
 *     {"array":2}                                      with two subtrees below
 *     {"object":["a","b"]}                             keys by code unit, with a subtree for each below
 *     {"custom":"Point","children":2}                  a registered class: its aux, a tree, then its children
 *     {"dtype":"float32","shape":[2,3],"crc32":7}      an array; "weak":true if it is
 *     {"typed":"Uint8Array","length":3,"crc32":7}      a typed array
 *     {"number":0.5} {"number":"NaN"} {"bigint":"-0x1f"} {"string":"x"} {"boolean":true}
 */

export const signature = [0x89, 0x50, 0x42, 0x54, 0x52, 0x45, 0x45, 0x0a] as const
export const version = 1
/** Where the header begins. */
export const headerStart = 24

export const NEWLINE = 0x0a
export const SPACE = 0x20

/** A length with its padding. */
export const padded = (length: number): number => Math.ceil(length / 8) * 8

/** Numbers that JSON cannot represent. */
export const specialNumbers: ReadonlyMap<string, number> = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['-0', -0],
])

/** Typed arrays that may be leaves. */
type LeafTypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array

interface TypedArrayType {
  new (length: number): LeafTypedArray
  readonly BYTES_PER_ELEMENT: number
}

/** Their constructors, by name. A bundler never renames these, as they are globals. */
export const typedArrays: ReadonlyMap<string, TypedArrayType> = new Map<string, TypedArrayType>([
  ['Float32Array', Float32Array],
  ['Float64Array', Float64Array],
  ['Int8Array', Int8Array],
  ['Int16Array', Int16Array],
  ['Int32Array', Int32Array],
  ['Uint8Array', Uint8Array],
  ['Uint8ClampedArray', Uint8ClampedArray],
  ['Uint16Array', Uint16Array],
  ['Uint32Array', Uint32Array],
  ['BigInt64Array', BigInt64Array],
  ['BigUint64Array', BigUint64Array],
])

/** The memory of a typed array as bytes. */
export const bytesOf = (x: {
  readonly buffer: ArrayBufferLike
  readonly byteOffset: number
  readonly byteLength: number
}) => new Uint8Array(x.buffer, x.byteOffset, x.byteLength)
