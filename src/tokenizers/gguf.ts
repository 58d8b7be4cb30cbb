/** Tokenizers from the metadata of GGUF files (`tokenizer.ggml.*`), as llama.cpp writes them. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { GgufValue } from '../io/index.ts'
import * as must from '../conversions/arguments.ts'
import type { TokenizerError } from './errors.ts'
import { Json, attempt, fault } from './errors.ts'
import { build } from './load.ts'
import type { Tokenizer } from './tokenizer.ts'
import { charactersOf } from './unicode.ts'

/** Kinds of tokens in `tokenizer.ggml.token_type`. */
const [UNKNOWN, CONTROL, USER_DEFINED, BYTE] = [2, 3, 4, 6]

/** The tokenizer metadata of a file. */
interface Source {
  readonly member: (name: string) => Json
  readonly tokens: readonly string[]
  readonly types: readonly number[]
}

const readSource = (metadata: ReadonlyMap<string, GgufValue>): Source => {
  const member = (name: string): Json => {
    const value = metadata.get(name)
    return new Json(typeof value === 'bigint' ? Number(value) : value, name)
  }
  const list = member('tokenizer.ggml.tokens')
  if (list.isNull) fault(list.path, 'is missing: the file has no tokenizer.')
  const tokens = list.list().map((token) => token.string())
  const given = member('tokenizer.ggml.token_type')
  const types = given.isNull ? tokens.map(() => 1) : given.list().map((type) => type.count())
  if (types.length !== tokens.length) given.fail(`a list of ${tokens.length} numbers`)
  return { member, tokens, types }
}

const split = (Regex: string): unknown => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false })
const bytesOnly = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }
const gpt2Words = { ...bytesOnly, use_regex: true }
const digitsThenGpt2 = [{ type: 'Digits', individual_digits: true }, gpt2Words]
const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
const afterDigits = '| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'

/** How texts are split, by `tokenizer.ggml.pre`: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp */
const splitters: { readonly [name: string]: readonly unknown[] } = {
  'gpt-2': [gpt2Words],
  smollm: digitsThenGpt2,
  starcoder: digitsThenGpt2,
  refact: digitsThenGpt2,
  'command-r': digitsThenGpt2,
  'llama-bpe': [split(`${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}${afterDigits}`), bytesOnly],
  qwen2: [split(`${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}${afterDigits}`), bytesOnly],
  default: [
    split('[\\p{P}\\$\\+<=>\\^~\\|]+'),
    split("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)"),
    split('\\p{N}+'),
    split('[0-9][0-9][0-9]'),
    bytesOnly,
  ],
}

const vocabularyOf = (tokens: readonly string[]): { readonly [token: string]: number } =>
  Object.fromEntries(tokens.map((token, id) => [token, id]))

const byteLevel = ({ member, tokens }: Source): object => {
  const pre = member('tokenizer.ggml.pre')
  const name = pre.word(Object.keys(splitters), 'default')
  return {
    // Qwen's own tokenizer normalizes to NFC; llama.cpp leaves that to the caller.
    normalizer: name === 'qwen2' ? { type: 'NFC' } : null,
    pre_tokenizer: { type: 'Sequence', pretokenizers: splitters[name] },
    decoder: gpt2Words,
    model: {
      type: 'BPE',
      vocab: vocabularyOf(tokens),
      merges: member('tokenizer.ggml.merges').value,
      ignore_merges: name === 'llama-bpe',
    },
  }
}

/**
 * Merges that are equivalent to SentencePiece's scores: the pair whose token has the highest score is merged first; among equal
 * scores, the longest. Pairs that make the same token come in the order of their parts.
 */
const mergesOf = (
  vocabulary: ReadonlyMap<string, number>,
  scores: readonly number[],
): readonly (readonly [string, string])[] => {
  const merges: { readonly left: string; readonly right: string; readonly score: number }[] = []
  for (const [token, id] of vocabulary) {
    const characters = charactersOf(token)
    const pairs = characters.slice(1).map((_, i) => {
      const left = characters.slice(0, i + 1).join('')
      return { left, right: token.slice(left.length), score: scores[id]! }
    })
    const known = pairs.filter(({ left, right }) => vocabulary.has(left) && vocabulary.has(right))
    known.sort(
      (a, b) =>
        vocabulary.get(a.left)! - vocabulary.get(b.left)! || vocabulary.get(a.right)! - vocabulary.get(b.right)!,
    )
    merges.push(...known)
  }
  const size = (text: string): number => charactersOf(text).length
  merges.sort((a, b) => b.score - a.score || size(b.left) - size(a.left) || size(b.right) - size(a.right))
  return merges.map(({ left, right }) => [left, right])
}

