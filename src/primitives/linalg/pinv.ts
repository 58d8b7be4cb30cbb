/**
 * The Moore–Penrose inverse, differentiated by a formula of its own instead of by singular vectors, which equal values leave
 * undetermined.
 */
import { ShapeError } from '../../core/errors.ts'
import { sameShape } from '../../core/shape.ts'
import { add, sub } from '../../ops/elementwise.ts'
import { pinv } from '../../ops/linalg.ts'
import type { NDArray } from '../../trace/value.ts'
import { materialize, oneBatched, single } from '../kinds.ts'
import type { Primitive } from '../primitive.ts'
import { batchOf, checkMatrices, extents, overMatrices, times, turned } from './matrices.ts'
import { singularFactors } from './singular.ts'

/** Σ vⱼ uⱼᵀ / sⱼ over the singular values above `rtol` times the largest. */
const invert = (a: Float64Array, m: number, n: number, rtol: number): Float64Array => {
  const inverse = new Float64Array(n * m)
  if (Number.isNaN(rtol) || a.some((x) => !Number.isFinite(x))) return inverse.fill(NaN)
  const { u, s, v } = singularFactors(a, m, n, false)
  s.forEach((value, j) => {
    if (!(value > rtol * s[0]!)) return
    const [left, right] = [u[j]!, v[j]!]
    for (let i = 0; i < n; i++) for (let k = 0; k < m; k++) inverse[i * m + k]! += (right[i]! / value) * left[k]!
  })
  return inverse
}

/**
 * With P the inverse of A, dP = -P dA P + P Pᵀ dAᵀ (I - A P) + (I - P A) dAᵀ Pᵀ P. Golub and Pereyra, The differentiation of
 * pseudo-inverses and nonlinear least squares problems whose variables separate (1973), 4.12. For a tall A, in an order that
 * has no matrix larger than A.
 */
const tallTangent = (a: NDArray, p: NDArray, t: NDArray): NDArray => {
  const left = times(times(p, turned(p)), turned(t))
  const outsideRange = sub(left, times(times(left, a), p))
  const right = times(times(turned(t), turned(p)), p)
  const outsideRows = sub(right, times(times(p, a), right))
  return sub(add(outsideRange, outsideRows), times(times(p, t), p))
}

/** The inverse of Aᵀ is Pᵀ. */
const tangent = (a: NDArray, p: NDArray, t: NDArray): NDArray => {
  const [m, n] = extents(a.shape)
  return m >= n ? tallTangent(a, p, t) : turned(tallTangent(turned(a), turned(p), turned(t)))
}

export const pinvP: Primitive<'pinv'> = {
  type: (_, [x, rtol]) => {
    checkMatrices('pinv', x!)
    const batch = batchOf(x!.shape)
    const [m, n] = extents(x!.shape)
    if (rtol!.dtype !== x!.dtype || !sameShape(rtol!.shape, batch)) {
      throw new ShapeError(`pinv takes a threshold of the matrices' dtype for each of ${x!}, got ${rtol!}.`)
    }
    return [x!.strengthen().withShape([...batch, n, m])]
  },
  evaluate: (_, [data, rtol], [x], outputs) =>
    overMatrices(data!, x!.shape, outputs, (a, m, n, i) => [invert(a, m, n, Number(rtol![i]))]),
  // Where the rank does not change: the selection of singular values has no derivative.
  jvp: (_, [x, rtol], [t]) => {
    const p = pinv(x!, rtol!)
    return single(p, t === null ? null : tangent(x!, p, t!))
  },
  batch: (_, [x, rtol], [axis, rtolAxis], size) =>
    oneBatched(pinv(materialize(x!, axis!, 0, size), materialize(rtol!, rtolAxis!, 0, size)), 0),
  facts: { rounds: 'freely' },
}
