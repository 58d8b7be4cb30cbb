/**
 * Training of byte-level BPE: Sennrich, Haddow and Birch (2016), over bytes as in Radford et al. (2019). Repeatedly, the most
 * frequent pair of neighbours becomes a token. Merges, their order and token ids are those of `BpeTrainer` of Hugging Face's
 * `tokenizers`.
 */
import { ArgumentError } from '../core/errors.ts'
import { show } from '../core/show.ts'
import * as must from '../conversions/arguments.ts'
import { byteCharacters, byteOf, toByteCharacters } from './bytes.ts'
import { Heap } from './heap.ts'
import { gpt2Words } from './preTokenizers.ts'

/** Options of `trainBpe`. */
export interface BpeOptions {
  /** The most tokens: special ones, the alphabet, and merged pairs. Default: 30,000. */
  readonly vocabSize?: number
  /** The least number of occurrences of a pair that becomes a token. Default: 1. */
  readonly minFrequency?: number
  /** Special tokens, such as `<|endoftext|>`, which are the first of the vocabulary. Default: none. */
  readonly specialTokens?: readonly string[]
  /** Characters of GPT-2's byte alphabet that are always tokens. Default: all 256, so that every text can be encoded. */
  readonly initialAlphabet?: readonly string[]
  /** The most bytes that become tokens: the rarest are dropped, and missing in encoded texts. Default: no limit. */
  readonly limitAlphabet?: number
  /** Whether a space is added before a text without one, so that its first word is encoded like the others. Default: false. */
  readonly addPrefixSpace?: boolean
}

interface ByteLevelJson {
  readonly type: 'ByteLevel'
  readonly add_prefix_space: boolean
  readonly trim_offsets: boolean
  readonly use_regex: boolean
}

/** A token that is found verbatim in texts. */
interface AddedTokenJson {
  readonly id: number
  readonly content: string
  readonly single_word: boolean
  readonly lstrip: boolean
  readonly rstrip: boolean
  readonly normalized: boolean
  readonly special: boolean
}

/** The `tokenizer.json` of a byte-level BPE, as a value. */
export interface BpeTokenizerJson {
  readonly [member: string]: unknown
  readonly version: '1.0'
  readonly truncation: null
  readonly padding: null
  readonly added_tokens: readonly AddedTokenJson[]
  readonly normalizer: null
  readonly pre_tokenizer: ByteLevelJson
  readonly post_processor: null
  readonly decoder: ByteLevelJson
  readonly model: {
    readonly type: 'BPE'
    readonly dropout: null
    readonly unk_token: null
    readonly continuing_subword_prefix: null
    readonly end_of_word_suffix: null
    readonly fuse_unk: boolean
    readonly byte_fallback: boolean
    readonly ignore_merges: boolean
    readonly vocab: { readonly [token: string]: number }
    readonly merges: readonly (readonly [left: string, right: string])[]
  }
}

/** Tokens in the order of their ids. */
class Vocabulary {
  readonly tokens: string[] = []
  readonly #ids = new Map<string, number>()

  get size(): number {
    return this.tokens.length
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token)
  }

  /** The id of a token; a new token gets the next one. */
  add(token: string): number {
    const known = this.#ids.get(token)
    if (known !== undefined) return known
    this.#ids.set(token, this.tokens.length)
    return this.tokens.push(token) - 1
  }
}

/** Counts each word in the texts. */
const countWords = (texts: Iterable<string>, addPrefixSpace: boolean): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  let at = 0
  for (const text of texts) {
    if (typeof text !== 'string') {
      throw new ArgumentError(`trainBpe: texts must be strings, got ${show(text)} at ${at}.`)
    }
    const whole = addPrefixSpace && !text.startsWith(' ') ? ` ${text}` : text
    for (const word of whole.match(gpt2Words) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1)
    at++
  }
  return counts
}

/** A word as byte characters, and its count. */
interface Counted {
  readonly characters: readonly string[]
  readonly count: number
}

