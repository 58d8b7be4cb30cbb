/** Checkpoints come back bit for bit or not at all, whatever the disk does. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ArgumentError, np, optim, random, tree } from 'pullback'
import type { NDArray } from 'pullback'
import { dtypes } from 'pullback/testing'
import {
  Adapter,
  fileFingerprint,
  fingerprint,
  latestCheckpoint,
  loadCheckpoint,
  memoryStore,
  pruneCheckpoints,
  saveCheckpoint,
} from 'pullback/train'
import type { FileStore, Position } from 'pullback/train'
import { Aval } from '../../../src/core/aval.ts'
import { allocate } from '../../../src/core/dtype.ts'
import { fromHost, toHost } from '../../../src/trace/value.ts'
import { get, leftOf, rightOf } from '../../io/support/recorded.ts'

/** Arrays of any bits. */
const anyArray = fc
  .tuple(dtypes('any'), fc.array(fc.nat(3), { maxLength: 3 }), fc.boolean(), fc.infiniteStream(fc.nat(255)))
  .map(([dtype, shape, weak, bytes]) => {
    const aval = new Aval(dtype, shape, weak)
    const data = allocate(dtype, aval.size)
    const raw = new Uint8Array(data.buffer)
    for (let i = 0; i < raw.length; i++) raw[i] = Number(bytes.next().value) & (dtype === 'bool' ? 1 : 255)
    return fromHost(aval, data)
  })
const anyKey = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('a', 'A', 'aux', 'params', 'state', 'a.b', '中', '0'),
)
const { state: anyState } = fc.letrec((tie) => ({
  state: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    anyArray,
    fc.constantFrom(null, 'a text'),
    fc.array(tie('state'), { maxLength: 3 }),
    fc.dictionary(anyKey, tie('state'), { maxKeys: 3, noNullPrototype: true }),
  ),
}))

