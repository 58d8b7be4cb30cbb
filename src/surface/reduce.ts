/** NumPy's reductions. */
import { calledAs } from '../core/calledAs.ts'
import type { Door, OptionTable } from '../core/arguments.ts'
import {
  axes,
  boolean,
  door,
  dtype as aDType,
  nullable,
  number,
  axis as oneAxis,
  optionsOf,
} from '../core/arguments.ts'
import type { DType } from '../core/dtype.ts'
import { isFloat, promoteTypes } from '../core/dtype.ts'
import { ArgumentError, DTypeError } from '../core/errors.ts'
import { normalizeAxes, normalizeAxis, sizeOf } from '../core/shape.ts'
import { fullLike, zerosLike } from '../ops/creation.ts'
import { add, cast, div, gt, max as maximum, min as minimum, mul, select, sqrt, sub } from '../ops/elementwise.ts'
import { broadcastTo, reshape } from '../ops/movement.ts'
import * as ops from '../ops/reduction.ts'
import type {
  ArgOptions,
  ArrayLike,
  ExtremumOptions,
  MeanOptions,
  ReduceOptions,
  SumOptions,
  VarOptions,
  CumulativeOptions,
} from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { truth } from './arithmetic.ts'
import { arrayLike } from '../conversions/arguments.ts'
import { asArray } from '../conversions/convert.ts'
import { inexact } from '../conversions/promote.ts'

type Reduce = (x: NDArray, axes: readonly number[]) => NDArray

const reduceWith = (name: string, reduce: Reduce, x: NDArray, options: ReduceOptions): NDArray => {
  const { axis, keepdims = false } = options
  const axes = normalizeAxes(name, axis, x.aval.rank)
  const y = reduce(x, axes)
  return keepdims
    ? reshape(
        y,
        x.aval.shape.map((n, d) => (axes.includes(d) ? 1 : n)),
      )
    : y
}

/** The array with elements that do not take part replaced by a value. */
const masked = (x: NDArray, where: ArrayLike | undefined, value: number): NDArray =>
  where === undefined ? x : select(broadcastTo(truth(where), x.aval.shape), x, fullLike(x, value))

/** As `masked`, with a value that may be computed. */
const maskedBy = (x: NDArray, where: ArrayLike, value: ArrayLike): NDArray =>
  select(broadcastTo(truth(where), x.aval.shape), x, broadcastTo(cast(asArray(value), x.aval.dtype), x.aval.shape))

const sumTypes: { readonly [D in DType]?: DType } = {
  bool: 'int32',
  int8: 'int32',
  uint8: 'uint32',
  int16: 'int32',
  uint16: 'uint32',
}
// Dtypes of sums that are divided, or subtracted from, before rounding to 16 bits.
const accumulators: { readonly [D in DType]?: DType } = { ...sumTypes, float16: 'float32', bfloat16: 'float32' }

// Small integers widen. Of floats, `reduce` rounds once, at the end.
const accumulate = (
  name: string,
  reduce: Reduce,
  combine: (x: NDArray, y: NDArray) => NDArray,
  unit: number,
  x: NDArray,
  options: SumOptions,
): NDArray => {
  const { dtype: given } = x.aval
  const { initial, promoteIntegers = true } = options
  const result = options.dtype ?? (promoteIntegers ? sumTypes[given] : undefined) ?? given
  const working = result === 'bool' ? 'int32' : result
  const source = asSummands(x, result)
  const numbers = masked(cast(source, working, x.aval.weak && working === given), options.where, unit)
  const total = reduceWith(name, reduce, numbers, options)
  return cast(initial === undefined ? total : combine(total, beside(total, initial)), result)
}

/** A bool result only depends on whether numbers are 0: as bools, they neither cancel nor are rounded away. */
const asSummands = (x: NDArray, result: DType): NDArray => (result === 'bool' ? cast(x, 'bool') : x)

/** A value in the type and shape of a result. */
const beside = (total: NDArray, value: ArrayLike): NDArray =>
  broadcastTo(cast(asArray(value), total.aval.dtype, total.aval.weak), total.aval.shape)

