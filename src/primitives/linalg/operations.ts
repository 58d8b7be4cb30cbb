/** Factorisations and triangular equations: what code above the rules imports, so that their records are loaded. Rules use `ops/linalg.ts`. */
import * as ops from '../../ops/linalg.ts'
import { choleskyP } from './cholesky.ts'
import { triangularSolveP } from './triangularSolve.ts'
import { luP } from './lu.ts'
import { qrP } from './qr.ts'
import { eighP } from './eigh.ts'
import { svdP } from './svd.ts'
import { pinvP } from './pinv.ts'
import { install } from '../registry.ts'

export const records = install({
  cholesky: choleskyP,
  triangularSolve: triangularSolveP,
  lu: luP,
  qr: qrP,
  eigh: eighP,
  svd: svdP,
  pinv: pinvP,
})

export const symmetrized = ops.symmetrized
export const cholesky = ops.cholesky
export const triangularSolve = ops.triangularSolve
export const lu = ops.lu
export const qr = ops.qr
export const eigh = ops.eigh
export const svd = ops.svd
export const pinv = ops.pinv
