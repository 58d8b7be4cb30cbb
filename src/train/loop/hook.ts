/**
 * Hooks: what happens beside the steps of a run. A hook is a value, and the same one may serve many runs: what it remembers begins
 * with `start`. In which order hooks stand does not matter: at each step all measure, then all look, then all save.
 */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as must from '../../conversions/arguments.ts'
import type { TrainError } from '../errors.ts'
import type { Position } from '../stream.ts'

/** Numbers by name. */
export interface Numbers {
  readonly [name: string]: number
}

/** A run as it begins. */
export interface RunStart {
  /** Steps that were made before: 0, or those of the checkpoint. */
  readonly step: number
  /** The number of the last step, where it is known. */
  readonly steps: number | null
  /** What the hook remembered in the checkpoint; null if there is none, or it is not in it. */
  readonly memory: Position
}

/** A step that has just been made. */
export interface StepEvent<S> {
  /** Its number, from 1. */
  readonly step: number
  readonly steps: number | null
  /** The state after it, until the next step begins: its arrays are given up then. */
  readonly state: S
  /** What the step measured, and in `step` and `save` also what hooks did. */
  readonly metrics: Numbers
  /** The place behind the batch. */
  readonly position: Position
  /** How often steps have been traced in this run: once for each combination of shapes. */
  readonly traces: number
  /** Steps that were not taken, as their numbers were not finite. */
  readonly skipped: number
  /** Duration of the step, in seconds. */
  readonly seconds: number
  /** Since the beginning of this run, in seconds. */
  readonly elapsed: number
  /** Whether this is known to be the last. */
  readonly isLast: boolean
  /** What hooks remember now, for a checkpoint; what they have written until now is on the disk then, and not only on its way. */
  readonly memories: () => TaskEither<TrainError, { readonly [hook: string]: Position }>
}

/** A run that is over. */
export interface RunEnd<S> {
  /** The last step; null if none was made. */
  readonly last: StepEvent<S> | null
  /** `steps`, `data`, or what a hook stopped for; of a run that failed, `error`. */
  readonly reason: string
  readonly error: TrainError | null
}

/** A hook during a run. */
export interface Handlers<S> {
  /** Further metrics of this step, for all hooks. */
  readonly measure?: (event: StepEvent<S>) => TaskEither<TrainError, Numbers>
  /** Looks at the step. A text stops the run, after this step has been saved. */
  readonly step?: (event: StepEvent<S>) => TaskEither<TrainError, string | null>
  /** Keeps what must not be lost, after all others have seen the step. */
  readonly save?: (event: StepEvent<S>) => TaskEither<TrainError, void>
  /** When the run is over, whether it failed or not. */
  readonly end?: (end: RunEnd<S>) => TaskEither<TrainError, void>
  /** Gives back what `start` took, after everything else, also when something was thrown. */
  readonly close?: () => Promise<void>
  /** After all have closed, unless the run failed, which the caller is to hear of: it may end the process. */
  readonly exit?: () => void
  /** What must be known to go on from here. */
  readonly memory?: () => Position
  /** Brings to the disk what it has written: a checkpoint is about to be made that counts on it. */
  readonly flush?: () => TaskEither<TrainError, void>
  /** Why nothing is left to do: this hook had stopped the run that is gone on with. */
  readonly over?: string | null
}

/** Something that happens beside the steps. Those that do not look at the state are hooks of any run. */
export interface Hook<S = unknown> {
  /** Under which its memory is kept. */
  readonly name: string
  readonly start: (run: RunStart) => TaskEither<TrainError, Handlers<S>>
}

const aRun = must.kind('a run as it begins: { step, steps, memory }', (x) => {
  const run = x as Partial<RunStart> | null | undefined
  return must.natural.accepts(run?.step) && must.nullable(must.natural).accepts(run?.steps)
})

/** A hook whose `start` looks at what it is given. */
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

/** What hooks must be. */
export const aHook = must.kind('a hook, such as progress()', (x) => {
  const hook = x as Partial<Hook> | null | undefined
  return typeof hook?.name === 'string' && typeof hook.start === 'function'
})

const onStepDoor = must.door('onStep', { f: must.func })

/**
 * A hook of a plain function: it is called after each step, and a text that it returns, or promises, stops the run.
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
