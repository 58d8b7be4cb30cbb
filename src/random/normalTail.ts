/** Draws from the tail of the normal distribution, where its distribution function rounds to 0 or 1. */
import type { DType } from '../core/dtype.ts'
import { isHalf } from '../core/dtype.ts'
import { foriLoop } from '../api/loops.ts'
import { fullLike, scalar } from '../ops/creation.ts'
import * as e from '../ops/elementwise.ts'
import { broadcastTo } from '../ops/movement.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

/** Intervals on one side of 0, at least this far from it, are drawn from the tail; JAX's draws get coarse there. */
const tailOf = (dtype: DType): number => (isHalf(dtype) ? 2 : dtype === 'float32' ? 3 : 5)

/** Whether bounds are numbers between which the distribution function is accurate enough. */
export const isCentral = (lower: ArrayLike, upper: ArrayLike, dtype: DType): boolean =>
  typeof lower === 'number' && typeof upper === 'number' && lower < tailOf(dtype) && upper > -tailOf(dtype)

const times = (x: NDArray, c: number): NDArray => e.mul(x, fullLike(x, c))

/** Mills' ratio (1 - Φ(x)) / φ(x) in the tail, by Laplace's continued fraction 1 / (x + 1 / (x + 2 / (x + …))). */
const millsRatio = (x: NDArray): NDArray => {
  const { dtype, shape } = x.aval
  const terms = dtype === 'float32' ? 12 : 22
  const step = (i: NDArray, denominator: NDArray): NDArray => {
    const numerator = e.sub(scalar(terms, dtype), e.cast(i, dtype))
    return e.add(x, e.div(broadcastTo(numerator, shape), denominator))
  }
  return e.div(fullLike(x, 1), foriLoop(0, terms, step, x))
}

/** log((1 - Φ(x)) / (1 - Φ(a))) for x ≥ a, given both ratios. */
const logOfSurvival = (x: NDArray, a: NDArray, ratioOfX: NDArray, ratioOfA: NDArray): NDArray =>
  e.add(times(e.mul(e.sub(x, a), e.add(x, a)), -0.5), e.log(e.div(ratioOfX, ratioOfA)))

/**
 * The quantile of `u` in [0, 1) of the normal distribution between a and b in the tail: the point where the logarithm of the
 * upper tail's mass is its value at a plus log(1 - u·p); p is the fraction of a's tail that lies between a and b. Newton's
 * method: that logarithm is nearly quadratic, and its slope is minus the reciprocal of Mills' ratio.
 */
const tailQuantile = (u: NDArray, a: NDArray, b: NDArray): NDArray => {
  const ratioOfA = millsRatio(a)
  const part = e.neg(e.expm1(logOfSurvival(b, a, millsRatio(b), ratioOfA)))
  const target = e.log1p(e.neg(e.mul(u, part)))
  let x = e.sqrt(e.add(e.mul(a, a), times(target, -2)))
  for (let round = 0; round < 3; round++) {
    const ratio = millsRatio(x)
    x = e.max(e.add(x, e.mul(e.sub(logOfSurvival(x, a, ratio, ratioOfA), target), ratio)), a)
  }
  return x
}

/** `central` between bounds near 0; elsewhere the quantile of `u` in the tail on their side. */
export const withTails = (central: NDArray, u: NDArray, low: NDArray, high: NDArray): NDArray => {
  const limit = fullLike(low, tailOf(low.dtype))
  const above = e.ge(low, limit)
  const below = e.le(high, e.neg(limit))
  // The lower tail is the upper one, reflected. Where neither applies, any bounds will do.
  const a = e.select(above, low, e.select(below, e.neg(high), limit))
  const b = e.select(above, high, e.select(below, e.neg(low), e.add(limit, fullLike(low, 1))))
  const { dtype } = low.aval
  const wide = (x: NDArray): NDArray => (isHalf(dtype) ? e.cast(x, 'float32') : x)
  const x = e.cast(tailQuantile(wide(u), wide(a), wide(e.max(a, b))), dtype)
  return e.select(above, x, e.select(below, e.neg(x), central))
}
