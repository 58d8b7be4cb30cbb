/** Splits data by the content of rows, so that neither the order of rows nor duplicates matter. */
import { ArgumentError } from '../../core/errors.ts'
import { encodeUtf8 } from '../../core/utf8.ts'
import * as must from '../../conversions/arguments.ts'
import type { Stream } from '../stream.ts'
import { aStream } from './cursor.ts'
import { filter } from './elements.ts'

/** The number of characters compared: the rest is often signatures and quotations. */
const COMPARED = 600

const normalTextDoor = must.door('normalText', {
  text: must.string,
  compared: must.optional(
    must.anyOf(
      must.count,
      must.kind('Infinity', (x) => x === Infinity),
    ),
  ),
})

/**
 * The normal form in which texts are compared: lower case, NFKC, each run of white space as one space, and the first 600
 * characters of that.
 *
 * @param compared - another number of characters; Infinity for all.
 * @example
 * ```ts
 * import { normalText } from 'pullback/train'
 * normalText('  Buy\n NOW ') // => buy now
 * ```
 */
export const normalText = (text: string, compared = COMPARED): string => {
  normalTextDoor(text, compared)
  return text.normalize('NFKC').toLowerCase().replace(/\s+/gu, ' ').trim().slice(0, compared)
}

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by))

const scramble = (k: number): number => Math.imul(rotate(Math.imul(k, 0xcc9e2d51), 15), 0x1b873593)

/** MurmurHash3, x86, 32 bits (Austin Appleby, public domain). */
export const murmur3 = (bytes: Uint8Array, seed: number): number => {
  let h = seed | 0
  const whole = bytes.length & ~3
  for (let i = 0; i < whole; i += 4) {
    const k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    h = (Math.imul(rotate(h ^ scramble(k), 13), 5) + 0xe6546b64) | 0
  }
  let rest = 0
  for (let i = bytes.length - 1; i >= whole; i--) rest = (rest << 8) | bytes[i]!
  h ^= scramble(rest) ^ bytes.length
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** A number from 0 to 1 that depends only on a text. */
const shareOf = (text: string, salt: string): number => {
  const bytes = encodeUtf8(`${salt}\0${text}`)
  return (murmur3(bytes, 0) + (murmur3(bytes, 0x9e3779b9) >>> 11) / 2 ** 21) / 2 ** 32
}

/** Options of `splitByHash`. */
export interface SplitOptions<A> {
  /** The text that identifies a row: rows with equal `normalText` of it go to the same part. */
  readonly of: (row: A) => string
  /** Another salt gives another split. */
  readonly salt?: string
  /**
   * The number of characters of a row's text that are compared, 600 by default. If rows begin with the same instructions it
   * should be Infinity: otherwise all would go to one part.
   */
  readonly compared?: (row: A) => number
}

const isFractions = (x: unknown): boolean => {
  if (!must.recordOf(must.positive, 'fractions').accepts(x)) return false
  const sum = Object.values(x as { readonly [name: string]: number }).reduce((a, b) => a + b, 0)
  return Math.abs(sum - 1) < 1e-9
}

const splitDoor = must.door('splitByHash', {
  rows: must.anyOf(must.kind('a list', Array.isArray), aStream),
  fractions: must.kind('an object of fractions above 0 whose sum is 1', isFractions),
  options: must.optionsOf<SplitOptions<unknown>>({
    of: must.required(must.func),
    salt: must.string,
    compared: must.func,
  }),
})

/** The name of the part that a row goes to. */
const partOf = <A>(
  fractions: readonly (readonly [string, number])[],
  { of, salt = '', compared = () => COMPARED }: SplitOptions<A>,
): ((row: A) => string) => {
  return (row) => {
    const text: unknown = of(row)
    if (typeof text !== 'string') {
      throw new ArgumentError(`splitByHash: of must give the text of a row, got ${typeof text}.`)
    }
    let share = shareOf(normalText(text, compared(row)), salt)
    for (const [name, fraction] of fractions) {
      share -= fraction
      if (share < 0) return name
    }
    return fractions.at(-1)![0]
  }
}

const isList = <A>(rows: readonly A[] | Stream<A>): rows is readonly A[] => Array.isArray(rows)

/**
 * Splits data by a hash of each row's text: the part of a row does not depend on the order of rows or on other rows, and
 * duplicates are never in two parts. Parts have their sizes on average. * * @param fractions - the names of the parts, and the
 * fraction of the data of each.
 * @throws ArgumentError for fractions that do not add up to 1.
 *
 * @example
 * ```ts
 * import { splitByHash } from 'pullback/train'
 * const mails = ['Hello', 'hello ', 'Buy now', 'Lunch?', 'Re: lunch', 'Minutes', 'You won']
 * const { train, test } = splitByHash(mails, { train: 0.5, test: 0.5 }, { of: (mail) => mail })
 * train.length + test.length // => 7
 * train.includes('Hello') === train.includes('hello ') // => true
 * ```
 */
export function splitByHash<A, const F extends { readonly [part: string]: number }>(
  rows: readonly A[],
  fractions: F,
  options: SplitOptions<A>,
): { readonly [P in keyof F]: readonly A[] }
export function splitByHash<A, const F extends { readonly [part: string]: number }>(
  rows: Stream<A>,
  fractions: F,
  options: SplitOptions<A>,
): { readonly [P in keyof F]: Stream<A> }
export function splitByHash<A>(
  rows: readonly A[] | Stream<A>,
  fractions: { readonly [part: string]: number },
  options: SplitOptions<A>,
): { readonly [part: string]: readonly A[] | Stream<A> } {
  splitDoor(rows, fractions, options)
  const entries = Object.entries(fractions)
  const part = partOf(entries, options)
  if (!isList(rows)) {
    return Object.fromEntries(entries.map(([name]) => [name, filter((row: A) => part(row) === name)(rows)]))
  }
  const parts = new Map(entries.map(([name]) => [name, [] as A[]]))
  for (const row of rows) parts.get(part(row))!.push(row)
  return Object.fromEntries(parts)
}

/** Rows without duplicates. */
export interface Distinct<A> {
  readonly rows: readonly A[]
  /** The number of dropped rows. */
  readonly dropped: number
  /** The index of each dropped row, and of the equal row that is kept. */
  readonly duplicates: readonly { readonly row: number; readonly of: number }[]
}

const dropDoor = must.door('dropDuplicates', { rows: must.kind('a list', Array.isArray), of: must.func })

/**
 * Keeps the first of the rows with equal `normalText`.
 *
 * @example
 * ```ts
 * import { dropDuplicates } from 'pullback/train'
 * const { rows, dropped } = dropDuplicates(['Buy now', 'buy  NOW', 'Lunch?'], (mail) => mail)
 * rows // => Buy now,Lunch?
 * dropped // => 1
 * ```
 */
export const dropDuplicates = <A>(rows: readonly A[], of: (row: A) => string): Distinct<A> => {
  dropDoor(rows, of)
  const first = new Map<string, number>()
  const kept: A[] = []
  const duplicates: { readonly row: number; readonly of: number }[] = []
  rows.forEach((row, i) => {
    const text = normalText(of(row))
    const before = first.get(text)
    if (before !== undefined) duplicates.push({ row: i, of: before })
    else {
      first.set(text, i)
      kept.push(row)
    }
  })
  return { rows: kept, dropped: duplicates.length, duplicates }
}
