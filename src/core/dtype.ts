import { DTypeError, OutOfMemoryError } from './errors.ts'
import { show } from './show.ts'

/**
 * Element types. All support arithmetic. Those of fewer than 32 bits compute in the dtype that `widened` names: 16-bit floats
 * in float32, small integers in 32 bits.
 */
export type DType = NarrowDType | WordDType | LongDType

/** Elements of 32 or 64 bits that are JS numbers, and bools. */
export type WordDType = 'float32' | 'float64' | 'int32' | 'uint32' | 'bool'

/** Elements that are widened before anything is computed with them. */
export type NarrowDType = 'float16' | 'bfloat16' | 'int8' | 'uint8' | 'int16' | 'uint16'

export type FloatDType = 'float16' | 'bfloat16' | 'float32' | 'float64'

/** Elements that are bigints. */
export type LongDType = 'int64' | 'uint64'

/** Elements that are computed with as they are. */
export type WideDType = WordDType | LongDType

type Kind = 'bool' | 'unsigned' | 'signed' | 'float'

/** The storage of an array's elements: bool as bytes 0 and 1, 16-bit floats as their bits. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | Uint8Array
  | Uint16Array
  | Int8Array
  | Int16Array
  | BigInt64Array
  | BigUint64Array

interface TypedArrayConstructor {
  readonly BYTES_PER_ELEMENT: number
  new (length: number): TypedArray
}

interface DTypeFacts {
  readonly kind: Kind
  readonly bits: number
  readonly array: TypedArrayConstructor
  /** Short name in printed programs, as JAX prints it. */
  readonly short: string
}

const facts: { readonly [D in DType]: DTypeFacts } = {
  bool: { kind: 'bool', bits: 8, array: Uint8Array, short: 'bool' },
  uint8: { kind: 'unsigned', bits: 8, array: Uint8Array, short: 'u8' },
  int8: { kind: 'signed', bits: 8, array: Int8Array, short: 'i8' },
  uint16: { kind: 'unsigned', bits: 16, array: Uint16Array, short: 'u16' },
  int16: { kind: 'signed', bits: 16, array: Int16Array, short: 'i16' },
  uint32: { kind: 'unsigned', bits: 32, array: Uint32Array, short: 'u32' },
  int32: { kind: 'signed', bits: 32, array: Int32Array, short: 'i32' },
  uint64: { kind: 'unsigned', bits: 64, array: BigUint64Array, short: 'u64' },
  int64: { kind: 'signed', bits: 64, array: BigInt64Array, short: 'i64' },
  float16: { kind: 'float', bits: 16, array: Uint16Array, short: 'f16' },
  bfloat16: { kind: 'float', bits: 16, array: Uint16Array, short: 'bf16' },
  float32: { kind: 'float', bits: 32, array: Float32Array, short: 'f32' },
  float64: { kind: 'float', bits: 64, array: Float64Array, short: 'f64' },
}

const wide: { readonly [D in DType]?: WordDType } & { readonly [D in NarrowDType]: WordDType } = {
  float16: 'float32',
  bfloat16: 'float32',
  int8: 'int32',
  uint8: 'uint32',
  int16: 'int32',
  uint16: 'uint32',
}

export const dtypes = Object.keys(facts) as readonly DType[]

export const isDType = (name: unknown): name is DType => typeof name === 'string' && Object.hasOwn(facts, name)

export const kindOf = (dtype: DType): Kind => facts[dtype].kind
export const bitsOf = (dtype: DType): number => facts[dtype].bits
export const shortName = (dtype: DType): string => facts[dtype].short
export const isFloat = (dtype: DType): dtype is FloatDType => facts[dtype].kind === 'float'
export const isInteger = (dtype: DType): boolean => facts[dtype].kind === 'signed' || facts[dtype].kind === 'unsigned'

/** Whether elements are widened before anything is computed with them. */
export const isNarrow = (dtype: DType): dtype is NarrowDType => wide[dtype] !== undefined
/** Whether elements are bigints. */
export const isLong = (dtype: DType): dtype is LongDType => dtype === 'int64' || dtype === 'uint64'
/** Whether elements are 16-bit floats, stored as their bits. */
export const isHalf = (dtype: DType): dtype is 'float16' | 'bfloat16' => dtype === 'float16' || dtype === 'bfloat16'
/** The dtype that elements are computed with in; of most dtypes, itself. */
export const widened = (dtype: DType): DType => wide[dtype] ?? dtype

const mantissaBits: { readonly [D in DType]?: number } = { float16: 10, bfloat16: 7, float32: 23, float64: 52 }

/** The distance from 1 to the next number of a dtype. */
export const epsilonOf = (dtype: DType): number => 2 ** -(mantissaBits[dtype] ?? 0)

/** The lowest and the highest number of an integer dtype; exact except for 64 bits. */
export const integerLimits = (dtype: DType): readonly [low: number, high: number] => {
  const { kind, bits } = facts[dtype]
  return kind === 'signed' ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1]
}

/** The same as bigints. */
export const longLimits = (dtype: DType): readonly [low: bigint, high: bigint] => {
  const { kind, bits } = facts[dtype]
  const count = 1n << BigInt(bits)
  return kind === 'signed' ? [-count / 2n, count / 2n - 1n] : [0n, count - 1n]
}

