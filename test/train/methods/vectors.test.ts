import type { NDArray, QuantizedArray } from 'pullback'
import { ArgumentError, grad, jit, makeProgram, np, optim, random, tree, vmap } from 'pullback'
import { quantize } from 'pullback/models'
import type { ParamTree } from 'pullback/models'
import { assertAllClose } from 'pullback/testing'
import { Adapter, ia3, mergeDifference, vera } from 'pullback/train'
import { describe, expect, test } from 'vitest'
import { projectionsOf } from '../../../src/train/methods/projections.ts'
import { difference, loss, moved, tiny } from './support/tiny.ts'

const key = random.key(1)
const families = ['bert', 'llama', 'gpt2', 'albert'] as const

const close = (what: string, got: NDArray, wanted: NDArray): void => {
  assertAllClose(what, [got], [wanted], { rtol: 1e-5, atol: 1e-5 })
}

/** What both have, with one type of adapter. */
const methods = {
  ia3: {
    init: (params: unknown, options: object): Adapter => ia3.init(key, params, options),
    apply: (params: ParamTree, adapter: Adapter): unknown => ia3.apply(params, adapter as never),
    merge: (params: ParamTree, adapter: Adapter): ParamTree => ia3.merge(params, adapter as never),
  },
  vera: {
    init: (params: unknown, options: object): Adapter => vera.init(key, params, { rank: 6, ...options }),
    apply: (params: ParamTree, adapter: Adapter): unknown => vera.apply(params, adapter as never),
    merge: (params: ParamTree, adapter: Adapter): ParamTree => vera.merge(params, adapter as never),
  },
} as const

describe.each(['ia3', 'vera'] as const)('%s', (name) => {
  const method = methods[name]

  test.each(families)('fresh it changes nothing; merged equals unmerged: %s', (family) => {
    const { params, logits, model } = tiny(family)
    const fresh = method.init(params, { model })
    expect(difference(logits(method.apply(params, fresh)), logits(params))).toBe(0)
    const adapter = moved(fresh)
    expect(difference(logits(method.apply(params, adapter)), logits(params))).toBeGreaterThan(1e-3)
    expect(difference(logits(method.apply(params, adapter)), logits(method.merge(params, adapter)))).toBeLessThan(1e-5)
  })

  test.each(['bert', 'gpt2'] as const)('the gradient is that through the merged weights: %s', (family) => {
    const { params, logits, model } = tiny(family)
    const adapter = moved(method.init(params, { model }))
    const applied = grad((a: Adapter) => loss(logits(method.apply(params, a))))
    const merged = grad((a: Adapter) => loss(logits(method.merge(params, a))))(adapter)
    for (const f of [applied, jit(applied)])
      tree.map(
        (x: NDArray, y: NDArray) => {
          close('gradient', x, y)
        },
        f(adapter),
        merged,
      )
  })

  test('only vectors are trained: slots, and a stack of adapters', () => {
    const { params, logits, model } = tiny('bert')
    const [one, two] = [3, 4].map((seed) => moved(method.init(params, { model }), seed)) as [Adapter, Adapter]
    const slots = tree.leaves(optim.adamw(0.1).init(one))
    expect(slots.reduce((n, x) => n + x.size, 0)).toBeLessThanOrEqual(2 * tree.size(one) + 2)
    const stack = tree.map((x: NDArray, y: NDArray) => np.stack([x, y]), one, two)
    const both = vmap((a: Adapter) => logits(method.apply(params, a)))(stack)
    close('the second', both.at(1).get(), logits(method.apply(params, two)))
  })

  test('over a quantised base', () => {
    const params = { body: { weight: random.normal(key, [8, 32]), bias: np.ones([8]) } }
    const blocks = quantize(params, { kind: 'q8_0' })
    const dense = { body: { weight: (blocks.body.weight as QuantizedArray).dequantize(), bias: np.ones([8]) } }
    const adapter = moved(method.init(params, { targets: 'body' }))
    const run = (p: unknown): NDArray => {
      const { weight, bias } = (p as typeof params).body
      return np.add(np.einsum('...i,oi->...o', np.ones([3, 32]), weight), bias)
    }
    const quantised = blocks as unknown as ParamTree
    close('outputs', run(method.apply(quantised, adapter)), run(method.apply(dense, adapter)))
    close('merged', run(method.merge(quantised, adapter)), run(method.apply(dense, adapter)))
  })

  test('tables have nothing to scale', () => {
    const { params, model } = tiny('gpt2')
    expect(() => method.init(params, { model, targets: 'wte' })).toThrow(ArgumentError)
  })
})

test('(IA)³ scales what comes out with its bias, and what goes into feed-forward layers', () => {
  const params = {
    key: { weight: np.ones([2, 3]), bias: np.ones([2]) },
    down: { weight: np.ones([2, 3]), bias: np.ones([2]) },
  }
  const adapter = ia3.init(key, params, { targets: ['key', 'down'], feedForward: ['down'] })
  const doubled = tree.map((x) => np.multiply(x, 2), adapter)
  const { key: k, down } = ia3.merge(params, doubled)
  expect(k.weight.toArray()).toEqual([[2, 2, 2], [2, 2, 2]]) // prettier-ignore
  expect(k.bias.toArray()).toEqual([2, 2])
  expect(down.bias.toArray()).toEqual([1, 1])
  expect(mergeDifference(ia3, (p) => np.einsum('...i,oi->...o', np.ones([3]), p.down.weight), params, doubled)).toBe(0)
})

describe('VeRA', () => {
  test('draws what PyTorch draws: uniform_ by a generator of seed 7', () => {
    const { a, b } = projectionsOf({ seed: 7, rank: 2, inputs: 3, outputs: 2 })
    expect(a.toArray()).toEqual([
      [0.09877585619688034, -0.8519132137298584, 0.45031866431236267],
      [0.4437527060508728, -0.7558644413948059, -0.21195834875106812],
    ])
    expect(b.toArray()).toEqual([
      [-1.014683723449707, 0.44941994547843933],
      [-0.4665585160255432, 1.2168292999267578],
    ])
  })

  test('derivatives of the vectors make no array of the size of the projections', () => {
    const params = { w: random.normal(key, [40, 50]) }
    const adapter = vera.init(key, params, { targets: 'w', rank: 30 })
    const step = grad((a: typeof adapter) =>
      loss(np.einsum('...i,oi->...o', np.ones([3, 50]), vera.apply(params, a).w as NDArray)),
    )
    const products = [...String(makeProgram(step)(adapter)).matchAll(/f32\[([\d,]*)\] = dotGeneral/g)]
    const shapes = products.map(([, shape]) => shape!)
    expect(shapes.length).toBeGreaterThan(3)
    expect(shapes.filter((shape) => ['40,50', '30,50', '40,30', '50,30', '30,40'].includes(shape))).toEqual([])
  })

  test('projections that a trace drew first serve outside of it', () => {
    const params = { w: random.normal(key, [4, 5]) }
    const adapter = vera.init(key, params, { targets: 'w', rank: 3 })
    // A configuration of its own, so that nothing has been drawn for it.
    const fresh = tree.unflatten(tree.structure(adapter), tree.leaves(adapter))
    const other = new Adapter(
      { ...fresh.config, projection: { ...fresh.config.projection } },
      fresh.weights,
      fresh.saved,
    )
    const run = (a: typeof other) => np.matmul(np.ones([2, 4]), vera.apply(params, a).w)
    jit(grad((a: typeof other) => loss(run(a))))(other)
    expect(np.all(np.isfinite(run(other))).bool()).toBe(true)
  })
})
