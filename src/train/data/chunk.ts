/** Cuts long texts into rows, so that nothing is lost. */
import { ArgumentError } from '../../core/errors.ts'
import * as must from '../../conversions/arguments.ts'
import type { Position, Stream } from '../stream.ts'
import type { Operator } from './cursor.ts'
import { cursorOf, end, isCount, isParts, item, operator, strangePosition } from './cursor.ts'
import type { Sample } from './sample.ts'

/** Tokens in a row, with their labels. */
export interface Chunk extends Sample {
  readonly labels: readonly number[]
}

/** Options of `chunk`. */
export interface ChunkOptions {
  /** Whether to drop the last row if it is not full. Default: false. */
  readonly dropLast?: boolean
}

const chunkDoor = must.door('chunk', {
  length: must.count,
  options: must.optionsOf<ChunkOptions>({ dropLast: must.boolean }),
})
const chunkOperator = operator('chunk')

const labelsOf = ({ input_ids: ids, labels = ids }: Sample): readonly number[] => {
  if (typeof labels !== 'number' && labels.length === ids.length) return labels
  throw new ArgumentError('chunk: samples must have a label for each token, as those of causal models have.')
}

/**
 * Concatenates the tokens of all samples and cuts them into rows of exactly `length`; the last may be shorter. This is how a
 * model is trained on a corpus: each text ends with the end token, and a row may begin in the middle of a text. `pack` keeps
 * samples apart instead. A place is that of the sample in which the next row begins, and how much of it has been used.
 *
 * @example
 * ```ts
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { chunk, fromArray, toArray } from 'pullback/train'
 * const texts = [[1, 2, 3, 0], [4, 5, 0]].map((ids) => ({ input_ids: ids, labels: ids }))
 * const rows = await pipe(fromArray(texts), chunk(3), toArray)()
 * rows._tag === 'Right' && rows.right.map((row) => row.input_ids.join(' ')) // => 1 2 3,0 4 5,0
 * ```
 */
export const chunk = (length: number, options: ChunkOptions = {}): Operator<Sample, Chunk> => {
  chunkDoor(length, options)
  const { dropLast = false } = options
  return chunkOperator((source: Stream<Sample>, position, epoch) => {
    const start = position ?? [null, 0]
    if (!isParts(start, 2) || !isCount(start[1])) return strangePosition('chunk', position)
    const cursor = source.open(start[0], epoch)
    // The sample that is being cut, the places before and after it, and how much of it has been used.
    let [before, given] = start as readonly [Position, number]
    let after = before
    let sample: Sample | null = null
    return cursorOf<Chunk>(async () => {
      const ids: number[] = []
      const labels: number[] = []
      while (ids.length < length) {
        if (sample === null) {
          const pulled = await cursor.next()
          if (pulled._tag === 'Left') return pulled
          if (pulled.right === null) break
          sample = pulled.right.value
          after = pulled.right.position
        }
        const to = Math.min(sample.input_ids.length, given + length - ids.length)
        ids.push(...sample.input_ids.slice(given, to))
        labels.push(...labelsOf(sample).slice(given, to))
        given = to
        if (given < sample.input_ids.length) continue
        sample = null
        before = after
        given = 0
      }
      return ids.length === 0 || (dropLast && ids.length < length)
        ? end
        : item({ input_ids: ids, labels }, [before, given])
    }, cursor.close)
  })
}
