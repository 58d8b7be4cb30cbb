/**
 * Values that are numerically equal, and what that leaves undetermined in their vectors. See `Freedom`,
 * and docs/design/0013-what-factorisations-leave-open.md.
 */
import { fullLike, iota, zerosLike } from '../../ops/creation.ts'
import {
  abs,
  add,
  and,
  cast,
  div,
  eq,
  gt,
  le,
  mul,
  not,
  select,
  sqrt,
  stopGradient,
  sub,
} from '../../ops/elementwise.ts'
import { broadcast, concatenate, sliceInDim } from '../../ops/movement.ts'
import { cumsum, reduceMax, reduceSum } from '../../ops/reduction.ts'
import type { NDArray } from '../../trace/value.ts'
import { spreadVector, times } from './matrices.ts'

/** Numbers 0, 1, ... along the last axis, like `x`. */
export const placesLike = (x: NDArray): NDArray => cast(iota('int32', x.shape, x.ndim - 1), x.dtype)

const precisionOf = (x: NDArray): number => (x.dtype === 'float64' ? 2 ** -52 : 2 ** -23)

/** A bound on the rounding errors of a vector's elements, relative to the largest. */
export const roundingOf = (x: NDArray): number => 8 * Math.sqrt(x.shape.at(-1)!) * precisionOf(x)

/** Values count as equal if they differ by at most this multiple of the largest one. */
const reaches = {
  rounding: roundingOf,
  halfTheDigits: (x: NDArray) => Math.sqrt(precisionOf(x)),
}

const largest = (values: NDArray): NDArray => {
  const last = values.ndim - 1
  if (values.size === 0) return values
  return broadcast(reduceMax(abs(values), [last]), values.shape, values.shape.slice(0, -1).map((_, d) => d)) // prettier-ignore
}

/** The largest absolute value, or 1 where all are 0: a scale of the values, without a derivative. */
export const unitOf = (values: NDArray): NDArray => {
  const size = stopGradient(largest(values))
  return select(gt(size, zerosLike(size)), size, fullLike(size, 1))
}

/** The distance, for each value, up to which others count as equal to it. */
export const reachOf = (values: NDArray, how: keyof typeof reaches): NDArray =>
  mul(fullLike(values, reaches[how](values)), largest(values))

/**
 * Whether two values of a sorted vector, one for the row and one for the column, are in one cluster, that is, linked by small
 * steps.
 */
export const together = (values: NDArray, reach: NDArray): NDArray => {
  const [last, n] = [values.ndim - 1, values.shape.at(-1)!]
  const before =
    n === 0 ? values : concatenate([sliceInDim(values, 0, 1, last), sliceInDim(values, 0, n - 1, last)], last)
  const isStep = not(le(abs(sub(values, before)), reach))
  const cluster = cumsum(cast(isStep, 'int32'), last)
  const shape = [...values.shape, n]
  return eq(spreadVector(cluster, shape, 'rows'), spreadVector(cluster, shape, 'columns'))
}

/** Which values share their cluster with others. */
export const companionsOf = (same: NDArray): NDArray => {
  const size = reduceSum(cast(same, 'int32'), [same.ndim - 1])
  return gt(size, fullLike(size, 1))
}

/**
 * Vectors reflected within their clusters, `I - 2 u uᵀ / uᵀu`: another valid choice. The weights u are in no simple relation,
 * so that values that depend on the choice are likely to change.
 */
export const reflected = (vectors: NDArray, same: NDArray, u: NDArray): NDArray => {
  const among = and(same, spreadVector(companionsOf(same), same.shape, 'columns'))
  const none = fullLike(broadcast(u, same.shape, u.shape.map((_, d) => d)), 0) // prettier-ignore
  const squares = select(same, spreadVector(mul(u, u), same.shape, 'rows'), none)
  const products = mul(spreadVector(u, same.shape, 'rows'), spreadVector(u, same.shape, 'columns'))
  const length = spreadVector(reduceSum(squares, [same.ndim - 1]), same.shape, 'columns')
  const projection = select(among, div(products, length), none)
  return sub(vectors, mul(fullLike(vectors, 2), times(vectors, projection)))
}

/** Weights for `reflected`: √(a + b i). */
export const irregular = (values: NDArray, a: number, b: number): NDArray =>
  sqrt(add(fullLike(values, a), mul(fullLike(values, b), placesLike(values))))

/**
 * Zeros whose derivative is NaN where `which` holds: added to a rule that is right at equal values but not near them, and so
 * cannot be differentiated. The slope of the root at 0 is infinite; `x` is any value with a tangent when the operand has one.
 */
export const withoutDerivative = (which: NDArray, x: NDArray): NDArray => {
  const one = fullLike(x, 1)
  const root = sqrt(select(which, mul(x, zerosLike(x)), one))
  return select(which, root, zerosLike(x))
}

/** 1 / x where `which` holds, and 0 elsewhere, whatever x is there. */
export const inverseWhere = (which: NDArray, x: NDArray): NDArray => {
  const one = fullLike(x, 1)
  return select(which, div(one, select(which, x, one)), zerosLike(x))
}
