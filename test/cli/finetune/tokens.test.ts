/** Tuning virtual tokens and bottlenecks from the command line, for each task that they fit: also where the process is killed. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { np } from 'pullback'
import { writeSafetensors } from 'pullback/io'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { arraysOf, get } from '../../io/support/recorded.ts'
import { pullback, succeed } from '../support/commandLine.ts'
import { bundleCommand, runProcess } from '../support/processes.ts'
import { jsonLines, vocabularyOf, writeTinyFolder } from '../support/tinyFolders.ts'

const words = vocabularyOf('good', 'fine', 'bad', 'poor', 'the', 'a', 'is', 'one', 'yes', 'no')
const sizes = { hidden_size: 8, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 16, vocab_size: words.length, max_position_embeddings: 32 } // prettier-ignore
const configs = {
  bert: { model_type: 'bert', architectures: ['BertModel'], ...sizes, hidden_dropout_prob: 0.1, attention_probs_dropout_prob: 0 }, // prettier-ignore
  llama: { model_type: 'llama', architectures: ['LlamaForCausalLM'], ...sizes, num_key_value_heads: 1, eos_token_id: 3, pad_token_id: 0, tie_word_embeddings: true }, // prettier-ignore
  t5: { model_type: 't5', architectures: ['T5ForConditionalGeneration'], d_model: 8, d_kv: 4, d_ff: 16, num_layers: 2, num_heads: 2, vocab_size: words.length, decoder_start_token_id: 0, pad_token_id: 0, eos_token_id: 3, dropout_rate: 0.1 }, // prettier-ignore
}

let directory = ''
const at = (...names: readonly string[]): string => join(directory, ...names)
const rows = ['good', 'fine', 'bad', 'poor'].flatMap((word, i) => ['the', 'a', 'one', 'a a', 'the a', 'one one'].map((first) => ({ text: `${first} is ${word}`, label: i < 2 ? 'pleasant' : 'harsh' }))) // prettier-ignore

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pullback-tokens-'))
  for (const [name, config] of Object.entries(configs)) {
    await writeTinyFolder(at(name), config, { vocabulary: words, framed: false, maxLength: 32 })
  }
  writeFileSync(at('classify.jsonl'), jsonLines(rows))
  writeFileSync(at('embed.jsonl'), jsonLines(rows.map(({ text }) => ({ text, textPair: `${text} yes` }))))
  const answers = rows.map(({ text, label }) => ({ prompt: text, completion: label === 'harsh' ? ' no' : ' yes yes' }))
  writeFileSync(at('causal.jsonl'), jsonLines(answers))
  writeFileSync(at('seq2seq.jsonl'), jsonLines(answers))
}, 60_000)
afterAll(() => {
  rmSync(directory, { recursive: true })
})

interface Outcome {
  readonly metrics: { readonly [name: string]: number }
}

const tuneArgs = (method: string, model: string, task: string, out: string, ...args: readonly string[]) => ['finetune', '--model', at(model), '--data', at(`${task}.jsonl`), '--task', task, '--method', method, '--out', at(out), '--batch-size', '8', '--valid', at(`${task}.jsonl`), '--tokens', '3', '--size', '3', ...args] // prettier-ignore
const bytesOf = (out: string): Buffer => readFileSync(at(out, 'adapter_model.safetensors'))

/** What a file has of a method, besides a head. */
const shapes: { readonly [method: string]: readonly [name: string, ...shape: readonly number[]] } = {
  prompt: ['prompt_embeddings', 3, 8],
  // Two layers of keys and values, of one head of 4 in Llama and of two in T5.
  'prefix llama': ['prompt_embeddings', 3, 2 * 2 * 4],
  'prefix t5': ['prompt_embeddings', 3, 2 * 2 * 8],
  'bottleneck bert': ['bert.encoder.layer.1.output.dense.down_weight', 3, 8],
  'bottleneck llama': ['model.layers.1.mlp.down_proj.down_weight', 3, 8],
  'bottleneck t5': ['decoder.block.1.layer.2.DenseReluDense.wo.down_weight', 3, 8],
}

