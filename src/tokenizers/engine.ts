/**
 * The parts of `@huggingface/tokenizers` in use: its models (merging, longest prefixes, the trie of tokens), and its
 * translation of Oniguruma's regular expressions. Its own declarations import files without extensions, which TypeScript does
 * not resolve in Node modules, so the parts in use are declared here.
 */
import * as module from '@huggingface/tokenizers'

interface Bpe {
  /** The pieces of a word after all merges. */
  bpe(word: string): string[]
}

interface Unigram {
  readonly trie: {
    /** The tokens that begin at an index of a list of characters, the shortest first. */
    common_prefix_search(characters: readonly string[], start: number): Iterable<string>
  }
}

interface WordPiece {
  encode(words: string[]): string[]
}

interface Engine {
  readonly BPE: new (config: {
    readonly vocab: { readonly [token: string]: number }
    readonly merges: readonly (readonly [string, string])[]
    readonly end_of_word_suffix: string | null
  }) => Bpe
  readonly Unigram: new (
    config: { readonly vocab: readonly (readonly [string, number])[]; readonly unk_id: number },
    eosToken: string,
  ) => Unigram
  readonly WordPiece: new (config: {
    readonly vocab: { readonly [token: string]: number }
    readonly unk_token: string
    readonly continuing_subword_prefix: string
    readonly max_input_chars_per_word: number
  }) => WordPiece
  readonly SplitPreTokenizer: new (config: { readonly pattern: { readonly Regex: string }; readonly invert: true }) => {
    readonly pattern: RegExp | null
  }
}

const engine = module as unknown as Engine

export const { BPE, Unigram, WordPiece } = engine

/** The regular expression of JavaScript (flags `gu`) equivalent to Oniguruma's. Throws a SyntaxError for an invalid one. */
export const patternOf = (regex: string): RegExp => {
  const { pattern } = new engine.SplitPreTokenizer({ pattern: { Regex: regex }, invert: true })
  if (pattern === null) throw new SyntaxError('no pattern')
  return pattern
}
