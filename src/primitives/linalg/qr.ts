/** A = Q R, by Householder's reflections. */
import { fullLike, scalar, zerosLike } from '../../ops/creation.ts'
import { abs, add, and, eq, le, mul, neg, select, sqrt, sub } from '../../ops/elementwise.ts'
import { qr, triangularSolve } from '../../ops/linalg.ts'
import { concatenate, moveAxis, pad, sliceInDim } from '../../ops/movement.ts'
import { reduceSum } from '../../ops/reduction.ts'
import type { NDArray } from '../../trace/value.ts'
import { toleranceOf } from '../freedom.ts'
import type { Primitive } from '../primitive.ts'
import { irregular, reflected, roundingOf } from './clusters.ts'
import {
  batchOf,
  checkMatrices,
  extents,
  leading,
  lowerPart,
  overMatrices,
  samePlace,
  spreadVector,
  times,
  turned,
} from './matrices.ts'

/**
 * Reflections that map the columns of `a` (m × n, overwritten by R) to the axes, applied to the first `count` axes: the first
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
    // A column that is already on its axis stays.
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

/** x - factor v (vᵀ x) for vectors of `x`: element i of vector c is at `i * si + c * sc`. */
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

const columnsFrom = (x: NDArray, from: number): NDArray => sliceInDim(x, from, x.shape.at(-1)!, x.ndim - 1)
const besideEachOther = (x: NDArray, y: NDArray): NDArray => concatenate([x, y], x.ndim - 1)

/**
 * Square R with exact zeros on its diagonal where a column depends on those before it, up to rounding: Q is not determined
 * there.
 */
const withoutNoise = (r: NDArray): NDArray => {
  const rows = r.ndim - 2
  const lengths = sqrt(reduceSum(mul(r, r), [rows]))
  const noise = spreadVector(mul(fullLike(lengths, roundingOf(lengths)), lengths), r.shape, 'rows')
  const isNoise = and(samePlace(r), le(abs(r), noise))
  return select(isNoise, zerosLike(r), r)
}

/** The part of Q beyond the columns that A determines: any basis of the complement is valid. */
const turnedRest = (q: NDArray): NDArray => {
  const weights = irregular(reduceSum(q, [q.ndim - 2]), 2, 1)
  const shape = [...weights.shape, q.shape.at(-1)!]
  const all = spreadVector(eq(weights, weights), shape, 'rows')
  return reflected(q, all, weights)
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
  // A = Q R, in which the first k columns, A₁ = Q₁ R₁, determine Q₁: with X = dA₁ R₁⁻¹ and L the part of Q₁ᵀ X below the diagonal,
  // Q₁ᵀ dQ₁ = L - Lᵀ =: Ω, dR = Q₁ᵀ dA - Ω R. Walter, Lehmann and Lamour, On evaluating higher-order derivatives of the QR
  // decomposition (2012). Further columns Q₂ stay orthogonal: dQ₂ = -Q₁ dQ₁ᵀ Q₂, and are undetermined.
  jvp: ({ fullMatrices }, [x], [t]) => {
    const [m, n] = extents(x!.shape)
    const k = Math.min(m, n)
    const [q, r] = qr(x!, fullMatrices)
    const [first, square] = [leading(q, m, k), withoutNoise(leading(r, k, k))]
    const how = { leftSide: false, lower: false, transposeA: false, unitDiagonal: false }
    const moved = triangularSolve(square, leading(t!, m, k), how)
    const inside = times(turned(first), moved)
    const low = lowerPart(inside, true)
    const turn = sub(low, turned(low))
    const dFirst = add(times(first, sub(turn, inside)), moved)
    const dSquare = times(sub(inside, turn), leading(r, k, k))
    const others = sub(times(turned(first), columnsFrom(t!, k)), times(turn, columnsFrom(leading(r, k, n), k)))
    const dr = n > k ? besideEachOther(dSquare, others) : dSquare
    if (q.shape.at(-1) === k) return { primals: [q, r], tangents: [dFirst, dr] }
    const rest = columnsFrom(q, k)
    const dq = besideEachOther(dFirst, neg(times(first, times(turned(dFirst), rest))))
    const none = r.shape.map(() => 0)
    const below = pad(dr, scalar(0, r.dtype), none, [...none.slice(2), m - k, 0])
    const other = besideEachOther(first, turnedRest(rest))
    return {
      primals: [q, r],
      tangents: [dq, below],
      freedoms: [
        { other, apart: null, steep: null, tolerance: toleranceOf(x!.dtype) },
        { other: null, apart: null, steep: null, tolerance: 0 },
      ],
    }
  },
  batch: ({ fullMatrices }, [x], [axis]) => ({ outputs: qr(moveAxis(x!, axis!, 0), fullMatrices), axes: [0, 0] }),
  facts: { leavesOpen: true, rounds: 'freely' },
}
