/** Stopping when a metric no longer improves. */
import * as must from '../../conversions/arguments.ts'
import type { Position } from '../stream.ts'
import type { Handlers, Hook } from './hook.ts'
import { done, hookOf } from './hook.ts'

/** Options of `earlyStopping`. */
export interface EarlyStoppingOptions {
  /** The metric, such as `eval/loss`. Steps without it are ignored. */
  readonly metric: string
  /** The number of consecutive values without improvement before stopping; 3 by default. */
  readonly patience?: number
  /** `'min'` by default. */
  readonly mode?: 'min' | 'max'
  /** The smallest change that counts as an improvement; 0 by default. */
  readonly minDelta?: number
}

interface Memory {
  readonly best: number | null
  readonly waited: number
}

const isMemory = (x: Position): x is Position & Memory =>
  typeof x === 'object' && x !== null && 'best' in x && 'waited' in x

const door = must.door('earlyStopping', {
  options: must.required(
    must.optionsOf<EarlyStoppingOptions>({
      metric: must.required(must.string),
      patience: must.count,
      mode: must.oneOf(['min', 'max']),
      minDelta: must.notNegative,
    }),
  ),
})

/**
 * Stops a run when a metric has not improved for a while. Its memory is kept in checkpoints: a run that resumes from the point
 * where it was stopped stays stopped, unless `patience` is now larger. NaN is never an improvement.
 *
 * @example
 * ```ts
 * import { NDArray, np } from 'pullback'
 * import { earlyStopping, fromArray, train } from 'pullback/train'
 * const losses = fromArray([3, 2, 2.5, 2.2, 1, 0].map((n) => np.array(n)))
 * const step = (state: NDArray, loss: NDArray) => [state, { loss }] as const
 * const run = await train(step, np.array(0), losses, { hooks: [earlyStopping({ metric: 'loss', patience: 2 })] })()
 * run._tag === 'Right' && run.right.step // => 4
 * run._tag === 'Right' && run.right.reason // => loss has not got better than 2 for 2 values, at step 4
 * ```
 */
export const earlyStopping = (options: EarlyStoppingOptions): Hook => {
  door(options)
  const { metric, patience = 3, mode = 'min', minDelta = 0 } = options
  const sign = mode === 'min' ? 1 : -1
  return hookOf(
    'earlyStopping',
    (run) => {
      let { best, waited }: Memory = isMemory(run.memory) ? run.memory : { best: null, waited: 0 }
      const verdict = (step: number): string | null =>
        waited < patience ? null : `${metric} has not got better than ${best} for ${waited} values, at step ${step}`
      const handlers: Handlers<unknown> = {
        over: verdict(run.step),
        step: ({ metrics, step }) => {
          const value = metrics[metric]
          if (value === undefined) return done(null)
          const isBetter = Number.isFinite(value) && (best === null || sign * (best - value) > minDelta)
          waited = isBetter ? 0 : waited + 1
          if (isBetter) best = value
          return done(verdict(step))
        },
        memory: () => ({ best, waited }),
      }
      return done(handlers)
    },
    `earlyStopping ${metric}`,
  )
}
