/** The post-processors of tokenizer.json: add tokens around the texts, and type ids. */
import type { Row, Token } from './encoding.ts'
import { concatenate } from './encoding.ts'
import { byteCharacters } from './bytes.ts'
import type { Json } from './errors.ts'
import { fault } from './errors.ts'
import { charactersOf, isSpace } from './unicode.ts'

/** Maps one or two text rows to rows that are then concatenated. */
export interface PostProcessor {
  readonly apply: (rows: readonly Row[], addSpecialTokens: boolean) => readonly Row[]
  /** The number of added tokens. */
  readonly added: (isPair: boolean) => number
}

export const specialToken = (id: number, token: string, typeId: number, attention: 0 | 1 = 1): Token => ({
  id,
  token,
  offsets: [0, 0],
  attention,
  typeId,
  special: 1,
  wordId: null,
  sequenceId: null,
})

const mapRow = ({ tokens, overflowing }: Row, f: (token: Token, i: number) => Token): Row => ({
  tokens: tokens.map(f),
  overflowing: overflowing.map((window) => window.map(f)),
})

const around = (before: readonly Token[], row: Row, after: readonly Token[]): Row => ({
  tokens: [...before, ...row.tokens, ...after],
  overflowing: row.overflowing.map((window) => [...before, ...window, ...after]),
})

const byteSpace = byteCharacters[0x20]!
const isByteSpace = (character: string): boolean => character === byteSpace || isSpace(character)

/** Trims white space at a token's ends from its offsets, except for a space that was added before the text. */
const trimOffsets =
  (addsPrefix: boolean) =>
  (token: Token, i: number): Token => {
    const characters = charactersOf(token.token)
    const found = characters.findIndex((c) => !isByteSpace(c))
    const leading = found < 0 ? characters.length : found
    const trailing = characters.length - 1 - characters.findLastIndex((c) => !isByteSpace(c))
    let [start, end] = token.offsets
    const isPrefix = (i === 0 || start === 0) && addsPrefix && leading === 1
    if (leading > 0 && !isPrefix) start = Math.min(start + leading, end)
    if (trailing > 0 && end >= trailing) end = Math.max(end - trailing, start)
    return { ...token, offsets: [start, end] }
  }

const byteLevel = (json: Json): PostProcessor => {
  const trims = json.at('trim_offsets').flag(true)
  const trim = trimOffsets(json.at('add_prefix_space').flag(true))
  return { added: () => 0, apply: (rows) => (trims ? rows.map((row) => mapRow(row, trim)) : rows) }
}

/** `["[SEP]", 102]` */
const readToken = (json: Json): ((typeId: number) => Token) => {
  const [token, id, ...rest] = json.list()
  if (token === undefined || id === undefined || rest.length > 0) return json.fail('a token and its number')
  const [content, number] = [token.string(), id.count()]
  return (typeId) => specialToken(number, content, typeId)
}

const bert = (json: Json): PostProcessor => {
  const [sep, cls] = [readToken(json.at('sep')), readToken(json.at('cls'))]
  const apply: PostProcessor['apply'] = (rows, addSpecialTokens) =>
    addSpecialTokens ? rows.map((row, i) => around(i === 0 ? [cls(0)] : [], row, [sep(i)])) : rows
  return { added: (isPair) => (isPair ? 3 : 2), apply }
}

const roberta = (json: Json): PostProcessor => {
  const [sep, cls] = [readToken(json.at('sep')), readToken(json.at('cls'))]
  const trims = json.at('trim_offsets').flag(true)
  const trim = trimOffsets(json.at('add_prefix_space').flag(true))
  const apply: PostProcessor['apply'] = (rows, addSpecialTokens) => {
    const typed = rows.map((row) => mapRow(row, (token, i) => ({ ...(trims ? trim(token, i) : token), typeId: 0 })))
    return addSpecialTokens ? typed.map((row, i) => around([i === 0 ? cls(0) : sep(0)], row, [sep(0)])) : typed
  }
  return { added: (isPair) => (isPair ? 4 : 2), apply }
}

type TemplatePiece = { readonly text: 0 | 1; readonly typeId: number } | { readonly tokens: readonly Token[] }

const readPiece = (json: Json, special: Json): TemplatePiece => {
  const [text, token] = [json.at('Sequence'), json.at('SpecialToken')]
  if (!text.isNull) {
    return { text: text.at('id').word(['A', 'B']) === 'A' ? 0 : 1, typeId: text.at('type_id').count(0) }
  }
  const [name, typeId] = [token.at('id').string(), token.at('type_id').count(0)]
  const entry = special.at(name)
  if (entry.isNull) return token.at('id').fail('one of special_tokens')
  const contents = entry.at('tokens').list()
  return {
    tokens: entry
      .at('ids')
      .list()
      .map((id, i) => specialToken(id.count(), contents[i]?.string() ?? name, typeId)),
  }
}

const template = (json: Json): PostProcessor => {
  const special = json.at('special_tokens')
  const read = (key: string): readonly TemplatePiece[] =>
    json
      .at(key)
      .list()
      .map((piece) => readPiece(piece, special))
  const [single, pair] = [read('single'), read('pair')]
  if (![0, 1].every((text) => pair.some((piece) => 'text' in piece && piece.text === text))) {
    return json.at('pair').fail('a template of both texts')
  }
  if (single.some((piece) => 'text' in piece && piece.text === 1)) return json.at('single').fail('a template of text A')
  const count = (pieces: readonly TemplatePiece[]): number =>
    pieces.reduce((n, piece) => n + ('tokens' in piece ? piece.tokens.length : 0), 0)
  const [addedSingle, addedPair] = [count(single), count(pair)]
  const apply: PostProcessor['apply'] = (rows, addSpecialTokens) =>
    (rows.length > 1 ? pair : single).flatMap((piece): readonly Row[] => {
      if ('tokens' in piece) return addSpecialTokens ? [{ tokens: piece.tokens, overflowing: [] }] : []
      return [mapRow(rows[piece.text]!, (token) => ({ ...token, typeId: piece.typeId }))]
    })
  return { added: (isPair) => (isPair ? addedPair : addedSingle), apply }
}

const sequence = (json: Json): PostProcessor => {
  const steps = json.at('processors').list().map(readPostProcessor)
  return {
    added: (isPair) => steps.reduce((n, step) => n + step.added(isPair), 0),
    apply: (rows, addSpecialTokens) => steps.reduce((r, step) => step.apply(r, addSpecialTokens), rows),
  }
}

const readers: { readonly [type: string]: (json: Json) => PostProcessor } = {
  BertProcessing: bert,
  ByteLevel: byteLevel,
  RobertaProcessing: roberta,
  Sequence: sequence,
  TemplateProcessing: template,
}

/** The post-processor that tokenizer.json describes; null adds nothing. */
export const readPostProcessor = (json: Json): PostProcessor => {
  if (json.isNull) return { added: () => 0, apply: (rows) => rows }
  const type = json.at('type').string()
  const read = Object.hasOwn(readers, type) ? readers[type] : undefined
  return read === undefined ? fault(json.path, `is a post-processor that is not known: ${type}.`) : read(json)
}

/** Concatenates rows. */
export const joinRows = (rows: readonly Row[]): Row => rows.reduce(concatenate, { tokens: [], overflowing: [] })
