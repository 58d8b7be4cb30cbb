/**
 * The models of tokenizer.json: split words into tokens, with the range of each in the word. `@huggingface/tokenizers` merges,
 * matches, and looks tokens up; the most likely segmentation, unknown characters, byte fallback, and offsets are here.
 */
import { encodeUtf8 } from '../core/utf8.ts'
import type { Span } from './aligned.ts'
import { byteToken } from './bytes.ts'
import { BPE, Unigram, WordPiece } from './engine.ts'
import type { Json } from './errors.ts'
import { fault } from './errors.ts'
import type { Merges, Symbol } from './merges.ts'
import { mergeAll, pairOf } from './merges.ts'
import { charactersOf } from './unicode.ts'

/** A token of a word. */
interface Piece {
  readonly id: number
  readonly token: string
  /** Its range in the word, in UTF-16 units. */
  readonly span: Span
}

/** The kind of model that splits words into tokens. */
export type ModelType = 'BPE' | 'Unigram' | 'WordPiece' | 'WordLevel'

export interface TokenModel {
  readonly type: ModelType
  readonly vocabulary: ReadonlyMap<string, number>
  /** The texts of tokens. A file may have several tokens with the same text. */
  readonly tokens: readonly (string | undefined)[]
  readonly tokenize: (word: string) => readonly Piece[]
}

const readVocabulary = (json: Json): ReadonlyMap<string, number> => {
  const vocabulary = new Map<string, number>()
  for (const [token, id] of json.entries()) vocabulary.set(token, id.count())
  return vocabulary
}

const tokensOf = (vocabulary: ReadonlyMap<string, number>): readonly (string | undefined)[] => {
  const tokens: string[] = []
  for (const [token, id] of vocabulary) tokens[id] = token
  return tokens
}

/** A token that, if given, must be in the vocabulary. */
const known = (vocabulary: ReadonlyMap<string, number>, json: Json): string => {
  const token = json.string()
  return vocabulary.has(token) ? token : json.fail('a token of the vocabulary')
}

/** The byte tokens of a text, if the vocabulary has them all. */
const bytePieces = (vocabulary: ReadonlyMap<string, number>, text: string, span: Span): readonly Piece[] | null => {
  const pieces: Piece[] = []
  for (const byte of encodeUtf8(text)) {
    const token = byteToken(byte)
    const id = vocabulary.get(token)
    if (id === undefined) return null
    pieces.push({ id, token, span })
  }
  return pieces
}

/** Pairs of tokens that merge to a third, which omits the second's prefix for tokens inside words. */
const readMerges = (
  json: Json,
  vocabulary: ReadonlyMap<string, number>,
  prefix: string,
): readonly (readonly [left: string, right: string, both: string])[] =>
  json.list().map((merge) => {
    const parts = typeof merge.value === 'string' ? merge.value.split(' ') : merge.list().map((part) => part.string())
    const [left, right] = parts
    if (left === undefined || right === undefined || parts.length !== 2) return merge.fail('two tokens')
    const both = left + right.slice(prefix.length)
    const hasAll = [left, right, both].every((token) => vocabulary.has(token))
    return hasAll ? [left, right, both] : merge.fail('two tokens of the vocabulary that make a third')
  })

/** The settings of a BPE in `tokenizer.json`. Dropout is only for training, and ignored here. */
interface BpeParts {
  readonly vocabulary: ReadonlyMap<string, number>
  readonly merges: ReturnType<typeof readMerges>
  readonly unknown: string | null
  readonly fusesUnknown: boolean
  readonly prefix: string
  readonly suffix: string
}

/**
 * BPE with a prefix for tokens inside words. Characters without a token become the unknown token, or nothing where the model
 * has none.
 */
const prefixedBpe = ({ vocabulary, merges, unknown, fusesUnknown, prefix, suffix }: BpeParts) => {
  const pairs: Merges = new Map(
    merges.map(([left, right, both], rank) => [
      pairOf(vocabulary.get(left)!, vocabulary.get(right)!),
      { rank, id: vocabulary.get(both)! },
    ]),
  )
  const tokens = tokensOf(vocabulary)
  const unknownId = unknown === null ? null : vocabulary.get(unknown)!

  const symbolsOf = (word: string): readonly Symbol[] => {
    const symbols: Symbol[] = []
    const characters = charactersOf(word)
    let [at, isUnknown] = [0, false]
    characters.forEach((character, i) => {
      const token = (i === 0 ? '' : prefix) + character + (i === characters.length - 1 ? suffix : '')
      const span: Span = [at, at + character.length]
      const id = vocabulary.get(token)
      const last = symbols.at(-1)
      if (id !== undefined) symbols.push({ id, span })
      else if (isUnknown && fusesUnknown) symbols[symbols.length - 1] = { ...last!, span: [last!.span[0], span[1]] }
      else if (unknownId !== null) symbols.push({ id: unknownId, span })
      isUnknown = id === undefined && unknownId !== null
      at = span[1]
    })
    return symbols
  }

  return (word: string): readonly Piece[] =>
    mergeAll(symbolsOf(word), pairs).map(({ id, span }): Piece => ({ id, token: tokens[id]!, span }))
}

