/** Tokenizers from their files. */
import type { Either } from 'fp-ts/lib/Either.js'
import * as must from '../conversions/arguments.ts'
import { makeExtractor, readAddedTokens } from './addedTokens.ts'
import { readChatTemplates } from './chat.ts'
import { readDecoder } from './decoders.ts'
import type { Side } from './encoding.ts'
import type { Json, TokenizerError } from './errors.ts'
import { attempt, parseJson } from './errors.ts'
import { readModel } from './models.ts'
import { readNormalizer } from './normalizers.ts'
import { readPostProcessor } from './postProcessors.ts'
import { readPreTokenizer } from './preTokenizers.ts'
import { readEosIds, readSpecialTokens } from './specialTokens.ts'
import { Tokenizer } from './tokenizer.ts'

/** The files of a tokenizer, as JSON: texts, or the results of `JSON.parse`. */
export interface TokenizerFiles {
  /** `tokenizer.json`: the vocabulary and the steps of encoding. */
  readonly tokenizerJson: unknown
  /** `tokenizer_config.json`: special tokens, sides, the model's length, chat templates. */
  readonly tokenizerConfig?: unknown
  /** `generation_config.json`: the end-of-text tokens. */
  readonly generationConfig?: unknown
}

const sides: readonly Side[] = ['left', 'right']

/** Lengths beyond this mean no limit, as `transformers` writes them. */
const NO_LIMIT = 1e9

const maxLengthOf = (config: Json): number | null => {
  const member = config.at('model_max_length')
  if (member.isNull) return null
  const length = member.number()
  return length > NO_LIMIT ? null : member.count()
}

/** Builds the tokenizer of the files, and reports errors in them. */
export const build = ({ tokenizerJson, tokenizerConfig, generationConfig }: TokenizerFiles): Tokenizer => {
  const json = parseJson(tokenizerJson, '')
  const given = parseJson(tokenizerConfig ?? {}, 'tokenizer_config')
  const normalizer = readNormalizer(json.at('normalizer'))
  const addedTokens = readAddedTokens(json.at('added_tokens'), normalizer)
  const model = readModel(json.at('model'))
  const padding = json.at('padding')
  return new Tokenizer({
    extract: makeExtractor(addedTokens, normalizer),
    addedTokens,
    preTokenize: readPreTokenizer(json.at('pre_tokenizer')),
    model,
    postProcessor: readPostProcessor(json.at('post_processor')),
    decoder: readDecoder(json.at('decoder')),
    specialTokens: readSpecialTokens(given, padding.isNull ? {} : { pad: padding.at('pad_token').string('[PAD]') }),
    eosIds: readEosIds(parseJson(generationConfig ?? {}, 'generation_config')),
    cleansUp: model.type !== 'BPE' && given.at('clean_up_tokenization_spaces').flag(false),
    chatTemplates: readChatTemplates(given.at('chat_template')),
    defaults: {
      maxLength: maxLengthOf(given),
      truncationSide: given.at('truncation_side').word(sides, 'right'),
      paddingSide: given.at('padding_side').word(sides, 'right'),
    },
  })
}

const loadTokenizerDoor = must.door('loadTokenizer', {
  files: must.optionsOf<TokenizerFiles>(
    { tokenizerJson: must.required(must.anything), tokenizerConfig: must.anything, generationConfig: must.anything },
    'file',
  ),
})

/**
 * Makes a tokenizer from its files. Tokens, ids and offsets are those of Hugging Face's library `tokenizers`.
 *
 * @returns an error for files that are damaged or unsupported. The regular expressions in a file are run unchanged: a malicious
 *   one can take very long.
 *
 * @example
 * ```ts
 * import { loadTokenizer } from 'pullback/tokenizers'
 *
 * const tokenizer = loadTokenizer({ tokenizerJson: '{"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}}' })
 * tokenizer._tag === 'Left' ? tokenizer.left.message : '' // => tokenizer: model.vocab.a must be a whole number below 2^31, not -1.
 * ```
 */
export const loadTokenizer = (files: TokenizerFiles): Either<TokenizerError, Tokenizer> => {
  loadTokenizerDoor(files)
  return attempt(() => build(files))
}
