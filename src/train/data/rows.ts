/** Bad rows are values: the caller decides how to handle them, and none disappears silently. */
import type { Either } from 'fp-ts/lib/Either.js'
import { ArgumentError } from '../../core/errors.ts'
import * as must from '../../conversions/arguments.ts'
import type { DataError } from '../errors.ts'
import type { Position, Stream } from '../stream.ts'
import { fromArray } from './basic.ts'
import type { Operator } from './cursor.ts'
import { anEither, cursorOf, end, isCount, isParts, item, left, operator, strangePosition } from './cursor.ts'
import type { Decoder } from './decode.ts'
import type { Tally } from './tally.ts'
import { aTally } from './tally.ts'

/** How to handle bad rows. */
export interface BadRows {
  /**
   * `'fail'`, the default: the first ends the stream with an error. `'skip'` and `'collect'` drop bad rows and count them in
   * `tally`, which keeps some of the errors, or all of them.
   */
  readonly onBad?: 'fail' | 'skip' | 'collect'
  readonly tally?: Tally
}

/** What rows must be, and how to handle bad ones. */
export interface RowOptions<T> extends BadRows {
  readonly decode: Decoder<T>
}

/** Options of `checkRows`. */
export interface CheckOptions extends BadRows {
  /** The source of the rows, for messages; `row` by default. */
  readonly source?: string
}

export const badRowsTable: must.OptionTable<BadRows> = { onBad: must.oneOf(['fail', 'skip', 'collect']), tally: aTally }

/** The options of reading rows: the default decoder recognises the known rows. */
export const rowTable: must.OptionTable<Partial<RowOptions<unknown>>> = { ...badRowsTable, decode: must.func }

const checkTally = (name: string, { onBad = 'fail', tally }: BadRows): void => {
  if (onBad === 'fail' || tally !== undefined) return
  throw new ArgumentError(
    `${name}: onBad '${onBad}' leaves rows out, and must be told where to count them: ` +
      `const tally = new Tally(), then { onBad: '${onBad}', tally }.`,
  )
}

/** An error of a row, prefixed with its position. */
export const rowError = (at: string, error: DataError): DataError => ({
  _tag: 'DataError',
  at,
  message: `${at}: ${error.message}`,
})

/** Decodes a row; an error is prefixed with the row's position. */
export const decodeRow = <T>(name: string, decode: Decoder<T>, value: unknown, at: string): Either<DataError, T> => {
  const decoded = anEither(name, decode(value))
  return decoded._tag === 'Left' ? left(rowError(at, decoded.left)) : decoded
}

/**
 * The rows that `judge` accepts. It is given the data read, and the number of the row, from 1.
 *
 * @param source - where rows come from, for the tally.
 */
export const judgeRows = <A, T>(
  name: string,
  source: string,
  judge: (raw: A, row: number) => Either<DataError, T>,
  options: BadRows,
): Operator<A, T> => {
  checkTally(name, options)
  const { onBad = 'fail', tally } = options
  const identity = {}
  return operator(name)((stream: Stream<A>, position, epoch) => {
    // The source's place, the number of rows before it, and of bad ones among them.
    const start = position ?? [null, 0, 0]
    if (!isParts(start, 3) || !isCount(start[1]) || !isCount(start[2])) return strangePosition(name, position)
    let [rows, bad] = [start[1], start[2]]
    const cursor = stream.open(start[0], epoch)
    tally?.countRows(identity, { source, rows, bad })
    return cursorOf<T>(async () => {
      for (;;) {
        const pulled = await cursor.next()
        if (pulled._tag === 'Left') return pulled
        if (pulled.right === null) return end
        rows++
        const judged = judge(pulled.right.value, rows)
        if (judged._tag === 'Left') {
          bad++
          if (onBad === 'fail') return judged
          tally?.addBad(judged.left, onBad === 'collect')
        }
        tally?.countRows(identity, { source, rows, bad })
        if (judged._tag === 'Right') {
          const place: Position = [pulled.right.position, rows, bad]
          return item(judged.right, place)
        }
      }
    }, cursor.close)
  })
}

const checkDoor = must.door('checkRows', {
  decode: must.func,
  options: must.optionsOf<CheckOptions>({ ...badRowsTable, source: must.string }),
})

/**
 * Rows of any stream, checked. Error messages name the row, counted from 1. * * @throws ArgumentError if bad rows are skipped
 * without a tally to count them.
 * @example
 * ```ts
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { checkRows, decode, fromArray, Tally, toArray } from 'pullback/train'
 * const raw = fromArray([{ text: 'fine' }, { txt: 'typo' }, { text: 'good' }])
 * const strict = await pipe(raw, checkRows(decode.object({ text: decode.string }), { source: 'mails' }), toArray)()
 * strict._tag === 'Left' && strict.left.message // => mails:2: text is missing; there is txt
 * // Or bad rows are left out, and counted.
 * const tally = new Tally()
 * const good = await pipe(raw, checkRows(decode.row, { onBad: 'skip', tally }), toArray)()
 * good._tag === 'Right' && good.right.length // => 2
 * tally.bad // => 1
 * ```
 */
export const checkRows = <T>(decode: Decoder<T>, options: CheckOptions = {}): Operator<unknown, T> => {
  checkDoor(decode, options)
  const { source = 'row' } = options
  const judge = (value: unknown, row: number): Either<DataError, T> =>
    decodeRow('checkRows', decode, value, `${source}:${row}`)
  return judgeRows('checkRows', source, judge, options)
}

const fromRowsDoor = must.door('fromRows', {
  rows: must.kind('a list of rows', Array.isArray, { hint: must.listHint }),
  decode: must.func,
  options: must.optionsOf<CheckOptions>({ ...badRowsTable, source: must.string }),
})

/**
 * Rows of a list, checked: `fromArray` and `checkRows`.
 *
 * @example
 * ```ts
 * import { decode, fromRows, toArray } from 'pullback/train'
 * const rows = await toArray(fromRows([{ text: 'fine', label: 1 }, { text: 3, label: 0 }], decode.row))()
 * rows._tag === 'Left' && rows.left.message // => row:2: text must be a text, got 3
 * ```
 */
export const fromRows = <T>(rows: readonly unknown[], decode: Decoder<T>, options: CheckOptions = {}): Stream<T> => {
  fromRowsDoor(rows, decode, options)
  return checkRows(decode, options)(fromArray(rows))
}
