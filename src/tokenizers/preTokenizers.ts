/** The pre-tokenizers of tokenizer.json: split text into words, with alignment. */
import type { Aligned, Span } from './aligned.ts'
import { toByteCharacters } from './bytes.ts'
import type { Json } from './errors.ts'
import { fault } from './errors.ts'
import type { Matches } from './patterns.ts'
import { literal, matchCharacters, matchPattern, readPattern } from './patterns.ts'
import { scriptOf } from './scripts.ts'
import { charactersOf, isNumeric, isPunctuation, isSpace, wordClass } from './unicode.ts'

export type PreTokenizer = (part: Aligned) => readonly Aligned[]

const behaviors = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const

/** How the matches that a text is split at are treated. */
type Behavior = (typeof behaviors)[number]

/** Joins neighbours where `joins` is true, given whether each of the two matches. */
const joined = (matches: Matches, joins: (before: boolean, isMatch: boolean) => boolean): readonly Span[] => {
  const spans: Span[] = []
  let before = false
  for (const [span, isMatch] of matches) {
    const last = spans.at(-1)
    if (last !== undefined && joins(before, isMatch)) spans[spans.length - 1] = [last[0], span[1]]
    else spans.push(span)
    before = isMatch
  }
  return spans
}

const joinedWithNext = (matches: Matches): readonly Span[] => {
  const mirrored = matches.toReversed().map(([[start, end], isMatch]) => [[-end, -start], isMatch] as const)
  const spans = joined(mirrored, (before, isMatch) => isMatch && !before)
  return spans.map(([start, end]): Span => [-end, -start]).toReversed()
}

const spansOf: { readonly [B in Behavior]: (matches: Matches) => readonly Span[] } = {
  Removed: (matches) => matches.filter(([, isMatch]) => !isMatch).map(([span]) => span),
  Isolated: (matches) => matches.map(([span]) => span),
  MergedWithPrevious: (matches) => joined(matches, (before, isMatch) => isMatch && !before),
  MergedWithNext: joinedWithNext,
  Contiguous: (matches) => joined(matches, (before, isMatch) => before === isMatch),
}

/** The non-empty parts of a text that is split at matches. */
const splitAt = (part: Aligned, matches: Matches, behavior: Behavior): readonly Aligned[] =>
  spansOf[behavior](matches)
    .filter(([start, end]) => end > start)
    .map(([start, end]) => part.slice(start, end))

const inverted = (matches: Matches): Matches => matches.map(([span, isMatch]) => [span, !isMatch])

const atCharacters =
  (passes: (character: string) => boolean, behavior: Behavior): PreTokenizer =>
  (part) =>
    splitAt(part, matchCharacters(passes, part.text), behavior)

const inTurn =
  (steps: readonly PreTokenizer[]): PreTokenizer =>
  (part) =>
    steps.reduce<readonly Aligned[]>((parts, step) => parts.flatMap(step), [part])

/** BERT's: words without white space, punctuation by itself. */
const bert = inTurn([atCharacters(isSpace, 'Removed'), atCharacters(isPunctuation, 'Isolated')])

/** Isolates numbers: all that Unicode counts as numeric, not only decimal digits. */
export const splitDigits = (individually: boolean): PreTokenizer =>
  atCharacters(isNumeric, individually ? 'Isolated' : 'Contiguous')

/** GPT-2's words, which cover every text. */
export const gpt2Words =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu

const byteLevel = (json: Json): PreTokenizer => {
  const addsPrefix = json.at('add_prefix_space').flag()
  const splits = json.at('use_regex').flag(true)
  return (part) => {
    const whole = addsPrefix && !part.text.startsWith(' ') ? part.prepend(' ') : part
    const words = splits ? splitAt(whole, matchPattern(gpt2Words, whole.text), 'Isolated') : [whole]
    return words.map((word) => word.expand(toByteCharacters))
  }
}

/** SentencePiece's: spaces become ▁, which is also added before words. */
const metaspace = (json: Json): PreTokenizer => {
  const replacement = json.at('replacement').character()
  const named = json.at('prepend_scheme').word(['always', 'first', 'never'], 'always')
  const scheme = json.at('add_prefix_space').flag(true) ? named : 'never'
  const splits = json.at('split').flag(true)
  return (part) => {
    const spaced = part.replace(/ /g, replacement)
    const prepends = scheme === 'always' || (scheme === 'first' && part.origin === 0)
    const whole = prepends && !spaced.text.startsWith(replacement) ? spaced.prepend(replacement) : spaced
    return splits
      ? splitAt(
          whole,
          matchCharacters((c) => c === replacement, whole.text),
          'MergedWithNext',
        )
      : [whole]
  }
}

const split = (json: Json): PreTokenizer => {
  const [pattern, behavior] = [readPattern(json.at('pattern')), json.at('behavior').word(behaviors)]
  const turn = json.at('invert').flag(false) ? inverted : (matches: Matches): Matches => matches
  return (part) => splitAt(part, turn(matchPattern(pattern, part.text)), behavior)
}

const words = new RegExp(`[${wordClass}]+|[^${wordClass}\\p{White_Space}]+`, 'gu')

const fixedLength = (length: number): PreTokenizer => {
  return (part) => {
    const parts: Aligned[] = []
    const characters = charactersOf(part.text)
    let at = 0
    for (let i = 0; i < characters.length; i += length) {
      const size = characters.slice(i, i + length).join('').length
      parts.push(part.slice(at, at + size))
      at += size
    }
    return parts
  }
}

/**
 * Splits where the script changes, as in SentencePiece. Characters without a script join the part before them, and are dropped
 * where there is none.
 */
const unicodeScripts: PreTokenizer = (part) => {
  const begins: number[] = []
  let last: string | null = null
  let at = 0
  for (const character of charactersOf(part.text)) {
    const script = scriptOf(character)
    if (script !== null && script !== last) begins.push(at)
    last = script ?? last
    at += character.length
  }
  return begins.map((begin, i) => part.slice(begin, begins[i + 1] ?? part.text.length))
}

const readers: { readonly [type: string]: (json: Json) => PreTokenizer } = {
  BertPreTokenizer: () => bert,
  ByteLevel: byteLevel,
  CharDelimiterSplit: (json) => {
    const delimiter = literal(json.at('delimiter').character())
    return (part) => splitAt(part, matchPattern(delimiter, part.text), 'Removed')
  },
  Digits: (json) => splitDigits(json.at('individual_digits').flag()),
  FixedLength: (json) => fixedLength(Math.max(1, json.at('length').count(5))),
  Metaspace: metaspace,
  Punctuation: (json) => atCharacters(isPunctuation, json.at('behavior').word(behaviors, 'Isolated')),
  Sequence: (json) => inTurn(json.at('pretokenizers').list().map(readPreTokenizer)),
  Split: split,
  UnicodeScripts: () => unicodeScripts,
  Whitespace: () => (part) => splitAt(part, inverted(matchPattern(words, part.text)), 'Removed'),
  WhitespaceSplit: () => atCharacters(isSpace, 'Removed'),
}

/** The pre-tokenizer that tokenizer.json describes; with null, the whole text is one word. */
export const readPreTokenizer = (json: Json): PreTokenizer => {
  if (json.isNull) return (part) => [part]
  const type = json.at('type').string()
  const read = Object.hasOwn(readers, type) ? readers[type] : undefined
  return read === undefined ? fault(json.path, `is a pre-tokenizer that is not known: ${type}.`) : read(json)
}
