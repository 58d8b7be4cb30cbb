/**
 * Files that are damaged, or made to do harm, give a `Left`, and what is loaded all the same encodes without throwing.
 *
 * `PULLBACK_MUTATIONS=100000` tries as many mutations of each file.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadTokenizer } from 'pullback/tokenizers'
import { recorded } from './support/recorded.ts'

const MUTATIONS = Number(process.env['PULLBACK_MUTATIONS'] ?? 2000)

const messageOf = (tokenizerJson: unknown, tokenizerConfig?: unknown): string => {
  const loaded = loadTokenizer({ tokenizerJson, tokenizerConfig })
  return loaded._tag === 'Left' ? loaded.left.message : 'loaded'
}

const model = { type: 'WordLevel', unk_token: '?', vocab: { '?': 0, a: 1 } }
const bpe = { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'] }
const nested = (depth: number): unknown =>
  depth === 0 ? { type: 'NFC' } : { type: 'Sequence', normalizers: [nested(depth - 1)] }

test.each<[unknown, string]>([
  ['{', 'is not JSON'],
  [7, 'it must be an object, not 7'],
  [null, 'must be an object'],
  [{}, 'model is missing'],
  [{ model: { type: 'Magic' } }, 'model.type must be one of BPE, Unigram, WordPiece, WordLevel, not "Magic"'],
  [{ model: { ...model, vocab: { a: 1 } } }, 'model.unk_token must be a token of the vocabulary, not "?"'],
  [{ model: { ...model, vocab: { '?': 2 ** 40 } } }, 'model.vocab.? must be a whole number below 2^31'],
  [{ model: { ...model, vocab: { '?': -1 } } }, 'model.vocab.? must be a whole number'],
  [{ model: { ...bpe, merges: ['a c'] } }, 'model.merges[0] must be two tokens of the vocabulary that make a third'],
  [{ model: { ...bpe, merges: ['a b c'] } }, 'model.merges[0] must be two tokens, not "a b c"'],
  [{ model: { ...bpe, merges: [['a']] } }, 'model.merges[0] must be two tokens'],
  [{ model: { ...bpe, dropout: 1.5 } }, 'model.dropout must be a number from 0 to 1'],
  [
    { model: { ...bpe, continuing_subword_prefix: '##', byte_fallback: true } },
    'model.byte_fallback must be false beside',
  ],
  [{ model: { type: 'Unigram', unk_id: 1, vocab: [['a', 0]] } }, 'model.unk_id must be the number of one of 1 tokens'],
  [{ model: { type: 'Unigram', vocab: [['a', 0]] } }, 'model.unk_id must be a whole number'],
  [{ model: { type: 'Unigram', unk_id: 0, vocab: [] } }, 'model.unk_id must be the number of one of 0 tokens'],
  [{ model, normalizer: { type: 'Odd' } }, 'normalizer is a normalizer that is not known: Odd'],
  [{ model, normalizer: { type: 'constructor' } }, 'not known: constructor'],
  [{ model, normalizer: nested(40) }, 'is nested more than'],
  [{ model, normalizer: { type: 'Precompiled', precompiled_charsmap: '&' } }, 'must be base64'],
  [{ model, normalizer: { type: 'Precompiled', precompiled_charsmap: '/////w==' } }, 'the length of a trie'],
  [
    { model, pre_tokenizer: { type: 'Split', pattern: { Regex: '(' }, behavior: 'Removed' } },
    'pre_tokenizer.pattern.Regex is no',
  ],
  [
    { model, pre_tokenizer: { type: 'Split', pattern: { String: 'a' }, behavior: 'Odd' } },
    'behavior must be one of Removed',
  ],
  [{ model, pre_tokenizer: { type: 'Odd' } }, 'pre-tokenizer that is not known'],
  [
    { model, post_processor: { type: 'BertProcessing', cls: ['a'], sep: ['b', 1] } },
    'cls must be a token and its number',
  ],
  [
    { model, post_processor: { type: 'TemplateProcessing', single: [], pair: [], special_tokens: {} } },
    'post_processor.pair must be a template of both texts',
  ],
  [{ model, decoder: { type: 'Odd' } }, 'decoder that is not known'],
  [{ model, added_tokens: [{ id: 1.5, content: 'x' }] }, 'added_tokens[0].id must be a whole number'],
])('%j', (tokenizerJson, message) => {
  expect(messageOf(tokenizerJson)).toContain(message)
})

test('names of prototypes are tokens like others', () => {
  const vocab = JSON.parse('{"?": 0, "__proto__": 1, "constructor": 2}') as object
  const loaded = loadTokenizer({
    tokenizerJson: { model: { ...model, vocab }, pre_tokenizer: { type: 'WhitespaceSplit' } },
  })
  if (loaded._tag === 'Left') throw new Error(loaded.left.message)
  expect(loaded.right.encode('__proto__ constructor toString').ids).toEqual([1, 2, 0])
  expect(loaded.right.vocabularySize).toBe(3)
})

test('other files are checked too', () => {
  expect(messageOf({ model }, '[]')).toContain('tokenizer_config must be an object')
  expect(messageOf({ model }, { padding_side: 'top' })).toContain(
    'tokenizer_config.padding_side must be one of left, right',
  )
  expect(messageOf({ model }, { pad_token: { id: 3 } })).toContain('pad_token.content must be a string')
})

/** Small files that use as many components as there are, so that mutations hit them. */
const files: { readonly [name: string]: unknown } = {
  wordPiece: {
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    model: { type: 'WordPiece', unk_token: '?', max_input_chars_per_word: 9, vocab: { '?': 0, a: 1, '##b': 2 } },
    post_processor: { type: 'BertProcessing', cls: ['?', 0], sep: ['a', 1] },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    added_tokens: [{ id: 3, content: '[M]', lstrip: true, normalized: true, special: true }],
  },
  bpe: {
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFKC' },
        { type: 'Prepend', prepend: '▁' },
        { type: 'Strip', strip_left: true, strip_right: false },
      ],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Digits', individual_digits: true },
        { type: 'Split', pattern: { Regex: '\\p{L}+|\\s' }, behavior: 'MergedWithNext', invert: false },
        { type: 'FixedLength', length: 4 },
        { type: 'ByteLevel', add_prefix_space: true, use_regex: true },
      ],
    },
    model: { ...bpe, unk_token: 'a', fuse_unk: true, byte_fallback: true, end_of_word_suffix: '' },
    post_processor: {
      type: 'Sequence',
      processors: [
        { type: 'ByteLevel', trim_offsets: true, add_prefix_space: false },
        {
          type: 'TemplateProcessing',
          single: [{ SpecialToken: { id: 's', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
          pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
          special_tokens: { s: { id: 's', ids: [1], tokens: ['s'] } },
        },
      ],
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 2 },
      ],
    },
  },
  unigram: {
    normalizer: recorded<{ readonly normalizer: unknown }>('unigram.tokenizer').normalizer,
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: true },
    model: {
      type: 'Unigram',
      unk_id: 0,
      byte_fallback: true,
      vocab: [
        ['?', 0],
        ['▁', -1],
        ['a', -2],
        ['▁a', -2.5],
      ],
    },
    decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first' },
  },
}

