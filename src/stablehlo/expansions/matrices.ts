/**
 * Factorisations of one matrix as programs, for engines that have none: the reference's algorithms, in float64, with its signs and its
 * order, so that what is exported means what it meant.
 */
import * as lax from '../../lax/index.ts'
import * as np from '../../numpy/index.ts'
import type { NDArray } from '../../trace/value.ts'

const rowsOf = (a: NDArray): number => a.shape[0]!
const columnsOf = (a: NDArray): number => a.shape[1]!

const places = (n: number): NDArray => np.arange(n, { dtype: 'int32' })

const columnAt = (a: NDArray, j: NDArray): NDArray => lax.dynamicIndexInDim(a, j, 1, false)
const rowAt = (a: NDArray, i: NDArray): NDArray => lax.dynamicIndexInDim(a, i, 0, false)
const withColumn = (a: NDArray, j: NDArray, column: NDArray): NDArray => lax.dynamicUpdateIndexInDim(a, column, j, 1)
const withRow = (a: NDArray, i: NDArray, row: NDArray): NDArray => lax.dynamicUpdateIndexInDim(a, row, i, 0)

const outer = (x: NDArray, y: NDArray): NDArray => np.multiply(np.expandDims(x, 1), np.expandDims(y, 0))

/** The length of a vector, without overflow. */
const lengthOf = (x: NDArray): NDArray => {
  const largest = np.max(np.abs(x), { initial: 0 })
  const scale = np.where(np.greater(largest, 0), largest, 1)
  return np.multiply(scale, np.sqrt(np.sum(np.square(np.divide(x, scale)))))
}

/** x - factor v (vᵀ x), for the columns of x. */
const reflect = (x: NDArray, v: NDArray, factor: NDArray): NDArray =>
  np.subtract(x, outer(np.multiply(factor, v), np.matmul(v, x)))

/** Q, of `count` columns, and R, by Householder's reflections. */
export const householder = (a: NDArray, count: number): readonly [q: NDArray, r: NDArray] => {
  const [m, n] = [rowsOf(a), columnsOf(a)]
  const steps = Math.max(0, Math.min(m - 1, n))
  const rows = places(m)
  const identity = np.eye(m, count, { dtype: a.dtype })
  if (steps === 0) return [identity, a]
  const forward = (
    j: NDArray,
    [r, vs, factors]: readonly [NDArray, NDArray, NDArray],
  ): readonly [NDArray, NDArray, NDArray] => {
    const column = columnAt(r, j)
    const [isBelow, isHead] = [np.greater(rows, j), np.equal(rows, j)]
    const x = np.where(np.less(rows, j), 0, column)
    const head = np.sum(np.where(isHead, column, 0))
    const norm = lengthOf(x)
    const beta = np.where(np.signbit(head), norm, np.negative(norm))
    const tail = np.max(np.where(isBelow, np.abs(column), 0))
    const isThere = np.equal(tail, 0)
    const v = np.where(isHead, np.subtract(head, beta), x)
    const square = np.sum(np.square(v))
    const factor = np.where(isThere, 0, np.divide(2, np.where(np.equal(square, 0), 1, square)))
    const reduced = np.where(isBelow, 0, np.where(isHead, beta, columnAt(reflect(r, v, factor), j)))
    const next = withColumn(reflect(r, v, factor), j, np.where(isThere, column, reduced))
    return [next, withColumn(vs, j, v), np.where(np.equal(places(steps), j), factor, factors)]
  }
  const start = [a, np.zeros([m, steps], { dtype: a.dtype }), np.zeros([steps], { dtype: a.dtype })] as const
  const [r, vs, factors] = lax.foriLoop(0, steps, forward, start)
  const backward = (i: NDArray, q: NDArray): NDArray => {
    const j = np.subtract(steps - 1, i)
    return reflect(q, columnAt(vs, j), lax.dynamicIndexInDim(factors, j, 0, false))
  }
  return [lax.foriLoop(0, steps, backward, identity), r]
}

