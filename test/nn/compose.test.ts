import {
  ArgumentError,
  ShapeError,
  TreeError,
  checkpoint,
  grad,
  jit,
  lax,
  makeProgram,
  nn,
  np,
  optim,
  random,
  tree,
  valueAndGrad,
  vmap,
} from 'pullback'
import type { NDArray } from 'pullback'
import { assertAllClose, assertClose, checkGrads } from 'pullback/testing'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const key = random.key(0)
const x = random.normal(random.key(1), [6, 4], { dtype: 'float64' })
const training = { training: true } as const

describe('sequential', () => {
  it('without state takes and gives arrays only, with and without options', () => {
    const model = nn.sequential(
      nn.linear(4, 3),
      nn.sequential(nn.tanh, nn.layerNorm(3)),
      nn.residual(nn.groupNorm(3, 3)),
    )
    const params = model.init(key, 'float64')
    expect('initState' in model).toBe(false)
    const y = model.apply(params, x)
    expect(y.shape).toEqual([6, 3])
    assertClose('in training', model.apply(params, x, { training: true, key }), y)
    assertClose('jit', jit(model.apply)(params, x), y)
    assertClose('vmap', vmap(model.apply, { inAxes: [null, 0] })(params, x), y)
  })

  it('without parts is the identity', () => {
    const model = nn.sequential()
    expect(model.init(key)).toEqual([])
    expect(model.apply([], x)).toBe(x)
  })

  it('with state gives its parts what is theirs, and null in the other places', () => {
    const model = nn.sequential(nn.linear(4, 3), nn.batchNorm(3), nn.relu, nn.instanceNorm(3, { spatialAxes: [0] }))
    const params = model.init(key, 'float64')
    const state = model.initState('float64')
    expect(tree.structure(state).toString()).toBe('[null, {mean: *, var: *}, null, null]')
    const [y, next] = model.apply(params, state, x, training)
    const norm = nn.batchNorm(3)
    const [h, after] = norm.apply(params[1], state[1], nn.linear(4, 3).apply(params[0], x), training)
    assertAllClose('state', next[1], after)
    const last = nn.instanceNorm(3, { spatialAxes: [0] })
    assertClose('y', y, last.apply(params[3], nn.relu(h)))
    const [, same] = model.apply(params, next, x)
    expect(tree.equal(same, next)).toBe(true)
  })

  it('nests: a chain of chains is the chain, but for its trees', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 3 }), { maxLength: 5 }),
        fc.nat({ max: 5 }),
        fc.boolean(),
        (kinds, at, mode) => {
          const parts = kinds.map(
            (kind): nn.Part => [nn.linear(4, 4), nn.tanh, nn.batchNorm(4), nn.layerNorm(4)][kind]!,
          )
          const cut = Math.min(at, parts.length)
          const run = (chain: nn.Part, params: unknown, state: unknown): readonly [NDArray, unknown] => {
            if (typeof chain === 'function') return [chain(x), null]
            if (!('initState' in chain)) return [chain.apply(params as never, x, { training: mode }), null]
            return chain.apply(params as never, state as never, x, { training: mode })
          }
          const flat = nn.sequential(...parts) as nn.AnyLayer | nn.AnyStatefulLayer
          const [left, right] = [parts.slice(0, cut), parts.slice(cut)].map((half) => nn.sequential(...half) as nn.Part)
          const nested = nn.sequential(left!, right!) as nn.AnyLayer | nn.AnyStatefulLayer
          const params = flat.init(key, 'float64') as readonly unknown[]
          const state = ('initState' in flat ? flat.initState('float64') : parts.map(() => null)) as readonly unknown[]
          const halves = (list: readonly unknown[]): unknown => [list.slice(0, cut), list.slice(cut)]
          const [y, next] = run(flat, params, state)
          const [z, after] = run(nested, halves(params), halves(state))
          assertClose('y', z, y)
          assertAllClose('state', tree.leaves(after), tree.leaves(next))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('splits the key of a run: parts draw apart, and another key draws anew', () => {
    const model = nn.sequential(nn.dropoutLayer(0.5), nn.dropoutLayer(0.5))
    const ones = np.ones([4000])
    const y = model.apply([null, null], ones, { training: true, key })
    // Were the masks one, half would be left; a quarter is.
    expect(np.mean(np.notEqual(y, 0)).item()).toBeCloseTo(0.25, 1)
    expect(np.max(y).item()).toBe(4)
    expect(tree.equal(y, model.apply([null, null], ones, { training: true, key: random.key(0) }))).toBe(true)
    expect(tree.equal(y, model.apply([null, null], ones, { training: true, key: random.key(5) }))).toBe(false)
    expect(tree.equal(model.apply([null, null], ones), ones)).toBe(true)
    expect(tree.equal(model.apply([null, null], ones, { training: false, key: random.key(5) }), ones)).toBe(true)
  })

  it('runs attention, which has options of its own', () => {
    const model = nn.sequential(nn.layerNorm(4), nn.multiHeadAttention(4, 2), nn.dropoutLayer(0.1))
    const params = model.init(key, 'float64')
    const y = model.apply(params, x)
    expect(y.shape).toEqual([6, 4])
    expect(tree.equal(y, model.apply(params, x, { training: true, key }))).toBe(false)
  })

  it('says what was wrong', () => {
    const model = nn.sequential(nn.linear(4, 3), nn.batchNorm(3))
    const params = model.init(key, 'float64')
    const state = model.initState()
    const loose = model.apply as unknown as (...args: readonly unknown[]) => unknown
    const plain = nn.sequential(nn.linear(4, 3)).apply as unknown as (...args: readonly unknown[]) => unknown
    expect(() => loose(params, x)).toThrow(/apply\(params, state, x\)/)
    expect(() => loose(params, null, x)).toThrow(/nn.sequential: the state of 2 layers has an entry for each, got null/)
    expect(() => loose(params, [null], x)).toThrow(TreeError)
    expect(() => loose([params[0]], state, x)).toThrow(/parameters of 2 layers has an entry for each, got 1/)
    expect(() => loose(params, state, x, { train: true })).toThrow(/no option 'train'/)
    expect(() => loose(params, state, x, { key })).toThrow(/a key is for training/)
    expect(() => loose(params, state, x, null)).toThrow(ArgumentError)
    expect(() => loose(params, state, x, { training: np.array(true) })).toThrow(/training must be true or false/)
    expect(() => plain([params[0]], [], x)).toThrow(/options of a run go in one object/)
    expect(() => nn.sequential(nn.dropoutLayer(0.5)).apply([null], x, training)).toThrow(/needs a key/)
    for (const wrong of [null, undefined, 3, {}, [], nn.initializers]) {
      expect(() => nn.sequential(wrong as never)).toThrow(ArgumentError)
      expect(() => nn.residual(wrong as never)).toThrow(ArgumentError)
      expect(() => nn.repeat(2, wrong as never)).toThrow(ArgumentError)
    }
    expect(() => nn.dropoutLayer(2)).toThrow(ArgumentError)
    expect(() => nn.layer({ init: () => null, apply: 3 as never })).toThrow(/nn.layer: apply must be a function/)
    expect(() => nn.statefulLayer({ init: () => null, initState: null as never, apply: () => [0, null] })).toThrow(
      /nn.statefulLayer: initState/,
    )
  })
})

