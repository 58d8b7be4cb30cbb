/** Factorisations and triangular equations: ONNX has none of them. */
import { eighOf, luOf, pinvOf, qrOf, svdOf } from '../../stablehlo/expansions/index.ts'
import { choleskyOf, triangularSolveOf } from '../expansions/linalg.ts'
import { expanded } from './rule.ts'
import type { Rules } from './rule.ts'

export const linalg = {
  cholesky: expanded('cholesky', (_, operands) => choleskyOf(operands)),
  triangularSolve: expanded('triangularSolve', triangularSolveOf),
  lu: expanded('lu', (_, operands, results) => luOf(operands, results)),
  qr: expanded('qr', qrOf),
  eigh: expanded('eigh', (_, operands, results) => eighOf(operands, results)),
  svd: expanded('svd', svdOf),
  pinv: expanded('pinv', (_, operands, results) => pinvOf(operands, results)),
} satisfies Partial<Rules>
