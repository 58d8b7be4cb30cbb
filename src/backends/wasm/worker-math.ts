/**
 * The functions of math/host.ts, for kernels on other threads: as text, which is part of a worker's (see worker-source.ts). A
 * test compares the two bit by bit.
 */
import { quantileCentre, quantileFar, quantileNear } from '../../primitives/special.ts'

const text = (x: unknown): string => JSON.stringify(x)

export const workerMath = `(() => {
  const polynomial = (x, c) => c.reduceRight((sum, ci) => sum * x + ci, 0)
  const rational = (x, [p, q]) => polynomial(x, p) / polynomial(x, q)

  const erfInv = (y) => {
    const a = Math.abs(y)
    if (!(a <= 1)) return NaN
    if (a <= 0.85) return Math.SQRT1_2 * (y / 2) * rational(0.180625 - (y * y) / 4, ${text(quantileCentre)})
    if (a === 1) return y * Infinity
    const r = Math.sqrt(-Math.log((1 - a) / 2))
    const tail = r <= 5 ? rational(r - 1.6, ${text(quantileNear)}) : rational(r - 5, ${text(quantileFar)})
    return Math.sign(y) * Math.SQRT1_2 * tail
  }

  const logaddexp = (x, y) => {
    if (x === y) return x + Math.LN2
    const largest = Math.max(x, y)
    return largest === Infinity ? Infinity : largest + Math.log1p(Math.exp(-Math.abs(x - y)))
  }

  const { sin, cos, tan, atan2 } = Math
  const rem = (x, y) => x % y
  return { sin, cos, tan, atan2, rem, logaddexp, erfInv }
})()`
