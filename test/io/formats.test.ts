/** Files recorded by other libraries (record.py), read from paths, bytes, blobs and servers. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { NDArray } from 'pullback'
import { openGguf, openOnnx, openPytorch, openTensors, readNpy, readTensors, urlSource } from 'pullback/io'
import type { Readable, TensorFile } from 'pullback/io'
import { toHost } from '../../src/trace/value.ts'
import { bytesOf, expectedOf, get, leftOf, pathOf, recordedFiles } from './support/recorded.ts'

/** Shape, dtype, and the elements' bytes: bit for bit, NaNs included. */
const described = (x: NDArray) => {
  const { data } = toHost(x, 'test')
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  return { shape: [...x.shape], dtype: x.dtype, data: bytes.toString('base64') }
}

const open = async (name: string, from: Readable): Promise<TensorFile> => {
  if (!name.endsWith('.npy')) return get(openTensors(from))
  const array = await get(readNpy(from))
  const info = { name: 'one', dtype: '', shape: array.shape, offset: 0, bytes: 0 }
  return {
    format: 'npy',
    source: '',
    tensors: new Map([['one', info]]),
    metadata: new Map(),
    read: () => () => Promise.resolve({ _tag: 'Right', right: array }),
    readBytes: () => () => Promise.resolve({ _tag: 'Right', right: new Uint8Array(0) }),
  }
}

const check = async (name: string, from: Readable): Promise<void> => {
  const file = await open(name, from)
  const expected = expectedOf(name)
  const arrays = await get(readTensors(file))
  const found = Object.fromEntries(Object.entries(arrays).map(([key, x]) => [key, described(x)]))
  expect(found).toEqual(expected.tensors)
  for (const [key, value] of Object.entries(expected.metadata ?? {})) expect(file.metadata.get(key)).toEqual(value)
}

describe.each(recordedFiles)('%s', (name) => {
  test('from a path', () => check(name, pathOf(name)))
  test('from a file: URL', () => (name === 'external.onnx' ? undefined : check(name, pathToFileURL(pathOf(name)))))
  test('from bytes', () => (name === 'external.onnx' ? undefined : check(name, bytesOf(name))))
  test('from a Blob', () => (name === 'external.onnx' ? undefined : check(name, new Blob([bytesOf(name)]))))
})

describe('over HTTP', () => {
  const serve = async (ranges: boolean, use: (url: string, sent: () => number) => Promise<void>): Promise<void> => {
    let sent = 0
    const server = createServer((request, response) => {
      if (request.url === '/missing') {
        response.writeHead(404).end()
        return
      }
      const bytes = bytesOf(request.url!.slice(1))
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
      if (range === null || !ranges) {
        sent += bytes.length
        response.end(bytes)
        return
      }
      const [start, end] = [Number(range[1]), Number(range[2])]
      const part = bytes.subarray(start, end + 1)
      sent += part.length
      response.writeHead(206, { 'content-range': `bytes ${start}-${start + part.length - 1}/${bytes.length}` })
      response.end(part)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, () => sent)
    } finally {
      server.close()
    }
  }

  test.each(['all.safetensors', 'all.gguf', 'deflated.npz', 'all.onnx', 'state.pth'])('%s by ranges', (name) =>
    serve(true, (url) => check(name, `${url}/${name}`)),
  )

  test('a server without ranges is read whole, once', () =>
    serve(false, async (url, sent) => {
      await check('all.safetensors', `${url}/all.safetensors`)
      expect(sent()).toBe(bytesOf('all.safetensors').length)
    }))

  test('one tensor costs its own bytes and the header', () =>
    serve(true, async (url, sent) => {
      const file = await get(openTensors(`${url}/all.gguf`))
      const before = sent()
      await get(file.read('Q8_0'))
      expect(sent() - before).toBe(file.tensors.get('Q8_0')!.bytes)
    }))

  test('a status that is not a success, and no server at all, are errors', async () => {
    await serve(true, async (url) => {
      expect(leftOf(await openTensors(`${url}/missing`)())).toMatchObject({ _tag: 'Access', code: 'HTTP 404' })
    })
    const refused = leftOf(await openTensors('http://127.0.0.1:1/x')())
    expect(refused).toMatchObject({ _tag: 'Access', source: 'http://127.0.0.1:1/x' })
  })

  test('headers and fetch may be given', () =>
    serve(true, async (url) => {
      const seen: string[] = []
      const source = urlSource(`${url}/all.onnx`, {
        headers: { authorization: 'Bearer x' },
        fetch: async (address, init) => {
          seen.push(init.headers['authorization']!)
          return fetch(address, init)
        },
      })
      await get(openTensors(source))
      expect(new Set(seen)).toEqual(new Set(['Bearer x']))
    }))
})

describe('what is told of tensors', () => {
  test('dtype conversion on reading', async () => {
    const file = await get(openTensors(pathOf('all.safetensors')))
    expect((await get(file.read('f32', { dtype: 'bfloat16' }))).dtype).toBe('bfloat16')
    expect((await get(file.read('i64', { dtype: 'float64' }))).toArray()).toContain(-3 * 2 ** 40)
  })

  test('a name that is not there', async () => {
    const file = await get(openTensors(pathOf('all.onnx')))
    expect(leftOf(await file.read('weight')())).toMatchObject({ _tag: 'Missing', name: 'weight' })
  })

  test('bytes of a tensor as they stand in the file', async () => {
    const file = await get(openGguf(pathOf('all.gguf')))
    expect((await get(file.readBytes('Q4_K'))).length).toBe(6 * 2 * 144)
    expect(file.tensors.get('Q4_K')).toMatchObject({ dtype: 'Q4_K', shape: [6, 512] })
  })

  test('metadata of GGUF', async () => {
    const { metadata } = await get(openGguf(pathOf('all.gguf')))
    expect(Object.fromEntries(metadata)).toMatchObject({
      'general.architecture': 'llama',
      'a.u32': 7,
      'a.i64': -(2n ** 60n),
      'a.f32': Math.fround(1e-5),
      'a.f64': 0.1,
      'a.bool': true,
      'a.string': '中文 😀',
      'a.strings': ['x', '', 'é'],
      'a.numbers': [1, -2, 3],
    })
  })

  test('a pickle that would run something is refused by name, and runs nothing', async () => {
    expect(leftOf(await openPytorch(pathOf('evil.pth'))())).toMatchObject({
      _tag: 'Unsupported',
      message: expect.stringMatching(/builtin.*\.print/) as string,
    })
  })

  test('weights outside of the directory of a model are refused', async () => {
    const text = Buffer.from(bytesOf('external.onnx')).toString('latin1').replaceAll('external.bin', '../../ab.bin')
    const file = await get(openOnnx(Buffer.from(text, 'latin1'), { external: () => new Uint8Array(100) }))
    expect(leftOf(await file.read('twice')())).toMatchObject({ _tag: 'Malformed', format: 'onnx' })
  })
})
