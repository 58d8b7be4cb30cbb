/** A hook that writes a report when a run ends. */
import { encodeUtf8 } from '../../io/platform.ts'
import * as must from '../../conversions/arguments.ts'
import { attempt, run } from '../attempt.ts'
import type { StoreOptions } from '../checkpoint/checkpoint.ts'
import { aStore, directoryOf, nodeStore, replaceFile } from '../checkpoint/store.ts'
import type { Hook, RunEnd } from '../loop/hook.ts'
import { hookOf } from '../loop/hook.ts'
import type { MetricsLine } from '../loop/metricsFile.ts'
import { readMetrics } from '../loop/metricsFile.ts'
import { reportPage } from './page.ts'

/** Options of `report`. */
export interface ReportOptions extends StoreOptions {
  readonly title?: string
  /** What was trained, and how: the text of a plan. */
  readonly plan?: string
  /** The file of `metricsFile`: the curves of a resumed run take their beginning from it. */
  readonly metricsFile?: string
  /** The prefix of the metrics of layers' gradient norms; `'gradNorm/'` by default. */
  readonly layers?: string
}

const door = must.door('report', {
  path: must.string,
  options: must.optionsOf<ReportOptions>({
    store: aStore,
    title: must.string,
    plan: must.string,
    metricsFile: must.string,
    layers: must.string,
  }),
})

/**
 * No times, and nothing specific to this process: a run that was interrupted has the same report as one that was not, byte for
 * byte.
 */
const endingOf = ({ last, reason, error }: RunEnd<unknown>): string => {
  const steps = last === null ? 'No step was made' : `${last.step} steps`
  const skipped = last !== null && last.skipped > 0 ? ` ${last.skipped} steps were skipped.` : ''
  return `${steps}. Ended: ${error === null ? reason : error.message}.${skipped}`
}

/**
 * Writes one page when the run ends, also when it fails: curves of all metrics, raw and smoothed, a heat map of gradient norms
 * by layer and step, and the plan. It needs no script and no network, and follows the reader's light or dark theme.
 *
 * @example
 * ```ts
 * import { NDArray, np } from 'pullback'
 * import { fromArray, memoryStore, report, train } from 'pullback/train'
 * const files = new Map<string, Uint8Array>()
 * const data = fromArray([4, 2].map((n) => np.array(n)))
 * const step = (state: NDArray, loss: NDArray) => [state, { loss }] as const
 * const hooks = [report('run/report.html', { title: 'A first run', store: memoryStore(files) })]
 * await train(step, np.array(0), data, { hooks })()
 * new TextDecoder().decode(files.get('run/report.html')).includes('<title>A first run</title>') // => true
 * ```
 */
export const report = (path: string, options: ReportOptions = {}): Hook => {
  door(path, options)
  const { store = nodeStore, title = 'Training', plan = '', metricsFile: before, layers = 'gradNorm/' } = options
  return hookOf('report', ({ step: begun }) =>
    attempt(async () => {
      const lines: MetricsLine[] = before === undefined ? [] : [...(await readMetrics(store, before, begun))]
      return {
        step: ({ step, metrics }) => {
          lines.push({ step, metrics })
          return () => Promise.resolve({ _tag: 'Right', right: null })
        },
        end: (end) =>
          attempt(async () => {
            await run(store.makeDirectory(directoryOf(path)))
            const page = reportPage({ title, lines, ending: endingOf(end), plan, layers })
            await run(replaceFile(store, path, encodeUtf8(page)))
          }),
      }
    }),
  )
}
