/**
 * Ending long computations: the parts of `AbortSignal` that are used. The library is compiled without the types of browsers or
 * of Node.
 */
import * as must from '../../conversions/arguments.ts'

/** An `AbortSignal`. */
export interface Abort {
  readonly aborted: boolean
  throwIfAborted(): void
}

/** Checks `signal`. */
export const anAbort = must.kind(
  'an AbortSignal',
  (x) => typeof x === 'object' && x !== null && 'throwIfAborted' in x && typeof x.throwIfAborted === 'function',
)
