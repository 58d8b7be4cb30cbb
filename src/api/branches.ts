/** Choices among functions that can be traced: `cond` and `switch`. */
import * as control from '../primitives/control/operations.ts'
import * as must from '../conversions/arguments.ts'
import type { Aval } from '../core/aval.ts'
import { isFloat } from '../core/dtype.ts'
import { ArgumentError, DTypeError, ShapeError, TreeError } from '../core/errors.ts'
import { sameShape } from '../core/shape.ts'
import { scalar } from '../ops/creation.ts'
import { cast, ne } from '../ops/elementwise.ts'
import { asArray } from '../runtime/installArrays.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { castOutputs, closeTree, placeOf, shareCaptured } from './closures.ts'
import { flattenArrays, restore } from './leaves.ts'
import type { AnyTree, Arrays, TreeOfArrays, Fn, Operands } from './types.ts'
import { promoted, sameTrees } from './carry.ts'

export const scalarOf = (name: string, what: string, x: ArrayLike): NDArray => {
  const array = asArray(x)
  if (array.aval.rank === 0) return array
  throw new ShapeError(
    `${name}: the ${what} must be a scalar, got ${array.aval}. ` +
      'Use np.where to choose element by element, or vmap to choose for each element of a batch.',
  )
}

/** The common type of the branches' results: weak types are promoted to strong ones. */
const commonAval = (name: string, avals: readonly Aval[], place: string, labels: readonly string[]): Aval => {
  const common = avals.reduce(promoted)
  const bad = avals.findIndex((a) => !sameShape(a.shape, common.shape) || (!a.weak && a.dtype !== common.dtype))
  if (bad < 0) return common
  const other = avals.findIndex((a) => !a.matches(avals[bad]!))
  const [low, high] = bad < other ? [bad, other] : [other, bad]
  throw new TreeError(
    `${name}: the result${place} is ${avals[low]!} from ${labels[low]!} and ${avals[high]!} from ${labels[high]!}; ` +
      'all branches must give one shape and dtype.',
  )
}

const choose = (
  name: string,
  index: NDArray,
  branches: readonly Fn<never[], unknown>[],
  labels: readonly string[],
  operands: unknown[],
) => {
  const given = flattenArrays(name, operands)
  const avals = given.leaves.map((x) => x.aval)
  const closures = branches.map((f) => closeTree(name, f, given.treedef, avals))
  const { out } = closures[0]!
  closures.forEach((c, i) => {
    sameTrees(name, out, c.out, [`the result of ${labels[0]!}`, `that of ${labels[i]!}`])
  })
  const { programs, captured } = shareCaptured(closures)
  const outAvals = programs[0]!.outAvals.map((_, k) =>
    commonAval(
      name,
      programs.map((p) => p.outAvals[k]!),
      placeOf(out, k),
      labels,
    ),
  )
  const typed = programs.map((p) => castOutputs(p, outAvals))
  return restore(out, control.cond(typed, index, [...captured, ...given.leaves]))
}

/**
 * `onTrue(...operands)` if `predicate` holds, `onFalse(...operands)` if not. Both are traced and must return the same
 * structure, shapes and dtypes; only the chosen one runs. Under `vmap` over the predicate both run, each on the elements that
 * take it, and derivatives of one never see the other's NaNs.
 *
 * @param predicate - a scalar; a number counts as true unless 0.
 * @throws ShapeError if the predicate is not a scalar; TreeError if the branches differ, naming the leaf and both types.
 * @example
 * ```ts
 * import { grad, lax, np } from 'pullback'
 * const f = (x: NDArray) => lax.cond(x.greater(0), (y) => np.sqrt(y), () => np.array(0), x)
 * f(np.array(4)) // => 2.
 * grad(f)(np.array(-4)) // => 0.
 * ```
 */
export function cond<A extends TreeOfArrays<A> & readonly unknown[], R extends TreeOfArrays<R>>(
  predicate: ArrayLike,
  onTrue: Fn<NoInfer<A>, R>,
  onFalse: Fn<NoInfer<A>, R>,
  ...operands: A
): R

export function cond<A extends readonly unknown[], R extends AnyTree>(
  predicate: ArrayLike,
  onTrue: Fn<Operands<A>, R>,
  onFalse: Fn<Operands<A>, R>,
  ...operands: A
): Arrays<R>

export function cond<A extends readonly unknown[], R>(
  predicate: ArrayLike,
  onTrue: Fn<Operands<A>, R>,
  onFalse: Fn<Operands<A>, R>,
  ...operands: A
): Arrays<R> {
  const p = scalarOf('cond', 'predicate', predicate)
  const holds = p.aval.dtype === 'bool' ? p : ne(p, scalar(0, p.aval.dtype, p.aval.weak))
  const branches = [onFalse, onTrue] as unknown as readonly Fn<never[], unknown>[]
  return choose('cond', cast(holds, 'int32'), branches, ['onFalse', 'onTrue'], [...operands]) as Arrays<R>
}

const switchDoor = must.door('switch', {
  index: must.arrayLike,
  branches: must.listOf(must.func, 'a list of functions'),
})

/**
 * `branches[index](...operands)`, the index clamped into range. As `cond` otherwise; exported as `lax.switch`.
 *
 * @param index - an integer scalar.
 * @throws DTypeError if the index is not an integer; otherwise as `cond`.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.switch(2, [(x: NDArray) => x, (x: NDArray) => np.sin(x), (x: NDArray) => np.square(x)], np.array(3)) // => 9.
 * ```
 */
export function switchCase<A extends TreeOfArrays<A> & readonly unknown[], R extends TreeOfArrays<R>>(
  index: ArrayLike,
  branches: readonly Fn<NoInfer<A>, R>[],
  ...operands: A
): R

export function switchCase<A extends readonly unknown[], R extends AnyTree>(
  index: ArrayLike,
  branches: readonly Fn<Operands<A>, R>[],
  ...operands: A
): Arrays<R>

export function switchCase<A extends readonly unknown[], R>(
  index: ArrayLike,
  branches: readonly Fn<Operands<A>, R>[],
  ...operands: A
): Arrays<R> {
  switchDoor(index, branches)
  const i = scalarOf('switch', 'index', index)
  if (i.aval.dtype === 'bool' || isFloat(i.aval.dtype)) {
    throw new DTypeError(`switch: the index must be an integer, got ${i.aval}. For a predicate use lax.cond.`)
  }
  if (branches.length === 0) throw new ArgumentError('switch: there are no branches.')
  const functions = branches as unknown as readonly Fn<never[], unknown>[]
  const labels = branches.map((_, k) => `branch ${k}`)
  return choose('switch', cast(i, 'int32'), functions, labels, [...operands]) as Arrays<R>
}
