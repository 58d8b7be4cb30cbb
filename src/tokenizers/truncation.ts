/** Truncation of one text or two to a number of tokens. */
import { ArgumentError } from '../core/errors.ts'
import type { Row, Side, Token } from './encoding.ts'
import { truncate } from './encoding.ts'

/** Which of two texts is truncated. */
export type TruncationStrategy = 'longestFirst' | 'onlyFirst' | 'onlySecond'

interface Truncation {
  /** The number of tokens available for the texts. */
  readonly length: number
  readonly strategy: TruncationStrategy
  readonly stride: number
  readonly side: Side
}

/**
 * The number of tokens that two texts keep when the longer is truncated first; after that both keep equally many, the second
 * one more if the length is odd.
 */
const keptOfTwo = (a: number, b: number, length: number): readonly [number, number] => {
  const [short, long] = [Math.min(a, b), Math.max(a, b)]
  const half = Math.floor(length / 2)
  const kept: readonly [number, number] =
    short + Math.max(short, length - short) > length ? [half, length - half] : [short, Math.min(long, length - short)]
  return a > b ? [kept[1], kept[0]] : kept
}

const lengthsOf = (texts: readonly (readonly Token[])[], { length, strategy }: Truncation): readonly number[] => {
  const [a, b] = texts.map((tokens) => tokens.length)
  const excess = a! + (b ?? 0) - length
  if (strategy === 'longestFirst') return b === undefined ? [length] : keptOfTwo(a!, b, length)
  const at = strategy === 'onlyFirst' ? 0 : 1
  const target = [a, b][at]
  if (target === undefined) {
    throw new ArgumentError(
      `encode: truncation 'onlySecond' needs a pair of texts; use 'longestFirst', or give a pair.`,
    )
  }
  if (target <= excess) {
    throw new ArgumentError(
      `encode: ${excess} tokens must go, and the ${at === 0 ? 'first' : 'second'} text has ${target}. ` +
        `Use truncation 'longestFirst', or a larger maxLength.`,
    )
  }
  return [a, b].flatMap((n, i) => (n === undefined ? [] : [i === at ? n - excess : n]))
}

/** Truncates the texts to `length` tokens together. */
export const truncateRows = (texts: readonly (readonly Token[])[], truncation: Truncation): readonly Row[] => {
  const { length, stride, side } = truncation
  const total = texts.reduce((n, tokens) => n + tokens.length, 0)
  if (total <= length) return texts.map((tokens) => ({ tokens, overflowing: [] }))
  const lengths = length === 0 ? texts.map(() => 0) : lengthsOf(texts, truncation)
  return texts.map((tokens, i) => {
    const kept = lengths[i]!
    if (stride > 0 && kept > 0 && kept < tokens.length && stride >= kept) {
      throw new ArgumentError(`encode: stride must be less than the ${kept} tokens that a text keeps, got ${stride}.`)
    }
    return truncate(tokens, kept, stride, side)
  })
}
