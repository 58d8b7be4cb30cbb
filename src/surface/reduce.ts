/** NumPy's reductions. */
import type { DType } from '../core/dtype.ts'
import { isFloat } from '../core/dtype.ts'
import { ArgumentError } from '../core/errors.ts'
import { normalizeAxes, normalizeAxis, sizeOf } from '../core/shape.ts'
import { fullLike } from '../ops/creation.ts'
import { cast, div, mul, sqrt, sub } from '../ops/elementwise.ts'
import { broadcast, reshape } from '../ops/movement.ts'
import * as ops from '../ops/reduction.ts'
import type {
  ArgOptions,
  ArrayLike,
  NDArray,
  ReduceOptions,
  SumOptions,
  VarOptions,
  CumulativeOptions,
} from '../trace/value.ts'
import { truth } from './arithmetic.ts'
import { asArray } from './convert.ts'
import { inexact } from './promote.ts'

type Reduce = (x: NDArray, axes: readonly number[]) => NDArray

/** Throws unless options came in an object: an axis alone would silently mean all axes. */
const checkOptions = (name: string, options: unknown): void => {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return
  throw new ArgumentError(
    `${name}: options go in one object, as in np.${name}(x, { axis: 0 }); got ${JSON.stringify(options)}.`,
  )
}

const reduceWith = (name: string, reduce: Reduce, x: NDArray, options: ReduceOptions): NDArray => {
  checkOptions(name, options)
  const { axis, keepdims = false } = options
  if (axis !== undefined && axis !== null && typeof axis !== 'number' && !Array.isArray(axis)) {
    throw new ArgumentError(
      `${name}: axis is a number or an array of numbers; options go in one object, as in {axis: 0}.`,
    )
  }
  const axes = normalizeAxes(name, axis, x.aval.rank)
  const y = reduce(x, axes)
  return keepdims
    ? reshape(
        y,
        x.aval.shape.map((n, d) => (axes.includes(d) ? 1 : n)),
      )
    : y
}

const sumTypes: { readonly [D in DType]?: DType } = { bool: 'int32', int8: 'int32', uint8: 'uint32' }
const accumulators: { readonly [D in DType]?: DType } = { ...sumTypes, float16: 'float32', bfloat16: 'float32' }

// 16-bit floats are added up in float32 and come back; small integers widen.
const accumulate = (name: string, reduce: Reduce, x: NDArray, options: SumOptions): NDArray => {
  checkOptions(name, options)
  const { dtype: given } = x.aval
  const result = options.dtype ?? sumTypes[given] ?? given
  const working = accumulators[result] ?? result
  return cast(reduceWith(name, reduce, cast(x, working, x.aval.weak && working === given), options), result)
}

export const sum = (x: ArrayLike, options: SumOptions = {}): NDArray =>
  accumulate('sum', ops.reduceSum, asArray(x), options)

export const prod = (x: ArrayLike, options: SumOptions = {}): NDArray =>
  accumulate('prod', ops.reduceProd, asArray(x), options)

/** Number of elements that go into each result. */
const reducedCount = (name: string, x: NDArray, axis: ReduceOptions['axis']): number =>
  sizeOf(normalizeAxes(name, axis, x.aval.rank).map((d) => x.aval.shape[d]!))

const divideBy = (x: NDArray, n: number): NDArray => div(x, fullLike(x, n))

export const mean = (x: ArrayLike, options: SumOptions = {}): NDArray => {
  checkOptions('mean', options)
  const array = asArray(x)
  const target = options.dtype ?? (isFloat(array.aval.dtype) ? array.aval.dtype : 'float32')
  const working = accumulators[target] ?? target
  const total = sum(cast(array, working), { ...options, dtype: working })
  return cast(divideBy(total, reducedCount('mean', array, options.axis)), target)
}

/** The dtype that stands in for a storage dtype while its values are compared. */
const comparing: { readonly [D in DType]?: DType } = {
  int8: 'int32',
  uint8: 'int32',
  float16: 'float32',
  bfloat16: 'float32',
}

const extremum =
  (name: string, reduce: Reduce) =>
  (x: ArrayLike, options: ReduceOptions = {}): NDArray => {
    const array = asArray(x)
    const working = comparing[array.aval.dtype]
    if (working === undefined) return reduceWith(name, reduce, array, options)
    return cast(reduceWith(name, reduce, cast(array, working), options), array.aval.dtype)
  }

export const max = extremum('max', ops.reduceMax)
export const min = extremum('min', ops.reduceMin)

export const all = (x: ArrayLike, options: ReduceOptions = {}): NDArray =>
  reduceWith('all', ops.reduceAnd, truth(x), options)

export const any = (x: ArrayLike, options: ReduceOptions = {}): NDArray =>
  reduceWith('any', ops.reduceOr, truth(x), options)

// Two passes: the mean first, then squares of what is left.
const varianceOf = (name: string, x: ArrayLike, { axis, keepdims, ddof = 0 }: VarOptions): NDArray => {
  const given = inexact(x)
  const working = accumulators[given.aval.dtype]
  if (working !== undefined) {
    return cast(
      varianceOf(name, cast(given, working), { axis: axis ?? null, keepdims: keepdims ?? false, ddof }),
      given.aval.dtype,
    )
  }
  const array = given
  const centre = mean(array, { axis: axis ?? null, keepdims: true })
  const spread = broadcast(
    centre,
    array.aval.shape,
    centre.aval.shape.map((_, d) => d),
  )
  const deviation = sub(cast(array, array.aval.dtype), spread)
  const total = sum(mul(deviation, deviation), { axis: axis ?? null, keepdims: keepdims ?? false })
  return divideBy(total, reducedCount(name, array, axis) - ddof)
}

export const variance = (x: ArrayLike, options: VarOptions = {}): NDArray => {
  checkOptions('var', options)
  return varianceOf('var', x, options)
}

export const std = (x: ArrayLike, options: VarOptions = {}): NDArray => {
  checkOptions('std', options)
  const given = inexact(x)
  const working = accumulators[given.aval.dtype] ?? given.aval.dtype
  return cast(sqrt(varianceOf('std', cast(given, working), options)), given.aval.dtype)
}

const argument =
  (name: string, op: (x: NDArray, axis: number) => NDArray) =>
  (x: ArrayLike, options: ArgOptions = {}): NDArray => {
    checkOptions(name, options)
    const { axis = null, keepdims = false } = options
    const array = asArray(x)
    const line = axis === null ? reshape(array, [array.aval.size]) : array
    const along = axis === null ? 0 : normalizeAxis(name, axis, array.aval.rank)
    const y = op(line, along)
    if (!keepdims) return y
    return reshape(
      y,
      array.aval.shape.map((n, d) => (axis === null || d === along ? 1 : n)),
    )
  }

export const argmax = argument('argmax', ops.argmax)
export const argmin = argument('argmin', ops.argmin)

const cumulative =
  (name: string, op: (x: NDArray, axis: number) => NDArray) =>
  (x: ArrayLike, options: CumulativeOptions = {}): NDArray => {
    checkOptions(name, options)
    const { axis = null, dtype } = options
    const array = asArray(x)
    const numbers = cast(array, dtype ?? sumTypes[array.aval.dtype] ?? array.aval.dtype)
    if (axis === null) return op(reshape(numbers, [array.aval.size]), 0)
    return op(numbers, normalizeAxis(name, axis, array.aval.rank))
  }

export const cumsum = cumulative('cumsum', ops.cumsum)
export const cumprod = cumulative('cumprod', ops.cumprod)
