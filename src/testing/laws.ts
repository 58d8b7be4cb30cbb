/**
 * Laws of transformations, for users' functions. Each throws a `LawError` where it does not hold. All take the same arguments:
 * first the subject of the law, then the points at which it is tested, then options in one object.
 */
import { Aval } from '../core/aval.ts'
import type { DType } from '../core/dtype.ts'
import { isHalf } from '../core/dtype.ts'
import { flatten, unflatten } from '../core/tree.ts'
import { grad } from '../api/grad.ts'
import { jvp, vjp } from '../api/derivatives.ts'
import { jit } from '../api/jit.ts'
import { vmap } from '../api/vmap.ts'
import * as tree from '../api/tree.ts'
import * as np from '../numpy/index.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import { domains } from './draw.ts'
import type { Tolerance } from './numeric.ts'
import { LawError, assertAllClose, numbersOf, toleranceOptions } from './numeric.ts'
import { arrayOf } from './samples.ts'

/** Options of laws of functions of arrays. */
export interface LawOptions extends Tolerance {
  /** The seed of random tangents and cotangents; 0 by default. */
  readonly seed?: number
}

/** Options of laws about values of any type. */
export interface EqualityOptions<T> {
  /** The equality; by default that of trees (`tree.equal`). */
  readonly equal?: (a: T, b: T) => boolean
}

const lawOptions: must.OptionTable<LawOptions> = { ...toleranceOptions, seed: must.integer }
const someArguments = must.listOf(must.anything, 'a list of arguments')
const ofFunction = { f: must.func, args: someArguments, options: must.optionsOf(lawOptions) }
const ofRows = {
  f: must.func,
  rows: must.listOf(someArguments, 'a list of lists of arguments'),
  options: must.optionsOf(lawOptions),
}
const ofTwo = { f: must.func, g: must.func, args: someArguments, options: must.optionsOf(lawOptions) }
const equalityOptions: must.OptionTable<EqualityOptions<unknown>> = { equal: must.func }
const ofMaps = { f: must.func, g: must.func, t: must.anything, options: must.optionsOf(equalityOptions) }
const ofMonoid = {
  monoid: must.kind('a monoid, with concat and empty', (x) => {
    return (
      typeof x === 'object' && x !== null && 'empty' in x && typeof (x as MonoidLike<unknown>).concat === 'function'
    )
  }),
  values: must.listOf(must.anything, 'three values', 3),
  options: must.optionsOf(equalityOptions),
}

type Function<A extends readonly unknown[]> = (...args: A) => unknown
type Gradient<A extends readonly unknown[]> = (h: (...args: A) => NDArray) => Function<A>

const arraysOf = (t: unknown): NDArray[] => flatten(t).leaves.map((x) => asArray(x as NDArray))

const floatOf = (x: NDArray): NDArray => (x.aval.weak ? np.astype(x, x.dtype) : x)

/** A tree like `t`, of random elements. */
const randomLike = <T>(t: T, seed: number): T => {
  const { leaves, treedef } = flatten(t)
  const random = leaves.map((x, i) => {
    const { dtype, shape } = floatOf(asArray(x as NDArray))
    return arrayOf(new Aval(dtype, shape), domains.general, 1 + seed + 37 * i)
  })
  return unflatten(treedef, random) as T
}

const combine = <T>(a: number, x: T, b: number, y: T): T => {
  const [{ leaves, treedef }, other] = [flatten(x), arraysOf(y)]
  const sums = leaves.map((leaf, i) => np.add(np.multiply(asArray(leaf as NDArray), a), np.multiply(other[i]!, b)))
  return unflatten(treedef, sums) as T
}

const roundings: { readonly [D in DType]?: number } = { float16: 1e-2, bfloat16: 6e-2, float64: 1e-8 }

/** A relative tolerance suitable for the coarsest of some dtypes. */
const coarsest = (xs: readonly NDArray[]): number => Math.max(1e-8, ...xs.map((x) => roundings[x.dtype] ?? 1e-4))

/** 16-bit floats as float32, so that they can be added up. */
const wide = (x: NDArray): NDArray => (isHalf(x.dtype) ? np.astype(x, 'float32') : x)

const push = <A extends readonly unknown[]>(f: Function<A>, args: A, tangents: A): NDArray[] =>
  arraysOf(jvp(f as (...args: A) => never, args, tangents as never)[1])