const readBpe = (json: Json): TokenModel => {
  const vocabulary = readVocabulary(json.at('vocab'))
  const unknown = json.at('unk_token').isNull ? null : known(vocabulary, json.at('unk_token'))
  const suffix = json.at('end_of_word_suffix').string('')
  const [fusesUnknown, fallsBack] = [json.at('fuse_unk').flag(false), json.at('byte_fallback').flag(false)]
  const ignoresMerges = json.at('ignore_merges').flag(false)
  const prefix = json.at('continuing_subword_prefix').string('')
  const dropout = json.at('dropout')
  if (!dropout.isNull && !(dropout.number() >= 0 && dropout.number() <= 1)) dropout.fail('a number from 0 to 1')
  const merges = readMerges(json.at('merges'), vocabulary, prefix)
  const common = { type: 'BPE', vocabulary, tokens: tokensOf(vocabulary) } as const
  const wholeWord = (word: string): readonly Piece[] | null => {
    const id = ignoresMerges ? vocabulary.get(word) : undefined
    return id === undefined ? null : [{ id, token: word, span: [0, word.length] }]
  }
  if (prefix !== '') {
    if (fallsBack) json.at('byte_fallback').fail('false beside a continuing_subword_prefix')
    const pieces = prefixedBpe({ vocabulary, merges, unknown, fusesUnknown, prefix, suffix })
    return { ...common, tokenize: (word) => wholeWord(word) ?? pieces(word) }
  }
  const bpe = new BPE({
    vocab: Object.fromEntries(vocabulary),
    merges: merges.map(([left, right]) => [left, right]),
    end_of_word_suffix: suffix === '' ? null : suffix,
  })

  /** A character without a token: its bytes, or the unknown token, or nothing where the model has none. */
  const stranger = (text: string, span: Span, before: Piece | undefined): readonly Piece[] | 'fused' => {
    const bytes = fallsBack ? bytePieces(vocabulary, text, span) : null
    if (bytes !== null) return bytes
    if (unknown === null) return []
    const fuses = fusesUnknown && before?.token === unknown && before.span[1] === span[0]
    return fuses ? 'fused' : [{ id: vocabulary.get(unknown)!, token: unknown, span }]
  }

  const tokenize = (word: string): readonly Piece[] => {
    const whole = wholeWord(word)
    if (whole !== null) return whole
    const pieces: Piece[] = []
    let at = 0
    for (const token of bpe.bpe(word)) {
      const span: Span = [at, Math.min(at + token.length, word.length)]
      const id = vocabulary.get(token)
      if (id !== undefined) pieces.push({ id, token, span })
      else {
        const before = pieces.at(-1)
        const strangers = stranger(word.slice(...span), span, before)
        if (strangers !== 'fused') pieces.push(...strangers)
        else pieces[pieces.length - 1] = { ...before!, span: [before!.span[0], span[1]] }
      }
      at = span[1]
    }
    return pieces
  }
  return { ...common, tokenize }
}

/** The score of an unknown character, below that of the least likely token. */
const UNKNOWN_PENALTY = 10

/** The last token of the most likely segmentation of the first `end` characters. */
interface Best {
  readonly start: number
  readonly score: number
  readonly id: number
}

interface UnigramParts {
  readonly scores: readonly number[]
  readonly vocabulary: ReadonlyMap<string, number>
  readonly unknownId: number
  readonly prefixes: (characters: readonly string[], start: number) => Iterable<string>
}

/**
 * Viterbi's most likely segmentation, as [start, end, id] in characters. Among equal scores, which the package's own search
 * compares after adding the rest, the one that begins first wins.
 */
