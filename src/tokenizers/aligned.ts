/**
 * Changed text, with the range of the original for each part of it.
 *
 * Positions are UTF-16 indices, as in `String.prototype.slice`. Every unit of the text has a range of the original; both halves
 * of a character beyond U+FFFF have the same range. Ranges follow changes as in the Rust library `tokenizers`.
 */
import { charactersOf } from './unicode.ts'

/**
 * A character of new text, with its effect on the old text: 0 replaces the next old character, 1 inserts, and -n replaces the
 * next one and removes the n after it.
 */
export type Change = readonly [character: string, change: number]

/** A range of UTF-16 units. */
export type Span = readonly [start: number, end: number]

export class Aligned {
  readonly text: string
  readonly starts: Uint32Array
  readonly ends: Uint32Array
  /** The position in the original where this part begins. */
  readonly origin: number

  constructor(text: string, starts: Uint32Array, ends: Uint32Array, origin: number) {
    this.text = text
    this.starts = starts
    this.ends = ends
    this.origin = origin
  }

  /** Unchanged text. A lone surrogate, which UTF-8 does not have, becomes U+FFFD. */
  static of(original: string): Aligned {
    const text = wellFormed(original)
    const starts = new Uint32Array(text.length)
    const ends = new Uint32Array(text.length)
    let at = 0
    for (const character of text) {
      starts.fill(at, at, at + character.length)
      ends.fill(at + character.length, at, at + character.length)
      at += character.length
    }
    return new Aligned(text, starts, ends, 0)
  }

  /** The range of the original for a non-empty range of the text. */
  original([start, end]: Span): Span {
    return [this.starts[start]!, this.ends[end - 1]!]
  }

  slice(start: number, end: number): Aligned {
    const origin = start < end ? this.starts[start]! : this.origin
    return new Aligned(
      this.text.slice(start, end),
      this.starts.subarray(start, end),
      this.ends.subarray(start, end),
      origin,
    )
  }

  /**
   * The text after the changes. An inserted character has the range of the unit before it.
   *
   * @param removed the number of characters of the old text removed before the first change.
   */
  transform(changes: Iterable<Change>, removed = 0): Aligned {
    const { text } = this
    const [starts, ends, parts]: [number[], number[], string[]] = [[], [], []]
    const width = (at: number): number => (at >= text.length ? 0 : text.codePointAt(at)! > 0xffff ? 2 : 1)
    let at = 0
    for (let i = 0; i < removed; i++) at += width(at)
    for (const [character, change] of changes) {
      const from = change > 0 ? at - 1 : at
      const [start, end] = from < 0 ? [this.origin, this.origin] : [this.starts[from]!, this.ends[from]!]
      for (let n = character.length; n > 0; n--) {
        starts.push(start)
        ends.push(end)
      }
      parts.push(character)
      for (let i = change; i <= 0; i++) at += width(at)
    }
    return new Aligned(parts.join(''), Uint32Array.from(starts), Uint32Array.from(ends), this.origin)
  }

  /** Replaces each character by those of `f`, the first of which has its range; null leaves it unchanged. */
  expand(f: (character: string) => Iterable<string> | null): Aligned {
    const changes: Change[] = []
    for (const character of this.text) {
      let change = 0
      for (const c of f(character) ?? [character]) {
        changes.push([c, change])
        change = 1
      }
    }
    return this.transform(changes)
  }

  /** Keeps only the characters that pass. */
  filter(keep: (character: string) => boolean): Aligned {
    const changes: [string, number][] = []
    let removedFirst = 0
    for (const character of this.text) {
      if (keep(character)) changes.push([character, 0])
      else if (changes.length === 0) removedFirst++
      else changes.at(-1)![1]--
    }
    return this.transform(changes, removedFirst)
  }

  /** Inserts a text before the first character; an empty text stays empty. */
  prepend(prefix: string): Aligned {
    const [first, ...rest] = this.text
    if (first === undefined) return this
    const before = charactersOf(prefix).map((c, i): Change => [c, i === 0 ? 0 : 1])
    return this.transform([...before, [first, before.length === 0 ? 0 : 1], ...rest.map((c): Change => [c, 0])])
  }

  /** Replaces each match. The whole replacement has the range of the last matched unit. */
  replace(pattern: RegExp, content: string): Aligned {
    const { text } = this
    const matches = [...text.matchAll(pattern)]
    if (matches.length === 0) return this
    const [starts, ends, parts]: [number[], number[], string[]] = [[], [], []]
    let last = 0
    const keepTo = (end: number): void => {
      parts.push(text.slice(last, end))
      for (let i = last; i < end; i++) {
        starts.push(this.starts[i]!)
        ends.push(this.ends[i]!)
      }
    }
    for (const match of matches) {
      keepTo(match.index)
      last = match.index + match[0].length
      const [start, end] = last < 1 ? [this.origin, this.origin] : [this.starts[last - 1]!, this.ends[last - 1]!]
      parts.push(content)
      for (let n = content.length; n > 0; n--) {
        starts.push(start)
        ends.push(end)
      }
    }
    keepTo(text.length)
    return new Aligned(parts.join(''), Uint32Array.from(starts), Uint32Array.from(ends), this.origin)
  }
}

const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

/** The text with U+FFFD for lone surrogates, as in `TextEncoder`. */
export const wellFormed = (text: string): string => text.replace(loneSurrogate, '\ufffd')
