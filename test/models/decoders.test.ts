/** What holds for all decoders, whatever their family: caches change nothing, and mistakes have names. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ArgumentError, jit, np, random } from 'pullback'
import type { NDArray } from 'pullback'
import { bytesSource, encodeSafetensors, openSafetensors, openTensors } from 'pullback/io'
import * as models from 'pullback/models'
import { get, leftOf, rightOf } from '../io/support/recorded.ts'

const data = resolve(import.meta.dirname, 'data')
const configOf = (family: string): unknown => JSON.parse(readFileSync(join(data, family, 'config.json'), 'utf8'))
const modelOf = (family: string): models.AnyModel => rightOf(models.modelOfConfig(configOf(family)))

const open = async (family: string) => {
  const model = modelOf(family)
  const file = await get(openTensors(join(data, family, 'model.safetensors')))
  return [model.decoder!, await get(models.loadParams(model, file))] as const
}

const causal = readdirSync(data).filter((family) => modelOf(family).decoder !== null)

/** Its frequencies change with every token beyond the context of pretraining, and keys in a cache keep theirs. */
const changing = ['llama-dynamic', 'llama-longrope']

/** A text in pieces, in rows of which some begin with padding. */
const texts = fc
  .record({
    pieces: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
    padding: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
    spare: fc.nat(3),
    seed: fc.nat(1000),
    placed: fc.boolean(),
  })
  .map(({ pieces, padding, ...rest }) => {
    const length = pieces.reduce((a, b) => a + b)
    return { ...rest, pieces, length, padding: padding.map((n) => n % length) }
  })

const columns = (x: NDArray, from: number, to: number): NDArray => x.at(':', np.slice(from, to)).get()

test('there are decoders', () => {
  expect(causal.length).toBeGreaterThan(10)
})

describe.each(causal.filter((family) => !changing.includes(family)))('%s', (family) => {
  test('with a cache, in any pieces, as without', async () => {
    const [model, params] = await open(family)
    fc.assert(
      fc.property(texts, ({ pieces, length, padding, spare, seed, placed }) => {
        const ids = random.randint(random.key(seed), [padding.length, length], 3, 61)
        const places = np.expandDims(np.arange(length), 0)
        const begin = np.expandDims(np.array(padding, { dtype: 'int32' }), 1)
        const mask = np.greaterEqual(places, begin).astype('int32')
        const positions = np.maximum(np.subtract(places, begin), 0)
        const inputs = (from: number, to: number): models.DecoderInputs => ({
          inputIds: columns(ids, from, to),
          attentionMask: columns(mask, 0, to),
          ...(placed ? { positionIds: columns(positions, from, to) } : {}),
        })
        const whole = model.apply(params, inputs(0, length)).logits
        let cache = models.emptyCache(model.cacheShape, padding.length, length + spare)
        const parts: NDArray[] = []
        let from = 0
        for (const piece of pieces) {
          const output = model.apply(params, inputs(from, from + piece), { cache })
          parts.push(output.logits)
          cache = output.cache!
          from += piece
        }
        expect(cache.length.item()).toBe(length)
        const seen = np.expandDims(mask, -1)
        const [a, b] = [np.multiply(np.concatenate(parts, { axis: 1 }), seen), np.multiply(whole, seen)]
        expect(np.max(np.abs(np.subtract(a, b))).item()).toBeLessThan(1e-5 * np.max(np.abs(b)).item())
      }),
      { numRuns: 8 },
    )
  })
})

