import { explain as explainProgram } from '../backends/wasm/compile.ts'
import { ArgumentError } from '../core/errors.ts'
import type { Explanation } from '../lowering/explain.ts'
import type { Jitted } from './jit.ts'

export type { ExplainedStep, Explanation } from '../lowering/explain.ts'

/**
 * What a compiled function does for these arguments: its steps in order (`kernel`: one loop nest, with the operations that were
 * fused into it; `routine`: a tuned one; `host`: left to the interpreter; `cond`, `while`, `scan`, and the steps inside of
 * them), how many bytes each reads and writes, how many arithmetic operations it does, and the planned peak of memory in bytes
 * beside what is in use at the worst moment. As text when printed, as data in `steps`, `livePeak` and `plannedPeak`.
 *
 * @throws ArgumentError if `f` is not what `jit` gave; TracerError where calling `f` would.
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
  return explainProgram(f.trace(...args))
}
