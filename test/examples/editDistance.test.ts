import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { editDistance, errorRates } from '../../examples/support/editDistance.ts'

const word = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 6 })

/** The definition, by the first symbols: kept, replaced, deleted or inserted. */
const byDefinition = (a: readonly string[], b: readonly string[]): number => {
  if (a.length === 0 || b.length === 0) return a.length + b.length
  const [x, y] = [a.slice(1), b.slice(1)]
  if (a[0] === b[0]) return byDefinition(x, y)
  return 1 + Math.min(byDefinition(x, y), byDefinition(x, b), byDefinition(a, y))
}

describe('editDistance', () => {
  it('is what its definition says', () => {
    fc.assert(fc.property(word, word, (a, b) => editDistance(a, b) === byDefinition(a, b)))
  })

  it('is a metric', () => {
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a))
        expect(editDistance(a, b) === 0).toBe(a.join() === b.join())
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c))
      }),
    )
  })

  it('knows the textbook case', () => {
    expect(editDistance(Array.from('kitten'), Array.from('sitting'))).toBe(3)
  })
})

describe('errorRates', () => {
  it('measures each guess by its nearest truth, and weighs words by their length', () => {
    const rates = errorRates([
      { guess: ['a', 'b'], truths: [['c'], ['a', 'b']] },
      { guess: ['a'], truths: [['a', 'b', 'c', 'c', 'c', 'c']] },
    ])
    expect(rates).toEqual({ symbols: 5 / 8, sequences: 1 / 2 })
  })

  it('is nothing for what is right, and all for what is not said', () => {
    const nonempty = fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(fc.array(nonempty, { minLength: 1 }), (words) => {
        const right = errorRates(words.map((truth) => ({ guess: truth, truths: [truth] })))
        expect(right).toEqual({ symbols: 0, sequences: 0 })
        const silent = errorRates(words.map((truth) => ({ guess: [], truths: [truth] })))
        expect(silent).toEqual({ symbols: 1, sequences: 1 })
      }),
    )
  })
})
