import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NDArray } from 'pullback'
import { ArgumentError, grad, hvp, jit, nn, np, optim, random, ShapeError, tree, vmap } from 'pullback'
import { emptyCache, quantize } from 'pullback/models'
import { Adapter, bitfit, bottleneck, full, prefixTuning, promptTuning, unfreeze } from 'pullback/train'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { get, leftOf } from '../../io/support/recorded.ts'
import { moved } from './support/tiny.ts'
import { attentionMask, begun, bert, close, gpt2, inputIds, llama, tied } from '../support/tiny.ts'

const key = random.key(5)
const params = begun(bert)
const inputs = { inputIds, attentionMask }
const logitsOf = (p: Parameters<typeof bert.apply>[0]): NDArray => bert.apply(p, inputs).logits

const sameAdapters = (a: Adapter, b: Adapter): void => {
  expect(tree.equal(a, b), `${tree.structure(a)} and ${tree.structure(b)}`).toBe(true)
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pullback-adapter-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

describe('leaves as they are', () => {
  const counts = [
    ['full', full, {}, tree.leaves(params).length],
    ['full but embeddings', full, { except: '**.embeddings.**' }, tree.leaves(params).length - 5],
    // Of each of 3 layers 8: six linear layers and two norms; embeddings' norm, pooler, and both of the head.
    ['bitfit', bitfit, {}, 3 * 8 + 1 + 1 + 2],
    ['the head', unfreeze, { layers: 0 }, 4],
    ['two layers', unfreeze, { layers: 2 }, 4 + 2 * 16],
    ['all layers', unfreeze, { layers: 9 }, 4 + 3 * 16],
    ['all layers and embeddings', unfreeze, { layers: 3, embeddings: true }, tree.leaves(params).length],
  ] as const

  test.each(counts)('%s', (_, method, options, count) => {
    const adapter = method.init(key, params, options)
    expect(Object.keys(adapter.saved)).toHaveLength(count)
    const merged = method.merge(params, moved(adapter))
    expect(np.allclose(logitsOf(merged), logitsOf(params)).bool()).toBe(false)
    // A fresh one is the model itself, bit for bit.
    expect(tree.equal(method.apply(params, adapter), params)).toBe(true)
    const gradients = grad((a: typeof adapter) => np.sum(np.square(logitsOf(method.apply(params, a)))))(adapter)
    const whole = grad((p: typeof params) => np.sum(np.square(logitsOf(p))))(params)
    const wanted = new Map(tree.flattenWithPath(whole)[0].map(([path, leaf]) => [path.join('.'), leaf]))
    for (const [name, gradient] of Object.entries(gradients.saved)) close(name, gradient, wanted.get(name)!, 1e-4)
    const slots = tree.leaves(optim.adam(1).init(adapter) as never) as readonly NDArray[]
    expect(slots.filter((leaf) => leaf.ndim > 0)).toHaveLength(2 * count)
  })

  test('are saved and loaded', async () => {
    const adapter = moved(bitfit.init(key, params))
    await get(bitfit.save(folder, adapter))
    sameAdapters(await get(bitfit.load(folder, params)), adapter)
  })

  test('the head is what its name says, or what is selected', () => {
    expect(Object.keys(unfreeze.init(key, begun(llama), { layers: 0 }).saved)).toEqual([
      'lm_head.weight',
      'model.norm.weight',
    ])
    const adapter = bitfit.init(key, params, { head: 'bert.pooler.**' })
    expect(Object.keys(adapter.saved)).toContain('bert.pooler.dense.weight')
    expect(Object.keys(adapter.saved)).not.toContain('classifier.weight')
  })

  test('where there is nothing to train, that is said', () => {
    expect(() => bitfit.init(key, begun(llama))).toThrow(/no leaf fits/)
    const small = { model: { proj: { weight: np.ones([4, 64]) } } }
    expect(() => full.init(key, quantize(small as never, { kind: 'q8_0' }))).toThrow(/is quantised/)
  })
})

describe('bottleneck adapters', () => {
  test.each([
    [
      'bert',
      () => begun(bert),
      3,
      ['bert.encoder.layer.0.output.dense', 'bert.encoder.layer.0.attention.output.dense'],
    ],
    ['llama', () => begun(llama), 3, ['model.layers.0.mlp.down_proj', 'model.layers.0.self_attn.o_proj']],
    ['gpt2', () => begun(gpt2), 2, ['transformer.h.0.mlp.c_proj', 'transformer.h.0.attn.c_proj']],
  ])('of %s stand after the feed-forward part, and after attention', (_, make, layers, [forward, attention]) => {
    const given = make()
    const pfeiffer = Object.keys(bottleneck.init(key, given, { placement: 'pfeiffer' }).weights)
    const houlsby = Object.keys(bottleneck.init(key, given).weights)
    expect([pfeiffer.length, houlsby.length]).toEqual([layers, 2 * layers])
    expect(pfeiffer).toContain(forward)
    expect(pfeiffer).not.toContain(attention)
    expect(houlsby).toEqual(expect.arrayContaining([forward, attention]))
  })

  test('a fresh one leaves the model as it is', () => {
    const adapter = bottleneck.init(key, params, { size: 3 })
    close('bert', logitsOf(bottleneck.apply(params, adapter)), logitsOf(params), 1e-6)
    const given = begun(gpt2)
    const own = bottleneck.init(key, given, { size: 3 })
    const run = (p: Parameters<typeof gpt2.apply>[0]): NDArray => gpt2.apply(p, inputs).logits
    close('gpt2', run(bottleneck.apply(given, own)), run(given), 1e-6)
  })

  test('y + U act(D y + d) + u, after the bias, whichever way the weight lies', () => {
    const [weight, bias] = [random.normal(key, [4, 5]), np.arange(4).astype('float32')]
    const x = random.normal(random.key(9), [2, 3, 5])
    const y = np.add(np.einsum('bti,oi->bto', x, weight), bias)
    const expected = (layers: { readonly [name: string]: NDArray }): NDArray => {
      const inner = nn.relu(np.add(np.matmul(y, layers['down_weight']!.T), layers['down_bias']!))
      return np.add(y, np.add(np.matmul(inner, layers['up_weight']!.T), layers['up_bias']!))
    }
    const straight = { dense: { weight, bias } }
    const a = moved(bottleneck.init(key, straight, { size: 2, activation: 'relu', modules: 'dense' }))
    const { dense } = bottleneck.apply(straight, a)
    expect(np.asarray(dense.bias).toArray()).toEqual([0, 0, 0, 0])
    close('linear', np.einsum('bti,oi->bto', x, dense.weight), expected(a.weights['dense']!))
    const turned = { c_proj: { weight: weight.T, bias } }
    const b = moved(bottleneck.init(key, turned, { size: 2, activation: 'relu', modules: 'c_proj' }))
    const { c_proj } = bottleneck.apply(turned, b)
    close('conv1D', np.matmul(x, c_proj.weight), expected(b.weights['c_proj']!))
    // The other way there is nothing to compute.
    expect(() => np.matmul(np.ones([2, 4]), dense.weight)).toThrow(/from its inputs to its outputs only/)
    expect(() => bottleneck.merge(straight, a)).toThrow(ArgumentError)
  })

  test('under jit, over a stack of adapters, and twice differentiated', () => {
    const adapter = moved(bottleneck.init(key, params, { size: 2, placement: 'pfeiffer' }))
    const loss = (a: typeof adapter): NDArray => np.mean(np.square(logitsOf(bottleneck.apply(params, a))))
    close('jit', jit(loss)(adapter), loss(adapter))
    const other = moved(adapter, 3)
    const stack = tree.map((x: NDArray, y: NDArray) => np.stack([x, y]), adapter, other)
    close('vmap', vmap(loss)(stack), np.stack([loss(adapter), loss(other)]), 1e-4)
    const direction = tree.map(np.onesLike, adapter)
    const second = tree.leaves(hvp(loss, adapter, direction))
    const step = 1e-2
    const along = (sign: number) => {
      const at = tree.map((x: NDArray) => np.add(x, sign * step), adapter)
      return tree.leaves(grad(loss)(at))
    }
    const [ahead, behind] = [along(1), along(-1)]
    const size = second.reduce((most, x) => Math.max(most, np.max(np.abs(x)).item()), 0)
    second.forEach((x, i) => {
      const difference = np.divide(np.subtract(ahead[i]!, behind[i]!), 2 * step)
      expect(np.max(np.abs(np.subtract(x, difference))).item()).toBeLessThan(0.05 * size)
    })
  })

  test('over a quantised base', () => {
    const base = { dense: { weight: random.normal(key, [4, 32]), bias: np.ones([4]) } }
    const small = quantize(base as never, { kind: 'q8_0' }) as unknown as typeof base
    const adapter = moved(bottleneck.init(key, small, { size: 2, modules: 'dense' }))
    const x = random.normal(random.key(2), [3, 32])
    const run = (p: typeof base): NDArray => np.einsum('bi,oi->bo', x, bottleneck.apply(p, adapter).dense.weight)
    close('q8_0', run(small), run(base), 0.03)
    const gradients = grad((a: typeof adapter) =>
      np.sum(np.einsum('bi,oi->bo', x, bottleneck.apply(small, a).dense.weight)),
    )(adapter)
    expect(tree.structure(gradients).equals(tree.structure(adapter))).toBe(true)
  })

  test("of a tree of one's own are told that weights are [inputs, outputs], and so are files", async () => {
    const own = { dense: { weight: random.normal(key, [5, 4]), bias: np.arange(4).astype('float32') } }
    const adapter = moved(bottleneck.init(key, own, { size: 2, modules: 'dense', fanInFanOut: true }))
    expect(adapter.weights['dense']!['down_weight']!.shape).toEqual([2, 4])
    const known = new Adapter({ method: 'bottleneck', size: 2, activation: 'gelu' } as const, {
      c_proj: adapter.weights['dense']!,
    })
    const x = random.normal(random.key(9), [3, 5])
    const expected = np.matmul(x, bottleneck.apply({ c_proj: own.dense }, known).c_proj.weight)
    close('told', np.matmul(x, bottleneck.apply(own, adapter).dense.weight), expected)
    await get(bottleneck.save(folder, adapter))
    sameAdapters(await get(bottleneck.load(folder, own)), adapter)
    const file = join(folder, 'adapter_config.json')
    writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), fanInFanOut: 'yes' }))
    const refused = leftOf(await bottleneck.load(folder, own)())
    expect(refused).toMatchObject({ message: expect.stringContaining('must be true or false, got "yes"') as unknown })
  })

  test('are saved and loaded, and do not go on models that they do not fit', async () => {
    const adapter = moved(bottleneck.init(key, params, { size: 3, activation: 'relu' }))
    await get(bottleneck.save(folder, adapter))
    const again = await get(bottleneck.load(folder, params))
    sameAdapters(again, adapter)
    const other = leftOf(await bottleneck.load(folder, begun(llama))())
    expect(other).toMatchObject({
      _tag: 'AdapterError',
      unexpected: expect.arrayContaining(['bert.encoder.layer.0.output.dense']) as unknown,
    })
    expect(() => bottleneck.apply(begun(llama), adapter)).toThrow(/which the parameters do not have/)
    const wide = { dense: { weight: np.ones([6, 5]) } }
    const narrow = bottleneck.init(key, { dense: { weight: np.ones([4, 5]) } }, { modules: 'dense' })
    expect(() => bottleneck.apply(wide, narrow)).toThrow(ShapeError)
  })
})

