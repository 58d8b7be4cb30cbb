/** Recipes of linear algebra: matrices far from singular, with spectra far from degenerate. */
import type { Draw, Recipe, Typed } from '../draw.ts'

/** Batch axes for matrices. */
const batch = (draw: Draw): number[] => Array.from({ length: draw.below(3) }, () => 1 + draw.below(2))

const matrices = (draw: Draw, rows: number, columns: number): Typed =>
  draw.operand({ dtypes: draw.float, shape: [...batch(draw), rows, columns], dominant: true })

const square = (draw: Draw): Typed => {
  const n = draw.below(4)
  return matrices(draw, n, n)
}

export const cholesky: Recipe<'cholesky'> = (draw) => ({ params: {}, operands: [square(draw)] })

export const triangularSolve: Recipe<'triangularSolve'> = (draw) => {
  const a = square(draw)
  const { dtype, shape } = a.aval
  const n = shape.at(-1)!
  const leftSide = draw.below(2) === 0
  const count = draw.below(3)
  const b = draw.operand({ dtypes: [dtype], shape: [...shape.slice(0, -2), ...(leftSide ? [n, count] : [count, n])] })
  const flag = (): boolean => draw.below(2) === 0
  return { params: { leftSide, lower: flag(), transposeA: flag(), unitDiagonal: flag() }, operands: [a, b] }
}

export const lu: Recipe<'lu'> = (draw) => ({ params: {}, operands: [matrices(draw, draw.below(4), draw.below(4))] })

/** Also with full matrices, where the result is unique: if the matrices are not tall, or only by one row. */
export const qr: Recipe<'qr'> = (draw) => {
  const n = draw.below(4)
  const m = draw.below(4)
  return { params: { fullMatrices: m <= n + 1 && draw.below(2) === 0 }, operands: [matrices(draw, m, n)] }
}

export const eigh: Recipe<'eigh'> = (draw) => ({ params: { basisFree: false }, operands: [square(draw)] })

/** Also with full matrices, where the result is unique: with at most one additional vector. */
export const svd: Recipe<'svd'> = (draw) => {
  const [m, n] = [draw.below(4), draw.below(4)]
  return {
    params: { fullMatrices: Math.abs(m - n) <= 1 && draw.below(2) === 0 },
    operands: [matrices(draw, m, n)],
  }
}

export const pinv: Recipe<'pinv'> = (draw) => {
  const a = matrices(draw, draw.below(4), draw.below(4))
  // Sometimes above all ratios, so that all singular values, even the largest, are dropped.
  const rtol = draw.operand({
    dtypes: [a.aval.dtype],
    shape: a.aval.shape.slice(0, -2),
    domain: (u) => (u < 0.9 ? u * 1e-3 : 2),
  })
  return { params: {}, operands: [a, rtol] }
}
