/** What examples do with `Either`: a failure ends them, with its message. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'

interface Failure {
  readonly message: string
}

/** The value. */
export const rightOrThrow = <A>(result: Either<Failure, A>): A => {
  if (result._tag === 'Right') return result.right
  throw new Error(result.left.message)
}

/** The value that a task gives. */
export const orThrow = async <A>(task: TaskEither<Failure, A>): Promise<A> => rightOrThrow(await task())
