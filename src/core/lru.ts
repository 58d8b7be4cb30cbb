const FEW = 64
const GOLDEN = (Math.sqrt(5) - 1) / 2

/**
 * Which of `count` entries, the one least recently used being number 0, makes room for another. Of few entries, that one. Of many,
 * one from the older half, by a sequence that spreads evenly: were it always the oldest, a loop over one entry more than there
 * is room for would find none of them.
 */
export const leaving = (count: number, turn: number): number =>
  count < FEW ? 0 : Math.floor((((turn + 1) * GOLDEN) % 1) * (count / 2))

/** A table of bounded size: what has not been asked for for long makes room for what is new. */
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
