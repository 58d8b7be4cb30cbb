/** A = U diag(s) Vᵀ, by one-sided Jacobi rotations. */
import { ProgramError } from '../../core/errors.ts'
import { range } from '../../core/shape.ts'
import { fullLike, zerosLike } from '../../ops/creation.ts'
import { add, div, eq, mul, select, sub } from '../../ops/elementwise.ts'
import { svd } from '../../ops/linalg.ts'
import { moveAxis } from '../../ops/movement.ts'
import { reduceSum } from '../../ops/reduction.ts'
import type { NDArray } from '../../trace/value.ts'
import type { Primitive } from '../primitive.ts'
import { inverseGaps } from './eigh.ts'
import { batchOf, checkMatrices, extents, overMatrices, pattern, spreadVector, times, turned } from './matrices.ts'
import { householder } from './qr.ts'

/** The matrix turned over: n × m. */
const flip = (a: Float64Array, m: number, n: number): Float64Array => {
  const out = new Float64Array(m * n)
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) out[j * m + i] = a[i * n + j]!
  return out
}

const dot = (x: Float64Array, y: Float64Array): number => {
  let sum = 0
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!
  return sum
}

const rotatePair = (x: Float64Array, y: Float64Array, c: number, s: number): void => {
  for (let i = 0; i < x.length; i++) {
    const [a, b] = [x[i]!, y[i]!]
    x[i] = c * a - s * b
    y[i] = s * a + c * b
  }
}

/** Makes the vectors orthogonal by rotating pairs; `v` is rotated along. Hestenes (1958). */
const orthogonalise = (columns: readonly Float64Array[], v: readonly Float64Array[]): void => {
  for (let sweep = 0; sweep < 60; sweep++) {
    let turnedAny = false
    for (let p = 0; p < columns.length - 1; p++) {
      for (let q = p + 1; q < columns.length; q++) {
        const [x, y] = [columns[p]!, columns[q]!]
        const [a, b, g] = [dot(x, x), dot(y, y), dot(x, y)]
        if (!(Math.abs(g) > Number.EPSILON * Math.sqrt(a) * Math.sqrt(b)) || Math.abs(g) < 1e-300) continue
        turnedAny = true
        const zeta = (b - a) / (2 * g)
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(zeta, 1))
        const c = 1 / Math.hypot(t, 1)
        rotatePair(x, y, c, t * c)
        rotatePair(v[p]!, v[q]!, c, t * c)
      }
    }
    if (!turnedAny) return
  }
}

/** Orthonormal columns, `count` of them, that begin with those given: of length m. */
const completed = (given: readonly Float64Array[], m: number, count: number): Float64Array[] => {
  const known = given.length
  if (known === count) return [...given]
  const a = new Float64Array(m * known)
  given.forEach((u, j) => {
    for (let i = 0; i < m; i++) a[i * known + j] = u[i]!
  })
  const q = householder(a, m, known, count)
  const rest = range(count - known).map((k) => Float64Array.from(range(m), (i) => q[i * count + known + k]!))
  return [...given, ...rest]
}

interface Factors {
  readonly u: readonly Float64Array[]
  readonly s: Float64Array
  readonly v: readonly Float64Array[]
}

/** Of a tall matrix, m ≥ n: columns of U and V, `full` of the former. */
const tall = (a: Float64Array, m: number, n: number, full: boolean): Factors => {
  const flipped = flip(a, m, n)
  const columns = range(n).map((j) => flipped.subarray(j * m, (j + 1) * m))
  const v = range(n).map((j) => Float64Array.from(range(n), (i) => (i === j ? 1 : 0)))
  orthogonalise(columns, v)
  const norms = columns.map((x) => x.reduce((norm, v) => Math.hypot(norm, v), 0))
  const order = range(n).sort((i, j) => norms[j]! - norms[i]!)
  const s = Float64Array.from(order, (j) => norms[j]!)
  const smallest = (s[0] ?? 0) * Number.EPSILON * 4
  const known = order.filter((j) => norms[j]! > smallest).map((j) => columns[j]!.map((x) => x / norms[j]!))
  return { u: completed(known, m, full ? m : n), s, v: order.map((j) => v[j]!) }
}

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
  if (m >= n) {
    const { u, s, v } = tall(a, m, n, full)
    return [asColumns(u, m), s, asRows(v, n)]
  }
  const { u, s, v } = tall(flip(a, m, n), n, m, full)
  return [asColumns(v, m), s, asRows(u, n)]
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
