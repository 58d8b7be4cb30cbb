/** Convolutions and pooling, by the keys under which `recording/convolution.py` has the same mathematics. */
import { grad, lax, np, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import type { AnyFunction } from './functions.ts'

type Conv = (lhs: NDArray, rhs: NDArray, options: lax.ConvOptions) => NDArray
type Window = (x: NDArray, options: lax.ReduceWindowOptions) => NDArray

const conv: Conv = lax.convGeneralDilated
const sumOfSines: Conv = (lhs, rhs, options) => np.sum(np.sin(conv(lhs, rhs, options)))

const mapped =
  (inAxes: readonly [number | null, number | null]): Conv =>
  (lhs, rhs, options) =>
    vmap((x: NDArray, w: NDArray) => conv(x, w, options), { inAxes })(lhs, rhs)

const convolutions: { readonly [name: string]: Conv } = {
  gradientOfLhs: grad(sumOfSines),
  gradientOfRhs: grad(sumOfSines, { argnums: 1 }),
  mapLhs: mapped([0, null]),
  mapRhs: mapped([null, 1]),
  mapBoth: mapped([1, 0]),
}

const windows: { readonly [name: string]: Window } = {
  secondOfSum: (x, options) => grad((y: NDArray) => np.sum(np.sin(lax.reduceWindow(y, options))))(x),
  map: (x, options) => vmap((y: NDArray) => lax.reduceWindow(y, options), { inAxes: [1] })(x),
}

const named = (namespace: string, functions: { readonly [name: string]: Conv | Window }) =>
  Object.entries(functions).map(([name, f]) => [`${namespace}.${name}`, f])

export const convolutionFunctions = Object.fromEntries([
  ...named('conv', convolutions),
  ...named('pool', windows),
]) as unknown as { readonly [name: string]: AnyFunction }
