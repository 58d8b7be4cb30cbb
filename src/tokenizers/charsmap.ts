/**
 * SentencePiece's compiled rules of normalization (`precompiled_charsmap`): the length of a trie in bytes, the trie as a double
 * array of uint32 (https://github.com/s-yata/darts-clone), and the replacements as UTF-8, each ended by a zero byte. The values of
 * the trie are offsets into the replacements.
 */
import { decodeUtf8Lossy, encodeUtf8 } from '../core/utf8.ts'
import type { Aligned, Change } from './aligned.ts'
import { fault } from './errors.ts'
import { charactersOf } from './unicode.ts'

const hasLeaf = (unit: number): boolean => ((unit >>> 8) & 1) === 1
const labelOf = (unit: number): number => (unit & 0x800000ff) >>> 0
const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 512) >>> 6)

export class Charsmap {
  readonly #trie: Uint32Array
  readonly #replacements: Uint8Array

  constructor(bytes: Uint8Array, path: string) {
    const length = bytes.length < 4 ? -1 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
    if (length < 4 || length % 4 !== 0 || 4 + length > bytes.length) {
      fault(path, 'must begin with the length of a trie that is in it.')
    }
    this.#trie = new Uint32Array(bytes.slice(4, 4 + length).buffer)
    this.#replacements = bytes.subarray(4 + length)
  }

  /** The replacement of the shortest prefix of the text that has one, or null. */
  replacement(text: string): string | null {
    const trie = this.#trie
    let at = offsetOf(trie[0]!)
    for (const byte of encodeUtf8(text)) {
      if (byte === 0) return null
      at ^= byte
      const unit = trie[at]
      if (unit === undefined || labelOf(unit) !== byte) return null
      at ^= offsetOf(unit)
      if (hasLeaf(unit)) return this.#textAt((trie[at] ?? 0) & 0x7fffffff)
    }
    return null
  }

  #textAt(start: number): string {
    const end = this.#replacements.indexOf(0, start)
    return decodeUtf8Lossy(this.#replacements.subarray(start, end < 0 ? undefined : end))
  }
}

/** The changes that replace `old` by `replacement`. */
const replacing = (old: string, replacement: string): readonly Change[] => {
  const [before, after] = [charactersOf(old).length, charactersOf(replacement)]
  const last = after.length - 1
  return after.map((c, i) => [c, i >= before ? 1 : i === last ? Math.min(0, after.length - before) : 0])
}

const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' })
const WINDOW = 256

/**
 * The graphemes of a text. It is read in windows, since V8's time grows with the square of the length. The last grapheme of a
 * window may continue, so it begins the next window.
 */
function* graphemesOf(text: string): Generator<string> {
  let size = WINDOW
  for (let at = 0; at < text.length;) {
    const window = text.slice(at, at + size)
    const segments = Array.from(segmenter.segment(window), ({ segment }) => segment)
    const isLast = at + size >= text.length
    const whole = isLast ? segments : segments.slice(0, -1)
    yield* whole
    at += isLast ? window.length : window.length - segments.at(-1)!.length
    size = whole.length === 0 ? 2 * size : WINDOW
  }
}

/** Replaces graphemes of fewer than six bytes as a whole, and the remaining characters one by one. */
export const applyCharsmap = (charsmap: Charsmap, aligned: Aligned): Aligned => {
  const changes: Change[] = []
  // Characters with an empty replacement count as removed after the one before them.
  let [isModified, removedFirst] = [false, 0]
  const replace = (old: string, replacement: string): void => {
    isModified = true
    if (replacement !== '') changes.push(...replacing(old, replacement))
    else if (changes.length === 0) removedFirst += charactersOf(old).length
    else changes[changes.length - 1] = [changes.at(-1)![0], changes.at(-1)![1] - charactersOf(old).length]
  }
  for (const segment of graphemesOf(aligned.text)) {
    const whole = encodeUtf8(segment).length < 6 ? charsmap.replacement(segment) : null
    if (whole !== null) {
      replace(segment, whole)
      continue
    }
    for (const character of segment) {
      const replacement = charsmap.replacement(character)
      if (replacement === null) changes.push([character, 0])
      else replace(character, replacement)
    }
  }
  return isModified ? aligned.transform(changes, removedFirst) : aligned
}