describe.each([
  ['prompt', 'bert', 'classify'],
  ['prompt', 'llama', 'classify'],
  ['prompt', 'bert', 'embed'],
  ['prompt', 'llama', 'causal'],
  ['prompt', 't5', 'seq2seq'],
  ['prefix', 'llama', 'classify'],
  ['prefix', 'llama', 'causal'],
  ['prefix', 't5', 'seq2seq'],
  ['bottleneck', 'bert', 'classify'],
  ['bottleneck', 'llama', 'causal'],
  ['bottleneck', 't5', 'seq2seq'],
] as const)('%s on %s, %s', (method, model, task) => {
  const out = `${method}-${model}-${task}`

  test('learns; what it wrote is measured as at the end of the run, and answers', async () => {
    const measuredAt = async (steps: number): Promise<Outcome> =>
      JSON.parse(
        await succeed(...tuneArgs(method, model, task, out, '--steps', String(steps), '--warmup', '0', '--learning-rate', '0.03', '--json')), // prettier-ignore
      ) as Outcome
    const begun = await measuredAt(1)
    const outcome = await measuredAt(task === 'embed' ? 6 : 12)
    const metric = task === 'classify' || task === 'embed' ? 'accuracy' : 'perplexity'
    const sign = metric === 'accuracy' ? 1 : -1
    expect(sign * outcome.metrics[metric]!).toBeGreaterThanOrEqual(sign * begun.metrics[metric]!)

    const [name, ...shape] = (shapes[`${method} ${model}`] ?? shapes[method])!
    const saved = await arraysOf(at(out, 'adapter_model.safetensors'))
    const found = Object.entries(saved).find(([key]) => key === name || name === `bert.${key}`)
    expect(found?.[1].shape, Object.keys(saved).join()).toEqual(shape)

    const tuned = ['--model', at(model), '--adapter', at(out)]
    const evaluated = JSON.parse(await succeed('evaluate', ...tuned, '--data', at(`${task}.jsonl`), '--batch-size', '8', '--json')) as Outcome // prettier-ignore
    expect(evaluated.metrics[metric]).toBeCloseTo(outcome.metrics[metric]!, 5)
    const said = JSON.parse(await succeed('predict', ...tuned, '--max-new-tokens', '2', 'the is bad')) as object
    expect(Object.keys(said)).toContain({ classify: 'label', embed: 'vector', causal: 'completion', seq2seq: 'completion' }[task]) // prettier-ignore
    if (task === 'causal') {
      const made = JSON.parse(await succeed('generate', ...tuned, '--prompt', 'the is bad', '--max-new-tokens', '2', '--json')) as { text: string } // prettier-ignore
      expect(made.text).toBe((said as { completion: string }).completion)
    }

    const labels = task === 'classify' ? np.array([0], { dtype: 'int32' }) : np.array([[8, 10, 6]], { dtype: 'int32' })
    const inputs = { input_ids: np.array([[8, 10, 6]], { dtype: 'int32' }), ...(task === 'embed' ? {} : { labels }) }
    await get(writeSafetensors(at('in.safetensors'), inputs))
    const grads = task === 'embed' ? [] : ['--grads']
    await succeed('forward', ...tuned, '--inputs', at('in.safetensors'), '--out', at('out.safetensors'), ...grads)
    const gradients = Object.keys(await arraysOf(at('out.safetensors'))).filter((key) => key.startsWith('grad.'))
    expect(gradients.sort()).toEqual(task === 'embed' ? [] : Object.keys(saved).map((key) => `grad.${key}`).sort()) // prettier-ignore

    const merged = await pullback('merge', ...tuned, '--out', at('merged'))
    expect([merged.code, existsSync(at('merged'))]).toEqual([1, false])
    expect(merged.err).toMatch(/nothing to merge|cannot be merged/)
  }, 60_000)

  test('a run that is resumed ends where one without interruption does, bit for bit', async () => {
    const args = ['--schedule', 'constant', '--warmup', '0', '--checkpoint-every', '2', '--evaluate-every', '100']
    await succeed(...tuneArgs(method, model, task, `${out}-whole`, '--steps', '5', ...args))
    await succeed(...tuneArgs(method, model, task, `${out}-parts`, '--steps', '3', ...args))
    await succeed(...tuneArgs(method, model, task, `${out}-parts`, '--steps', '5', ...args, '--resume'))
    expect(bytesOf(`${out}-parts`).equals(bytesOf(`${out}-whole`))).toBe(true)
  }, 60_000)
})

