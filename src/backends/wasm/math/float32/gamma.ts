/** log |Γ| and its derivative, by the functions on float64: they have zeros all along the negative axis. */
import * as gamma64 from '../float64/gamma.ts'
import type { Vector, VectorFunction } from '../vectorMath.ts'
import type { Kit } from './arithmetic.ts'
import { inHalves } from './halves.ts'

export const lgamma = ({ tools64 }: Kit): VectorFunction => {
  const f = (v: Vector): Vector => gamma64.lgamma(v, tools64)
  return (x) => inHalves(f, x)
}

export const digamma = ({ tools64 }: Kit): VectorFunction => {
  const f = (v: Vector): Vector => gamma64.digamma(v, tools64)
  return (x) => inHalves(f, x)
}
