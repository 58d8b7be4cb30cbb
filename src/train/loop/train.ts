/**
 * The loop is a fold of a pure step over a stream.
 *
 * It has two forms; the second consumes the first to its end:
 *
 * - `trainSteps` is an asynchronous generator of `Either`s. Use it with `for await`: you see each state, and leave with
 *   `break`; steps only run as they are requested.
 * - `train` is a `TaskEither` of the last state. With fp-ts it goes into a pipe, between reading and writing.
 *
 * Progress bars, files, checkpoints, evaluation and stopping are hooks, passed as values, so neither form depends on them.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { jit } from '../../api/jit.ts'
import { flatten, unflatten } from '../../core/tree.ts'
import { ArgumentError, NonFiniteError, ShapeError } from '../../core/errors.ts'
import { settings } from '../../core/settings.ts'
import { show } from '../../core/show.ts'
import { showShape } from '../../core/shape.ts'
import { asArray, isArrayLeaf } from '../../runtime/installArrays.ts'
import * as must from '../../conversions/arguments.ts'
import { fromHost, NDArray, toHost } from '../../trace/value.ts'
import { attempt, fail, run } from '../attempt.ts'
import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { aStream } from '../data/cursor.ts'
import type { TrainError } from '../errors.ts'
import type { Item, Position, Stream } from '../stream.ts'
import { overEpochs } from './epochs.ts'
import type { Handlers, Hook, Numbers, RunEnd, StepEvent } from './hook.ts'
import { aHook } from './hook.ts'
import { hostTurns, now } from './turns.ts'

/** Scalars by name. */
export interface Measured {
  readonly [name: string]: NDArray
}

/** One step: returns the state after a batch, and metrics. `frozen` is the option of that name. */
export type Step<S, B, F = undefined> = (state: S, batch: B, frozen: F) => readonly [state: S, metrics: Measured]

/**
 * What to do when a loss becomes NaN or infinite:
 *
 * - `stop`: the run ends with a `DivergenceError`; its last checkpoint is from before.
 * - `locate`: as `stop`, and the step runs once more, operation by operation, so that the error names the operation
 *   responsible. The state before the step must be kept for that: memory for one more state.
 * - `skip`: the state before the step stays, and skipped steps are counted. The same memory.
 * - `ignore`: nothing.
 */
export type NonFinitePolicy = 'stop' | 'locate' | 'skip' | 'ignore'

/** Options of `train` and `trainSteps`. */
export interface TrainOptions<S, F = undefined> {
  /**
   * A constant argument of all steps: a frozen base. If the step closed over a large base, that would be a constant of the
   * compiled program instead.
   */
  readonly frozen?: F
  /** The number of the last step, counted from the very beginning. By default the run ends with the data. */
  readonly steps?: number
  /** The number of passes over the data, each in another order if they are shuffled; 1 by default, or as many as `steps` needs. */
  readonly epochs?: number
  readonly hooks?: readonly Hook<S>[]
  /** The checkpoint to resume from: its state replaces the given one. Null starts from the beginning. */
  readonly from?: Checkpoint<S> | null
  /** Whether the step is compiled; true by default. */
  readonly jit?: boolean
  /** Whether a state's memory is reused for the next; true by default. The caller's initial state is never donated. */
  readonly donate?: boolean
  /** `'stop'` by default. */
  readonly onNonFinite?: NonFinitePolicy
  /** Metrics that must be finite; `['loss']` by default. */
  readonly watched?: readonly string[]
}

/** An intermediate state. Its arrays are donated when the next is requested, unless `donate` is false. */
export interface Snapshot<S> {
  readonly step: number
  readonly state: S
  readonly metrics: Numbers
  readonly position: Position
}

/** The result of a run. */
export interface Trained<S> extends Snapshot<S> {
  /** `steps`, `data`, or a hook's reason. */
  readonly reason: string
}

const policies = ['stop', 'locate', 'skip', 'ignore'] as const

const trainTable: must.OptionTable<TrainOptions<unknown, unknown>> = {
  frozen: must.anything,
  steps: must.natural,
  epochs: must.count,
  hooks: must.listOf(aHook, 'a list of hooks'),
  from: must.nullable(must.kind('a checkpoint', (x) => typeof x === 'object' && x !== null && 'state' in x)),
  jit: must.boolean,
  donate: must.boolean,
  onNonFinite: must.oneOf(policies),
  watched: must.listOf(must.string),
}
const door = (operation: string): must.Door =>
  must.door(operation, {
    step: must.func,
    state: must.anything,
    data: aStream,
    options: must.optionsOf(trainTable),
  })
const trainDoor = door('train')
const trainStepsDoor = door('trainSteps')