const bitsOf = (x: unknown): unknown => {
  if (typeof x !== 'object' || x === null || !('aval' in x)) return x
  const { aval, data } = toHost(x as NDArray, 'test')
  return [aval.toString(), aval.weak, Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')]
}
const allBits = (state: unknown): unknown => tree.leavesWithPath(state).map(([path, x]) => [path, bitsOf(x)])

const sample = () => ({
  params: { w: np.array([[1, 2], [3, 4]]), b: np.array([0.5, -0]) },
  optimizer: optim.adamw(1e-3).init({ w: np.zeros([2, 2]) }),
  key: random.key(7),
  seen: np.array(12, { dtype: 'int64' }),
}) // prettier-ignore

const position: Position = { epoch: 2, at: [17, 'train.jsonl', null, true, { offset: 2 ** 40 }] }

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pullback-checkpoint-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('round trips', () => {
  test('any state, bit for bit, weak types included', () =>
    fc.assert(
      fc.asyncProperty(anyState, fc.nat(10 ** 9), async (state, step) => {
        const store = memoryStore()
        const path = await get(saveCheckpoint('run', { step, state, position: null }, { store }))
        const back = await get(loadCheckpoint(path, state, { store }))
        expect(allBits(back.state)).toEqual(allBits(state))
        expect(tree.structure(back.state).equals(tree.structure(state))).toBe(true)
      }),
      { numRuns: 200 },
    ))

  test('all else: place, metrics, configuration, base, what hooks remember', async () => {
    const store = memoryStore()
    const metrics = { loss: 0.1, bad: NaN, high: Infinity, '10': 1, '2': 2 }
    const more = {
      metrics,
      config: { lr: 1e-3, '7': ['x'], name: 'ü中' },
      base: 'sha256:abc',
      hooks: { h: { best: 1 } },
    }
    const path = await get(saveCheckpoint('run', { step: 120, state: sample(), position, ...more }, { store }))
    expect(path).toBe('run/step-000120')
    const back = await get(loadCheckpoint(path, sample(), { store }))
    expect(back).toMatchObject({ step: 120, position, ...more })
  })

  test('numbers and booleans come back as the arrays that a step makes of them; adapters as adapters', async () => {
    const store = memoryStore()
    const adapter = new Adapter(
      { method: 'lora' },
      { 'layer.0.query': { lora_A: np.ones([2, 3]) } },
      { head: np.ones([2]) },
    )
    const state = { adapter, n: 3, flag: true }
    const path = await get(saveCheckpoint('run', { step: 1, state, position: null }, { store }))
    const { state: back } = await get(loadCheckpoint(path, state, { store }))
    expect(back.adapter).toBeInstanceOf(Adapter)
    expect(back.adapter.config).toEqual({ method: 'lora' })
    expect(allBits(back.adapter)).toEqual(allBits(adapter))
    expect([String(back.n), String(back.flag)]).toEqual(['3', 'True'])
  })

  test('Node’s files: a file for each key of the state; nothing else is left there', async () => {
    const directory = join(folder, 'round/trip')
    await get(saveCheckpoint(directory, { step: 5, state: sample(), position }))
    expect(readdirSync(directory)).toEqual(['step-000005'])
    expect(readdirSync(join(directory, 'step-000005')).toSorted()).toEqual([
      'checkpoint.json', 'key.safetensors', 'optimizer.safetensors', 'params.safetensors', 'seen.safetensors',
    ]) // prettier-ignore
    const { checkpoint, passedOver } = await get(latestCheckpoint(directory, sample()))
    expect(allBits(checkpoint!.state)).toEqual(allBits(sample()))
    expect(passedOver).toEqual([])
  })

  test('a step that is there already is replaced', async () => {
    const directory = join(folder, 'again')
    await get(saveCheckpoint(directory, { step: 1, state: { a: np.array(1), b: np.array(2) }, position: null }))
    await get(saveCheckpoint(directory, { step: 1, state: { a: np.array(3) }, position: null }))
    const { checkpoint } = await get(latestCheckpoint(directory, { a: np.array(0) }))
    expect(checkpoint!.state.a.item()).toBe(3)
    expect(readdirSync(directory)).toEqual(['step-000001'])
  })

  test('a leaf that cannot be kept is the caller’s mistake', async () => {
    const state = { params: np.array(1), f: () => 1 }
    await expect(saveCheckpoint('x', { step: 1, state, position: null }, { store: memoryStore() })()).rejects.toThrow(
      new ArgumentError('saveCheckpoint: state.f is a function; what is kept are arrays, numbers, booleans and strings. Take the rest out with tree.partition.'),
    ) // prettier-ignore
  })
})

describe('what does not fit', () => {
  const saved = async (state: unknown, base?: string) => {
    const store = memoryStore()
    await get(saveCheckpoint('run', { step: 1, state, position: null, base: base ?? null }, { store }))
    return store
  }

  test.each([
    ['a leaf that is missing', { w: np.zeros([2]) }, { w: np.zeros([2]), b: np.zeros([1]) }, 'state.b is missing'],
    ['one too many', { w: np.zeros([2]), b: np.zeros([1]) }, { w: np.zeros([2]) }, 'state.b has no place here'],
    ['another shape', { w: np.zeros([2]) }, { w: np.zeros([3]) }, 'state.w is float32[2] there, and float32[3] here'],
    ['another dtype', { w: np.zeros([2]) }, { w: np.zeros([2], { dtype: 'float16' }) }, 'float32[2] there, and float16[2] here'],
    ['another kind', { w: 'text' }, { w: np.zeros([2]) }, 'state.w is a string there, and float32[2] here'],
  ])('%s', async (_, state, like, message) => {
    const store = await saved(state)
    const error = leftOf(await latestCheckpoint('run', like, { store })())
    expect(error).toMatchObject({ _tag: 'CheckpointError', reason: 'mismatch', path: 'run/step-000001' })
    expect(error.message).toContain(message)
  }) // prettier-ignore

  test('another base', async () => {
    const store = await saved(sample(), 'sha256:one')
    expect(leftOf(await latestCheckpoint('run', sample(), { store, base: 'sha256:two' })())).toMatchObject({
      reason: 'mismatch',
    })
    expect(rightOf(await latestCheckpoint('run', sample(), { store, base: 'sha256:one' })()).checkpoint).not.toBeNull()
  })

  test('a later version', async () => {
    const files = new Map<string, Uint8Array>()
    const store = memoryStore(files)
    const path = await get(saveCheckpoint('run', { step: 1, state: sample(), position: null }, { store }))
    const name = `${path}/checkpoint.json`
    const { checksum, ...body } = JSON.parse(Buffer.from(files.get(name)!).toString()) as {
      readonly [key: string]: unknown
    }
    const text = (x: unknown) => new TextEncoder().encode(`${JSON.stringify(x, null, 1)}\n`)
    expect(checksum).toHaveLength(64)
    const later = { ...body, version: 2 }
    const sum = Buffer.from(await crypto.subtle.digest('SHA-256', text(later))).toString('hex')
    files.set(name, text({ ...later, checksum: sum }))
    expect(leftOf(await loadCheckpoint(path, sample(), { store })())).toMatchObject({ reason: 'version' })
  })
})

describe('damage', () => {
  const saved = async () => {
    const files = new Map<string, Uint8Array>()
    const store = memoryStore(files)
    await get(saveCheckpoint('run', { step: 3, state: { n: np.array(3) }, position: 3 }, { store }))
    const path = await get(saveCheckpoint('run', { step: 9, state: { n: np.array(9) }, position }, { store }))
    return { files, store, path }
  }
  const like = { n: np.array(0) }

  test('any byte of any file altered, cut off, added or taken away: an error, and the checkpoint before it is taken', async () => {
    const { files, store, path } = await saved()
    const whole = new Map(files)
    let cases = 0
    for (const name of [...whole.keys()].filter((file) => file.startsWith(path))) {
      const bytes = whole.get(name)!
      const changes: (Uint8Array | null)[] = [
        null,
        new Uint8Array(0),
        Uint8Array.of(...bytes, 0),
        Uint8Array.of(...bytes, 10),
      ]
      for (let i = 0; i < bytes.length; i++) {
        for (const flip of [1, 0x20, 0x80]) changes.push(bytes.with(i, bytes[i]! ^ flip))
        if (i % 7 === 0) changes.push(bytes.slice(0, i), Uint8Array.of(...bytes.slice(0, i), ...bytes.slice(i + 1)))
      }
      for (const change of changes) {
        if (change === null) files.delete(name)
        else files.set(name, change)
        const error = leftOf(await loadCheckpoint(path, like, { store })())
        expect(error).toMatchObject({ _tag: 'CheckpointError', reason: 'damaged' })
        cases++
      }
      const found = await get(latestCheckpoint('run', like, { store }))
      expect([found.path, found.checkpoint?.state.n.item()]).toEqual(['run/step-000003', 3])
      expect(found.passedOver).toMatchObject([{ path, reason: 'damaged' }])
      files.set(name, bytes)
    }
    expect(cases).toBeGreaterThan(1500)
    expect((await get(latestCheckpoint('run', like, { store }))).path).toBe(path)
  })

  test('random bytes for any stretch', async () => {
    const { files, store, path } = await saved()
    const names = [...files.keys()].filter((file) => file.startsWith(path))
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), fc.nat(10 ** 6), fc.uint8Array({ maxLength: 40 }), async (name, at, bytes) => {
        const before = files.get(name)!
        const start = at % before.length
        const after = Uint8Array.of(...before.slice(0, start), ...bytes, ...before.slice(start + bytes.length))
        fc.pre(Buffer.compare(before, after) !== 0)
        files.set(name, after)
        const result = await loadCheckpoint(path, like, { store })()
        files.set(name, before)
        expect(result._tag).toBe('Left')
      }),
      { numRuns: 300 },
    ) // prettier-ignore
  })

  test('where none is whole, that is an error, not a fresh start', async () => {
    const { files, store } = await saved()
    for (const name of [...files.keys()]) if (name.endsWith('.json')) files.set(name, new Uint8Array(3))
    const error = leftOf(await latestCheckpoint('run', like, { store })())
    expect(error).toMatchObject({ _tag: 'CheckpointError', reason: 'missing' })
    expect(error.message).toContain('none of 2 checkpoints is whole')
  })

  test('where there is none, a run begins', async () => {
    expect(await get(latestCheckpoint(join(folder, 'nowhere'), like))).toEqual({
      checkpoint: null,
      path: null,
      passedOver: [],
    })
  })

  test('leftovers of a writer that was killed are not checkpoints, and go with the next save', async () => {
    const directory = join(folder, 'leftovers')
    mkdirSync(join(directory, '.draft-step-000099-x'), { recursive: true })
    writeFileSync(join(directory, '.draft-step-000099-x', 'checkpoint.json'), '{')
    expect((await get(latestCheckpoint(directory, like))).checkpoint).toBeNull()
    await get(saveCheckpoint(directory, { step: 1, state: like, position: null }))
    expect(readdirSync(directory)).toEqual(['step-000001'])
  })
})

