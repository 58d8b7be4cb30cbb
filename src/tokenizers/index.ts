/**
 * `pullback/tokenizers`: texts to tokens and back, as Hugging Face's `tokenizers` has them. Needs `@huggingface/tokenizers` and
 * `@huggingface/jinja` beside it.
 *
 * @module pullback/tokenizers
 */
export type { Span } from './aligned.ts'
export type { ChatMessage } from './chat.ts'
export type { DecodeStream } from './decodeStream.ts'
export type { Encoding, Side } from './encoding.ts'
export type { TokenizerError } from './errors.ts'
export { tokenizerFromGguf } from './gguf.ts'
export type { ModelInputs } from './inputs.ts'
export { toInputs } from './inputs.ts'
export type { TokenizerFiles } from './load.ts'
export { loadTokenizer } from './load.ts'
export type { ModelType } from './models.ts'
export type { BatchOptions, EncodeOptions } from './options.ts'
export type { SpecialTokens, TokenRole } from './specialTokens.ts'
export type { BatchEncoding, ChatOptions, DecodeOptions, TextInput } from './tokenizer.ts'
export { Tokenizer } from './tokenizer.ts'
export type { BpeOptions, BpeTokenizerJson } from './train.ts'
export { trainBpe } from './train.ts'
export type { TruncationStrategy } from './truncation.ts'
