/** Metrics as lines of JSON. */
import { ArgumentError } from '../../core/errors.ts'
import { decodeUtf8, encodeUtf8 } from '../../io/platform.ts'
import * as must from '../../conversions/arguments.ts'
import { attempt, run } from '../attempt.ts'
import type { StoreOptions } from '../checkpoint/checkpoint.ts'
import type { FileStore } from '../checkpoint/store.ts'
import { aStore, directoryOf, nodeStore, replaceFile } from '../checkpoint/store.ts'
import type { Hook, Numbers } from './hook.ts'
import { hookOf } from './hook.ts'

/** One line: the step, and its metrics. */
export interface MetricsLine {
  readonly step: number
  readonly metrics: Numbers
}

const door = must.door('metricsFile', {
  path: must.string,
  options: must.optionsOf<StoreOptions>({ store: aStore }),
})

const isFlat = (x: unknown): x is { readonly [name: string]: unknown; readonly step: number } =>
  typeof x === 'object' && x !== null && 'step' in x && Number.isSafeInteger(x.step)

/** A parsed line, or null for an invalid one, such as a truncated line. */
const parsed = (text: string): MetricsLine | null => {
  try {
    const value: unknown = JSON.parse(text)
    if (!isFlat(value)) return null
    const { step, ...rest } = value
    return { step, metrics: Object.fromEntries(Object.entries(rest).map(([name, x]) => [name, Number(x)])) }
  } catch {
    return null
  }
}

/** JSON has neither NaN nor infinities: they are written as strings, which `Number` reads. */
const lineOf = (step: number, metrics: Numbers): string => {
  if ('step' in metrics) {
    throw new ArgumentError(
      `metricsFile: lines have the number of the step under 'step'; give the metric of that name another.`,
    )
  }
  const values = Object.entries(metrics).map(([name, x]) => [name, Number.isFinite(x) ? x : String(x)] as const)
  return `${JSON.stringify({ step, ...Object.fromEntries(values) })}\n`
}

/** The lines of a file up to a step; none if the file does not exist. */
export const readMetrics = async (store: FileStore, path: string, last: number): Promise<readonly MetricsLine[]> => {
  const name = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
  const names = await run(store.list(directoryOf(path)))
  if (names?.includes(name) !== true) return []
  const lines = (decodeUtf8(await run(store.read(path))) ?? '').split('\n')
  return lines.flatMap((text) => {
    const line = parsed(text)
    return line === null || line.step > last ? [] : [line]
  })
}

/**
 * Writes `{"step":1,"loss":0.5,...}` for each step, immediately. Lines are flushed to the disk before a checkpoint is made, and
 * a run that resumes from it removes later lines: so each step is there exactly once, even after a crash.
 *
 * @example
 * ```ts
 * import { NDArray, np } from 'pullback'
 * import { fromArray, memoryStore, metricsFile, train } from 'pullback/train'
 * const files = new Map<string, Uint8Array>()
 * const data = fromArray([0.5, 0.25].map((n) => np.array(n)))
 * const step = (state: NDArray, loss: NDArray) => [state, { loss }] as const
 * await train(step, np.array(0), data, { hooks: [metricsFile('run/metrics.jsonl', { store: memoryStore(files) })] })()
 * const [first] = new TextDecoder().decode(files.get('run/metrics.jsonl')).split('\n')
 * JSON.parse(first!).loss // => 0.5
 * ```
 */
export const metricsFile = (path: string, options: StoreOptions = {}): Hook => {
  door(path, options)
  const { store = nodeStore } = options
  return hookOf('metricsFile', ({ step: begun }) =>
    attempt(async () => {
      await run(store.makeDirectory(directoryOf(path)))
      const before = await readMetrics(store, path, begun)
      const text = before.map(({ step, metrics }) => lineOf(step, metrics)).join('')
      await run(replaceFile(store, path, encodeUtf8(text)))
      return {
        step: ({ step, metrics }) =>
          attempt(async () => {
            await run(store.append(path, encodeUtf8(lineOf(step, metrics))))
            return null
          }),
        flush: () => store.flush(path),
      }
    }),
  )
}