/**
 * `jvp(f)(x, a·s + b·t) = a·jvp(f)(x, s) + b·jvp(f)(x, t)`.
 *
 * @throws LawError where it does not hold.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { jvpIsLinear } from 'pullback/testing'
 * jvpIsLinear((x: NDArray, y: NDArray) => np.sin(x).mul(y), [np.array([1, 2]), np.array(3)])
 * ```
 */
export const jvpIsLinear = <A extends readonly unknown[]>(f: Function<A>, args: A, options: LawOptions = {}): void => {
  must.checkArguments('jvpIsLinear', ofFunction, f, args, options)
  const { seed = 0, ...tolerance } = options
  const [s, t] = [randomLike(args, seed + 1), randomLike(args, seed + 2)]
  const whole = push(f, args, combine(0.5, s, -2, t))
  const [first, second] = [push(f, args, s), push(f, args, t)]
  const parts = first.map((x, i) => np.add(np.multiply(wide(x), 0.5), np.multiply(wide(second[i]!), -2)))
  assertAllClose('jvp is linear', whole.map(wide), parts, {
    rtol: coarsest([...arraysOf(args), ...whole]),
    ...tolerance,
  })
}

const inner = (xs: readonly NDArray[], ys: readonly NDArray[]): { readonly sum: number; readonly scale: number } => {
  let [sum, scale] = [0, 0]
  xs.forEach((x, i) => {
    const [a, b] = [numbersOf(x), numbersOf(ys[i]!)]
    a.forEach((v, j) => {
      sum += v * b[j]!
      scale += Math.abs(v * b[j]!)
    })
  })
  return { sum, scale }
}

/**
 * `⟨ct, jvp(f)(x, t)⟩ = ⟨vjp(f)(x, ct), t⟩`, for a random tangent and a random cotangent.
 *
 * @throws LawError where it does not hold.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { vjpIsAdjoint } from 'pullback/testing'
 * vjpIsAdjoint((x: NDArray) => ({ sum: x.sum(), sine: np.sin(x) }), [np.array([1, 2])])
 * ```
 */
export const vjpIsAdjoint = <A extends readonly unknown[]>(f: Function<A>, args: A, options: LawOptions = {}): void => {
  must.checkArguments('vjpIsAdjoint', ofFunction, f, args, options)
  const { seed = 0, ...tolerance } = options
  const tangents = randomLike(args, seed + 3)
  const [out, pullback] = vjp(f as (...args: A) => NDArray, ...args)
  const { rtol = coarsest([...arraysOf(args), ...arraysOf(out)]), atol = 1e-5 } = tolerance
  const cotangents = randomLike(out, seed + 4)
  const forward = inner(arraysOf(cotangents), push(f, args, tangents))
  const backward = inner(arraysOf(pullback(cotangents)), arraysOf(tangents))
  const bound = atol + rtol * Math.max(forward.scale, backward.scale)
  const same = Object.is(forward.sum, backward.sum) || !(Math.abs(forward.sum - backward.sum) > bound)
  if (same && Number.isNaN(forward.sum) === Number.isNaN(backward.sum)) return
  throw new LawError(`vjp is the adjoint of jvp: ⟨ct, J t⟩ = ${forward.sum}, ⟨Jᵀ ct, t⟩ = ${backward.sum}.`)
}

/**
 * `vmap(f)` of stacked arguments equals the stack of `f` of each.
 *
 * @param rows - the arguments of each call; all of one structure, shapes and dtypes.
 * @throws LawError where it does not hold.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { vmapIsStackedLoop } from 'pullback/testing'
 * const f = (x: NDArray, y: NDArray) => np.where(x.sum().greater(0), x, y)
 * vmapIsStackedLoop(f, [[np.array([1, 2]), np.array(5)], [np.array([-1, 0]), np.array(6)]])
 * ```
 */
export const vmapIsStackedLoop = <A extends readonly unknown[]>(
  f: Function<A>,
  rows: readonly A[],
  tolerance: LawOptions = {},
): void => {
  must.checkArguments('vmapIsStackedLoop', ofRows, f, rows, tolerance)
  const [first] = rows
  if (first === undefined) throw new LawError('vmapIsStackedLoop: rows is empty.')
  const stack = (trees: readonly unknown[]): NDArray[] => {
    const lists = trees.map(arraysOf)
    return lists[0]!.map((_, i) => np.stack(lists.map((xs) => xs[i]!)))
  }
  const stacked = unflatten(flatten(first).treedef, stack(rows)) as A
  const got = arraysOf(vmap(f as (...args: A) => never)(...(stacked as never)))
  assertAllClose('vmap is a stacked loop', got, stack(rows.map((args) => f(...args))), tolerance)
}

