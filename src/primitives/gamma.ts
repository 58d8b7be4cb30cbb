/** Records of log |Γ| and its derivatives. Above each nontrivial rule: its formula. */
import { allocate } from '../core/dtype.ts'
import { mul } from '../ops/elementwise.ts'
import * as ops from '../ops/gamma.ts'
import { checkAccepts, oneBatched, single, unary } from './kinds.ts'
import * as numbers from './logGamma.ts'
import type { Primitive } from './primitive.ts'

export const lgammaP = unary('lgamma', {
  accepts: 'float',
  evaluate: numbers.lgamma,
  jvp: (t, x) => mul(t, ops.digamma(x)),
  facts: { cost: 100 },
})

export const digammaP = unary('digamma', {
  accepts: 'float',
  evaluate: numbers.digamma,
  jvp: (t, x) => mul(t, ops.polygamma(x, 1)),
  facts: { cost: 100 },
})

// Derivatives of digamma, of order 1 and more; the derivative of each is the next order.
export const polygammaP: Primitive<'polygamma'> = {
  type: (_, [x]) => {
    checkAccepts('polygamma', 'float', x!)
    return [x!]
  },
  evaluate: ({ order }, [data], [x]) => {
    const out = allocate(x!.dtype, x!.size) as Float64Array
    return [out.map((_, i) => numbers.polygamma(order, data![i] as number))]
  },
  jvp: ({ order }, [x], [t]) => single(ops.polygamma(x!, order), mul(t!, ops.polygamma(x!, order + 1))),
  batch: ({ order }, [x], [axis]) => oneBatched(ops.polygamma(x!, order), axis!),
  facts: { elementwise: true, rounds: 'freely' },
}
