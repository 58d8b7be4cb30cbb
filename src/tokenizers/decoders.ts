/** The decoders of tokenizer.json: tokens back into text. */
import { decodeUtf8, decodeUtf8Lossy, encodeUtf8 } from '../core/utf8.ts'
import { byteOf, byteOfToken } from './bytes.ts'
import type { Json } from './errors.ts'
import { fault } from './errors.ts'
import { readPattern } from './patterns.ts'
import { charactersOf } from './unicode.ts'

/** Each step maps tokens to others; at the end they are joined. */
export type Decoder = (tokens: readonly string[]) => readonly string[]

/** Decodes bytes as UTF-8; each maximal invalid sequence becomes U+FFFD. */
const lossyText = (bytes: readonly number[]): string => decodeUtf8Lossy(Uint8Array.from(bytes))

/** The bytes of a token in GPT-2's alphabet; of any other token, those of its text. */
const bytesOfToken = (token: string): readonly number[] => {
  const bytes = Array.from(token, byteOf)
  return bytes.every((byte) => byte !== undefined) ? bytes : [...encodeUtf8(token)]
}

const byteLevel: Decoder = (tokens) => [lossyText(tokens.flatMap(bytesOfToken))]

const spacings: readonly (readonly [string, string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [' do not', " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
]

/** Cleans up English spacing, as in the decoders of tokenizer.json: no spaces before punctuation, contractions joined. */
const cleanToken = (text: string): string => spacings.reduce((t, [from, to]) => t.replaceAll(from, to), text)

/** The same over a whole text, as in `transformers`: `do not` stays. */
export const cleanUp = (text: string): string =>
  spacings.reduce((t, [from, to]) => (from === ' do not' ? t : t.replaceAll(from, to)), text)

const wordPiece = (json: Json): Decoder => {
  const [prefix, cleans] = [json.at('prefix').string('##'), json.at('cleanup').flag(true)]
  return (tokens) =>
    tokens.map((token, i) => {
      const continues = token.startsWith(prefix)
      const text = i === 0 ? token : continues ? token.slice(prefix.length) : ` ${token}`
      return cleans ? cleanToken(text) : text
    })
}

const metaspace = (json: Json): Decoder => {
  const replacement = json.at('replacement').character()
  const named = json.at('prepend_scheme').word(['always', 'first', 'never'], 'always')
  const scheme = json.at('add_prefix_space').flag(true) ? named : 'never'
  return (tokens) => tokens.map((token, i) => token.replaceAll(replacement, i === 0 && scheme !== 'never' ? '' : ' '))
}

const bpe = (json: Json): Decoder => {
  const suffix = json.at('suffix').string('</w>')
  return (tokens) =>
    suffix === '' ? tokens : tokens.map((token, i) => token.replaceAll(suffix, i === tokens.length - 1 ? '' : ' '))
}

const ctc = (json: Json): Decoder => {
  const [padding, delimiter] = [json.at('pad_token').string('<pad>'), json.at('word_delimiter_token').string('|')]
  const cleans = json.at('cleanup').flag(true)
  return (tokens) =>
    tokens
      .filter((token, i) => token !== tokens[i - 1])
      .map((token) => token.replaceAll(padding, ''))
      .map((token) => (cleans ? cleanToken(token).replaceAll(delimiter, ' ') : token))
      .filter((token) => token !== '')
}

const strip = (json: Json): Decoder => {
  const [content, start, stop] = [json.at('content').character(), json.at('start').count(), json.at('stop').count()]
  return (tokens) =>
    tokens.map((token) => {
      const characters = charactersOf(token)
      const first = characters.findIndex((c, i) => c !== content || i >= start)
      const from = first < 0 ? Math.min(start, characters.length) : first
      let to = characters.length
      while (to > from && characters.length - to < stop && characters[to - 1] === content) to--
      return characters.slice(from, to).join('')
    })
}

/** Byte tokens as text. In a run that is not UTF-8 each byte becomes U+FFFD. */
const byteFallback: Decoder = (tokens) => {
  const out: string[] = []
  let bytes: number[] = []
  const endRun = (): void => {
    if (bytes.length === 0) return
    const text = utf8(bytes)
    out.push(text ?? '\ufffd'.repeat(bytes.length))
    bytes = []
  }
  for (const token of tokens) {
    const byte = byteOfToken(token)
    if (byte !== null) bytes.push(byte)
    else {
      endRun()
      out.push(token)
    }
  }
  endRun()
  return out
}

const utf8 = (bytes: readonly number[]): string | null => decodeUtf8(Uint8Array.from(bytes))

const readers: { readonly [type: string]: (json: Json) => Decoder } = {
  BPEDecoder: bpe,
  ByteFallback: () => byteFallback,
  ByteLevel: () => byteLevel,
  CTC: ctc,
  Fuse: () => (tokens) => [tokens.join('')],
  Metaspace: metaspace,
  Replace: (json) => {
    const [pattern, content] = [readPattern(json.at('pattern')), json.at('content').string()]
    return (tokens) => tokens.map((token) => token.replace(pattern, () => content))
  },
  Sequence: (json) => {
    const steps = json.at('decoders').list().map(readDecoder)
    return (tokens) => steps.reduce((t, step) => step(t), tokens)
  },
  Strip: strip,
  WordPiece: wordPiece,
}

/** The decoder that tokenizer.json describes; without one, tokens are joined by spaces. */
export const readDecoder = (json: Json): Decoder => {
  if (json.isNull) return (tokens) => [tokens.join(' ')]
  const type = json.at('type').string()
  const read = Object.hasOwn(readers, type) ? readers[type] : undefined
  return read === undefined ? fault(json.path, `is a decoder that is not known: ${type}.`) : read(json)
}
