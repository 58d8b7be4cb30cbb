/** The normalizers of tokenizer.json, with alignments. */
import { decodeBase64 } from '../core/utf8.ts'
import type { Aligned } from './aligned.ts'
import { toByteCharacters } from './bytes.ts'
import { Charsmap, applyCharsmap } from './charsmap.ts'
import type { Json } from './errors.ts'
import { fault } from './errors.ts'
import { toNormalForm } from './normalForms.ts'
import { readPattern } from './patterns.ts'
import { charactersOf, isChinese, isControl, isMark, isNonspacingMark, isSpace, lowerCase } from './unicode.ts'

export type Normalizer = (text: Aligned) => Aligned

/** Removes NUL, U+FFFD and controls; white space of all kinds becomes a space. */
const cleanText: Normalizer = (text) =>
  text.filter((c) => c !== '\0' && c !== '\ufffd' && !isControl(c)).expand((c) => (isSpace(c) ? [' '] : null))

/** Adds spaces around ideographs, including those beyond U+FFFF. */
export const isolateChinese: Normalizer = (text) => text.expand((c) => (isChinese(c) ? [' ', c, ' '] : null))

const stripAccents: Normalizer = (text) => toNormalForm(text, 'NFD').filter((c) => !isNonspacingMark(c))

/** Lower case, character by character: a sigma at the end of a word stays σ. */
export const toLowerCase: Normalizer = (text) => text.expand(lowerCase)

const bert = (json: Json): Normalizer => {
  const lowercase = json.at('lowercase').flag()
  const steps = [
    json.at('clean_text').flag() ? cleanText : null,
    json.at('handle_chinese_chars').flag() ? isolateChinese : null,
    json.at('strip_accents').flag(lowercase) ? stripAccents : null,
    lowercase ? toLowerCase : null,
  ]
  return inTurn(steps.filter((step) => step !== null))
}

/** Controls that are not white space, except for those beyond U+007F, which NMT keeps. */
const isNmtControl = (c: string): boolean =>
  (c > '\0' && c < ' ' && !'\t\n\f\r'.includes(c)) || ['\u007f', '\u008f', '\u009f'].includes(c)

const isNmtSpace = (c: string): boolean => /^[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]$/.test(c)

const nmt: Normalizer = (text) => text.filter((c) => !isNmtControl(c)).expand((c) => (isNmtSpace(c) ? [' '] : null))

const strip = (left: boolean, right: boolean): Normalizer => {
  return (text) => {
    const characters = charactersOf(text.text)
    const first = left ? characters.findIndex((c) => !isSpace(c)) : 0
    const last = right ? characters.findLastIndex((c) => !isSpace(c)) : characters.length - 1
    if (first === 0 && last === characters.length - 1) return text
    const kept = first < 0 ? [] : characters.slice(first, last + 1)
    return text.transform(
      kept.map((c) => [c, 0]),
      Math.max(0, first),
    )
  }
}

const precompiled = (json: Json): Normalizer => {
  const member = json.at('precompiled_charsmap')
  const text = member.string()
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) return member.fail('base64')
  const charsmap = new Charsmap(decodeBase64(text), member.path)
  return (aligned) => applyCharsmap(charsmap, aligned)
}

const replace = (json: Json): Normalizer => {
  const [pattern, content] = [readPattern(json.at('pattern')), json.at('content').string()]
  return (text) => text.replace(pattern, content)
}

const inTurn =
  (steps: readonly Normalizer[]): Normalizer =>
  (text) =>
    steps.reduce((t, step) => step(t), text)

const readers: { readonly [type: string]: (json: Json) => Normalizer } = {
  BertNormalizer: bert,
  ByteLevel: () => (text) => text.expand(toByteCharacters),
  Lowercase: () => toLowerCase,
  NFC: () => (text) => toNormalForm(text, 'NFC'),
  NFD: () => (text) => toNormalForm(text, 'NFD'),
  NFKC: () => (text) => toNormalForm(text, 'NFKC'),
  NFKD: () => (text) => toNormalForm(text, 'NFKD'),
  Nmt: () => nmt,
  Precompiled: precompiled,
  Prepend: (json) => {
    const prefix = json.at('prepend').string()
    return (text) => text.prepend(prefix)
  },
  Replace: replace,
  Sequence: (json) => inTurn(json.at('normalizers').list().map(readNormalizer)),
  Strip: (json) => strip(json.at('strip_left').flag(), json.at('strip_right').flag()),
  StripAccents: () => (text) => text.filter((c) => !isMark(c)),
}

/** The normalizer that tokenizer.json describes; null describes none. */
export const readNormalizer = (json: Json): Normalizer => {
  if (json.isNull) return (text) => text
  const type = json.at('type').string()
  const read = Object.hasOwn(readers, type) ? readers[type] : undefined
  return read === undefined ? fault(json.path, `is a normalizer that is not known: ${type}.`) : read(json)
}
