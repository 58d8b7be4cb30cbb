import { Aval } from '../core/aval.ts'
import type { DType, TypedArray } from '../core/dtype.ts'
import { allocate, checkDType, isFloat } from '../core/dtype.ts'
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { showShape } from '../core/shape.ts'
import { show } from '../core/show.ts'
import { cast } from '../ops/elementwise.ts'
import { scalar } from '../ops/creation.ts'
import { concatenate, expandDims, reshape } from '../ops/movement.ts'
import { hasOwnProducts, products } from '../trace/products.ts'
import type { ArrayLike, NestedArray } from '../trace/surface.ts'
import { NDArray, fromHost, isNDArray } from '../trace/value.ts'
import type { Item, Items } from './nested.ts'
import { readNested, storeItems, storeNumbers } from './nested.ts'

const isTypedArray = (x: unknown): x is TypedArray | Uint8ClampedArray =>
  ArrayBuffer.isView(x) && !(x instanceof DataView)

/** By name, since typed arrays may come from other realms. */
const typedArrayDTypes = new Map<string, DType>([
  ['Float32Array', 'float32'],
  ['Float64Array', 'float64'],
  ['Int32Array', 'int32'],
  ['Uint32Array', 'uint32'],
  ['Uint8Array', 'uint8'],
  ['Uint8ClampedArray', 'uint8'],
  ['Int8Array', 'int8'],
  ['Uint16Array', 'uint16'],
  ['Int16Array', 'int16'],
  ['Float16Array', 'float16'],
  ['BigInt64Array', 'int64'],
  ['BigUint64Array', 'uint64'],
])

/** Whether `asArray` takes it without looking at elements. */
export const isArray = (x: unknown): x is Exclude<ArrayLike, NestedArray> =>
  isNDArray(x) ||
  typeof x === 'number' ||
  typeof x === 'boolean' ||
  typeof x === 'bigint' ||
  (isTypedArray(x) && typedArrayDTypes.has(x[Symbol.toStringTag]))

const fromTypedArray = (operation: string, x: TypedArray | Uint8ClampedArray): NDArray => {
  const name = x[Symbol.toStringTag]
  const dtype = typedArrayDTypes.get(name)
  if (dtype === undefined) {
    throw new DTypeError(
      `${operation}: no dtype holds a ${name}. Convert it first, for instance with Float32Array.from(x).`,
    )
  }
  const data = allocate(dtype, x.length)
  // 16-bit floats are stored as bits, so a Float16Array is copied as bits.
  data.set((dtype === 'float16' ? new Uint16Array(x.buffer, x.byteOffset, x.length) : x) as never)
  return fromHost(new Aval(dtype, [data.length]), data)
}

const isInt32 = (x: number): boolean => (x | 0) === x && !Object.is(x, -0)

/** A JS number as a weakly typed scalar: an integer that fits in 32 bits is an int32, any other number a float32. */
const fromNumber = (x: number): NDArray => scalar(x, isInt32(x) ? 'int32' : 'float32', true)

const bigScalar = (operation: string, x: bigint): NDArray => {
  if (BigInt.asIntN(64, x) === x) return fromHost(new Aval('int64', []), BigInt64Array.of(x))
  throw new ArgumentError(`${operation}: ${x} is out of the range of int64, ${-(2n ** 63n)} to ${2n ** 63n - 1n}.`)
}

const stackArrays = (operation: string, items: readonly Item[], shape: Shape): NDArray => {
  const arrays = items.map((x) => asArray(x))
  const first = arrays[0]!
  const odd = arrays.find((a) => showShape(a.shape) !== showShape(first.shape))
  if (odd !== undefined) {
    throw new ShapeError(
      `${operation}: elements have shapes ${showShape(first.shape)} and ${showShape(odd.shape)}; they must agree.`,
    )
  }
  const strong = arrays.find((a) => !a.aval.weak) ?? first
  const rows = arrays.map((a) => expandDims(cast(a, strong.dtype), 0))
  return reshape(concatenate(rows, 0), [...shape, ...first.shape])
}

