/** Tokenizers from GGUF metadata, against the same tokenizers in tokenizer.json. */
import { describe, expect, test } from 'vitest'
import type { GgufValue } from 'pullback/io'
import type { Tokenizer } from 'pullback/tokenizers'
import { tokenizerFromGguf } from 'pullback/tokenizers'
import { corpus, recorded } from './support/recorded.ts'

interface Metadata {
  readonly [key: string]: GgufValue
}

const fromGguf = (fields: Metadata): Tokenizer => {
  const tokenizer = tokenizerFromGguf({ metadata: new Map(Object.entries(fields)) })
  if (tokenizer._tag === 'Left') throw new Error(tokenizer.left.message)
  return tokenizer.right
}

const messageOf = (fields: Metadata): string => {
  const tokenizer = tokenizerFromGguf({ metadata: new Map(Object.entries(fields)) })
  return tokenizer._tag === 'Left' ? tokenizer.left.message : 'loaded'
}

interface TokenizerJson {
  readonly model: {
    readonly vocab: { readonly [token: string]: number }
    readonly merges: readonly (readonly [string, string])[]
  }
  readonly added_tokens: readonly { readonly id: number }[]
}

/** SmolLM2's tokenizer, cut, as its GGUF file would have it. */
const smollm = (): Metadata => {
  const { model, added_tokens: added } = recorded<TokenizerJson>('byte-level.tokenizer')
  const tokens = Object.entries(model.vocab)
    .sort(([, a], [, b]) => a - b)
    .map(([token]) => token)
  const types = tokens.map((_, id) => (added.some((token) => token.id === id) ? 3 : 1))
  return {
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'smollm',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.token_type': types,
    'tokenizer.ggml.merges': model.merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' '))),
    'tokenizer.ggml.bos_token_id': 1,
    'tokenizer.ggml.eos_token_id': 2,
    'tokenizer.ggml.padding_token_id': 2,
    'tokenizer.chat_template':
      "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}",
  }
}

test('byte-level BPE has the ids of its tokenizer.json', () => {
  const tokenizer = fromGguf(smollm())
  const golden = recorded<{ readonly ids: readonly (readonly number[])[] }>('byte-level')
  expect(corpus.filter((text, i) => tokenizer.encode(text).ids.join() !== golden.ids[i]!.join())).toEqual([])
  expect([tokenizer.bosId, tokenizer.eosIds, tokenizer.padId, tokenizer.unkId]).toEqual([1, [2], 2, null])
  const chat = tokenizer.encodeChat([{ role: 'user', content: 'Hi' }])
  expect(chat._tag === 'Right' && tokenizer.decode(chat.right.ids)).toBe('<|im_start|>user\nHi<|im_end|>\n')
})

describe('SentencePiece', () => {
  const golden = recorded<{
    readonly tokens: readonly string[]
    readonly scores: readonly number[]
    readonly types: readonly number[]
    readonly ids: readonly (readonly number[])[]
  }>('scores')
  const fields: Metadata = {
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': golden.tokens,
    'tokenizer.ggml.scores': golden.scores,
    'tokenizer.ggml.token_type': golden.types,
    'tokenizer.ggml.unknown_token_id': 0,
  }

  test('has the ids that merges made of scores give', () => {
    const tokenizer = fromGguf(fields)
    const differing = golden.ids.filter((ids, i) => tokenizer.encode(corpus[i]!).ids.join() !== ids.join())
    expect(differing).toEqual([])
  })

  test('puts BOS before texts, unless it is told not to', () => {
    expect(fromGguf(fields).encode('a').ids[0]).toBe(1)
    expect(fromGguf({ ...fields, 'tokenizer.ggml.add_bos_token': false }).encode('a').ids[0]).not.toBe(1)
    expect(
      fromGguf({ ...fields, 'tokenizer.ggml.add_eos_token': true })
        .encode('a')
        .ids.at(-1),
    ).toBe(2)
  })

  test('puts no space before texts if it is told not to', () => {
    const tokenizer = fromGguf({ ...fields, 'tokenizer.ggml.add_space_prefix': false })
    expect(tokenizer.decode(tokenizer.encode(' a b').ids, { skipSpecialTokens: true })).toBe(' a b')
    expect(tokenizer.decode(tokenizer.encode('a b').ids, { skipSpecialTokens: true })).toBe('a b')
  })
})

test('texts are split as the file says', () => {
  const fields = smollm()
  const words = (pre: string): number =>
    fromGguf({ ...fields, 'tokenizer.ggml.pre': pre })
      .encode("12345 it's")
      .wordIds.at(-1)!
  expect(['gpt-2', 'smollm', 'llama-bpe', 'qwen2', 'default'].map(words)).toEqual([2, 6, 3, 6, 4])
})

test('faults are values', () => {
  const fields = smollm()
  expect(messageOf({})).toContain('tokenizer.ggml.tokens is missing: the file has no tokenizer.')
  expect(messageOf({ ...fields, 'tokenizer.ggml.model': 'bert' })).toContain(
    'tokenizer.ggml.model must be one of gpt2, llama',
  )
  expect(messageOf({ ...fields, 'tokenizer.ggml.pre': 'odd' })).toContain(
    'tokenizer.ggml.pre must be one of gpt-2, smollm',
  )
  expect(messageOf({ ...fields, 'tokenizer.ggml.token_type': [1] })).toContain(
    'tokenizer.ggml.token_type must be a list of',
  )
  expect(messageOf({ ...fields, 'tokenizer.ggml.bos_token_id': 10 ** 6 })).toContain(
    'bos_token_id must be the number of one of',
  )
  expect(messageOf({ ...fields, 'tokenizer.ggml.merges': ['a'] })).toContain('model.merges[0] must be two tokens')
  expect(messageOf({ ...fields, 'tokenizer.ggml.tokens': [1] })).toContain('tokenizer.ggml.tokens[0] must be a string')
})