/** A copy of the state in new memory. */
const copied = <S>(state: S): S => {
  const { leaves, treedef } = flatten(state)
  const copies = leaves.map((leaf) => {
    if (!isArrayLeaf(leaf)) return leaf
    const { aval, data } = toHost(asArray(leaf), 'train')
    return fromHost(aval, data.slice())
  })
  return unflatten(treedef, copies) as S
}

const isStepResult = (x: unknown): boolean =>
  Array.isArray(x) && x.length === 2 && typeof x[1] === 'object' && x[1] !== null && !(x[1] instanceof NDArray)

/** Runs steps, and counts how often they were traced. */
const runner = <S, B, F>(
  step: Step<S, B, F>,
  { jit: compiles = true, donate = true }: TrainOptions<S, F>,
  keeps: boolean,
) => {
  let traces = 0
  const checked = (state: S, batch: B, frozen: F): readonly [S, Measured] => {
    traces++
    const result: unknown = step(state, batch, frozen)
    if (isStepResult(result)) return result as readonly [S, Measured]
    throw new ArgumentError(
      `train: the step must return [state, metrics], with metrics by name; it gave ${show(result)}.`,
    )
  }
  if (!compiles) return { make: checked, traces: () => 0 }
  // Advice and explanations of jit should name the caller's function.
  Object.defineProperty(checked, 'name', { value: step.name === '' ? 'step' : step.name })
  const options = donate && !keeps ? { donateArgnums: 0 } : {}
  const make = jit<[S, B, F], readonly [S, Measured]>(checked, options)
  return { make: make as unknown as Step<S, B, F>, traces: () => traces }
}

/** Reading does not wait: programs run synchronously, so a step's scalars are available when it returns. */
const numbersOf = (metrics: Measured): Numbers =>
  Object.fromEntries(
    Object.entries(metrics).map(([name, metric]) => {
      const x = asArray(metric)
      if (x.ndim > 0) {
        throw new ShapeError(
          `train: the metric '${name}' has shape ${showShape(x.shape)}; metrics are scalars. Sum or average it.`,
        )
      }
      return [name, Number(x.dataSync()[0])]
    }),
  )

/** The first NaN or infinity in an operation-by-operation run of the step. */
const located = <S, B, F>(step: Step<S, B, F>, state: S, batch: B, frozen: F, value: number): string => {
  const { nans, infs } = settings
  settings.nans = true
  settings.infs = !Number.isNaN(value)
  try {
    step(state, batch, frozen)
    return ''
  } catch (error) {
    if (error instanceof NonFiniteError) return ` ${error.message}`
    throw error
  } finally {
    settings.nans = nans
    settings.infs = infs
  }
}

const diverged = (step: number, what: string): never =>
  fail({ _tag: 'DivergenceError', step, message: `train: step ${step}: ${what}` })

/** Advice for the message. `weight` is the weight of the loss, as measured by `makeStep`. */
const adviceOn = (policy: NonFinitePolicy, { weight }: Numbers): string =>
  weight === 0
    ? ' Nothing in the batch counts, as all its labels are -100, so that there is no loss. Leave such rows out: a prompt that fills the whole length leaves no answer to learn from.'
    : policy === 'locate'
      ? ''
      : " { onNonFinite: 'locate' } names the operation, 'skip' leaves such steps out; a lower learning rate, or clipping of gradients, avoids them."

/** The handlers of hooks, by their names. */
type Started<S> = readonly (readonly [name: string, handlers: Handlers<S>])[]

const startHooks = async <S>(
  options: Pick<TrainOptions<S>, 'hooks' | 'steps' | 'from'>,
  started: [string, Handlers<S>][],
): Promise<void> => {
  const { hooks = [], steps = null, from = null } = options
  for (const { name, start } of hooks) {
    const memory = from?.hooks?.[name] ?? null
    started.push([name, await run(start({ step: from?.step ?? 0, steps, memory }))])
  }
}

/** The name under which the loop keeps its own count of skipped steps, beside the memory of hooks. */
const OWN = 'train'

const skippedBefore = <S>(from: Checkpoint<S> | null): number => {
  const own = from?.hooks?.[OWN]
  const skipped = typeof own === 'object' && own !== null && 'skipped' in own ? own['skipped'] : 0
  return must.natural.accepts(skipped) ? (skipped as number) : 0
}

const memoriesOf = <S>(
  hooks: Started<S>,
  skipped: number,
): TaskEither<TrainError, { readonly [name: string]: Position }> =>
  attempt(async () => {
    for (const [, { flush }] of hooks) if (flush) await run(flush())
    const own: readonly (readonly [string, Position])[] = skipped > 0 ? [[OWN, { skipped }]] : []
    return Object.fromEntries([
      ...own,
      ...hooks.flatMap(([name, { memory }]) => (memory === undefined ? [] : [[name, memory()] as const])),
    ])
  })

