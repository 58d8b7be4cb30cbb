/** Files on servers, by HTTP ranges (RFC 9110, section 14): only what is read is fetched. */
import * as must from '../conversions/arguments.ts'
import { fail, accessError, attempt } from './errors.ts'
import { checkRange } from './memory.ts'
import type { Fetch, ResponseLike } from './platform.ts'
import { platformFetch } from './platform.ts'
import type { ByteSource } from './source.ts'

/** Options of `urlSource`. */
export interface UrlOptions {
  /** Sent with each request, for example an authorization. */
  readonly headers?: { readonly [name: string]: string }
  /** The platform's `fetch` by default. */
  readonly fetch?: Fetch
}

const httpFault = (url: string, code: string, what: string): never =>
  fail({ _tag: 'Access', source: url, code, message: `${url}: ${what}` })

/** The size in `Content-Range: bytes 0-0/SIZE`. */
const totalOf = (response: ResponseLike): number | null => {
  const match = /^bytes \d+-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '')
  return match === null ? null : Number(match[1])
}

const urlOptions: must.OptionTable<UrlOptions> = {
  headers: must.recordOf(must.string, 'an object of strings'),
  fetch: must.func,
}
const urlSourceDoor = must.door('urlSource', { url: must.string, options: must.optionsOf(urlOptions) })

/**
 * A URL as a source. If the server does not support ranges, the file is read completely, once.
 *
 * @param options - headers, and the `fetch` to use.
 * @example
 * ```ts
 * import { urlSource } from 'pullback/io'
 * // A server that knows ranges, in memory.
 * const bytes = Uint8Array.of(10, 20, 30, 40)
 * const fetch = async (_url: string, { headers }: { headers: { readonly [name: string]: string } }) => {
 *   const [first, last] = headers['range']!.replace('bytes=', '').split('-').map(Number)
 *   const part = bytes.slice(first, last! + 1)
 *   return new Response(part, { status: 206, headers: { 'content-range': `bytes ${first}-${last}/${bytes.length}` } })
 * }
 * const source = urlSource('https://example.org/data.bin', { fetch, headers: { authorization: 'Bearer token' } })
 * const part = await source.read(1, 2)()
 * part._tag === 'Right' && part.right // => 20,30
 * ```
 */
export const urlSource = (url: string, options: UrlOptions = {}): ByteSource => {
  urlSourceDoor(url, options)
  const { headers = {}, fetch = platformFetch() } = options
  const request = async (range: string): Promise<ResponseLike> => {
    if (fetch === undefined) return httpFault(url, 'NO_FETCH', 'there is no fetch here; hand one over in the options.')
    let response: ResponseLike
    try {
      response = await fetch(url, { headers: { ...headers, range } })
    } catch (error) {
      return fail(accessError(url, error))
    }
    if (response.ok) return response
    return httpFault(url, `HTTP ${response.status}`, `the server answered ${response.status} ${response.statusText}.`)
  }
  const bytesOf = async (response: ResponseLike): Promise<Uint8Array> => {
    try {
      return new Uint8Array(await response.arrayBuffer())
    } catch (error) {
      return fail(accessError(url, error))
    }
  }
  let known: Promise<{ readonly size: number; readonly whole: Uint8Array | null }> | null = null
  const probe = async () => {
    const response = await request('bytes=0-0')
    const size = totalOf(response)
    if (response.status === 206 && size !== null) {
      await response.body?.cancel().catch(() => undefined)
      return { size, whole: null }
    }
    const whole = await bytesOf(response)
    return { size: whole.length, whole }
  }
  const facts = () =>
    (known ??= probe().catch((error: unknown) => {
      // A failure is not cached: the next read tries again.
      known = null
      throw error
    }))
  return {
    name: url,
    size: attempt(async () => (await facts()).size),
    read: (offset, length) =>
      attempt(async () => {
        const { size, whole } = await facts()
        checkRange(url, size, offset, length)
        if (length === 0) return new Uint8Array(0)
        if (whole !== null) return whole.slice(offset, offset + length)
        const bytes = await bytesOf(await request(`bytes=${offset}-${offset + length - 1}`))
        if (bytes.length === length) return bytes
        return httpFault(url, 'EOF', `${length} bytes were asked for from ${offset} on, and ${bytes.length} came.`)
      }),
  }
}