describe('residual', () => {
  it('adds what goes in', () => {
    const layer = nn.linear(4, 4)
    const params = layer.init(key, 'float64')
    assertClose('layer', nn.residual(layer).apply(params, x), np.add(x, layer.apply(params, x)))
    assertClose('function', nn.residual(nn.tanh).apply(nn.residual(nn.tanh).init(key), x), np.add(x, np.tanh(x)))
    const norm = nn.batchNorm(4)
    const [y, next] = nn.residual(norm).apply(norm.init(key), norm.initState(), x, training)
    const [z, after] = norm.apply(norm.init(key), norm.initState(), x, training)
    assertClose('stateful', y, np.add(x, z))
    assertAllClose('state', next, after)
  })

  it('does not broadcast', () => {
    const block = nn.residual(nn.linear(4, 1))
    expect(() => block.apply(block.init(key), x)).toThrow(
      /nn.residual: the layer must keep the shape of its input, but makes f64\[6,1\] of f64\[6,4\]/,
    )
  })
})

describe('repeat', () => {
  const part = nn.residual(nn.sequential(nn.linear(4, 4), nn.batchNorm(4, { momentum: 0.5 }), nn.tanh))
  const block = nn.repeat(3, part)
  const params = block.init(key, 'float64')
  const state = block.initState('float64')
  const slice = <T>(stacked: T, i: number): T => tree.map((a) => (a as NDArray).at(i).get(), stacked) as T

  it('stacks parameters: those of each copy are what its key gives', () => {
    expect(params[0].kernel.shape).toEqual([3, 4, 4])
    expect(state[1].mean.shape).toEqual([3, 4])
    const keys = [...random.split(random.key(0), 3)]
    keys.forEach((k, i) => {
      expect(tree.equal(slice(params, i), part.init(k, 'float64'))).toBe(true)
    })
  })

  const options = {
    unrolled: { unroll: true },
    'in twos': { unroll: 2 },
    'with checkpoints': { checkpoint: 1 },
    plain: {},
  }
  for (const [name, option] of Object.entries(options)) {
    it(`is its copies one after the other, ${name}`, () => {
      const f = nn.repeat(3, part, option).apply
      const [y, next] = f(params, state, x, training)
      let h = x
      for (let i = 0; i < 3; i++) {
        const [value, after] = part.apply(slice(params, i), slice(state, i), h, training)
        assertAllClose(`state ${i}`, slice(next, i), after)
        h = value
      }
      assertClose('y', y, h)
      const [z] = jit((p: typeof params, s: typeof state) => f(p, s, x, training))(params, state)
      assertClose('jit', z, h)
      const loss = (p: typeof params): NDArray => np.sum(np.square(f(p, state, x, training)[0]))
      const byHand = (p: typeof params): NDArray => {
        let v = x
        for (let i = 0; i < 3; i++) v = part.apply(slice(p, i), slice(state, i), v, training)[0]
        return np.sum(np.square(v))
      }
      assertAllClose('gradients', grad(loss)(params), grad(byHand)(params))
    })
  }

  it('is traced once, and loops', () => {
    let traces = 0
    const counted = nn.layer({
      init: () => null,
      apply: (_, h: NDArray) => {
        traces++
        return np.sin(h)
      },
    })
    const copies = nn.repeat(50, counted)
    const program = makeProgram((h: NDArray) => copies.apply(copies.init(key), h))(x)
    expect(traces).toBe(1)
    expect(String(program)).toContain('scan')
  })

  it('gives each copy a key of its own', () => {
    const dropped = nn.repeat(2, nn.dropoutLayer(0.5)).apply(null, np.ones([4000]), { training: true, key })
    expect(np.mean(np.notEqual(dropped, 0)).item()).toBeCloseTo(0.25, 1)
  })

  it('needs a copy, and a layer that keeps shapes', () => {
    for (const count of [0, -1, 1.5, NaN, '2']) expect(() => nn.repeat(count as number, nn.tanh)).toThrow(ArgumentError)
    const wide = nn.repeat(2, nn.linear(4, 5))
    expect(() => wide.apply(wide.init(key), np.ones([4]))).toThrow(ShapeError)
  })
})