const reduceOptions: OptionTable<ReduceOptions> = { axis: nullable(axes), keepdims: boolean, where: arrayLike }
export const meanOptions: OptionTable<MeanOptions> = { ...reduceOptions, dtype: aDType }
export const sumOptions: OptionTable<SumOptions> = { ...meanOptions, initial: arrayLike, promoteIntegers: boolean }
export const extremumOptions: OptionTable<ExtremumOptions> = { ...reduceOptions, initial: arrayLike }
export const varOptions: OptionTable<VarOptions> = { ...meanOptions, ddof: number, correction: number, mean: arrayLike }
export const argOptions: OptionTable<ArgOptions> = { axis: nullable(oneAxis), keepdims: boolean }
export const cumulativeOptions: OptionTable<CumulativeOptions> = { axis: nullable(oneAxis), dtype: aDType }

/** The door of a function of an array and options. */
const doorWith = <T extends object>(name: string, table: OptionTable<T>): Door =>
  door(name, { x: arrayLike, options: optionsOf(table) })

const sumDoor = doorWith('np.sum', sumOptions)
export const sum = (x: ArrayLike, options: SumOptions = {}): NDArray => {
  sumDoor(x, options)
  return accumulate('np.sum', ops.reduceSum, add, 0, asArray(x), options)
}

const prodDoor = doorWith('np.prod', sumOptions)
export const prod = (x: ArrayLike, options: SumOptions = {}): NDArray => {
  prodDoor(x, options)
  return accumulate('np.prod', ops.reduceProd, mul, 1, asArray(x), options)
}

/** The number of elements reduced into each result. */
const reducedCount = (name: string, x: NDArray, axis: ReduceOptions['axis']): number =>
  sizeOf(normalizeAxes(name, axis, x.aval.rank).map((d) => x.aval.shape[d]!))

/** The total divided by the number of elements that took part, less `ddof`. */
const divideByCount = (name: string, total: NDArray, x: NDArray, options: VarOptions): NDArray => {
  const { axis = null, keepdims = false, where, ddof = options.correction ?? 0 } = options
  // The result is NaN where n - ddof is not positive.
  if (where === undefined) {
    const count = reducedCount(name, x, axis) - ddof
    return div(total, fullLike(total, ddof === 0 || count > 0 ? count : NaN))
  }
  const counted = cast(broadcastTo(truth(where), x.aval.shape), total.aval.dtype)
  const count = sum(counted, { axis, keepdims })
  if (ddof === 0) return div(total, count)
  const left = sub(count, fullLike(count, ddof))
  return div(total, select(gt(left, zerosLike(left)), left, fullLike(left, NaN)))
}

const meanDoor = doorWith('np.mean', meanOptions)
export const mean = (x: ArrayLike, options: MeanOptions = {}): NDArray => {
  meanDoor(x, options)
  const array = asArray(x)
  const target = options.dtype ?? (isFloat(array.aval.dtype) ? array.aval.dtype : 'float32')
  const working = accumulators[target] ?? target
  const total = accumulate('np.mean', ops.reduceSum, add, 0, cast(array, working), { ...options, dtype: working })
  return cast(divideByCount('np.mean', total, array, options), target)
}

const extremum =
  (
    name: string,
    reduce: Reduce,
    combine: (x: NDArray, y: NDArray) => NDArray,
    enter = doorWith(name, extremumOptions),
  ) =>
  (x: ArrayLike, options: ExtremumOptions = {}): NDArray => {
    enter(x, options)
    const array = asArray(x)
    const { initial, where } = options
    if (where !== undefined && initial === undefined) {
      throw new ArgumentError(`${name}: with where there may be nothing to choose from; give { initial } too.`)
    }
    const numbers = where === undefined || initial === undefined ? array : maskedBy(array, where, initial)
    if (initial === undefined) return calledAs(name, () => reduceWith(name, reduce, numbers, options))
    const nothing = reducedCount(name, array, options.axis) === 0
    const best = reduceWith(name, nothing ? ops.reduceSum : reduce, numbers, options)
    const bound = beside(best, initial)
    return cast(nothing ? bound : combine(best, bound), array.aval.dtype)
  }

export const max = extremum('np.max', ops.reduceMax, maximum)
export const min = extremum('np.min', ops.reduceMin, minimum)

const allDoor = doorWith('np.all', reduceOptions)
export const all = (x: ArrayLike, options: ReduceOptions = {}): NDArray => {
  allDoor(x, options)
  return reduceWith('np.all', ops.reduceAnd, masked(truth(x), options.where, 1), options)
}

