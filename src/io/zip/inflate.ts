/** Inflating (RFC 1951) by the platform, with a bound on the output. */
import { fail, malformed } from '../errors.ts'
import { makeInflater } from '../platform.ts'

/** Deflate expands one byte to at most this many. */
const MOST_PER_BYTE = 1032

/** Inflates to exactly `size` bytes; a fault if there are fewer or more. */
export const inflate = async (
  deflated: Uint8Array,
  size: number,
  source: string,
  offset: number,
): Promise<Uint8Array> => {
  const fault = (what: string): never => malformed('zip', source, offset, what)
  if (size > deflated.length * MOST_PER_BYTE + 64) fault(`${deflated.length} bytes cannot be inflated to ${size}`)
  const inflater = makeInflater()
  if (inflater === undefined) {
    const message = `${source}: there is no DecompressionStream here, which compressed zip files need.`
    return fail({ _tag: 'Access', source, code: 'NO_INFLATE', message })
  }
  const writer = inflater.writable.getWriter()
  const reader = inflater.readable.getReader()
  // The reader reports the same errors of broken input as the writer.
  const written = writer
    .write(deflated)
    .then(() => writer.close())
    .catch(() => undefined)
  const out = new Uint8Array(size)
  let at = 0
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const chunk = part.value!
      if (at + chunk.length > size) break
      out.set(chunk, at)
      at += chunk.length
      if (at === size) {
        const end = await reader.read()
        if (end.done) return out
        at++
        break
      }
    }
    if (size === 0 && at === 0) return out
  } catch {
    fault('what was deflated is damaged')
  } finally {
    await reader.cancel().catch(() => undefined)
    await writer.abort().catch(() => undefined)
    await written
  }
  return fault(at < size ? `it inflates to ${at} bytes, not to ${size}` : `it inflates to more than ${size} bytes`)
}
