import type { NDArray, QuantizedArray } from 'pullback'
import { ArgumentError, grad, hessian, jit, makeProgram, np, optim, random, ShapeError, tree, vmap } from 'pullback'
import { quantize } from 'pullback/models'
import type { ParamTree } from 'pullback/models'
import { assertAllClose } from 'pullback/testing'
import type { Adapter, LoraConfig } from 'pullback/train'
import { dora, lora, mergeDifference } from 'pullback/train'
import { describe, expect, test } from 'vitest'
import { difference, loss, moved, tiny } from './support/tiny.ts'

type Lora = Adapter<LoraConfig>

const methods = { lora, dora } as const
const names = ['lora', 'dora'] as const
const families = ['bert', 'llama', 'gpt2', 'albert'] as const

const key = random.key(1)

/** The weight of a module. */
const find = (params: unknown, module: string): NDArray => {
  const path = `${module}.weight`.split('.')
  return path.reduce((node, part) => (node as { readonly [part: string]: unknown })[part], params) as NDArray
}

const close = (what: string, got: NDArray, wanted: NDArray, tolerance = 1e-5): void => {
  assertAllClose(what, [got], [wanted], { rtol: tolerance, atol: tolerance })
}

describe.each(names)('%s', (name) => {
  const method = methods[name]

  test.each(families)('a fresh adapter changes nothing: %s', (family) => {
    const { params, logits, model } = tiny(family)
    const adapter = method.init(key, params, { model, targets: 'all-linear' })
    expect(difference(logits(method.apply(params, adapter)), logits(params))).toBeLessThan(1e-6)
  })

  test.each(families)('merged equals unmerged, and says so: %s', (family) => {
    const { params, logits, model } = tiny(family)
    const targets = family === 'gpt2' ? ['c_attn', 'c_proj', 'wte'] : 'all-linear'
    const adapter = moved(method.init(key, params, { model, targets, rank: 3, alpha: 5 }))
    const run = (p: ParamTree): NDArray => logits(p)
    expect(difference(logits(method.apply(params, adapter)), logits(params))).toBeGreaterThan(0.01)
    expect(mergeDifference(method, run, params, adapter)).toBeLessThan(2e-5)
    expect(mergeDifference(method, run, params, adapter)).toBe(
      difference(logits(method.apply(params, adapter)), logits(method.merge(params, adapter))),
    )
  })

  test('rows of tables are adapted too, also where the head reads them', () => {
    const { params, logits, model } = tiny('gpt2')
    const adapter = moved(method.init(key, params, { model, targets: ['wte', 'wpe'], rank: 3 }))
    expect(Object.keys(adapter.weights['transformer.wte']!)).toContain('lora_embedding_A')
    expect(adapter.config.tied).toEqual({ lm_head: 'transformer.wte' })
    expect(difference(logits(method.apply(params, adapter)), logits(params))).toBeGreaterThan(0.01)
    expect(mergeDifference(method, logits, params, adapter)).toBeLessThan(2e-5)
  })

  test('compiled, and over a stack of adapters', () => {
    const { params, logits, model } = tiny('bert')
    const [one, two] = [3, 4].map((seed) => moved(method.init(key, params, { model }), seed)) as [Lora, Lora]
    const run = (adapter: Lora): NDArray => logits(method.apply(params, adapter))
    close('jit', jit(run)(one), run(one))
    const stack = tree.map((x: NDArray, y: NDArray) => np.stack([x, y]), one, two)
    const both = vmap(run)(stack)
    close('the first', both.at(0).get(), run(one))
    close('the second', jit(vmap(run))(stack).at(1).get(), run(two))
  })

  test('a quantised base: the same as over what it expands to', () => {
    const params = { body: { weight: random.normal(key, [8, 32]), bias: null } }
    const blocks = quantize(params, { kind: 'q8_0' })
    const dense = { body: { weight: (blocks.body.weight as QuantizedArray).dequantize(), bias: null } }
    const adapter = moved(method.init(key, blocks, { targets: 'body', rank: 3 }))
    const x = random.normal(random.key(5), [4, 32])
    const run = (p: typeof params, a: Lora): NDArray =>
      np.einsum('...i,oi->...o', x, (method.apply(p, a) as typeof params).body.weight)
    const slope = (p: typeof params): Lora => grad((a: Lora) => loss(run(p, a)))(adapter)
    const quantised = blocks as unknown as typeof params
    close('outputs', run(quantised, adapter), run(dense, adapter))
    tree.map(
      (a: NDArray, b: NDArray) => {
        close('gradients', a, b)
      },
      slope(quantised),
      slope(dense),
    )
    close('merged', method.merge(quantised, adapter).body.weight, method.merge(dense, adapter).body.weight)
  })

  test('frozen leaves have no gradient and no slots', () => {
    const { params, model, logits } = tiny('bert')
    const adapter = method.init(key, params, { model, modulesToSave: ['classifier'] })
    const slopes = grad((a: Lora) => loss(logits(method.apply(params, a))))(adapter)
    expect(tree.structure(slopes).equals(tree.structure(adapter))).toBe(true)
    const shapes = tree.leaves(adapter).map((x) => x.shape.join())
    const slots = tree.leaves(optim.adamw(0.1).init(adapter)).map((x) => x.shape.join())
    expect(slots.filter((shape) => shape !== '')).toEqual([...shapes, ...shapes])
  })

  test('what is saved whole takes the place of the leaf', () => {
    const { params, model, logits } = tiny('bert')
    const adapter = method.init(key, params, { model, modulesToSave: ['classifier'] })
    expect(Object.keys(adapter.saved)).toEqual(['classifier.bias', 'classifier.weight'])
    const zero = tree.map((x) => np.zerosLike(x), adapter)
    expect(np.any(logits(method.apply(params, zero))).bool()).toBe(false)
    expect(np.any(logits(method.merge(params, zero))).bool()).toBe(false)
  })

  test('16-bit weights stay so, and are changed in float32', () => {
    const params = { w: np.astype(random.normal(key, [6, 5]), 'bfloat16') }
    const adapter = moved(method.init(key, params, { targets: 'w', rank: 2 }))
    expect(adapter.weights['w']!['lora_A']!.dtype).toBe('float32')
    const merged = method.merge(params, adapter)
    expect(merged.w.dtype).toBe('bfloat16')
    const wide = { w: np.astype(params.w, 'float32') }
    expect(np.arrayEqual(merged.w, np.astype(method.merge(wide, adapter).w, 'bfloat16')).bool()).toBe(true)
  })

  test('float64 weights have float64 adapters', () => {
    const params = { w: random.normal(key, [6, 5], { dtype: 'float64' }) }
    const adapter = method.init(key, params, { targets: 'w', rank: 2 })
    expect(tree.leaves(adapter).map((x) => x.dtype)).toEqual(tree.leaves(adapter).map(() => 'float64'))
    expect(
      mergeDifference(method, (p) => np.einsum('...i,oi->...o', np.ones([5]), p.w), params, moved(adapter)),
    ).toBeLessThan(1e-13)
  })
})

