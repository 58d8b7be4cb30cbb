/** A growing array of bytes, and the encodings that WebAssembly's binary format uses. */
export class Bytes {
  #data: Uint8Array
  #length = 0

  constructor(capacity = 256) {
    this.#data = new Uint8Array(capacity)
  }

  get length(): number {
    return this.#length
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#data.length) return
    const grown = new Uint8Array(Math.max(this.#data.length * 2, this.#length + count))
    grown.set(this.#data.subarray(0, this.#length))
    this.#data = grown
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#data[this.#length++] = value
  }

  append(values: readonly number[] | Uint8Array): void {
    this.#reserve(values.length)
    this.#data.set(values, this.#length)
    this.#length += values.length
  }

  /** Unsigned LEB128. */
  u32(value: number): void {
    let rest = value >>> 0
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.byte(rest)
  }

  /** Signed LEB128 of 32 bits. */
  s32(value: number): void {
    let rest = value | 0
    for (;;) {
      const low = rest & 0x7f
      rest >>= 7
      const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)
      this.byte(done ? low : low | 0x80)
      if (done) return
    }
  }

  /** Signed LEB128 of 64 bits. */
  s64(value: bigint): void {
    let rest = BigInt.asIntN(64, value)
    for (;;) {
      const low = Number(rest & 0x7fn)
      rest >>= 7n
      const done = (rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0)
      this.byte(done ? low : low | 0x80)
      if (done) return
    }
  }

  /** A vector: its byte count, then the bytes. */
  sized(inner: Bytes): void {
    this.u32(inner.length)
    this.append(inner.view())
  }

  name(text: string): void {
    const bytes = Array.from(text, (c) => c.charCodeAt(0))
    this.u32(bytes.length)
    this.append(bytes)
  }

  /** The bytes so far; valid until more are written. */
  view(): Uint8Array {
    return this.#data.subarray(0, this.#length)
  }

  finish(): Uint8Array {
    return this.#data.slice(0, this.#length)
  }
}

const written = (write: (to: Bytes) => void): readonly number[] => {
  const bytes = new Bytes(12)
  write(bytes)
  return Array.from(bytes.view())
}

const smallNumbers = Array.from({ length: 4096 }, (_, n) =>
  written((to) => {
    to.u32(n)
  }),
)

/** Unsigned LEB128. */
export const u32Bytes = (value: number): readonly number[] =>
  smallNumbers[value] ??
  written((to) => {
    to.u32(value)
  })

/** Signed LEB128 of 32 bits. */
export const s32Bytes = (value: number): readonly number[] =>
  value >= 0 && value < 64
    ? smallNumbers[value]!
    : written((to) => {
        to.s32(value)
      })

/** Signed LEB128 of 64 bits. */
export const s64Bytes = (value: bigint): readonly number[] =>
  written((to) => {
    to.s64(value)
  })
