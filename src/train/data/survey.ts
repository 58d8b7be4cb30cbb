/** Statistics of a stream of samples, before training on it. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as must from '../../conversions/arguments.ts'
import type { Stream, StreamError } from '../stream.ts'
import { aStream, right } from './cursor.ts'
import { fold } from './read.ts'
import type { Sample } from './sample.ts'
import { IGNORED } from '../../models/losses.ts'

/** Counts of samples. */
export interface Survey {
  readonly samples: number
  readonly tokens: number
  /** Tokens with a label that counts; 0 where rows have one label. */
  readonly learnt: number
  /** Truncated samples, and the tokens removed. */
  readonly cut: { readonly samples: number; readonly tokens: number }
  /** The samples' lengths: the minimum, the median, the 90 % quantile and the maximum. */
  readonly lengths: { readonly min: number; readonly median: number; readonly p90: number; readonly max: number }
}

const surveyDoor = must.door('survey', { stream: aStream })

/** The quantile of sorted lengths. */
const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0

/** Tokens whose label counts. The first never does: nothing comes before it. */
const learntIn = ({ labels }: Sample): number =>
  labels === undefined || typeof labels === 'number' ? 0 : labels.filter((x, i) => i > 0 && x !== IGNORED).length

/**
 * Reads a stream of samples once, and counts lengths, removed tokens and learnt tokens.
 *
 * @example
 * ```ts
 * import { fromArray, survey } from 'pullback/train'
 * const samples = [{ input_ids: [1, 2, 3], labels: [-100, 2, 3] }, { input_ids: [4], labels: [4], cut: 5 }]
 * const counts = await survey(fromArray(samples))()
 * counts._tag === 'Right' && counts.right.learnt // => 2
 * counts._tag === 'Right' && counts.right.cut.tokens // => 5
 * ```
 */
export const survey = (stream: Stream<Sample>): TaskEither<StreamError, Survey> => {
  surveyDoor(stream)
  return async () => {
    const lengths: number[] = []
    const read = await fold({ learnt: 0, cutSamples: 0, cutTokens: 0 }, (all, sample: Sample) => {
      lengths.push(sample.input_ids.length)
      const { cut = 0 } = sample
      return {
        learnt: all.learnt + learntIn(sample),
        cutSamples: all.cutSamples + (cut > 0 ? 1 : 0),
        cutTokens: all.cutTokens + cut,
      }
    })(stream)()
    if (read._tag === 'Left') return read
    const { learnt, cutSamples, cutTokens } = read.right
    const sorted = lengths.sort((a, b) => a - b)
    return right({
      samples: sorted.length,
      tokens: sorted.reduce((a, b) => a + b, 0),
      learnt,
      cut: { samples: cutSamples, tokens: cutTokens },
      lengths: {
        min: sorted[0] ?? 0,
        median: quantile(sorted, 0.5),
        p90: quantile(sorted, 0.9),
        max: sorted.at(-1) ?? 0,
      },
    })
  }
}