// Laws of LoRA alone.

const square = { w: random.normal(random.key(9), [6, 5]) }
const inputs = random.normal(random.key(8), [4, 5])
const linear = (p: unknown): NDArray => np.tanh(np.einsum('...i,oi->...o', inputs, (p as typeof square).w))
const small = moved(lora.init(key, square, { targets: 'w', rank: 2, alpha: 3 }))

/** W + s B A as an array. */
const effective = (adapter: Lora): typeof square => {
  const { lora_A: a, lora_B: b } = adapter.weights['w']!
  return { w: np.add(square.w, np.multiply(np.matmul(b!, a!), 1.5)) }
}

describe('derivatives', () => {
  const tuned = (a: Lora): NDArray => loss(linear(lora.apply(square, a)))
  const dense = (a: Lora): NDArray => loss(linear(effective(a)))

  test('the gradient is that through the dense weight, eager and compiled', () => {
    for (const f of [grad(tuned), jit(grad(tuned))]) {
      tree.map(
        (x: NDArray, y: NDArray) => {
          close('gradient', x, y)
        },
        f(small),
        grad(dense)(small),
      )
    }
  })

  test('and so is the second derivative', () => {
    const along = (f: typeof tuned) => (t: NDArray) => f(tree.map((x) => np.multiply(x, t), small))
    close('second order', hessian(along(tuned))(np.array(1)), hessian(along(dense))(np.array(1)), 1e-4)
    const direction = moved(small, 7)
    const product = (f: typeof tuned): Lora =>
      grad((a: Lora) =>
        tree
          .leaves(tree.map((x: NDArray, y: NDArray) => np.sum(np.multiply(x, y)), grad(f)(a), direction))
          .reduce((x, y) => np.add(x, y)),
      )(small)
    tree.map(
      (x: NDArray, y: NDArray) => {
        close('Hessian product', x, y, 1e-4)
      },
      product(tuned),
      product(dense),
    )
  })

  /** Shapes of the products that a program makes. */
  const products = (f: (tree: unknown) => unknown, at: unknown): readonly string[] =>
    [...String(makeProgram(f)(at)).matchAll(/f32\[([\d,]*)\] = dotGeneral/g)].map(([, shape]) => shape!)

  test.each(families)('no product of the size of a weight is made, forward or backward: %s', (family) => {
    const { params, model, logits } = tiny(family)
    const adapter = lora.init(key, params, { model, rank: 3 })
    const shapes = Object.keys(adapter.weights).map((module) => find(params, module).shape)
    const weights = new Set(shapes.flatMap((shape) => [shape.join(','), shape.toReversed().join(',')]))
    const large = (shapes: readonly string[]): readonly string[] => shapes.filter((shape) => weights.has(shape))
    const step = grad((a: Lora) => loss(logits(lora.apply(params, a))))
    const full = grad((p: ParamTree) => loss(logits(p)))
    const merged = grad((a: Lora) => loss(logits(lora.merge(params, a))))
    expect(large(products(step as (x: unknown) => unknown, adapter))).toEqual([])
    // What is looked for is found where it is.
    expect(large(products(full as (x: unknown) => unknown, params)).length).toBeGreaterThan(0)
    expect(large(products(merged as (x: unknown) => unknown, adapter)).length).toBeGreaterThan(0)
  })
})

