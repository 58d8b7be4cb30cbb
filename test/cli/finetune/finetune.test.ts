/** Tuning from the command line: small models with a vocabulary of a few words. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { np } from 'pullback'
import { encodeSafetensors } from 'pullback/io'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { arraysOf } from '../../io/support/recorded.ts'
import { pullback, succeed } from '../support/commandLine.ts'
import { jsonLines, vocabularyOf, writeTinyFolder } from '../support/tinyFolders.ts'

const words = vocabularyOf(
  'good',
  'fine',
  'kind',
  'bad',
  'poor',
  'cold',
  'the',
  'a',
  'is',
  'say',
  'one',
  'two',
  'yes',
  'no',
)

const sizes = { hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 32, vocab_size: words.length, max_position_embeddings: 64 } // prettier-ignore
const configs = {
  bert: { model_type: 'bert', architectures: ['BertModel'], ...sizes, hidden_dropout_prob: 0.1, attention_probs_dropout_prob: 0 }, // prettier-ignore
  llama: { model_type: 'llama', architectures: ['LlamaForCausalLM'], ...sizes, num_key_value_heads: 1, eos_token_id: 3, pad_token_id: 0, tie_word_embeddings: false }, // prettier-ignore
}

let directory: string
let data: string
const at = (...names: readonly string[]): string => join(directory, ...names)

const makeFolder = (name: keyof typeof configs): Promise<void> =>
  writeTinyFolder(at(name), configs[name], { vocabulary: words, framed: name === 'bert', maxLength: 64 })

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pullback-finetune-'))
  await makeFolder('bert')
  await makeFolder('llama')
  const adjectives = words.slice(4, 10)
  const rows = adjectives.flatMap((adjective, i) =>
    ['the', 'a', 'one', 'two'].flatMap((first) =>
      ['is', 'say'].map((verb) => ({ text: `${first} ${verb} ${adjective}`, label: i < 3 ? 'pleasant' : 'harsh' })),
    ),
  )
  data = at('rows.jsonl')
  writeFileSync(data, jsonLines(rows))
  writeFileSync(
    at('answers.jsonl'),
    jsonLines(rows.map(({ text, label }) => ({ prompt: text, completion: label === 'harsh' ? ' no' : ' yes' }))),
  )
})
afterAll(() => {
  rmSync(directory, { recursive: true })
})

interface Outcome {
  readonly steps: number
  readonly metrics: { readonly [name: string]: number }
}

const finetune = async (out: string, ...args: readonly string[]): Promise<Outcome> =>
  JSON.parse(
    await succeed(
      'finetune',
      '--model',
      at('bert'),
      '--data',
      data,
      '--out',
      at(out),
      '--batch-size',
      '8',
      '--json',
      ...args,
    ),
  ) as Outcome

const quick = ['--steps', '2', '--valid-fraction', '0.2', '--evaluate-every', '100']

describe('a classifier', () => {
  test('a whole run by defaults: learns, and evaluate, predict, forward and merge agree on it', async () => {
    const args = ['--epochs', '12', '--learning-rate', '0.02', '--targets', 'all-linear', '--valid-fraction', '0.25']
    const outcome = await finetune('run', ...args)
    expect(outcome.metrics['accuracy']).toBe(1)
    for (const name of [
      'adapter_config.json',
      'adapter_model.safetensors',
      'finetune.json',
      'report.html',
      'metrics.jsonl',
      'tokenizer.json',
    ])
      // prettier-ignore
      expect(existsSync(at('run', name)), name).toBe(true)
    const noted = JSON.parse(readFileSync(at('run', 'finetune.json'), 'utf8')) as Record<string, unknown>
    expect(noted).toMatchObject({ task: 'classify', method: 'lora', labels: ['harsh', 'pleasant'], learningRate: 0.02, epochs: 12 }) // prettier-ignore

    const tuned = ['--model', at('bert'), '--adapter', at('run')]
    const measured = JSON.parse(await succeed('evaluate', ...tuned, '--data', data, '--json')) as Outcome & {
      rows: number
    }
    expect(measured.metrics['accuracy']).toBe(1)

    const said = await succeed('predict', ...tuned, 'the is bad', 'the is kind')
    const labels = said.trim().split('\n').map((line) => (JSON.parse(line) as { label: string }).label) // prettier-ignore
    expect(labels).toEqual(['harsh', 'pleasant'])

    const inputs = { input_ids: np.array([[2, 10, 12, 7, 3]], { dtype: 'int32' }), labels: np.array([0], { dtype: 'int32' }) } // prettier-ignore
    writeFileSync(at('in.safetensors'), encodeSafetensors(inputs))
    await succeed('forward', ...tuned, '--inputs', at('in.safetensors'), '--out', at('out.safetensors'), '--grads')
    const outputs = await arraysOf(at('out.safetensors'))
    const saved = await arraysOf(at('run', 'adapter_model.safetensors'))
    expect(Object.keys(outputs).filter((name) => name.startsWith('grad.')).sort()).toEqual(Object.keys(saved).map((name) => `grad.${name}`).sort()) // prettier-ignore
    expect(Object.keys(outputs).some((name) => name.endsWith('lora_A.weight'))).toBe(true)

    await succeed('merge', ...tuned, '--out', at('merged'))
    await succeed(
      'forward',
      '--model',
      at('merged'),
      '--inputs',
      at('in.safetensors'),
      '--out',
      at('merged.safetensors'),
    )
    const { logits } = await arraysOf(at('merged.safetensors'))
    const difference = np.max(np.abs(np.subtract(logits!, outputs['logits']!))).item()
    expect(difference).toBeLessThan(1e-5)
    const whole = JSON.parse(await succeed('evaluate', '--model', at('merged'), '--data', data, '--json')) as Outcome
    expect(whole.metrics['accuracy']).toBe(1)
  })

  test.each(['lora', 'dora', 'ia3', 'vera', 'prompt', 'bottleneck', 'bitfit', 'unfreeze', 'full'])(
    '%s runs, and its result can be evaluated',
    async (method) => {
      const targets = method === 'ia3' || method === 'vera' ? ['--targets', 'query,value'] : []
      await finetune(method, ...quick, '--method', method, ...targets)
      const isAdapter = existsSync(at(method, 'adapter_config.json'))
      const tuned = isAdapter ? ['--model', at('bert'), '--adapter', at(method)] : ['--model', at(method)]
      const { metrics } = JSON.parse(await succeed('evaluate', ...tuned, '--data', data, '--json')) as Outcome
      expect(metrics['accuracy']).toBeGreaterThanOrEqual(0)
    },
  )

  test('a run that is resumed ends where one without interruption does, bit for bit', async () => {
    const args = [
      '--schedule',
      'constant',
      '--warmup',
      '0',
      '--dropout',
      '0.2',
      '--checkpoint-every',
      '2',
      '--evaluate-every',
      '3',
    ]
    await finetune('whole', '--steps', '7', ...args)
    await finetune('parts', '--steps', '3', ...args)
    await finetune('parts', '--steps', '7', ...args, '--resume')
    expect(readFileSync(at('parts', 'adapter_model.safetensors')).equals(readFileSync(at('whole', 'adapter_model.safetensors')))).toBe(true) // prettier-ignore
    const steps = readFileSync(at('parts', 'metrics.jsonl'), 'utf8').trim().split('\n').map((line) => (JSON.parse(line) as { step: number }).step) // prettier-ignore
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  test('a dry run shows the plan, and writes nothing', async () => {
    const out = await succeed('finetune', '--model', at('bert'), '--data', data, '--out', at('dry'), '--dry-run')
    expect(out).toContain('parameters are trained')
    expect(out).toContain('classify by lora')
    expect(existsSync(at('dry'))).toBe(false)
  })
})

describe('a model that writes', () => {
  test('learns answers, and gives them', async () => {
    const args = ['--data', at('answers.jsonl'), '--out', at('writer'), '--method', 'full', '--learning-rate', '0.01', '--epochs', '20', '--valid-fraction', '0.2', '--evaluate-every', '1000', '--json'] // prettier-ignore
    const outcome = JSON.parse(await succeed('finetune', '--model', at('llama'), ...args)) as Outcome
    expect(outcome.metrics['perplexity']).toBeLessThan(1.3)
    const said = await succeed('predict', '--model', at('writer'), '--max-new-tokens', '3', 'two is cold')
    expect((JSON.parse(said) as { completion: string }).completion.trim()).toBe('no')
  })
})

describe('what is wrong is said', () => {
  const base = (...args: readonly string[]) => [
    'finetune',
    '--model',
    at('bert'),
    '--data',
    data,
    '--out',
    at('x'),
    ...args,
  ]

  test.each([
    [['--rank', 'many'], '--rank must be a finite number, got "many"'],
    [['--rank', '0'], '--rank must be a whole number from 1 on, got 0'],
    [['--method', 'lra'], '--method must be "lora" or'],
    [['--method', 'lra'], 'Did you mean "lora"?'],
  ])('a flag: %j', async (args, message) => {
    const { code, err } = await pullback(...base(...args))
    expect(code).toBe(2)
    expect(err).toContain(message)
  })

  test.each([
    [{ learning_rate: 0.1 }, 'learning_rate is not a setting. Did you mean learningRate?'],
    [{ epochs: 1.5 }, 'epochs must be a whole number from 1 on, got 1.5'],
    [{ targets: ['query', 3] }, 'targets[1] must be a text that is not empty, got 3'],
  ])('a file of settings: %j', async (settings, message) => {
    writeFileSync(at('settings.json'), JSON.stringify(settings))
    const { code, err } = await pullback(...base('--config', at('settings.json')))
    expect(code).toBe(2)
    expect(err).toContain(message)
  })

  test('flags go before the file, and the resolved settings are written down', async () => {
    writeFileSync(at('settings.json'), JSON.stringify({ rank: 2, alpha: 4, steps: 1, validFraction: 0 }))
    await succeed(...base('--config', at('settings.json'), '--rank', '3', '--batch-size', '4'))
    expect(JSON.parse(readFileSync(at('x', 'finetune.json'), 'utf8'))).toMatchObject({ rank: 3, alpha: 4, steps: 1, batchSize: 4 }) // prettier-ignore
  })

  test('bad rows: the first ends the run, or they are counted', async () => {
    writeFileSync(at('bad.jsonl'), `${readFileSync(data, 'utf8')}\n{"text": 3, "label": "harsh"}`)
    const args = ['finetune', '--model', at('bert'), '--data', at('bad.jsonl'), '--out', at('y'), ...quick]
    const failed = await pullback(...args)
    expect(failed.code).toBe(1)
    expect(failed.err).toContain('bad.jsonl:49: text must be a text, got 3')
    expect(await succeed(...args, '--on-bad', 'skip')).toContain('49 rows, 1 bad')
  })

  test('a head that is neither in the model nor in the adapter is not made up', async () => {
    const { code, err } = await pullback('evaluate', '--model', at('bert'), '--task', 'classify', '--data', data)
    expect(code).toBe(1)
    expect(err).toContain('classifier is neither in')
  })
})
