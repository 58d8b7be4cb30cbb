/** Callers' mistakes: what is done, and the named error with its message, which says the operation, what was given, and a remedy. */
import { np } from 'pullback'
import { describe, expect, it } from 'vitest'

export interface Mistake {
  readonly what: string
  readonly does: () => unknown
  readonly throws: string
  readonly saying: readonly RegExp[]
}

export const two = np.array([1, 2])
export const three = np.array([1, 2, 3])
export const ints = np.array([1, 2], { dtype: 'int32' })

/** A value as one of another type: what JavaScript lets pass. */
export const as = <T>(x: unknown): T => x as T
/** A value of a type that is not allowed, where the type depends on it. */
export const wrong = (x: unknown): never => x as never

/** Mistakes with what is named `subject`, one test each. */
export const describeMistakes = (subject: string, mistakes: readonly Mistake[]): void => {
  describe(`mistakes with ${subject}`, () => {
    it.each(mistakes)('$what', ({ does, throws, saying }) => {
      let error: Error | undefined
      try {
        does()
      } catch (e) {
        error = e as Error
      }
      expect(error?.name).toBe(throws)
      for (const pattern of saying) expect(error?.message).toMatch(pattern)
    })
  })
}
