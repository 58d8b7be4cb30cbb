/** `np`: properties of dtypes. */
import type { DType, Weakly } from '../core/dtype.ts'
import {
  bitsOf,
  checkDType,
  integerLimits,
  isFloat,
  isInteger,
  isLong,
  kindOf,
  longLimits,
  promoteTwo,
} from '../core/dtype.ts'
import { ArgumentError, DTypeError } from '../core/errors.ts'
import { arrayFor } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'

/** A value with a dtype, or the name of a dtype. */
export type TypeLike = ArrayLike | DType

/**
 * The dtype of arithmetic between arrays, numbers, and arrays of these dtypes.
 *
 * @throws ArgumentError without arguments; DTypeError for an unknown dtype.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.resultType(np.zeros([2], { dtype: 'int32' }), 0.5) // => float32
 * np.resultType('uint8', 3) // => uint8
 * ```
 */
export const resultType = (...xs: readonly TypeLike[]): DType => {
  if (xs.length === 0) throw new ArgumentError('np.resultType: needs at least one array or dtype.')
  const typeOf = (x: TypeLike): Weakly =>
    typeof x === 'string' ? { dtype: checkDType('np.resultType', x), weak: false } : arrayFor('np.resultType', x).aval
  return xs.map(typeOf).reduce(promoteTwo).dtype
}

/** A class of dtypes, by the array API's names. */
export type DTypeKind = 'bool' | 'signed integer' | 'unsigned integer' | 'integral' | 'real floating' | 'numeric'

const aKind = must.oneOf(['bool', 'signed integer', 'unsigned integer', 'integral', 'real floating', 'numeric'])
const kindOrDType = must.kind('a dtype or a class of dtypes', (x) => must.dtype.accepts(x) || aKind.accepts(x))
const isdtypeDoor = must.door('np.isdtype', {
  dtype: must.dtype,
  kind: must.anyOf(kindOrDType, must.listOf(kindOrDType)),
})

/**
 * Whether a dtype equals another one, or belongs to a class.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.isdtype('int8', 'integral') // => true
 * ```
 */
export const isdtype = (dtype: DType, kind: DType | DTypeKind | readonly (DType | DTypeKind)[]): boolean => {
  isdtypeDoor(dtype, kind)
  const isKind = (k: DType | DTypeKind): boolean => {
    if (k === 'signed integer') return kindOf(dtype) === 'signed'
    if (k === 'unsigned integer') return kindOf(dtype) === 'unsigned'
    if (k === 'integral') return isInteger(dtype)
    if (k === 'real floating') return isFloat(dtype)
    return k === 'numeric' ? dtype !== 'bool' : dtype === k
  }
  return typeof kind === 'string' ? isKind(kind) : kind.some(isKind)
}

/** The limits of a dtype of floats. */
export interface FloatInfo {
  readonly dtype: DType
  readonly bits: number
  /** The distance from 1 to the next number. */
  readonly eps: number
  readonly max: number
  readonly min: number
  /** The least normal number above 0. */
  readonly tiny: number
}

const floatOf = (dtype: DType, bits: number, mantissa: number, exponent: number): FloatInfo => {
  const max = (2 - 2 ** -mantissa) * 2 ** exponent
  return { dtype, bits, eps: 2 ** -mantissa, max, min: -max, tiny: 2 ** (1 - exponent) }
}

const finfoDoor = must.door('np.finfo', { dtype: must.dtype })

/**
 * The limits of a dtype of floats.
 *
 * @throws DTypeError for other dtypes.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.finfo('float32').eps === 2 ** -23 // => true
 * ```
 */
export const finfo = (dtype: DType): FloatInfo => {
  finfoDoor(dtype)
  if (dtype === 'float64') return floatOf(dtype, 64, 52, 1023)
  if (dtype === 'float32') return floatOf(dtype, 32, 23, 127)
  if (dtype === 'float16') return floatOf(dtype, 16, 10, 15)
  if (dtype === 'bfloat16') return floatOf(dtype, 16, 7, 127)
  throw new DTypeError(`np.finfo: takes dtypes of floats, got ${dtype}. There is np.iinfo for integers.`)
}

/** The limits of a dtype of integers; bigints for int64 and uint64. */
export interface IntegerInfo {
  readonly dtype: DType
  readonly bits: number
  readonly min: number | bigint
  readonly max: number | bigint
}

const iinfoDoor = must.door('np.iinfo', { dtype: must.dtype })

/**
 * The limits of a dtype of integers.
 *
 * @throws DTypeError for other dtypes.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.iinfo('int8').max // => 127
 * ```
 */
export const iinfo = (dtype: DType): IntegerInfo => {
  iinfoDoor(dtype)
  if (!isInteger(dtype)) throw new DTypeError(`np.iinfo: takes dtypes of integers, got ${dtype}. There is np.finfo.`)
  const [min, max] = isLong(dtype) ? longLimits(dtype) : integerLimits(dtype)
  return { dtype, bits: bitsOf(dtype), min, max }
}
