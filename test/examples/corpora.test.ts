/** What unseen texts are measured on. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { excerpts } from '../../examples/support/corpora.ts'

describe('excerpts', () => {
  test('are parts of the documents, one after the other, with so many characters together', () => {
    const document = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.repeat(100))
    fc.assert(
      fc.property(fc.array(document, { maxLength: 5 }), fc.nat(6000), (documents, characters) => {
        const taken = excerpts(documents, characters)
        taken.forEach((text, i) => {
          expect(documents[i]).toContain(text)
        })
        const lengths = documents.map((text) => Math.min(2000, Array.from(text).length))
        const most = lengths.reduce((sum, length) => sum + length, 0)
        expect(Array.from(taken.join(''))).toHaveLength(Math.min(most, characters))
      }),
      { numRuns: 20 },
    )
  })

  test('come from the middle, and whole characters', () => {
    const text = `${'a'.repeat(3000)}${'𠀀'.repeat(2000)}${'b'.repeat(3000)}`
    expect(excerpts([text], 5000)).toEqual(['𠀀'.repeat(2000)])
    expect(excerpts(['鲸鱼', '大海'], 3)).toEqual(['鲸鱼', '大'])
  })
})
