import type { NDArray } from '../trace/value.ts'
import { ConcreteBody } from '../trace/body.ts'
import { currentBackend } from './backend.ts'

/**
 * Has what runs programs take an array's elements now, if they were handed over (`handedOver`). A reader of weights calls it for each as
 * it comes, so that ordinary memory never holds them all.
 */
export const hold = (x: NDArray): void => {
  if (x.body instanceof ConcreteBody) currentBackend().hold?.(x.aval, x.body)
}