/** The characters that are tokens, in the order of Unicode. */
const alphabetOf = (
  words: readonly Counted[],
  initial: readonly string[],
  limit: number | undefined,
): readonly string[] => {
  const counts = new Map<string, number>()
  for (const { characters, count } of words) {
    for (const character of characters) counts.set(character, (counts.get(character) ?? 0) + count)
  }
  for (const character of initial) counts.set(character, Infinity)
  // In Rust it is undefined which of equally rare ones is dropped; here it is the last.
  const frequent = [...counts].sort(([a, m], [b, n]) => (m === n ? (a < b ? -1 : 1) : n > m ? 1 : -1))
  const kept = frequent.slice(0, limit).map(([character]) => character)
  return kept.sort((a, b) => (a < b ? -1 : 1))
}

/** A pair of neighbours that may become a token. */
interface Candidate {
  readonly pair: number
  readonly count: number
  /** The indices of the words that it was seen in. */
  readonly words: readonly number[]
}

/** Whether a pair comes first: by frequency, then by the order of its tokens. */
const isBefore = (a: Candidate, b: Candidate): boolean => a.count > b.count || (a.count === b.count && a.pair < b.pair)

/** Replaces each `left` followed by `right` by the token `made`; reports which pairs appear and disappear. */
const mergeIn = (
  word: number[],
  [left, right, made]: readonly [number, number, number],
  change: (left: number, right: number, by: 1 | -1) => void,
): void => {
  let length = 0
  for (let i = 0; i < word.length; i++) {
    if (word[i] !== left || word[i + 1] !== right) {
      word[length++] = word[i]!
      continue
    }
    if (length > 0) {
      const before = word[length - 1]!
      change(before, left, -1)
      change(before, made, 1)
    }
    if (i + 2 < word.length) {
      const after = word[i + 2]!
      change(right, after, -1)
      change(made, after, 1)
    }
    word[length++] = made
    i++
  }
  word.length = length
}

/**
 * The merges, in their order, as pairs of numbers. Pairs are counted once; a merge changes only the counts of its neighbours, in the words
 * that have it. A count in the queue may be out of date: it is corrected when it is taken out.
 */
const learnMerges = (
  vocabulary: Vocabulary,
  words: readonly number[][],
  counts: readonly number[],
  { vocabSize, minFrequency }: { readonly vocabSize: number; readonly minFrequency: number },
): readonly (readonly [number, number])[] => {
  // Pairs are encoded as numbers that sort by their tokens: left, then right.
  const pairCounts = new Map<number, number>()
  let seen = new Map<number, number[]>()
  const queue = new Heap(isBefore)

  /** Applies the pairs of a word that appear (1) and disappear (-1). */
  const changeIn =
    (place: number) =>
    (left: number, right: number, by: 1 | -1): void => {
      const pair = left * vocabSize + right
      pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + by * counts[place]!)
      if (by < 0) return
      const places = seen.get(pair)
      if (places === undefined) seen.set(pair, [place])
      else if (places.at(-1) !== place) places.push(place)
    }
  const offerSeen = (): void => {
    for (const [pair, places] of seen) {
      const count = pairCounts.get(pair)!
      if (count > 0) queue.push({ pair, count, words: places })
    }
    seen = new Map()
  }

  words.forEach((word, place) => {
    const change = changeIn(place)
    for (let i = 0; i + 1 < word.length; i++) change(word[i]!, word[i + 1]!, 1)
  })
  offerSeen()

  // A token may be made again from other halves, with its pairs: the last time counts.
  const merges = new Map<number, readonly [number, number]>()
  while (vocabulary.size < vocabSize) {
    const top = queue.pop()
    if (top === undefined) break
    const now = pairCounts.get(top.pair)!
    if (top.count !== now) {
      queue.push({ ...top, count: now })
      continue
    }
    if (now < 1 || now < minFrequency) break
    const [left, right] = [Math.floor(top.pair / vocabSize), top.pair % vocabSize]
    const made = vocabulary.add(vocabulary.tokens[left]! + vocabulary.tokens[right]!)
    merges.delete(top.pair)
    merges.set(top.pair, [left, right])
    for (const place of top.words) mergeIn(words[place]!, [left, right, made], changeIn(place))
    offerSeen()
  }
  return [...merges.values()]
}

const byteLevel = (add_prefix_space: boolean): ByteLevelJson => ({
  type: 'ByteLevel',
  add_prefix_space,
  trim_offsets: true,
  use_regex: true,
})

