/** Derivatives compared with finite differences. */
import { Aval } from '../core/aval.ts'
import { isFloat } from '../core/dtype.ts'
import { PullbackError } from '../core/errors.ts'
import { flatten, leafPaths, unflatten } from '../core/tree.ts'
import { keystr } from '../core/path.ts'
import { jvp, vjp } from '../api/derivatives.ts'
import * as np from '../numpy/index.ts'
import { asArray, isArrayLeaf } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import type { Domain } from './draw.ts'
import { numbersOf } from './numeric.ts'
import { arrayOf } from './samples.ts'

/** A derivative that differs from finite differences. */
export class GradientError extends PullbackError {}

/** Forward (jvp) or reverse (vjp). */
export type Mode = 'fwd' | 'rev'

/** Options of `checkGrads`. */
export interface CheckGradsOptions {
  /** The highest order of derivatives to check; 2 by default. */
  readonly order?: number
  /** Forward (jvp), reverse (vjp), or both (default). */
  readonly modes?: readonly Mode[]
  /** The step of the central differences; 1e-5 by default. */
  readonly eps?: number
  /** Relative tolerance; 1e-5 by default. */
  readonly rtol?: number
  /** Absolute tolerance; 1e-6 by default. */
  readonly atol?: number
  /** Chooses the random directions; 0 by default. */
  readonly seed?: number
}

type Settings = Required<CheckGradsOptions>
type Lists = (xs: readonly NDArray[]) => readonly NDArray[]

const normalish: Domain = (u) => (u < 0.5 ? -1.5 + 2.4 * u : 0.3 + 2.4 * (u - 0.5))

const randomLike = (xs: readonly NDArray[], seed: number): NDArray[] =>
  xs.map((x, i) => arrayOf(new Aval(x.dtype, x.shape), normalish, 101 * seed + 13 * i + 7))

const inner = (xs: readonly NDArray[], ys: readonly NDArray[]): number =>
  xs.reduce((total, x, i) => {
    const [a, b] = [numbersOf(x), numbersOf(ys[i]!)]
    return a.reduce((sum, v, j) => sum + v * b[j]!, total)
  }, 0)

const moved = (xs: readonly NDArray[], ts: readonly NDArray[], by: number): NDArray[] =>
  xs.map((x, i) => np.add(x, np.multiply(ts[i]!, by)))

/** `(f(x + eps·t) - f(x - eps·t)) / 2eps`. */
const differences = (f: Lists, xs: readonly NDArray[], ts: readonly NDArray[], eps: number): NDArray[] => {
  const [after, before] = [f(moved(xs, ts, eps)), f(moved(xs, ts, -eps))]
  return after.map((y, i) => np.divide(np.subtract(y, before[i]!), 2 * eps))
}

const compare = (what: string, got: number, wanted: number, scale: number, { rtol, atol }: Settings): void => {
  if (Math.abs(got - wanted) <= atol + rtol * Math.max(Math.abs(wanted), scale)) return
  throw new GradientError(
    `checkGrads: ${what} is ${got}, but differences give ${wanted}. ` +
      'Either the rule is wrong, or the function is not smooth there (a kink, a tie, a jump).',
  )
}

const checkForward = (where: string, f: Lists, xs: readonly NDArray[], s: Settings): void => {
  const ts = randomLike(xs, s.seed + 1)
  const [, tangents] = jvp((...args: NDArray[]) => f(args), xs as NDArray[], ts)
  const wanted = differences(f, xs, ts, s.eps)
  wanted.forEach((w, i) => {
    const [got, expected] = [numbersOf(tangents[i]!), numbersOf(w)]
    const scale = expected.reduce((largest, v) => Math.max(largest, Math.abs(v)), 0)
    got.forEach((g, j) => {
      compare(`${where}jvp of output ${i}, element ${j},`, g, expected[j]!, scale, s)
    })
  })
}