test('the same text has the same loss, however long the rows are padded beside it', async () => {
  await succeed(...tuneArgs('prompt', 'llama', 'causal', 'padded', '--steps', '2'))
  const text = { prompt: 'the is', completion: ' bad' }
  const perplexityOf = async (...more: readonly object[]) => {
    writeFileSync(at('padded.jsonl'), jsonLines([text, ...more]))
    const args = ['--model', at('llama'), '--adapter', at('padded'), '--data', at('padded.jsonl'), '--json']
    return (JSON.parse(await succeed('evaluate', ...args)) as Outcome).metrics['perplexity']!
  }
  // Nothing of the other row is measured but its one answer, which is the same.
  const same = { prompt: 'the is', completion: ' bad' }
  expect(await perplexityOf(same)).toBeCloseTo(await perplexityOf(), 5)
})

test('tokens, projection and size are settings; a prefix of a projection is saved as what it comes to', async () => {
  writeFileSync(at('settings.json'), JSON.stringify({ method: 'prefix', tokens: 5, projection: 6, steps: 1 }))
  await succeed('finetune', '--config', at('settings.json'), '--model', at('llama'), '--data', at('causal.jsonl'), '--out', at('configured')) // prettier-ignore
  const { prompt_embeddings: prefix } = await arraysOf(at('configured', 'adapter_model.safetensors'))
  expect(prefix?.shape).toEqual([5, 16])
  const noted = JSON.parse(readFileSync(at('configured', 'finetune.json'), 'utf8')) as object
  expect(noted).toMatchObject({ method: 'prefix', tokens: 5, projection: 6, size: 64 })
})

test('layers of bottlenecks can be named', async () => {
  await succeed(...tuneArgs('bottleneck', 'bert', 'classify', 'named', '--steps', '1', '--targets', '**.intermediate.dense')) // prettier-ignore
  const names = Object.keys(await arraysOf(at('named', 'adapter_model.safetensors')))
  expect(names.filter((name) => name.endsWith('down_weight')).every((name) => name.includes('intermediate'))).toBe(true)
})

test.each([['classify'], ['embed']])('a prefix on an encoder is refused before anything runs: %s', async (task) => {
  const { code, err, out } = await pullback(...tuneArgs('prefix', 'bert', task, 'none', '--steps', '1'))
  expect([code, out]).toEqual([1, ''])
  expect(err).toMatch(/prefix stands in the cache of a decoder; Bert\w+ has none/)
  expect(existsSync(at('none'))).toBe(false)
})

describe('processes', () => {
  let script = ''
  beforeAll(async () => {
    script = at('main.mjs')
    await bundleCommand(script)
  }, 60_000)

  /** Runs it, killed by SIGKILL after a step if one is given. */
  const ran = async (out: string, args: readonly string[], step: number): Promise<number | null> => {
    const { code } = await runProcess(script, args, at(out, 'metrics.jsonl'), (steps, kill) => {
      if (steps() >= step) kill('SIGKILL')
    })
    return code
  }

  test.each([
    ['prompt', 'bert', 'classify'],
    ['prefix', 't5', 'seq2seq'],
    ['bottleneck', 'llama', 'causal'],
  ])(
    '%s: killed twice by SIGKILL, it ends as one that was left alone',
    async (method, model, task) => {
      const args = (out: string, ...more: readonly string[]) => tuneArgs(method, model, task, out, '--steps', '24', '--checkpoint-every', '3', '--evaluate-every', '100', ...more) // prettier-ignore
      const [whole, cut] = [`${method}-left`, `${method}-cut`]
      expect(await ran(whole, args(whole), Infinity)).toBe(0)
      expect(await ran(cut, args(cut), 6)).toBe(null)
      expect(await ran(cut, args(cut, '--resume'), 14)).toBe(null)
      expect(await ran(cut, args(cut, '--resume'), Infinity)).toBe(0)
      for (const file of ['adapter_model.safetensors', 'metrics.jsonl']) {
        expect(readFileSync(at(cut, file)).equals(readFileSync(at(whole, file))), file).toBe(true)
      }
    },
    120_000,
  )
})