/** Nested JS arrays as an array: booleans give bool, bigints int64, numbers float32 unless `dtype` says otherwise. */
export const fromNested = (nested: NestedArray, dtype?: DType, operation = 'np.array'): NDArray => {
  const store = dtype === undefined || dtype === 'float32' ? 'float32' : 'float64'
  const contents = readNested(operation, nested, store)
  if (contents.kind === 'items') return fromItems(operation, contents, dtype)
  const { shape, numbers, areBooleans } = contents
  const target = dtype ?? (areBooleans ? 'bool' : 'float32')
  const data = target === store ? numbers : storeNumbers(operation, numbers, target)
  return fromHost(new Aval(target, shape), data)
}

const fromItems = (operation: string, { shape, items }: Items, dtype: DType | undefined): NDArray => {
  if (items.some((x) => x instanceof NDArray)) {
    const stacked = stackArrays(operation, items, shape)
    return dtype === undefined ? stacked : cast(stacked, dtype)
  }
  const target = dtype ?? 'int64'
  const plain = items as readonly (number | boolean | bigint)[]
  return fromHost(new Aval(target, shape), storeItems(operation, plain, target))
}

/**
 * Converts an array-like operand to an array: arrays as they are, JS numbers as weakly typed scalars.
 *
 * @throws ArgumentError for anything else.
 */
export const arrayFor = (operation: string, x: ArrayLike): NDArray => {
  if (x instanceof NDArray) return x
  if (typeof x === 'number') return fromNumber(x)
  if (typeof x === 'boolean') return scalar(x ? 1 : 0, 'bool')
  if (typeof x === 'bigint') return bigScalar(operation, x)
  if (isTypedArray(x)) return fromTypedArray(operation, x)
  if (Array.isArray(x)) return fromNested(x as NestedArray, undefined, operation)
  throw new ArgumentError(`${operation}: expected ${arrayLikeFault(x)}`)
}

/** `arrayFor` where the operation is not known: errors name the conversion. */
export const asArray = (x: ArrayLike): NDArray => (x instanceof NDArray ? x : arrayFor('np.array', x))

/** The end of an error message for a value that is not an array: what was expected, and what was given. */
export const arrayLikeFault = (x: unknown): string => {
  if (x instanceof Promise) return 'an array, got a Promise: await it first. Transformed functions are synchronous.'
  if (hasOwnProducts(x)) {
    return `an array, got ${String(x)}, of which np.matmul, np.dot, np.einsum and np.take know what to do; ${x[products].expand} gives an array.`
  }
  const hint = x === undefined ? ' Was an argument left out?' : ''
  return `an array, number, boolean, typed array or nested lists of numbers, got ${show(x)}.${hint}`
}

/** Whether a leaf of a tree counts as an array. */
export const isArrayLeaf = (x: unknown): x is ArrayLike =>
  x instanceof NDArray || typeof x === 'number' || typeof x === 'boolean' || typeof x === 'bigint' || isTypedArray(x)

const nestedIndices = (operation: string, x: NestedArray): NDArray => {
  const contents = readNested(operation, x, 'float64')
  if (contents.kind === 'items') return fromItems(operation, contents, undefined)
  const { shape, numbers, areBooleans } = contents
  if (areBooleans) return fromHost(new Aval('bool', shape), Uint8Array.from(numbers))
  if (numbers.every(isInt32)) return fromHost(new Aval('int32', shape), Int32Array.from(numbers))
  return fromHost(new Aval('float32', shape), Float32Array.from(numbers))
}

/** Integer indices: nested lists of integral numbers are int32 here, not float32. */
export const asIndices = (operation: string, x: ArrayLike): NDArray => {
  const array = Array.isArray(x) ? nestedIndices(operation, x as NestedArray) : asArray(x)
  if (isFloat(array.dtype)) {
    throw new DTypeError(`${operation}: indices must be integers, got ${array.aval}. Use np.astype(indices, 'int32').`)
  }
  return array
}

/** `np.array` with its checks. */
export const makeArray = (x: ArrayLike, dtype?: DType): NDArray => {
  const target = dtype === undefined ? undefined : checkDType('np.array', dtype)
  if (Array.isArray(x)) return fromNested(x as NestedArray, target)
  const array = asArray(x)
  const isPlain = typeof x === 'number' || typeof x === 'bigint'
  if (target !== undefined) return isPlain ? reshape(fromNested([x], target), []) : cast(array, target)
  return typeof x === 'number' ? scalar(x, 'float32') : array
}
