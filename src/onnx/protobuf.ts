/** The wire format of Protocol Buffers (https://protobuf.dev/programming-guides/encoding), as far as writing a message needs it. */
import { encodeUtf8 } from '../core/utf8.ts'

const VARINT = 0
const LENGTH_DELIMITED = 2

/** Seven bits a byte, the lowest first; a negative number is its two's complement of 64 bits. */
export const varint = (n: number | bigint): Uint8Array => {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(n))
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}

/** A message in the making: its fields in the order in which they are written. Large fields are held, and copied once, at the end. */
export class Message {
  readonly #parts: (Uint8Array | Message)[] = []
  #length = 0

  /** Bytes of the message. */
  get length(): number {
    return this.#length
  }

  #push(part: Uint8Array | Message): void {
    this.#parts.push(part)
    this.#length += part.length
  }

  #tag(field: number, wireType: number): void {
    this.#push(varint(field * 8 + wireType))
  }

  integer(field: number, n: number | bigint): this {
    this.#tag(field, VARINT)
    this.#push(varint(n))
    return this
  }

  bytes(field: number, data: Uint8Array): this {
    this.#tag(field, LENGTH_DELIMITED)
    this.#push(varint(data.length))
    if (data.length > 0) this.#push(data)
    return this
  }

  text(field: number, s: string): this {
    return this.bytes(field, encodeUtf8(s))
  }

  /** A message as a field; it must be complete, as its length is written now. */
  message(field: number, inner: Message): this {
    this.#tag(field, LENGTH_DELIMITED)
    this.#push(varint(inner.length))
    this.#push(inner)
    return this
  }

  /** The message itself. */
  encode(): Uint8Array {
    const out = new Uint8Array(this.#length)
    this.#copyTo(out, 0)
    return out
  }

  #copyTo(out: Uint8Array, from: number): number {
    return this.#parts.reduce((at, part) => {
      if (part instanceof Message) return part.#copyTo(out, at)
      out.set(part, at)
      return at + part.length
    }, from)
  }
}
