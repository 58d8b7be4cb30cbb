/** A = U diag(s) Vᵀ. */
import { ProgramError } from '../../core/errors.ts'
import { fullLike, zerosLike } from '../../ops/creation.ts'
import { add, div, eq, mul, select, sub } from '../../ops/elementwise.ts'
import { svd } from '../../ops/linalg.ts'
import { moveAxis } from '../../ops/movement.ts'
import { reduceSum } from '../../ops/reduction.ts'
import type { NDArray } from '../../trace/value.ts'
import type { Primitive } from '../primitive.ts'
import { inverseGaps } from './eigh.ts'
import { batchOf, checkMatrices, extents, overMatrices, pattern, spreadVector, times, turned } from './matrices.ts'
import { singularFactors } from './singular.ts'

/** Vectors as the columns of a matrix, or as its rows. */
const asColumns = (vectors: readonly Float64Array[], length: number): Float64Array => {
  const out = new Float64Array(length * vectors.length)
  vectors.forEach((x, j) => {
    for (let i = 0; i < length; i++) out[i * vectors.length + j] = x[i]!
  })
  return out
}
const asRows = (vectors: readonly Float64Array[], length: number): Float64Array => {
  const out = new Float64Array(length * vectors.length)
  vectors.forEach((x, i) => {
    out.set(x, i * length)
  })
  return out
}

const factorise = (a: Float64Array, m: number, n: number, full: boolean): readonly Float64Array[] => {
  if (a.some((x) => !Number.isFinite(x))) {
    const k = Math.min(m, n)
    return [m * (full ? m : k), k, n * (full ? n : k)].map((size) => new Float64Array(size).fill(NaN))
  }
  const { u, s, v } = singularFactors(a, m, n, full)
  return [asColumns(u, m), s, asRows(v, n)]
}

const diagonalOf = (x: NDArray): NDArray => reduceSum(mul(x, pattern(x, 'eq')), [x.ndim - 1])

/** 1 / s, and 0 where s is 0. */
const inverse = (s: NDArray): NDArray => {
  const none = eq(s, zerosLike(s))
  const one = fullLike(s, 1)
  return select(none, zerosLike(s), div(one, select(none, one, s)))
}

/** The part of a derivative of left vectors (m × k, m > k) outside their span. */
const outside = (moved: NDArray, u: NDArray, s: NDArray): NDArray => {
  const left = sub(moved, times(u, times(turned(u), moved)))
  return mul(left, spreadVector(inverse(s), left.shape, 'rows'))
}

export const svdP: Primitive<'svd'> = {
  type: ({ fullMatrices }, [x]) => {
    checkMatrices('svd', x!)
    const [m, n] = extents(x!.shape)
    const k = Math.min(m, n)
    const a = x!.strengthen()
    const batch = batchOf(a.shape)
    return [
      a.withShape([...batch, m, fullMatrices ? m : k]),
      a.withShape([...batch, k]),
      a.withShape([...batch, fullMatrices ? n : k, n]),
    ]
  },
  evaluate: ({ fullMatrices }, [data], [x], outputs) =>
    overMatrices(data!, x!.shape, outputs, (a, m, n) => factorise(a, m, n, fullMatrices)),
  // Townsend, Differentiating the singular value decomposition (2016).
  jvp: ({ fullMatrices }, [x], [t]) => {
    const [m, n] = extents(x!.shape)
    if (fullMatrices && m !== n) {
      throw new ProgramError(
        `svd: the vectors outside the range of ${x!.aval} have no derivative; use { fullMatrices: false }.`,
      )
    }
    const [u, s, vt] = svd(x!, fullMatrices)
    const v = turned(vt)
    const inside = times(times(turned(u), t!), v)
    const gaps = inverseGaps(mul(s, s), inside.shape)
    const [byColumn, byRow] = [spreadVector(s, inside.shape, 'rows'), spreadVector(s, inside.shape, 'columns')]
    const symmetric = (y: NDArray): NDArray => add(y, turned(y))
    const du = times(u, mul(gaps, symmetric(mul(inside, byColumn))))
    const dv = times(v, mul(gaps, symmetric(mul(inside, byRow))))
    const du2 = m > n ? add(du, outside(times(t!, v), u, s)) : du
    const dv2 = n > m ? add(dv, outside(times(turned(t!), u), v, s)) : dv
    return { primals: [u, s, vt], tangents: [du2, diagonalOf(inside), turned(dv2)] }
  },
  batch: ({ fullMatrices }, [x], [axis]) => ({ outputs: svd(moveAxis(x!, axis!, 0), fullMatrices), axes: [0, 0, 0] }),
  facts: {},
}
