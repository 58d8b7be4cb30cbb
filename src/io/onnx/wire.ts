/** Protocol Buffers' wire format (https://protobuf.dev/programming-guides/encoding/), read from a source without its payloads. */
import { malformed, run } from '../errors.ts'
import type { ByteSource } from '../source.ts'

/** A field of a message; for a length-delimited one, where its payload is. */
export interface WireField {
  readonly number: number
  readonly type: 'varint' | 'fixed64' | 'bytes' | 'fixed32'
  /** A varint's value, modulo 2^64. */
  readonly value: bigint
  readonly start: number
  readonly end: number
}

const WINDOW = 1 << 16
/** The longest encoding of a 64-bit number. */
const VARINT = 10

/** A varint among bytes: its value, and where the next field begins; null if it does not end there. */
export const varintAt = (bytes: Uint8Array, at: number): readonly [value: bigint, next: number] | null => {
  let value = 0n
  for (let i = 0; i < VARINT; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return null
    value |= BigInt(byte & 127) << BigInt(7 * i)
    if (byte < 128) return [BigInt.asUintN(64, value), at + i + 1]
  }
  return null
}

/** Reads fields of messages; payloads are skipped without being read. */
export class WireReader {
  readonly #input: ByteSource
  readonly #size: number
  readonly #format: string
  #window = new Uint8Array(0)
  #windowStart = 0

  constructor(input: ByteSource, size: number, format: string) {
    this.#input = input
    this.#size = size
    this.#format = format
  }

  fault(at: number, what: string): never {
    return malformed(this.#format, this.#input.name, at, what)
  }

  /** The bytes from `at` to `end`, which must be few. */
  async bytes(at: number, end: number): Promise<Uint8Array> {
    const has = at >= this.#windowStart && end <= this.#windowStart + this.#window.length
    if (!has) {
      const length = Math.min(Math.max(WINDOW, end - at), this.#size - at)
      this.#window = new Uint8Array(await run(this.#input.read(at, length)))
      this.#windowStart = at
    }
    return this.#window.subarray(at - this.#windowStart, end - this.#windowStart)
  }

  async #varint(at: number, end: number): Promise<readonly [value: bigint, next: number]> {
    const stop = Math.min(at + VARINT, end)
    const found = varintAt(await this.bytes(at, stop), 0)
    return found === null ? this.fault(at, 'a number does not end') : [found[0], at + found[1]]
  }

  async #field(at: number, end: number): Promise<WireField> {
    const [tag, start] = await this.#varint(at, end)
    const number = Number(tag >> 3n)
    if (number < 1 || number >= 2 ** 29) this.fault(at, `${number} is not a field's number`)
    const fixed = (type: 'fixed64' | 'fixed32', bytes: number): WireField => {
      if (start + bytes > end) this.fault(at, 'a number goes beyond its message')
      return { number, type, value: 0n, start, end: start + bytes }
    }
    switch (Number(tag & 7n)) {
      case 0: {
        const [value, next] = await this.#varint(start, end)
        return { number, type: 'varint', value, start, end: next }
      }
      case 1:
        return fixed('fixed64', 8)
      case 2: {
        const [length, from] = await this.#varint(start, end)
        if (length > BigInt(end - from)) this.fault(at, `a field of ${length} bytes goes beyond its message`)
        return { number, type: 'bytes', value: length, start: from, end: from + Number(length) }
      }
      case 5:
        return fixed('fixed32', 4)
      default:
        return this.fault(at, `a field of type ${tag & 7n} is not known`)
    }
  }

  /** The fields of the message between two bytes. */
  async *fields(start: number, end: number): AsyncGenerator<WireField> {
    for (let at = start; at < end;) {
      const field = await this.#field(at, end)
      yield field
      at = field.end
    }
  }
}