describe('prompt tuning', () => {
  test('rows of the table, given as virtual tokens, are those rows as tokens', () => {
    const words = [7, 8, 9]
    const adapter = promptTuning.init(key, params, { from: words, tokens: 3 })
    const widened = promptTuning.widen(adapter, { ...inputs, tokenTypeIds: np.zerosLike(inputIds) })
    const got = bert.apply(promptTuning.apply(params, adapter), widened).logits
    const before = np.broadcastTo(np.array(words, { dtype: 'int32' }), [2, 3])
    const wanted = bert.apply(params, {
      inputIds: np.concatenate([before, inputIds], { axis: 1 }),
      attentionMask: np.concatenate([np.ones([2, 3], { dtype: 'int32' }), attentionMask], { axis: 1 }),
    }).logits
    close('bert', got, wanted)
  })

  test('a tied head has no rows for them', () => {
    const given = begun(tied)
    const adapter = promptTuning.init(key, given, { tokens: 2 })
    const { logits } = tied.apply(promptTuning.apply(given, adapter), promptTuning.widen(adapter, inputs))
    expect(logits.shape).toEqual([2, 6, 31])
  })

  test('gradients come to the virtual tokens only, jitted or not', () => {
    const given = begun(tied)
    const adapter = promptTuning.init(key, given, { tokens: 2 })
    const loss = (a: typeof adapter): NDArray =>
      np.mean(np.square(tied.apply(promptTuning.apply(given, a), promptTuning.widen(a, inputs)).logits))
    const [one, other] = [grad(loss)(adapter), jit(grad(loss))(adapter)]
    const gradient = one.weights['prompt_encoder']!['embedding']!
    expect(gradient.shape).toEqual([2, 8])
    expect(np.all(np.greater(np.abs(gradient), 0)).bool()).toBe(true)
    close('jit', other.weights['prompt_encoder']!['embedding']!, gradient)
    const h = 1e-2
    const at = (d: number): number => loss(tree.map((x: NDArray) => x.at(0, 0).add(d), adapter)).item()
    expect(gradient.at(0, 0).get().item()).toBeCloseTo((at(h) - at(-h)) / (2 * h), 3)
  })

  test('labels of tokens count for nothing there; labels of texts stay', () => {
    const adapter = promptTuning.init(key, params, { tokens: 2 })
    const batch = { input_ids: inputIds, labels: inputIds, position_ids: np.zerosLike(inputIds) }
    const { labels, position_ids } = promptTuning.widen(adapter, batch)
    expect(labels.at(0).get().toArray()).toEqual([-100, -100, 3, 14, 15, 9])
    expect(position_ids.at(0).get().toArray()).toEqual([0, 1, 2, 2, 2, 2])
    const texts = np.array([1, 0], { dtype: 'int32' })
    expect(promptTuning.widen(adapter, { input_ids: inputIds, labels: texts }).labels).toBe(texts)
  })

  test('tokens beyond the virtual ones are none', () => {
    const adapter = promptTuning.init(key, params, { tokens: 2 })
    const tuned = promptTuning.apply(params, adapter)
    const run = (id: number): NDArray => bert.apply(tuned, { inputIds: [[id]] }).logits
    expect(np.all(np.isfinite(run(32))).bool()).toBe(true)
    expect(() => run(33)).toThrow(/33 is not one of 33/)
    expect(() => promptTuning.apply(begun(gpt2), adapter)).toThrow(ArgumentError)
    expect(() => promptTuning.init(key, { w: np.ones([2, 2]) })).toThrow(/no table of embeddings/)
  })
})

