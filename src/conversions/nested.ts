/** Nested JS lists as elements and a shape. Each list is read once; errors name the position of an invalid element. */
import type { DType, LongDType, TypedArray } from '../core/dtype.ts'
import { allocate, integerLimits, isInteger, isLong, longLimits } from '../core/dtype.ts'
import { convert, encodeElement } from '../core/convert.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { sizeOf, stridesOf } from '../core/shape.ts'
import { show } from '../core/show.ts'
import type { NestedArray } from '../trace/surface.ts'
import { NDArray } from '../trace/value.ts'

type Plain = number | boolean | bigint
export type Item = Plain | NDArray

/** The maximal nesting depth of lists: as many axes as NumPy allows. */
const DEEPEST = 64

/** Extents of the first list at each depth. Those of the lists beside them are compared when they are read. */
const shapeOfFirst = (operation: string, nested: NestedArray): number[] => {
  const shape: number[] = []
  const above = new Set<unknown>()
  let list: unknown = nested
  while (Array.isArray(list)) {
    if (above.has(list)) throw new ShapeError(`${operation}: a list contains itself, so that it is not an array.`)
    if (shape.length === DEEPEST) {
      throw new ShapeError(
        `${operation}: lists are nested more than ${DEEPEST} deep, which is the most axes there are.`,
      )
    }
    above.add(list)
    shape.push(list.length)
    list = (list as readonly unknown[])[0]
  }
  return shape
}

/** The position of an element, as in JS: [0][1]. */
const placeOf = (shape: Shape, offset: number): string =>
  stridesOf(shape)
    .map((stride, d) => `[${Math.floor(offset / stride) % shape[d]!}]`)
    .join('')

const isItem = (x: unknown): x is Item =>
  typeof x === 'number' || typeof x === 'boolean' || typeof x === 'bigint' || x instanceof NDArray

const noItem = (operation: string, row: readonly unknown[], i: number, place: string): Error => {
  const x = row[i]
  if (Array.isArray(x)) {
    return new ShapeError(`${operation}: nested arrays must be rectangular; at ${place} is a list, before it is none.`)
  }
  if (!(i in row)) return new ArgumentError(`${operation}: the list has a hole at ${place}: there is no element.`)
  const what = x === undefined || x === null ? String(x) : show(x)
  return new ArgumentError(
    `${operation}: elements must be numbers, booleans, bigints or arrays; at ${place} is ${what}.`,
  )
}

/** Calls `visit` on each innermost list, with the number of elements before it. Throws unless the lists are rectangular. */
const eachRow = (
  operation: string,
  nested: NestedArray,
  shape: Shape,
  visit: (row: readonly unknown[], offset: number) => void,
): void => {
  const strides = stridesOf(shape)
  const walk = (list: unknown, depth: number, offset: number): void => {
    const extent = shape[depth]!
    const place = (): string => placeOf(shape.slice(0, depth), offset / Math.max(1, strides[depth]! * extent))
    if (!Array.isArray(list)) {
      throw new ShapeError(
        `${operation}: nested arrays must be rectangular; at ${place()} is ${show(list)}, before it are lists.`,
      )
    }
    if (list.length !== extent) {
      throw new ShapeError(
        `${operation}: nested arrays must be rectangular; at depth ${depth} one has length ${extent}, ` +
          `another, at ${place()}, ${list.length}.`,
      )
    }
    if (depth === shape.length - 1) {
      visit(list, offset)
      return
    }
    for (let i = 0; i < extent; i++) walk(list[i], depth + 1, offset + i * strides[depth]!)
  }
  walk(nested, 0, 0)
}

/** The contents of nested lists. */
type Contents =
  /** Numbers and booleans as numbers; whether all are booleans. */
  | {
      readonly kind: 'numbers'
      readonly shape: Shape
      readonly numbers: Float32Array | Float64Array
      readonly areBooleans: boolean
    }
  | Items

