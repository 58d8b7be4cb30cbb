/** Saves adapters of every method, for check_saved.py: `tsx --conditions=source test/train/methods/save_adapters.ts FOLDER`. */
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { np, random } from 'pullback'
import { writeSafetensors } from 'pullback/io'
import { loadModel } from 'pullback/models'
import type { ParamTree } from 'pullback/models'
import type { Adapter, PeftConfig } from 'pullback/train'
import { dora, ia3, lora, saveAdapter, vera } from 'pullback/train'
import { get } from '../../io/support/recorded.ts'
import { moved } from './support/tiny.ts'

const models = resolve(import.meta.dirname, '../../models/data')
const [, , out = ''] = process.argv
if (out === '') throw new Error('Give the folder to write to.')

const key = random.key(3)

interface Case {
  readonly family: string
  readonly make: (
    params: ParamTree,
    model: { readonly type: string },
  ) => readonly [adapter: Adapter<PeftConfig>, tuned: unknown]
}

const head = { modulesToSave: ['classifier'] }

const loraCase = (family: string, options: object, method: typeof lora | typeof dora = lora): Case => ({
  family,
  make: (params, model) => {
    const fresh = method.init(key, params, { model, rank: 3, alpha: 6, ...options })
    const base = lora.residual(params, fresh)
    const adapter = moved(fresh)
    return [adapter, method.apply(base, adapter)]
  },
})

const cases: { readonly [name: string]: Case } = {
  'bert-lora': loraCase('bert-sequence', { ...head, rankPattern: { 'layer.1.attention.self.query': 2 }, dropout: 0.1 }),
  'bert-all-linear': loraCase('bert-sequence', { targets: 'all-linear', rsLora: true }),
  'bert-tables': loraCase('bert-sequence', { targets: ['word_embeddings', 'query'] }),
  'bert-dora': loraCase('bert-sequence', { ...head }, dora),
  'bert-dora-tables': loraCase('bert-sequence', { targets: ['word_embeddings', 'query'] }, dora),
  'bert-pissa': loraCase('bert-sequence', { initLoraWeights: 'pissa' }),
  'bert-olora': loraCase('bert-sequence', { initLoraWeights: 'olora' }),
  'bert-pissa-dora': loraCase('bert-sequence', { initLoraWeights: 'pissa' }, dora),
  'roberta-lora': loraCase('roberta-sequence', head),
  'distilbert-lora': loraCase('distilbert-sequence', {}),
  'albert-lora': loraCase('albert-sequence', {}),
  'llama-lora': loraCase('llama', {}),
  'llama-glob': loraCase('llama', { targets: '**.layers.1.**.{up,down}_proj' }),
  'llama-tied': loraCase('llama-tied', { targets: ['embed_tokens', 'q_proj'] }),
  'qwen3-lora': loraCase('qwen3', {}),
  'gemma2-lora': loraCase('gemma2', { targets: 'all-linear' }),
  'gpt2-lora': loraCase('gpt2', { targets: ['c_attn', 'mlp.c_proj'] }),
  'gpt2-dora': loraCase('gpt2', {}, dora),
  't5-lora': loraCase('t5-lm', {}),
}

/** Methods of vectors, over some families. */
const vectorCases = ['bert-sequence', 'llama', 'gpt2'].flatMap((family): readonly (readonly [string, Case])[] => [
  [
    `${family}-ia3`,
    {
      family,
      make: (params, model) => {
        const adapter = moved(ia3.init(key, params, { model }))
        return [adapter, ia3.apply(params, adapter)]
      },
    },
  ],
  [
    `${family}-vera`,
    {
      family,
      make: (params, model) => {
        const adapter = moved(vera.init(key, params, { model, rank: 5, projectionSeed: 9 }))
        return [adapter, vera.apply(params, adapter)]
      },
    },
  ],
])

for (const [name, { family, make }] of [...Object.entries(cases), ...vectorCases]) {
  const { model, params } = await get(loadModel(join(models, family)))
  const [adapter, tuned] = make(params, model)
  const folder = join(out, name)
  await get(saveAdapter(folder, adapter))
  const ids = np.array([[3, 14, 15, 9, 26, 5], [35, 8, 9, 7, 9, 3]], { dtype: 'int32' }) // prettier-ignore
  const inputs = {
    input_ids: ids,
    ...(family.startsWith('t5') ? { decoder_input_ids: ids.get(':', np.slice(0, 3)) } : {}),
  }
  const { logits } = model.apply(tuned as ParamTree, inputs)
  const { logits: plain } = model.apply(params, inputs)
  const named = Object.fromEntries(Object.entries(inputs).map(([input, x]) => [`input.${input}`, x]))
  await get(writeSafetensors(join(folder, 'expected.safetensors'), { ...named, tuned: logits!, plain: plain! }))
  writeFileSync(join(folder, 'family.txt'), family)
}
