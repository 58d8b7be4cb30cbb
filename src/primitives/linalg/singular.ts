/** Singular values and vectors of one matrix, by one-sided Jacobi rotations. */
import { range } from '../../core/shape.ts'
import { householder } from './qr.ts'

/** The transpose: n × m. */
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

/** `count` orthonormal columns of length m, which begin with the given ones. */
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

/** Columns of U, singular values in descending order, columns of V. */
interface SingularFactors {
  readonly u: readonly Float64Array[]
  readonly s: Float64Array
  readonly v: readonly Float64Array[]
}

/** For a tall matrix, m ≥ n: columns of U and V; with `full`, U is square. */
const tall = (a: Float64Array, m: number, n: number, full: boolean): SingularFactors => {
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

/** For any finite matrix; with `full`, U and V are square. */
export const singularFactors = (a: Float64Array, m: number, n: number, full: boolean): SingularFactors => {
  if (m >= n) return tall(a, m, n, full)
  const { u, s, v } = tall(flip(a, m, n), n, m, full)
  return { u: v, s, v: u }
}