const jsonOf = (
  { tokens }: Vocabulary,
  merges: readonly (readonly [number, number])[],
  special: readonly string[],
  addPrefixSpace: boolean,
): BpeTokenizerJson => ({
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: special.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: null,
  pre_tokenizer: byteLevel(addPrefixSpace),
  post_processor: null,
  decoder: byteLevel(true),
  model: {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
    vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    merges: merges.map(([left, right]) => [tokens[left]!, tokens[right]!]),
  },
})

const isIterable = (x: unknown): boolean => typeof x === 'object' && x !== null && Symbol.iterator in x

const characters = must.listOf(
  must.kind("a character of GPT-2's alphabet of bytes", (x) => typeof x === 'string' && byteOf(x) !== undefined),
)

const trainBpeDoor = must.door('trainBpe', {
  texts: must.kind('strings, in a list or another iterable', isIterable, {
    hint: (x) => (typeof x === 'string' ? 'One text is given as [text].' : null),
  }),
  options: must.optionsOf<BpeOptions>({
    vocabSize: must.kind('a whole number from 1 to 2^24', (x) => must.count.accepts(x) && (x as number) <= 2 ** 24),
    minFrequency: must.natural,
    specialTokens: must.listOf(must.kind('a string that is not empty', (x) => typeof x === 'string' && x !== '')),
    initialAlphabet: characters,
    limitAlphabet: must.natural,
    addPrefixSpace: must.boolean,
  }),
})

const checkSizes = (name: string, asked: number, least: number, remedy: string): void => {
  if (asked < least) throw new ArgumentError(`trainBpe: ${name} ${asked} is too small: ${remedy}`)
}

/**
 * Trains a byte-level BPE, GPT-2's kind of tokenizer, on texts. It is deterministic, and equals the one of `BpeTrainer` in
 * Hugging Face's `tokenizers` with the pre-tokenizer `ByteLevel`.
 *
 * @param texts - the training texts; their order does not matter. Words do not extend across texts.
 * @returns a `tokenizer.json` as a value: `loadTokenizer` reads it, and Python's `Tokenizer.from_str` reads its
 *   `JSON.stringify`.
 * @throws ArgumentError if `vocabSize` is too small for the special tokens and the alphabet, or `limitAlphabet` for the initial
 *   one.
 *
 * @example
 * ```ts
 * import { loadTokenizer, trainBpe } from 'pullback/tokenizers'
 *
 * const json = trainBpe(['low lower lowest', 'new newer newest'], { vocabSize: 264, specialTokens: ['<|end|>'] })
 * json.model.merges.map(([left, right]) => left + right).join(' ') // => we lo ne st Ġlo Ġne wer
 * const tokenizer = loadTokenizer({ tokenizerJson: json })
 * tokenizer._tag === 'Right' ? tokenizer.right.encode('lower 低').tokens.join(' ') : '' // => lo wer Ġ ä ½ İ
 * ```
 */
export const trainBpe = (texts: Iterable<string>, options: BpeOptions = {}): BpeTokenizerJson => {
  trainBpeDoor(texts, options)
  const { vocabSize = 30_000, minFrequency = 1, specialTokens = [], addPrefixSpace = false } = options
  const { initialAlphabet = byteCharacters, limitAlphabet } = options
  const [initial, special] = [new Set(initialAlphabet), new Set(specialTokens)]
  const lack = `initialAlphabet has ${initial.size} characters. Give a shorter one, such as [].`
  checkSizes('limitAlphabet', limitAlphabet ?? Infinity, initial.size, lack)

  const words = Array.from(countWords(texts, addPrefixSpace), ([word, count]): Counted => ({
    characters: toByteCharacters(word),
    count,
  }))
  const vocabulary = new Vocabulary()
  for (const token of special) vocabulary.add(token)
  for (const character of alphabetOf(words, [...initial], limitAlphabet)) vocabulary.add(character)
  const held = `special tokens and single bytes are ${vocabulary.size}. Give a larger one, or fewer of them (initialAlphabet: []).`
  checkSizes('vocabSize', vocabSize, vocabulary.size, held)

  const ids = words.map(({ characters }) =>
    characters.map((character) => vocabulary.idOf(character)).filter((id) => id !== undefined),
  )
  const counts = words.map(({ count }) => count)
  const merges = learnMerges(vocabulary, ids, counts, { vocabSize, minFrequency })
  return jsonOf(vocabulary, merges, [...special], addPrefixSpace)
}
