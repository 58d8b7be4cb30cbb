/** SHA-256 (FIPS 180-4) of a text, at once and wherever JavaScript runs: Web Crypto's is asynchronous. */
import { encodeUtf8 } from '../core/utf8.ts'

const isPrime = (n: number): boolean => {
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false
  return true
}

const primes = (count: number): readonly number[] => {
  const found: number[] = []
  for (let n = 2; found.length < count; n++) if (isPrime(n)) found.push(n)
  return found
}

/** The first 32 bits of the fraction of a root. */
const fraction = (root: number): number => Math.floor((root - Math.floor(root)) * 2 ** 32)

const roundConstants = Int32Array.from(primes(64), (p) => fraction(Math.cbrt(p)))
const initialState = Int32Array.from(primes(8), (p) => fraction(Math.sqrt(p)))

const rotate = (x: number, bits: number): number => (x >>> bits) | (x << (32 - bits))

/** The message, a one bit, zeros, and its length in bits: a whole number of blocks of 64 bytes. */
const padded = (message: Uint8Array): DataView => {
  const bytes = new Uint8Array(Math.ceil((message.length + 9) / 64) * 64)
  bytes.set(message)
  bytes[message.length] = 0x80
  const view = new DataView(bytes.buffer)
  view.setBigUint64(bytes.length - 8, BigInt(message.length) * 8n)
  return view
}

/** The 64 words of a block: its own 16, and mixtures of earlier ones. */
const schedule = (words: Int32Array, message: DataView, offset: number): void => {
  for (let t = 0; t < 16; t++) words[t] = message.getInt32(offset + 4 * t)
  for (let t = 16; t < 64; t++) {
    const [early, late] = [words[t - 15]!, words[t - 2]!]
    const sigma0 = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3)
    const sigma1 = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10)
    words[t] = words[t - 16]! + sigma0 + words[t - 7]! + sigma1
  }
}

/** Mixes a block's words into the state. */
const compress = (state: Int32Array, words: Int32Array): void => {
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state
  for (let t = 0; t < 64; t++) {
    const choice = (e & f) ^ (~e & g)
    const majority = (a & b) ^ (a & c) ^ (b & c)
    const t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + choice + roundConstants[t]! + words[t]!
    const t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + majority
    ;[h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0]
  }
  ;[a, b, c, d, e, f, g, h].forEach((x, i) => (state[i]! += x))
}

/** The hash of a text in UTF-8, in 64 hexadecimal digits. */
export const sha256 = (text: string): string => {
  const message = padded(encodeUtf8(text))
  const [state, words] = [initialState.slice(), new Int32Array(64)]
  for (let offset = 0; offset < message.byteLength; offset += 64) {
    schedule(words, message, offset)
    compress(state, words)
  }
  return Array.from(state, (x) => (x >>> 0).toString(16).padStart(8, '0')).join('')
}