describe('QLoRA', () => {
  // Rows of whole blocks.
  const { model, inputs: tokens } = tiny('llama', { hidden_size: 64, intermediate_size: 96 })
  const params = model.init(random.key(3))
  const blocks = quantize(params, { kind: 'q4_0' }) as ParamTree
  const scores = (p: unknown): NDArray => model.apply(p as ParamTree, tokens)['logits']!

  test.each(names)('%s over a whole model in four bits learns, and its blocks stay', (name) => {
    const method = methods[name]
    const fresh = method.init(key, blocks, { model, targets: 'all-linear', rank: 4 })
    const optimizer = optim.adamw(0.01)
    const step = jit((adapter: Lora, state: ReturnType<typeof optimizer.init>) => {
      const slopes = grad((a: Lora) => loss(scores(method.apply(blocks, a))))(adapter)
      const [updates, next] = optimizer.update(slopes, state, adapter)
      return [optim.applyUpdates(adapter, updates), next] as const
    })
    let [adapter, state] = [fresh, optimizer.init(fresh)] as [Lora, ReturnType<typeof optimizer.init>]
    for (let i = 0; i < 10; i++) [adapter, state] = step(adapter, state) as [Lora, typeof state]
    const [before, after] = [blocks, method.apply(blocks, adapter)].map((p) => loss(scores(p)).item()) as [
      number,
      number,
    ]
    expect(after).toBeLessThan(0.8 * before)
    expect(mergeDifference(method, scores, blocks, adapter)).toBeLessThan(1e-4)
  })
})

