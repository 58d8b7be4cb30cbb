import { Aval } from '../core/aval.ts'
import { convert } from '../core/convert.ts'
import type { DType, TypedArray } from '../core/dtype.ts'
import { allocate, checkDType } from '../core/dtype.ts'
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.ts'
import { showShape } from '../core/shape.ts'
import { cast } from '../ops/elementwise.ts'
import { scalar } from '../ops/creation.ts'
import { concatenate, expandDims, reshape } from '../ops/movement.ts'
import type { ArrayLike, NestedArray } from '../trace/value.ts'
import { NDArray, fromHost } from '../trace/value.ts'

const isTypedArray = (x: unknown): x is TypedArray | Uint8ClampedArray =>
  ArrayBuffer.isView(x) && !(x instanceof DataView)

const typedArrayDTypes: readonly (readonly [new (n: number) => TypedArray | Uint8ClampedArray, DType])[] = [
  [Float32Array, 'float32'],
  [Float64Array, 'float64'],
  [Int32Array, 'int32'],
  [Uint32Array, 'uint32'],
  [Uint8Array, 'uint8'],
  [Uint8ClampedArray, 'uint8'],
  [Int8Array, 'int8'],
  [BigInt64Array, 'int64'],
]

const fromTypedArray = (x: TypedArray | Uint8ClampedArray): NDArray => {
  const entry = typedArrayDTypes.find(([constructor]) => x instanceof constructor)
  if (entry === undefined) {
    throw new DTypeError(
      `array: no dtype holds a ${x.constructor.name}. Convert it first, for instance with Float32Array.from(x).`,
    )
  }
  const [, dtype] = entry
  const data = allocate(dtype, x.length)
  data.set(x as never)
  return fromHost(new Aval(dtype, [x.length]), data)
}

const isInt32 = (x: number): boolean => (x | 0) === x && !Object.is(x, -0)

/** A JS number as a weakly typed scalar: an integral one (in 32 bits) is an integer, any other a float. */
const fromNumber = (x: number): NDArray => scalar(x, isInt32(x) ? 'int32' : 'float32', true)

const bigScalar = (x: bigint): NDArray => fromHost(new Aval('int64', []), BigInt64Array.of(x))

type Item = number | boolean | bigint | NDArray

/** The shape of nested arrays and their items in order. Iterative: nesting may be deep. */
const flattenNested = (nested: NestedArray): { shape: number[]; items: Item[] } => {
  const shape: number[] = []
  let level: readonly unknown[] = [nested]
  for (;;) {
    if (!level.every(Array.isArray)) break
    const rows = level as readonly (readonly unknown[])[]
    const extent = rows[0]?.length ?? 0
    const ragged = rows.find((r) => r.length !== extent)
    if (ragged !== undefined) {
      throw new ShapeError(
        `array: nested arrays must be rectangular; at depth ${shape.length} one has length ${extent}, another ${ragged.length}.`,
      )
    }
    shape.push(extent)
    level = rows.flat()
    if (level.length === 0) return { shape, items: [] }
  }
  const bad = level.find((x) => !(x instanceof NDArray || ['number', 'boolean', 'bigint'].includes(typeof x)))
  if (bad !== undefined) {
    const what = Array.isArray(bad) ? 'arrays beside numbers at one depth' : `${typeof bad} ${String(bad)}`
    throw new ArgumentError(`array: elements must be numbers, booleans, bigints or arrays; got ${what}.`)
  }
  return { shape, items: level as readonly Item[] as Item[] }
}

const kindOfItems = (items: readonly (number | boolean | bigint)[]): DType => {
  if (items.length > 0 && items.every((x) => typeof x === 'boolean')) return 'bool'
  if (items.some((x) => typeof x === 'bigint')) return 'int64'
  return 'float32'
}

const ranges: { readonly [D in DType]?: readonly [low: number, high: number] } = {
  int8: [-128, 127],
  uint8: [0, 255],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
}

/** Throws for a whole number that an integer dtype does not hold. */
const checkRange = (numbers: Float64Array, dtype: DType): void => {
  const range = ranges[dtype]
  if (range === undefined) return
  const bad = numbers.find((x) => Number.isInteger(x) && (x < range[0] || x > range[1]))
  if (bad !== undefined)
    throw new ArgumentError(`array: ${bad} is out of the range of ${dtype}, ${range[0]} to ${range[1]}.`)
}

