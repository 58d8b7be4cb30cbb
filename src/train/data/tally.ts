/** Counts of rows, bad rows and shapes. */
import * as must from '../../conversions/arguments.ts'
import type { DataError } from '../errors.ts'

/** The counts of a stream. */
export interface RowCount {
  /** The source of the rows. */
  readonly source: string
  /** Rows that were read, including bad ones. */
  readonly rows: number
  /** Bad rows that were dropped. */
  readonly bad: number
}

/** The number of errors kept for skipped rows: enough to see what is wrong. */
const SAMPLES = 10

/**
 * Counts what the streams that it is passed to read, for inspection. A row that is read again, in another epoch or after
 * resuming, is counted once.
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

  /** The counts of each stream, in the order in which they were first read. */
  get sources(): readonly RowCount[] {
    return [...this.#rows.values()]
  }

  /** Rows that were read, of all streams. */
  get rows(): number {
    return this.sources.reduce((sum, { rows }) => sum + rows, 0)
  }

  /** Rows that were dropped. */
  get bad(): number {
    return this.sources.reduce((sum, { bad }) => sum + bad, 0)
  }

  /** The errors of dropped rows: all of them for `'collect'`, the first ones for `'skip'`. */
  get errors(): readonly DataError[] {
    return [...this.#bad.values()]
  }

  /** The number of batches of each shape, `16x128`. */
  get shapes(): ReadonlyMap<string, number> {
    return this.#shapes
  }

  /**
   * Records how far a stream has been read.
   *
   * @internal
   */
  countRows(stream: object, count: RowCount): void {
    // Only the furthest point counts: reading again changes nothing.
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

  /** The counts as text, one per line. */
  toString(): string {
    const shapes = [...this.#shapes].map(([shape, count]) => `${shape}: ${count} batches`)
    return [
      ...this.sources.map(({ source, rows, bad }) => `${source}: ${rows} rows, ${bad} bad`),
      ...this.errors.map(({ message }) => `  ${message}`),
      ...shapes,
    ].join('\n')
  }
}

/** Checks a tally. */
export const aTally = must.instance('a Tally', Tally)
