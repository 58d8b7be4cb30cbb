/** Loading and saving the folders of models. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { np, tree } from 'pullback'
import type { NDArray } from 'pullback'
import { openModel } from 'pullback/io'
import { architectureNames, loadModel, modelOfConfig, saveModel } from 'pullback/models'
import { get, leftOf, rightOf } from '../io/support/recorded.ts'

const data = resolve(import.meta.dirname, 'data')
const inputs = {
  input_ids: np.array(
    [
      [5, 6, 7],
      [8, 9, 0],
    ],
    { dtype: 'int32' },
  ),
  attention_mask: np.array([
    [1, 1, 1],
    [1, 1, 0],
  ]),
}

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pullback-model-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true })
})

const sameTrees = (a: unknown, b: unknown): void => {
  const [x, y] = [a, b].map((t) => tree.flattenWithPath(t)[0]) as [
    ReturnType<typeof tree.flattenWithPath>[0],
    ReturnType<typeof tree.flattenWithPath>[0],
  ]
  expect(x.map(([path]) => path)).toEqual(y.map(([path]) => path))
  x.forEach(([path, leaf], i) => {
    expect(np.arrayEqual(leaf as NDArray, y[i]![1] as NDArray).bool(), path.join('.')).toBe(true)
  })
}

test.each(['bert-sequence', 'llama', 'llama-tied'])('%s: what is saved is loaded as it was', async (family) => {
  const loaded = await get(loadModel(join(data, family)))
  const { model, params, files } = loaded
  await get(saveModel(directory, { ...files, params, architecture: model.architecture }))
  expect(readdirSync(directory).sort()).toEqual(['config.json', 'model.safetensors'])
  const again = await get(loadModel(directory))
  expect(again.model.architecture).toBe(model.architecture)
  sameTrees(again.params, params)
  const [a, b] = [model.apply(params, inputs), again.model.apply(again.params, inputs)]
  expect(np.arrayEqual(a['logits']!, b['logits']!).bool()).toBe(true)
})

test('running statistics are saved with the counts of batches that PyTorch has beside them', async () => {
  const { model, params, state, files } = await get(loadModel(join(data, 'resnet')))
  await get(saveModel(directory, { ...files, params, state, architecture: model.architecture }))
  const again = await get(loadModel(directory))
  sameTrees([again.params, again.state], [params, state])
  const [ours, theirs] = [again.files.weights.tensors, files.weights.tensors]
  expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort())
  for (const [name, { dtype, shape }] of theirs) expect(ours.get(name)).toMatchObject({ dtype, shape })
})

test('in several files, and then in one: nothing stale stays behind', async () => {
  const { params, files } = await get(loadModel(join(data, 'llama')))
  writeFileSync(join(directory, 'notes.txt'), 'mine')
  await get(saveModel(directory, { ...files, params }, { maxShardBytes: 6000 }))
  const names = readdirSync(directory)
  expect(names.filter((name) => /^model-\d{5}-of-\d{5}\.safetensors$/.test(name)).length).toBeGreaterThan(2)
  expect(names).not.toContain('model.safetensors')
  sameTrees((await get(loadModel(directory))).params, params)
  await get(saveModel(directory, { ...files, params }))
  expect(readdirSync(directory).sort()).toEqual(['config.json', 'model.safetensors', 'notes.txt'])
})

test('the dtype of what is written stands in the configuration', async () => {
  const { params, files } = await get(loadModel(join(data, 'llama'), { dtype: 'bfloat16' }))
  await get(saveModel(directory, { ...files, params, config: { ...files.config, torch_dtype: 'float32' } }))
  const config = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8')) as { [key: string]: unknown }
  expect(config['dtype']).toBe('bfloat16')
  expect(config['torch_dtype']).toBeUndefined()
  const again = await get(loadModel(directory, { dtype: 'keep' }))
  sameTrees(again.params, params)
})

test('another head than the file has: its parameters are made afresh, or missing', async () => {
  const from = join(data, 'bert')
  const architecture = 'BertForTokenClassification'
  expect(leftOf(await loadModel(from, { architecture })())).toMatchObject({
    _tag: 'Mismatch',
    missing: ['classifier.bias', 'classifier.weight'],
  })
  const fresh = (name: string, shape: readonly number[]) => (name.startsWith('classifier') ? np.zeros(shape) : null)
  const { model, params } = await get(loadModel(from, { architecture, fresh }))
  expect(model.apply(params, inputs)['logits']!.shape).toEqual([2, 3, 3])
})

test('numbers that transformers takes as floats only are written as floats', async () => {
  const { params, files } = await get(loadModel(join(data, 't5-lm')))
  const strange = { note: '"initializer_factor": 1,', final_logit_softcapping: 30 }
  await get(saveModel(directory, { ...files, params, config: { ...files.config, ...strange } }))
  const text = readFileSync(join(directory, 'config.json'), 'utf8')
  expect(text).toContain('"initializer_factor": 1.0,')
  expect(text).toContain('"final_logit_softcapping": 30.0')
  expect(text).toContain('"layer_norm_epsilon": 0.000001,')
  expect(text).toContain('"num_layers": 2,')
  expect(JSON.parse(text)).toMatchObject(strange)
})

test('a tied weight that the file has under both names has to be the same', async () => {
  const { params, files } = await get(loadModel(join(data, 't5-lm')))
  const { weight } = params['shared'] as { readonly weight: NDArray }
  const save = (second: NDArray) =>
    get(saveModel(directory, { ...files, params: { ...params, lm_head: { weight: second } } }))
  await save(weight)
  sameTrees((await get(loadModel(directory))).params, params)
  await save(np.add(weight, 1))
  const error = leftOf(await loadModel(directory)())
  expect(error).toMatchObject({ _tag: 'Mismatch', untied: ['lm_head.weight'], missing: [], unexpected: [] })
  expect(error.message).toContain('tie_word_embeddings')
})

test('what cannot be loaded is a Left that says why', async () => {
  cpSync(join(data, 'bert'), directory, { recursive: true })
  const write = (config: unknown) => {
    writeFileSync(join(directory, 'config.json'), JSON.stringify(config))
  }
  const messageOf = async () => leftOf(await loadModel(directory)()).message
  write({ architectures: ['MambaForCausalLM'] })
  expect(await messageOf()).toContain('the architecture MambaForCausalLM is not known')
  write({ model_type: 'mamba' })
  expect(await messageOf()).toContain('the model_type "mamba" is not known')
  write({ model_type: 'bert', hidden_size: 'wide' })
  expect(await messageOf()).toContain('hidden_size must be a whole number')
  write({ model_type: 'bert', hidden_size: 8, num_attention_heads: 3 })
  expect(await messageOf()).toContain('num_attention_heads must be a divisor of hidden_size, 8, not 3')
  write({ model_type: 'llama', num_hidden_layers: 1e9 })
  expect(await messageOf()).toContain('num_hidden_layers must be at most 10000')
  write({ model_type: 'llama', num_attention_heads: 6, head_dim: 4, num_key_value_heads: 4 })
  expect(await messageOf()).toContain('num_key_value_heads must be a divisor of num_attention_heads, 6, not 4')
})

test.each(architectureNames)('%s has a configuration of its own without any keys', (name) => {
  const model = rightOf(modelOfConfig({}, name))
  expect(model.architecture).toBe(name)
  expect(model.inputs.length).toBeGreaterThan(0)
})

test('an input that a model does not have is an error by name', async () => {
  const { model, params } = await get(loadModel(join(data, 'bert')))
  expect(() => model.apply(params, { ...inputs, pixel_values: np.zeros([1]) })).toThrow(
    /BertModel: there is no input 'pixel_values'/,
  )
  expect(() => model.apply(params, {})).toThrow(/needs an input input_ids/)
})

test('a folder that is being written has no configuration', async () => {
  const { params, files } = await get(loadModel(join(data, 'llama')))
  await get(saveModel(directory, { ...files, params }))
  const broken = {
    ...files,
    params,
    tokenizer: {
      toJSON: () => {
        throw new Error('the disk is gone')
      },
    },
  }
  await expect(saveModel(directory, broken)()).rejects.toThrow('the disk is gone')
  expect(readdirSync(directory)).not.toContain('config.json')
  expect((await openModel(directory)())._tag).toBe('Left')
})
