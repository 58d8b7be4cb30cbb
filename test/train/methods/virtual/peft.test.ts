/** Virtual tokens as PEFT has them: see record.py. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { NDArray } from 'pullback'
import { grad, np, tree } from 'pullback'
import { openSafetensors } from 'pullback/io'
import type { NamedArrays } from 'pullback/models'
import { loadModel } from 'pullback/models'
import { prefixTuning, promptTuning } from 'pullback/train'
import { expect, test } from 'vitest'
import { get } from '../../../io/support/recorded.ts'
import { close } from '../../support/tiny.ts'

const data = resolve(import.meta.dirname, 'applied')
const models = resolve(import.meta.dirname, '../../../models/data')

const recorded = async (name: string): Promise<NamedArrays> => {
  const file = await get(openSafetensors(join(data, name, 'case.safetensors')))
  const read = [...file.tensors.keys()].map(async (tensor) => [tensor, await get(file.read(tensor))] as const)
  return Object.fromEntries(await Promise.all(read))
}

const inputsOf = (tensors: NamedArrays): NamedArrays =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, x]) =>
      name.startsWith('input.') ? [[name.slice(6), x.astype('int32')]] : [],
    ),
  )

const loss = (logits: NDArray): NDArray => np.sum(np.sin(logits))

const embeddingOf = (adapter: {
  readonly weights: { readonly [m: string]: { readonly [n: string]: NDArray } }
}): NDArray => adapter.weights['prompt_encoder']!['embedding']!

/** What is saved again is what PEFT saved, tensor by tensor. */
const sameFiles = async (folder: string, name: string): Promise<void> => {
  const [ours, theirs] = await Promise.all(
    [folder, join(data, name)].map((place) => get(openSafetensors(join(place, 'adapter_model.safetensors')))),
  )
  expect([...ours!.tensors.keys()].sort()).toEqual([...theirs!.tensors.keys()].sort())
  for (const tensor of theirs!.tensors.keys()) {
    expect(np.arrayEqual(await get(ours!.read(tensor)), await get(theirs!.read(tensor))).bool(), tensor).toBe(true)
  }
  const [mine, yours] = [folder, join(data, name)].map(
    (place) => JSON.parse(readFileSync(join(place, 'adapter_config.json'), 'utf8')) as Record<string, unknown>,
  )
  for (const k of [
    'peft_type',
    'task_type',
    'num_virtual_tokens',
    'token_dim',
    'num_transformer_submodules',
    'inference_mode',
  ]) {
    expect(mine![k], k).toEqual(yours![k])
  }
}

const withFolder = async (use: (folder: string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'pullback-peft-'))
  try {
    await use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('all that is recorded is compared', () => {
  expect(readdirSync(data).sort()).toEqual([
    'prefix-gpt2',
    'prefix-llama',
    'projected-llama',
    'prompt-bert',
    'prompt-gpt2',
    'prompt-llama',
  ])
})

test.each([
  ['prompt-llama', 'llama'],
  ['prompt-gpt2', 'gpt2'],
  ['prompt-bert', 'bert-sequence'],
])('%s: logits, gradients and files', async (name, family) => {
  const tensors = await recorded(name)
  const { model, params } = await get(loadModel(join(models, family)))
  const adapter = await get(promptTuning.load(join(data, name), params))
  const logitsOf = (a: typeof adapter): NDArray =>
    model.apply(promptTuning.apply(params, a), promptTuning.widen(a, inputsOf(tensors)))['logits']!
  close('logits', logitsOf(adapter), tensors['output.logits']!)
  const gradient = embeddingOf(grad((a: typeof adapter) => loss(logitsOf(a)))(adapter))
  close('gradient', gradient, tensors['grad.prompt_embeddings']!, 2e-5)
  await withFolder(async (folder) => {
    await get(promptTuning.save(folder, adapter))
    await sameFiles(folder, name)
  })
})

test.each([
  ['prefix-llama', 'llama'],
  ['prefix-gpt2', 'gpt2'],
  ['projected-llama', 'llama'],
])('%s: logits, gradients and files', async (name, family) => {
  const tensors = await recorded(name)
  const { model, params } = await get(loadModel(join(models, family)))
  const { decoder } = model
  const { cacheShape } = decoder!
  const adapter = await get(prefixTuning.load(join(data, name), params, { cacheShape }))
  const { input_ids: inputIds, attention_mask: attentionMask } = inputsOf(tensors)
  const logitsOf = (a: typeof adapter): NDArray => {
    const { inputs, cache } = prefixTuning.widen(a, { inputIds: inputIds!, attentionMask: attentionMask! })
    return decoder!.apply(params, inputs, { cache }).logits
  }
  close('logits', logitsOf(adapter), tensors['output.logits']!)
  const recordedGradient = tensors['grad.prompt_embeddings']
  expect(recordedGradient === undefined).toBe(name.startsWith('projected'))
  if (recordedGradient !== undefined) {
    close('gradient', embeddingOf(grad((a: typeof adapter) => loss(logitsOf(a)))(adapter)), recordedGradient, 2e-5)
  }
  await withFolder(async (folder) => {
    await get(prefixTuning.save(folder, adapter))
    await sameFiles(folder, name)
  })
  expect(tree.leaves(adapter)).toHaveLength(1)
})
