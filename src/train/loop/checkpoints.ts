/** Checkpoints during a run. */
import type { JsonRecord } from '../../io/index.ts'
import * as must from '../../conversions/arguments.ts'
import { attempt, run } from '../attempt.ts'
import type { SaveOptions } from '../checkpoint/checkpoint.ts'
import { keepTable, saveCheckpoint, takeBack } from '../checkpoint/checkpoint.ts'
import { aStore, nodeStore } from '../checkpoint/store.ts'
import type { Hook, StepEvent } from './hook.ts'
import { hookOf } from './hook.ts'

/** Options of `checkpoints`. */
export interface CheckpointsOptions extends SaveOptions {
  /** Saves every `every` steps, and after the last; if left out, only after the last. */
  readonly every?: number
  /** What the run was asked to do. */
  readonly config?: JsonRecord
  /** The fingerprint of the frozen base. */
  readonly base?: string
}

const door = must.door('checkpoints', {
  directory: must.string,
  options: must.optionsOf<CheckpointsOptions>({
    ...keepTable,
    store: aStore,
    every: must.count,
    config: must.kind('an object', (x) => typeof x === 'object' && x !== null),
    base: must.string,
  }),
})

/**
 * Saves a checkpoint every `every` steps, and after the last: the state, the position in the data, the metrics, and what other
 * hooks remember. With `keepBest`, it also saves at steps that have its metric.
 *
 * A directory is for one run. A run that resumes from a checkpoint removes later ones, as it repeats those steps; a run that
 * starts at 0 where there are checkpoints is an error.
 *
 * @param options - `every`, `keepLast`, `keepBest`; `config` and `base` are kept beside the state.
 * @example
 * ```ts
 * import { NDArray, np } from 'pullback'
 * import { checkpoints, fromArray, memoryStore, train } from 'pullback/train'
 * const files = new Map<string, Uint8Array>()
 * const step = (sum: NDArray, x: NDArray) => [np.add(sum, x), { loss: x }] as const
 * const data = fromArray([1, 2, 3, 4, 5].map((n) => np.array(n)))
 * const hooks = [checkpoints('run', { every: 2, keepLast: 2, store: memoryStore(files) })]
 * await train(step, np.array(0), data, { hooks })()
 * const saved = [...files.keys()].filter((name) => name.endsWith('checkpoint.json'))
 * saved.toSorted() // => run/step-000004/checkpoint.json,run/step-000005/checkpoint.json
 * ```
 */
export const checkpoints = (directory: string, options: CheckpointsOptions = {}): Hook => {
  door(directory, options)
  const { every, config = null, base = null, ...saving } = options
  const isDue = ({ step, isLast, metrics }: StepEvent<unknown>): boolean =>
    isLast ||
    (every !== undefined && step % every === 0) ||
    (saving.keepBest !== undefined && saving.keepBest.metric in metrics)
  return hookOf('checkpoints', ({ step: begun }) =>
    attempt(async () => {
      // Detect an unwritable directory before the first step, not after an hour.
      await run(takeBack(directory, begun, saving.store ?? nodeStore))
      return {
        save: (event) =>
          attempt(async () => {
            if (!isDue(event)) return
            const { step, state, position, metrics } = event
            const hooks = await run(event.memories())
            await run(saveCheckpoint(directory, { step, state, position, metrics, config, base, hooks }, saving))
          }),
      }
    }),
  )
}