describe('layers of one’s own', () => {
  it('compose like others', () => {
    const parts = { norm: nn.layerNorm(4), mlp: nn.sequential(nn.linear(4, 8), nn.gelu, nn.linear(8, 4)) }
    const block = nn.layer({
      init: (k, dtype) => nn.initAll(k, parts, dtype),
      apply: (p, h: NDArray) => np.add(h, parts.mlp.apply(p.mlp, parts.norm.apply(p.norm, h))),
    })
    const count = nn.statefulLayer({
      init: () => null,
      initState: () => ({ runs: np.array(0, { dtype: 'int32' }) }),
      apply: (_params, { runs }, h: NDArray) => [h, { runs: runs.add(1) }],
    })
    const model = nn.sequential(block, nn.repeat(2, block), count)
    const params = model.init(key, 'float64')
    const f = jit((s: ReturnType<typeof model.initState>) => model.apply(params, s, x))
    const [, once] = f(model.initState())
    const [y, twice] = f(once)
    expect(twice[2].runs.item()).toBe(2)
    const same = nn.residual(nn.sequential(parts.norm, parts.mlp))
    const first = same.apply([params[0].norm, params[0].mlp], x)
    assertClose('first', model.apply([params[0], params[1], null], once, x)[0], y)
    assertClose('block', block.apply(params[0], x), first)
    checkGrads((p: typeof params) => np.sum(np.sin(model.apply(p, once, x)[0])), [params], { order: 1 })
  })

  it('initAll does not depend on the order in which names were written', () => {
    const [a, b] = [nn.linear(2, 3), nn.linear(3, 2)]
    expect(tree.equal(nn.initAll(key, { a, b }), nn.initAll(key, { b, a }))).toBe(true)
  })
})