/** Elements in order, where there are bigints or arrays among them. */
export interface Items {
  readonly kind: 'items'
  readonly shape: Shape
  readonly items: readonly Item[]
}

const itemsOf = (operation: string, nested: NestedArray, shape: Shape): Items => {
  const items: Item[] = []
  eachRow(operation, nested, shape, (row, offset) => {
    for (let i = 0; i < row.length; i++) {
      const x = row[i]
      if (!isItem(x)) throw noItem(operation, row, i, placeOf(shape, offset + i))
      items.push(x)
    }
  })
  return { kind: 'items', shape, items }
}

/** Whether lists are rectangular and contain only elements. */
export const isNested = (nested: NestedArray): boolean => {
  try {
    eachRow('np.array', nested, shapeOfFirst('array', nested), (row, offset) => {
      const bad = row.findIndex((x) => !isItem(x))
      if (bad >= 0) throw noItem('np.array', row, bad, String(offset))
    })
  } catch {
    return false
  }
  return true
}

/**
 * The elements of nested lists, stored as float32 or float64.
 *
 * @throws ShapeError unless they are rectangular; ArgumentError for a hole or an invalid element.
 */
export const readNested = (operation: string, nested: NestedArray, store: 'float32' | 'float64'): Contents => {
  const shape = shapeOfFirst(operation, nested)
  const numbers = allocate(store, sizeOf(shape)) as Float32Array | Float64Array
  let booleans = 0
  let others = 0
  eachRow(operation, nested, shape, (row, offset) => {
    for (let i = 0; i < row.length; i++) {
      const x = row[i]
      if (typeof x === 'number') numbers[offset + i] = x
      else if (typeof x === 'boolean') {
        numbers[offset + i] = Number(x)
        booleans++
      } else if (isItem(x)) others++
      else throw noItem(operation, row, i, placeOf(shape, offset + i))
    }
  })
  if (others > 0) return itemsOf(operation, nested, shape)
  return { kind: 'numbers', shape, numbers, areBooleans: booleans > 0 && booleans === numbers.length }
}

/** Throws for an integer that an integer dtype cannot represent. */
const checkRange = (operation: string, numbers: Float32Array | Float64Array, dtype: DType): void => {
  if (!isInteger(dtype)) return
  const [low, high] = integerLimits(dtype)
  const bad = numbers.find((x) => Number.isInteger(x) && (x < low || x > high))
  if (bad !== undefined)
    throw new ArgumentError(`${operation}: ${bad} is out of the range of ${dtype}, ${low} to ${high}.`)
}

/** Items as integers of 64 bits: fractions are truncated, infinities saturate; NaN is 0. */
const storeLongs = (operation: string, items: Iterable<Plain>, dtype: LongDType): TypedArray => {
  const [low, high] = longLimits(dtype)
  const values = Array.from(items, (x) => {
    const isWhole = typeof x !== 'number' || Number.isInteger(x)
    const value = isWhole ? BigInt(x) : (encodeElement(dtype, x)[0] as bigint)
    if (value >= low && value <= high) return value
    throw new ArgumentError(`${operation}: ${value} is out of the range of ${dtype}, ${low} to ${high}.`)
  })
  const data = allocate(dtype, values.length) as BigInt64Array
  data.set(values)
  return data
}

/** Numbers stored as a dtype: for floats rounded, for integers truncated, as in NumPy. */
export const storeNumbers = (operation: string, numbers: Float32Array | Float64Array, dtype: DType): TypedArray => {
  if (isLong(dtype)) return storeLongs(operation, numbers, dtype)
  checkRange(operation, numbers, dtype)
  return convert(numbers, 'float64', dtype)
}

/** As `storeNumbers`, with bigints among them. */
export const storeItems = (operation: string, items: readonly Plain[], dtype: DType): TypedArray =>
  isLong(dtype) ? storeLongs(operation, items, dtype) : storeNumbers(operation, Float64Array.from(items, Number), dtype)
