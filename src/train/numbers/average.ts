/** Running means of parameters. */
import { isFloat } from '../../core/dtype.ts'
import * as np from '../../numpy/index.ts'
import { mapTree } from '../../optim/trees.ts'
import type { NDArray } from '../../trace/value.ts'
import { widenFloats } from './precision.ts'

/** The weight of the new value, `1 - decay`, rounded to float32. */
const shareOf = (decay: number): number => Math.fround(1 - decay)

/** The mean before the first value. */
export const initAverage = <P>(params: P): P => mapTree('makeStep', (x) => np.zerosLike(x), widenFloats(params))

/**
 * `m + (1 - decay) (p - m)`: in this form the mean of a constant is exact, however near to 1 the decay is. Leaves that are not
 * floats, such as counters in a model's state, keep their last value instead.
 */
export const nextAverage = <P>(average: P, params: P, decay: number): P => {
  const share = shareOf(decay)
  return mapTree(
    'makeStep',
    (m, p) => (isFloat(m.dtype) ? np.add(m, np.multiply(np.subtract(p, m), share)).astype(m.dtype) : p),
    average,
    widenFloats(params),
  )
}

/**
 * The mean, corrected for its start at 0, `m / (1 - decay^steps)`, in the dtypes of the parameters; before any step the
 * parameters. The divisor is computed in float64 as `-expm1(steps log(decay))`, which is accurate for decays near 1.
 */
export const averaged = <P>(average: P, params: P, steps: NDArray, decay: number): P => {
  const logDecay = Math.log1p(-shareOf(decay))
  const gathered = np.negative(np.expm1(np.multiply(steps.astype('float64'), logDecay)))
  const begun = np.greater(steps, 0)
  const divisor = np.where(begun, gathered, 1)
  return mapTree(
    'makeStep',
    (m, p) => np.where(begun, isFloat(m.dtype) ? np.divide(m, divisor.astype(m.dtype)) : m, p).astype(p.dtype),
    average,
    params,
  )
}
