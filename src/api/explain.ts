import type { Explanation } from '../backends/explanation.ts'
import { ArgumentError } from '../core/errors.ts'
import { chosenBackend } from '../runtime/backend.ts'
import type { Jitted } from './jit.ts'

export type { ExplainedStep, Explanation } from '../backends/explanation.ts'

/**
 * What a compiled function does for these arguments on the current device: its steps in order (`kernel`: one loop nest, with
 * the operations that were fused into it; `routine`: a tuned one; `host`: left to the interpreter; `cond`, `while`, `scan`, and
 * the steps inside of them), how many bytes each reads and writes, how many arithmetic operations it does, the planned peak of
 * memory in bytes, and the largest number of bytes in use at once. As text when printed, as data in `steps`, `livePeak` and
 * `plannedPeak`.
 *
 * @throws ArgumentError if `f` was not returned by `jit`, and on a device without `explain`, such as the interpreter;
 *   TracerError where calling `f` would.
 * @example
 * ```ts
 * import { explain, jit, nn, np } from 'pullback'
 * const f = jit((x: NDArray) => nn.softmax(x))
 * const { steps } = explain(f, np.zeros([128, 512]))
 * steps.map((s) => `${s.kind} ${s.what}: ${s.operations.join(' ')}`) // => kernel 128 rows of 512, 3 passes: row max sub exp row sum div
 * ```
 */
export const explain = <A extends readonly unknown[], R>(f: Jitted<A, R>, ...args: A): Explanation => {
  if (typeof f !== 'function' || typeof f.trace !== 'function') {
    throw new ArgumentError('explain: the function is not compiled; hand over jit(f).')
  }
  const device = chosenBackend()
  if (device.explain === undefined) {
    throw new ArgumentError(
      `explain: the device '${device.name}' says nothing of what it makes of programs; choose one that does, as withDevice('wasm', () => explain(...)).`,
    )
  }
  return device.explain(f.trace(...args))
}
