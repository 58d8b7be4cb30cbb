/** A = V diag(w) Vᵀ, for symmetric matrices, by Jacobi's rotations. */
import type { Shape } from '../../core/shape.ts'
import { range } from '../../core/shape.ts'
import { eigh, symmetrized } from '../../ops/linalg.ts'
import { fullLike, zerosLike } from '../../ops/creation.ts'
import { add, and, mul, not, select, sub } from '../../ops/elementwise.ts'
import { moveAxis } from '../../ops/movement.ts'
import { reduceSum } from '../../ops/reduction.ts'
import type { NDArray } from '../../trace/value.ts'
import { toleranceOf } from '../freedom.ts'
import type { Primitive } from '../primitive.ts'
import {
  companionsOf,
  inverseWhere,
  irregular,
  placesLike,
  reachOf,
  reflected,
  together,
  unitOf,
  withoutDerivative,
} from './clusters.ts'
import { batchOf, checkSquare, overMatrices, pattern, samePlace, spreadVector, times, turned } from './matrices.ts'

/** Rotates rows (or columns) p and q: element i of each is at `p * sp + i * si`. */
const rotate = (
  x: Float64Array,
  n: number,
  p: number,
  q: number,
  c: number,
  s: number,
  sp: number,
  si: number,
): void => {
  for (let i = 0; i < n; i++) {
    const [a, b] = [x[p * sp + i * si]!, x[q * sp + i * si]!]
    x[p * sp + i * si] = c * a - s * b
    x[q * sp + i * si] = s * a + c * b
  }
}

/** Sweeps of rotations until the matrix is diagonal. Golub and Van Loan, Matrix Computations, 8.5. */
const diagonalise = (a: Float64Array, n: number): Float64Array => {
  const v = new Float64Array(n * n)
  for (let i = 0; i < n; i++) v[i * n + i] = 1
  for (let sweep = 0; sweep < 60; sweep++) {
    let turnedAny = false
    for (let p = 0; p < n - 1; p++) {
      for (let q = p + 1; q < n; q++) {
        const apq = a[p * n + q]!
        const scale = Math.sqrt(Math.abs(a[p * n + p]!)) * Math.sqrt(Math.abs(a[q * n + q]!))
        if (!(Math.abs(apq) > Number.EPSILON * 0.5 * scale) || Math.abs(apq) < 1e-300) continue
        turnedAny = true
        const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * apq)
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1))
        const c = 1 / Math.hypot(t, 1)
        rotate(a, n, p, q, c, t * c, n, 1)
        rotate(a, n, p, q, c, t * c, 1, n)
        a[p * n + q] = 0
        a[q * n + p] = 0
        rotate(v, n, p, q, c, t * c, 1, n)
      }
    }
    if (!turnedAny) break
  }
  return v
}

/** Eigenvalues in ascending order, eigenvectors beside them. */
const solve = (a: Float64Array, n: number): readonly [Float64Array, Float64Array] => {
  if (a.some((x) => !Number.isFinite(x))) return [new Float64Array(n).fill(NaN), new Float64Array(n * n).fill(NaN)]
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i; j++) a[i * n + j] = a[j * n + i] = (a[i * n + j]! + a[j * n + i]!) / 2
  const v = diagonalise(a, n)
  const order = range(n).sort((i, j) => a[i * n + i]! - a[j * n + j]!)
  const vectors = new Float64Array(n * n)
  order.forEach((from, to) => {
    for (let i = 0; i < n; i++) vectors[i * n + to] = v[i * n + from]!
  })
  return [Float64Array.from(order, (i) => a[i * n + i]!), vectors]
}

/**
 * Ω, where the tangent of the vectors `v` is `v Ω`, along `inside` = vᵀ dA v: the bounded part, and the part that diverges as
 * values become equal.
 */
const turns = (w: NDArray, same: NDArray, inside: NDArray): { readonly bounded: NDArray; readonly steep: NDArray } => {
  const { shape } = inside
  const gaps = sub(spreadVector(w, shape, 'rows'), spreadVector(w, shape, 'columns'))
  const near = and(same, not(samePlace(inside)))
  const places = sub(...spreadBoth(apartOf(w), shape))
  return {
    bounded: mul(inverseWhere(not(same), gaps), inside),
    steep: mul(add(inverseWhere(near, places), withoutDerivative(near, gaps)), inside),
  }
}

const spreadBoth = (x: NDArray, shape: Shape): readonly [NDArray, NDArray] => [
  spreadVector(x, shape, 'rows'),
  spreadVector(x, shape, 'columns'),
]

/** How eigenvalues are separated: the i-th by i steps. */
const apartOf = (w: NDArray): NDArray => mul(unitOf(w), mul(fullLike(w, 1 / w.shape.at(-1)!), placesLike(w)))

export const eighP: Primitive<'eigh'> = {
  type: (_, [x]) => {
    checkSquare('eigh', x!)
    const a = x!.strengthen()
    return [a.withShape([...batchOf(a.shape), a.shape.at(-1)!]), a]
  },
  evaluate: (_, [data], [x], outputs) => overMatrices(data!, x!.shape, outputs, solve),
  // With E = vᵀ dA v, dw = diag(E) and dv = v (E / (wⱼ - wᵢ)). Giles, Collected matrix derivative results for forward and
  // reverse mode algorithmic differentiation (2008), 3.1.
  jvp: ({ basisFree }, [x], [t]) => {
    const [w, v] = eigh(x!, basisFree)
    const inside = times(times(turned(v), symmetrized(t!)), v)
    const same = together(w, reachOf(w, basisFree ? 'halfTheDigits' : 'rounding'))
    const { bounded, steep } = turns(w, same, inside)
    const tolerance = toleranceOf(x!.dtype)
    const apart = select(companionsOf(same), apartOf(w), zerosLike(w))
    return {
      primals: [w, v],
      tangents: [reduceSum(mul(inside, pattern(inside, 'eq')), [inside.ndim - 1]), times(v, bounded)],
      freedoms: [
        { other: null, apart, steep: null, tolerance },
        {
          other: basisFree ? null : reflected(v, same, irregular(w, 2, 1)),
          apart: null,
          steep: times(v, steep),
          tolerance,
        },
      ],
    }
  },
  batch: ({ basisFree }, [x], [axis]) => ({ outputs: eigh(moveAxis(x!, axis!, 0), basisFree), axes: [0, 0] }),
  facts: { leavesOpen: true, rounds: 'freely' },
}
