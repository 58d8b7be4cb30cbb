import * as fc from 'fast-check'
import { jit, np, optim, random, tree, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'
import { arrays, assertClose, isMonoid } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

interface Params {
  readonly w: NDArray
  readonly b: NDArray
}

const params: Params = {
  w: np.array([
    [1, -2],
    [3, 0.5],
  ]),
  b: np.array([0.1, -0.3]),
}

/** Updates of three steps, whatever the states look like. */
const behaviour = (t: optim.GradientTransformation, gradients: readonly Params[]): readonly Params[] => {
  let [p, state] = [params, t.init(params)]
  return gradients.map((g) => {
    const [updates, next] = t.update(g, state, p)
    p = optim.applyUpdates(p, updates)
    state = next
    return updates
  })
}

const gradient = fc.record({ w: arrays({ shape: [2, 2] }), b: arrays({ shape: [2] }) })
const gradients = fc.array(gradient, { minLength: 3, maxLength: 3 })

const transformations = fc.constantFrom<optim.GradientTransformation>(
  optim.identity(),
  optim.scale(2),
  optim.clip(1),
  optim.clipByGlobalNorm(1),
  optim.trace(0.9),
  optim.scaleByAdam(),
  optim.scaleByLion(),
  optim.addDecayedWeights(0.1),
  optim.ema(0.5),
)

describe('chain is a monoid', () => {
  it('with identity for its unit', () => {
    fc.assert(
      fc.property(transformations, transformations, transformations, gradients, (x, y, z, gs) => {
        isMonoid(optim.monoid, [x, y, z], { equal: (a, b) => tree.equal(behaviour(a, gs), behaviour(b, gs)) })
      }),
    )
  })

  it('keeps states by name where names are given', () => {
    const named = optim.namedChain(['clip', optim.clip(1)], ['momentum', optim.trace(0.9)])
    expect(Object.keys(named.init(params) as object)).toEqual(['clip', 'momentum'])
    fc.assert(
      fc.property(gradients, (gs) => {
        expect(tree.equal(behaviour(named, gs), behaviour(optim.chain(optim.clip(1), optim.trace(0.9)), gs))).toBe(true)
      }),
      { numRuns: 20 },
    )
  })
})

const optimizers: { readonly [name: string]: optim.GradientTransformation } = {
  sgd: optim.sgd(0.1),
  momentum: optim.sgd(0.05, { momentum: 0.9 }),
  nesterov: optim.sgd(0.05, { momentum: 0.9, nesterov: true }),
  adam: optim.adam(0.1),
  adamw: optim.adamw(0.1),
  nadam: optim.nadam(0.1),
  nadamw: optim.nadamw(0.1),
  adamax: optim.adamax(0.1),
  adamaxw: optim.adamaxw(0.1),
  amsgrad: optim.amsgrad(0.1),
  adabelief: optim.adabelief(0.1),
  yogi: optim.yogi(0.1),
  radam: optim.radam(0.1),
  novograd: optim.novograd(0.1),
  rmsprop: optim.rmsprop(0.05),
  'rmsprop, centered': optim.rmsprop(0.05, { centered: true }),
  adagrad: optim.adagrad(0.5),
  adadelta: optim.adadelta(10),
  lion: optim.lion(0.05),
  lamb: optim.lamb(0.1),
  lars: optim.lars(5),
  adafactor: optim.adafactor(0.1, { minDimSizeToFactor: 2 }),
  signSgd: optim.signSgd(0.05),
  noisySgd: optim.noisySgd(0.1, random.key(0)),
  fromage: optim.fromage(0.1),
  multiSteps: optim.multiSteps(optim.sgd(0.2), 2),
  injected: optim.injectHyperparams((h) => optim.adam(h.learningRate), { learningRate: 0.1 }),
}

const target: Params = {
  w: np.array([
    [0.5, 1],
    [-1, 2],
  ]),
  b: np.array([1, 1]),
}
const bowl = (p: Params): NDArray =>
  np.add(np.sum(np.square(np.subtract(p.w, target.w))), np.sum(np.square(np.subtract(p.b, target.b))))

describe.each(Object.entries(optimizers))('%s', (_, optimizer) => {
  const step = (p: Params, state: optim.OptState) => {
    const [value, g] = valueAndGrad(bowl)(p)
    const [updates, next] = optimizer.update(g, state, p)
    return { params: optim.applyUpdates(p, updates), state: next, value }
  }

  it('goes downhill on a convex bowl', () => {
    let [p, state] = [params, optimizer.init(params)]
    for (let i = 0; i < 60; i++) ({ params: p, state } = step(p, state))
    expect(bowl(p).item()).toBeLessThan(0.5 * bowl(params).item())
  })

  it('does the same compiled, and keeps the structure and types of its state', () => {
    const compiled = jit(step)
    let [p, state] = [params, optimizer.init(params)]
    let [q, other] = [params, optimizer.init(params)]
    const types = (s: unknown): string[] => tree.leaves(s).map((x) => String((x as NDArray).aval))
    const first = types(state)
    for (let i = 0; i < 5; i++) {
      ;({ params: p, state } = step(p, state))
      ;({ params: q, state: other } = compiled(q, other))
    }
    assertClose('w', q.w, p.w, { rtol: 1e-5 })
    expect(tree.structure(state).equals(tree.structure(optimizer.init(params)))).toBe(true)
    expect(types(state)).toEqual(first)
    expect(types(other)).toEqual(first)
  })
})

describe('clipping', () => {
  it('bounds the global norm, and leaves short gradients alone', () => {
    fc.assert(
      fc.property(gradient, fc.constantFrom(0.1, 1, 10), (g, bound) => {
        const t = optim.clipByGlobalNorm(bound)
        const [clipped] = t.update(g, t.init(g))
        expect(optim.globalNorm(clipped).item()).toBeLessThanOrEqual(bound * (1 + 1e-5))
        if (optim.globalNorm(g).item() < bound) expect(tree.equal(clipped, g)).toBe(true)
      }),
    )
  })
})

describe('masks', () => {
  const g: Params = { w: np.ones([2, 2]), b: np.ones([2]) }

  it('leave other leaves alone, without state', () => {
    for (const mask of [(path: readonly (string | number)[]) => path[0] === 'w', { w: true, b: false }]) {
      const t = optim.masked(optim.scaleByAdam(), mask)
      const [updates] = t.update(g, t.init(params), params)
      expect(updates.b).toBe(g.b)
      expect(tree.leaves(t.init(params)).length).toBe(3)
    }
  })

  it('keep weight decay off biases', () => {
    const t = optim.adamw(0.1, { weightDecay: 0.5, mask: (path) => path[0] !== 'b' })
    const plain = optim.adam(0.1)
    assertClose('b', t.update(g, t.init(params), params)[0].b, plain.update(g, plain.init(params), params)[0].b)
  })

  it('freeze', () => {
    const t = optim.chain(
      optim.sgd(1),
      optim.freeze((path) => path[0] === 'w'),
    )
    expect(t.update(g, t.init(params))[0].w.toArray()).toEqual([
      [0, 0],
      [0, 0],
    ])
  })

  it('choose transformations by label', () => {
    const t = optim.multiTransform({ fast: optim.sgd(1), slow: optim.sgd(0.5) }, { w: 'slow', b: 'fast' })
    const [u] = t.update(g, t.init(params))
    expect([u.w.at(0, 0).get().item(), u.b.at(0).get().item()]).toEqual([-0.5, -1])
  })
})

describe('accumulation', () => {
  it('of k gradients is one step with their mean', () => {
    fc.assert(
      fc.property(fc.array(gradient, { minLength: 4, maxLength: 4 }), (gs) => {
        const accumulated = optim.multiSteps(optim.adam(0.1), 4)
        let state = accumulated.init(params)
        let last: Params = params
        gs.forEach((g, i) => {
          const [u, next] = accumulated.update(g, state, params)
          if (i < 3) expect(tree.leaves(u).every((x) => np.all(np.equal(x, 0)).bool())).toBe(true)
          ;[last, state] = [u, next]
        })
        const average = (xs: readonly NDArray[]): NDArray => np.mean(np.stack(xs), { axis: 0 })
        const mean = { w: average(gs.map((g) => g.w)), b: average(gs.map((g) => g.b)) }
        const plain = optim.adam(0.1)
        const [wanted] = plain.update(mean, plain.init(params))
        assertClose('w', last.w, wanted.w, { rtol: 1e-4 })
      }),
      { numRuns: 20 },
    )
  })

  it('skips steps that are not finite', () => {
    const t = optim.applyIfFinite(optim.adam(0.1), 3)
    const bad: Params = { w: np.full([2, 2], NaN), b: np.ones([2]) }
    const [u, next] = t.update(bad, t.init(params))
    expect(tree.leaves(u).every((x) => np.all(np.equal(x, 0)).bool())).toBe(true)
    const [fine] = t.update(params, next)
    expect(tree.leaves(fine).every((x) => np.all(np.isfinite(x)).bool())).toBe(true)
  })
})

describe('applyUpdates', () => {
  it('keeps dtypes', () => {
    const p = { a: np.ones([2], { dtype: 'float64' }), b: np.ones([2]) }
    const moved = optim.applyUpdates(p, { a: np.ones([2]), b: np.ones([2], { dtype: 'float64' }) })
    expect([moved.a.dtype, moved.b.dtype]).toEqual(['float64', 'float32'])
  })
})
