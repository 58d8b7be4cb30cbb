/** A = Q R, by Householder's reflections. */
import { ProgramError } from '../../core/errors.ts'
import { qr, triangularSolve } from '../../ops/linalg.ts'
import { add, sub } from '../../ops/elementwise.ts'
import { moveAxis } from '../../ops/movement.ts'
import type { Primitive } from '../primitive.ts'
import { batchOf, checkMatrices, extents, lowerPart, overMatrices, times, turned } from './matrices.ts'

/**
 * Reflections that take the columns of `a` (m × n, changed to R) to the axes, applied to the first `count` axes: that many
 * columns of Q. The signs are LAPACK's: the diagonal of R has the sign opposite to the column's head.
 */
export const householder = (a: Float64Array, m: number, n: number, count: number): Float64Array => {
  const reflections: { readonly v: Float64Array; readonly factor: number }[] = []
  for (let j = 0; j < Math.min(m - 1, n); j++) {
    const v = new Float64Array(m)
    let [norm, tail] = [0, 0]
    for (let i = j; i < m; i++) {
      v[i] = a[i * n + j]!
      norm = Math.hypot(norm, v[i]!)
      if (i > j) tail = Math.max(tail, Math.abs(v[i]!))
    }
    const head = v[j]!
    const beta = head > 0 || Object.is(head, 0) ? -norm : norm
    v[j] = head - beta
    let square = 0
    for (let i = j; i < m; i++) square += v[i]! * v[i]!
    // A column that is on its axis already stays.
    const factor = tail === 0 ? 0 : 2 / square
    reflections.push({ v, factor })
    if (factor === 0) continue
    reflect(a, v, factor, [j, m], [j, n], [n, 1])
    a[j * n + j] = beta
    for (let i = j + 1; i < m; i++) a[i * n + j] = 0
  }
  const q = new Float64Array(m * count)
  for (let i = 0; i < Math.min(m, count); i++) q[i * count + i] = 1
  for (let j = reflections.length - 1; j >= 0; j--) {
    const { v, factor } = reflections[j]!
    if (factor !== 0) reflect(q, v, factor, [j, m], [0, count], [count, 1])
  }
  return q
}

type Pair = readonly [number, number]

/** x - factor v (vᵀ x) for vectors of `x`: element i of vector c stands at `i * si + c * sc`. */
const reflect = (
  x: Float64Array,
  v: Float64Array,
  factor: number,
  [i0, i1]: Pair,
  [c0, c1]: Pair,
  [si, sc]: Pair,
): void => {
  for (let c = c0; c < c1; c++) {
    let dot = 0
    for (let i = i0; i < i1; i++) dot += v[i]! * x[i * si + c * sc]!
    for (let i = i0; i < i1; i++) x[i * si + c * sc]! -= factor * dot * v[i]!
  }
}

export const qrP: Primitive<'qr'> = {
  type: ({ fullMatrices }, [x]) => {
    checkMatrices('qr', x!)
    const [m, n] = extents(x!.shape)
    const k = fullMatrices ? m : Math.min(m, n)
    const a = x!.strengthen()
    return [a.withShape([...batchOf(a.shape), m, k]), a.withShape([...batchOf(a.shape), k, n])]
  },
  evaluate: ({ fullMatrices }, [data], [x], outputs) =>
    overMatrices(data!, x!.shape, outputs, (a, m, n) => {
      const k = fullMatrices ? m : Math.min(m, n)
      const q = householder(a, m, n, k)
      return [q, a.subarray(0, k * n)]
    }),
  // Walter, Lehmann and Lamour, On evaluating higher-order derivatives of the QR decomposition (2012).
  jvp: ({ fullMatrices }, [x], [t]) => {
    const [m, n] = extents(x!.shape)
    if (m < n || (fullMatrices && m !== n)) {
      throw new ProgramError(
        `qr: the derivative is that of tall or square matrices' reduced factors, got ${x!.aval}${fullMatrices ? ' in full' : ''}.`,
      )
    }
    const [q, r] = qr(x!, fullMatrices)
    const how = { leftSide: false, lower: false, transposeA: false, unitDiagonal: false }
    const moved = triangularSolve(r, t!, how)
    const inside = times(turned(q), moved)
    const low = lowerPart(inside, true)
    const turn = sub(low, turned(low))
    const dq = add(times(q, sub(turn, inside)), moved)
    return { primals: [q, r], tangents: [dq, times(sub(inside, turn), r)] }
  },
  batch: ({ fullMatrices }, [x], [axis]) => ({ outputs: qr(moveAxis(x!, axis!, 0), fullMatrices), axes: [0, 0] }),
  facts: {},
}
