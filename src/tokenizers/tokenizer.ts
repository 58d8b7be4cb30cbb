/** The public class of tokenizers. */
import type { Either } from 'fp-ts/lib/Either.js'
import { ArgumentError } from '../core/errors.ts'
import * as must from '../conversions/arguments.ts'
import type { AddedToken, Part } from './addedTokens.ts'
import { Aligned } from './aligned.ts'
import type { ChatMessage, ChatTemplates } from './chat.ts'
import { renderChat } from './chat.ts'
import type { DecodeStream } from './decodeStream.ts'
import { makeDecodeStream } from './decodeStream.ts'
import type { Decoder } from './decoders.ts'
import { cleanUp } from './decoders.ts'
import type { Encoding, Row, Token } from './encoding.ts'
import { encodingOf, pad } from './encoding.ts'
import type { TokenizerError } from './errors.ts'
import { attempt } from './errors.ts'
import type { ModelType, TokenModel } from './models.ts'
import type { BatchOptions, Defaults, EncodeOptions, Plan } from './options.ts'
import { encodeBatchDoor, encodeDoor, planOf } from './options.ts'
import type { PostProcessor } from './postProcessors.ts'
import { joinRows, specialToken } from './postProcessors.ts'
import type { PreTokenizer } from './preTokenizers.ts'
import type { SpecialTokens, TokenRole } from './specialTokens.ts'
import { truncateRows } from './truncation.ts'

/** A text, or a pair of texts. */
export type TextInput = string | readonly [string, string]

/** Texts as rows of ids, which have the same length if they were padded. */
export interface BatchEncoding {
  readonly inputIds: readonly (readonly number[])[]
  readonly attentionMask: readonly (readonly number[])[]
  readonly tokenTypeIds: readonly (readonly number[])[]
  /** The full encoding of each row. */
  readonly encodings: readonly Encoding[]
  /** The index of the text of each row, which matters with `returnOverflowingTokens`. */
  readonly overflowToSampleMapping: readonly number[]
}

/** Options of decoding. */
export interface DecodeOptions {
  /** Whether special tokens are skipped. Default: false. */
  readonly skipSpecialTokens?: boolean
  /**
   * Whether spaces before English punctuation and contractions are removed. By default as in `tokenizer_config.json`; false for
   * BPE and where that has no setting, as in `transformers`.
   */
  readonly cleanUpTokenizationSpaces?: boolean
}

/** Options of chat templates. */
export interface ChatOptions {
  /** Whether to append the beginning of the assistant's turn. Default: false. */
  readonly addGenerationPrompt?: boolean
  /** Tools that the model may call, as JSON schemas. */
  readonly tools?: readonly unknown[]
  /** Documents that the model may use. */
  readonly documents?: readonly unknown[]
  /** Another template, or the name of one of the tokenizer's. */
  readonly chatTemplate?: string
  /** Further variables of the template: `{ enable_thinking: false }`. */
  readonly variables?: { readonly [name: string]: unknown }
}

const decodeOptions: must.OptionTable<DecodeOptions> = {
  skipSpecialTokens: must.boolean,
  cleanUpTokenizationSpaces: must.boolean,
}

const decodeDoor = must.door('decode', {
  ids: must.listOf(must.natural, 'a list of tokens, which are whole numbers'),
  options: must.optionsOf(decodeOptions),
})

