/**
 * Memory at a fixed address, for the arguments of C. The garbage collector does not see addresses: a buffer that C reads must be referenced
 * until C is done, and must not move, as small typed arrays on V8's heap do.
 */
import { OutOfMemoryError } from '../../core/errors.ts'
import { encodeUtf8 } from '../../core/utf8.ts'
import type { Koffi, Ptr } from './ffi.ts'
import type { Layout } from './layouts.ts'

const HIGH = 2 ** 32

export class Arena {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #base: Ptr
  #used = 0

  constructor(koffi: Koffi, size: number) {
    const memory = new ArrayBuffer(size)
    this.#bytes = new Uint8Array(memory)
    this.#view = new DataView(memory)
    this.#base = Number(koffi.address(this.#bytes))
  }

  /** Runs `body`, then frees what it took. */
  scope<A>(body: () => A): A {
    const mark = this.#used
    try {
      return body()
    } finally {
      this.#used = mark
    }
  }

  /** Takes memory, filled with zeros. */
  take(size: number): Ptr {
    const start = this.#used
    const end = start + ((size + 15) & ~7)
    if (end > this.#bytes.length) {
      throw new OutOfMemoryError(`xla: ${end} bytes of arguments; there is room for ${this.#bytes.length}.`)
    }
    this.#bytes.fill(0, start, end)
    this.#used = end
    return this.#base + start
  }

  setWord(p: Ptr, value: number): void {
    const at = p - this.#base
    this.#view.setUint32(at, value >>> 0, true)
    this.#view.setInt32(at + 4, Math.floor(value / HIGH), true)
  }

  word(p: Ptr): number {
    const at = p - this.#base
    return this.#view.getUint32(at, true) + HIGH * this.#view.getInt32(at + 4, true)
  }

  /** A struct of its size, with these fields set. */
  struct(layout: Layout, values: Readonly<Record<string, number | undefined>>): Ptr {
    const p = this.take(layout.size)
    this.setWord(p, layout.size)
    for (const name in values) this.setField(layout, p, name, values[name] ?? 0)
    return p
  }

  setField({ fields }: Layout, p: Ptr, name: string, value: number): void {
    const { offset, bytes } = fields.get(name)!
    if (bytes === 8) this.setWord(p + offset, value)
    else if (bytes === 4) this.#view.setInt32(p + offset - this.#base, value, true)
    else this.#bytes[p + offset - this.#base] = value
  }

  field({ fields }: Layout, p: Ptr, name: string): number {
    const { offset, bytes } = fields.get(name)!
    if (bytes === 8) return this.word(p + offset)
    const at = p + offset - this.#base
    return bytes === 4 ? this.#view.getInt32(at, true) : this.#bytes[at]!
  }

  words(list: readonly number[]): Ptr {
    const p = this.take(8 * list.length)
    list.forEach((value, i) => {
      this.setWord(p + 8 * i, value)
    })
    return p
  }

  bytes(data: Uint8Array): Ptr {
    const p = this.take(data.length)
    this.#bytes.set(data, p - this.#base)
    return p
  }

  float(value: number): Ptr {
    const p = this.take(4)
    this.#view.setFloat32(p - this.#base, value, true)
    return p
  }

  text(text: string): { readonly p: Ptr; readonly size: number } {
    const data = encodeUtf8(text)
    return { p: this.bytes(data), size: data.length }
  }
}
