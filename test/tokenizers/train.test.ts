/** Trained tokenizers are those of Rust's trainer: see record_trained.py. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { BpeOptions, BpeTokenizerJson } from 'pullback/tokenizers'
import { trainBpe } from 'pullback/tokenizers'
import { byteCharacters } from '../../src/tokenizers/bytes.ts'
import { corpus, load, recorded } from './support/recorded.ts'

interface Recorded {
  readonly samples: { readonly exact: readonly string[] }
  readonly cases: readonly {
    readonly texts: 'whole' | 'exact' | 'chinese'
    readonly options: BpeOptions
    readonly json: BpeTokenizerJson
  }[]
}

const { samples, cases } = recorded<Recorded>('trained')
const texts = { ...samples, whole: corpus, chinese: corpus.filter((text) => /[\u4e00-\u9fff]/u.test(text)) }

describe('trainBpe', () => {
  test.each(cases)('is what Rust trains: $texts, $options', ({ texts: name, options, json }) => {
    const made = trainBpe(texts[name], options)
    expect(made.model.merges).toEqual(json.model.merges)
    expect(JSON.parse(JSON.stringify(made))).toEqual(json)
  })

  test('the order of texts does not matter, and neither does how they are given', () => {
    const made = trainBpe(texts.whole, { vocabSize: 600 })
    const backwards = new Set(texts.whole.toReversed())
    expect(trainBpe(backwards, { vocabSize: 600 })).toEqual(trainBpe([...new Set(texts.whole)], { vocabSize: 600 }))
    expect(trainBpe(texts.whole.toReversed(), { vocabSize: 600 })).toEqual(made)
  })

  /** The definition: count all pairs, merge the first of the most frequent everywhere, and again. */
  const slowly = (words: readonly string[], merges: number): readonly string[] => {
    const parts = words.map((word) => Array.from(word))
    const ids = new Map(byteCharacters.toSorted().map((character, id) => [character, id]))
    const made: string[] = []
    while (made.length < merges) {
      const counts = new Map<string, number>()
      for (const word of parts) {
        word.slice(1).forEach((right, i) => {
          const pair = `${word[i]} ${right}`
          counts.set(pair, (counts.get(pair) ?? 0) + 1)
        })
      }
      const rankOf = (pair: string): readonly number[] => pair.split(' ').map((token) => ids.get(token)!)
      const [top] = [...counts].sort(([a, m], [b, n]) => {
        const [[a0, a1], [b0, b1]] = [rankOf(a), rankOf(b)]
        return n - m || a0! - b0! || a1! - b1!
      })
      if (top === undefined) break
      const [left, right] = top[0].split(' ') as [string, string]
      made.push(top[0])
      if (!ids.has(left + right)) ids.set(left + right, ids.size)
      for (const word of parts) {
        for (let i = 0; i + 1 < word.length; i++) {
          if (word[i] === left && word[i + 1] === right) word.splice(i, 2, left + right)
        }
      }
    }
    return made
  }

  test('equals counting everything anew before each merge', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 9 })
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 8 }), (words) => {
        const { merges } = trainBpe(words, { vocabSize: 256 + 6 }).model
        expect(merges.map((pair) => pair.join(' '))).toEqual(slowly(words, merges.length))
      }),
    )
  })

  test('what is trained encodes every text, and gives it back', () => {
    const tokenizer = load({ tokenizerJson: trainBpe(texts.chinese, { vocabSize: 800 }) })
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text).ids)).toBe(text)
      }),
    )
  })

  test('special tokens are not text: they are found whole, and never a part of words', () => {
    const json = trainBpe(['<|end|><|end|><|end|>'], { vocabSize: 300, specialTokens: ['<|end|>'] })
    const tokenizer = load({ tokenizerJson: json })
    expect(tokenizer.encode('a<|end|>b').ids[1]).toBe(0)
    expect(tokenizer.decode(tokenizer.encode('a<|end|>b').ids, { skipSpecialTokens: true })).toBe('ab')
  })

  test.each<[string, () => unknown, RegExp]>([
    ['a text alone', () => trainBpe('text'), /texts must be strings.*One text is given as \[text\]/],
    ['no text', () => trainBpe(['a', 1 as never]), /texts must be strings, got 1 at 1/],
    [
      'too few tokens',
      () => trainBpe(['a'], { vocabSize: 100 }),
      /vocabSize 100 is too small.*256.*initialAlphabet: \[\]/,
    ],
    ['a limit below the alphabet', () => trainBpe(['a'], { limitAlphabet: 9 }), /limitAlphabet 9 is too small.*256/],
    ['a character of no byte', () => trainBpe(['a'], { initialAlphabet: ['中'] }), /GPT-2's alphabet of bytes/],
    ['an empty token', () => trainBpe(['a'], { specialTokens: [''] }), /not empty/],
  ])('%s is refused', (_, call, message) => {
    expect(call).toThrow(message)
  })
})