const anyDoor = doorWith('np.any', reduceOptions)
export const any = (x: ArrayLike, options: ReduceOptions = {}): NDArray => {
  anyDoor(x, options)
  return reduceWith('np.any', ops.reduceOr, masked(truth(x), options.where, 0), options)
}

// Two passes: the mean first, then the squares of the deviations.
const varianceOf = (name: string, x: ArrayLike, options: VarOptions): NDArray => {
  const given = inexact(x)
  const working = accumulators[given.aval.dtype]
  if (working !== undefined) return cast(varianceOf(name, cast(given, working), options), given.aval.dtype)
  const { axis = null, keepdims = false, where } = options
  const chosen = where === undefined ? {} : { where }
  const centre =
    options.mean === undefined
      ? calledAs(name, () => mean(given, { axis, keepdims: true, ...chosen }))
      : meanFor(given, options.mean)
  const deviation = sub(cast(given, given.aval.dtype), broadcastTo(centre, given.aval.shape))
  const total = sum(mul(deviation, deviation), { axis, keepdims, ...chosen })
  return divideByCount(name, total, given, options)
}

const meanFor = (x: NDArray, given: ArrayLike): NDArray => cast(asArray(given), x.aval.dtype)

/** The dtype that a variance is computed in: at least as wide as the requested one. */
const spreadInput = (x: ArrayLike, dtype: DType | undefined): NDArray => {
  const given = inexact(x)
  return dtype === undefined ? given : cast(given, promoteTypes(given.aval.dtype, dtype))
}

const varDoor = doorWith('np.var', varOptions)
export const variance = (x: ArrayLike, options: VarOptions = {}): NDArray => {
  varDoor(x, options)
  checkSpread('np.var', options)
  const spread = varianceOf('np.var', spreadInput(x, options.dtype), options)
  return options.dtype === undefined ? spread : cast(spread, options.dtype)
}

const checkSpread = (name: string, { ddof, correction, dtype }: VarOptions): void => {
  if (ddof !== undefined && correction !== undefined && ddof !== correction) {
    throw new ArgumentError(`${name}: ddof and correction are one thing by two names; give one of them.`)
  }
  if (dtype !== undefined && !isFloat(dtype)) {
    throw new DTypeError(`${name}: dtype is one of floats, got ${dtype}.`)
  }
}

const stdDoor = doorWith('np.std', varOptions)
export const std = (x: ArrayLike, options: VarOptions = {}): NDArray => {
  stdDoor(x, options)
  checkSpread('np.std', options)
  const given = spreadInput(x, options.dtype)
  const working = accumulators[given.aval.dtype] ?? given.aval.dtype
  return cast(sqrt(varianceOf('np.std', cast(given, working), options)), options.dtype ?? given.aval.dtype)
}

const argument =
  (name: string, op: (x: NDArray, axis: number) => NDArray, enter = doorWith(name, argOptions)) =>
  (x: ArrayLike, options: ArgOptions = {}): NDArray => {
    enter(x, options)
    const { axis = null, keepdims = false } = options
    const array = asArray(x)
    const line = axis === null ? reshape(array, [array.aval.size]) : array
    const along = axis === null ? 0 : normalizeAxis(name, axis, array.aval.rank)
    const y = calledAs(name, () => op(line, along))
    if (!keepdims) return y
    return reshape(
      y,
      array.aval.shape.map((n, d) => (axis === null || d === along ? 1 : n)),
    )
  }

export const argmax = argument('np.argmax', ops.argmax)
export const argmin = argument('np.argmin', ops.argmin)

const cumulative =
  (name: string, op: (x: NDArray, axis: number) => NDArray, enter = doorWith(name, cumulativeOptions)) =>
  (x: ArrayLike, options: CumulativeOptions = {}): NDArray => {
    enter(x, options)
    const { axis = null, dtype } = options
    const given = asArray(x)
    // A number is a vector of one.
    const array = axis === null || given.aval.rank === 0 ? reshape(given, [given.aval.size]) : given
    const result = dtype ?? (array.aval.dtype === 'bool' ? 'int32' : array.aval.dtype)
    const numbers = cast(asSummands(array, result), result === 'bool' ? 'int32' : result)
    return cast(op(numbers, normalizeAxis(name, axis ?? 0, array.aval.rank)), result)
  }

export const cumsum = cumulative('np.cumsum', ops.cumsum)
export const cumprod = cumulative('np.cumprod', ops.cumprod)
