/** The derivative where a factorisation is not unique: right where the value does not depend on the choice, NaN where it does. */
import { isFloat } from '../core/dtype.ts'
import { range } from '../core/shape.ts'
import { fullLike } from '../ops/creation.ts'
import { abs, cast, le, max, mul, not, select, sub } from '../ops/elementwise.ts'
import { broadcast } from '../ops/movement.ts'
import { reduceMax } from '../ops/reduction.ts'
import type { Freedom } from '../primitives/freedom.ts'
import { toleranceOf } from '../primitives/freedom.ts'
import type { Tangent } from '../primitives/primitive.ts'
import type { NDArray } from '../trace/value.ts'

const isWide = (x: NDArray): boolean => x.dtype === 'float32' || x.dtype === 'float64'
const wide = (x: NDArray): NDArray => (isWide(x) ? x : cast(x, 'float32'))

/** Where another choice would change the value. The change of the value as equal values are separated also sets its scale. */
const depends = (primal: NDArray, other: NDArray, { apart, tolerance }: Freedom): NDArray => {
  const [x, y] = [wide(primal), wide(other)]
  const size = apart === null ? abs(x) : max(abs(x), abs(wide(apart)))
  const largest = broadcast(reduceMax(size, range(x.ndim)), x.shape, [])
  const allowed = fullLike(largest, Math.max(tolerance, toleranceOf(primal.dtype)))
  return not(le(abs(sub(y, x)), mul(allowed, largest)))
}

/** The tangent; NaN where the value depends on the choice. */
export const settled = (primal: NDArray, tangent: Tangent, freedom: Freedom): Tangent => {
  const { other } = freedom
  if (other === null || !isFloat(primal.dtype) || primal.size === 0) return tangent
  const open = depends(primal, other, freedom)
  if (tangent === null) {
    const zero = fullLike(wide(primal), 0)
    return cast(select(open, fullLike(zero, NaN), zero), primal.dtype)
  }
  const one = fullLike(wide(tangent), 1)
  return cast(mul(wide(tangent), select(open, fullLike(one, NaN), one)), tangent.dtype)
}
