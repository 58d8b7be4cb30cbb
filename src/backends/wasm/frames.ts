import type { Range } from './allocator.ts'

/**
 * Memory for the calls in progress: one range for each depth, as calls nest (a program may call back into JavaScript, which
 * may call programs), as large as any call at that depth has needed. All programs share them, so that they stay in the cache,
 * and nothing is allocated once they are large enough.
 */
export class Frames {
  readonly #allocate: (bytes: number) => Range | null
  readonly #free: (range: Range) => void
  readonly #ranges: (Range | null)[] = []
  #depth = 0

  constructor(allocate: (bytes: number) => Range | null, free: (range: Range) => void) {
    this.#allocate = allocate
    this.#free = free
  }

  /** A range of at least this many bytes, until `leave`; null, without a `leave`, if there is no memory. */
  enter(bytes: number): Range | null {
    const known = this.#ranges[this.#depth] ?? null
    const range = known !== null && known.requested >= bytes ? known : this.#replace(known, bytes)
    if (range !== null) this.#depth++
    return range
  }

  leave(): void {
    this.#depth--
  }

  #replace(known: Range | null, bytes: number): Range | null {
    if (known !== null) this.#free(known)
    this.#ranges[this.#depth] = null
    const range = this.#allocate(bytes)
    this.#ranges[this.#depth] = range
    return range
  }

  /** Frees frames that no call uses. Returns whether there were any. */
  relieve(): boolean {
    const idle = this.#ranges.splice(this.#depth).filter((range) => range !== null)
    for (const range of idle) this.#free(range)
    return idle.length > 0
  }
}