/** The lowest and the highest value of a dtype. */
export const limitsOf = (dtype: DType): readonly [low: number | bigint, high: number | bigint] => {
  if (isFloat(dtype)) return [-Infinity, Infinity]
  if (dtype === 'bool') return [0, 1]
  return (isLong(dtype) ? longLimits : integerLimits)(dtype)
}

/** The most bytes of one array: half of the address space of a device, so that there is room for a result. */
const MOST_BYTES = 2 ** 31

/** Throws if an array cannot have so many elements. */
export const checkSize = (operation: string, dtype: DType, length: number): void => {
  const bytes = length * facts[dtype].array.BYTES_PER_ELEMENT
  if (bytes <= MOST_BYTES) return
  throw new OutOfMemoryError(
    `${operation}: ${length} elements of ${dtype} are ${bytes} bytes; an array has ${MOST_BYTES} at most. ` +
      'Work on smaller pieces.',
  )
}

/** A typed array for `length` elements of `dtype`. */
export const allocate = (dtype: DType, length: number): TypedArray => {
  checkSize('np.array', dtype, length)
  return new facts[dtype].array(length)
}

/** Whether this is the storage of `length` elements of that dtype. */
export const isStorageOf = (dtype: DType, length: number, data: TypedArray): boolean =>
  data.length === length && data.constructor === facts[dtype].array

const byShortName = new Map(dtypes.map((d) => [facts[d].short, d]))
export const fromShortName = (short: string): DType | undefined => byShortName.get(short)

export interface Weakly {
  readonly dtype: DType
  readonly weak: boolean
}

// JAX's type promotion lattice (https://docs.jax.dev/en/latest/type_promotion.html), as immediate upper neighbours.
// 'i*' and 'f*' are the weak integers and floats.
type Node = DType | 'i*' | 'f*'
// In JAX's default setting, without 64 bits, a uint32 with a signed integer is an int32. So it is here, and likewise a uint64
// with a signed integer is an int64.
const above: { readonly [N in Node]: readonly Node[] } = {
  bool: ['i*'],
  'i*': ['uint8', 'int8'],
  uint8: ['uint16', 'int16'],
  int8: ['int16'],
  uint16: ['uint32', 'int32'],
  int16: ['int32'],
  uint32: ['uint64', 'int32'],
  int32: ['int64'],
  uint64: ['int64'],
  int64: ['f*'],
  'f*': ['float16', 'bfloat16'],
  float16: ['float32'],
  bfloat16: ['float32'],
  float32: ['float64'],
  float64: [],
}

const upperBounds = new Map<Node, ReadonlySet<Node>>()
const reach = (n: Node): ReadonlySet<Node> => {
  const known = upperBounds.get(n)
  if (known !== undefined) return known
  const set = new Set<Node>([n])
  for (const m of above[n]) for (const r of reach(m)) set.add(r)
  upperBounds.set(n, set)
  return set
}

const nodeOf = (t: Weakly): Node => {
  if (!t.weak || t.dtype === 'bool') return t.dtype
  return isFloat(t.dtype) ? 'f*' : 'i*'
}

const joinNodes = (a: Node, b: Node): Node => {
  if (a === b) return a
  const ub = [...reach(a)].filter((n) => reach(b).has(n))
  // The least upper bound is the common bound that reaches every other one.
  return ub.find((n) => ub.every((m) => reach(n).has(m)))!
}

const widestWeak = (a: Weakly, b: Weakly, floats: boolean): DType => {
  const candidates = [a, b].filter((t) => (floats ? isFloat(t.dtype) : isInteger(t.dtype))).map((t) => t.dtype)
  if (floats) return candidates.includes('float64') ? 'float64' : 'float32'
  return candidates.includes('int64') ? 'int64' : 'int32'
}

const joins = new Map<Node, Map<Node, Node>>()
const join = (a: Node, b: Node): Node => {
  let row = joins.get(a)
  if (row === undefined) joins.set(a, (row = new Map<Node, Node>()))
  let r = row.get(b)
  if (r === undefined) row.set(b, (r = joinNodes(a, b)))
  return r
}

/** The type that a binary operation on `a` and `b` computes in (JAX's lattice, weak types included). */
export const promoteTwo = (a: Weakly, b: Weakly): Weakly => {
  if (a.dtype === b.dtype && a.weak === b.weak) return a
  const node = join(nodeOf(a), nodeOf(b))
  if (node === 'i*' || node === 'f*') return { dtype: widestWeak(a, b, node === 'f*'), weak: true }
  return { dtype: node, weak: false }
}

/**
 * The dtype that operands of two dtypes are promoted to.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.promoteTypes('int32', 'float32') // => float32
 * np.promoteTypes('bfloat16', 'float16') // => float32
 * ```
 */
export const promoteTypes = (a: DType, b: DType): DType =>
  promoteTwo(
    { dtype: checkDType('np.promoteTypes', a), weak: false },
    { dtype: checkDType('np.promoteTypes', b), weak: false },
  ).dtype

/** Throws unless `dtype` names an element type. */
export const checkDType = (operation: string, dtype: string): DType => {
  if (isDType(dtype)) return dtype
  throw new DTypeError(`${operation}: ${show(dtype)} is not a dtype. Known: ${dtypes.join(', ')}.`)
}
