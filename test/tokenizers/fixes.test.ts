/** Where `@huggingface/tokenizers` differs from the library that it follows, each difference on the smallest text that shows it. */
import * as engine from '@huggingface/tokenizers'
import { describe, expect, test } from 'vitest'
import { Aligned } from '../../src/tokenizers/aligned.ts'
import { cleanUp } from '../../src/tokenizers/decoders.ts'
import { isolateChinese, toLowerCase } from '../../src/tokenizers/normalizers.ts'
import { splitDigits } from '../../src/tokenizers/preTokenizers.ts'
import { load } from './support/recorded.ts'

const wordLevel = { type: 'WordLevel', unk_token: '?', vocab: { '?': 0 } }
const bytes = Object.fromEntries(
  Array.from({ length: 256 }, (_, b) => [`<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`, b + 1]),
)

test('ideographs beyond U+FFFF are isolated', () => {
  expect(isolateChinese(Aligned.of('a㐀𠀀b')).text).toBe('a 㐀  𠀀 b')
  const { starts, ends } = isolateChinese(Aligned.of('a𠀀b'))
  expect([...starts]).toEqual([0, 1, 1, 1, 1, 3])
  expect([...ends]).toEqual([1, 3, 3, 3, 3, 4])
})

test('a sigma at the end of a word becomes σ, as lower case is taken character by character', () => {
  expect(toLowerCase(Aligned.of('ΟΔΟΣ İ')).text).toBe('οδοσ i\u0307')
  expect('ΟΔΟΣ'.toLowerCase()).toBe('οδος')
})

test('numerics that are not digits are split too', () => {
  const words = (individually: boolean): readonly string[] =>
    splitDigits(individually)(Aligned.of('aⅧ½12b')).map((w) => w.text)
  expect(words(true)).toEqual(['a', 'Ⅷ', '½', '1', '2', 'b'])
  expect(words(false)).toEqual(['a', 'Ⅷ½12', 'b'])
})

test('no tokens are an empty text', () => {
  const tokenizer = load({ tokenizerJson: { model: wordLevel, decoder: { type: 'WordPiece' } } })
  expect(tokenizer.decode([])).toBe('')
  expect(tokenizer.decode([9])).toBe('')
  expect(tokenizer.decodeBatch([[], [0]])).toEqual(['', '?'])
})

test('of segmentations of equal score the one whose last token begins first is taken', () => {
  // Where the package adds the score of what follows, 0.1 + 0.7 and 0.8 round to one number, or to two.
  const vocab = [
    ['?', -20],
    ['a', -0.1],
    ['b', -0.7],
    ['ab', -0.8],
    ['c', -3],
  ]
  const tokenizer = load({ tokenizerJson: { model: { type: 'Unigram', unk_id: 0, vocab } } })
  expect(-0.1 + -0.7 > -0.8).toBe(true)
  expect(tokenizer.encode('abc').tokens).toEqual(['a', 'b', 'c'])
})

describe('decoders', () => {
  const decoded = (decoder: unknown, vocab: { readonly [token: string]: number }, ids: readonly number[]): string =>
    load({ tokenizerJson: { model: { ...wordLevel, vocab: { '?': 0, ...vocab } }, decoder } }).decode(ids)

  test('a run of bytes that is not UTF-8 is one U+FFFD for each', () => {
    const run = [0xe4, 0xb8, 0xad, 0xff].map((b) => b + 1)
    expect(decoded({ type: 'ByteFallback' }, bytes, run)).toBe('\ufffd'.repeat(4))
    expect(decoded({ type: 'ByteFallback' }, bytes, run.slice(0, 3))).toBe('中')
  })

  test('the first token loses all of its ▁, unless none is put before texts', () => {
    const metaspace = { type: 'Metaspace', replacement: '▁' }
    expect(decoded(metaspace, { '▁▁a': 1, '▁b': 2 }, [1, 2])).toBe('a b')
    expect(decoded({ ...metaspace, prepend_scheme: 'never' }, { '▁▁a': 1, '▁b': 2 }, [1, 2])).toBe('  a b')
  })

  test('tokens outside the alphabet of bytes are their own text', () => {
    expect(decoded({ type: 'ByteLevel' }, { Ġa: 1, 日: 2 }, [1, 2])).toBe(' a日')
  })

  test('" do not" becomes " don\'t" in tokens of WordPiece, and stays where a whole text is cleaned up', () => {
    expect(decoded({ type: 'WordPiece', cleanup: true }, { 'do not': 1, i: 2 }, [2, 1])).toBe("i don't")
    expect(cleanUp("i do not , n't")).toBe("i do not, n't".replace(', n', ',n'))
  })
})

test('the package still has what these are for', () => {
  const { BertNormalizer } = engine as unknown as {
    readonly BertNormalizer: new (config: object) => { readonly normalize: (text: string) => string }
  }
  const normalizer = new BertNormalizer({ handle_chinese_chars: true, lowercase: true, clean_text: true })
  expect(normalizer.normalize('a𠀀bΟΔΟΣ')).toBe('a𠀀bοδος')
})
