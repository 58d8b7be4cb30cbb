/** A small hub on this machine, with what `@huggingface/hub` asks of one: commits, lists, and files by ranges. */
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FakeHub {
  readonly url: string
  /** Paths that were asked for, with the range and the authorization. */
  readonly requests: { readonly path: string; readonly range: string | undefined; readonly token: string | undefined }[]
  /** Breaks the connection after so many bytes of the next large file. */
  breakAfter: number | null
  /** Sends other bytes than were listed. */
  corrupt: boolean
  readonly close: () => Promise<void>
}

export const COMMIT = 'c0ffee'.padEnd(40, '0')

const entryOf = (path: string, content: Uint8Array) => {
  const sha256 = createHash('sha256').update(content).digest('hex')
  const oid = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
  const entry = { type: 'file', path, size: content.length, oid }
  return path.endsWith('.safetensors')
    ? { ...entry, lfs: { oid: sha256, size: content.length, pointerSize: 130 } }
    : entry
}

export const startHub = async (files: ReadonlyMap<string, Uint8Array>): Promise<FakeHub> => {
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '').split('?')[0]!)
    const { range, authorization } = request.headers
    hub.requests.push({ path, range, token: authorization })
    const json = (value: unknown): void => {
      response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
    }
    if (path === '/api/models/some/model/revision/main') {
      json({ _id: '1', id: 'some/model', lastModified: '2026-01-01', sha: COMMIT })
      return
    }
    if (path === `/api/models/some/model/tree/${COMMIT}`) {
      json([...files].map(([name, content]) => entryOf(name, content)))
      return
    }
    const name = path.replace(`/some/model/resolve/${COMMIT}/`, '')
    const content = files.get(name)
    if (content === undefined) {
      response.writeHead(404, { 'x-error-code': 'RepoNotFound' }).end('{"error":"Repository not found"}')
      return
    }
    const [start, end] = /bytes=(\d+)-(\d*)/.exec(range ?? 'bytes=0-')!.slice(1)
    const last = end === '' ? content.length - 1 : Math.min(Number(end), content.length - 1)
    const part = content.slice(Number(start), last + 1)
    if (hub.corrupt && part.length > 1) part[part.length - 1]! ^= 1
    response.writeHead(range === undefined ? 200 : 206, {
      etag: `"${entryOf(name, content).oid}"`,
      'content-range': `bytes ${start}-${last}/${content.length}`,
      'content-length': part.length,
    })
    if (hub.breakAfter === null || part.length <= hub.breakAfter) {
      response.end(part)
      return
    }
    response.write(part.slice(0, hub.breakAfter), () => {
      response.destroy()
    })
    hub.breakAfter = null
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const hub: FakeHub = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    breakAfter: null,
    corrupt: false,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => {
          resolve()
        })
      }),
  }
  return hub
}