/** An item as a whole number of 64 bits: truncated, saturated; NaN is 0. */
const toBigInt = (x: number | boolean | bigint): bigint => {
  if (typeof x !== 'number' || Number.isInteger(x)) return BigInt(x)
  if (Number.isNaN(x)) return 0n
  if (!Number.isFinite(x)) return x > 0 ? 2n ** 63n - 1n : -(2n ** 63n)
  return BigInt(Math.trunc(x))
}

/** Items stored as a dtype: for floats rounded, for integers truncated, as in NumPy. */
const storeItems = (items: readonly (number | boolean | bigint)[], dtype: DType): TypedArray => {
  if (dtype === 'int64') return BigInt64Array.from(items, toBigInt)
  const numbers = Float64Array.from(items, Number)
  checkRange(numbers, dtype)
  return dtype === 'float64' ? numbers : convert(numbers, 'float64', dtype)
}

const stackArrays = (items: readonly Item[], shape: readonly number[]): NDArray => {
  const arrays = items.map((x) => asArray(x))
  const first = arrays[0]!
  const odd = arrays.find((a) => showShape(a.shape) !== showShape(first.shape))
  if (odd !== undefined) {
    throw new ShapeError(
      `array: elements have shapes ${showShape(first.shape)} and ${showShape(odd.shape)}; they must agree.`,
    )
  }
  const strong = arrays.find((a) => !a.aval.weak) ?? first
  const rows = arrays.map((a) => expandDims(cast(a, strong.dtype), 0))
  return reshape(concatenate(rows, 0), [...shape, ...first.shape])
}

/** Nested JS arrays as an array: booleans give bool, bigints int64, numbers float32 unless `dtype` says otherwise. */
export const fromNested = (nested: NestedArray, dtype?: DType): NDArray => {
  const { shape, items } = flattenNested(nested)
  if (items.some((x) => x instanceof NDArray)) {
    const stacked = stackArrays(items, shape)
    return dtype === undefined ? stacked : cast(stacked, dtype)
  }
  const plain = items as readonly (number | boolean | bigint)[]
  const target = dtype ?? kindOfItems(plain)
  return fromHost(new Aval(target, shape), storeItems(plain, target))
}

/**
 * The array that an operation means by an array-like: arrays as they are, JS numbers as weakly typed scalars.
 *
 * @throws ArgumentError for anything else.
 */
export const asArray = (x: ArrayLike): NDArray => {
  if (x instanceof NDArray) return x
  if (typeof x === 'number') return fromNumber(x)
  if (typeof x === 'boolean') return scalar(x ? 1 : 0, 'bool')
  if (typeof x === 'bigint') return bigScalar(x)
  if (isTypedArray(x)) return fromTypedArray(x)
  if (Array.isArray(x)) return fromNested(x as NestedArray)
  const given: unknown = x
  if (given instanceof Promise) {
    throw new ArgumentError('Expected an array, got a Promise: await it first. Transformed functions are synchronous.')
  }
  throw new ArgumentError(
    `Expected an array, number, boolean, typed array or nested arrays of numbers, got ${given === null ? 'null' : typeof given}.${given === undefined ? ' Was an argument left out?' : ''}`,
  )
}

/** Whether `asArray` takes it for an array without a second thought: what the leaves of trees may be. */
export const isArrayLeaf = (x: unknown): x is ArrayLike =>
  x instanceof NDArray || typeof x === 'number' || typeof x === 'boolean' || typeof x === 'bigint' || isTypedArray(x)

const nestedIndices = (x: NestedArray): NDArray => {
  const integral = flattenNested(x).items.every((i) => typeof i === 'number' && isInt32(i))
  return fromNested(x, integral ? 'int32' : undefined)
}

/** Integer indices: nested lists of integral numbers are int32 here, not float32. */
export const asIndices = (operation: string, x: ArrayLike): NDArray => {
  const array = Array.isArray(x) ? nestedIndices(x as NestedArray) : asArray(x)
  if (array.dtype === 'float32' || array.dtype === 'float64') {
    throw new DTypeError(`${operation}: indices must be integers, got ${array.aval}. Use np.astype(indices, 'int32').`)
  }
  return array
}

/** `np.array` with its checks. */
export const makeArray = (x: ArrayLike, dtype?: DType): NDArray => {
  const target = dtype === undefined ? undefined : checkDType('array', dtype)
  if (Array.isArray(x)) return fromNested(x as NestedArray, target)
  const array = asArray(x)
  if (target !== undefined) return typeof x === 'number' ? reshape(fromNested([x], target), []) : cast(array, target)
  return typeof x === 'number' ? scalar(x, 'float32') : array
}
