/** Comparing numbers, and arrays of them. */
import type { DType } from '../core/dtype.ts'
import { isFloat } from '../core/dtype.ts'
import { ArgumentError, PullbackError } from '../core/errors.ts'
import { flatten, leafPaths } from '../core/tree.ts'
import { keystr } from '../core/path.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { NDArray } from '../trace/value.ts'

/** A law or a comparison that fails; the message says where and by how much. */
export class LawError extends PullbackError {}

/** How much numbers may differ. */
export interface Tolerance {
  /** Relative to the largest element compared. */
  readonly rtol?: number
  readonly atol?: number
}

/** Checks a tolerance. */
export const toleranceOptions: must.OptionTable<Tolerance> = { rtol: must.number, atol: must.number }

const compared = {
  what: must.string,
  got: must.anything,
  wanted: must.anything,
  tolerance: must.optionsOf(toleranceOptions),
}
const assertCloseDoor = must.door('assertClose', compared)
const assertAllCloseDoor = must.door('assertAllClose', compared)

const defaults: { readonly [D in DType]?: number } = { float64: 1e-9, float32: 2e-5, float16: 2e-3, bfloat16: 2e-2 }

/** The elements as JS numbers. */
export const numbersOf = (x: NDArray): number[] => {
  return Array.from(x.dataSync() as ArrayLike<number | bigint>, Number)
}

const finiteMagnitude = (xs: readonly number[]): number =>
  xs.reduce((largest, x) => (Number.isFinite(x) ? Math.max(largest, Math.abs(x)) : largest), 0)

const close = (a: number, b: number, bound: number): boolean =>
  a === b || (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= bound

const assertArraysClose = (what: string, got: NDArray, wanted: NDArray, { rtol, atol }: Tolerance): void => {
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

const checkName = (name: string, what: unknown): void => {
  if (typeof what === 'string') return
  throw new ArgumentError(`${name}: the first argument says what is compared, as in ${name}('gradient', got, wanted).`)
}

/**
 * Throws a `LawError` unless two arrays, or trees of arrays, have the same structure, the same shape and dtype at each leaf,
 * and close elements. Integers and bools must be equal; NaN is close to NaN.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { assertClose } from 'pullback/testing'
 * assertClose('sum', { total: np.sum(np.ones([3])) }, { total: np.array(3) })
 * assertClose('sum', np.array(1), np.array(2)) // throws LawError
 * ```
 */
export const assertClose = <T>(what: string, got: T, wanted: T, tolerance: Tolerance = {}): void => {
  checkName('assertClose', what)
  assertCloseDoor(what, got, wanted, tolerance)
  const [xs, ys] = [flatten(got), flatten(wanted)]
  if (!xs.treedef.equals(ys.treedef)) {
    throw new LawError(`${what}: got the structure ${xs.treedef.toString()}, wanted ${ys.treedef.toString()}.`)
  }
  const paths = leafPaths(xs.treedef)
  xs.leaves.forEach((x, i) => {
    assertArraysClose(`${what}${keystr(paths[i]!)}`, asArray(x as NDArray), asArray(ys.leaves[i] as NDArray), tolerance)
  })
}

const isList = (x: unknown): x is readonly NDArray[] => Array.isArray(x) && x.every((y) => y instanceof NDArray)

/** The arguments of `assertAllClose`: lists of arrays, whose types may differ in length, or two values of the same type. */
interface AssertAllClose {
  (what: string, got: readonly NDArray[], wanted: readonly NDArray[], tolerance?: Tolerance): void
  <T>(what: string, got: T, wanted: T, tolerance?: Tolerance): void
}

/**
 * `assertClose` for lists of arrays, such as results of a function: the message names the result that differs. Anything else,
 * an array or a tree, is compared as by `assertClose`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { assertAllClose } from 'pullback/testing'
 * assertAllClose('results', [np.array(1), np.array(2)], [np.array(1), np.array(2)])
 * assertAllClose('result', np.array(1), np.array(2)) // throws LawError
 * ```
 */
export const assertAllClose: AssertAllClose = (
  what: string,
  got: unknown,
  wanted: unknown,
  tolerance: Tolerance = {},
): void => {
  checkName('assertAllClose', what)
  assertAllCloseDoor(what, got, wanted, tolerance)
  if (!isList(got) || !isList(wanted)) {
    assertClose(what, got, wanted, tolerance)
    return
  }
  if (got.length !== wanted.length) throw new LawError(`${what}: ${got.length} results, wanted ${wanted.length}.`)
  got.forEach((x, i) => {
    assertArraysClose(`${what}, result ${i}`, x, wanted[i]!, tolerance)
  })
}