describe('prefix tuning', () => {
  const given = begun(llama)
  const { cacheShape } = llama

  test('a prefix that a text left behind is that text', () => {
    const [first, rest] = [np.slice(0, 2), np.slice(2, 4)].map((part) => inputIds.at(':', part).get()) as [
      NDArray,
      NDArray,
    ]
    const one = { inputIds: first.at(np.slice(0, 1)).get() }
    const { cache } = llama.apply(given, one, { cache: emptyCache(cacheShape, 1, 2) })
    const keysAndValues = cache!.layers.map((layer) => np.stack([layer.key, layer.value]).at(':', 0).get())
    // [layers, 2, tokens, heads, headDim]
    const embedding = np.reshape(np.moveaxis(np.stack(keysAndValues), 2, 0), [2, -1])
    const fresh = prefixTuning.init(key, given, { cacheShape, tokens: 2 })
    const adapter = new Adapter(fresh.config, { prompt_encoder: { embedding } })
    const prefixed = prefixTuning.widen(adapter, { inputIds: rest.at(np.slice(0, 1)).get() })
    const got = llama.apply(given, prefixed.inputs, { cache: prefixed.cache }).logits
    const whole = llama.apply(given, { inputIds: inputIds.at(np.slice(0, 1)).get() }).logits
    close('logits', got, whole.at(':', np.slice(2, 4)).get())
  })

  test.each([0, 6])('gradients come to all of it (projection of %i)', (projection) => {
    const adapter = prefixTuning.init(key, given, { cacheShape, tokens: 3, projection })
    const loss = (a: typeof adapter): NDArray => {
      const { inputs: widened, cache } = prefixTuning.widen(a, inputs)
      return np.mean(np.square(llama.apply(given, widened, { cache }).logits))
    }
    const gradients = tree.leaves(grad(loss)(adapter)) as readonly NDArray[]
    expect(gradients).toHaveLength(projection === 0 ? 1 : 5)
    for (const g of gradients) expect(np.max(np.abs(g)).item()).toBeGreaterThan(0)
    tree.leaves(jit(grad(loss))(adapter)).forEach((g, i) => {
      close(`leaf ${i}`, g, gradients[i]!)
    })
  })

  test('with room, the cache goes on', () => {
    const adapter = prefixTuning.init(key, given, { cacheShape, tokens: 3 })
    const both = prefixTuning.widen(adapter, { inputIds })
    const whole = llama.apply(given, both.inputs, { cache: both.cache }).logits
    const first = prefixTuning.widen(adapter, { inputIds: inputIds.at(':', np.slice(0, 3)).get() }, { room: 1 })
    const { cache } = llama.apply(given, first.inputs, { cache: first.cache })
    const { logits } = llama.apply(given, { inputIds: inputIds.at(':', np.slice(3, 4)).get() }, { cache: cache! })
    close('next', logits, whole.at(':', np.slice(3, 4)).get())
  })

  test('a projection is computed when it is saved', async () => {
    const adapter = prefixTuning.init(key, given, { cacheShape, tokens: 3, projection: 6 })
    await get(prefixTuning.save(folder, adapter))
    const again = await get(prefixTuning.load(folder, given, { cacheShape }))
    const run = (a: typeof adapter): NDArray => {
      const { inputs: widened, cache } = prefixTuning.widen(a, inputs)
      return llama.apply(given, widened, { cache }).logits
    }
    close('logits', run(again), run(adapter), 1e-6)
    expect(tree.leaves(again)).toHaveLength(1)
    const left = leftOf(await prefixTuning.load(folder, given, { cacheShape: gpt2.cacheShape })())
    expect(left._tag).toBe('AdapterError')
  })

  test('neither of the two can be merged', () => {
    const adapter = prefixTuning.init(key, given, { cacheShape })
    expect(() => prefixTuning.merge(given, adapter)).toThrow(ArgumentError)
    expect(() => promptTuning.merge(given, promptTuning.init(key, given))).toThrow(ArgumentError)
  })
})