const checkReverse = (where: string, f: Lists, xs: readonly NDArray[], s: Settings): void => {
  const ts = randomLike(xs, s.seed + 2)
  const [outputs, pullback] = vjp((...args: NDArray[]) => f(args), ...(xs as NDArray[]))
  const cts = randomLike(outputs, s.seed + 3)
  const gradients = pullback(cts) as readonly NDArray[]
  const numeric = differences(f, xs, ts, s.eps)
  const scale = inner(cts.map(np.abs), numeric.map(np.abs))
  compare(`${where}vjp along a random direction`, inner(gradients, ts), inner(cts, numeric), scale, s)
}

const check = (where: string, f: Lists, xs: readonly NDArray[], order: number, s: Settings): void => {
  if (order === 0 || xs.length === 0) return
  if (s.modes.includes('fwd')) {
    checkForward(where, f, xs, s)
    const ts = randomLike(xs, s.seed + 4)
    const pushed: Lists = (args) => jvp((...a: NDArray[]) => f(a), args as NDArray[], ts)[1]
    check(`the jvp's ${where}`, pushed, xs, order - 1, s)
  }
  if (s.modes.includes('rev')) {
    checkReverse(where, f, xs, s)
    const cts = randomLike(f(xs), s.seed + 5)
    const pulled: Lists = (args) => vjp((...a: NDArray[]) => f(a), ...(args as NDArray[]))[1](cts)
    check(`the vjp's ${where}`, pulled, xs, order - 1, s)
  }
}

/** The float leaves as float64; integers, bools and strings are not differentiated. */
const floatLeaves = (args: readonly unknown[]) => {
  const { leaves, treedef } = flatten(args)
  const arrays = leaves.map((x, i) => {
    const array = isArrayLeaf(x) ? asArray(x) : null
    if (array !== null && (isFloat(array.dtype) || typeof x === 'number')) return np.astype(array, 'float64')
    throw new GradientError(
      `checkGrads: the argument ${keystr(leafPaths(treedef)[i]!)} is ${array === null ? typeof x : String(array.aval)}, not a float; close over it.`,
    )
  })
  return { arrays, treedef }
}

const floatsOf = (result: unknown): NDArray[] =>
  flatten(result)
    .leaves.map((x) => asArray(x as NDArray))
    .filter((x) => isFloat(x.dtype))

const checkGradsOptions: must.OptionTable<CheckGradsOptions> = {
  // Each order doubles the work.
  order: must.kind('a whole number from 0 to 10', (x) => must.natural.accepts(x) && (x as number) <= 10),
  modes: must.listOf(must.oneOf(['fwd', 'rev'])),
  eps: must.positive,
  rtol: must.number,
  atol: must.number,
  seed: must.integer,
}
const checkGradsDoor = must.door('checkGrads', {
  f: must.func,
  args: must.listOf(must.anything, 'a list of arguments'),
  options: must.optionsOf(checkGradsOptions),
})

/**
 * Compares a function's derivatives with central differences in float64, along random directions.
 *
 * @param f - from trees of floats to a tree; its integer and boolean results are ignored. It is called with float64 arrays, so
 *   initial carries of its loops must have the dtype of the arguments, as in `np.zeros([], { dtype: x.dtype })`.
 * @param args - one tree for each argument; the function should be smooth there.
 * @throws GradientError naming the mode, the order and both values.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { checkGrads } from 'pullback/testing'
 * checkGrads((x: NDArray) => np.sin(x), [np.array([0.3, 1.2])])
 * ```
 */
export const checkGrads = <A extends readonly unknown[]>(
  f: (...args: A) => unknown,
  args: A,
  options: CheckGradsOptions = {},
): void => {
  checkGradsDoor(f, args, options)
  const settings: Settings = { order: 2, modes: ['fwd', 'rev'], eps: 1e-5, rtol: 1e-5, atol: 1e-6, seed: 0, ...options }
  const { arrays, treedef } = floatLeaves(args)
  const lifted: Lists = (xs) => floatsOf(f(...(unflatten(treedef, xs) as A)))
  check('', lifted, arrays, settings.order, settings)
}