describe('several adapters', () => {
  const { params, model, logits } = tiny('bert')
  const [one, two] = [3, 4].map((seed) => moved(lora.init(key, params, { model }), seed)) as [Lora, Lora]

  test('add up by their weights; zero takes one away', () => {
    const run = (weights: number[]): NDArray => logits(lora.apply(params, [one, two], { weights: np.array(weights) }))
    close('the first', run([1, 0]), logits(lora.apply(params, one)))
    close('the second', run([0, 1]), logits(lora.apply(params, two)))
    close('none', run([0, 0]), logits(params))
    close('both', run([1, 1]), logits(lora.apply(params, [one, two])))
    const mixed = lora.merge(params, [one, two], { weights: [0.3, 0.7] })
    close('merged', run([0.3, 0.7]), logits(mixed))
  })

  test('are switched and mixed without retracing', () => {
    let traced = 0
    const run = jit((a: Lora, b: Lora, weights: NDArray) => {
      traced++
      return logits(lora.apply(params, [a, b], { weights }))
    })
    const first = run(one, two, np.array([1, 0]))
    const second = run(two, one, np.array([0.2, 0.8]))
    run(one, two, np.array([0.5, 0.5]))
    expect(traced).toBe(1)
    close('the first', first, logits(lora.apply(params, one)))
    close('switched', second, logits(lora.apply(params, [one, two], { weights: [0.8, 0.2] })))
  })

  test('of other settings are another function', () => {
    let traced = 0
    const run = jit((a: Lora) => {
      traced++
      return logits(lora.apply(params, a))
    })
    run(one)
    run(lora.init(key, params, { model, alpha: 4 }))
    expect(traced).toBe(2)
  })

  test('gradients flow to the weights', () => {
    const f = (weights: NDArray): NDArray => loss(logits(lora.apply(params, [one, two], { weights })))
    const at = np.array([0.3, 0.7])
    const slope = grad(f)(at)
    const h = 1e-2
    for (const i of [0, 1]) {
      const step = np.array([0, 1].map((j) => (i === j ? h : 0)))
      const rise = np.divide(np.subtract(f(np.add(at, step)), f(np.subtract(at, step))), 2 * h)
      close('slope', slope.at(i).get(), rise, 1e-2)
    }
  })

  test('cat adds exactly what both add; linear has the rank of one', () => {
    const weights = [0.3, -0.7]
    const cat = lora.combine([one, two], { weights, combination: 'cat' })
    expect(cat.config.rank).toBe(16)
    close('cat', logits(lora.apply(params, cat)), logits(lora.apply(params, [one, two], { weights })))
    const alone = lora.combine([one], { weights: [0.6], combination: 'linear' })
    expect(alone.config.rank).toBe(8)
    close('linear of one', logits(lora.apply(params, alone)), logits(lora.apply(params, [one], { weights: [0.6] })))
    const thin = lora.init(key, params, { model, rank: 2 })
    expect(() => lora.combine([one, thin], { weights: [1, 1], combination: 'linear' })).toThrow(/equal ranks/)
    expect(() => lora.combine([one, two], { weights: [1], combination: 'cat' })).toThrow(ArgumentError)
    const uneven = lora.combine([one, thin], { weights: [1, 2], combination: 'cat' })
    close('uneven', logits(lora.apply(params, uneven)), logits(lora.apply(params, [one, thin], { weights: [1, 2] })))
  })

  test('two heads have no sum', () => {
    const headed = lora.init(key, params, { model, modulesToSave: ['classifier'] })
    expect(() => lora.apply(params, [headed, headed])).toThrow(/of two such adapters one can be applied/)
    expect(() => lora.combine([headed, headed], { weights: [1, 1], combination: 'cat' })).toThrow(ArgumentError)
    expect(() => lora.apply(params, [one, two], { weights: [1, 2, 3] })).toThrow(/there are 2 adapters/)
    expect(() => dora.apply(params, [dora.init(key, params, { model }), dora.init(key, params, { model })])).toThrow(
      /one adapter is applied at a time/,
    )
  })
})

describe('dropout', () => {
  const { params, model, logits } = tiny('albert')
  const adapter = moved(lora.init(key, params, { model, dropout: 0.5 }))
  const run = (k?: NDArray): NDArray => logits(lora.apply(params, adapter, k === undefined ? {} : { key: k }))

  test('needs a key; the same key drops the same', () => {
    close('none', run(), logits(lora.apply(params, adapter)))
    expect(difference(run(random.key(1)), run())).toBeGreaterThan(1e-4)
    expect(np.arrayEqual(run(random.key(1)), run(random.key(1))).bool()).toBe(true)
    expect(difference(run(random.key(1)), run(random.key(2)))).toBeGreaterThan(1e-4)
    close('compiled', jit(run)(random.key(1)), run(random.key(1)))
  })

  test('is right on average', () => {
    const out = (k: NDArray): NDArray =>
      np.einsum('...i,oi->...o', inputs, (lora.apply(square, dropping, { key: k }) as typeof square).w)
    const dropping = moved(lora.init(key, square, { targets: 'w', rank: 2, dropout: 0.3 }))
    const mean = np.mean(vmap(out)(random.split(random.key(3), 4000)), { axis: 0 })
    const exact = np.einsum('...i,oi->...o', inputs, (lora.apply(square, dropping) as typeof square).w)
    expect(difference(mean, exact)).toBeLessThan(0.1)
  })
})

