/** Allocates ranges of a memory. The free lists are kept outside that memory, so that no stray write can damage them. */

/** Ranges begin at multiples of this many bytes: a cache line. */
export const ALIGNMENT = 64

// Free ranges are kept by size class: sizes up to 16 units of 64 bytes have a class each, then there are 16 classes between
// a power of two and the next (as in TLSF: Masmano, Ripoll, Crespo, Real 2004). Sizes are rounded up to the least of their
// class, by a sixteenth at most, so that any range of a class fits every request of it.
const STEPS = 16
const CLASSES = 24 * STEPS

const exponentOf = (units: number): number => 31 - Math.clz32(units)

const classOf = (units: number): number => {
  if (units < STEPS) return units
  const exponent = exponentOf(units)
  return (exponent - 3) * STEPS + ((units >>> (exponent - 4)) & (STEPS - 1))
}

const roundUp = (bytes: number): number => {
  const units = Math.max(1, Math.ceil(bytes / ALIGNMENT))
  if (units < STEPS) return units * ALIGNMENT
  const step = 1 << (exponentOf(units) - 4)
  return Math.ceil(units / step) * step * ALIGNMENT
}

/** A range of memory. Together, used and free ones cover the heap, and each knows its neighbours. */
export class Range {
  readonly address: number
  size: number
  /** The number of requested bytes. */
  requested = 0
  /** Where they begin, from `address` on. */
  offset = 0
  isFree = false
  below: Range | null = null
  above: Range | null = null
  /** Neighbours in the list of its size class, while it is free. */
  previous: Range | null = null
  next: Range | null = null

  constructor(address: number, size: number) {
    this.address = address
    this.size = size
  }

  get end(): number {
    return this.address + this.size
  }
}

/** Allocation and release in constant time. The last released range is allocated first: it is still in the cache. */
export class Allocator {
  readonly #start: number
  readonly #limit: number
  readonly #grow: (end: number) => boolean
  readonly #heads = new Array<Range | null>(CLASSES).fill(null)
  /** A bit for each class that has free ranges. */
  readonly #nonempty = new Int32Array(CLASSES / 32)
  #top: Range | null = null
  #used = 0

  /** The heap begins at `start` and never extends beyond `limit`; `grow` tries to make memory usable up to an address. */
  constructor(start: number, limit: number, grow: (end: number) => boolean) {
    this.#start = Math.ceil(start / ALIGNMENT) * ALIGNMENT
    this.#limit = Math.floor(limit / ALIGNMENT) * ALIGNMENT
    this.#grow = grow
  }

  /** Bytes in use. */
  get used(): number {
    return this.#used
  }

  /** Bytes between the heap's ends. */
  get extent(): number {
    return this.#end - this.#start
  }

  get #end(): number {
    return this.#top?.end ?? this.#start
  }

  #insert(range: Range): void {
    const c = classOf(range.size / ALIGNMENT)
    const head = this.#heads[c]!
    range.isFree = true
    range.previous = null
    range.next = head
    if (head !== null) head.previous = range
    this.#heads[c] = range
    this.#nonempty[c >>> 5]! |= 1 << (c & 31)
  }

  #remove(range: Range): void {
    const { previous, next } = range
    range.isFree = false
    if (next !== null) next.previous = previous
    if (previous !== null) {
      previous.next = next
      return
    }
    const c = classOf(range.size / ALIGNMENT)
    this.#heads[c] = next
    if (next === null) this.#nonempty[c >>> 5]! &= ~(1 << (c & 31))
  }

  /** A free range of class `c` or above. */
  #find(c: number): Range | null {
    let word = c >>> 5
    let bits = this.#nonempty[word]! & (-1 << (c & 31))
    while (bits === 0) {
      word++
      if (word === this.#nonempty.length) return null
      bits = this.#nonempty[word]!
    }
    return this.#heads[word * 32 + exponentOf(bits & -bits)]!
  }

  /** Merges a range with the one above it. */
  #absorb(lower: Range, upper: Range): void {
    lower.size += upper.size
    lower.above = upper.above
    if (upper.above === null) this.#top = lower
    else upper.above.below = lower
  }

  /** Makes a range free, together with free neighbours. */
  #reclaim(range: Range): Range {
    const { below, above } = range
    if (above?.isFree === true) {
      this.#remove(above)
      this.#absorb(range, above)
    }
    if (below?.isFree !== true) {
      this.#insert(range)
      return range
    }
    this.#remove(below)
    this.#absorb(below, range)
    this.#insert(below)
    return below
  }

  /** A free range of at least `size` bytes at the top: of twice the heap, or just of what is needed. */
  #extend(size: number): Range | null {
    const top = this.#top
    const end = this.#end
    const needed = end + size - (top?.isFree === true ? top.size : 0)
    if (needed > this.#limit) return null
    const doubled = Math.min(this.#limit, Math.max(needed, end + this.extent))
    const reached = [doubled, needed].find((to) => this.#grow(to))
    if (reached === undefined) return null
    const added = new Range(end, reached - end)
    added.below = top
    if (top !== null) top.above = added
    this.#top = added
    return this.#reclaim(added)
  }

  /** Releases the bytes of a range beyond `size`. */
  #cut(range: Range, size: number): void {
    if (range.size === size) return
    const rest = new Range(range.address + size, range.size - size)
    range.size = size
    rest.below = range
    rest.above = range.above
    if (rest.above === null) this.#top = rest
    else rest.above.below = rest
    range.above = rest
    this.#insert(rest)
  }

  /** A range of at least `size` bytes, or null if there is no more memory. */
  allocate(bytes: number): Range | null {
    // There are no classes for sizes beyond any memory.
    if (bytes > this.#limit) return null
    const size = roundUp(bytes)
    const range = this.#find(classOf(size / ALIGNMENT)) ?? this.#extend(size)
    if (range === null) return null
    this.#remove(range)
    this.#cut(range, size)
    range.requested = bytes
    this.#used += size
    return range
  }

  free(range: Range): void {
    this.#used -= range.size
    this.#reclaim(range)
  }

  /** Throws unless the ranges cover the heap, no two neighbours are free, and every free one can be found. For tests. */
  check(): void {
    const free = new Set<Range>()
    this.#heads.forEach((head, c) => {
      for (let r = head; r !== null; r = r.next) {
        if (!r.isFree || classOf(r.size / ALIGNMENT) !== c) throw new Error(`a free range is in the wrong list, ${c}`)
        free.add(r)
      }
      if ((head !== null) !== ((this.#nonempty[c >>> 5]! & (1 << (c & 31))) !== 0)) throw new Error(`bit ${c} is wrong`)
    })
    let used = 0
    for (let r = this.#top; r !== null; r = r.below) {
      if (r.isFree !== free.has(r)) throw new Error(`a range is lost, at ${r.address}`)
      if (r.isFree && r.below?.isFree === true) throw new Error(`free neighbours at ${r.address}`)
      if ((r.below?.end ?? this.#start) !== r.address) throw new Error(`a gap below ${r.address}`)
      if (!r.isFree) used += r.size
    }
    if (used !== this.#used) throw new Error(`${used} bytes are in use, not ${this.#used}`)
  }
}
