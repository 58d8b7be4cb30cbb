/** States of optimizers have types of their own. Checked by `npm run types`; nothing here runs. */
import { jit, np, optim, valueAndGrad } from 'pullback'
import type { NDArray, TreeOfArrays } from 'pullback'
import { expectTypeOf } from 'vitest'

interface Params {
  readonly w: NDArray
  readonly b: NDArray | null
}
declare const params: Params
declare const x: NDArray
declare const loss: (p: Params, x: NDArray) => NDArray

const adam = optim.adam(1e-3)
const state = adam.init(params)
expectTypeOf(state).toEqualTypeOf<optim.StateOf<typeof adam>>()
expectTypeOf(state[0].count).toEqualTypeOf<NDArray>()
expectTypeOf(state[0].mu).toEqualTypeOf<optim.OptState>()
const [updates, next] = adam.update(params, state, params)
expectTypeOf(updates).toEqualTypeOf<Params>()
expectTypeOf(next).toEqualTypeOf<typeof state>()
// @ts-expect-error parameters are not state
adam.update(params, params)
// @ts-expect-error another optimizer's state
adam.update(params, optim.adamw(1e-3).init(params))

// chain has the tuple of states; wrappers have the states inside.
const clipped = optim.chain(optim.clip(1), optim.trace(0.9), optim.scale(-0.1))
expectTypeOf(clipped.init(params)).toEqualTypeOf<[null, optim.TraceState, null]>()
const wrapped = optim.multiSteps(optim.masked(optim.scaleByAdam(), true), 2)
expectTypeOf(wrapped.init(params).inner.inner.mu).toEqualTypeOf<optim.OptState>()
const named = optim.namedChain(['momentum', optim.trace(0.9)], ['rate', optim.scale(-1)])
expectTypeOf(named.init(params).momentum).toEqualTypeOf<optim.TraceState>()
const both = optim.multiTransform({ slow: optim.adam(1e-3), fast: optim.sgd(1) }, () => 'slow')
expectTypeOf(both.init(params).slow[0].nu).toEqualTypeOf<optim.OptState>()
const injected = optim.injectHyperparams(({ rate }) => optim.sgd(rate), { rate: 0.1 })
expectTypeOf(injected.init(params).hyperparams.rate).toEqualTypeOf<NDArray>()

// Compiled steps take states as trees and give them back.
const step = jit((p: Params, s: typeof state, x: NDArray) => {
  const [value, gradient] = valueAndGrad(loss)(p, x)
  const [updates, next] = adam.update(gradient, s, p)
  return { p: optim.applyUpdates(p, updates), s: next, value }
})
expectTypeOf(step(params, state, x).s).toEqualTypeOf<typeof state>()
expectTypeOf(step(params, state, x).p).toEqualTypeOf<Params>()

// So do generic functions, of any parameters and any optimizer.
const train = <P extends TreeOfArrays<P>, S extends TreeOfArrays<S>>(
  optimizer: optim.GradientTransformation<S>,
  loss: (p: P, x: NDArray) => NDArray,
  start: P,
): { p: P; s: S } => {
  const initial: { p: P; s: S } = { p: start, s: optimizer.init(start) }
  const step = jit(({ p, s }: typeof initial, x: NDArray) => {
    const [value, gradient] = valueAndGrad(loss)(p, x)
    const [updates, next] = optimizer.update(gradient, s, p)
    return { p: optim.applyUpdates(p, updates), s: next, value }
  })
  let at = initial
  for (let i = 0; i < 3; i++) at = step(at, x)
  return at
}
expectTypeOf(train(adam, loss, params).s).toEqualTypeOf<typeof state>()

// Any transformation is one with some state; one of one's own needs no cast.
const any: optim.GradientTransformation = Math.random() > 0.5 ? adam : clipped
expectTypeOf(any.update(params, any.init(params))[0]).toEqualTypeOf<Params>()
const counting: optim.GradientTransformation<{ n: NDArray }> = {
  init: () => ({ n: np.zeros([]) }),
  update: (updates, { n }) => [updates, { n: n.add(1) }],
}
expectTypeOf(optim.chain(counting, adam).init(params)[0].n).toEqualTypeOf<NDArray>()
expectTypeOf(optim.monoid.concat(counting, adam)).toEqualTypeOf<optim.GradientTransformation>()