/** L and U in one matrix, row exchanges, and the permutation that they come to. */
export const lu = (a: NDArray): readonly [NDArray, NDArray, NDArray] => {
  const [m, n] = [rowsOf(a), columnsOf(a)]
  const k = Math.min(m, n)
  const [rows, columns] = [places(m), places(n)]
  const start = [a, np.zeros([k], { dtype: 'int32' }), rows] as const
  if (k === 0) return start
  const step = (
    j: NDArray,
    [x, pivots, permutation]: readonly [NDArray, NDArray, NDArray],
  ): readonly [NDArray, NDArray, NDArray] => {
    const sizes = np.abs(columnAt(x, j))
    // NaN is never larger; the first element stays if it is one.
    const isCandidate = np.logicalAnd(np.greaterEqual(rows, j), np.logicalNot(np.isnan(sizes)))
    const best = np.argmax(np.where(isCandidate, sizes, -1))
    const head = lax.dynamicIndexInDim(sizes, j, 0, false)
    const pivot = np.where(np.isnan(head), j, best.astype('int32'))
    const from = np.where(np.equal(rows, j), pivot, np.where(np.equal(rows, pivot), j, rows))
    const exchanged = np.take(x, from, { axis: 0 })
    const row = rowAt(exchanged, j)
    const divisor = lax.dynamicIndexInDim(row, j, 0, false)
    const isZero = np.equal(divisor, 0)
    const column = columnAt(exchanged, j)
    const isBelow = np.greater(rows, j)
    const factor = np.where(isBelow, np.divide(column, np.where(isZero, 1, divisor)), 0)
    // Elsewhere nothing changes, whatever 0 times the factor is.
    const isRest = np.logicalAnd(np.expandDims(isBelow, 1), np.greater(columns, j))
    const rest = np.where(isRest, np.subtract(exchanged, outer(factor, row)), exchanged)
    const next = withColumn(rest, j, np.where(isBelow, factor, column))
    return [
      np.where(isZero, exchanged, next),
      np.where(np.equal(places(k), j), pivot, pivots),
      np.take(permutation, from, { axis: 0 }),
    ]
  }
  return lax.foriLoop(0, k, step, start)
}

/** All pairs of places, the first below the second, in the order of Jacobi's sweeps. */
const pairsOf = (n: number): readonly [NDArray, NDArray] => {
  const pairs = Array.from({ length: n }, (_, p) =>
    Array.from({ length: n - 1 - p }, (__, d) => [p, p + 1 + d] as const),
  ).flat()
  return [
    np.array(
      pairs.map(([p]) => p),
      { dtype: 'int32' },
    ),
    np.array(
      pairs.map(([, q]) => q),
      { dtype: 'int32' },
    ),
  ]
}

const MOST_SWEEPS = 60

/** Cosine and sine of the rotation for these; of none, where there is nothing to do. */
const rotationOf = (tangent2: NDArray, isDue: NDArray): readonly [cosine: NDArray, sine: NDArray] => {
  const z = np.where(isDue, tangent2, 0)
  const t = np.divide(np.where(np.less(z, 0), -1, 1), np.add(np.abs(z), np.hypot(z, 1))).astype(z.dtype)
  const c = np.reciprocal(np.hypot(t, 1))
  return [np.where(isDue, c, 1), np.where(isDue, np.multiply(t, c), 0)]
}

/** A matrix whose rows are turned, and what is turned along with it. */
type Rows = readonly [x: NDArray, along: NDArray]

/** Sweeps of rotations until none is due. */
const sweeps = (
  n: number,
  start: Rows,
  rotate: (p: NDArray, q: NDArray, rows: Rows) => readonly [isDue: NDArray, rows: Rows],
): Rows => {
  if (n < 2) return start
  const [ps, qs] = pairsOf(n)
  const count = (n * (n - 1)) / 2
  const place = (places: NDArray, i: NDArray): NDArray => lax.dynamicIndexInDim(places, i, 0, false)
  type State = readonly [isOpen: NDArray, done: NDArray, x: NDArray, along: NDArray]
  const step = (i: NDArray, [any, done, x, along]: State): State => {
    const [due, rows] = rotate(place(ps, i), place(qs, i), [x, along])
    return [np.logicalOr(any, due), done, ...rows]
  }
  const sweep = ([, done, x, along]: State): State =>
    lax.foriLoop(0, count, step, [np.array(false), np.add(done, 1).astype('int32'), x, along] as State)
  const [, , x, along] = lax.whileLoop(
    ([isOpen, done]: State) => np.logicalAnd(isOpen, np.less(done, MOST_SWEEPS)),
    sweep,
    [np.array(true), np.array(0, { dtype: 'int32' }), ...start] as State,
  )
  return [x, along]
}

const isDue = (off: NDArray, epsilon: number, scale: NDArray): NDArray =>
  np.logicalAnd(np.greater(np.abs(off), np.multiply(epsilon, scale)), np.greaterEqual(np.abs(off), 1e-300))

/** Two vectors of a matrix, by rows, turned by a rotation. */
const turned = (x: NDArray, p: NDArray, q: NDArray, c: NDArray, s: NDArray): NDArray => {
  const [a, b] = [rowAt(x, p), rowAt(x, q)]
  const first = np.subtract(np.multiply(c, a), np.multiply(s, b))
  return withRow(withRow(x, p, first), q, np.add(np.multiply(s, a), np.multiply(c, b)))
}

const nanLike = (x: NDArray): NDArray => np.fullLike(x, NaN)

