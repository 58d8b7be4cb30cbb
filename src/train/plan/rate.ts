/** How fast the machine multiplies matrices. */
import { now } from '../loop/turns.ts'
import { jit } from '../../api/jit.ts'
import * as np from '../../numpy/index.ts'
import * as must from '../../conversions/arguments.ts'

/** Options of `matmulRate`. */
export interface RateOptions {
  /** Rows and columns of the matrices; 512 by default. */
  readonly size?: number
  /** The number of measurements, of which the fastest counts; 5 by default. */
  readonly repeats?: number
}

/** Measuring stops after this time. */
const LONGEST_MS = 2000

const rateDoor = must.door('matmulRate', {
  options: must.optionsOf<RateOptions>({
    size: must.kind('a whole number from 1 to 2048', (x) => must.count.accepts(x) && (x as number) <= 2048),
    repeats: must.kind('a whole number from 1 to 1000', (x) => must.count.accepts(x) && (x as number) <= 1000),
  }),
})

/**
 * Floating-point operations a second in products of float32 matrices, measured now: for `flopsPerSecond` of `plan`. A model's
 * products have other shapes, and a step does other things besides, so an estimate by this rate is a lower bound of the time.
 *
 * @example
 * ```ts
 * import { matmulRate } from 'pullback/train'
 * matmulRate({ size: 64, repeats: 2 }) > 1e6 // => true
 * ```
 */
export const matmulRate = (options: RateOptions = {}): number => {
  rateDoor(options)
  const { size = 512, repeats = 5 } = options
  const x = np.ones([size, size])
  const product = jit((a: typeof x, b: typeof x) => np.matmul(a, b))
  product(x, x).dataSync()
  let best = Infinity
  const end = now() + LONGEST_MS
  for (let i = 0; i < repeats && now() < end; i++) {
    const start = now()
    product(x, x).dataSync()
    best = Math.min(best, now() - start)
  }
  return (2 * size ** 3) / (Math.max(best, 1e-3) / 1000)
}
