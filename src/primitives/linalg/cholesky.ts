/** A = L Lᵀ. */
import { bind } from '../../trace/interpreter.ts'
import { triangularSolve } from '../../ops/linalg.ts'
import { fullLike } from '../../ops/creation.ts'
import { add, mul } from '../../ops/elementwise.ts'
import { moveAxis } from '../../ops/movement.ts'
import { oneBatched, single } from '../kinds.ts'
import type { Primitive } from '../primitive.ts'
import { checkSquare, lowerPart, overMatrices, pattern, times, turned } from './matrices.ts'

/** Row by row. NaN everywhere if the matrix is not positive definite. */
const factorise = (a: Float64Array, n: number): Float64Array => {
  const l = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j]!
      for (let k = 0; k < j; k++) sum -= l[i * n + k]! * l[j * n + k]!
      if (i === j && !(sum > 0)) return new Float64Array(n * n).fill(NaN)
      l[i * n + j] = i === j ? Math.sqrt(sum) : sum / l[j * n + j]!
    }
  }
  return l
}

export const choleskyP: Primitive<'cholesky'> = {
  type: (_, [x]) => {
    checkSquare('cholesky', x!)
    return [x!.strengthen()]
  },
  evaluate: (_, [data], [x], outputs) => overMatrices(data!, x!.shape, outputs, (a, n) => [factorise(a, n)]),
  // dL = L Φ(L⁻¹ dA L⁻ᵀ), Φ the lower part with half the diagonal. Murray, Differentiation of the Cholesky decomposition (2016).
  jvp: (_, [x], [t]) => {
    const l = bind('cholesky', {}, [x!])
    const symmetric = add(lowerPart(t!), turned(lowerPart(t!, true)))
    const from = { lower: true, unitDiagonal: false }
    const left = triangularSolve(l, symmetric, { ...from, leftSide: true, transposeA: false })
    const inner = triangularSolve(l, left, { ...from, leftSide: false, transposeA: true })
    const weights = add(pattern(inner, 'gt'), mul(pattern(inner, 'eq'), fullLike(inner, 0.5)))
    return single(l, times(l, mul(inner, weights)))
  },
  batch: (_, [x], [axis]) => oneBatched(bind('cholesky', {}, [moveAxis(x!, axis!, 0)]), 0),
  facts: { rounds: 'freely' },
}