/** Eigenvalues in ascending order, and vectors as columns, of a symmetric matrix by Jacobi's rotations; NaN where an element is not finite. */
export const eigh = (given: NDArray): readonly [w: NDArray, v: NDArray] => {
  const n = rowsOf(given)
  const isFinite = np.all(np.isfinite(given))
  const a = np.divide(np.add(given, given.T), 2)
  const start = [np.where(isFinite, a, 0), np.eye(n, n, { dtype: a.dtype })] as const
  const element = (x: NDArray, i: NDArray, j: NDArray): NDArray => lax.dynamicIndexInDim(rowAt(x, i), j, 0, false)
  const [diagonalised, rows] = sweeps(n, start, (p, q, [x, v]) => {
    const [app, aqq, apq] = [element(x, p, p), element(x, q, q), element(x, p, q)]
    const scale = np.multiply(np.sqrt(np.abs(app)), np.sqrt(np.abs(aqq)))
    const due = isDue(apq, Number.EPSILON * 0.5, scale)
    const theta = np.divide(np.subtract(aqq, app), np.multiply(2, np.where(due, apq, 1)))
    const [c, s] = rotationOf(theta, due)
    const both = turned(turned(x, p, q, c, s).T, p, q, c, s).T
    const cleared = both.at(p, q).set(0).at(q, p).set(0)
    return [due, [np.where(due, cleared, x), turned(v, p, q, c, s)]]
  })
  const values = np.diagonal(diagonalised)
  const order = np.argsort(values, { stable: true })
  const [w, v] = [np.take(values, order, { axis: 0 }), np.take(rows, order, { axis: 0 }).T]
  return [np.where(isFinite, w, nanLike(w)), np.where(isFinite, v, nanLike(v))]
}

/** U with `full` square, singular values in descending order, V by columns, of a tall matrix: Hestenes's rotations. */
const tall = (a: NDArray, full: boolean): readonly [u: NDArray, s: NDArray, v: NDArray] => {
  const [m, n] = [rowsOf(a), columnsOf(a)]
  const start = [a.T, np.eye(n, n, { dtype: a.dtype })] as const
  const [columns, vectors] = sweeps(n, start, (p, q, [x, v]) => {
    const [first, second] = [rowAt(x, p), rowAt(x, q)]
    const [aa, bb, ab] = [np.sum(np.square(first)), np.sum(np.square(second)), np.sum(np.multiply(first, second))]
    const due = isDue(ab, Number.EPSILON, np.multiply(np.sqrt(aa), np.sqrt(bb)))
    const zeta = np.divide(np.subtract(bb, aa), np.multiply(2, np.where(due, ab, 1)))
    const [c, s] = rotationOf(zeta, due)
    return [due, [turned(x, p, q, c, s), turned(v, p, q, c, s)]]
  })
  const norms = np.sqrt(np.sum(np.square(columns), { axis: 1 }))
  const order = np.argsort(np.negative(norms), { stable: true })
  const s = np.take(norms, order, { axis: 0 })
  const largest = n === 0 ? np.array(0, { dtype: a.dtype }) : s.at(0).get()
  const isKnown = np.greater(s, np.multiply(4 * Number.EPSILON, largest))
  const lengths = np.where(isKnown, s, 1)
  const known = np.where(
    np.expandDims(isKnown, 1),
    np.divide(np.take(columns, order, { axis: 0 }), np.expandDims(lengths, 1)),
    0,
  ).T
  const count = full ? m : n
  // Columns of zeros leave Householder's basis alone: from the first one on it is a basis of what is left.
  const [basis] = householder(known, count)
  const own = np.concatenate([isKnown, np.zeros([count - n], { dtype: 'bool' })])
  const wide = np.pad(known, [
    [0, 0],
    [0, count - n],
  ])
  return [np.where(np.expandDims(own, 0), wide, basis), s, np.take(vectors, order, { axis: 0 }).T]
}

/** U, singular values, Vᵀ of any matrix; NaN where an element is not finite. */
export const svd = (given: NDArray, full: boolean): readonly [u: NDArray, s: NDArray, vt: NDArray] => {
  const isFinite = np.all(np.isfinite(given))
  const a = np.where(isFinite, given, 0)
  const factors = (): readonly [NDArray, NDArray, NDArray] => {
    if (rowsOf(a) >= columnsOf(a)) {
      const [u, s, v] = tall(a, full)
      return [u, s, v.T]
    }
    const [u, s, v] = tall(a.T, full)
    return [v, s, u.T]
  }
  const [u, s, vt] = factors()
  const orNaN = (x: NDArray): NDArray => np.where(isFinite, x, nanLike(x))
  return [orNaN(u), orNaN(s), orNaN(vt)]
}

/** The Moore–Penrose inverse from the singular values above `rtol` times the largest. */
export const pinv = (a: NDArray, rtol: NDArray): NDArray => {
  const [u, s, vt] = svd(a, false)
  if (s.size === 0) return np.zeros([columnsOf(a), rowsOf(a)], { dtype: a.dtype })
  const counts = np.greater(s, np.multiply(rtol, s.at(0).get()))
  const inverse = np.where(counts, np.reciprocal(np.where(counts, s, 1)), 0)
  const result = np.matmul(np.multiply(vt.T, inverse), u.T)
  const isKnown = np.logicalAnd(np.logicalNot(np.isnan(rtol)), np.all(np.isfinite(a)))
  return np.where(isKnown, result, nanLike(result))
}
