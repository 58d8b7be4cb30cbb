/** Virtual tokens of files of PEFT's, beyond what they compute (test/cli/virtualTokens.test.ts): what is saved again, and padding. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { np, random } from 'pullback'
import { openSafetensors } from 'pullback/io'
import type { AnyModel, ParamTree } from 'pullback/models'
import { loadModel } from 'pullback/models'
import { promptTuning } from 'pullback/train'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withVirtualTokens } from '../../../src/train/methods/virtualModel.ts'
import { get } from '../../io/support/recorded.ts'
import { close } from '../plan/tiny.ts'

const data = resolve(import.meta.dirname, 'data')
const models = resolve(import.meta.dirname, '../../models/data')

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
