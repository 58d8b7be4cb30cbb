/** Ending what takes long: an `AbortSignal`, as far as it is used. The library is compiled without the types of browsers or of Node. */
import * as must from '../../conversions/arguments.ts'

/** An `AbortSignal`. */
export interface Abort {
  readonly aborted: boolean
  throwIfAborted(): void
}

/** What `signal` must be. */
export const anAbort = must.kind(
  'an AbortSignal',
  (x) => typeof x === 'object' && x !== null && 'throwIfAborted' in x && typeof x.throwIfAborted === 'function',
)