const mostLikely = (characters: readonly string[], { scores, vocabulary, unknownId, prefixes }: UnigramParts) => {
  const unknownScore = scores.reduce((least, score) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY
  const best: (Best | undefined)[] = [{ start: 0, score: 0, id: unknownId }]
  const offer = (end: number, candidate: Best): void => {
    const known = best[end]
    if (known === undefined || candidate.score > known.score) best[end] = candidate
  }
  for (let start = 0; start < characters.length; start++) {
    const before = best[start]!.score
    let hasSingle = false
    for (const token of prefixes(characters, start)) {
      const [id, length] = [vocabulary.get(token)!, charactersOf(token).length]
      offer(start + length, { start, score: scores[id]! + before, id })
      hasSingle ||= length === 1
    }
    if (!hasSingle) offer(start + 1, { start, score: unknownScore + before, id: unknownId })
  }
  const path: (readonly [start: number, end: number, id: number])[] = []
  for (let end = characters.length; end > 0;) {
    const { start, id } = best[end]!
    path.push([start, end, id])
    end = start
  }
  return path.reverse()
}

const readUnigram = (json: Json): TokenModel => {
  const vocab = json
    .at('vocab')
    .list()
    .map((entry): readonly [string, number] => {
      const [token, score, ...rest] = entry.list()
      if (token === undefined || score === undefined || rest.length > 0) return entry.fail('a token and its score')
      return [token.string(), score.number()]
    })
  const unknownId = json.at('unk_id').count()
  if (vocab[unknownId] === undefined) json.at('unk_id').fail(`the number of one of ${vocab.length} tokens`)
  const fallsBack = json.at('byte_fallback').flag(false)
  const vocabulary = new Map(vocab.map(([token], id) => [token, id]))
  const { trie } = new Unigram({ vocab, unk_id: unknownId }, '')
  const parts: UnigramParts = {
    scores: vocab.map(([, score]) => score),
    vocabulary,
    unknownId,
    prefixes: (characters, start) => trie.common_prefix_search(characters, start),
  }

  const tokenize = (word: string): readonly Piece[] => {
    const characters = charactersOf(word)
    const pieces: Piece[] = []
    // Adjacent unknown characters are one token, or the bytes of all of them.
    let unknownFrom = -1
    const endUnknown = (at: number): void => {
      if (unknownFrom < 0) return
      const span: Span = [unknownFrom, at]
      const text = word.slice(...span)
      const bytes = fallsBack ? bytePieces(vocabulary, text, span) : null
      for (const piece of bytes ?? [{ id: unknownId, token: text, span }]) pieces.push(piece)
      unknownFrom = -1
    }
    let at = 0
    for (const [start, end, id] of mostLikely(characters, parts)) {
      const token = characters.slice(start, end).join('')
      if (id !== unknownId) {
        endUnknown(at)
        pieces.push({ id, token, span: [at, at + token.length] })
      } else if (unknownFrom < 0) unknownFrom = at
      at += token.length
    }
    endUnknown(at)
    return pieces
  }
  return { type: 'Unigram', vocabulary, tokens: vocab.map(([token]) => token), tokenize }
}

const readWordPiece = (json: Json): TokenModel => {
  const vocabulary = readVocabulary(json.at('vocab'))
  const unknown = known(vocabulary, json.at('unk_token'))
  const prefix = json.at('continuing_subword_prefix').string('##')
  const wordPiece = new WordPiece({
    vocab: Object.fromEntries(vocabulary),
    unk_token: unknown,
    continuing_subword_prefix: prefix,
    max_input_chars_per_word: json.at('max_input_chars_per_word').count(100),
  })

  const tokenize = (word: string): readonly Piece[] => {
    const tokens = wordPiece.encode([word])
    const [first] = tokens
    if (tokens.length === 1 && first === unknown) {
      return [{ id: vocabulary.get(unknown)!, token: unknown, span: [0, word.length] }]
    }
    let at = 0
    return tokens.map((token, i) => {
      const start = at
      at += token.length - (i === 0 ? 0 : prefix.length)
      return { id: vocabulary.get(token)!, token, span: [start, at] }
    })
  }
  return { type: 'WordPiece', vocabulary, tokens: tokensOf(vocabulary), tokenize }
}

const readWordLevel = (json: Json): TokenModel => {
  const vocabulary = readVocabulary(json.at('vocab'))
  const unknown = known(vocabulary, json.at('unk_token'))
  return {
    type: 'WordLevel',
    vocabulary,
    tokens: tokensOf(vocabulary),
    tokenize: (word) => {
      const token = vocabulary.has(word) ? word : unknown
      return [{ id: vocabulary.get(token)!, token, span: [0, word.length] }]
    },
  }
}

/** Guesses the model type of older files, which do not name it. */
const guessedType = (json: Json): ModelType => {
  if (!json.at('merges').isNull) return 'BPE'
  if (Array.isArray(json.at('vocab').value)) return 'Unigram'
  return json.at('continuing_subword_prefix').isNull ? 'WordLevel' : 'WordPiece'
}

const readers: { readonly [T in ModelType]: (json: Json) => TokenModel } = {
  BPE: readBpe,
  Unigram: readUnigram,
  WordPiece: readWordPiece,
  WordLevel: readWordLevel,
}

/** The model that tokenizer.json describes. */
export const readModel = (json: Json): TokenModel => {
  if (json.isNull) return fault(json.path, 'is missing: a tokenizer.json has one.')
  return readers[json.at('type').word(['BPE', 'Unigram', 'WordPiece', 'WordLevel'], guessedType(json))](json)
}
