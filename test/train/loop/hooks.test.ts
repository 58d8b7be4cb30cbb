/** What hooks write, and what becomes of it when a run goes on from a checkpoint. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { np } from 'pullback'
import type { NDArray } from 'pullback'
import {
  checkpoints,
  earlyStopping,
  evaluateEvery,
  latestCheckpoint,
  memoryStore,
  metricsFile,
  onStep,
  progress,
  tensorBoard,
  train,
} from 'pullback/train'
import type { Step } from 'pullback/train'
import { crc32c } from '../../../src/train/loop/tensorboard.ts'
import { get } from '../../io/support/recorded.ts'
import { streamOf } from '../support/streams.ts'

/** The loss is what comes in. */
const step: Step<NDArray, NDArray> = (count, loss) => [count.add(1), { loss, tokens: np.multiply(loss, 0).add(128) }]
const losses = (...xs: readonly number[]) => streamOf(xs.map((x) => np.array(x, { dtype: 'float32' })))
const zero = () => np.array(0, { dtype: 'float32' })
const textOf = (files: ReadonlyMap<string, Uint8Array>, name: string): string =>
  Buffer.from(files.get(name)!).toString()

describe('metricsFile', () => {
  test('a line for each step; of what is not finite too', async () => {
    const files = new Map<string, Uint8Array>()
    const hooks = [metricsFile('out/metrics.jsonl', { store: memoryStore(files) })]
    await get(train(step, zero(), losses(0.5, NaN, Infinity), { hooks, onNonFinite: 'ignore' }))
    expect(textOf(files, 'out/metrics.jsonl').split('\n')).toEqual(['{"step":1,"loss":0.5,"tokens":128}', '{"step":2,"loss":"NaN","tokens":"NaN"}', '{"step":3,"loss":"Infinity","tokens":"NaN"}', '']) // prettier-ignore
  })

  test('a run that goes on takes back what is behind its checkpoint, and lines that were cut off', async () => {
    const files = new Map<string, Uint8Array>()
    const store = memoryStore(files)
    const hooks = [metricsFile('out/metrics.jsonl', { store }), checkpoints('out/run', { every: 2, store })]
    const left = [...hooks, onStep(({ step: n }) => { if (n === 3) throw new Error('killed') })] // prettier-ignore
    await expect(train(step, zero(), losses(1, 2, 3, 4, 5), { hooks: left })()).rejects.toThrow('killed')
    files.set('out/metrics.jsonl', Buffer.from(`${textOf(files, 'out/metrics.jsonl')}{"step":4,"lo`))
    const { checkpoint } = await get(latestCheckpoint('out/run', zero(), { store }))
    expect(checkpoint?.step).toBe(2)
    await get(train(step, zero(), losses(1, 2, 3, 4, 5), { hooks, from: checkpoint }))
    const lines = textOf(files, 'out/metrics.jsonl').trim().split('\n').map((line) => JSON.parse(line) as { step: number; loss: number }) // prettier-ignore
    expect(lines.map(({ step: n, loss }) => [n, loss])).toEqual([1, 2, 3, 4, 5].map((n) => [n, n]))
  })
})

describe('tensorBoard', () => {
  test('CRC-32C', () => {
    // RFC 3720, B.4, and the usual check.
    expect(crc32c(new Uint8Array(32)).toString(16)).toBe('8a9136aa')
    expect(crc32c(new Uint8Array(32).fill(255)).toString(16)).toBe('62a8ab43')
    expect(crc32c(new TextEncoder().encode('123456789')).toString(16)).toBe('e3069283')
  })

  test.each([
    ['whole', 0],
    ['goneOn', 2],
  ])('events byte for byte as TensorBoard’s own writer has them: %s', async (name, begun) => {
    vi.spyOn(Date, 'now').mockReturnValue(1_700_000_000_125)
    const files = new Map<string, Uint8Array>()
    // -0 as it is, and tokens by the number of the step.
    const counted: Step<NDArray, NDArray> = (count, loss) => [count.add(1), { loss, tokens: count.add(1).mul(128) }]
    const data = losses(1.5, 0.75, Infinity, -0)
    const from = { step: begun, state: zero().add(begun), position: { epoch: 0, at: begun } }
    const hooks = [tensorBoard('logs', { store: memoryStore(files) })]
    await get(train(counted, zero(), data, { hooks, from, onNonFinite: 'ignore' }))
    vi.restoreAllMocks()
    expect([...files.keys()]).toEqual(['logs/events.out.tfevents.1700000000125.pullback'])
    const recorded = readFileSync(join(import.meta.dirname, `data/${name}.tfevents`))
    expect(Buffer.from([...files.values()][0]!).toString('hex')).toBe(recorded.toString('hex'))
  })
})