describe.each(causal)('%s', (family) => {
  test('logitsToKeep leaves the last ones', async () => {
    const [model, params] = await open(family)
    const inputs = { inputIds: [[5, 9, 11, 7]] }
    const all = model.apply(params, inputs).logits
    expect(model.apply(params, inputs, { logitsToKeep: 2 }).logits.toArray()).toEqual(columns(all, 2, 4).toArray())
    expect(model.apply(params, inputs, { logitsToKeep: 9 }).logits.shape).toEqual(all.shape)
  })

  test('a cache that is full, and a mask that is too long, are errors with names', async () => {
    const [model, params] = await open(family)
    const cache = models.emptyCache(model.cacheShape, 1, 2)
    const run = (inputIds: number[][], cache: models.Cache) => model.apply(params, { inputIds }, { cache })
    expect(() => run([[5, 6, 7]], cache)).toThrow(ArgumentError)
    const full = run([[5, 6]], cache).cache!
    expect(() => run([[5]], full)).toThrow(/room for 2 tokens, of which 2 are taken, has none for 1/)
    const { logits } = run([[5]], models.growCache(full, 3))
    const whole = model.apply(params, { inputIds: [[5, 6, 5]] }, { logitsToKeep: 1 }).logits
    expect(np.max(np.abs(np.subtract(logits, whole))).item()).toBeLessThan(changing.includes(family) ? 1 : 1e-4)
    expect(() => model.apply(params, { inputIds: [[5]], attentionMask: [[1, 1]] })).toThrow(/attentionMask has shape/)
  })
})

describe('dropout', () => {
  test.each([
    ['llama', { attention_dropout: 0.5 }],
    ['qwen3', { attention_dropout: 0.5 }],
    ['gemma2', { attention_dropout: 0.5 }],
    ['gpt2', { attn_pdrop: 0.5, resid_pdrop: 0, embd_pdrop: 0 }],
    ['gpt2', { attn_pdrop: 0, resid_pdrop: 0.5, embd_pdrop: 0 }],
    ['gpt2', { attn_pdrop: 0, resid_pdrop: 0, embd_pdrop: 0.5 }],
  ])('%s %o: with a key only, the same for the same key', (family, rates) => {
    const model = rightOf(models.modelOfConfig({ ...(configOf(family) as object), ...rates })).decoder!
    const params = model.init(random.key(0))
    const run = (seed?: number): unknown =>
      model
        .apply(params, { inputIds: [[5, 6, 7]] }, seed === undefined ? {} : { key: random.key(seed) })
        .logits.toArray()
    expect(run(1)).toEqual(run(1))
    expect(run(1)).not.toEqual(run(2))
    expect(run(1)).not.toEqual(run())
    const none = Object.fromEntries(Object.keys(rates).map((name) => [name, 0]))
    const still = rightOf(models.modelOfConfig({ ...(configOf(family) as object), ...none })).decoder!
    const logits = still.apply(params, { inputIds: [[5, 6, 7]] }, { key: random.key(1) }).logits.toArray()
    expect(logits).toEqual(run())
  })
})

describe('sequence classification', () => {
  test('without a padding token takes one row, from its last token', () => {
    const config = { ...(configOf('llama-sequence') as object), pad_token_id: null }
    const model = rightOf(models.llamaConfig(config))
    const classifier = models.llamaForSequenceClassification(model)
    const params = classifier.init(random.key(0))
    const { logits, lastHiddenState } = classifier.apply(params, { inputIds: [[5, 6, 0]] })
    expect(logits.toArray()).toEqual(np.matmul(lastHiddenState.at(':', 2).get(), params.score.weight.T).toArray())
    const two = { inputIds: [[5], [6]] }
    expect(() => classifier.apply(params, two)).toThrow(/no pad_token_id in the configuration/)
  })

  test('a row of padding alone is scored at its first token', () => {
    const classifier = models.llamaForSequenceClassification(rightOf(models.llamaConfig(configOf('llama-sequence'))))
    const params = classifier.init(random.key(0))
    const { logits, lastHiddenState } = classifier.apply(params, { inputIds: [[0, 0, 0]] })
    expect(logits.toArray()).toEqual(np.matmul(lastHiddenState.at(':', 0).get(), params.score.weight.T).toArray())
  })
})