describe('beginnings', () => {
  test.each(['pissa', 'olora'] as const)('%s takes its part out of the weight', (initLoraWeights) => {
    for (const family of ['bert', 'gpt2'] as const) {
      const { params, model, logits } = tiny(family)
      for (const method of [lora, dora]) {
        const adapter = method.init(key, params, { model, initLoraWeights, rank: 3, alpha: 6 })
        const base = lora.residual(params, adapter)
        close('the same', logits(method.apply(base, adapter)), logits(params), 1e-4)
        expect(difference(logits(base), logits(params))).toBeGreaterThan(0.01)
        // Which part it was, follows from the weights: the residual stays when the adapter is trained.
        expect(difference(logits(lora.residual(params, moved(adapter))), logits(base))).toBe(0)
      }
    }
    expect(() => lora.init(key, square, { targets: 'w', rank: 6, initLoraWeights })).toThrow(
      /takes a rank of at most 5/,
    )
  })

  test('pissa is the best of its rank: the residual has the other singular values', () => {
    const adapter = lora.init(key, square, { targets: 'w', rank: 2, initLoraWeights: 'pissa' })
    const values = np.linalg.svdvals(square.w)
    const left = np.linalg.svdvals(lora.residual(square, adapter).w)
    close('values', left.slice(0, 3), values.slice(2), 1e-5)
  })

  test('of a quantised weight the residual is an array', () => {
    const blocks = quantize({ w: random.normal(key, [8, 32]) }, { kind: 'q8_0' })
    const dense = { w: (blocks.w as QuantizedArray).dequantize() }
    const adapter = lora.init(key, blocks, { targets: 'w', rank: 3, initLoraWeights: 'pissa' })
    const base = lora.residual(blocks, adapter)
    expect(base.w).not.toBe(blocks.w)
    close('the same', lora.merge(base, adapter).w as NDArray, dense.w)
  })

  test('residual gives other parameters back as they are', () => {
    expect(lora.residual(square, small)).toBe(square)
  })

  test('A is within its bound, gaussian has its deviation', () => {
    const wide = { w: np.zeros([4, 400]) }
    const a = lora.init(key, wide, { targets: 'w', rank: 50 }).weights['w']!['lora_A']!
    expect(np.max(np.abs(a)).item()).toBeLessThanOrEqual(1 / 20)
    expect(np.max(np.abs(a)).item()).toBeGreaterThan(0.99 / 20)
    const g = lora.init(key, wide, { targets: 'w', rank: 50, initLoraWeights: 'gaussian' }).weights['w']!['lora_A']!
    expect(np.std(g).item()).toBeCloseTo(1 / 50, 3)
  })
})

test('ranks and alphas of some modules', () => {
  const { params, model, logits } = tiny('bert')
  const adapter = lora.init(key, params, {
    model,
    rank: 2,
    alpha: 2,
    rankPattern: { 'layer.1.attention.self.query': 4 },
    alphaPattern: { 'layer\\.1.*query': 12, value: 6 },
  })
  const ranks = Object.entries(adapter.weights).map(([, arrays]) => arrays['lora_A']!.shape[0])
  expect(ranks).toEqual([2, 2, 4, 2])
  const random1 = moved(adapter)
  const effect = lora.combine([random1], { weights: [1], combination: 'cat' })
  close('scales', logits(lora.apply(params, effect)), logits(lora.apply(params, random1)))
  const query = effect.weights['bert.encoder.layer.1.attention.self.query']!['lora_A']!
  close('scale 3', query, np.multiply(random1.weights['bert.encoder.layer.1.attention.self.query']!['lora_A']!, 3))
})

test('rsLora multiplies by alpha over the root of the rank', () => {
  const [plain, stable] = [false, true].map((rsLora) =>
    lora.init(key, square, { targets: 'w', rank: 4, alpha: 4, rsLora }),
  )
  const added = (a: Lora): NDArray => np.subtract(lora.merge(square, moved(a)).w, square.w)
  close('twice', added(stable!), np.multiply(added(plain!), 2))
})

test('mistakes are said', () => {
  const { params, model } = tiny('bert')
  const adapter = lora.init(key, params, { model })
  expect(() => lora.apply(square, adapter)).toThrow(/the adapter changes bert.encoder.layer.0.attention.self.query/)
  expect(() => lora.init(key, params, { model, modulesToSave: ['clasifier'] })).toThrow(/Did you mean 'classifier'/)
  expect(() => lora.init(key, params, { model, rankPattern: { '(a+)+': 2 } })).toThrow(ArgumentError)
  expect(() => lora.apply(params, dora.init(key, params, { model }))).toThrow(ArgumentError)
  const other = { w: np.ones([6, 7]) }
  expect(() => lora.apply(other, small)).toThrow(ShapeError)
  expect(() => lora.apply(other, small)).toThrow('w takes lora_A of shape [2, 7], got f32[2,5]')
  expect(() => lora.init(key, params, { model, dropot: 1 } as object)).toThrow(/Did you mean dropout/)
})
