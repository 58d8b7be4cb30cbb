/** P A = L U, with partial pivoting. */
import { Aval } from '../../core/aval.ts'
import { range } from '../../core/shape.ts'
import { iota, scalar } from '../../ops/creation.ts'
import { add, cast, eq, ge, mul, sub } from '../../ops/elementwise.ts'
import { triangularSolve } from '../../ops/linalg.ts'
import { broadcast, moveAxis, pad } from '../../ops/movement.ts'
import { bindAll } from '../../trace/interpreter.ts'
import type { NDArray } from '../../trace/value.ts'
import type { Primitive } from '../primitive.ts'
import {
  batchOf,
  checkMatrices,
  extents,
  leading,
  lowerPart,
  overMatrices,
  pattern,
  spreadVector,
  times,
} from './matrices.ts'

/** L below the diagonal and U above, in place; row exchanges, and their permutation. */
const factorise = (a: Float64Array, m: number, n: number): readonly [Float64Array, Int32Array, Int32Array] => {
  const k = Math.min(m, n)
  const pivots = new Int32Array(k)
  const permutation = Int32Array.from(range(m))
  for (let j = 0; j < k; j++) {
    let pivot = j
    for (let i = j + 1; i < m; i++) if (Math.abs(a[i * n + j]!) > Math.abs(a[pivot * n + j]!)) pivot = i
    pivots[j] = pivot
    if (pivot !== j) exchange(a, permutation, n, j, pivot)
    const head = a[j * n + j]!
    if (head === 0) continue
    for (let i = j + 1; i < m; i++) {
      const factor = a[i * n + j]! / head
      a[i * n + j] = factor
      for (let c = j + 1; c < n; c++) a[i * n + c]! -= factor * a[j * n + c]!
    }
  }
  return [a, pivots, permutation]
}

const exchange = (a: Float64Array, permutation: Int32Array, n: number, i: number, j: number): void => {
  for (let c = 0; c < n; c++) [a[i * n + c], a[j * n + c]] = [a[j * n + c]!, a[i * n + c]!]
  ;[permutation[i], permutation[j]] = [permutation[j]!, permutation[i]!]
}

/** Pads with zeros below and to the right, to these numbers of rows and columns. */
const padded = (x: NDArray, rows: number, columns: number): NDArray => {
  const [m, n] = extents(x.shape)
  const none = x.shape.map(() => 0)
  return pad(x, scalar(0, x.dtype), none, [...batchOf(x.shape).map(() => 0), rows - m, columns - n])
}

/** U, continued by the identity to a square matrix. */
const squareUpper = (lu: NDArray, k: number, n: number): NDArray => {
  const u = padded(sub(leading(lu, k, n), lowerPart(leading(lu, k, n), true)), n, n)
  const late = ge(iota('int32', u.shape, u.ndim - 2), broadcast(scalar(k, 'int32'), u.shape, []))
  return add(u, mul(pattern(u, 'eq'), cast(late, u.dtype)))
}

/** The rows of a matrix in the order of a permutation, as a product. */
const permuted = (permutation: NDArray, x: NDArray): NDArray => {
  const m = x.shape.at(-2)!
  const shape = [...batchOf(x.shape), m, m]
  const wanted = spreadVector(permutation, shape, 'columns')
  return times(cast(eq(wanted, iota('int32', shape, shape.length - 1)), x.dtype), x)
}

export const luP: Primitive<'lu'> = {
  type: (_, [x]) => {
    checkMatrices('lu', x!)
    const [m, n] = extents(x!.shape)
    const batch = batchOf(x!.shape)
    return [x!.strengthen(), new Aval('int32', [...batch, Math.min(m, n)]), new Aval('int32', [...batch, m])]
  },
  evaluate: (_, [data], [x], outputs) => overMatrices(data!, x!.shape, outputs, factorise),
  // With P dA = dL U + L dU, L⁻¹ P dA U⁻¹ is L⁻¹ dL below the diagonal and dU U⁻¹ above.
  jvp: (_, [x], [t]) => {
    const [lu, pivots, permutation] = bindAll('lu', {}, [x!]) as [NDArray, NDArray, NDArray]
    const [m, n] = extents(lu.shape)
    const k = Math.min(m, n)
    const l = padded(lowerPart(leading(lu, m, k), true), m, m)
    const u = squareUpper(lu, k, n)
    const options = { transposeA: false }
    const left = triangularSolve(l, permuted(permutation, t!), {
      ...options,
      leftSide: true,
      lower: true,
      unitDiagonal: true,
    })
    const both = triangularSolve(u, left, { ...options, leftSide: false, lower: false, unitDiagonal: false })
    const below = lowerPart(both, true)
    const moved = add(add(below, times(l, below)), times(sub(both, below), u))
    return { primals: [lu, pivots, permutation], tangents: [moved, null, null] }
  },
  batch: (_, [x], [axis]) => ({ outputs: bindAll('lu', {}, [moveAxis(x!, axis!, 0)]), axes: [0, 0, 0] }),
  facts: { rounds: 'freely' },
}
