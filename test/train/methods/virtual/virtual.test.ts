/** Virtual tokens of files of PEFT's, beyond what they compute (test/cli/virtualTokens.test.ts): what is saved again, and padding. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Either } from 'fp-ts/lib/Either.js'
import type { NDArray } from 'pullback'
import { np, random } from 'pullback'
import { openSafetensors } from 'pullback/io'
import type { AnyModel, ParamTree } from 'pullback/models'
import {
  emptyCache,
  llama,
  llamaConfig,
  loadModel,
  modelOfConfig,
  t5Config,
  t5ForConditionalGeneration,
} from 'pullback/models'
import { Adapter, prefixTuning, promptTuning } from 'pullback/train'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withVirtualTokens } from '../../../../src/train/methods/virtualModel.ts'
import { get, leftOf } from '../../../io/support/recorded.ts'
import { close } from '../../support/tiny.ts'

const data = resolve(import.meta.dirname, 'data')
const models = resolve(import.meta.dirname, '../../../models/data')

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pullback-virtual-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const load = async (name: string): Promise<{ readonly model: AnyModel; readonly params: ParamTree }> =>
  get(loadModel(join(models, name)))

const readConfig = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(path, 'adapter_config.json'), 'utf8')) as Record<string, unknown>

const right = <E extends { readonly message: string }, A>(e: Either<E, A>): A => {
  if (e._tag === 'Left') throw new Error(e.left.message)
  return e.right
}

const sizes = { vocab_size: 31, hidden_size: 8, num_hidden_layers: 3, num_attention_heads: 2, intermediate_size: 12 }

const int = (rows: readonly (readonly number[])[]) => np.array(rows, { dtype: 'int32' })

describe.each([
  ['p-mt5-lm', 'mt5-lm', 'SEQ_2_SEQ_LM', 8],
  ['p-gpt2', 'gpt2', 'CAUSAL_LM', 4],
  ['prompt-t5-lm', 't5-lm', 'SEQ_2_SEQ_LM', 8],
  ['prompt-gemma', 'gemma', 'CAUSAL_LM', 4],
])('%s', (name, family, taskType, rows) => {
  test('is saved as prompt tuning, with the same embeddings', async () => {
    const { model, params } = await load(family)
    const adapter = await get(promptTuning.load(join(data, name), params, { model }))
    await get(promptTuning.save(folder, adapter))
    const wanted = {
      peft_type: 'PROMPT_TUNING',
      task_type: taskType,
      num_virtual_tokens: 4,
      num_transformer_submodules: rows / 4,
    }
    expect(readConfig(folder)).toMatchObject(wanted)
    const [ours, theirs] = await Promise.all(
      [folder, join(data, name)].map(async (place) => {
        const file = await get(openSafetensors(join(place, 'adapter_model.safetensors')))
        return get(file.read('prompt_embeddings'))
      }),
    )
    expect(ours!.shape[0]).toBe(rows)
    expect(np.arrayEqual(ours!, theirs!).bool()).toBe(true)
    expect(promptTuning.prefix(adapter)).toEqual([0, 1, 2, 3].map((i) => adapter.config.vocabSize + i))
  })
})

describe('inputs', () => {
  test('what is written has no virtual tokens, however long it is', async () => {
    const { params } = await load('t5-lm')
    const adapter = promptTuning.init(random.key(0), params, { tokens: 2 })
    const widened = promptTuning.widen(adapter, { input_ids: int([[5, 6, 1]]), labels: int([[7, 8, 1]]) })
    expect(widened.input_ids.toArray()).toEqual([[61, 62, 5, 6, 1]])
    expect(widened.labels.toArray()).toEqual([[7, 8, 1]])
  })

  test('rows of a Gemma begin as its words', async () => {
    const { model, params } = await load('gemma')
    const adapter = promptTuning.init(random.key(0), params, { tokens: 2, from: [7, 8], model })
    const before = model.apply(params, { input_ids: int([[7, 8, 9]]) })['logits']!
    const { input_ids } = promptTuning.widen(adapter, { input_ids: int([[9]]) })
    close('logits', model.apply(promptTuning.apply(params, adapter), { input_ids })['logits']!, before)
  })

  test('padding is seen, or is a token as any other: as embeddings have it', async () => {
    const { model, params } = await load('llama-sequence')
    const adapter = promptTuning.init(random.key(1), params, { tokens: 2 })
    const [short, padded] = [int([[5, 6, 7]]), int([[5, 6, 7, 0, 0]])]
    const scores = (asEmbeddings: boolean, ids: typeof short) =>
      withVirtualTokens(model, adapter, { asEmbeddings }).apply(params, { input_ids: ids })['logits']!
    close('seen', scores(false, padded), scores(false, short))
    close('alone', scores(true, short), scores(false, short))
    expect(np.allclose(scores(true, padded), scores(true, short), { rtol: 1e-3 }).bool()).toBe(false)
  })

  test.each([-1, 61, 63])('a token that the vocabulary lacks is none: %i', async (id) => {
    const { model, params } = await load('llama-sequence')
    const adapter = promptTuning.init(random.key(1), params, { tokens: 2 })
    const run = (): unknown =>
      withVirtualTokens(model, adapter, { asEmbeddings: true }).apply(params, { input_ids: int([[5, id]]) })
    expect(run).toThrow(`${id} is not one of`)
  })

  test('a model without texts has none', async () => {
    const { model, params } = await load('vit-image')
    const { params: other } = await load('llama-sequence')
    const adapter = promptTuning.init(random.key(1), other, { tokens: 2 })
    const run = (): unknown =>
      withVirtualTokens(model, adapter, { asEmbeddings: true }).apply(params, { pixel_values: np.zeros([1, 3, 8, 8]) })
    expect(run).toThrow(/needs an input input_ids/)
  })
})

describe('prefixes', () => {
  const loadPrefix = async (adapter: string, family: string) => {
    const { model, params } = await load(family)
    return prefixTuning.load(join(data, adapter), params, { cacheShape: model.cacheShape! })()
  }

  test('a decoder classifies a text after keys and values of its beginning as it does the whole', () => {
    const json = { ...sizes, num_labels: 3, pad_token_id: 0 }
    const model = right(modelOfConfig({ model_type: 'llama', ...json }, 'LlamaForSequenceClassification'))
    const params = model.init(random.key(0))
    const body = llama(right(llamaConfig(json)))
    const cacheShape = model.cacheShape!
    const left = body.apply(params['model'] as never, { inputIds: [[5, 6]] }, { cache: emptyCache(cacheShape, 1, 2) })
    const pairs = left.cache!.layers.map(({ key, value }) => np.stack([key, value]).at(':', 0).get())
    // [layers, 2, tokens, heads, headDim], as files have them: token by token.
    const embedding = np.reshape(np.moveaxis(np.stack(pairs), 2, 0), [2, -1])
    const { config } = prefixTuning.init(random.key(0), params, { cacheShape, tokens: 2 })
    const adapter = new Adapter(config, { prompt_encoder: { embedding } })
    const run = (m: AnyModel, ids: NDArray): NDArray => m.apply(params, { input_ids: ids })['logits']!
    const prefixed = withVirtualTokens(model, adapter, { asEmbeddings: true })
    const wanted = run(model, int([[5, 6, 7, 8, 0]]))
    close('logits', run(prefixed, int([[7, 8, 0]])), wanted)
    expect(np.max(np.abs(np.subtract(run(model, int([[7, 8, 0]])), wanted))).item()).toBeGreaterThan(1e-4)
  })

  test('that of T5 is saved as it was', async () => {
    const adapter = right(await loadPrefix('prefix-t5-lm', 't5-lm'))
    await get(prefixTuning.save(folder, adapter))
    expect(readConfig(folder)).toMatchObject({
      peft_type: 'PREFIX_TUNING',
      task_type: 'SEQ_2_SEQ_LM',
      num_transformer_submodules: 2,
      token_dim: 24,
      num_virtual_tokens: 4,
    })
    const file = await get(openSafetensors(join(folder, 'adapter_model.safetensors')))
    const embedding = adapter.weights['prompt_encoder']!['embedding']!
    expect(np.arrayEqual(await get(file.read('prompt_embeddings')), embedding).bool()).toBe(true)
  })

  test('in T5 it stands before what is written, with room for more', async () => {
    const adapter = right(await loadPrefix('prefix-t5-lm', 't5-lm'))
    const given = {
      input_ids: int([[5, 6, 1]]),
      attention_mask: int([[1, 1, 1]]),
      decoder_attention_mask: int([[1, 0]]),
    }
    const { inputs, cache } = prefixTuning.widen(adapter, { ...given, labels: int([[7, 1]]) }, { room: 3 })
    expect(inputs.attention_mask.toArray()).toEqual([[1, 1, 1]])
    expect(inputs.decoder_attention_mask.toArray()).toEqual([[1, 1, 1, 1, 1, 0]])
    expect(cache.layers[0]!.key.shape).toEqual([1, 4 + 2 + 3, 4, 6])
    expect(prefixTuning.prefix(adapter).layers[0]!.key.shape).toEqual([1, 4, 4, 6])
    expect(() => prefixTuning.widen(adapter, given)).toThrow(/what is written is needed, decoder_input_ids or labels/)
  })

  test('a cache of T5 has its prefix in it', () => {
    const small = { vocab_size: 10, d_model: 8, d_kv: 4, d_ff: 8, num_layers: 1, num_heads: 2 }
    const model = t5ForConditionalGeneration(right(t5Config(small)))
    const params = model.init(random.key(0))
    const cache = model.startCache(params, { inputIds: [[5, 1]] }, 4)
    const prefix = emptyCache(model.cacheShape, 1, 4)
    expect(() => model.apply(params, { decoderInputIds: [[0]] }, { cache, prefix })).toThrow(/leave out the prefix/)
  })

  test.each([
    ['another number of heads', 'prefix-llama', 'gpt2', /num_attention_heads is 2, the model has 4/],
    ['a decoder alone', 'prefix-t5-lm', 'gpt2', /num_transformer_submodules must be 1 for this model, got 2/],
    ['an encoder besides', 'prefix-gpt2', 't5-lm', /num_transformer_submodules must be 2 for this model, got 1/],
  ])('of %s it is not loaded', async (_, adapter, family, message) => {
    expect(leftOf(await loadPrefix(adapter, family)).message).toMatch(message)
  })

  test('PEFT has every other pair of keys and values of T5, around the end', () => {
    const cacheShape = { numHiddenLayers: 6, numKeyValueHeads: 1, headDim: 1 }
    const adapter = prefixTuning.init(random.key(0), { shared: { weight: np.ones([3, 2]) } }, { cacheShape, tokens: 1 })
    const embedding = np.reshape(np.arange(12), [1, 12]).astype('float32')
    const { layers } = prefixTuning.prefix(new Adapter(adapter.config, { prompt_encoder: { embedding } }))
    expect(layers.map(({ key, value }) => [key.item(), value.item()])).toEqual([
      [0, 1],
      [4, 5],
      [8, 9],
      [0, 1],
      [4, 5],
      [8, 9],
    ])
  })
})
