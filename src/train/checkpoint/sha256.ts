/** SHA-256, by whichever implementation the platform has: Web Crypto's runs beside the program. */
import { nodeModule } from '../../io/platform.ts'
import { fail } from '../attempt.ts'

interface Host {
  readonly crypto?: {
    readonly subtle?: { digest(algorithm: 'SHA-256', bytes: Uint8Array): Promise<ArrayBuffer> }
  }
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** The checksum of bytes, in hexadecimal. `what` is for the message where the platform has no implementation. */
export const sha256 = async (bytes: Uint8Array, what: string): Promise<string> => {
  const subtle = (globalThis as unknown as Host).crypto?.subtle
  // Shared memory is refused by Web Crypto.
  const own = bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice()
  if (subtle !== undefined) return hex(new Uint8Array(await subtle.digest('SHA-256', own)))
  const hash = nodeModule('node:crypto')?.createHash('sha256')
  if (hash !== undefined) return hash.update(own).digest('hex')
  return fail({
    _tag: 'Access',
    source: what,
    code: 'NO_CRYPTO',
    message: `${what}: there is no SHA-256 here. Browsers have it on pages that come by https, or from localhost.`,
  })
}
