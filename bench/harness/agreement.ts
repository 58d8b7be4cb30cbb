/** Whether two contestants computed the same, but for rounding. */
import type { Values } from '../tasks/row.ts'

/** Of elements, relative to the element or, where that is larger, to the array's root mean square. */
const elementTolerance = 1e-4
const lossTolerance = 1e-3

const rootMeanSquare = (xs: Float32Array): number => {
  let sum = 0
  for (const x of xs) sum += x * x
  return Math.sqrt(sum / xs.length)
}

const differenceIn = (given: Float32Array, expected: Float32Array): string | null => {
  if (given.length !== expected.length) return `it has ${given.length} elements, not ${expected.length}`
  const scale = rootMeanSquare(expected)
  const at = given.findIndex((x, i) => {
    const wanted = expected[i]!
    return !(Math.abs(x - wanted) <= elementTolerance * Math.max(Math.abs(wanted), scale))
  })
  return at < 0 ? null : `element ${at} is ${given[at]}, not ${expected[at]}`
}

/** In words, where two results differ; null where they agree. */
export const differenceInValues = (given: Values, expected: Values): string | null => {
  if (given.length !== expected.length) return `there are ${given.length} arrays, not ${expected.length}`
  for (const [i, array] of given.entries()) {
    const difference = differenceIn(array, expected[i]!)
    if (difference !== null) return `array ${i}: ${difference}`
  }
  return null
}

/** The same for the losses of a training's steps. */
export const differenceInLosses = (given: readonly number[], expected: readonly number[]): string | null => {
  const at = given.findIndex((x, i) => !(Math.abs(x - expected[i]!) <= lossTolerance * Math.abs(expected[i]!)))
  return at < 0 ? null : `the loss of step ${at + 1} is ${given[at]}, not ${expected[at]}`
}
