/** Types of implicit functions: what their functions give back is a tree like the unknown. Nothing here runs. */
import { lax, np } from 'pullback'
import type { NDArray } from 'pullback'
import { expectTypeOf } from 'vitest'

interface State {
  readonly x: NDArray
  readonly v: readonly [NDArray, NDArray]
}
declare const state: State
declare const x: NDArray

expectTypeOf(lax.fixedPoint((y) => np.cos(y), x)).toEqualTypeOf<NDArray>()
expectTypeOf(lax.fixedPoint(({ x, v }) => ({ x: np.cos(x), v }), state)).toEqualTypeOf<State>()
expectTypeOf(lax.fixedPoint(([a, b]) => [b, a], [x, x] as const)).toEqualTypeOf<readonly [NDArray, NDArray]>()
// @ts-expect-error a part is missing
lax.fixedPoint(({ x }) => ({ x }), state)
// @ts-expect-error a pair is not an array
lax.fixedPoint((y) => [y, y], x) // prettier-ignore
// @ts-expect-error a text is not an array
lax.fixedPoint(() => 'x', x)

const root = lax.customRoot((y) => np.square(y), x, (f, guess) => f(guess), (_, b) => b) // prettier-ignore
expectTypeOf(root).toEqualTypeOf<NDArray>()
// prettier-ignore
// @ts-expect-error the residual is a tree like the unknown
lax.customRoot((s) => s.x, state, (_, guess) => guess, (_, b) => b)
// prettier-ignore
// @ts-expect-error the solution is
lax.customRoot((s) => s, state, (_, guess) => guess.x, (_, b) => b)

expectTypeOf(
  lax.customLinearSolve(
    (y) => np.multiply(2, y),
    x,
    (_, b) => np.divide(b, 2),
  ),
).toEqualTypeOf<NDArray>()
// prettier-ignore
// @ts-expect-error the product is a tree like the right-hand side
lax.customLinearSolve((s) => s.x, state, (_, b) => b)
// prettier-ignore
// @ts-expect-error the solution is
lax.customLinearSolve((s) => s, state, (_, b) => b.x)