describe('a step of training', () => {
  const model = nn.sequential(
    nn.linear(4, 8),
    nn.repeat(2, nn.residual(nn.sequential(nn.linear(8, 8), nn.batchNorm(8), nn.relu, nn.dropoutLayer(0.2)))),
    nn.linear(8, 1),
  )
  type Params = ReturnType<typeof model.init>
  type State = ReturnType<typeof model.initState>
  const loss = (params: Params, state: State, k: random.Key) => {
    const [y, next] = model.apply(params, state, x, { training: true, key: k })
    return [np.mean(np.square(np.subtract(y, np.sum(x, { axis: 1, keepdims: true })))), next] as const
  }
  const optimizer = optim.adam(1e-2)
  const step = (params: Params, state: State, opt: optim.StateOf<typeof optimizer>, k: random.Key) => {
    const [[value, next], gradient] = valueAndGrad(loss, { hasAux: true })(params, state, k)
    const [updates, after] = optimizer.update(gradient, opt, params)
    return { params: optim.applyUpdates(params, updates), state: next, opt: after, loss: value }
  }
  const params = model.init(key, 'float64')
  const state = model.initState('float64')

  it('gives the state beside the loss: eager, compiled, under checkpoint and scan alike', () => {
    const opt = optimizer.init(params)
    const eager = step(params, state, opt, key)
    assertAllClose('jit', jit(step)(params, state, opt, random.key(0)), eager)
    const remembered = checkpoint(loss)
    const [[, next], gradient] = valueAndGrad(remembered, { hasAux: true })(params, state, random.key(0))
    assertAllClose('checkpoint: state', next, eager.state)
    assertAllClose('checkpoint: gradient', gradient, grad(loss, { hasAux: true })(params, state, random.key(0))[0])
    const keys = random.split(random.key(3), [4])
    const [last, losses] = lax.scan(
      (carry: { params: Params; state: State; opt: optim.StateOf<typeof optimizer> }, k: NDArray) => {
        const { loss: value, ...rest } = step(carry.params, carry.state, carry.opt, k)
        return [rest, value]
      },
      { params, state, opt },
      keys,
    )
    let now = { params, state, opt }
    const compiled = jit(step)
    const values = [...keys].map((k) => {
      const { loss: value, ...rest } = compiled(now.params, now.state, now.opt, k)
      now = rest
      return value
    })
    assertClose('losses', losses, np.stack(values))
    assertAllClose('scan', last, now)
  })
})
