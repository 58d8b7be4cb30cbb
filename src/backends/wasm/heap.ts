/** A device's memory: ranges of it, and the elements in them. */
import type { DType, TypedArray } from '../../core/dtype.ts'
import { allocate, bitsOf } from '../../core/dtype.ts'
import type { Range } from './allocator.ts'
import { ALIGNMENT, Allocator } from './allocator.ts'
import { PAGE } from './memoryMap.ts'
import type { WasmMemory } from './platform.ts'

/** The whole memory, seen as elements of each dtype. */
type Views = { readonly [D in DType]: TypedArray }

const viewsOf = (buffer: ArrayBuffer | SharedArrayBuffer): Views => {
  const bytes = new Uint8Array(buffer)
  const halves = new Uint16Array(buffer)
  return {
    bool: bytes,
    uint8: bytes,
    int8: new Int8Array(buffer),
    uint16: halves,
    int16: new Int16Array(buffer),
    float16: halves,
    bfloat16: halves,
    int32: new Int32Array(buffer),
    uint32: new Uint32Array(buffer),
    float32: new Float32Array(buffer),
    int64: new BigInt64Array(buffer),
    uint64: new BigUint64Array(buffer),
    float64: new Float64Array(buffer),
  }
}

/** Up to this many elements, a loop is faster than a call of the engine's copying function. */
const FEW = 16

const GUARD = 0xa5

/**
 * Large ranges begin at different offsets in a page. Processors compare the last 12 bits of addresses first: a loop over four
 * arrays with the same offset takes twice as long.
 */
const LARGE = 2 ** 16
const SPREAD = 4096
/** So that any few neighbours are far apart. */
const STRIDE = 21 * ALIGNMENT

export const bytesOf = (dtype: DType, length: number): number => (length * bitsOf(dtype)) / 8

/** Allocates memory, and copies elements in and out. */
export class Heap {
  readonly #memory: WasmMemory
  readonly #allocator: Allocator
  /** Guard bytes before and after each range, which must not be written. */
  readonly #margin: number
  /** With guards: all ranges in use. */
  readonly #guarded = new Set<Range>()
  /** The offset in its page of the next large range. */
  #place = 0
  #views: Views

  /** From address `start` on; never more than `maxBytes` of memory in all. With `guards`, writes outside ranges are detected. */
  constructor(memory: WasmMemory, start: number, maxBytes: number, guards: boolean) {
    this.#memory = memory
    this.#margin = guards ? ALIGNMENT : 0
    this.#views = viewsOf(memory.buffer)
    this.#allocator = new Allocator(start, maxBytes, (end) => this.#growTo(end))
  }

  #growTo(end: number): boolean {
    const pages = Math.ceil((end - this.#memory.buffer.byteLength) / PAGE)
    if (pages <= 0) return true
    try {
      this.#memory.grow(pages)
    } catch (error) {
      if (error instanceof RangeError) return false
      throw error
    }
    this.#views = viewsOf(this.#memory.buffer)
    return true
  }

  /** Bytes in use. */
  get used(): number {
    return this.#allocator.used
  }

  /** The memory as unsigned words of 32 bits: where pointers are written. */
  get words(): Uint32Array {
    return this.#views.uint32 as Uint32Array
  }

  /** A range of at least this many bytes, or null if there is no more memory. */
  allocate(bytes: number): Range | null {
    const isLarge = bytes >= LARGE
    const range = this.#allocator.allocate(bytes + 2 * this.#margin + (isLarge ? SPREAD - ALIGNMENT : 0))
    if (range === null) return null
    range.requested = bytes
    range.offset = this.#margin + (isLarge ? this.#shift(range.address) : 0)
    if (this.#margin > 0) this.#guard(range)
    return range
  }

  #shift(address: number): number {
    this.#place = (this.#place + STRIDE) % SPREAD
    return (this.#place + SPREAD - (address % SPREAD)) % SPREAD
  }

  free(range: Range): void {
    if (this.#guarded.delete(range)) this.#check(range, 'free')
    this.#allocator.free(range)
  }

  /** The address of a range's own bytes. */
  addressOf(range: Range): number {
    return range.address + range.offset
  }

  /** Writes elements at an address. */
  write(dtype: DType, address: number, data: TypedArray): void {
    // Both are arrays of the same kind; the kind does not matter.
    const view = this.#views[dtype] as Float64Array
    const source = data as Float64Array
    const at = address / view.BYTES_PER_ELEMENT
    if (source.length > FEW) view.set(source, at)
    else for (let i = 0; i < source.length; i++) view[at + i] = source[i]!
  }

  /** A copy of the elements at an address. */
  read(dtype: DType, address: number, length: number): TypedArray {
    const view = this.#views[dtype]
    const at = address / view.BYTES_PER_ELEMENT
    if (length > FEW) return view.slice(at, at + length)
    const data = allocate(dtype, length)
    for (let i = 0; i < length; i++) data[i] = view[at + i]!
    return data
  }

  #guard(range: Range): void {
    const view = this.#views.uint8 as Uint8Array
    const first = this.addressOf(range)
    view.fill(GUARD, range.address, first)
    view.fill(GUARD, first + range.requested, range.end)
    this.#guarded.add(range)
  }

  #check(range: Range, when: string): void {
    const view = this.#views.uint8 as Uint8Array
    const first = this.addressOf(range)
    const last = first + range.requested
    for (let at = range.address; at < range.end; at++) {
      if (at === first) at = last
      if (view[at] === GUARD || at >= range.end) continue
      const place = at < first ? `${first - at} bytes before` : `${at - last} bytes behind`
      throw new Error(`${when}: a write ${place} a block of ${range.requested} bytes at ${first}`)
    }
  }

  /** With guards: throws if something was written outside of the ranges in use. `when` is for the message. */
  checkGuards(when: string): void {
    for (const range of this.#guarded) this.#check(range, when)
  }

  /** Throws if the bookkeeping of the memory is inconsistent. For tests. */
  check(): void {
    this.#allocator.check()
  }
}
