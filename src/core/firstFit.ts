interface Range {
  start: number
  length: number
}

const endOf = ({ start, length }: Range): number => start + length

/** Allocates ranges of whole numbers from 0 on, each at the lowest position where it fits: slots of a table, bytes of a buffer. */
export class FirstFit {
  /** Free ranges below `#end`, ascending, no two of which touch. */
  readonly #free: Range[] = []
  #end = 0

  /** Nothing from here on is in use. */
  get end(): number {
    return this.#end
  }

  take(length: number): number {
    const at = this.#free.findIndex((range) => range.length >= length)
    if (at < 0) {
      this.#end += length
      return this.#end - length
    }
    const range = this.#free[at]!
    const { start } = range
    range.start += length
    range.length -= length
    if (range.length === 0) this.#free.splice(at, 1)
    return start
  }

  give(start: number, length: number): void {
    if (length === 0) return
    let [at, high] = [0, this.#free.length]
    while (at < high) {
      const middle = (at + high) >> 1
      if (this.#free[middle]!.start < start) at = middle + 1
      else high = middle
    }
    const [before, after] = [this.#free[at - 1], this.#free[at]]
    const range = { start, length }
    this.#free.splice(at, 0, range)
    if (after?.start === endOf(range)) {
      range.length += after.length
      this.#free.splice(at + 1, 1)
    }
    if (before !== undefined && endOf(before) === start) {
      before.length += range.length
      this.#free.splice(at, 1)
    }
    this.#shorten()
  }

  #shorten(): void {
    const last = this.#free.at(-1)
    if (last === undefined || endOf(last) < this.#end) return
    this.#end = last.start
    this.#free.pop()
  }
}
