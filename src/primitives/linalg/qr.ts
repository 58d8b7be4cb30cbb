/** A = Q R, by Householder's reflections. */
import { ProgramError } from '../../core/errors.ts'
import { qr, triangularSolve } from '../../ops/linalg.ts'
import { add, sub } from '../../ops/elementwise.ts'
import { moveAxis } from '../../ops/movement.ts'
import type { Primitive } from '../primitive.ts'
import { batchOf, checkMatrices, extents, lowerPart, overMatrices, times, turned } from './matrices.ts'

/**
 * Reflections that take the columns of `a` (m × n, changed to R) to the axes, applied to the identity: Q, m × m. The signs are
 * LAPACK's: the diagonal of R has the sign opposite to the column's head.
 */
export const householder = (a: Float64Array, m: number, n: number): Float64Array => {
  const q = new Float64Array(m * m)
  for (let i = 0; i < m; i++) q[i * m + i] = 1
  const v = new Float64Array(m)
  for (let j = 0; j < Math.min(m - 1, n); j++) {
    let norm = 0
    for (let i = j; i < m; i++) norm = Math.hypot(norm, a[i * n + j]!)
    let tail = 0
    for (let i = j + 1; i < m; i++) tail = Math.max(tail, Math.abs(a[i * n + j]!))
    if (tail === 0) continue
    const beta = a[j * n + j]! > 0 || Object.is(a[j * n + j], 0) ? -norm : norm
    v[j] = a[j * n + j]! - beta
    let square = v[j]! * v[j]!
    for (let i = j + 1; i < m; i++) {
      v[i] = a[i * n + j]!
      square += v[i]! * v[i]!
    }
    reflect(a, v, 2 / square, [j, m], [j, n], [n, 1])
    reflect(q, v, 2 / square, [j, m], [0, m], [1, m])
    a[j * n + j] = beta
    for (let i = j + 1; i < m; i++) a[i * n + j] = 0
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

const leadingColumns = (x: Float64Array, rows: number, columns: number, wanted: number): Float64Array => {
  const out = new Float64Array(rows * wanted)
  for (let i = 0; i < rows; i++) for (let j = 0; j < wanted; j++) out[i * wanted + j] = x[i * columns + j]!
  return out
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
      const q = householder(a, m, n)
      return [leadingColumns(q, m, m, k), a.subarray(0, k * n)]
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