test('a large file is written and read in pieces, never as a whole', async () => {
  const inner = memoryStore()
  const sizes: number[] = []
  const store: FileStore = {
    ...inner,
    write: (path, bytes) => (sizes.push(bytes.length), inner.write(path, bytes)),
    append: (path, bytes) => (sizes.push(bytes.length), inner.append(path, bytes)),
    read: (path) =>
      path.endsWith('.json') ? inner.read(path) : () => Promise.reject(new Error(`${path}: as a whole`)),
    source: (path) => {
      const source = inner.source(path)
      return { ...source, read: (offset, length) => (sizes.push(length), source.read(offset, length)) }
    },
  }
  // 6 tensors of 4.8 MB: 28.8 MB in a file.
  const state = { w: Array.from({ length: 6 }, (_, i) => np.add(np.arange(1_200_000), i)) }
  const path = await get(saveCheckpoint('run', { step: 1, state, position: null }, { store }))
  const back = await get(loadCheckpoint(path, state, { store }))
  expect(back.state.w.every((x, i) => np.arrayEqual(x, state.w[i]!).bool())).toBe(true)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(2 ** 24)
  expect(sizes.reduce((a, b) => a + b, 0)).toBeGreaterThan(2 * 28_800_000)
})

describe('disks that fail', () => {
  /** A store whose writes fail at the n-th byte, and from then on. */
  const fullAt = (inner: FileStore, most: number): FileStore => {
    let left = most
    const spend = (path: string, bytes: Uint8Array, write: FileStore['write']): ReturnType<FileStore['write']> => {
      const fits = bytes.length <= left
      const part = bytes.slice(0, left)
      left = Math.max(0, left - bytes.length)
      if (fits) return write(path, bytes)
      return async () => {
        await write(path, part)()
        return { _tag: 'Left', left: { _tag: 'Access', source: path, code: 'ENOSPC', message: `${path}: no space left on device` } }
      }
    }
    return { ...inner, write: (path, bytes) => spend(path, bytes, inner.write), append: (path, bytes) => spend(path, bytes, inner.append) }
  } // prettier-ignore

  test('full at whichever byte: the error says so, the older ones stay, and nothing else does', async () => {
    const files = new Map<string, Uint8Array>()
    const store = memoryStore(files)
    const state = { params: { w: np.array([1, 2, 3]) }, n: np.array(1) }
    await get(saveCheckpoint('run', { step: 1, state, position: null }, { store }))
    const before = [...files.keys()]
    const size = [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0)
    for (let n = 0; n < size; n += 13) {
      const result = await saveCheckpoint(
        'run',
        { step: 2, state, position: null },
        { store: fullAt(store, n), keepLast: 1 },
      )()
      expect(leftOf(result)).toMatchObject({ _tag: 'Access', code: 'ENOSPC' })
      expect([...files.keys()]).toEqual(before)
      expect((await get(latestCheckpoint('run', state, { store }))).path).toBe('run/step-000001')
    }
    await get(saveCheckpoint('run', { step: 2, state, position: null }, { store: fullAt(store, size + 100) }))
    expect((await get(latestCheckpoint('run', state, { store }))).path).toBe('run/step-000002')
  })

  test('any single operation that fails leaves the last checkpoint as it was, or the new one whole', async () => {
    const operations = ['list', 'write', 'makeDirectory', 'rename', 'remove', 'flushDirectory', 'read'] as const
    const state = { n: np.array(1), m: np.array(2) }
    for (const operation of operations) {
      for (let n = 0; n < 6; n++) {
        const store = memoryStore()
        await get(saveCheckpoint('run', { step: 1, state, position: null }, { store }))
        await get(saveCheckpoint('run', { step: 2, state, position: null }, { store }))
        let calls = 0
        const failing = <A>(path: string, task: () => Promise<A>) => async () =>
          calls++ === n ? ({ _tag: 'Left', left: { _tag: 'Access', source: path, code: 'EIO', message: 'EIO' } } as const) : task() // prettier-ignore
        const broken = { ...store, [operation]: (path: string, ...rest: [never]) => failing(path, store[operation](path, ...rest) as () => Promise<never>) } // prettier-ignore
        const result = await saveCheckpoint('run', { step: 3, state, position: null }, { store: broken, keepLast: 2 })()
        const found = await get(latestCheckpoint('run', state, { store }))
        expect(found.passedOver).toEqual([])
        expect(result._tag === 'Right' ? ['run/step-000003'] : ['run/step-000002', 'run/step-000003']).toContain(
          found.path,
        )
        // Whatever was left is taken away by the next that succeeds.
        await get(saveCheckpoint('run', { step: 4, state, position: null }, { store, keepLast: 1 }))
        expect(await get(store.list('run'))).toEqual(['step-000004'])
      }
    }
  })

  test('a directory that is a file, one that may not be written, and one that vanished', async () => {
    const state = { n: np.array(1) }
    const checkpoint = { step: 2, state, position: null }
    const file = join(folder, 'a-file')
    writeFileSync(file, '')
    expect(leftOf(await saveCheckpoint(file, checkpoint)())).toMatchObject({ _tag: 'Access', code: 'EEXIST' })
    expect(leftOf(await saveCheckpoint(join(file, 'x'), checkpoint)())).toMatchObject({
      _tag: 'Access',
      code: 'ENOTDIR',
    })
    expect(leftOf(await latestCheckpoint(file, state)())).toMatchObject({ _tag: 'Access', code: 'ENOTDIR' })
    expect(leftOf(await saveCheckpoint('/proc/none', checkpoint)())).toMatchObject({ _tag: 'Access' })
    const gone = join(folder, 'gone')
    const path = await get(saveCheckpoint(gone, checkpoint))
    rmSync(gone, { recursive: true })
    expect(leftOf(await loadCheckpoint(path, state)())).toMatchObject({ _tag: 'CheckpointError', reason: 'damaged' })
  })

  test.skipIf(process.getuid?.() === 0)(
    'a directory without permission (root may write all: skipped for it)',
    async () => {
      const directory = join(folder, 'locked')
      const state = { n: np.array(1) }
      await get(saveCheckpoint(directory, { step: 1, state, position: null }))
      chmodSync(directory, 0o555)
      expect(leftOf(await saveCheckpoint(directory, { step: 2, state, position: null })())).toMatchObject({
        code: 'EACCES',
      })
      expect((await get(latestCheckpoint(directory, state))).path).toContain('step-000001')
      chmodSync(directory, 0o755)
    },
  )
})

