/** Adapters of virtual tokens through the command line, as PEFT computes them: see test/train/methods/virtual/record.py. */
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { NDArray } from 'pullback'
import { np } from 'pullback'
import { writeSafetensors } from 'pullback/io'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { arraysOf, get } from '../io/support/recorded.ts'
import { pullback, succeed } from './support/commandLine.ts'
import { off, under } from './support/tensors.ts'

const data = resolve(import.meta.dirname, '../train/methods/virtual/data')
const models = resolve(import.meta.dirname, '../models/data')

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'pullback-virtual-'))
})
afterAll(() => {
  rmSync(directory, { recursive: true })
})

const cases = readdirSync(data)
const modelOf = (name: string): string =>
  join(models, name.replace(/^[a-z]+-/, '').replace(/-(projected|lstm|left)$/, ''))

/** The model of a case with a tokenizer of one word for each of its tokens. */
const withWords = (name: string): string => {
  const folder = join(directory, `${name}.model`)
  cpSync(modelOf(name), folder, { recursive: true })
  const vocab = Object.fromEntries(Array.from({ length: 61 }, (_, i) => [`w${i}`, i]))
  const tokenizer = {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: null,
    decoder: null,
    model: { type: 'WordLevel', vocab, unk_token: 'w0' },
  }
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer))
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ pad_token: 'w0' }))
  return folder
}

const words = (ids: NDArray): string => Array.from(ids.dataSync('int32'), (id) => `w${id}`).join(' ')

test('all that is recorded is compared', () => {
  expect(cases.length).toBe(24)
})

describe.each(cases)('%s', (name) => {
  test('has the outputs and the gradients of PEFT', async () => {
    const expected = await arraysOf(join(data, name, 'case.safetensors'))
    const [inputs, out] = [join(directory, `${name}.in.safetensors`), join(directory, `${name}.out.safetensors`)]
    await get(writeSafetensors(inputs, under('input.', expected)))
    const gradients = under('grad.', expected)
    const hasLoss = Object.keys(gradients).length > 0
    const run = ['forward', '--model', modelOf(name), '--adapter', join(data, name), '--inputs', inputs, '--out', out]
    expect(await pullback(...run, ...(hasLoss ? ['--grads'] : []))).toMatchObject({ code: 0, err: '' })
    const made = await arraysOf(out)
    for (const [key, x] of Object.entries(under('output.', expected))) {
      expect(made[key]?.shape, key).toEqual(x.shape)
      expect(off(x, made[key]!), key).toBeLessThan(1e-5)
    }
    for (const [key, gradient] of Object.entries(gradients)) {
      expect(made[`grad.${key}`]?.shape, key).toEqual(gradient.shape)
      expect(off(gradient, made[`grad.${key}`]!), key).toBeLessThan(1e-5)
    }
    expect(Object.keys(under('grad.', made)).sort()).toEqual(Object.keys(gradients).sort())
  })
})

const writers = cases.filter((name) => /-(llama|gpt2|gemma3?|mistral|m?t5-lm)(-(projected|lstm|left))?$/.test(name))

describe.each(writers)('%s', (name) => {
  test('is gone on from as PEFT does', async () => {
    const recorded = await arraysOf(join(data, name, 'case.safetensors'))
    const prompt = words(recorded['input.input_ids']!.at(0).get().astype('int32'))
    const wanted = recorded['generated']!.astype('int32')
    const args = ['--model', withWords(name), '--adapter', join(data, name), '--max-new-tokens', '5'] as const
    const made = JSON.parse(await succeed('generate', ...args, '--prompt', prompt, '--json')) as { tokens: number[] }
    expect(made.tokens).toEqual(Array.from(wanted.dataSync('int32')))
    const said = JSON.parse(await succeed('predict', ...args, prompt)) as { completion: string }
    expect(said.completion.trim().replace(/\s+/g, ' ')).toBe(words(wanted))
  })
})

test('generate puts an adapter of weights on the model: it writes what the merged model writes', async () => {
  const [model, adapter] = [withWords('lora-llama'), resolve(data, '../../data/llama-lora')]
  const merged = join(directory, 'merged-lora')
  await succeed('merge', '--model', model, '--adapter', adapter, '--out', merged)
  const args = ['--prompt', 'w5 w6 w7', '--max-new-tokens', '8', '--json'] as const
  const tokensOf = async (...more: readonly string[]) =>
    (JSON.parse(await succeed('generate', ...more, ...args)) as { tokens: number[] }).tokens
  const tuned = await tokensOf('--model', model, '--adapter', adapter)
  expect(tuned).toEqual(await tokensOf('--model', merged))
  expect(tuned).not.toEqual(await tokensOf('--model', model))
})

test('texts are classified alike, alone or in a batch', async () => {
  const name = 'prompt-llama-sequence'
  const args = ['--model', withWords(name), '--adapter', join(data, name)] as const
  const texts = ['w5 w6 w7 w8 w9', 'w10 w11']
  const said = (await succeed('predict', ...args, ...texts)).trim().split('\n')
  const labels = said.map((line) => (JSON.parse(line) as { label: string }).label)
  const rows = join(directory, 'rows.jsonl')
  writeFileSync(rows, texts.map((text, i) => JSON.stringify({ text, label: labels[i] })).join('\n'))
  const measured = JSON.parse(await succeed('evaluate', ...args, '--data', rows, '--json')) as {
    metrics: { accuracy: number }
  }
  expect(measured.metrics.accuracy).toBe(1)
})

test('there is nothing to merge', async () => {
  const [adapter, model] = [join(data, 'prompt-llama'), modelOf('prompt-llama')]
  const merged = await pullback('merge', '--model', model, '--adapter', adapter, '--out', join(directory, 'merged'))
  expect(merged.code).toBe(1)
  expect(merged.err).toMatch(/prompt-llama has virtual tokens.*nothing to merge/)
})

test('an encoder has no cache for a prefix', async () => {
  const [adapter, model] = [join(data, 'prefix-gpt2'), modelOf('prompt-bert')]
  const [inputs, out] = [join(directory, 'none.safetensors'), join(directory, 'none.out.safetensors')]
  await get(writeSafetensors(inputs, { input_ids: np.ones([1, 2], { dtype: 'int32' }) }))
  const run = await pullback(
    ...['forward', '--model', model, '--adapter', adapter, '--task', 'embed', '--inputs', inputs, '--out', out],
  )
  expect(run.code).toBe(1)
  expect(run.err).toMatch(/prefix-gpt2 is a prefix, which stands in the cache of a decoder; BertModel has none/)
})
