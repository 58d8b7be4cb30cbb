/** Results in programs that end when something fails. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'

interface Failure {
  readonly message: string
}

/** The value; an error with the message of a failure. */
export const rightOrThrow = <A>(result: Either<Failure, A>): A => {
  if (result._tag === 'Right') return result.right
  throw new Error(result.left.message)
}

/** What the task gives; an error with its message if it fails. */
export const orThrow = async <A>(task: TaskEither<Failure, A>): Promise<A> => rightOrThrow(await task())
