/** Counts of what was read: rows, bad rows, shapes. */
import * as must from '../../conversions/arguments.ts'
import type { DataError } from '../errors.ts'

/** What is known of the rows of a stream. */
export interface RowCount {
  /** Where they come from. */
  readonly source: string
  /** Rows that were read, bad ones counted. */
  readonly rows: number
  /** Rows that were left out because they are bad. */
  readonly bad: number
}

/** How many bad rows are kept of those that are skipped: enough to see what is wrong. */
const SAMPLES = 10

/**
 * Counts of what streams read that it is given to, for people to look at. A row that is read again, in another epoch or after
 * going on from a place, is counted once.
 *
 * @example
 * ```ts
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { checkRows, decode, fromArray, Tally, toArray } from 'pullback/train'
 * const tally = new Tally()
 * const rows = fromArray([{ text: 'fine' }, { txt: 'not' }])
 * const checked = pipe(rows, checkRows(decode.object({ text: decode.string }), { onBad: 'skip', tally, source: 'rows' }))
 * await toArray(checked)()
 * String(tally) // => rows: 2 rows, 1 bad\n  rows:2: text is missing; there is txt
 * ```
 */
export class Tally {
  readonly #rows = new Map<object, RowCount>()
  readonly #bad = new Map<string, DataError>()
  readonly #shapes = new Map<string, number>()

  /** Of each stream, in the order in which they were first read. */
  get sources(): readonly RowCount[] {
    return [...this.#rows.values()]
  }

  /** Rows that were read, of all streams. */
  get rows(): number {
    return this.sources.reduce((sum, { rows }) => sum + rows, 0)
  }

  /** Rows that were left out. */
  get bad(): number {
    return this.sources.reduce((sum, { bad }) => sum + bad, 0)
  }

  /** What is wrong with rows that were left out: all of those that are collected, and some of those that are skipped. */
  get errors(): readonly DataError[] {
    return [...this.#bad.values()]
  }

  /** How many batches there were of each shape, `16x128`. */
  get shapes(): ReadonlyMap<string, number> {
    return this.#shapes
  }

  /**
   * Says how far a stream has been read.
   *
   * @internal
   */
  countRows(stream: object, count: RowCount): void {
    // The furthest that it has been read: what is read again changes nothing.
    if (count.rows > (this.#rows.get(stream)?.rows ?? -1)) this.#rows.set(stream, count)
  }

  /** @internal */
  addBad(error: DataError, keepsAll: boolean): void {
    if (keepsAll || this.#bad.size < SAMPLES) this.#bad.set(error.at, error)
  }

  /** @internal */
  countShape(shape: readonly number[]): void {
    const name = shape.join('x')
    this.#shapes.set(name, (this.#shapes.get(name) ?? 0) + 1)
  }

  /** The counts in words, a line each. */
  toString(): string {
    const shapes = [...this.#shapes].map(([shape, count]) => `${shape}: ${count} batches`)
    return [
      ...this.sources.map(({ source, rows, bad }) => `${source}: ${rows} rows, ${bad} bad`),
      ...this.errors.map(({ message }) => `  ${message}`),
      ...shapes,
    ].join('\n')
  }
}

/** What counts. */
export const aTally = must.instance('a Tally', Tally)
