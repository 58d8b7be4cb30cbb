/** Errors inside and outside a task: inside they are thrown, outside they are values. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { TrainError } from './errors.ts'

/** Carries an error to the `attempt` around it. It never leaves this folder. */
class Fault extends Error {
  readonly error: TrainError

  constructor(error: TrainError) {
    super(error.message)
    this.error = error
  }
}

export const fail = (error: TrainError): never => {
  throw new Fault(error)
}

/**
 * A task that returns the value of `f`, or its fault as a value. Everything else that is thrown, a caller's mistake, is
 * rethrown.
 */
export const attempt =
  <A>(f: () => Promise<A>): TaskEither<TrainError, A> =>
  async () => {
    try {
      return { _tag: 'Right', right: await f() }
    } catch (error) {
      if (error instanceof Fault) return { _tag: 'Left', left: error.error }
      throw error
    }
  }

/** The value of a task, or its error as a fault. */
export const run = async <A>(task: TaskEither<TrainError, A>): Promise<A> => {
  const result = await task()
  return result._tag === 'Right' ? result.right : fail(result.left)
}
