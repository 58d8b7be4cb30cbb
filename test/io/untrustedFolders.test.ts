/**
 * Folders of models with damaged files: `openModel` ends in a value or an error, whichever file the damage is in.
 * `PULLBACK_MUTATIONS=100000` tries as many mutations of each file.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { np } from 'pullback'
import * as io from 'pullback/io'
import { consistent, MUTATIONS, mutations, timeFor } from './support/mutations.ts'
import { rightOf } from './support/recorded.ts'

const utf8 = new TextEncoder()
const json = (value: unknown): Uint8Array => utf8.encode(JSON.stringify(value, null, 2))

const folder: ReadonlyMap<string, Uint8Array> = new Map([
  [
    'config.json',
    json({ model_type: 'bert', architectures: ['BertModel'], hidden_size: 8, id2label: { 0: 'no', 1: 'ja' } }),
  ],
  [
    'model.safetensors.index.json',
    json({
      metadata: { total_size: 56 },
      weight_map: {
        'pooler.dense.weight': 'model-00001-of-00002.safetensors',
        'pooler.dense.bias': 'model-00002-of-00002.safetensors',
        'embeddings.LayerNorm.weight': 'model-00002-of-00002.safetensors',
      },
    }),
  ],
  ['model-00001-of-00002.safetensors', io.encodeSafetensors({ 'pooler.dense.weight': np.ones([2, 3]) })],
  [
    'model-00002-of-00002.safetensors',
    io.encodeSafetensors({ 'pooler.dense.bias': np.ones([2]), 'embeddings.LayerNorm.weight': np.ones([6]) }),
  ],
  [
    'tokenizer.json',
    json({
      version: '1.0',
      added_tokens: [{ id: 0, content: '[UNK]', special: true, normalized: false }],
      normalizer: { type: 'BertNormalizer', lowercase: true },
      model: { type: 'WordPiece', unk_token: '[UNK]', vocab: { '[UNK]': 0, größe: 1, '##n': 2 } },
    }),
  ],
  ['tokenizer_config.json', json({ tokenizer_class: 'BertTokenizer', model_max_length: 512, unk_token: '[UNK]' })],
  ['generation_config.json', json({ eos_token_id: [1, 2], temperature: 0.5 })],
  ['preprocessor_config.json', json({ do_resize: true, size: { height: 8, width: 8 }, image_mean: [0.5, 0.5, 0.5] })],
  ['chat_template.jinja', utf8.encode('{% for m in messages %}{{ m.content }}{% endfor %} 你好')],
])

/** Opens the folder and reads every tensor. */
const tryFolder = async (files: ReadonlyMap<string, Uint8Array>): Promise<void> => {
  const most = [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0)
  const opened = await io.openModel(files)()
  if (opened._tag === 'Left') {
    expect(['Malformed', 'Access', 'Unsupported', 'Missing']).toContain(opened.left._tag)
    expect(opened.left.message).not.toBe('')
    return
  }
  const { weights, ...texts } = opened.right
  for (const key of ['config', 'tokenizer', 'tokenizerConfig', 'generationConfig', 'preprocessorConfig'] as const) {
    const value = texts[key]
    if (value !== null) expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  }
  for (const key of weights.tensors.keys()) {
    const result = await weights.read(key)()
    if (result._tag === 'Right') consistent(result.right, most)
    else expect(result.left.message).not.toBe('')
  }
}

test('the folder without damage opens', async () => {
  const { weights, tokenizer, chatTemplate } = rightOf(await io.openModel(folder)())
  expect([...weights.tensors.keys()]).toHaveLength(3)
  expect(tokenizer?.['version']).toBe('1.0')
  expect(chatTemplate).toContain('你好')
})

describe.each([...folder.keys()])('mutations of %s', (name) => {
  const original = folder.get(name)!
  test(
    `${MUTATIONS} of them`,
    () =>
      fc.assert(
        fc.asyncProperty(mutations, (list) =>
          tryFolder(new Map([...folder, [name, list.reduce((b, edit) => edit(b), original)]])),
        ),
        { numRuns: MUTATIONS },
      ),
    timeFor(MUTATIONS),
  )
})

/** Other indices of the same shards: names that are not files, that lead out, that stand for the index itself or for no tensors. */
const odd = fc.oneof(
  fc.constantFrom(...folder.keys(), '..', '/etc/passwd', 'C:\\x', '', '\0', '__proto__', 'a'.repeat(10_000)),
  fc.jsonValue({ maxDepth: 3 }),
)
const indices = fc.oneof(
  fc.jsonValue(),
  fc.record({
    weight_map: fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('pooler.dense.weight', '__proto__')), odd),
  }),
  fc.record({ metadata: odd, weight_map: odd }),
)

test(
  `${MUTATIONS} other indices`,
  () =>
    fc.assert(
      fc.asyncProperty(indices, (index) =>
        tryFolder(new Map([...folder, ['model.safetensors.index.json', json(index)]])),
      ),
      { numRuns: MUTATIONS },
    ),
  timeFor(MUTATIONS),
)
