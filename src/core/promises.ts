import { ArgumentError } from './errors.ts'

const isThenable = (x: unknown): x is PromiseLike<unknown> =>
  typeof x === 'object' && x !== null && 'then' in x && typeof x.then === 'function'

/**
 * Refuses the promise of an async function, and says why. As nobody else gets the promise, its rejection is ignored.
 *
 * @throws ArgumentError
 */
export const refusePromise = (operation: string, result: unknown, why: string): void => {
  if (!isThenable(result)) return
  if (result instanceof Promise) result.catch(() => undefined)
  throw new ArgumentError(`${operation}: the function returned a promise. ${why}`)
}