type Step = { readonly at: number; readonly value: unknown } | { readonly at: number; readonly remove: true }

/** The file with the nth of its values replaced, or left out. */
const mutate = (json: unknown, step: Step): unknown => {
  let left = step.at
  const visit = (value: unknown): unknown => {
    if (left-- === 0) return 'remove' in step ? undefined : step.value
    if (typeof value === 'string' && 'remove' in step) return value
    if (Array.isArray(value)) return value.map(visit)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, visit(v)]))
  }
  return visit(json)
}

const count = (json: unknown): number =>
  1 + (typeof json === 'object' && json !== null ? Object.values(json).reduce((n: number, v) => n + count(v), 0) : 0)

const value = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -1,
    0,
    1,
    2 ** 31,
    1e308,
    '',
    'a',
    '▁▁',
    '😀',
    '(',
    '\ud800',
    [],
    {},
    [[]],
    ['a', 1],
    { type: 'Sequence' },
  ),
  fc.jsonValue({ maxDepth: 3 }),
)

const step = (size: number): fc.Arbitrary<Step> =>
  fc.oneof(fc.record({ at: fc.nat(size), value }), fc.record({ at: fc.nat(size), remove: fc.constant(true as const) }))

describe('mutations never throw', () => {
  test.each(Object.entries(files))(
    '%s',
    (_, file) => {
      expect(messageOf(file)).toBe('loaded')
      fc.assert(
        fc.property(fc.array(step(count(file)), { minLength: 1, maxLength: 3 }), (steps) => {
          const loaded = loadTokenizer({
            // Nothing at all is a caller's mistake, and no JSON.
            tokenizerJson: steps.reduce(mutate, file) ?? null,
            tokenizerConfig: { pad_token: 'a' },
          })
          if (loaded._tag === 'Left') {
            expect(loaded.left._tag).toBe('Tokenizer')
            return
          }
          for (const text of ['', ' ab 12 x', 'é\u0301中😀\x01[M] a']) {
            const { ids } = loaded.right.encode([text, 'b a'])
            loaded.right.decode(ids)
            loaded.right.encode(text, { truncation: true, maxLength: 9 })
          }
        }),
        { numRuns: MUTATIONS },
      )
    },
    MUTATIONS * 10 + 60_000,
  )

  test('cut texts of JSON', () => {
    const text = JSON.stringify(files['bpe'])
    for (let n = 0; n < text.length; n += 7) expect(messageOf(text.slice(0, n))).toContain('is not JSON')
  })

  test('rules of SentencePiece with any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 80 }), fc.string({ unit: 'binary' }), (bytes, text) => {
        const [length] = [4 * Math.floor((bytes.length - 4) / 4)]
        new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, length, true)
        const normalizer = { type: 'Precompiled', precompiled_charsmap: btoa(String.fromCharCode(...bytes)) }
        const loaded = loadTokenizer({ tokenizerJson: { model, normalizer } })
        if (loaded._tag === 'Right') loaded.right.encode(text)
      }),
      { numRuns: MUTATIONS },
    )
  })
})
