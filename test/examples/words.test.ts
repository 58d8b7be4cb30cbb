import { isRight } from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  END,
  LETTERS,
  LONGEST,
  parseWords,
  PHONEMES,
  readWords,
  toPronunciations,
  toWordBatch,
} from '../../examples/support/words.ts'

const symbols = (alphabet: readonly string[], longest: number): fc.Arbitrary<string[]> =>
  fc.array(fc.constantFrom(...alphabet), { minLength: 1, maxLength: longest })

const word = fc.record({
  spelling: symbols(LETTERS, LONGEST.letters).map((letters) => letters.join('')),
  pronunciations: fc.array(symbols(PHONEMES.slice(1), LONGEST.phonemes), { minLength: 1, maxLength: 3 }),
})

describe('parseWords', () => {
  it('gathers the pronunciations of a word, without stress', () => {
    expect(parseWords({ READ: 'R EH1 D', 'READ(1)': 'R IY1 D', REED: 'R IY1 D' })).toEqual([
      {
        spelling: 'READ',
        pronunciations: [
          ['R', 'EH', 'D'],
          ['R', 'IY', 'D'],
        ],
      },
      { spelling: 'REED', pronunciations: [['R', 'IY', 'D']] },
    ])
  })

  it('leaves out what is not a plain word, and what is too long', () => {
    const long = 'A'.repeat(LONGEST.letters + 1)
    const longSaid = Array<string>(LONGEST.phonemes + 1).fill('AH0')
    expect(parseWords({ "A'S": 'EY1 Z', 'A.': 'EY1', A1: 'EY1', [long]: 'AH0', AAAA: longSaid.join(' ') })).toEqual([])
  })
})

describe('readWords', () => {
  it('reads words whose letters and phonemes are all known', async () => {
    const read = await readWords()
    if (!isRight(read)) throw new Error(read.left.message)
    expect(read.right.length).toBeGreaterThan(100_000)
    const said = new Set(read.right.flatMap(({ pronunciations }) => pronunciations.flat()))
    expect([...said].sort()).toEqual(PHONEMES.slice(1))
  })
})

describe('toWordBatch', () => {
  it('keeps spellings and usual pronunciations, filled up to one length', () => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
        const { letters, lengths, phonemes } = toWordBatch(words)
        expect(letters.shape).toEqual([LONGEST.letters, words.length])
        expect(phonemes.shape).toEqual([LONGEST.phonemes + 1, words.length])
        expect(toPronunciations(phonemes)).toEqual(words.map(({ pronunciations }) => pronunciations[0]))
        words.forEach(({ spelling }, column) => {
          const length = lengths.at(column).get().item()
          const places = letters.at(':', column).get().toArray() as readonly number[]
          expect(
            places
              .slice(0, length)
              .map((place) => LETTERS[place])
              .join(''),
          ).toBe(spelling)
          expect(places.slice(length).every((place) => place === 0)).toBe(true)
        })
        expect(phonemes.at(-1).get().toArray()).toEqual(words.map(() => END))
      }),
    )
  })
})
