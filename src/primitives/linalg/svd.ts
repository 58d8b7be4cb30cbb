/** A = U diag(s) Vᵀ. */
import { scalar, zerosLike } from '../../ops/creation.ts'
import { add, mul, or, select } from '../../ops/elementwise.ts'
import { svd } from '../../ops/linalg.ts'
import { moveAxis, pad } from '../../ops/movement.ts'
import { reduceSum } from '../../ops/reduction.ts'
import type { NDArray } from '../../trace/value.ts'
import { toleranceOf } from '../freedom.ts'
import type { Primitive } from '../primitive.ts'
import { companionsOf } from './clusters.ts'
import { batchOf, checkMatrices, extents, overMatrices, pattern, times, turned } from './matrices.ts'
import type { Movement, Side } from './sides.ts'
import { leave, otherChoice, sideOf, turnsOf } from './sides.ts'
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

/** Adds rows and columns of zeros, or removes some, at the end, to n × n. */
const toSquare = (x: NDArray, n: number): NDArray => {
  const [rows, columns] = extents(x.shape)
  const none = x.shape.map(() => 0)
  return pad(x, scalar(0, x.dtype), none, [...none.slice(2), n - rows, n - columns])
}

/** The tangent of the vectors of one side: `inside` is E for them, `pushed` dA times the first vectors of the other side. */
const movementOf = (side: Side, inside: NDArray, pushed: NDArray): Movement => {
  const [rows, columns] = extents(side.vectors.shape)
  const turns = turnsOf(side, toSquare(inside, columns))
  const within = { bounded: times(side.vectors, turns.bounded), steep: times(side.vectors, turns.steep) }
  if (rows === columns) return within
  const out = leave(side, pushed)
  return { bounded: add(within.bounded, out.bounded), steep: add(within.steep, out.steep) }
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
    const [u, s, vt] = svd(x!, fullMatrices)
    const v = turned(vt)
    const [left, right] = [sideOf(u, s), sideOf(v, s)]
    const pushed = times(t!, v)
    const inside = times(turned(u), pushed)
    const du = movementOf(left, inside, pushed)
    const dv = movementOf(right, turned(inside), times(turned(t!), u))
    const tolerance = toleranceOf(x!.dtype)
    const k = s.shape.at(-1)!
    const { apart, same, isZero } = sideOf(k === u.shape.at(-1) ? u : v, s)
    return {
      primals: [u, s, vt],
      tangents: [du.bounded, diagonalOf(toSquare(inside, k)), turned(dv.bounded)],
      freedoms: [
        { other: otherChoice(left, 'left'), apart: null, steep: du.steep, tolerance },
        { other: null, apart: select(or(companionsOf(same), isZero), apart, zerosLike(s)), steep: null, tolerance },
        { other: turned(otherChoice(right, 'right')), apart: null, steep: turned(dv.steep), tolerance },
      ],
    }
  },
  batch: ({ fullMatrices }, [x], [axis]) => ({ outputs: svd(moveAxis(x!, axis!, 0), fullMatrices), axes: [0, 0, 0] }),
  facts: { leavesOpen: true, rounds: 'freely' },
}
