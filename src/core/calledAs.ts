/** Errors under the name of the function that was called, where it leaves the work to others. */
import { PullbackError } from './errors.ts'

/** What a message begins with: the name of an operation, before a colon or the rest of a sentence; not its first word otherwise. */
const named = /^(?!(?:a|an|the) )[a-z][\w.()]*(?=:| )/

/** Lists that make no array are told of as such, whichever function they were given to. */
const OF_LISTS = 'np.array: '

/**
 * Runs `f`, which throws errors of the operations that it is made of: they are given the name of the public function, which is what the caller
 * knows of.
 */
export const calledAs = <T>(name: string, f: () => T): T => {
  try {
    return f()
  } catch (error) {
    if (error instanceof PullbackError && !error.message.startsWith(OF_LISTS))
      error.message = error.message.replace(named, name)
    throw error
  }
}
