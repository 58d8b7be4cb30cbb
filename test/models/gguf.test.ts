/** GGUF files of tiny models (record_gguf.py) hold the same parameters as their folders do. */
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { np, tree } from 'pullback'
import type { NDArray } from 'pullback'
import { encodeGguf } from 'pullback/io'
import type { TensorFile } from 'pullback/io'
import { configOfGguf, loadGguf, loadModel, modelOfConfig, nameOfGguf } from 'pullback/models'
import { get, leftOf, rightOf } from '../io/support/recorded.ts'

const at = (...parts: readonly string[]): string => resolve(import.meta.dirname, ...parts)
const named = (params: unknown): readonly (readonly [string, NDArray])[] =>
  tree.flattenWithPath(params)[0].map(([path, x]) => [path.join('.'), x as NDArray] as const)

const families = ['llama', 'llama-linear', 'llama-llama3', 'llama-tied', 'qwen3', 'gemma', 'gemma2', 'gemma3']

test.each(families)('%s', async (family) => {
  const found = await get(loadGguf(at('gguf', `${family}.gguf`)))
  const { params, files } = await get(loadModel(join(at('data'), family)))
  // What llama.cpp's files do not say, and it takes for granted: scores are scaled by the features of a head.
  const model = rightOf(modelOfConfig({ ...files.config, query_pre_attn_scalar: files.config['head_dim'] }))
  expect(found.model.architecture).toBe(model.architecture)
  const [ours, theirs] = [named(found.params), named(params)]
  expect(ours.map(([name]) => name)).toEqual(theirs.map(([name]) => name))
  ours.forEach(([name, x], i) => {
    // Norms of Gemma are 1 more in the file, which rounds.
    expect(np.max(np.abs(np.subtract(x, theirs[i]![1]))).item(), name).toBeLessThanOrEqual(
      family.startsWith('gemma') ? 2e-7 : 0,
    )
  })
  const inputs = { input_ids: np.array([[5, 6, 7, 8]], { dtype: 'int32' }) }
  const [a, b] = [found.model.apply(found.params, inputs), model.apply(params, inputs)]
  expect(np.max(np.abs(np.subtract(a['logits']!, b['logits']!))).item()).toBeLessThan(1e-4)
})

test('another head, with fresh parameters', async () => {
  const fresh = (_: string, shape: readonly number[]) => np.ones(shape)
  const path = at('gguf', 'llama-tied.gguf')
  const { model, params } = await get(loadGguf(path, { architecture: 'LlamaForSequenceClassification', fresh }))
  const inputs = { input_ids: np.array([[5, 6, 7, 8]], { dtype: 'int32' }) }
  expect(model.apply(params, inputs)['logits']!.shape).toEqual([1, 2])
})

test('norms of Gemma 2 and 3 have names of their own', () => {
  const names = ['attn_norm', 'post_attention_norm', 'ffn_norm', 'post_ffw_norm']
  const found = names.map((name) => nameOfGguf(`blk.1.${name}.weight`, 'gemma3').replace('model.layers.1.', ''))
  expect(found).toEqual([
    'input_layernorm.weight',
    'post_attention_layernorm.weight',
    'pre_feedforward_layernorm.weight',
    'post_feedforward_layernorm.weight',
  ])
  expect(nameOfGguf('blk.1.ffn_norm.weight')).toBe('model.layers.1.post_attention_layernorm.weight')
})

test.each([
  ['gemma2', 26, 256],
  ['gemma2', 46, 144],
  ['gemma3', 34, 256],
  ['gemma3', 62, 144],
])('%s of %i layers scales its scores by %i', (architecture, layers, scale) => {
  const said = { block_count: layers, embedding_length: 4608, 'attention.head_count': 32, 'attention.key_length': 256 }
  const entries = Object.entries(said).map(([key, value]) => [`${architecture}.${key}`, value] as const)
  const metadata = new Map<string, unknown>([['general.architecture', architecture], ...entries])
  const config = rightOf(configOfGguf({ metadata, tensors: new Map() } as unknown as TensorFile))
  expect(config['query_pre_attn_scalar']).toBe(scale)
})

test('factors of frequencies that are not as many as pairs of features are a ConfigError', async () => {
  const bytes = encodeGguf(
    { 'rope_freqs.weight': np.ones([3]), 'token_embd.weight': np.ones([9, 8]) },
    { metadata: { 'general.architecture': 'llama', 'llama.embedding_length': 8, 'llama.attention.head_count': 2 } },
  )
  expect(leftOf(await loadGguf(bytes)())).toMatchObject({ _tag: 'Config', key: 'rope_scaling.short_factor' })
})

test('names that are not known stay as they are', () => {
  expect(nameOfGguf('blk.12.ffn_down.weight')).toBe('model.layers.12.mlp.down_proj.weight')
  expect(nameOfGguf('output.weight')).toBe('lm_head.weight')
  for (const name of ['rope_freqs.weight', 'blk.0.output.weight', 'blk.0.constructor.weight', 'attn_q.weight', 'x']) {
    expect(nameOfGguf(name)).toBe(name)
  }
})

test('other architectures are refused, with those that are known', () => {
  const file = { metadata: new Map([['general.architecture', 'mamba']]), tensors: new Map() } as unknown as TensorFile
  expect(leftOf(configOfGguf(file)).message).toMatch(
    /must be one of llama, qwen2, qwen3, gemma, gemma2, gemma3, not "mamba"/,
  )
})

test('scalings of rotations come along', () => {
  const metadata = new Map<string, unknown>([
    ['general.architecture', 'qwen2'],
    ['qwen2.rope.scaling.type', 'yarn'],
    ['qwen2.rope.scaling.factor', 4],
    ['qwen2.rope.scaling.original_context_length', 32_768],
  ])
  const file = { metadata, tensors: new Map() } as unknown as TensorFile
  expect(rightOf(configOfGguf(file))['rope_scaling']).toEqual({
    rope_type: 'yarn',
    factor: 4,
    original_max_position_embeddings: 32_768,
  })
})
