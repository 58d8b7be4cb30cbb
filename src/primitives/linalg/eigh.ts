/** A = V diag(w) Vᵀ, for symmetric matrices, by Jacobi's rotations. */
import { range } from '../../core/shape.ts'
import { eigh, symmetrized } from '../../ops/linalg.ts'
import { fullLike, zerosLike } from '../../ops/creation.ts'
import { div, eq, mul, select, sub } from '../../ops/elementwise.ts'
import { moveAxis } from '../../ops/movement.ts'
import { reduceSum } from '../../ops/reduction.ts'
import type { NDArray } from '../../trace/value.ts'
import type { Primitive } from '../primitive.ts'
import { batchOf, checkSquare, overMatrices, pattern, spreadVector, times, turned } from './matrices.ts'

/** Rotates rows (or columns) p and q: element i of each stands at `p * sp + i * si`. */
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

/** Sweeps of rotations until nothing is left off the diagonal. Golub and Van Loan, Matrix Computations, 8.5. */
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

/** 1 / (yⱼ - yᵢ), and 0 where they are equal: there the derivative of a function that does not care for the basis has no part. */
export const inverseGaps = (y: NDArray, shape: readonly number[]): NDArray => {
  const gaps = sub(spreadVector(y, shape, 'rows'), spreadVector(y, shape, 'columns'))
  const none = eq(gaps, zerosLike(gaps))
  const one = fullLike(gaps, 1)
  return select(none, zerosLike(gaps), div(one, select(none, one, gaps)))
}

export const eighP: Primitive<'eigh'> = {
  type: (_, [x]) => {
    checkSquare('eigh', x!)
    const a = x!.strengthen()
    return [a.withShape([...batchOf(a.shape), a.shape.at(-1)!]), a]
  },
  evaluate: (_, [data], [x], outputs) => overMatrices(data!, x!.shape, outputs, solve),
  // Giles, Collected matrix derivative results for forward and reverse mode algorithmic differentiation (2008), 3.1.
  jvp: (_, [x], [t]) => {
    const [w, v] = eigh(x!)
    const inside = times(times(turned(v), symmetrized(t!)), v)
    const dw = reduceSum(mul(inside, pattern(inside, 'eq')), [inside.ndim - 1])
    const dv = times(v, mul(inverseGaps(w, inside.shape), inside))
    return { primals: [w, v], tangents: [dw, dv] }
  },
  batch: (_, [x], [axis]) => ({ outputs: eigh(moveAxis(x!, axis!, 0)), axes: [0, 0] }),
  facts: {},
}
