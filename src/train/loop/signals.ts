/** Ctrl-C without loss of work: the step is finished, hooks save, and then the process ends. */
import * as must from '../../conversions/arguments.ts'
import type { Handlers, Hook } from './hook.ts'
import { done, hookOf } from './hook.ts'
import { nodeProcess } from './process.ts'
import { now } from './turns.ts'

/** Options of `signals`. */
export interface SignalOptions {
  /** Whether the process exits after all hooks have finished, with 128 + the signal's number; true by default. */
  readonly exit?: boolean
}

const numbers = { SIGINT: 2, SIGTERM: 15 } as const

const door = must.door('signals', { options: must.optionsOf<SignalOptions>({ exit: must.boolean }) })

/** Signals within this many milliseconds count as one: `npm` and `npx` pass on a Ctrl-C that the terminal has already sent. */
const TOGETHER = 500

/**
 * Finishes the step on SIGINT (Ctrl-C) or SIGTERM, lets all hooks save and end, and ends the process with 130 or 143. Another signal, not
 * within half a second, ends it at once. A run that failed is not ended so: the error is the caller's to show. Does nothing where there
 * is not a process.
 *
 * @example
 * ```ts
 * import { NDArray, np } from 'pullback'
 * import { fromArray, signals, train } from 'pullback/train'
 * const data = fromArray([4, 2].map((n) => np.array(n)))
 * const step = (state: NDArray, loss: NDArray) => [state, { loss }] as const
 * // First, so that the others save what they have before the process ends.
 * const run = await train(step, np.array(0), data, { hooks: [signals({ exit: false })] })()
 * run._tag === 'Right' && run.right.step // => 2
 * ```
 */
export const signals = (options: SignalOptions = {}): Hook => {
  door(options)
  const { exit = true } = options
  return hookOf('signals', () => {
    const node = nodeProcess()
    if (node?.on === undefined) return done<Handlers<unknown>>({})
    let got: keyof typeof numbers | null = null
    let since = 0
    const listeners = (['SIGINT', 'SIGTERM'] as const).map((signal) => {
      const listener = (): void => {
        if (got !== null && now() - since > TOGETHER) node.exit(128 + numbers[signal])
        if (got !== null) return
        got = signal
        since = now()
      }
      node.on(signal, listener)
      return [signal, listener] as const
    })
    return done<Handlers<unknown>>({
      step: () => done<string | null>(got),
      close: () => {
        for (const [signal, listener] of listeners) node.off(signal, listener)
        return Promise.resolve()
      },
      exit: () => {
        if (got !== null && exit) node.exit(128 + numbers[got])
      },
    })
  })
}
