/** Evaluates a model on data. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { jit } from '../../api/jit.ts'
import * as must from '../../conversions/arguments.ts'
import { attempt, run } from '../attempt.ts'
import { aStream } from '../data/cursor.ts'
import type { TrainError } from '../errors.ts'
import type { Stream } from '../stream.ts'
import { hostTurns } from '../loop/turns.ts'
import type { AnyMetric } from './metric.ts'
import { aMetric } from './metric.ts'

/** Metrics by name. */
export interface Metrics<I> {
  readonly [name: string]: AnyMetric<I>
}

/** The values of metrics. */
export type Evaluated<R> = {
  readonly [K in keyof R]: R[K] extends { readonly compute: (state: never) => infer V } ? V : never
}

/** Options of `evaluate` and `evaluator`. */
export interface EvaluateOptions {
  /** Whether model and metrics are compiled; true by default. Use false for what cannot be traced, such as generated texts. */
  readonly jit?: boolean
}

const someMetrics = must.recordOf(aMetric, 'an object of metrics by name')
const options = must.optionsOf<EvaluateOptions>({ jit: must.boolean })
const evaluatorDoor = must.door('evaluator', { f: must.func, metrics: someMetrics, options })
const runDoor = must.door('evaluator', { params: must.anything, data: aStream })
const evaluateDoor = must.door('evaluate', {
  f: must.func,
  params: must.anything,
  data: aStream,
  metrics: someMetrics,
  options,
})

type States = ReadonlyMap<string, unknown>

/** The hidden types of a metric's parts match. */
const updated = <I>({ update }: AnyMetric<I>, state: unknown, measured: unknown): unknown =>
  update(state as never, measured as never)

/**
 * `evaluate` for repeated use: model and metrics are compiled once for each batch shape.
 *
 * @param f - the outputs that the metrics read, for a batch: `(params, batch) => ({ logits, labels })`. Pure.
 * @param metrics - by name; values come back under the same names.
 * @returns a function of parameters and data that does what `evaluate` does.
 * @example
 * ```ts
 * import { NDArray, np } from 'pullback'
 * import { accuracy, evaluator, fromArray } from 'pullback/train'
 * const data = fromArray([{ x: np.array([[1], [2]]), labels: np.array([1, 1], { dtype: 'int32' }) }])
 * const measure = evaluator(
 *   (w: NDArray, { x, labels }: { readonly x: NDArray; readonly labels: NDArray }) => ({ logits: np.multiply(x, w), labels }),
 *   { accuracy: accuracy() },
 * )
 * // After each epoch, say.
 * const [early, late] = [await measure(np.array([1, 0]), data)(), await measure(np.array([0, 1]), data)()]
 * early._tag === 'Right' && early.right.accuracy // => 0
 * late._tag === 'Right' && late.right.accuracy // => 1
 * ```
 */
export const evaluator = <P, B, I, R extends Metrics<I>>(
  f: (params: P, batch: B) => I,
  metrics: R,
  options: EvaluateOptions = {},
): ((params: P, data: Stream<B>) => TaskEither<TrainError, Evaluated<R>>) => {
  evaluatorDoor(f, metrics, options)
  const entries = Object.entries<AnyMetric<I>>(metrics)
  const measureAll = (params: P, batch: B): { readonly [name: string]: unknown } => {
    const outputs = f(params, batch)
    return Object.fromEntries(entries.map(([name, metric]) => [name, metric.measure(outputs)]))
  }
  const measure =
    options.jit === false
      ? measureAll
      : (jit<[P, B], { readonly [name: string]: unknown }>(measureAll) as unknown as typeof measureAll)
  return (params, data) => {
    runDoor(params, data)
    return attempt(async () => {
      const cursor = data.open()
      const turns = hostTurns()
      try {
        let states: States = new Map(entries.map(([name, { init }]) => [name, init]))
        for (let item = await run(cursor.next); item !== null; item = await run(cursor.next)) {
          const measured = measure(params, item.value)
          const before = states
          states = new Map(entries.map(([name, m]) => [name, updated(m, before.get(name), measured[name])]))
          await turns.turn()
        }
        const values = entries.map(([name, { compute }]) => [name, compute(states.get(name) as never)])
        return Object.fromEntries(values) as Evaluated<R>
      } finally {
        turns.close()
        await cursor.close()
      }
    })
  }
}

/**
 * Evaluates a model on data. Logits never leave the compiled program: see `Metric`.
 *
 * @param f - the outputs that the metrics read, for a batch: `(params, batch) => ({ logits, labels })`. Pure.
 * @param data - batches, which may differ in shape. Rows of padding have label -100, or 0 in the mask.
 * @returns the values by the metrics' names; an error of the data.
 * @throws what `f` or a metric throws: ArgumentError for invalid classes in the labels.
 * @example
 * ```ts
 * import { NDArray, np } from 'pullback'
 * import { accuracy, evaluate, fromArray, perplexity } from 'pullback/train'
 * const batches = fromArray([
 *   { x: np.array([[1], [2]]), labels: np.array([1, 1], { dtype: 'int32' }) },
 *   { x: np.array([[-1]]), labels: np.array([1], { dtype: 'int32' }) },
 * ])
 * const predict = (w: NDArray, { x, labels }: { readonly x: NDArray; readonly labels: NDArray }) => ({
 *   logits: np.multiply(x, w),
 *   labels,
 * })
 * const result = await evaluate(predict, np.array([0, 1]), batches, { accuracy: accuracy() })()
 * // Of three rows, not the mean of two batches.
 * result._tag === 'Right' && result.right.accuracy.toFixed(2) // => 0.67
 * ```
 */
export const evaluate = <P, B, I, R extends Metrics<I>>(
  f: (params: P, batch: B) => I,
  params: P,
  data: Stream<B>,
  metrics: R,
  options: EvaluateOptions = {},
): TaskEither<TrainError, Evaluated<R>> => {
  evaluateDoor(f, params, data, metrics, options)
  return evaluator(f, metrics, options)(params, data)
}