describe('which stay', () => {
  const losses = [5, 3, 4, 1, 2, NaN, 6]
  const run = async (options: Parameters<typeof saveCheckpoint>[2]) => {
    const store = memoryStore()
    const state = { n: np.array(1) }
    for (const [i, loss] of losses.entries()) {
      await get(saveCheckpoint('run', { step: i + 1, state, position: null, metrics: { loss } }, { store, ...options }))
    }
    const names = (await get(store.list('run'))) ?? []
    return { store, steps: names.map((name) => Number(name.slice(5))).toSorted((a, b) => a - b) }
  }

  test.each([
    [{}, [1, 2, 3, 4, 5, 6, 7]],
    [{ keepLast: 2 }, [6, 7]],
    [{ keepBest: { metric: 'loss' } }, [4, 7]],
    [{ keepBest: { metric: 'loss', count: 3 } }, [2, 4, 5, 7]],
    [{ keepLast: 2, keepBest: { metric: 'loss', mode: 'max' as const } }, [6, 7]],
    [{ keepLast: 1, keepBest: { metric: 'loss', mode: 'max' as const, count: 2 } }, [1, 7]],
    [{ keepBest: { metric: 'other' } }, [7]],
  ])('%j', async (options, steps) => {
    expect((await run(options)).steps).toEqual(steps)
  })

  test('damaged ones stay as evidence and count for nothing', async () => {
    const files = new Map<string, Uint8Array>()
    const store = memoryStore(files)
    const state = { n: np.array(1) }
    for (const step of [1, 2, 3]) await get(saveCheckpoint('run', { step, state, position: null }, { store }))
    files.set('run/step-000003/checkpoint.json', new Uint8Array(1))
    expect(await get(pruneCheckpoints('run', { store, keepLast: 1 }))).toEqual(['run/step-000001'])
    expect(await get(store.list('run'))).toEqual(['step-000002', 'step-000003'])
    expect((await get(latestCheckpoint('run', state, { store }))).path).toBe('run/step-000002')
  })
})