describe('GPT-2', () => {
  const config = rightOf(models.gpt2Config(configOf('gpt2')))

  test('files of old have masks, and no prefix', async () => {
    const model = models.gpt2LMHeadModel(config)
    const file = await get(openTensors(join(data, 'gpt2', 'model.safetensors')))
    const tensors: Record<string, NDArray> = {}
    for (const name of file.tensors.keys()) tensors[name.replace(/^transformer\./, '')] = await get(file.read(name))
    tensors['h.0.attn.bias'] = np.tril(np.ones([1, 1, 20, 20]))
    tensors['h.0.attn.masked_bias'] = np.array(-1e4)
    const old = await get(openSafetensors(bytesSource(encodeSafetensors(tensors), 'old')))
    const [a, b] = [await get(models.loadParams(model, old)), await get(models.loadParams(model, file))]
    const inputs = { inputIds: [[5, 6]] }
    expect(model.apply(a, inputs).logits.toArray()).toEqual(model.apply(b, inputs).logits.toArray())
    const short = Object.fromEntries(Object.entries(tensors).filter(([name]) => name !== 'h.0.attn.c_attn.bias'))
    const cut = await get(openSafetensors(bytesSource(encodeSafetensors(short), 'cut')))
    expect(leftOf(await models.loadParams(model, cut)())).toMatchObject({
      missing: ['transformer.h.0.attn.c_attn.bias'],
    })
  })

  test('more tokens than positions are an error with a name', () => {
    const model = models.gpt2LMHeadModel(config)
    expect(model.maxPositions).toBe(20)
    const params = model.init(random.key(0))
    expect(() => model.apply(params, { inputIds: [Array(21).fill(5)] })).toThrow(
      /gpt2: 21 tokens are more than the 20 that the model has positions for/,
    )
  })

  test('cross-attention is refused', () => {
    expect(leftOf(models.gpt2Config({ add_cross_attention: true })).key).toBe('add_cross_attention')
  })
})

describe('Gemma', () => {
  test('null is not a cap, and what is left out has its default', () => {
    const read = (json: object) => rightOf(models.gemmaConfig({ model_type: 'gemma2', ...json }))
    expect(read({}).attentionCap).toBe(50)
    expect(read({}).logitCap).toBe(30)
    expect(read({ attn_logit_softcapping: null, final_logit_softcapping: null })).toMatchObject({
      attentionCap: null,
      logitCap: null,
    })
    expect(rightOf(models.gemmaConfig({ model_type: 'gemma3_text' })).logitCap).toBe(null)
  })

  test('windows alternate: every second layer, or all but every sixth', () => {
    const windows = (type: string) =>
      rightOf(models.gemmaConfig({ model_type: type, num_hidden_layers: 7, sliding_window: 5 })).windows
    expect(windows('gemma')).toEqual([null, null, null, null, null, null, null])
    expect(windows('gemma2')).toEqual([5, null, 5, null, 5, null, 5])
    expect(windows('gemma3_text')).toEqual([5, 5, 5, 5, 5, null, 5])
  })

  test('files of old name the bases of both rotations', () => {
    const { rope, localRope } = rightOf(
      models.gemmaConfig({
        model_type: 'gemma3_text',
        rope_theta: 500_000,
        rope_local_base_freq: 20_000,
        rope_scaling: { rope_type: 'linear', factor: 8 },
      }),
    )
    expect(rope).toMatchObject({ theta: 500_000, scaling: { type: 'linear', factor: 8 } })
    expect(localRope).toMatchObject({ theta: 20_000, scaling: { type: 'default' } })
  })

  test('the first files say gelu and mean its approximation; attention to both sides is refused', () => {
    expect(rightOf(models.gemmaConfig({ hidden_act: 'gelu' })).hiddenAct).toBe('gelu_pytorch_tanh')
    expect(leftOf(models.gemmaConfig({ use_bidirectional_attention: true })).key).toBe('use_bidirectional_attention')
  })
})

test('dynamic scaling goes by the furthest position, inside of jit too', () => {
  const config = rightOf(models.llamaConfig(configOf('llama-dynamic')))
  const model = models.llamaForCausalLM(config)
  const params = model.init(random.key(0))
  const inputIds = np.array([[5, 6, 7]], { dtype: 'int32' })
  const run = (positionIds: NDArray): NDArray => model.apply(params, { inputIds, positionIds }).logits
  const far = np.array([[7, 8, 9]], { dtype: 'int32' })
  const [eager, traced] = [run(far), jit(run)(far)]
  expect(np.max(np.abs(np.subtract(eager, traced))).item()).toBeLessThan(1e-6)
})
