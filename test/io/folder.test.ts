/** Folders of models: directories, addresses, the hub, files at hand; weights in several files. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { np } from 'pullback'
import { encodeSafetensors, openFolder, openModel, openTensors } from 'pullback/io'
import type { IoError } from 'pullback/io'
import { get } from './support/recorded.ts'
import { COMMIT, startHub } from './support/hub.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

const first = { 'layer.0.weight': np.array([[1, 2]]), 'layer.0.bias': np.array([3]) }
const second = { 'layer.1.weight': np.array([[4, 5]]) }
const indexText = JSON.stringify({
  metadata: { total_size: 20 },
  weight_map: {
    'layer.0.weight': 'model-00001-of-00002.safetensors',
    'layer.0.bias': 'model-00001-of-00002.safetensors',
    'layer.1.weight': 'model-00002-of-00002.safetensors',
  },
})
const sharded = new Map([
  ['config.json', encode('{"model_type":"bert"}')],
  ['tokenizer.json', encode('{"version":"1.0"}')],
  ['chat_template.jinja', encode('{{ messages }}')],
  ['model.safetensors.index.json', encode(indexText)],
  ['model-00001-of-00002.safetensors', encodeSafetensors(first)],
  ['model-00002-of-00002.safetensors', encodeSafetensors(second)],
])
const with_ = (name: string, content: string | Uint8Array): ReadonlyMap<string, Uint8Array> =>
  new Map([...sharded, [name, typeof content === 'string' ? encode(content) : content]])

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pullback-folder-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true })
})

const errorOf = async (from: Parameters<typeof openModel>[0]): Promise<IoError> => {
  const result = await openModel(from)()
  if (result._tag === 'Right') throw new Error('it opened')
  return result.left
}

const expectModel = async (from: Parameters<typeof openModel>[0]): Promise<void> => {
  const model = await get(openModel(from))
  expect(model.config).toEqual({ model_type: 'bert' })
  expect(model.tokenizer).toEqual({ version: '1.0' })
  expect(model.tokenizerConfig).toBeNull()
  expect(model.chatTemplate).toBe('{{ messages }}')
  expect([...model.weights.tensors.keys()].sort()).toEqual(['layer.0.bias', 'layer.0.weight', 'layer.1.weight'])
  expect((await get(model.weights.read('layer.1.weight'))).toArray()).toEqual([[4, 5]])
  expect(await get(model.weights.readBytes('layer.0.bias'))).toHaveLength(4)
}

describe('a model opens as one value', () => {
  test('from files at hand', () => expectModel(sharded))

  test('from a directory, by path and by address', async () => {
    for (const [name, content] of sharded) writeFileSync(join(directory, name), content)
    await expectModel(directory)
    await expectModel(pathToFileURL(directory))
    const index = await get(openTensors(join(directory, 'model.safetensors.index.json')))
    expect(index.tensors.size).toBe(3)
  })

  test('from one file of weights of another name, if there is only one', async () => {
    const files = new Map([['config.json', encode('{}')] as const, ['weights.safetensors', encodeSafetensors(first)]])
    expect((await get(openModel(files))).weights.tensors.size).toBe(2)
    files.set('more.safetensors', encodeSafetensors(second))
    expect((await errorOf(files)).message).toContain('weights.safetensors, more.safetensors')
  })
})

describe('what is wrong is a Left that says what and where', () => {
  test.each([
    ['no folder', 'nowhere/at/all', 'there is no config.json'],
    ['no weights', new Map([['config.json', encode('{}')]]), 'there are no weights'],
    ['broken JSON', with_('config.json', '{"a": }'), 'config.json: not json'],
    ['JSON that is not an object', with_('tokenizer.json', '[1]'), 'it is not an object'],
    ['bytes that are not text', with_('tokenizer.json', new Uint8Array([0xff, 0xfe])), 'it is not UTF-8'],
    ['an index without a map', with_('model.safetensors.index.json', '{"weight": 1}'), 'it has no weight_map'],
    [
      'a shard outside of the folder',
      with_('model.safetensors.index.json', '{"weight_map": {"a": "../secret.safetensors"}}'),
      '\'a\' is in "../secret.safetensors", which is not a file of the folder',
    ],
    [
      'a shard that is not there',
      with_('model.safetensors.index.json', '{"weight_map": {"a": "b.safetensors"}}'),
      'there is no b.safetensors',
    ],
    [
      'a tensor that is not in its shard',
      with_('model.safetensors.index.json', indexText.replace('layer.1.weight', 'layer.2.weight')),
      "'layer.2.weight' is not in model-00002-of-00002.safetensors",
    ],
    [
      'a tensor that the index does not know',
      with_('model-00002-of-00002.safetensors', encodeSafetensors({ ...second, more: np.zeros([1]) })),
      "has 'more', which is not said of it",
    ],
    [
      'a name that stands twice',
      with_('model.safetensors.index.json', '{"weight_map": {"a": "x", "a": "y"}}'),
      'stands twice',
    ],
  ])('%s', async (_, from, message) => {
    expect((await errorOf(from)).message).toContain(message)
  })

  test.each(['../x', '/etc/passwd', 'a/../../b', 'C:\\x', '', 'a\0b'])('the name %j leads out', async (name) => {
    const result = await openFolder(directory).open(name)()
    expect(result).toMatchObject({ _tag: 'Left', left: { _tag: 'Access', code: 'EACCES' } })
  })

  test('an index of bytes cannot know its neighbours', async () => {
    const result = await openTensors(encode(indexText))()
    expect(result).toMatchObject({ _tag: 'Left', left: { _tag: 'Unsupported', format: 'index' } })
  })
})

describe('the hub', () => {
  const withHub = async (f: (hub: Awaited<ReturnType<typeof startHub>>) => Promise<void>): Promise<void> => {
    const hub = await startHub(sharded)
    try {
      await f(hub)
    } finally {
      await hub.close()
    }
  }
  const root = (): string => join(directory, 'models--some--model')

  test('files come into the cache, and are not fetched again', () =>
    withHub(async (hub) => {
      const options = { hubUrl: hub.url, cacheDir: directory, token: 'hf_secret' }
      const seen: string[] = []
      const model = await get(
        openModel('hf:some/model', {
          ...options,
          onProgress: ({ name, bytes, total }) => seen.push(`${name} ${bytes}/${total}`),
        }),
      )
      expect(model.weights.tensors.size).toBe(3)
      expect(seen).toContain('config.json 21/21')
      expect(hub.requests.every(({ token }) => token === 'Bearer hf_secret')).toBe(true)
      expect(readFileSync(join(root(), 'refs', 'main'), 'utf8')).toBe(COMMIT)
      expect(readdirSync(join(root(), 'snapshots', COMMIT)).sort()).toEqual([...sharded.keys()].sort())
      expect(readdirSync(join(root(), 'blobs'))).toHaveLength(sharded.size)
      hub.requests.length = 0
      await get(openModel(`hf:some/model@${COMMIT}`, options))
      expect(hub.requests.filter(({ path }) => path.includes('resolve'))).toEqual([])
    }))

  test('without a network the cache does', () =>
    withHub(async (hub) => {
      await get(openModel('hf:some/model', { hubUrl: hub.url, cacheDir: directory }))
      vi.stubEnv('HF_HUB_OFFLINE', '1')
      try {
        hub.requests.length = 0
        expect((await get(openModel('hf:some/model', { cacheDir: directory }))).weights.tensors.size).toBe(3)
        expect(hub.requests).toEqual([])
        const absent = await openModel('hf:some/other', { cacheDir: directory })()
        expect(absent).toMatchObject({ _tag: 'Left', left: { _tag: 'Access', code: 'ENOENT' } })
      } finally {
        vi.unstubAllEnvs()
      }
    }))

  test('a broken connection is gone on from', () =>
    withHub(async (hub) => {
      const options = { hubUrl: hub.url, cacheDir: directory }
      const name = 'model-00001-of-00002.safetensors'
      const folder = openFolder('hf:some/model', options)
      await get(folder.list)
      hub.breakAfter = 40
      const broken = await folder.open(name)()
      expect(broken._tag).toBe('Left')
      const draft = join(
        root(),
        'blobs',
        readdirSync(join(root(), 'blobs')).find((f) => f.endsWith('.incomplete'))!,
      )
      const there = statSync(draft).size
      expect(there).toBeGreaterThan(0)
      expect(existsSync(join(root(), 'snapshots', COMMIT, name))).toBe(false)
      hub.requests.length = 0
      const source = await get(folder.open(name))
      expect(hub.requests.map(({ range }) => range)).toContain(`bytes=${there}-${sharded.get(name)!.length - 1}`)
      expect(await get(source!.read(0, sharded.get(name)!.length))).toEqual(sharded.get(name))
      expect(readdirSync(join(root(), 'blobs')).some((f) => f.endsWith('.incomplete'))).toBe(false)
    }))

  test('wrong bytes are not kept', () =>
    withHub(async (hub) => {
      hub.corrupt = true
      for (const name of ['config.json', 'model-00001-of-00002.safetensors']) {
        const result = await openFolder('hf:some/model', { hubUrl: hub.url, cacheDir: directory }).open(name)()
        expect(result).toMatchObject({ _tag: 'Left', left: { _tag: 'Access', code: 'ECHECKSUM' } })
        expect(readdirSync(join(root(), 'blobs'))).toEqual([])
      }
    }))

  test('what is not there, and what is not a name', () =>
    withHub(async (hub) => {
      const options = { hubUrl: hub.url, cacheDir: directory }
      expect(await get(openFolder('hf:some/model', options).open('other.json'))).toBeNull()
      expect(await openModel('hf:no/model', options)()).toMatchObject({ _tag: 'Left', left: { code: 'HTTP 404' } })
      for (const name of ['hf:', 'hf:../x', 'hf:a/b/c', 'hf:a/b@..']) {
        expect(await openModel(name, options)()).toMatchObject({ _tag: 'Left', left: { code: 'EINVAL' } })
      }
    }))
})