const isIterable = (x: unknown): x is Iterable<unknown> =>
  typeof x === 'object' && x !== null && typeof (x as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function'

/** An iterable as a list; other values, and those that throw, are returned for a later check to reject. */
const listFrom = (x: unknown): unknown => {
  // A list need not be copied, and copying may take very long.
  if (Array.isArray(x) || !isIterable(x)) return x
  try {
    return [...x]
  } catch {
    return x
  }
}

const decodeBatchDoor = must.door('decodeBatch', {
  rows: must.kind('a list of rows of tokens', (x) => must.isListOf(x, isIterable)),
  options: must.optionsOf(decodeOptions),
})

const tokenToIdDoor = must.door('tokenToId', { token: must.string })

const idToTokenDoor = must.door('idToToken', { id: must.natural })

const decodeStreamDoor = must.door('decodeStream', {
  options: must.optionsOf<Pick<DecodeOptions, 'skipSpecialTokens'>>({ skipSpecialTokens: must.boolean }),
})

const chatOptions: must.OptionTable<ChatOptions> = {
  addGenerationPrompt: must.boolean,
  tools: must.listOf(must.anything, 'a list of tools'),
  documents: must.listOf(must.anything, 'a list of documents'),
  chatTemplate: must.string,
  variables: must.recordOf(must.anything, 'an object of variables'),
}

const chatDoor = must.door('applyChatTemplate', {
  messages: must.listOf(must.recordOf(must.anything, 'a message'), 'a list of messages'),
  options: must.optionsOf(chatOptions),
})

/** The parts of a tokenizer. */
interface Parts {
  readonly extract: (text: Aligned) => readonly Part[]
  readonly addedTokens: readonly AddedToken[]
  readonly preTokenize: PreTokenizer
  readonly model: TokenModel
  readonly postProcessor: PostProcessor
  readonly decoder: Decoder
  readonly specialTokens: SpecialTokens
  readonly eosIds: readonly number[]
  readonly cleansUp: boolean
  readonly chatTemplates: ChatTemplates
  readonly defaults: Defaults
}

/**
 * Encodes texts to tokens and decodes them; made by {@link loadTokenizer} and {@link tokenizerFromGguf}. It is immutable.
 */
export class Tokenizer {
  readonly #parts: Parts
  readonly #tokens: readonly (string | undefined)[]
  readonly #added: ReadonlyMap<number, AddedToken>
  readonly #addedIds: ReadonlyMap<string, number>
  readonly #specialContents: ReadonlySet<string>
  /** The number of tokens, including added ones. */
  readonly vocabularySize: number

  /** @internal */
  constructor(parts: Parts) {
    this.#parts = parts
    const { addedTokens, model } = parts
    this.#tokens = model.tokens
    this.#added = new Map(addedTokens.map((token) => [token.id, token]))
    this.#addedIds = new Map(addedTokens.map(({ content, id }) => [content, id]))
    this.#specialContents = new Set(addedTokens.flatMap(({ content, isSpecial }) => (isSpecial ? [content] : [])))
    this.vocabularySize = new Set([...model.vocabulary.keys(), ...this.#addedIds.keys()]).size
  }

  /** The kind of model inside. */
  get modelType(): ModelType {
    return this.#parts.model.type
  }

  /** The texts of special tokens by role. */
  get specialTokens(): SpecialTokens {
    return this.#parts.specialTokens
  }

  /** The id of the token that begins a text, or null. */
  get bosId(): number | null {
    return this.#idOf('bos')
  }

  /** The ids of tokens that end a text: that of `tokenizer_config.json`, then those of `generation_config.json`. */
  get eosIds(): readonly number[] {
    const id = this.#idOf('eos')
    return [...new Set([...(id === null ? [] : [id]), ...this.#parts.eosIds])]
  }

  /** The id of the padding token, or null. */
  get padId(): number | null {
    return this.#idOf('pad')
  }

  /** The id of the unknown token, or null. */
  get unkId(): number | null {
    return this.#idOf('unk')
  }

  /** The id of the separator token, or null. */
  get sepId(): number | null {
    return this.#idOf('sep')
  }

  /** The id of the classification token, or null. */
  get clsId(): number | null {
    return this.#idOf('cls')
  }

  /** The id of the mask token, or null. */
  get maskId(): number | null {
    return this.#idOf('mask')
  }

  #idOf(role: TokenRole): number | null {
    const token = this.#parts.specialTokens[role]
    return token === null ? null : this.tokenToId(token)
  }

  /** The id of a token, or null if no token has that text. */
  tokenToId(token: string): number | null {
    tokenToIdDoor(token)
    return this.#addedIds.get(token) ?? this.#parts.model.vocabulary.get(token) ?? null
  }

  /** The text of a token in the vocabulary, or null if no token has that id. */
  idToToken(id: number): string | null {
    idToTokenDoor(id)
    return this.#added.get(id)?.content ?? this.#tokens[id] ?? null
  }

  /**
   * Encodes a text or a pair of texts.
   *
   * @throws ArgumentError for an invalid option, or an impossible truncation.
   *
   * @example
   * ```ts
   * import { loadTokenizer } from 'pullback/tokenizers'
   *
   * const tokenizerJson = {
   *   model: { type: 'WordPiece', unk_token: '[UNK]', vocab: { '[UNK]': 0, pull: 1, '##back': 2, '!': 3 } },
   *   pre_tokenizer: { type: 'BertPreTokenizer' },
   * }
   * const tokenizer = loadTokenizer({ tokenizerJson })
   * if (tokenizer._tag === 'Left') throw new Error(tokenizer.left.message)
   * const { ids, offsets } = tokenizer.right.encode('pullback!')
   * ids // => 1,2,3
   * offsets.map(([start, end]) => 'pullback!'.slice(start, end)) // => pull,back,!
   * ```
   */
  encode(text: TextInput, options: EncodeOptions = {}): Encoding {
    encodeDoor(text, options)
    const plan = this.#plan('encode', options)
    return encodingOf(this.#fill([this.#row(text, plan)], plan)[0]!)
  }

  /**
   * Encodes texts, or pairs of them, as rows.
   *
   * @throws ArgumentError for an invalid option, an impossible truncation, or padding without a padding token.
   */
  encodeBatch(texts: readonly TextInput[], options: BatchOptions = {}): BatchEncoding {
    encodeBatchDoor(texts, options)
    const plan = this.#plan('encodeBatch', options)
    const padded = this.#fill(
      texts.map((text) => this.#row(text, plan)),
      plan,
    )
    const samples = padded.flatMap((row, i) => {
      const encoding = encodingOf(row)
      const rows = plan.returnOverflowingTokens ? [encoding, ...encoding.overflowing] : [encoding]
      return rows.map((e) => [e, i] as const)
    })
    const encodings = samples.map(([e]) => e)
    return {
      inputIds: encodings.map((e) => e.ids),
      attentionMask: encodings.map((e) => e.attentionMask),
      tokenTypeIds: encodings.map((e) => e.typeIds),
      encodings,
      overflowToSampleMapping: samples.map(([, i]) => i),
    }
  }

  #plan(name: string, options: BatchOptions): Plan {
    return planOf(name, options, this.#parts.defaults)
  }

  /** The tokens of one text. */
  #tokensOf(text: string, sequenceId: 0 | 1): readonly Token[] {
    const { extract, preTokenize, model } = this.#parts
    const tokens: Token[] = []
    let wordId = 0
    const push = (id: number, token: string, offsets: Token['offsets']): void => {
      tokens.push({ id, token, offsets, attention: 1, typeId: sequenceId, special: 0, wordId, sequenceId })
    }
    for (const part of extract(Aligned.of(text))) {
      if (part.token !== null) {
        push(part.token.id, part.text.text, part.text.original([0, part.text.text.length]))
        wordId++
        continue
      }
      for (const word of preTokenize(part.text)) {
        for (const { id, token, span } of model.tokenize(word.text)) push(id, token, word.original(span))
        wordId++
      }
    }
    return tokens
  }

  /** One or two texts with their special tokens, truncated. */
  #row(input: TextInput, plan: Plan): Row {
    const { postProcessor } = this.#parts
    const texts = typeof input === 'string' ? [input] : input
    const tokens = texts.map((text, i) => this.#tokensOf(text, i === 0 ? 0 : 1))
    const rows =
      plan.truncation === null
        ? tokens.map((t): Row => ({ tokens: t, overflowing: [] }))
        : truncateRows(tokens, { ...plan.truncation, length: this.#lengthLeft(plan, texts.length === 2) })
    return joinRows(postProcessor.apply(rows, plan.addSpecialTokens))
  }

  #lengthLeft({ truncation, addSpecialTokens }: Plan, isPair: boolean): number {
    const added = addSpecialTokens ? this.#parts.postProcessor.added(isPair) : 0
    const { maxLength } = truncation!
    if (maxLength >= added) return maxLength - added
    throw new ArgumentError(`encode: maxLength is ${maxLength}, but ${added} special tokens are put in.`)
  }

  #fill(rows: readonly Row[], { padding }: Plan): readonly Row[] {
    if (padding === null) return rows
    const { padId } = this
    if (padId === null) {
      throw new ArgumentError(
        `encode: the tokenizer has no padding token. Name one when it is loaded: tokenizerConfig: { ...config, pad_token: '…' }.`,
      )
    }
    const longest = padding.length ?? rows.reduce((n, row) => Math.max(n, row.tokens.length), 0)
    const length = Math.ceil(longest / padding.multipleOf) * padding.multipleOf
    const token = specialToken(padId, this.idToToken(padId)!, 0, 0)
    return rows.map((row) => pad(row, length, token, padding.side))
  }

  /** The token as decoders see it, or null if it is skipped or unknown. */
  #decoded(id: number, skipsSpecial: boolean): string | null {
    const added = this.#added.get(id)
    const token = added?.normalized ?? added?.content ?? this.#tokens[id]
    if (token === undefined) return null
    return skipsSpecial && this.#specialContents.has(added?.content ?? token) ? null : token
  }

  #text(ids: readonly number[], skipsSpecial: boolean): string {
    const tokens = ids.flatMap((id) => this.#decoded(id, skipsSpecial) ?? [])
    return tokens.length === 0 ? '' : this.#parts.decoder(tokens).join('')
  }

  /**
   * The text of tokens; empty for no tokens. Unknown ids are skipped.
   *
   * @throws ArgumentError for an id that is not a natural number.
   */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const numbers = listFrom(ids)
    decodeDoor(numbers, options)
    const text = this.#text(numbers as readonly number[], options.skipSpecialTokens ?? false)
    return (options.cleanUpTokenizationSpaces ?? this.#parts.cleansUp) ? cleanUp(text) : text
  }

  /** The texts of rows of tokens. */
  decodeBatch(rows: Iterable<Iterable<number>>, options: DecodeOptions = {}): readonly string[] {
    const lists = listFrom(rows)
    decodeBatchDoor(lists, options)
    return (lists as readonly Iterable<number>[]).map((ids) => this.decode(ids, options))
  }

  /**
   * A stream that takes tokens one by one, and never returns half a character. Its concatenated output equals
   * `decode(ids, { cleanUpTokenizationSpaces: false })`.
   */
  decodeStream(options: Pick<DecodeOptions, 'skipSpecialTokens'> = {}): DecodeStream {
    decodeStreamDoor(options)
    const { skipSpecialTokens = false } = options
    return makeDecodeStream({
      decode: (ids) => this.#text(ids, skipSpecialTokens),
      tokenOf: (id) => this.#decoded(id, skipSpecialTokens),
    })
  }

  /**
   * Renders a conversation as text, by the tokenizer's chat template. To encode it use {@link Tokenizer.encodeChat}, or
   * `addSpecialTokens: false`: the text already has its special tokens.
   *
   * Templates are programs, which may run for any time, so use only those of models that you trust.
   *
   * @returns an error if there is no template, or it does not render, or it raises an error itself.
   */
  applyChatTemplate(messages: readonly ChatMessage[], options: ChatOptions = {}): Either<TokenizerError, string> {
    chatDoor(messages, options)
    const { addGenerationPrompt = false, tools, documents, chatTemplate, variables } = options
    const tokens = Object.fromEntries(
      Object.entries(this.#parts.specialTokens).flatMap(([role, token]) =>
        token === null ? [] : [[`${role}_token`, token]],
      ),
    )
    return attempt(() =>
      renderChat(this.#parts.chatTemplates, chatTemplate, {
        ...tokens,
        messages,
        ...(tools === undefined ? {} : { tools }),
        ...(documents === undefined ? {} : { documents }),
        add_generation_prompt: addGenerationPrompt,
        ...variables,
      }),
    )
  }

  /** Encodes a conversation: its rendered text, without special tokens other than those of the template. */
  encodeChat(messages: readonly ChatMessage[], options: ChatOptions = {}): Either<TokenizerError, Encoding> {
    const text = this.applyChatTemplate(messages, options)
    return text._tag === 'Left' ? text : { _tag: 'Right', right: this.encode(text.right, { addSpecialTokens: false }) }
  }
}
