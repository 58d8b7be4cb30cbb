/** How runs end, and what those that go on from them know of it. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { np } from 'pullback'
import type { NDArray } from 'pullback'
import {
  checkpoints,
  earlyStopping,
  latestCheckpoint,
  memoryStore,
  metricsFile,
  onStep,
  saveCheckpoint,
  signals,
  train,
} from 'pullback/train'
import type { FileStore, Hook, Step, StepEvent } from 'pullback/train'
import { get, leftOf } from '../../io/support/recorded.ts'
import { streamOf } from '../support/streams.ts'

const step: Step<NDArray, NDArray> = (count, loss) => [count.add(1), { loss }]
const losses = (...xs: readonly number[]) => streamOf(xs.map((x) => np.array(x, { dtype: 'float32' })))
const zero = () => np.array(0, { dtype: 'float32' })
const denied = (path: string) => ({ _tag: 'Access', source: path, code: 'ENOSPC', message: `${path}: ENOSPC` }) as const

afterEach(() => {
  vi.restoreAllMocks()
})

describe('signals', () => {
  /** Lets `process.exit` be seen. */
  const exits = () => {
    const codes: unknown[] = []
    vi.spyOn(process, 'exit').mockImplementation(((code: unknown) => void codes.push(code)) as never)
    return codes
  }
  const interrupt = (...at: readonly number[]) =>
    onStep(({ step: n }) => {
      for (const k of at) if (k === n) process.emit('SIGINT')
    })

  test('the step is finished and saved, then the process ends with 130; no listener is left', async () => {
    const codes = exits()
    const before = process.listenerCount('SIGINT')
    const store = memoryStore()
    const hooks = [interrupt(2), signals(), checkpoints('run', { store })]
    const result = await get(train(step, zero(), losses(1, 2, 3), { hooks }))
    expect([result.step, result.reason, codes]).toEqual([2, 'SIGINT', [130]])
    expect((await get(latestCheckpoint('run', zero(), { store }))).checkpoint?.step).toBe(2)
    expect(process.listenerCount('SIGINT')).toBe(before)
  })

  test('one that comes twice at once, as npm hands it on, is one; half a second later it ends the process at once', async () => {
    const codes = exits()
    await get(train(step, zero(), losses(1, 2, 3), { hooks: [interrupt(2, 2), signals()] }))
    expect(codes).toEqual([130])
    let clock = 1000
    vi.spyOn(performance, 'now').mockImplementation(() => (clock += 600))
    const seen: number[] = []
    const late = onStep(() => {
      process.emit('SIGINT')
      seen.push(codes.length)
      process.emit('SIGINT')
      seen.push(codes.length)
    })
    await get(train(step, zero(), losses(1, 2, 3), { hooks: [late, signals()] }))
    expect(seen).toEqual([1, 2])
  })

  test('a run that could not be saved is not ended so: its caller hears why', async () => {
    const codes = exits()
    const store = { ...memoryStore(), write: (path: string) => () => Promise.resolve({ _tag: 'Left', left: denied(path) }) } as FileStore // prettier-ignore
    const hooks = [interrupt(1), signals(), checkpoints('run', { store })]
    expect(leftOf(await train(step, zero(), losses(1, 2), { hooks })())).toMatchObject({ code: 'ENOSPC' })
    const thrown = [interrupt(1), signals(), onStep(() => { throw new TypeError('a mistake') })] // prettier-ignore
    await expect(train(step, zero(), losses(1, 2), { hooks: thrown })()).rejects.toThrow('a mistake')
    expect(codes).toEqual([])
  })
})

describe('what a run was stopped for', () => {
  test('early stopping holds: gone on from the checkpoint that it made, nothing is left to do, unless there is more patience', async () => {
    const store = memoryStore()
    const xs = [5, 6, 7, 4, 6, 8, 9, 3]
    const stopping = (patience: number) => [earlyStopping({ metric: 'loss', patience }), checkpoints('run', { store })]
    const first = await get(train(step, zero(), losses(...xs), { hooks: stopping(3) }))
    const { checkpoint } = await get(latestCheckpoint('run', zero(), { store }))
    const again = await get(train(step, zero(), losses(...xs), { hooks: stopping(3), from: checkpoint }))
    expect([again.step, again.reason, again.state.item()]).toEqual([first.step, first.reason, first.step])
    expect((await get(train(step, zero(), losses(...xs), { hooks: stopping(4), from: checkpoint }))).step).toBe(8)
  })

  test('steps that were left out are counted across checkpoints', async () => {
    const store = memoryStore()
    const xs = [1, NaN, 2, NaN, 3]
    const counted = async (options: object) => {
      const events: StepEvent<unknown>[] = []
      const look = onStep((event) => void events.push(event))
      const hooks = [look, checkpoints('run', { store })]
      await get(train(step, zero(), losses(...xs), { hooks, onNonFinite: 'skip', ...options }))
      return events.at(-1)!.skipped
    }
    expect(await counted({ steps: 3 })).toBe(1)
    const { checkpoint } = await get(latestCheckpoint('run', zero(), { store }))
    expect(await counted({ from: checkpoint })).toBe(2)
  })

  test('a batch of which nothing counts is called that, and no divergence that a lower rate would help', async () => {
    const masked: Step<NDArray, NDArray> = (count, x) => [count.add(1), { loss: x.div(x), weight: x }]
    const { message } = leftOf(await train(masked, zero(), losses(1, 0))())
    expect(message).toContain('all its labels are -100')
    expect(message).not.toContain('learning rate')
  })
})

