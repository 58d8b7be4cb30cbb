/** A network's attempts at words: how many are right, in words and as a picture of where it looked. */
import { errorRates } from './editDistance.ts'
import type { ErrorRates } from './editDistance.ts'
import { drawHeatMap } from './heatMap.ts'
import { LONGEST } from './words.ts'
import type { Word } from './words.ts'

/** A word, and what the network says. */
export interface Attempt {
  readonly word: Word
  readonly guess: readonly string[]
  /** Weights of the letters for each phoneme. */
  readonly looked: readonly (readonly number[])[]
}

/** Error rates of phonemes and of words, by the nearest of each word's pronunciations. */
export const ratesOf = (attempts: readonly Attempt[]): ErrorRates =>
  errorRates(attempts.map(({ word, guess }) => ({ guess, truths: word.pronunciations })))

/** Whether what is said is one of the word's pronunciations. */
export const isRight = ({ word, guess }: Attempt): boolean =>
  word.pronunciations.some((phonemes) => phonemes.join(' ') === guess.join(' '))

/** A line about an attempt. */
export const describeAttempt = (attempt: Attempt): string => {
  const { spelling, pronunciations } = attempt.word
  const said = `${spelling.padEnd(LONGEST.letters)}  ${attempt.guess.join(' ')}`
  return isRight(attempt) ? said : `${said}   (right: ${pronunciations.map((p) => p.join(' ')).join(', or ')})`
}

/** How many more letters than phonemes: those make attention worth looking at. */
const silentLetters = ({ word, guess }: Attempt): number => word.spelling.length - guess.length

/** Of the words that were said right, or else of all, the one with the most silent letters. */
export const mostSilent = (attempts: readonly Attempt[]): Attempt => {
  const right = attempts.filter(isRight)
  const candidates = right.length > 0 ? right : attempts
  return candidates.reduce((best, one) => (silentLetters(one) > silentLetters(best) ? one : best))
}

/** The weights of attention: a row for each phoneme, a column for each letter. */
export const drawAttention = ({ word, guess, looked }: Attempt): string =>
  drawHeatMap({
    title: `Where each phoneme of ${word.spelling} comes from, in %`,
    rows: { label: 'said', names: guess },
    columns: { label: 'read', names: Array.from(word.spelling) },
    weights: looked,
  })