const sentencePiece = ({ member, tokens, types }: Source): object => {
  const given = member('tokenizer.ggml.scores')
  const scores = given.list().map((score) => score.number())
  if (scores.length !== tokens.length) given.fail(`a list of ${tokens.length} numbers`)
  const prefixes = member('tokenizer.ggml.add_space_prefix').flag(true)
  const unknown = tokens[member('tokenizer.ggml.unknown_token_id').count(0)]
  const joined = tokens
    .map((token, id) => [token, id] as const)
    .filter(([, id]) => ![UNKNOWN, CONTROL, BYTE].includes(types[id]!))
  const toMeta = { type: 'Replace', pattern: { String: ' ' }, content: '▁' }
  return {
    normalizer: { type: 'Sequence', normalizers: [...(prefixes ? [{ type: 'Prepend', prepend: '▁' }] : []), toMeta] },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: prefixes ? 1 : 0, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      vocab: vocabularyOf(tokens),
      merges: mergesOf(new Map(joined), scores),
      unk_token: unknown ?? null,
      fuse_unk: true,
      byte_fallback: true,
    },
  }
}

/** The token of a role. */
const roleToken = ({ member, tokens }: Source, role: string, fallback?: number): string | null => {
  const id = member(`tokenizer.ggml.${role}_token_id`)
  if (id.isNull && fallback === undefined) return null
  return tokens[id.count(fallback)] ?? id.fail(`the number of one of ${tokens.length} tokens`)
}

/** A template that adds tokens around each text. */
const around = (before: string | null, after: string | null, { tokens }: Source): unknown => {
  const special = (token: string | null): readonly unknown[] =>
    token === null ? [] : [{ SpecialToken: { id: token, type_id: 0 } }]
  const text = (id: string): readonly unknown[] => [
    ...special(before),
    { Sequence: { id, type_id: 0 } },
    ...special(after),
  ]
  const named = [before, after].flatMap((token) => (token === null ? [] : [token]))
  return {
    type: 'TemplateProcessing',
    single: text('A'),
    pair: [...text('A'), ...text('B')],
    special_tokens: Object.fromEntries(named.map((t) => [t, { id: t, ids: [tokens.indexOf(t)], tokens: [t] }])),
  }
}

const read = (metadata: ReadonlyMap<string, GgufValue>): Tokenizer => {
  const source = readSource(metadata)
  const { member, tokens, types } = source
  const kind = member('tokenizer.ggml.model').word(['gpt2', 'llama'])
  const isSentencePiece = kind === 'llama'
  const [bos, eos] = [
    roleToken(source, 'bos', isSentencePiece ? 1 : undefined),
    roleToken(source, 'eos', isSentencePiece ? 2 : undefined),
  ]
  const beginsByDefault = isSentencePiece || member('tokenizer.ggml.pre').value === 'llama-bpe'
  const begins = member('tokenizer.ggml.add_bos_token').flag(beginsByDefault)
  const ends = member('tokenizer.ggml.add_eos_token').flag(false)
  const turnEnd = member('tokenizer.ggml.eot_token_id')
  return build({
    tokenizerJson: {
      ...(isSentencePiece ? sentencePiece(source) : byteLevel(source)),
      added_tokens: tokens.flatMap((content, id) =>
        [UNKNOWN, CONTROL, USER_DEFINED].includes(types[id]!)
          ? [{ id, content, special: types[id] !== USER_DEFINED, normalized: false }]
          : [],
      ),
      post_processor: around(begins ? bos : null, ends ? eos : null, source),
    },
    tokenizerConfig: {
      bos_token: bos,
      eos_token: eos,
      unk_token: roleToken(source, 'unknown'),
      sep_token: roleToken(source, 'seperator'),
      pad_token: roleToken(source, 'padding'),
      chat_template: member('tokenizer.chat_template').value,
    },
    generationConfig: turnEnd.isNull ? {} : { eos_token_id: turnEnd.count() },
  })
}

const tokenizerFromGgufDoor = must.door('tokenizerFromGguf', {
  file: must.kind(
    'an opened GGUF file, or an object with a Map of metadata',
    (x) => (x as { readonly metadata?: unknown } | null | undefined)?.metadata instanceof Map,
    { hint: (x) => (x instanceof Map ? 'Here it is { metadata }.' : null) },
  ),
})

/**
 * The tokenizer of a GGUF file: `gpt2` (byte-level BPE, split as in `gpt-2`, `smollm`, `llama-bpe`, `qwen2`, ...) or `llama`
 * (SentencePiece with scores and byte tokens), with its chat template.
 *
 * @param file an open GGUF file, or any object with its metadata.
 * @returns an error if the file has no tokenizer, or an unsupported one.
 *
 * @example
 * ```ts
 * import { tokenizerFromGguf } from 'pullback/tokenizers'
 *
 * const metadata = new Map<string, string | string[]>([
 *   ['tokenizer.ggml.model', 'gpt2'],
 *   ['tokenizer.ggml.tokens', ['h', 'i', 'hi']],
 *   ['tokenizer.ggml.merges', ['h i']],
 * ])
 * const tokenizer = tokenizerFromGguf({ metadata })
 * tokenizer._tag === 'Right' ? tokenizer.right.encode('hi').ids : [] // => 2
 * ```
 */
export const tokenizerFromGguf = (file: {
  readonly metadata: ReadonlyMap<string, GgufValue>
}): Either<TokenizerError, Tokenizer> => {
  tokenizerFromGgufDoor(file)
  return attempt(() => read(file.metadata))
}
