/**
 * Hooks: everything around the steps of a run. A hook is a value, and may be used in many runs: its state begins with `start`.
 * The order of hooks does not matter: at each step all measure, then all observe, then all save.
 */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as must from '../../conversions/arguments.ts'
import type { TrainError } from '../errors.ts'
import type { Position } from '../stream.ts'

/** Numbers by name. */
export interface Numbers {
  readonly [name: string]: number
}

/** The start of a run. */
export interface RunStart {
  /** The steps made before: 0, or those of the checkpoint. */
  readonly step: number
  /** The number of the last step, where it is known. */
  readonly steps: number | null
  /** The hook's memory in the checkpoint; null if there is none. */
  readonly memory: Position
}

/** A completed step. */
export interface StepEvent<S> {
  /** Its number, from 1. */
  readonly step: number
  readonly steps: number | null
  /** The state after it, valid until the next step begins, which its arrays are donated to. */
  readonly state: S
  /** The metrics of the step; in `step` and `save` also those that hooks measured. */
  readonly metrics: Numbers
  /** The place after the batch. */
  readonly position: Position
  /** How often steps have been traced in this run: once for each combination of shapes. */
  readonly traces: number
  /** The number of steps skipped because of non-finite values. */
  readonly skipped: number
  /** Duration of the step, in seconds. */
  readonly seconds: number
  /** Time since the beginning of this run, in seconds. */
  readonly elapsed: number
  /** Whether this is known to be the last step. */
  readonly isLast: boolean
  /** The current memory of hooks, for a checkpoint; what they have written so far is flushed to the disk first. */
  readonly memories: () => TaskEither<TrainError, { readonly [hook: string]: Position }>
}

/** The end of a run. */
export interface RunEnd<S> {
  /** The last step; null if none was made. */
  readonly last: StepEvent<S> | null
  /** `steps`, `data`, or a hook's reason; `error` for a failed run. */
  readonly reason: string
  readonly error: TrainError | null
}

/** A hook during a run. */
export interface Handlers<S> {
  /** Further metrics of this step, for all hooks. */
  readonly measure?: (event: StepEvent<S>) => TaskEither<TrainError, Numbers>
  /** Observes the step. A returned string stops the run, after this step has been saved. */
  readonly step?: (event: StepEvent<S>) => TaskEither<TrainError, string | null>
  /** Saves, after all hooks have observed the step. */
  readonly save?: (event: StepEvent<S>) => TaskEither<TrainError, void>
  /** Called at the end of the run, whether it failed or not. */
  readonly end?: (end: RunEnd<S>) => TaskEither<TrainError, void>
  /** Releases the resources of `start`, after everything else, also after an exception. */
  readonly close?: () => Promise<void>
  /** Called after all have closed, and may end the process; not called after a failure, which the caller must see. */
  readonly exit?: () => void
  /** The memory needed to resume from here. */
  readonly memory?: () => Position
  /** Flushes what it has written to the disk: a checkpoint that relies on it is about to be made. */
  readonly flush?: () => TaskEither<TrainError, void>
  /** The reason, if this hook had already stopped the resumed run. */
  readonly over?: string | null
}

/** A hook. One that does not use the state fits any run. */
export interface Hook<S = unknown> {
  /** The name under which its memory is kept. */
  readonly name: string
  readonly start: (run: RunStart) => TaskEither<TrainError, Handlers<S>>
}

const aRun = must.kind('a run as it begins: { step, steps, memory }', (x) => {
  const run = x as Partial<RunStart> | null | undefined
  return must.natural.accepts(run?.step) && must.nullable(must.natural).accepts(run?.steps)
})

/** A hook whose `start` checks its argument. */
export const hookOf = <S = unknown>(operation: string, start: Hook<S>['start'], name = operation): Hook<S> => {
  const door = must.door(operation, { run: aRun })
  return {
    name,
    start: (run) => {
      door(run)
      return start(run)
    },
  }
}

/** A task that has succeeded. */
export const done =
  <A>(value: A): TaskEither<never, A> =>
  () =>
    Promise.resolve({ _tag: 'Right', right: value })

/** Checks a hook. */
export const aHook = must.kind('a hook, such as progress()', (x) => {
  const hook = x as Partial<Hook> | null | undefined
  return typeof hook?.name === 'string' && typeof hook.start === 'function'
})

const onStepDoor = must.door('onStep', { f: must.func })

/**
 * A hook from a plain function: it is called after each step, and stops the run if it returns a string, or a promise of one.
 *
 * @example
 * ```ts
 * import { onStep } from 'pullback/train'
 * const hook = onStep(({ metrics }) => (metrics['loss']! < 0.1 ? 'good enough' : undefined))
 * hook.name // => onStep
 * ```
 */
export const onStep = <S = unknown>(f: (event: StepEvent<S>) => unknown): Hook<S> => {
  onStepDoor(f)
  return hookOf('onStep', () =>
    done({
      step: (event) => async () => {
        const reason: unknown = await f(event)
        return { _tag: 'Right', right: typeof reason === 'string' ? reason : null }
      },
    }),
  )
}