describe('files that do not fit are a Left that names what is wrong', () => {
  const saved = async (): Promise<void> => {
    await get(promptTuning.save(folder, promptTuning.init(key, params, { tokens: 2 })))
  }
  const config = (): Record<string, unknown> =>
    JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8')) as Record<string, unknown>
  const change = (changes: object): void => {
    writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify({ ...config(), ...changes }))
  }
  const load = async () => leftOf(await promptTuning.load(folder, params)())

  test('what is saved with a head is loaded with it', async () => {
    await saved()
    expect(config()).toMatchObject({
      peft_type: 'PROMPT_TUNING',
      task_type: 'SEQ_CLS',
      modules_to_save: ['classifier'],
    })
    const adapter = await get(promptTuning.load(folder, params))
    expect(Object.keys(adapter.saved)).toEqual(['classifier.bias', 'classifier.weight'])
  })

  test.each([
    [{ peft_type: 'LORA' }, /peft_type .* must be PROMPT_TUNING or P_TUNING, got "LORA"/],
    [{ num_virtual_tokens: 0 }, /num_virtual_tokens/],
    [{ num_virtual_tokens: 5 }, /prompt_embeddings must have shape \[5, 8\], but the file's has \[2, 8\]/],
    [{ modules_to_save: null }, /Left over: base_model\.classifier\.(weight|bias)/],
    [{ modules_to_save: ['classifier', 'pooler'] }, /Missing: base_model\.bert\.pooler/],
    [{ modules_to_save: 3 }, /modules_to_save/],
    [{ num_transformer_submodules: 2 }, /prompt_embeddings must have shape \[4, 8\]/],
    [{ num_transformer_submodules: 3 }, /num_transformer_submodules .* must be 1 or 2, got 3/],
  ])('%j', async (changes, message) => {
    await saved()
    change(changes)
    const left = await load()
    expect(left._tag).toBe('AdapterError')
    expect(left.message).toMatch(message)
  })

  test('no files, no JSON, no tensors', async () => {
    expect((await load())._tag).toBe('Access')
    writeFileSync(join(folder, 'adapter_config.json'), '[]')
    expect((await load())._tag).toBe('Malformed')
    writeFileSync(join(folder, 'adapter_config.json'), '{')
    expect((await load())._tag).toBe('Malformed')
    writeFileSync(join(folder, 'adapter_config.json'), '{"peft_type": "PROMPT_TUNING"}')
    expect((await load())._tag).toBe('Access')
    writeFileSync(join(folder, 'adapter_model.safetensors'), 'short')
    expect((await load())._tag).toBe('Malformed')
  })
})
