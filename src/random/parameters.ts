/**
 * Checks of parameters before samplers draw. Traced parameters have no values yet; if they are invalid, the result is JAX's.
 */
import type { DType } from '../core/dtype.ts'
import { integerLimits } from '../core/dtype.ts'
import { ArgumentError } from '../core/errors.ts'
import * as e from '../ops/elementwise.ts'
import { asArray } from '../runtime/installArrays.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

/** The values, if they are known; else an empty list. */
const valuesOf = (x: ArrayLike): readonly number[] => {
  if (typeof x === 'number') return [x]
  const array = asArray(x)
  return array.body.trace === null ? Array.from(array.dataSync() as Iterable<number | bigint | boolean>, Number) : []
}

/** Throws if a known bound is not an integer of the dtype; the upper bound may be one more. */
export const checkIntegerBound = (what: string, x: ArrayLike, dtype: DType, excess: number): void => {
  const [least, most] = integerLimits(dtype)
  const bad = valuesOf(x).find((v) => !Number.isInteger(v) || v < least || v > most + excess)
  if (bad === undefined) return
  throw new ArgumentError(
    `random.randint: ${what} ${bad} is no ${dtype}, which goes from ${least} to ${most}` +
      `${excess === 0 ? '' : '; maxval itself is not drawn, and may be one more'}.`,
  )
}

/** Throws if the interval between known bounds, broadcast together, is empty. */
export const checkInterval = (operation: string, low: NDArray, high: NDArray): void => {
  const at = valuesOf(e.ge(low, high)).indexOf(1)
  if (at < 0) return
  const [lower, upper] = [valuesOf(low)[at]!, valuesOf(high)[at]!]
  throw new ArgumentError(
    `${operation}: lower must be below upper, got ${lower} and ${upper}: there is nothing between them to draw.`,
  )
}

/** Throws if known weights are not valid as probabilities. They need not add up to 1. */
export const checkWeights = (operation: string, weights: NDArray): void => {
  const values = valuesOf(weights)
  const bad = values.find((p) => !(p >= 0 && p < Infinity))
  if (bad !== undefined) throw new ArgumentError(`${operation}: p must have finite numbers from 0 on, got ${bad}.`)
  if (values.length > 0 && values.every((p) => p === 0)) {
    throw new ArgumentError(`${operation}: p is 0 everywhere; one element at least must have a chance.`)
  }
}
