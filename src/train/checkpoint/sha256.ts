/** SHA-256, using the platform's implementation. */
import { joinBytes } from '../../core/bytes.ts'
import { nodeModule } from '../../io/platform.ts'
import { fail } from '../attempt.ts'

interface Host {
  readonly crypto?: {
    readonly subtle?: { digest(algorithm: 'SHA-256', bytes: Uint8Array): Promise<ArrayBuffer> }
  }
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** A checksum of bytes that are added piece by piece. */
interface Digest {
  readonly add: (bytes: Uint8Array) => void
  /** In hexadecimal. */
  readonly sum: () => Promise<string>
}

/**
 * Node's takes bytes piece by piece; Web Crypto's needs all at once. `what` is for the error message if the platform has
 * neither.
 */
export const digestOf = (what: string): Digest => {
  const hash = nodeModule('node:crypto')?.createHash('sha256')
  if (hash !== undefined)
    return { add: (bytes) => void hash.update(bytes), sum: () => Promise.resolve(hash.digest('hex')) }
  const subtle = (globalThis as unknown as Host).crypto?.subtle
  const parts: Uint8Array[] = []
  return {
    add: (bytes) => void parts.push(bytes),
    sum: async () => {
      // Web Crypto refuses shared memory, but joining copies it.
      if (subtle !== undefined) return hex(new Uint8Array(await subtle.digest('SHA-256', joinBytes(parts))))
      return fail({
        _tag: 'Access',
        source: what,
        code: 'NO_CRYPTO',
        message: `${what}: there is no SHA-256 here. Browsers have it on pages that come by https, or from localhost.`,
      })
    },
  }
}

/** The checksum of bytes, in hexadecimal. */
export const sha256 = (bytes: Uint8Array, what: string): Promise<string> => {
  const digest = digestOf(what)
  digest.add(bytes)
  return digest.sum()
}