describe('earlyStopping', () => {
  test('stops after so many values that are no better', async () => {
    const hooks = [earlyStopping({ metric: 'loss', patience: 2, minDelta: 0.1 })]
    const result = await get(train(step, zero(), losses(5, 4, 3.95, 3, 2.95, 3.5, 1), { hooks }))
    expect(result.step).toBe(6)
    expect(result.reason).toContain('loss has not got better than 3 for 2 values')
    const rising = [earlyStopping({ metric: 'loss', patience: 1, mode: 'max' })]
    expect((await get(train(step, zero(), losses(1, 2, 3, 3), { hooks: rising }))).step).toBe(4)
    expect((await get(train(step, zero(), losses(1, NaN), { hooks: rising, onNonFinite: 'ignore' }))).step).toBe(2)
  })

  test('remembers across checkpoints: cut anywhere, a run stops at the same step', async () => {
    const xs = [5, 6, 7, 4, 6, 8, 9, 3]
    const make = () => [earlyStopping({ metric: 'loss', patience: 3 })]
    for (let cut = 1; cut < 7; cut++) {
      const store = memoryStore()
      const hooks = [...make(), checkpoints('run', { store })]
      await get(train(step, zero(), losses(...xs), { steps: cut, hooks }))
      const { checkpoint } = await get(latestCheckpoint('run', zero(), { store }))
      const result = await get(train(step, zero(), losses(...xs), { from: checkpoint, hooks: make() }))
      expect(result.step).toBe(7)
    }
  })
})

describe('evaluateEvery', () => {
  test('every n steps and after the last; its numbers are there for hooks, its tables are not', async () => {
    const seen: string[] = []
    const look = onStep(({ step: n, metrics }) => void seen.push(`${n} ${Object.keys(metrics).join()}`))
    const evaluation = evaluateEvery(2, (state: NDArray) => () => Promise.resolve({ _tag: 'Right', right: { f1: state.item(), matrix: [[1]] } } as const)) // prettier-ignore
    await get(train(step, zero(), losses(1, 2, 3), { hooks: [look, evaluation] }))
    expect(seen).toEqual(['1 loss,tokens', '2 loss,tokens,eval/f1', '3 loss,tokens,eval/f1'])
  })

  test('the best by it is kept', async () => {
    const store = memoryStore()
    const scores = [0.1, 0.9, 0.5, 0.7]
    const evaluation = evaluateEvery(1, (state: NDArray) => () => Promise.resolve({ _tag: 'Right', right: { f1: scores[state.item() - 1]! } } as const)) // prettier-ignore
    const hooks = [evaluation, checkpoints('run', { store, keepBest: { metric: 'eval/f1', mode: 'max' } })]
    await get(train(step, zero(), losses(1, 2, 3, 4), { hooks }))
    expect(await get(store.list('run'))).toEqual(['step-000002', 'step-000004'])
  })
})

describe('progress', () => {
  test('plain lines where there is no terminal: rate, tokens, time left, loss, memory', async () => {
    let text = ''
    const out = { write: (more: string) => (text += more) }
    const slow = onStep(() => new Promise<void>((resolve) => setTimeout(resolve, 2)))
    await get(train(step, zero(), losses(...Array.from({ length: 50 }, () => 0.5)), { steps: 50, hooks: [progress({ out, seconds: 0 }), slow] }))
    const lines = text.trim().split('\n')
    expect(lines.length).toBe(51)
    expect(lines[0]).toMatch(/^step 1\/50 \| loss 0\.5000 \| \d+ MiB$/)
    expect(lines[20]).toMatch(/^step 21\/50 \| loss 0\.5000 \| [\d.e+]+ steps\/s \| \d+ tokens\/s \| (ETA \d+s \| )?\d+ MiB$/)
    expect(lines[50]).toMatch(/^50 steps in \d+s \(steps\)$/)
  }) // prettier-ignore

  test('a line at most every so many seconds, and the last', async () => {
    let text = ''
    const out = { write: (more: string) => (text += more) }
    await get(train(step, zero(), losses(...Array.from({ length: 50 }, () => 0.5)), { hooks: [progress({ out })] }))
    expect(text.trim().split('\n').map((line) => line.split(' |')[0])).toEqual(['step 1', 'step 50', '50 steps in 0s (data)'])
  }) // prettier-ignore

  test('a bar on a terminal, by cli-progress', async () => {
    let text = ''
    const out = { isTTY: true, columns: 120, write: (more: string) => (text += more), on: () => out, removeListener: () => out, cursorTo: () => true, moveCursor: () => true, clearLine: () => true, clearScreenDown: () => true } // prettier-ignore
    await get(train(step, zero(), losses(0.5, 0.25), { steps: 2, hooks: [progress({ out })] }))
    expect(text).toContain('2/2')
    expect(text).toContain('loss 0.25')
    expect(text).toMatch(/2 steps in \d+s \(steps\)\n$/)
  })
})
