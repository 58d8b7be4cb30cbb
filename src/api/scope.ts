/** Names for parts of a computation. */
import { ArgumentError, PullbackError } from '../core/errors.ts'
import { refusePromise } from '../core/promises.ts'
import * as must from '../conversions/arguments.ts'
import { currentScope, withScope } from '../trace/interpreter.ts'

/** Errors whose message already names its scope, the innermost one. */
const named = new WeakSet<PullbackError>()

const namedScopeDoor = must.door('namedScope', { name: must.string, f: must.func })

/**
 * Runs `f` under a name, inside the scopes that are already open. The name appears beside the operations of `f` and of its
 * derivatives in printed programs, and in error messages.
 *
 * @throws ArgumentError if the name is empty, and for an async `f`, of which only the part before its first `await` would have
 *   the name; errors that `f` throws, with the scope added to the message.
 * @example
 * ```ts
 * import { makeProgram, namedScope, np } from 'pullback'
 * const f = (x: NDArray) => namedScope('encoder', () => namedScope('layer', () => np.sin(x)))
 * String(makeProgram(f)(np.zeros([2]))).split('\n')[1] // =>   b: f32[2] = sin a @ "encoder/layer"
 * ```
 */
export const namedScope = <T>(name: string, f: () => T): T => {
  namedScopeDoor(name, f)
  if (name === '') throw new ArgumentError('namedScope: the name is empty.')
  const result = withScope(name, () => {
    try {
      return f()
    } catch (error) {
      if (error instanceof PullbackError && !named.has(error)) {
        named.add(error)
        error.message += ` (in scope ${currentScope()!.text})`
      }
      throw error
    }
  })
  refusePromise(
    'namedScope',
    result,
    'The name holds only while the function runs: what comes after its first await would be without it. ' +
      'Await outside, and put namedScope around each part that has no await in it.',
  )
  return result
}
