/** How errors in adapter files reach the place where they become values. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { IoError } from '../../../io/index.ts'
import type { AdapterError } from '../../errors.ts'

class Refusal extends Error {
  readonly error: AdapterError | IoError

  constructor(error: AdapterError | IoError) {
    super(error.message)
    this.error = error
  }
}

/** Names that are missing in files, and names that are unexpected. */
type Names = Partial<Pick<AdapterError, 'missing' | 'unexpected'>>

/** The files do not fit. */
export const refuse = (message: string, { missing = [], unexpected = [] }: Names = {}): never => {
  throw new Refusal({ _tag: 'AdapterError', message, missing, unexpected })
}

/** The value of a task; throws its error. */
export const valueOf = async <A>(task: TaskEither<AdapterError | IoError, A>): Promise<A> => {
  const result = await task()
  if (result._tag === 'Right') return result.right
  throw new Refusal(result.left)
}

/** A task of the value of `f`, or of the error that it throws. */
export const refusable =
  <A>(f: () => Promise<A>): TaskEither<AdapterError | IoError, A> =>
  async () => {
    try {
      return { _tag: 'Right', right: await f() }
    } catch (error) {
      if (error instanceof Refusal) return { _tag: 'Left', left: error.error }
      throw error
    }
  }
