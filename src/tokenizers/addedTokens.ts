/** Tokens added to the model's: found in the text before it is normalized, or after. */
import type { Aligned, Span } from './aligned.ts'
import { Aligned as AlignedText } from './aligned.ts'
import type { Json } from './errors.ts'
import type { Normalizer } from './normalizers.ts'
import { isSpace, wordClass } from './unicode.ts'

export interface AddedToken {
  readonly id: number
  readonly content: string
  readonly isSpecial: boolean
  /** Whether it matches only as a whole word. */
  readonly isWord: boolean
  /** Whether it includes white space before it, and after it. */
  readonly takesLeft: boolean
  readonly takesRight: boolean
  /** The text to find in normalized text; null if it is found before normalization. */
  readonly normalized: string | null
}

const readAddedToken = (json: Json, normalizer: Normalizer): AddedToken => {
  const content = json.at('content').string()
  const isSpecial = json.at('special').flag(false)
  const isNormalized = json.at('normalized').flag(!isSpecial)
  return {
    id: json.at('id').count(),
    content,
    isSpecial,
    isWord: json.at('single_word').flag(false),
    takesLeft: json.at('lstrip').flag(false),
    takesRight: json.at('rstrip').flag(false),
    normalized: isNormalized ? normalizer(AlignedText.of(content)).text : null,
  }
}

/** Reads the list `added_tokens`; empty ones are skipped. */
export const readAddedTokens = (json: Json, normalizer: Normalizer): readonly AddedToken[] =>
  json.isNull
    ? []
    : json
        .list()
        .map((token) => readAddedToken(token, normalizer))
        .filter(({ content }) => content !== '')

/** Finds words of a list: at each position the longest. */
class Dictionary {
  readonly #tokens = new Map<string, AddedToken>()
  /** Lengths of the words that begin with a unit, the longest first. */
  readonly #lengths = new Map<string, readonly number[]>()

  constructor(words: readonly (readonly [string, AddedToken])[]) {
    for (const [word, token] of words) {
      if (word === '') continue
      this.#tokens.set(word, token)
      const lengths = new Set([...(this.#lengths.get(word[0]!) ?? []), word.length])
      this.#lengths.set(
        word[0]!,
        [...lengths].sort((a, b) => b - a),
      )
    }
  }

  *find(text: string): Generator<readonly [Span, AddedToken]> {
    if (this.#tokens.size === 0) return
    for (let at = 0; at < text.length;) {
      const length = this.#lengths.get(text[at]!)?.find((n) => this.#tokens.has(text.slice(at, at + n))) ?? 0
      if (length > 0) yield [[at, at + length], this.#tokens.get(text.slice(at, at + length))!]
      at += Math.max(1, length)
    }
  }
}

const endsWithWord = new RegExp(`[${wordClass}]$`, 'u')
const startsWithWord = new RegExp(`^[${wordClass}]`, 'u')
const isInWord = (text: string, [start, end]: Span): boolean =>
  endsWithWord.test(text.slice(Math.max(0, start - 2), start)) || startsWithWord.test(text.slice(end, end + 2))

/** A part of a text: an added token, or the text between two. */
export interface Part {
  readonly text: Aligned
  readonly token: AddedToken | null
}

const partsOf = (whole: Aligned, dictionary: Dictionary): readonly Part[] => {
  const { text } = whole
  const parts: Part[] = []
  let last = 0
  const push = (start: number, end: number, token: AddedToken | null): void => {
    if (start < end) parts.push({ text: whole.slice(start, end), token })
  }
  for (const [span, token] of dictionary.find(text)) {
    if (token.isWord && isInWord(text, span)) continue
    let [start, end] = span
    // White space is in the BMP: one unit each.
    if (token.takesLeft) while (start > last && isSpace(text[start - 1]!)) start--
    if (token.takesRight) while (end < text.length && isSpace(text[end]!)) end++
    push(last, start, null)
    push(start, end, token)
    last = end
  }
  push(last, text.length, null)
  return parts
}

/** Splits a text at the added tokens, and normalizes the rest. */
export const makeExtractor = (
  tokens: readonly AddedToken[],
  normalizer: Normalizer,
): ((text: Aligned) => readonly Part[]) => {
  const before = new Dictionary(tokens.filter((t) => t.normalized === null).map((t) => [t.content, t]))
  const after = new Dictionary(tokens.flatMap((t) => (t.normalized === null ? [] : [[t.normalized, t]])))
  return (text) =>
    partsOf(text, before).flatMap((part) => (part.token === null ? partsOf(normalizer(part.text), after) : [part]))
}
