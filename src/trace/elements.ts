/** Elements of arrays as JS has them: typed arrays, nested lists, single values. */
import * as must from '../core/arguments.ts'
import { decode } from '../core/convert.ts'
import type { DType, LongDType, TypedArray } from '../core/dtype.ts'
import { isLong, kindOf } from '../core/dtype.ts'
import { DTypeError, ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { showShape } from '../core/shape.ts'
import { show } from '../core/show.ts'

/** An element: a number; a boolean where the dtype is bool, a bigint where it is a 64-bit integer dtype. */
export type Element = number | boolean | bigint

/** The result of `toArray`: nested arrays of numbers, booleans or bigints. */
export type Nested = Element | Nested[]

/** An element of an array of dtype `D`. */
export type ElementOf<D extends DType> = D extends 'bool' ? boolean : D extends LongDType ? bigint : number

/** The typed array that `dataSync` returns for dtype `D`. */
export type DataOf<D extends DType> = D extends 'float32' | 'float16' | 'bfloat16'
  ? Float32Array
  : D extends 'float64'
    ? Float64Array
    : D extends 'int32'
      ? Int32Array
      : D extends 'uint32'
        ? Uint32Array
        : D extends 'uint8' | 'bool'
          ? Uint8Array
          : D extends 'int8'
            ? Int8Array
            : D extends 'int64'
              ? BigInt64Array
              : D extends 'uint16'
                ? Uint16Array
                : D extends 'int16'
                  ? Int16Array
                  : D extends 'uint64'
                    ? BigUint64Array
                    : TypedArray

type Deeper = readonly [0, 0, 1, 2, 3, 4, 5, 6, 7, 8]

/** Lists of an element nested `R` deep, up to 8; of any other depth where `R` is not known. */
export type NestedTo<R extends number, E> = number extends R
  ? Nested
  : R extends 0
    ? E
    : R extends keyof Deeper & number
      ? NestedTo<Deeper[R], E>[]
      : Nested

/** What is known of an array that is read: it determines the type of the result, and another array is refused. */
export interface ReadOptions<R extends number = number, D extends DType = DType> {
  /** The number of axes. */
  readonly rank?: R
  /** The dtype; if only `rank` is given, any dtype whose elements are numbers. */
  readonly dtype?: D
}

export const elementsOf = (dtype: DType, data: TypedArray): readonly Element[] =>
  dtype === 'bool' ? Array.from(data as Uint8Array, (b) => b !== 0) : Array.from<number | bigint>(decode(dtype, data))

// Innermost axis first, so that depth is the rank and no element is visited twice.
export const nest = (elements: readonly Element[], shape: Shape): Nested => {
  if (shape.length === 0) return elements[0]!
  let level: Nested[] = [...elements]
  for (let axis = shape.length - 1; axis > 0; axis--) {
    const extent = shape[axis]!
    const groups = shape.slice(0, axis).reduce((a, b) => a * b, 1)
    level = Array.from({ length: groups }, (_, i) => level.slice(i * extent, (i + 1) * extent))
  }
  return level
}

/** @throws ShapeError unless there is one element. */
export const requireOne = (operation: string, shape: Shape): void => {
  if (shape.every((n) => n === 1)) return
  throw new ShapeError(
    `${operation}: the array has shape ${showShape(shape)}; only an array of one element is one value. Use toArray(), or ` +
      'reduce it first (np.sum, np.any, np.all).',
  )
}

const isNumeric = (dtype: DType): boolean => dtype !== 'bool' && !isLong(dtype)

/** @throws DTypeError if elements are not numbers, naming the reading operation. */
export const requireNumbers = (operation: string, dtype: DType): void => {
  if (isNumeric(dtype)) return
  throw new DTypeError(
    dtype === 'bool'
      ? `${operation}: the elements are of dtype bool, not numbers. For true or false use x.bool(); for 0 or 1 x.astype('int32').item().`
      : `${operation}: the elements are of dtype ${dtype}, not numbers. For a bigint use x.bigint(); to have numbers convert it, x.astype('int32').`,
  )
}

/** @throws DTypeError unless the dtype is an integer dtype. */
export const requireIntegers = (operation: string, dtype: DType): void => {
  const kind = kindOf(dtype)
  if (kind === 'signed' || kind === 'unsigned') return
  throw new DTypeError(`${operation}: the dtype is ${dtype}; bigints are of integers. Use x.item() or x.bool().`)
}

const readOptions: must.OptionTable<ReadOptions> = { rank: must.natural, dtype: must.dtype }

/** The argument of `toArray`. */
export const toArrayDoor = must.door('toArray', { known: must.optionsOf(readOptions) })

/** @throws ShapeError or DTypeError if an array does not have the expected rank or dtype. */
export const checkRead = (operation: string, dtype: DType, shape: Shape, wanted: ReadOptions): void => {
  if (wanted.rank !== undefined && wanted.rank !== shape.length) {
    throw new ShapeError(
      `${operation}: the array has rank ${shape.length}, not ${show(wanted.rank)}: its shape is ${showShape(shape)}.`,
    )
  }
  if (wanted.dtype !== undefined && wanted.dtype !== dtype) {
    const other = typeof wanted.dtype === 'string' ? wanted.dtype : show(wanted.dtype)
    throw new DTypeError(`${operation}: the dtype is ${dtype}, not ${other}. Convert it first: x.astype('${other}').`)
  }
  if (wanted.dtype !== undefined || wanted.rank === undefined || isNumeric(dtype)) return
  throw new DTypeError(
    `${operation}: the elements are of dtype ${dtype}, not numbers. Say so: { rank: ${show(wanted.rank)}, dtype: '${dtype}' }.`,
  )
}
