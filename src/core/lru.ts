/** A table of bounded size: what has not been asked for the longest goes first. */
export class LruMap<K, V> {
  readonly #entries = new Map<K, V>()
  readonly #capacity: number
  readonly #drop: (value: V) => void

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
    if (this.#entries.size > this.#capacity) this.dropOldest()
  }

  delete(key: K): void {
    const value = this.#entries.get(key)
    if (value === undefined) return
    this.#entries.delete(key)
    this.#drop(value)
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
