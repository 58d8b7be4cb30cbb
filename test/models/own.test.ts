/** The family of docs/bring-your-own-model.md against `transformers` (record_own.py), and the page against the file that it quotes. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { np, tree, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'
import { openModel, openTensors, readTensors } from 'pullback/io'
import { loadParams } from 'pullback/models'
import { optConfig, optForCausalLM, optLoss } from '../../examples/bring-your-own-model/opt.ts'
import { get, leftOf, rightOf } from '../io/support/recorded.ts'

const root = resolve(import.meta.dirname, '../..')
const data = join(import.meta.dirname, 'own/opt')
const cases = readdirSync(data).filter((f) => f.endsWith('.safetensors') && f !== 'model.safetensors')

const largest = (x: NDArray): number => np.max(np.abs(x)).item()
const difference = (x: NDArray, y: NDArray): number => largest(np.subtract(x, y))

describe.each(cases)('OPT: %s', (name) => {
  test('outputs to 2e-5, all gradients to 1e-4 of the largest', async () => {
    const files = await get(openModel(data))
    const model = optForCausalLM(rightOf(optConfig(files.config)))
    const params = await get(loadParams(model, files.weights))
    const recorded = await get(readTensors(await get(openTensors(join(data, name)))))
    const inputs = { inputIds: recorded['input.input_ids']!, attentionMask: recorded['input.attention_mask']! }
    const tokens = np.expandDims(inputs.attentionMask.astype('float32'), -1)
    const output = model.apply(params, inputs)
    const found = new Map([
      ['logits', output.logits],
      ...output.hiddenStates.map((x, i) => [`hidden_states.${i}`, x] as const),
    ])
    for (const [key, x] of found) {
      const expected = np.multiply(recorded[`output.${key}`]!, tokens)
      expect(difference(np.multiply(x, tokens), expected), key).toBeLessThanOrEqual(
        2e-5 * Math.max(1, largest(expected)),
      )
    }
    const [loss, gradient] = valueAndGrad((p: typeof params) => optLoss(model, p, inputs, recorded['input.labels']!))(
      params,
    )
    expect(difference(loss, recorded['output.loss']!)).toBeLessThanOrEqual(2e-5)
    const gradients = new Map(tree.flattenWithPath(gradient)[0].map(([path, x]) => [path.join('.'), x]))
    const expected = Object.entries(recorded).filter(([key]) => key.startsWith('grad.'))
    expect([...gradients.keys()].sort()).toEqual(expected.map(([key]) => key.slice('grad.'.length)).sort())
    const scale = Math.max(...expected.map(([, x]) => largest(x)))
    for (const [key, x] of expected) {
      expect(difference(gradients.get(key.slice('grad.'.length))!, x), key).toBeLessThanOrEqual(1e-4 * scale)
    }
  })
})

test('what the family does not know is an error', () => {
  expect(leftOf(optConfig({ do_layer_norm_before: false })).key).toBe('do_layer_norm_before')
  expect(leftOf(optConfig({ hidden_size: 16, word_embed_proj_dim: 8 })).key).toBe('word_embed_proj_dim')
})

test.each([
  ['docs/bring-your-own-model.md', 'opt.ts', 'const readOpt', 4000],
  ['docs/fine-tuning/your-own-model.md', 'plain.ts', 'const SIZE', 1500],
])('%s quotes its file, all of it', (document, name, first, length) => {
  const plain = (text: string): string => text.replaceAll(/^export /gm, '').replaceAll(/\n+/g, '\n')
  const page = plain(readFileSync(join(root, document), 'utf8'))
  const file = plain(readFileSync(join(root, 'examples/bring-your-own-model', name), 'utf8'))
  const code = file.slice(file.indexOf(first)).trim()
  expect(code.length).toBeGreaterThan(length)
  expect(page.includes(code)).toBe(true)
})
