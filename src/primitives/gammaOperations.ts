/** log |Γ| and its derivatives: what code above the rules imports, so that their records are loaded. Rules use `ops/gamma.ts`. */
import * as ops from '../ops/gamma.ts'
import { digammaP, lgammaP, polygammaP } from './gamma.ts'
import { install } from './registry.ts'

export const records = install({
  lgamma: lgammaP,
  digamma: digammaP,
  polygamma: polygammaP,
})

export const { lgamma, digamma, polygamma } = ops
