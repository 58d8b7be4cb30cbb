import { describe, expect, test } from 'vitest'
import { np } from 'pullback'
import type { NDArray } from 'pullback'
import { loadTokenizer } from 'pullback/tokenizers'
import type { Judge } from '../../examples/support/why.ts'
import { attack, attacks, explain, scoreOf } from '../../examples/support/why.ts'

/** What each token adds to the score of spam. */
const weights = { '[PAD]': 0, '[UNK]': 0, '[CLS]': 0, '[SEP]': 0, free: 3, pill: 2, '##s': 1, meeting: -4, agenda: -2, the: 0, '!': 0.5, we: -9 } // prettier-ignore
const tokens = Object.keys(weights)
const added = tokens.slice(0, 4).map((content, id) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })) // prettier-ignore

const tokenizer = loadTokenizer({
  tokenizerJson: {
    version: '1.0',
    added_tokens: added,
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true }, // prettier-ignore
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: { type: 'BertProcessing', sep: ['[SEP]', 3], cls: ['[CLS]', 2] },
    decoder: null,
    model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab: Object.fromEntries(tokens.map((token, id) => [token, id])) }, // prettier-ignore
  },
  tokenizerConfig: { pad_token: '[PAD]', cls_token: '[CLS]', sep_token: '[SEP]', unk_token: '[UNK]' },
})
if (tokenizer._tag === 'Left') throw new Error(tokenizer.left.message)

const judge: Judge = {
  params: { word_embeddings: { weight: np.reshape(np.array(Object.values(weights)), [-1, 1]) } },
  score: (params, ids) => {
    const { weight } = params['word_embeddings'] as { readonly weight: NDArray }
    return np.sum(np.take(weight, ids, { axis: 0 }))
  },
  tokenizer: tokenizer.right,
  maxLength: 8,
}

describe('why a text is what it is', () => {
  test('the words of a linear score are their weights, pieces joined; what is not read is not shown', () => {
    const { score, baseline, gap, steps, words, html } = explain(judge, 'Free pills! The agenda meeting')
    expect(score).toBe(4.5)
    expect([baseline, steps]).toEqual([0, 16])
    expect(Math.abs(gap)).toBeLessThan(1e-5)
    expect(words.map(({ text }) => text)).toEqual(['Free', 'pills', '!', 'The', 'agenda'])
    expect(words.map((word) => Number(word.score.toFixed(4)))).toEqual([3, 3, 0.5, 0, -2])
    expect(html('spam')).not.toContain('meeting')
  })

  test('an attack swaps whole words for whole words, in their capitals, and is judged by the text', () => {
    const { before, after, swaps, html } = attack(judge, 'FREE pills! the', 5)!
    // "we" would do more, but is too short for a word; "pills" is of two pieces.
    expect(swaps).toEqual([{ was: 'FREE', now: 'MEETING', shown: '… [FREE → MEETING] pills! the …' }])
    expect([before, after]).toEqual([6.5, -0.5])
    expect(after).toBe(scoreOf(judge, 'MEETING pills! the'))
    expect(html('attack')).toContain('>MEETING</span> pills! the')
  })

  test('several words where one is not enough; none where it takes too many, or nothing has to be done', () => {
    expect(attack(judge, 'free Free pills the', 5)!.swaps.map(({ now }) => now)).toEqual(['meeting', 'Meeting'])
    expect(attack(judge, 'free free pills the', 1)).toBeNull()
    expect(attack(judge, 'the agenda', 5)).toBeNull()
  })

  test('of many texts those that are judged spam, with the fewest swaps first', () => {
    const found = attacks(judge, ['free free pills', 'agenda', 'free', 'pills'], 3)
    expect(found.map(({ before, swaps }) => [before, swaps.length])).toEqual([
      [3, 1],
      [9, 2],
    ])
  })
})