describe('fingerprints', () => {
  test('differ by name, shape, dtype and any bit; equal for equal trees', async () => {
    const of = (x: unknown) => get(fingerprint(x))
    const trees = [
      { w: np.array([1, 2]) },
      { v: np.array([1, 2]) },
      { w: np.array([[1, 2]]) },
      { w: np.array([1, 2], { dtype: 'int32' }) },
      { w: np.array([1, 2 + 2 ** -22]) },
      { w: np.array([1, 2]), b: np.array([]) },
    ]
    const prints = await Promise.all(trees.map(of))
    expect(new Set(prints).size).toBe(trees.length)
    expect(await of({ w: np.array([1, 2]) })).toBe(prints[0])
  })

  test('of files', async () => {
    const file = join(folder, 'weights.bin')
    writeFileSync(file, new Uint8Array(1000).fill(3))
    const before = await get(fileFingerprint(file))
    expect(await get(fileFingerprint(new Uint8Array(readFileSync(file))))).toBe(before)
    writeFileSync(file, new Uint8Array(1000).fill(3).with(999, 4))
    expect(await get(fileFingerprint(file))).not.toBe(before)
    expect(leftOf(await fileFingerprint(join(folder, 'none'))())).toMatchObject({ code: 'ENOENT' })
  })
})
