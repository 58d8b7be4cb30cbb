/** GGUF files of tiny models (record_gguf.py) hold the same parameters as their folders do. */
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { np, tree } from 'pullback'
import type { NDArray } from 'pullback'
import type { TensorFile } from 'pullback/io'
import { configOfGguf, loadGguf, loadModel, nameOfGguf } from 'pullback/models'
import { get, leftOf, rightOf } from '../io/support/recorded.ts'

const at = (...parts: readonly string[]): string => resolve(import.meta.dirname, ...parts)
const named = (params: unknown): readonly (readonly [string, NDArray])[] =>
  tree.flattenWithPath(params)[0].map(([path, x]) => [path.join('.'), x as NDArray] as const)

test.each(['llama', 'llama-linear', 'llama-tied', 'qwen3', 'gemma'])('%s', async (family) => {
  const found = await get(loadGguf(at('gguf', `${family}.gguf`)))
  const { model, params } = await get(loadModel(join(at('data'), family)))
  expect(found.model.architecture).toBe(model.architecture)
  const [ours, theirs] = [named(found.params), named(params)]
  expect(ours.map(([name]) => name)).toEqual(theirs.map(([name]) => name))
  ours.forEach(([name, x], i) => {
    // Norms of Gemma are 1 more in the file, which rounds.
    expect(np.max(np.abs(np.subtract(x, theirs[i]![1]))).item(), name).toBeLessThanOrEqual(
      family === 'gemma' ? 2e-7 : 0,
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

test('names that are not known stay as they are', () => {
  expect(nameOfGguf('blk.12.ffn_down.weight')).toBe('model.layers.12.mlp.down_proj.weight')
  expect(nameOfGguf('output.weight')).toBe('lm_head.weight')
  for (const name of ['rope_freqs.weight', 'blk.0.output.weight', 'blk.0.constructor.weight', 'attn_q.weight', 'x']) {
    expect(nameOfGguf(name)).toBe(name)
  }
})

test('other architectures are refused, with those that are known', () => {
  const file = { metadata: new Map([['general.architecture', 'mamba']]), tensors: new Map() } as unknown as TensorFile
  expect(leftOf(configOfGguf(file)).message).toMatch(/must be one of llama, qwen2, qwen3, gemma, not "mamba"/)
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
