/** Shows the progress of a run. */
import { print } from '../../core/console.ts'
import * as must from '../../conversions/arguments.ts'
import { attempt } from '../attempt.ts'
import type { Hook, Numbers, StepEvent } from './hook.ts'
import { hookOf } from './hook.ts'
import type { TextStream } from './process.ts'
import { nodeProcess, residentMemory } from './process.ts'

/** Options of `progress`. */
export interface ProgressOptions {
  /** Metrics to show; `['loss']` by default. Those of evaluations are always shown. */
  readonly metrics?: readonly string[]
  /** The metric that counts tokens, for the rate of them; `'tokens'` by default. What `makeStep` counts is `weight`. */
  readonly tokens?: string
  /** Without a bar, the minimal number of seconds between lines; 5 by default. */
  readonly seconds?: number
  /** The output stream: standard error by default, or the console where there is none. */
  readonly out?: TextStream
  /** Whether to draw a bar; by default if `out` is a terminal and `cli-progress` is installed. */
  readonly bar?: boolean
}

/** The parts of a bar of `cli-progress` that are used. */
interface Bar {
  start(total: number, value: number, payload: { readonly note: string }): void
  update(value: number, payload: { readonly note: string }): void
  setTotal(total: number): void
  stop(): void
}

interface BarOptions {
  readonly format: string
  readonly stream: TextStream
  readonly barsize: number
  readonly hideCursor: boolean
  readonly noTTYOutput: boolean
}

interface BarLibrary {
  readonly default: { readonly SingleBar: new (options: BarOptions) => Bar }
}

