/** Runs of tuning that are interrupted, repeated, given other settings or other rows, or two at once. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { get } from '../../io/support/recorded.ts'
import { pullback } from '../support/commandLine.ts'
import type { Watch } from '../support/processes.ts'
import { bundleCommand, runProcess } from '../support/processes.ts'
import { jsonLines, vocabularyOf, writeTinyFolder } from '../support/tinyFolders.ts'

const words = vocabularyOf('good', 'fine', 'bad', 'poor', 'the', 'a', 'is', 'one', 'yes', 'no')
const configs = {
  bert: { model_type: 'bert', architectures: ['BertModel'], hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 16, vocab_size: words.length, max_position_embeddings: 32, hidden_dropout_prob: 0.1, attention_probs_dropout_prob: 0 }, // prettier-ignore
  t5: { model_type: 't5', architectures: ['T5ForConditionalGeneration'], d_model: 8, d_kv: 4, d_ff: 16, num_layers: 1, num_heads: 2, vocab_size: words.length, decoder_start_token_id: 0, pad_token_id: 0, eos_token_id: 3, dropout_rate: 0.1 }, // prettier-ignore
}

let directory = ''
const at = (...names: readonly string[]): string => join(directory, ...names)
const rowsOf = (good: string, bad: string) =>
  ['good', 'fine', 'bad', 'poor'].flatMap(
    (word, i) =>
    ['the', 'a', 'one', 'a a', 'the a', 'one one'].map((first) => ({ text: `${first} is ${word}`, label: i < 2 ? good : bad })), // prettier-ignore
  )

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pullback-runs-'))
  for (const [name, config] of Object.entries(configs)) {
    await writeTinyFolder(at(name), config, { vocabulary: words, framed: true, maxLength: 32 })
  }
  writeFileSync(at('rows.jsonl'), jsonLines(rowsOf('pleasant', 'harsh')))
  writeFileSync(at('answers.jsonl'), jsonLines(rowsOf('yes yes', 'no').map(({ text, label }) => ({ prompt: text, completion: label })))) // prettier-ignore
}, 60_000)
afterAll(() => {
  rmSync(directory, { recursive: true })
})

const tuneArgs = (out: string, ...args: readonly string[]) => ['finetune', '--model', at('bert'), '--data', at('rows.jsonl'), '--out', at(out), '--batch-size', '8', '--valid-fraction', '0.25', '--rank', '2', '--dropout', '0.1', ...args] // prettier-ignore
const tune = (out: string, ...args: readonly string[]) => pullback(...tuneArgs(out, ...args))
const checkpointsIn = (out: string) => readdirSync(at(out, 'checkpoints'))

describe('a run that is gone on with', () => {
  test('must be the same run: other settings and other rows are errors that name them, and nothing is written', async () => {
    expect(await tune('same', '--steps', '2', '--checkpoint-every', '1')).toMatchObject({ code: 0 })
    const before = readFileSync(at('same', 'finetune.json'), 'utf8')
    const other = await tune('same', '--steps', '2', '--resume', '--learning-rate', '0.5', '--clip', '2')
    expect(other.code).toBe(1)
    expect(other.err).toContain('learningRate was null and is 0.5; clip was 1 and is 2')
    expect(readFileSync(at('same', 'finetune.json'), 'utf8')).toBe(before)
    const rows = readFileSync(at('rows.jsonl'), 'utf8')
    writeFileSync(at('rows.jsonl'), rows.replace('the is good', 'the is fine'))
    const altered = await tune('same', '--steps', '3', '--resume')
    writeFileSync(at('rows.jsonl'), rows)
    expect([altered.code, altered.err.includes('the rows are others')]).toEqual([1, true])
    const moved = await tune('same', '--steps', '3', '--resume', '--keep', '5')
    expect(moved).toMatchObject({ code: 0, err: '' })
    expect(moved.out).toContain('goes on from step 2')
  })

  test('is not begun anew by mistake; one that was finished is replaced', async () => {
    const whole = await tune('again', '--steps', '3', '--checkpoint-every', '1')
    expect(whole.code).toBe(0)
    // As a run that was killed leaves it.
    const noted = JSON.parse(readFileSync(at('again', 'finetune.json'), 'utf8')) as object
    writeFileSync(at('again', 'finetune.json'), JSON.stringify({ ...noted, finalStep: undefined }))
    const anew = await tune('again', '--steps', '1')
    expect([anew.code, anew.err.includes('--resume goes on with it')]).toEqual([1, true])
    expect(checkpointsIn('again')).toContain('step-000003')
    writeFileSync(at('again', 'finetune.json'), JSON.stringify(noted))
    expect(await tune('again', '--steps', '1')).toMatchObject({ code: 0, err: '' })
    expect(checkpointsIn('again')).toEqual(['step-000001'])
    expect(readFileSync(at('again', 'metrics.jsonl'), 'utf8').trim().split('\n').length).toBe(1)
  })
})

describe('rows', () => {
  test('seq2seq: answers are of other lengths than what is read', async () => {
    const { code, err, out } = await pullback('finetune', '--model', at('t5'), '--data', at('answers.jsonl'), '--out', at('t5out'), '--steps', '2', '--method', 'full', '--valid-fraction', '0.3', '--batch-size', '4', '--json') // prettier-ignore
    expect([code, err]).toEqual([0, ''])
    const { task, metrics } = JSON.parse(out) as { task: string; metrics: { perplexity: number } }
    expect(task).toBe('seq2seq')
    expect(metrics.perplexity).toBeGreaterThan(1)
  })

  test('none to evaluate on is said before anything runs', async () => {
    const { code, err } = await tune('none', '--valid-fraction', '1e-9')
    expect([code, err.includes('none is in the share of 1e-9 to evaluate on')]).toEqual([1, true])
    expect(existsSync(at('none'))).toBe(false)
    writeFileSync(at('empty.jsonl'), '\n')
    expect(await tune('none', '--valid', at('empty.jsonl'))).toMatchObject({ code: 1 })
  })

  test('conversations with one long instruction go to both parts', async () => {
    const system = { role: 'system', content: 'Answer as you were told. '.repeat(60) }
    const rows = Array.from({ length: 60 }, (_, i) => ({ messages: [system, { role: 'user', content: `question ${i}` }, { role: 'assistant', content: 'yes' }] })) // prettier-ignore
    const { partsOf } = await import('../../../src/cli/finetune/data.ts')
    const { fromArray, toArray } = await import('pullback/train')
    const parts = partsOf(fromArray(rows), null, { validFraction: 0.3, seed: 0 } as never)
    const [train, valid] = await Promise.all([get(toArray(parts.train)), get(toArray(parts.valid!))])
    expect(train.length).toBeGreaterThan(30)
    expect(valid.length).toBeGreaterThan(5)
    const prompts = partsOf(fromArray(rows.map((_, i) => ({ prompt: `${system.content}${i}`, completion: 'yes' }))), null, { validFraction: 0.3, seed: 0 } as never) // prettier-ignore
    expect((await get(toArray(prompts.valid!))).length).toBeGreaterThan(5)
  })

  test('labels in any script come back as they were', async () => {
    writeFileSync(at('script.jsonl'), jsonLines(rowsOf('好', 'schlécht')))
    expect(await pullback('finetune', '--model', at('bert'), '--data', at('script.jsonl'), '--out', at('script'), '--steps', '1', '--valid-fraction', '0')).toMatchObject({ code: 0 }) // prettier-ignore
    writeFileSync(at('texts.txt'), 'the is good\na is bad\n')
    const { out, code } = await pullback('predict', '--model', at('bert'), '--adapter', at('script'), '--data', at('texts.txt')) // prettier-ignore
    expect(code).toBe(0)
    const said = out.trim().split('\n').map((line) => JSON.parse(line) as { scores: object }) // prettier-ignore
    expect(said.map(({ scores }) => Object.keys(scores).sort())).toEqual([['schlécht', '好'], ['schlécht', '好']]) // prettier-ignore
  })
})

describe('processes', () => {
  let script = ''
  beforeAll(async () => {
    script = at('main.mjs')
    await bundleCommand(script)
  }, 60_000)

  const spawned = (args: readonly string[], watch: Watch, out: string) => runProcess(script, args, at(out, 'metrics.jsonl'), watch) // prettier-ignore

  test('killed by SIGKILL and ended by Ctrl-C, the command ends as one that was left alone: adapter, metrics and report', async () => {
    const args = ['--steps', '30', '--checkpoint-every', '4', '--evaluate-every', '5']
    expect((await spawned(tuneArgs('wholeRun', ...args), () => undefined, 'wholeRun')).code).toBe(0)
    for (const [signal, code, step] of [
      ['SIGKILL', null, 6],
      ['SIGINT', 130, 12],
      ['SIGKILL', null, 17],
      ['SIGTERM', 143, 24],
    ] as const) {
      // prettier-ignore
      const more = step === 6 ? [] : ['--resume']
      let isSent = false
      const ended = await spawned(tuneArgs('cutRun', ...args, ...more), (count, kill) => {
          if (isSent || count() < step) return
          isSent = true
          kill(signal)
        }, 'cutRun') // prettier-ignore
      expect(ended.code).toBe(code)
    }
    expect((await spawned(tuneArgs('cutRun', ...args, '--resume'), () => undefined, 'cutRun')).code).toBe(0)
    for (const file of ['adapter_model.safetensors', 'metrics.jsonl', 'report.html']) {
      expect(readFileSync(at('cutRun', file)).equals(readFileSync(at('wholeRun', file))), file).toBe(true)
    }
  }, 300_000)

  test('two into one directory: the second is told, and the first goes on', async () => {
    mkdirSync(at('two'), { recursive: true })
    let second: { code: number; err: string } | null = null
    let isAsked = false
    const first = await spawned(tuneArgs('two', '--steps', '60'), (count, kill) => {
        if (isAsked || count() < 2) return
        isAsked = true
        void tune('two', '--steps', '60', '--resume').then((ended) => {
          second = ended
          kill('SIGINT')
        })
      }, 'two') // prettier-ignore
    expect(second).toMatchObject({ code: 1 })
    expect(second!.err).toContain('another process is tuning into this directory')
    expect([0, 130]).toContain(first.code)
  }, 120_000)
})

interface StepLine {
  readonly tokens: number
  readonly loss: number
  readonly learningRate: number
  readonly 'eval/f1'?: number
}

describe('epochs', () => {
  // 3 short rows for each long one, so that rows of the two lengths fill batches apart from each other.
  const short = Array.from({ length: 9 }, (_, i) => ({ text: `the is ${words[4 + (i % 4)]!}`, label: i % 2 }))
  const long = Array.from({ length: 3 }, (_, i) => ({ text: `${'a '.repeat(20)}${words[4 + i]!}`, label: i % 2 }))
  const tokens = 9 * 5 + 3 * 23
  const tuneRows = (out: string, ...args: readonly string[]) => pullback('finetune', '--model', at('bert'), '--data', at('lengths.jsonl'), '--out', at(out), '--batch-size', '4', '--rank', '2', '--dropout', '0.1', '--learning-rate', '0.01', ...args) // prettier-ignore
  const stepsOf = (out: string): readonly StepLine[] =>
    readFileSync(at(out, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as StepLine)

  test('are passes over the data: each has every row once, whatever lengths they have; also where a run is gone on with', async () => {
    writeFileSync(at('lengths.jsonl'), jsonLines([...short, ...long]))
    const args = [
      '--valid-fraction',
      '0',
      '--checkpoint-every',
      '1',
      '--schedule',
      'constant',
      '--warmup',
      '0',
      '--json',
    ]
    const whole = await tuneRows('passes', '--epochs', '3', ...args)
    expect(whole.err).toBe('')
    // 12 rows fill 3 batches of 4, but here they are 4: 4 + 4 + 1 short ones, and 3 long ones.
    expect(JSON.parse(whole.out)).toMatchObject({ steps: 12, reason: 'steps' })
    const steps = stepsOf('passes')
    const passes = [0, 1, 2].map((epoch) => steps.slice(4 * epoch, 4 * epoch + 4))
    expect(passes.map((pass) => pass.reduce((sum, step) => sum + step.tokens, 0))).toEqual([tokens, tokens, tokens])

    expect(JSON.parse((await tuneRows('longer', '--epochs', '1', ...args)).out)).toMatchObject({ steps: 4 })
    const longer = await tuneRows('longer', '--epochs', '3', ...args, '--resume')
    expect(JSON.parse(longer.out)).toMatchObject({ steps: 12 })
    expect(stepsOf('longer').map(({ loss }) => loss)).toEqual(steps.map(({ loss }) => loss))
  }, 60_000)

  test('the rate falls to 0 with the last of them, and each ends with an evaluation', async () => {
    writeFileSync(at('lengths.jsonl'), jsonLines([...short, ...long]))
    const ran = await tuneRows('falls', '--epochs', '2', '--valid', at('lengths.jsonl'), '--warmup', '0')
    expect(ran).toMatchObject({ code: 0, err: '' })
    const steps = stepsOf('falls')
    expect(steps.map(({ learningRate }) => Number(learningRate.toFixed(6)))).toEqual([8, 7, 6, 5, 4, 3, 2, 1].map((left) => left * 0.00125)) // prettier-ignore
    expect(steps.flatMap((step, i) => ('eval/f1' in step ? [i + 1] : []))).toEqual([4, 8])
  }, 60_000)
})
