/** Tasks in programs that end when one fails. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'

/** What the task gives; an error with its message if it fails. */
export const orThrow = async <A>(task: TaskEither<{ readonly message: string }, A>): Promise<A> => {
  const result = await task()
  if (result._tag === 'Right') return result.right
  throw new Error(result.left.message)
}
