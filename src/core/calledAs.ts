/** Renames errors to the public function that was called, where it delegates to other functions. */
import { PullbackError } from './errors.ts'

/**
 * The name of an operation at the beginning of a message, before a colon or the rest of a sentence; other first words do not
 * match.
 */
const named = /^(?!(?:a|an|the) )[a-z][\w.()]*(?=:| )/

/** Errors about invalid lists keep this prefix, whichever function was called. */
const OF_LISTS = 'np.array: '

/**
 * Runs `f`, which throws errors of the operations that it is made of: they are renamed to the public function, which the caller
 * knows.
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