test('a place that no run gave is an error, and not the beginning', async () => {
  const from = { step: 1, state: zero(), position: 1 }
  expect(leftOf(await train(step, zero(), losses(1, 2, 3), { from })()).message).toContain('position 1 is none')
})

test('all hooks are closed, also if one of them throws as it is', async () => {
  const closed: string[] = []
  const closing = (name: string, fails: boolean): Hook => ({
    name,
    start: () => () =>
      Promise.resolve({
        _tag: 'Right',
        right: {
          close: () => {
            closed.push(name)
            return fails ? Promise.reject(new Error(`${name} is stuck`)) : Promise.resolve()
          },
        },
      }),
  })
  const hooks = [closing('a', true), closing('b', false)]
  await expect(train(step, zero(), losses(1), { hooks })()).rejects.toThrow('a is stuck')
  expect(closed).toEqual(['a', 'b'])
})

describe('what checkpoints count on', () => {
  test('is on the disk before them: lines of metrics are flushed, and a failure there is the run’s', async () => {
    const calls: string[] = []
    const inner = memoryStore()
    const store: FileStore = {
      ...inner,
      flush: (path) => (calls.push(`flush ${path}`), inner.flush(path)),
      rename: (from, to) => (calls.push(`rename ${to}`), inner.rename(from, to)),
    }
    const hooks = [checkpoints('run', { store, every: 2 }), metricsFile('metrics.jsonl', { store })]
    await get(train(step, zero(), losses(1, 2, 3, 4), { hooks }))
    expect(calls).toEqual(['rename metrics.jsonl', 'flush metrics.jsonl', 'rename run/step-000002', 'flush metrics.jsonl', 'rename run/step-000004']) // prettier-ignore
    const full: FileStore = { ...memoryStore(), flush: (path) => () => Promise.resolve({ _tag: 'Left', left: denied(path) }) } // prettier-ignore
    const failing = [checkpoints('run', { store: full }), metricsFile('metrics.jsonl', { store: full })]
    expect(leftOf(await train(step, zero(), losses(1), { hooks: failing })())).toMatchObject({ code: 'ENOSPC' })
    expect(await get(full.list('run'))).toEqual([])
  })

  test('a metric called step would hide the number of the step', async () => {
    const named: Step<NDArray, NDArray> = (count, loss) => [count.add(1), { loss, step: loss }]
    const hooks = [metricsFile('m', { store: memoryStore() })]
    await expect(train(named, zero(), losses(1), { hooks })()).rejects.toThrow("under 'step'")
  })
})

describe('a directory of checkpoints is for one run', () => {
  const save = (store: FileStore, n: number) => get(saveCheckpoint('run', { step: n, state: zero(), position: null }, { store })) // prettier-ignore

  test('one that begins anew where there are some is an error; the others stay', async () => {
    const store = memoryStore()
    await save(store, 7)
    const hooks = [checkpoints('run', { store, every: 1, keepLast: 1 })]
    const error = leftOf(await train(step, zero(), losses(1, 2), { hooks })())
    expect(error).toMatchObject({ _tag: 'CheckpointError', reason: 'mismatch' })
    expect(error.message).toContain('the last of step 7')
    expect(await get(store.list('run'))).toEqual(['step-000007'])
  })

  test('one that goes on from an earlier one makes the later ones anew, and never loses its own for them', async () => {
    const store = memoryStore()
    for (const n of [2, 6, 9]) await save(store, n)
    const hooks = [checkpoints('run', { store, every: 1, keepLast: 1 })]
    const from = { step: 2, state: zero(), position: { epoch: 0, at: 2 } }
    await get(train(step, zero(), losses(1, 2, 3, 4), { hooks, from }))
    expect(await get(store.list('run'))).toEqual(['step-000004'])
  })

  test('damaged ones that are newer push no whole one out', async () => {
    const files = new Map<string, Uint8Array>()
    const store = memoryStore(files)
    for (const n of [1, 5]) await save(store, n)
    for (const [path, bytes] of files)
      if (path.endsWith('.safetensors') && path.includes('5')) bytes[bytes.length - 1]! ^= 1
    await get(saveCheckpoint('run', { step: 2, state: zero(), position: null }, { store, keepLast: 1 }))
    const found = await get(latestCheckpoint('run', zero(), { store }))
    expect([found.path, found.passedOver.length]).toEqual(['run/step-000002', 1])
  })
})