/** Passes a step to all hooks; returns a reason to stop, if one of them has one. */
const announce = async <S>(hooks: Started<S>, event: StepEvent<S>) => {
  let { metrics } = event
  for (const [, { measure }] of hooks) if (measure) metrics = { ...metrics, ...(await run(measure(event))) }
  const full: StepEvent<S> = { ...event, metrics }
  let reason: string | null = null
  for (const [, { step }] of hooks) {
    const said = step ? await run(step(full)) : null
    reason ??= said
  }
  const final = reason === null ? full : { ...full, isLast: true }
  for (const [, { save }] of hooks) if (save) await run(save(final))
  return { event: final, reason }
}

const finish = async <S>(hooks: Started<S>, end: RunEnd<S>): Promise<void> => {
  for (const [, handlers] of hooks) if (handlers.end) await run(handlers.end(end))
}

const snapshotOf = <S>({ step, state, metrics, position }: StepEvent<S>): Snapshot<S> => ({
  step,
  state,
  metrics,
  position,
})

/** The fixed parts of a run of the loop. */
interface Progress<S> {
  last: StepEvent<S> | null
  reason: string
}

async function* fold<S, B, F>(
  step: Step<S, B, F>,
  initial: S,
  data: Stream<B>,
  options: TrainOptions<S, F>,
  hooks: Started<S>,
  progress: Progress<S>,
): AsyncGenerator<Snapshot<S>, void, void> {
  const { steps = Infinity, from = null, onNonFinite = 'stop', watched = ['loss'] } = options
  const epochs = options.epochs ?? (steps === Infinity ? 1 : Infinity)
  const keeps = onNonFinite === 'locate' || onNonFinite === 'skip'
  const { make, traces } = runner(step, options, keeps)
  const frozen = options.frozen as F
  const begun = now()
  const turns = hostTurns()
  const cursor = overEpochs(data, epochs).open(from?.position ?? undefined)
  const next = async (): Promise<Item<B> | null> => run(cursor.next)
  try {
    let state = copied(from === null ? initial : from.state)
    let count = from?.step ?? 0
    let skipped = skippedBefore(from)
    const over = hooks.find(([, handlers]) => typeof handlers.over === 'string')?.[1].over ?? null
    let item = count < steps && over === null ? await next() : null
    while (item !== null) {
      const { value: batch, position }: Item<B> = item
      const start = now()
      const [after, measured] = make(state, batch, frozen)
      const metrics = numbersOf(measured)
      const seconds = (now() - start) / 1000
      count++
      const bad = watched.find((name) => name in metrics && !Number.isFinite(metrics[name]))
      if (bad !== undefined && (onNonFinite === 'stop' || onNonFinite === 'locate')) {
        const where = onNonFinite === 'locate' ? located(step, state, batch, frozen, metrics[bad]!) : ''
        diverged(count, `${bad} is ${metrics[bad]}.${where}${adviceOn(onNonFinite, metrics)}`)
      }
      if (bad !== undefined && onNonFinite === 'skip') skipped++
      else state = after
      // Reads one element ahead, so that hooks know which step is the last. An error there waits until this step has been
      // observed.
      const following: Either<TrainError, Item<B> | null> =
        count < steps ? await attempt(next)() : { _tag: 'Right', right: null }
      const { event, reason } = await announce(hooks, {
        step: count,
        steps: options.steps ?? null,
        state,
        metrics,
        position,
        traces: traces(),
        skipped,
        seconds,
        elapsed: (now() - begun) / 1000,
        isLast: following._tag === 'Right' && following.right === null,
        memories: () => memoriesOf(hooks, skipped),
      })
      progress.last = event
      yield snapshotOf(event)
      await turns.turn()
      if (reason !== null) {
        progress.reason = reason
        return
      }
      item = following._tag === 'Right' ? following.right : fail(following.left)
    }
    progress.reason = over ?? (count >= steps ? 'steps' : 'data')
    if (progress.last === null) yield { step: count, state, metrics: {}, position: from?.position ?? null }
  } finally {
    turns.close()
    await cursor.close()
  }
}

/** Closes all, one after the other; the first exception is rethrown at the end. */
const closeAll = async <S>(all: readonly Handlers<S>[]): Promise<void> => {
  const thrown: unknown[] = []
  for (const { close } of all) {
    try {
      await close?.()
    } catch (error) {
      thrown.push(error)
    }
  }
  if (thrown.length > 0) throw thrown[0]
}

/** An exception of debug.nans inside a step is a divergence too. */
const asDivergence = (error: unknown, step: number): TrainError | null =>
  error instanceof NonFiniteError
    ? { _tag: 'DivergenceError', step, message: `train: step ${step}: ${error.message}` }
    : null

