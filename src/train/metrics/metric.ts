/**
 * Streaming metrics. `measure` is compiled together with the model and reduces a batch's scores to what is needed, a count or a
 * number for each row, so logits never leave the program. `update` adds that up on the host, in doubles. All parts are pure.
 */
import * as must from '../../conversions/arguments.ts'

/** `I`: outputs of a batch; `V`: the final value; `M`: a tree of arrays, kept for a batch; `S`: the state. */
export interface Metric<I, V, M, S> {
  readonly init: S
  readonly measure: (outputs: I) => M
  readonly update: (state: S, measured: M) => S
  readonly compute: (state: S) => V
}

/** Any metric of such outputs. */
export interface AnyMetric<I> {
  readonly init: unknown
  readonly measure: (outputs: I) => unknown
  readonly update: (state: never, measured: never) => unknown
  readonly compute: (state: never) => unknown
}

/** What a metric must be. */
export const aMetric = must.kind('a metric, such as accuracy()', (x) => {
  const metric = x as Partial<AnyMetric<never>> | null | undefined
  return (
    typeof metric?.measure === 'function' && typeof metric.update === 'function' && typeof metric.compute === 'function'
  )
})

/** What the parts of a metric must be given. */
interface MetricChecks {
  readonly outputs: must.Check
  readonly measured: must.Check
  readonly state: must.Check
}

/** An object with at least these properties. */
export const withFields = (wanted: string, fields: { readonly [name: string]: must.Check }): must.Check =>
  must.kind(
    wanted,
    (x) =>
      typeof x === 'object' &&
      x !== null &&
      Object.entries(fields).every(([name, check]) => check.accepts((x as { readonly [key: string]: unknown })[name])),
  )

/** A metric whose parts check their arguments. */
export const guarded = <I, V, M, S>(
  operation: string,
  { outputs, measured, state }: MetricChecks,
  metric: Metric<I, V, M, S>,
): Metric<I, V, M, S> => {
  const measureDoor = must.door(operation, { outputs })
  const updateDoor = must.door(operation, { state, measured })
  const computeDoor = must.door(operation, { state })
  return {
    init: metric.init,
    measure: (given) => {
      measureDoor(given)
      return metric.measure(given)
    },
    update: (before, more) => {
      updateDoor(before, more)
      return metric.update(before, more)
    },
    compute: (last) => {
      computeDoor(last)
      return metric.compute(last)
    },
  }
}

const mapDoor = must.door('mapMetric', { metric: aMetric, f: must.func })

/**
 * A metric whose value is a function of another's.
 *
 * @example
 * ```ts
 * import { accuracy, mapMetric } from 'pullback/train'
 * const errorRate = mapMetric(accuracy(), (a) => 1 - a)
 * errorRate.compute({ sum: 3, count: 4 }) // => 0.25
 * ```
 */
export const mapMetric = <I, V, M, S, W>(metric: Metric<I, V, M, S>, f: (value: V) => W): Metric<I, W, M, S> => {
  mapDoor(metric, f)
  return { ...metric, compute: (state) => f(metric.compute(state)) }
}
