const FEW = 64
const GOLDEN = (Math.sqrt(5) - 1) / 2

/**
 * Which of `count` entries to evict; number 0 is the least recently used. Of few entries, it is that one. Of many, it is one
 * from the older half, chosen by an evenly spread sequence: if it were always the oldest, a loop over one entry more than the
 * capacity would never find any of them.
 */
export const leaving = (count: number, turn: number): number =>
  count < FEW ? 0 : Math.floor((((turn + 1) * GOLDEN) % 1) * (count / 2))

/** A table of bounded size: entries that have not been used for long make room for new ones. */
export class LruMap<K, V> {
  readonly #entries = new Map<K, V>()
  readonly #capacity: number
  readonly #drop: (value: V) => void
  #turns = 0

  /** `drop` is called with each value that leaves the table. */
  constructor(capacity: number, drop: (value: V) => void = () => undefined) {
    this.#capacity = capacity
    this.#drop = drop
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  set(key: K, value: V): void {
    this.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size > this.#capacity) this.#makeRoom()
  }

  delete(key: K): void {
    const value = this.#entries.get(key)
    if (value === undefined) return
    this.#entries.delete(key)
    this.#drop(value)
  }

  #makeRoom(): void {
    let place = leaving(this.#entries.size - 1, this.#turns++)
    for (const key of this.#entries.keys()) {
      if (place-- > 0) continue
      this.delete(key)
      return
    }
  }

  /** Whether there was one. */
  dropOldest(): boolean {
    for (const key of this.#entries.keys()) {
      this.delete(key)
      return true
    }
    return false
  }

  clear(): void {
    while (this.dropOldest());
  }
}
