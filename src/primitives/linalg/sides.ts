/** Left or right singular vectors: their tangents, and their other possible choices. */
import type { Shape } from '../../core/shape.ts'
import { fullLike, scalar, zerosLike } from '../../ops/creation.ts'
import { add, and, div, eq, le, lt, max, mul, ne, not, select, sqrt, sub } from '../../ops/elementwise.ts'
import { broadcast, expandDims, pad } from '../../ops/movement.ts'
import { reduceSum } from '../../ops/reduction.ts'
import type { NDArray } from '../../trace/value.ts'
import {
  inverseWhere,
  irregular,
  placesLike,
  reachOf,
  reflected,
  together,
  unitOf,
  withoutDerivative,
} from './clusters.ts'
import { extents, samePlace, spreadVector, times, turned } from './matrices.ts'

/** The vectors of one side, as columns, and their data. */
export interface Side {
  readonly vectors: NDArray
  /** The number of singular values. */
  readonly count: number
  /** Singular values, then zeros for further vectors. */
  readonly values: NDArray
  /** How they are separated from each other and from 0: the last singular value by one step, the first by `count`. */
  readonly apart: NDArray
  readonly same: NDArray
  readonly isZero: NDArray
}

export const sideOf = (vectors: NDArray, s: NDArray): Side => {
  const count = s.shape.at(-1)!
  const none = s.shape.map(() => 0)
  const values = pad(s, scalar(0, s.dtype), none, [...none.slice(1), vectors.shape.at(-1)! - count])
  const reach = reachOf(values, 'rounding')
  const steps = max(sub(fullLike(values, count), placesLike(values)), zerosLike(values))
  return {
    vectors,
    count,
    values,
    apart: mul(unitOf(values), mul(fullLike(values, 1 / Math.max(count, 1)), steps)),
    same: together(values, reach),
    isZero: le(values, reach),
  }
}

/** A tangent: its bounded part, and the part that diverges as values become equal or 0. */
export interface Movement {
  readonly bounded: NDArray
  readonly steep: NDArray
}

const isNot0 = (x: NDArray): NDArray => ne(x, zerosLike(x))

const pairs = (x: NDArray, shape: Shape): readonly [column: NDArray, row: NDArray] => [
  spreadVector(x, shape, 'rows'),
  spreadVector(x, shape, 'columns'),
]

/** 1 / steps: right while the distance is 0, and not the derivative of anything. */
const steeply = (where: NDArray, steps: NDArray, distance: NDArray): NDArray =>
  add(inverseWhere(where, steps), withoutDerivative(where, distance))

/**
 * The Ω with du = u Ω within the span, along E = uᵀ dA v, whose symmetric and antisymmetric parts are S and T:
 * Ω = S / (sⱼ - sᵢ) + T / (sⱼ + sᵢ). The first part diverges as two values become equal, the second as both become 0. For v the
 * same holds with Eᵀ.
 */
export const turnsOf = ({ values, apart, same, isZero }: Side, inside: NDArray): Movement => {
  const { shape } = inside
  const symmetric = mul(fullLike(inside, 0.5), add(inside, turned(inside)))
  const antisymmetric = sub(inside, symmetric)
  const [sj, si] = pairs(values, shape)
  const [aj, ai] = pairs(apart, shape)
  const [zj, zi] = pairs(isZero, shape)
  const meet = and(same, isNot0(sub(aj, ai)))
  const vanish = and(zj, zi)
  const vanishApart = and(and(vanish, not(samePlace(inside))), isNot0(add(aj, ai)))
  const whole = (fromS: NDArray, fromT: NDArray): NDArray => add(mul(symmetric, fromS), mul(antisymmetric, fromT))
  return {
    bounded: whole(inverseWhere(not(same), sub(sj, si)), inverseWhere(not(vanish), add(sj, si))),
    steep: whole(steeply(meet, sub(aj, ai), sub(sj, si)), steeply(vanishApart, add(aj, ai), add(sj, si))),
  }
}

/**
 * The part of the tangent outside the span of the vectors: the part of `pushed`, dA times the other side's vectors, outside of
 * it, over s.
 */
export const leave = ({ vectors, values, apart, isZero }: Side, pushed: NDArray): Movement => {
  const outside = sub(pushed, times(vectors, times(turned(vectors), pushed)))
  const scaled = (by: NDArray): NDArray => mul(outside, spreadVector(by, outside.shape, 'rows'))
  return { bounded: scaled(inverseWhere(not(isZero), values)), steep: scaled(steeply(isZero, apart, values)) }
}

/** The last vector, if its value is 0, turned by an eighth towards a direction outside the span. */
const mixed = ({ vectors, isZero }: Side): NDArray => {
  const last = vectors.ndim - 1
  const weights = irregular(reduceSum(vectors, [last]), 2, 1)
  const column = expandDims(weights, last)
  const outside = sub(column, times(vectors, times(turned(vectors), column)))
  const length = expandDims(sqrt(reduceSum(mul(outside, outside), [last - 1])), last)
  const unit = div(outside, broadcast(length, outside.shape, outside.shape.map((_, d) => d))) // prettier-ignore
  const spread = broadcast(unit, vectors.shape, vectors.shape.map((_, d) => d)) // prettier-ignore
  const diagonal = mul(fullLike(vectors, Math.SQRT1_2), add(vectors, spread))
  const isLast = eq(placesLike(vectors), fullLike(vectors, vectors.shape.at(-1)! - 1))
  return select(and(isLast, spreadVector(isZero, vectors.shape, 'rows')), diagonal, vectors)
}

/**
 * Another valid choice of the vectors: reflected within clusters, on both sides alike. Where singular values are 0 the sides
 * are independent: there the left vectors are reflected differently, and negated.
 */
export const otherChoice = (side: Side, which: 'left' | 'right'): NDArray => {
  const { vectors, count, values, same, isZero } = side
  const [rows, columns] = extents(vectors.shape)
  const free = rows > columns ? mixed(side) : vectors
  const weights = irregular(values, 2, 1)
  if (which === 'right') return reflected(free, same, weights)
  const chosen = reflected(free, same, select(isZero, irregular(values, 3, 2), weights))
  const turnedRound = and(isZero, lt(placesLike(values), fullLike(values, count)))
  const signs = select(turnedRound, fullLike(values, -1), fullLike(values, 1))
  return mul(chosen, spreadVector(signs, chosen.shape, 'rows'))
}
