/** Prefix sums of any associative operation. */
import { ArgumentError, ShapeError, TreeError } from '../core/errors.ts'
import { insertAt, normalizeAxis, range } from '../core/shape.ts'
import { concatenate, expandDims, reshape, rev, slice } from '../ops/movement.ts'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import { placeOf } from './closures.ts'
import { flattenArrays, flattenResult, restore } from './leaves.ts'
import type { AnyTree, TreeOfArrays, Carry, NextCarry, TupleHint } from './types.ts'

type Values = readonly NDArray[]

/** Every second element from `start`, before `limit`. */
const every = (x: NDArray, axis: number, start: number, limit: number, stride: number): NDArray =>
  slice(
    x,
    range(x.ndim).map((d) => (d === axis ? start : 0)),
    x.shape.map((n, d) => (d === axis ? limit : n)),
    range(x.ndim).map((d) => (d === axis ? stride : 1)),
  )

/** Interleaves the elements of two arrays, `even` first; it may have one more. */
const inTurn = (even: NDArray, odd: NDArray, axis: number): NDArray => {
  const count = odd.shape[axis]!
  const paired = [even, odd].map((x) => expandDims(every(x, axis, 0, count, 1), axis + 1))
  const joined = concatenate(paired, axis + 1)
  const flat = reshape(joined, insertAt([...even.shape.slice(0, axis), ...even.shape.slice(axis + 1)], axis, 2 * count))
  return even.shape[axis] === count ? flat : concatenate([flat, every(even, axis, count, count + 1, 1)], axis)
}

/** Options of `associativeScan`. */
export interface AssociativeScanOptions {
  /** From the last element to the first. */
  readonly reverse?: boolean
  readonly axis?: number
}

const associativeScanOptions: must.OptionTable<AssociativeScanOptions> = { reverse: must.boolean, axis: must.axis }
const associativeScanDoor = must.door('associativeScan', {
  fn: must.func,
  elems: must.anything,
  options: must.optionsOf(associativeScanOptions),
})

/**
 * All prefixes of a sequence, combined by an associative function: element i of the result is
 * `fn(…fn(fn(x₀, x₁), x₂)…, xᵢ)`, computed in about 2 log₂ n rounds of calls on whole arrays. Blelloch, Prefix Sums and Their
 * Applications (1990).
 *
 * @param fn - combines two trees of arrays, element by element along `axis` (for example a function of broadcasting operations,
 *   or `vmap` of one).
 * @param elems - arrays with the same extent along `axis`.
 * @throws ShapeError if the extents differ; TreeError if `fn` returns another structure.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.associativeScan(np.maximum, np.array([1, 3, 2, 5, 4])) // => [1. 3. 3. 5. 5.]
 * lax.associativeScan((a, b) => np.add(a, b), np.array([1, 2, 3]), { reverse: true }) // => [6. 5. 3.]
 * ```
 */
export function associativeScan<T extends TreeOfArrays<T>>(
  fn: (a: NoInfer<T>, b: NoInfer<T>) => NoInfer<T | NextCarry<T>> | TupleHint,
  elems: T,
  options?: AssociativeScanOptions,
): T
export function associativeScan<T extends AnyTree>(
  fn: (a: NoInfer<Carry<T>>, b: NoInfer<Carry<T>>) => NoInfer<NextCarry<T>> | TupleHint,
  elems: T,
  options?: AssociativeScanOptions,
): Carry<T>
export function associativeScan<T>(
  fn: (a: Carry<T>, b: Carry<T>) => unknown,
  elems: T,
  options: AssociativeScanOptions = {},
): Carry<T> {
  const name = 'associativeScan'
  if (typeof fn !== 'function') throw new ArgumentError(`${name}: expected a function, got ${typeof fn}.`)
  associativeScanDoor(fn, elems, options)
  const { reverse = false, axis = 0 } = options
  const { leaves, treedef } = flattenArrays(name, elems, 'second argument')
  if (leaves.length === 0) return restore(treedef, leaves)
  const axes = leaves.map((x) => normalizeAxis(name, axis, x.ndim))
  const count = leaves[0]!.shape[axes[0]!]!
  leaves.forEach((x, i) => {
    if (x.shape[axes[i]!] === count) return
    throw new ShapeError(
      `${name}: elements${placeOf(treedef, i)} (${x.aval}) have ${x.shape[axes[i]!]} along axis ${axis}, expected ${count}.`,
    )
  })

  const combine = (a: Values, b: Values): Values => {
    const result = flattenResult(name, fn(restore(treedef, a), restore(treedef, b)))
    if (!result.treedef.equals(treedef)) {
      throw new TreeError(
        `${name}: the function gives the structure ${result.treedef.toString()}, expected ${treedef.toString()}.`,
      )
    }
    result.leaves.forEach((y, i) => {
      if (y.aval.matches(a[i]!.aval)) return
      throw new TreeError(
        `${name}: the function gives ${y.aval}${placeOf(treedef, i)} for operands ${a[i]!.aval}; it must combine element by element.`,
      )
    })
    return result.leaves
  }
  const part = (xs: Values, start: number, limit: number, stride: number): Values =>
    xs.map((x, i) => every(x, axes[i]!, start, limit, stride))

  const prefixes = (xs: Values, n: number): Values => {
    if (n < 2) return xs
    const half = Math.floor(n / 2)
    // Combining pairs gives the results at odd indices; each even index combines the odd one before it with one more element.
    const odd = prefixes(combine(part(xs, 0, 2 * half, 2), part(xs, 1, n, 2)), half)
    const later = Math.ceil(n / 2) - 1
    const first = part(xs, 0, 1, 1)
    if (later === 0) return odd.map((y, i) => inTurn(first[i]!, y, axes[i]!))
    const even = combine(part(odd, 0, later, 1), part(xs, 2, n, 2))
    return odd.map((y, i) => inTurn(concatenate([first[i]!, even[i]!], axes[i]!), y, axes[i]!))
  }

  const turn = (xs: Values): Values => (reverse ? xs.map((x, i) => rev(x, [axes[i]!])) : xs)
  return restore(treedef, turn(prefixes(turn(leaves), count)))
}