/** The optional peer, or null. Its name is not a literal, so that bundlers do not look for it. */
const barLibrary = async (): Promise<BarLibrary | null> => {
  const name = 'cli-progress'
  try {
    return (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as BarLibrary
  } catch {
    return null
  }
}

/** 0.1234, 12.3, 1.2e-5. */
const short = (x: number): string => {
  if (!Number.isFinite(x)) return String(x)
  const size = Math.abs(x)
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return x.toExponential(2)
  return Number.isInteger(x) ? String(x) : x.toFixed(Math.max(0, Math.min(4, 3 - Math.floor(Math.log10(size)))))
}

const two = (n: number): string => String(n).padStart(2, '0')

/** 9s, 4m05s, 2h03m. */
const duration = (seconds: number): string => {
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole}s`
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`
  return `${Math.floor(whole / 3600)}h${two(Math.floor((whole % 3600) / 60))}m`
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`

/** An exponential average over recent steps. */
class Rate {
  #seconds = 0
  #steps = 0
  #tokens = 0

  /** A traced step includes compilation, so it says nothing about later steps. */
  add(seconds: number, tokens: number, wasTraced: boolean): void {
    if (wasTraced) return
    const keep = 0.95
    this.#seconds = this.#seconds * keep + seconds
    this.#steps = this.#steps * keep + 1
    this.#tokens = this.#tokens * keep + tokens
  }

  get stepsPerSecond(): number | null {
    return this.#seconds > 0 ? this.#steps / this.#seconds : null
  }

  get tokensPerSecond(): number | null {
    return this.#seconds > 0 && this.#tokens > 0 ? this.#tokens / this.#seconds : null
  }
}

const metricsText = (shown: readonly string[], metrics: Numbers): readonly string[] =>
  Object.entries(metrics)
    .filter(([name]) => shown.includes(name) || name.startsWith('eval/'))
    .map(([name, x]) => `${name} ${short(x)}`)

/** The text for a step. */
const noteOf = (event: StepEvent<unknown>, rate: Rate, shown: readonly string[]): string => {
  const { stepsPerSecond: speed, tokensPerSecond: tokens } = rate
  const memory = residentMemory()
  const { step, steps, traces, skipped } = event
  const left = steps === null || speed === null ? null : (steps - step) / speed
  return [
    ...metricsText(shown, event.metrics),
    ...(speed === null ? [] : [speed >= 1 ? `${short(speed)} steps/s` : `${short(1 / speed)} s/step`]),
    ...(tokens === null ? [] : [`${Math.round(tokens)} tokens/s`]),
    ...(left === null || left < 0.5 ? [] : [`ETA ${duration(left)}`]),
    ...(memory === null ? [] : [mebibytes(memory)]),
    ...(traces > 1 ? [`traced ${traces} times`] : []),
    ...(skipped > 0 ? [`skipped ${skipped}`] : []),
  ].join(' | ')
}

const door = must.door('progress', {
  options: must.optionsOf<ProgressOptions>({
    metrics: must.listOf(must.string),
    tokens: must.string,
    seconds: must.notNegative,
    out: must.kind('a stream with write', (x) => typeof (x as { write?: unknown } | null)?.write === 'function'),
    bar: must.boolean,
  }),
})

const consoleStream: TextStream = {
  write: (text) => {
    print(text.trimEnd())
  },
}

/**
 * Shows steps and tokens per second (from a metric that counts them), the remaining time, the loss and the memory: as a bar on
 * a terminal (with `cli-progress`, an optional peer), else as plain lines.
 *
 * @example
 * ```ts
 * import { NDArray, np } from 'pullback'
 * import { fromArray, progress, train } from 'pullback/train'
 * const lines: string[] = []
 * const out = { write: (text: string) => void lines.push(text) }
 * const data = fromArray([4, 2].map((n) => np.array(n)))
 * const step = (state: NDArray, loss: NDArray) => [state, { loss }] as const
 * await train(step, np.array(0), data, { hooks: [progress({ seconds: 0, bar: false, out })] })()
 * lines.join('').includes('loss 2') // => true
 * ```
 */
export const progress = (options: ProgressOptions = {}): Hook => {
  door(options)
  const { metrics: shown = ['loss'], tokens = 'tokens', seconds: gap = 5 } = options
  const { out = nodeProcess()?.stderr ?? consoleStream } = options
  return hookOf('progress', ({ steps, step: begun }) =>
    attempt(async () => {
      const wantsBar = options.bar ?? out.isTTY === true
      const library = wantsBar ? await barLibrary() : null
      const rate = new Rate()
      let traces = 0
      const note = (event: StepEvent<unknown>): string => {
        rate.add(event.seconds, event.metrics[tokens] ?? 0, event.traces > traces)
        traces = event.traces
        return noteOf(event, rate, shown)
      }
      if (library !== null) return barHandlers(library, out, steps, begun, note)
      return lineHandlers(out, gap, note)
    }),
  )
}

type Note = (event: StepEvent<unknown>) => string

const endText = (reason: string, last: StepEvent<unknown> | null): string =>
  `${last === null ? 'no step was left to make' : `${last.step} steps in ${duration(last.elapsed)}`} (${reason})\n`

const barHandlers = (library: BarLibrary, out: TextStream, steps: number | null, begun: number, note: Note) => {
  const bar = new library.default.SingleBar({
    format: steps === null ? '{value} | {note}' : '{bar} {value}/{total} | {note}',
    stream: out,
    barsize: 20,
    hideCursor: true,
    noTTYOutput: true,
  })
  bar.start(steps ?? begun + 1, begun, { note: '' })
  return {
    step: (event: StepEvent<unknown>) =>
      attempt(() => {
        if (steps === null) bar.setTotal(event.step + 1)
        bar.update(event.step, { note: note(event) })
        return Promise.resolve(null)
      }),
    end: ({ reason, last }: { readonly reason: string; readonly last: StepEvent<unknown> | null }) =>
      attempt(() => {
        bar.stop()
        out.write(endText(reason, last))
        return Promise.resolve()
      }),
    close: () => {
      bar.stop()
      return Promise.resolve()
    },
  }
}

const lineHandlers = (out: TextStream, gap: number, note: Note) => {
  let shown = -Infinity
  return {
    step: (event: StepEvent<unknown>) =>
      attempt(() => {
        const text = note(event)
        const isDue = event.elapsed - shown >= gap || event.isLast
        if (isDue) {
          shown = event.elapsed
          out.write(`step ${event.step}${event.steps === null ? '' : `/${event.steps}`} | ${text}\n`)
        }
        return Promise.resolve(null)
      }),
    end: ({ reason, last }: { readonly reason: string; readonly last: StepEvent<unknown> | null }) =>
      attempt(() => {
        out.write(endText(reason, last))
        return Promise.resolve()
      }),
  }
}
