import { describe, expect, it } from 'vitest'
import type { Attempt } from '../../examples/support/attempts.ts'
import { describeAttempt, drawAttention, isRight, mostSilent, ratesOf } from '../../examples/support/attempts.ts'

describe('attempts', () => {
  const attempt = (spelling: string, guess: string, ...truths: string[]): Attempt => ({
    word: { spelling, pronunciations: truths.map((truth) => truth.split(' ')) },
    guess: guess === '' ? [] : guess.split(' '),
    looked: [],
  })
  const attempts = [
    attempt('READ', 'R IY D', 'R EH D', 'R IY D'),
    attempt('NIGHT', 'N AY T', 'N AY T'),
    attempt('KNIGHTS', 'K N AY T S', 'N AY T S'),
  ]

  it('are right if they are one of the pronunciations', () => {
    expect(attempts.map(isRight)).toEqual([true, true, false])
    expect(ratesOf(attempts)).toEqual({ symbols: 1 / 10, sequences: 1 / 3 })
  })

  it('are described with what would have been right', () => {
    expect(describeAttempt(attempts[1]!)).toBe('NIGHT         N AY T')
    expect(describeAttempt(attempts[2]!)).toBe('KNIGHTS       K N AY T S   (right: N AY T S)')
  })

  it('are shown by the word with the most silent letters that is said right, or by that of all', () => {
    expect(mostSilent(attempts).word.spelling).toBe('NIGHT')
    const wrong = [attempt('KNIGHTS', 'K N AY T S', 'N AY T S'), attempt('EIGHTS', '', 'EY T S')]
    expect(mostSilent(wrong).word.spelling).toBe('EIGHTS')
    expect(drawAttention(mostSilent(wrong))).toContain('EIGHTS')
  })
})
