/** Functions of one number whose programs have a given size. */
import { jit, lax, np } from 'pullback'
import type { NDArray } from 'pullback'

export type ScalarFunction = (x: NDArray) => NDArray

/** About so many equations, each of which needs the one before. */
export const chain =
  (equations: number): ScalarFunction =>
  (x) => {
    let y = x
    for (let i = 0; i < equations; i += 2) y = np.add(np.sin(y), x)
    return y
  }

/** So many compiled functions, each called by the next. */
export const nestedCalls = (depth: number): ScalarFunction => {
  let f: ScalarFunction = (x) => np.sin(x)
  for (let i = 0; i < depth; i++) {
    const inner = f
    f = jit((x: NDArray) => np.sin(inner(x)))
  }
  return f
}

/** So many loops in one another. */
export const nestedLoops = (depth: number): ScalarFunction => {
  let f: ScalarFunction = (x) => np.sin(x)
  for (let i = 0; i < depth; i++) {
    const inner = f
    f = (x) => lax.foriLoop(0, 4, (_, y: NDArray) => np.multiply(inner(y), 0.9), x)
  }
  return f
}

/** One loop of so many steps. */
export const steps =
  (length: number): ScalarFunction =>
  (x) => {
    const [last] = lax.scan((y: NDArray) => [np.sin(np.add(y, x)), null], x, null, { length })
    return last
  }
