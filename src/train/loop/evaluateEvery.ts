/** Evaluation during a run. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as must from '../../conversions/arguments.ts'
import { attempt, run } from '../attempt.ts'
import type { TrainError } from '../errors.ts'
import type { Handlers, Hook, Numbers } from './hook.ts'
import { done, hookOf } from './hook.ts'

/** Options of `evaluateEvery`. */
export interface EvaluateEveryOptions {
  /** The prefix of the metrics' names; `'eval/'` by default. */
  readonly prefix?: string
}

const door = must.door('evaluateEvery', {
  n: must.count,
  f: must.func,
  options: must.optionsOf<EvaluateEveryOptions>({ prefix: must.string }),
})

/** The scalars among results: a confusion matrix, for example, has no curve. */
const scalars = (prefix: string, values: { readonly [name: string]: unknown }): Numbers =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, x]) => (typeof x === 'number' ? [[`${prefix}${name}`, x]] : [])),
  )

/**
 * Evaluates every `n` steps and after the last, and adds the numbers to that step's metrics, for all hooks: `eval/accuracy`.
 *
 * @param f - of the state: `(state) => evaluate(predict, state.params, valid, { accuracy: accuracy() })`.
 * @example
 * ```ts
 * import { NDArray, np } from 'pullback'
 * import { right } from 'fp-ts/lib/TaskEither.js'
 * import { evaluateEvery, fromArray, onStep, train } from 'pullback/train'
 * const data = fromArray([1, 2, 3].map((n) => np.array(n)))
 * const step = (sum: NDArray, x: NDArray) => [np.add(sum, x), { loss: x }] as const
 * const seen: string[] = []
 * const hooks = [
 *   evaluateEvery(2, (sum: NDArray) => right({ sum: sum.item() })),
 *   onStep<NDArray>(({ step, metrics }) => void seen.push(`${step}: ${metrics['eval/sum']}`)),
 * ]
 * await train(step, np.array(0), data, { hooks })()
 * seen // => 1: undefined,2: 3,3: 6
 * ```
 */
export const evaluateEvery = <S>(
  n: number,
  f: (state: S) => TaskEither<TrainError, { readonly [name: string]: unknown }>,
  options: EvaluateEveryOptions = {},
): Hook<S> => {
  door(n, f, options)
  const { prefix = 'eval/' } = options
  return hookOf('evaluateEvery', () =>
    done<Handlers<S>>({
      measure: ({ step, isLast, state }) =>
        attempt(async () => (step % n === 0 || isLast ? scalars(prefix, await run(f(state))) : {})),
    }),
  )
}
