/** Factorisations and triangular equations. */
import { eighOf, luOf, pinvOf, qrOf, svdOf } from '../expansions/index.ts'
import { expanded } from './expanded.ts'
import type { Rule, Rules } from './rule.ts'

/** Above the diagonal XLA leaves what was there. */
const cholesky: Rule<'cholesky'> = (w, [x], _, [out]) => {
  const [factor] = w.generic('cholesky', [x!], { attributes: 'lower = true' }, [out!])
  const { shape } = x!
  const places = { dtype: 'int32' as const, shape }
  const isLower = w.compare('GE', w.iota(places, shape.length - 2), w.iota(places, shape.length - 1))
  return [w.select(isLower, factor!, w.like(0, factor!))]
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