async function* steps<S, B, F>(
  step: Step<S, B, F>,
  state: S,
  data: Stream<B>,
  options: TrainOptions<S, F>,
  progress: Progress<S>,
): AsyncGenerator<Either<TrainError, Snapshot<S>>, void, void> {
  const hooks: [string, Handlers<S>][] = []
  // A caller that leaves the loop has seen its states, but an error may not have been reported yet.
  let hasFailed = false
  const failed = (error: TrainError): Either<TrainError, never> => {
    hasFailed = true
    return { _tag: 'Left', left: error }
  }
  try {
    const started = await attempt(() => startHooks(options, hooks))()
    if (started._tag === 'Left') {
      yield failed(started.left)
      return
    }
    const folded = fold(step, state, data, options, hooks, progress)
    let error: TrainError | null = null
    try {
      for (;;) {
        const turn = await attempt(() => folded.next())()
        if (turn._tag === 'Left') error = turn.left
        if (turn._tag === 'Left' || turn.right.done === true) break
        yield { _tag: 'Right', right: turn.right.value }
      }
    } catch (thrown) {
      error = asDivergence(thrown, (progress.last?.step ?? options.from?.step ?? 0) + 1)
      if (error === null) throw thrown
    } finally {
      await folded.return()
    }
    if (error !== null) progress.reason = 'error'
    const ended = await attempt(() => finish(hooks, { last: progress.last, reason: progress.reason, error }))()
    if (error !== null) yield failed(error)
    else if (ended._tag === 'Left') yield failed(ended.left)
  } catch (thrown) {
    hasFailed = true
    throw thrown
  } finally {
    await closeAll(hooks.map(([, handlers]) => handlers))
    if (!hasFailed) for (const [, handlers] of hooks) handlers.exit?.()
  }
}

/**
 * The states of a run, one after the other: `for await (const result of trainSteps(...))`. A failure is the last item.
 *
 * The arrays of a state are freed when the next is requested: copy what should stay, `tree.map((x) => x.add(0), state)`, or
 * `{ donate: false }`.
 *
 * @throws what `step` throws.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { fromArray, trainSteps } from 'pullback/train'
 * const countdown = fromArray([3, 2, 1].map((n) => np.array(n)))
 * const step = (sum: NDArray, x: NDArray) => [sum.add(x), { loss: x }] as const
 * const seen: string[] = []
 * for await (const result of trainSteps(step, np.array(0), countdown)) {
 *   if (result._tag === 'Right') seen.push(`${result.right.step}: ${result.right.state}`)
 * }
 * seen.join(', ') // => 1: 3., 2: 5., 3: 6.
 * ```
 */
export const trainSteps = <S, B, F = undefined>(
  step: Step<S, B, F>,
  state: S,
  data: Stream<B>,
  options: TrainOptions<S, F> = {},
): AsyncGenerator<Either<TrainError, Snapshot<S>>, void, void> => {
  trainStepsDoor(step, state, data, options)
  return steps(step, state, data, options, { last: null, reason: '' })
}

/**
 * Folds a pure step over data. The step is compiled; a state's memory is reused for the next, except that of the state given
 * here. Between two steps the event loop runs.
 *
 * @param step - `(state, batch, frozen) => [state, metrics]`, pure; metrics are scalars by name; `loss` is checked for NaN and
 *   infinity.
 * @param state - any tree of arrays: trained parameters, optimizer state, keys, counters.
 * @param data - batches, for as many passes as `{ epochs }` or `{ steps }` need. * @returns the last state, with the reason why
 *   the run ended; or an error of the data, of a hook, or of a diverged loss.
 * @throws what `step` throws.
 * @example
 * ```ts
 * import { NDArray, np, optim } from 'pullback'
 * import { fromArray, makeStep, train } from 'pullback/train'
 * // The mean of numbers, by gradient descent.
 * const { initState, step } = makeStep({
 *   loss: (w: NDArray, x: NDArray) => np.mean(np.square(np.subtract(x, w))),
 *   optimizer: (rate) => optim.sgd(rate),
 *   learningRate: 0.25,
 * })
 * const batches = fromArray([np.array([1, 3]), np.array([2, 2])])
 * const run = await train(step, initState(np.array(0)), batches, { epochs: 10 })()
 * run._tag === 'Right' && run.right.step // => 20
 * run._tag === 'Right' && run.right.state.params.item().toFixed(2) // => 2.00
 * ```
 */
export const train = <S, B, F = undefined>(
  step: Step<S, B, F>,
  state: S,
  data: Stream<B>,
  options: TrainOptions<S, F> = {},
): TaskEither<TrainError, Trained<S>> => {
  trainDoor(step, state, data, options)
  return async () => {
    const progress: Progress<S> = { last: null, reason: '' }
    let last: Either<TrainError, Snapshot<S>> | null = null
    for await (const result of steps(step, state, data, options, progress)) last = result
    if (last!._tag === 'Left') return last!
    return { _tag: 'Right', right: { ...last!.right, reason: progress.reason } }
  }
}
