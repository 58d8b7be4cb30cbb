import type { NDArray } from '../trace/value.ts'
import { ConcreteBody } from '../trace/body.ts'
import { currentBackend } from './backend.ts'

/**
 * Makes the current back end take over an array's elements now, if they were handed over (`handedOver`). A reader of weights
 * calls it for each weight, so that ordinary memory never holds all of them.
 */
export const hold = (x: NDArray): void => {
  if (x.body instanceof ConcreteBody) currentBackend().hold?.(x.aval, x.body)
}
