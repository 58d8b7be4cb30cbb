/** Factorisations and triangular equations. */
import { range } from '../../core/shape.ts'
import { eighOf, luOf, pinvOf, qrOf, svdOf } from '../expansions/index.ts'
import { expanded } from './expanded.ts'
import type { Rule, Rules } from './rule.ts'

/** NaN everywhere where a pivot is not positive, of which engines say different things; above the diagonal they leave what was there. */
const cholesky: Rule<'cholesky'> = (w, [x], _, [out]) => {
  const [factor] = w.generic('cholesky', [x!], { attributes: 'lower = true' }, [out!])
  const { shape, dtype } = x!
  const rank = shape.length
  const places = { dtype: 'int32' as const, shape }
  const [rows, columns] = [w.iota(places, rank - 2), w.iota(places, rank - 1)]
  const lower = w.select(w.compare('GE', rows, columns), factor!, w.like(0, factor!))
  const isPositive = w.plain('or', w.compare('NE', rows, columns), w.compare('GT', factor!, w.like(0, factor!)))
  const isThere = w.reduce('and', 1, isPositive, [rank - 2, rank - 1])
  const everywhere = w.broadcast(isThere, shape, range(rank - 2))
  return [w.select(everywhere, lower, w.constant(NaN, dtype, shape))]
}

const triangularSolve: Rule<'triangularSolve'> = (w, operands, p, [out]) => {
  const attributes = [
    `left_side = ${p.leftSide}`,
    `lower = ${p.lower}`,
    `transpose_a = #stablehlo<transpose ${p.transposeA ? 'TRANSPOSE' : 'NO_TRANSPOSE'}>`,
    `unit_diagonal = ${p.unitDiagonal}`,
  ].join(', ')
  return w.generic('triangular_solve', operands, { attributes }, [out!])
}

export const linalg = {
  cholesky,
  triangularSolve,
  lu: expanded('lu', (_, operands, results) => luOf(operands, results)),
  qr: expanded('qr', qrOf),
  eigh: expanded('eigh', (_, operands, results) => eighOf(operands, results)),
  svd: expanded('svd', svdOf),
  pinv: expanded('pinv', (_, operands, results) => pinvOf(operands, results)),
} satisfies Partial<Rules>
