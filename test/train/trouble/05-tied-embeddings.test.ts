/**
 * finetuning.md §5, item 5: tied embeddings, where a merge ignores the tie or reloading overwrites it, and new rows are not saved
 * (transformers #45127; peft #2898; LlamaFactory #6446; qlora #214). Here a tied table is one leaf: what is trained is both, and what is
 * saved is that.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { NDArray } from 'pullback'
import { grad, np, optim, random, tree } from 'pullback'
import { loadModel, saveModel } from 'pullback/models'
import { full, partition, combine, promptTuning, select } from 'pullback/train'
import { expect, test } from 'vitest'
import { get } from '../../io/support/recorded.ts'
import { begun, close, inputIds, llama, tied } from '../support/tiny.ts'

const params = begun(tied)
const lossOf = (logits: NDArray): NDArray => np.mean(np.square(logits))

test('there is one leaf, and its gradient is the sum of what comes by both ways', () => {
  expect(select(params, ['**.embed_tokens.**'])).toEqual(['model.embed_tokens.weight'])
  expect(() => select(params, 'lm_head.**')).toThrow(/no leaf fits/)
  const table = params.model.embed_tokens.weight
  const both = grad((p: typeof params) => lossOf(tied.apply(p, { inputIds }).logits))(params).model.embed_tokens.weight
  // The same model with a table and a head of its own, which are equal.
  const heads = tied.specs.model.layers.length
  expect(heads).toBe(3)
  const loose = (words: NDArray, head: NDArray): NDArray => {
    const states = tied.apply(
      { ...params, model: { ...params.model, embed_tokens: { weight: words } } },
      { inputIds },
    ).lastHiddenState
    return lossOf(np.einsum('bti,vi->btv', states, head))
  }
  const [byWords, byHead] = grad(loose, { argnums: [0, 1] })(table, table)
  close('sum', both, np.add(byWords, byHead))
  expect(np.max(np.abs(byHead)).item()).toBeGreaterThan(0)
})

test('what is trained and saved is there when it is loaded: the table, and the head with it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pullback-tied-'))
  try {
    const loaded = await get(loadModel(resolve(import.meta.dirname, '../../models/data/llama-tied')))
    const { model, files } = loaded
    const run = (p: typeof loaded.params): NDArray => model.apply(p, { input_ids: inputIds })['logits']!
    const [trained, frozen] = partition(loaded.params, '**.embed_tokens.**')
    const gradients = grad((part: typeof trained) => lossOf(run(combine(part, frozen))))(trained)
    const tuned = combine(
      optim.applyUpdates(
        trained,
        tree.map((g: NDArray) => np.multiply(g, -0.5), gradients as never),
      ),
      frozen,
    )
    expect(np.allclose(run(tuned), run(loaded.params)).bool()).toBe(false)
    await get(saveModel(folder, { ...files, params: tuned, architecture: model.architecture }))
    const again = await get(loadModel(folder))
    expect(np.arrayEqual(run(again.params), run(tuned)).bool()).toBe(true)
    // And as an adapter.
    const adapter = full.init(random.key(0), tuned)
    const beside = join(folder, 'adapter')
    await get(full.save(beside, adapter))
    const read = await get(full.load(beside, loaded.params))
    expect(np.arrayEqual(run(full.merge(loaded.params, read)), run(tuned)).bool()).toBe(true)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('new rows of a tied table are saved, and give the head no scores', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pullback-tied-'))
  try {
    const adapter = promptTuning.init(random.key(3), params, { tokens: 2 })
    await get(promptTuning.save(folder, adapter))
    const again = await get(promptTuning.load(folder, params))
    const run = (a: typeof adapter): NDArray =>
      tied.apply(promptTuning.apply(params, a), promptTuning.widen(a, { inputIds })).logits
    expect(np.arrayEqual(run(again), run(adapter)).bool()).toBe(true)
    expect(run(again).shape).toEqual([2, 6, 31])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('an untied head is a leaf of its own', () => {
  expect(select(begun(llama), 'lm_head.**')).toEqual(['lm_head.weight'])
})
