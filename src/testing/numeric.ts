/** Comparing numbers, and arrays of them. */
import type { DType } from '../core/dtype.ts'
import { isFloat } from '../core/dtype.ts'
import { PullbackError } from '../core/errors.ts'
import type { NDArray } from '../trace/value.ts'

/** A law, or a comparison, that does not hold; the message says where and by how much. */
export class LawError extends PullbackError {}

/** How far from each other numbers may be. */
export interface Tolerance {
  /** Relative to the largest element compared. */
  readonly rtol?: number
  readonly atol?: number
}

const defaults: { readonly [D in DType]?: number } = { float64: 1e-9, float32: 2e-5, float16: 2e-3, bfloat16: 2e-2 }

/** The elements as JS numbers. */
export const numbersOf = (x: NDArray): number[] => {
  const wide = x.dtype === 'float16' || x.dtype === 'bfloat16' ? x.astype('float32') : x
  return Array.from(wide.dataSync() as ArrayLike<number | bigint>, Number)
}

const finiteMagnitude = (xs: readonly number[]): number =>
  xs.reduce((largest, x) => (Number.isFinite(x) ? Math.max(largest, Math.abs(x)) : largest), 0)

const close = (a: number, b: number, bound: number): boolean =>
  a === b || (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= bound

/**
 * Throws a `LawError` unless two arrays have one shape and dtype and close elements. Integers and bools must be equal;
 * NaN is close to NaN.
 */
export const assertClose = (what: string, got: NDArray, wanted: NDArray, { rtol, atol }: Tolerance = {}): void => {
  if (!got.aval.matches(wanted.aval)) throw new LawError(`${what}: got ${got.aval}, wanted ${wanted.aval}.`)
  const [xs, ys] = [numbersOf(got), numbersOf(wanted)]
  const relative = rtol ?? defaults[got.dtype] ?? 0
  const bound = isFloat(got.dtype) ? (atol ?? relative) + relative * finiteMagnitude([...xs, ...ys]) : 0
  const i = xs.findIndex((x, j) => !close(x, ys[j]!, bound))
  if (i < 0) return
  throw new LawError(
    `${what}: element ${i} is ${xs[i]!}, wanted ${ys[i]!} (within ${bound.toExponential(1)}). Got ${String(got)}, wanted ${String(wanted)}.`,
  )
}

/** `assertClose` for lists of arrays. */
export const assertAllClose = (
  what: string,
  got: readonly NDArray[],
  wanted: readonly NDArray[],
  tolerance: Tolerance = {},
): void => {
  if (got.length !== wanted.length) throw new LawError(`${what}: ${got.length} results, wanted ${wanted.length}.`)
  got.forEach((x, i) => {
    assertClose(`${what}, result ${i}`, x, wanted[i]!, tolerance)
  })
}