/**
 * `jit(f)` equals `f`.
 *
 * @throws LawError where it does not hold.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { jitIsTransparent } from 'pullback/testing'
 * jitIsTransparent((x: NDArray) => np.tanh(x).sum(), [np.array([0.5, -1])])
 * jitIsTransparent((x: NDArray) => x.mul(Math.random()), [np.array([0.5, -1])]) // throws LawError
 * ```
 */
export const jitIsTransparent = <A extends readonly unknown[]>(
  f: Function<A>,
  args: A,
  tolerance: LawOptions = {},
): void => {
  must.checkArguments('jitIsTransparent', ofFunction, f, args, tolerance)
  assertAllClose('jit changes nothing', arraysOf(jit(f)(...args)), arraysOf(f(...args)), tolerance)
}

/**
 * `grad(f + g) = grad(f) + grad(g)`.
 *
 * @throws LawError where it does not hold.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { gradIsAdditive } from 'pullback/testing'
 * gradIsAdditive((x: NDArray) => np.sum(np.sin(x)), (x: NDArray) => np.prod(x), [np.array([1, 2])])
 * ```
 */
export const gradIsAdditive = <A extends readonly [unknown, ...unknown[]]>(
  f: (...args: A) => NDArray,
  g: (...args: A) => NDArray,
  args: A,
  tolerance: LawOptions = {},
): void => {
  must.checkArguments('gradIsAdditive', ofTwo, f, g, args, tolerance)
  const gradient = (h: (...xs: A) => NDArray): NDArray[] => arraysOf((grad as unknown as Gradient<A>)(h)(...args))
  const [first, second] = [gradient(f), gradient(g)]
  assertAllClose(
    'grad of a sum',
    gradient((...xs) => np.add(f(...xs), g(...xs))),
    first.map((x, i) => np.add(x, second[i]!)),
    { rtol: 1e-4, ...tolerance },
  )
}

/**
 * `tree.map` is a functor: it preserves the identity and composition, on the tree `t`.
 *
 * @throws LawError where it does not hold.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { mapIsFunctor } from 'pullback/testing'
 * mapIsFunctor((x: NDArray) => x.mul(2), (x) => x.add(1), { w: np.array([1, 2]), b: [np.array(3), null] })
 * ```
 */
export const mapIsFunctor = <R>(
  f: (leaf: never) => R,
  g: (r: R) => unknown,
  t: unknown,
  options: EqualityOptions<unknown> = {},
): void => {
  must.checkArguments('mapIsFunctor', ofMaps, f, g, t, options)
  const { equal = tree.equal } = options
  const map = tree.map as unknown as (h: (leaf: never) => unknown, t: unknown) => unknown
  if (
    !equal(
      map((x) => x, t),
      t,
    )
  )
    throw new LawError('tree.map of the identity changes the tree.')
  const composed = map((x) => g(f(x)), t)
  if (!equal(composed, map(g, map(f, t)))) {
    throw new LawError('tree.map of a composition differs from the composition of maps.')
  }
}

/** The part of an fp-ts `Monoid` that its laws need. */
export interface MonoidLike<A> {
  readonly concat: (x: A, y: A) => A
  readonly empty: A
}

/**
 * `empty` changes nothing on either side, and `concat` is associative, for three values.
 *
 * @param options - `equal`: for a monoid of functions, equality of their results.
 * @throws LawError where it does not hold.
 * @example
 * ```ts
 * import { isMonoid } from 'pullback/testing'
 * isMonoid({ concat: (a: string, b: string) => a + b, empty: '' }, ['x', 'y', 'z'])
 * isMonoid({ concat: (a: number, b: number) => a - b, empty: 0 }, [1, 2, 3]) // throws LawError
 * ```
 */
export const isMonoid = <A>(
  monoid: MonoidLike<A>,
  values: readonly [A, A, A],
  options: EqualityOptions<A> = {},
): void => {
  must.checkArguments('isMonoid', ofMonoid, monoid, values, options)
  const { concat, empty } = monoid
  const [x, y, z] = values
  const { equal = tree.equal } = options
  if (!equal(concat(empty, x), x)) throw new LawError('monoid: empty on the left changes something.')
  if (!equal(concat(x, empty), x)) throw new LawError('monoid: empty on the right changes something.')
  if (!equal(concat(concat(x, y), z), concat(x, concat(y, z)))) throw new LawError('monoid: concat is not associative.')
}
