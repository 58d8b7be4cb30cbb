/** Optimizer states when the set of trained leaves changes. */
import { flatten, leafPaths, unflatten } from '../core/tree.ts'
import { keystr } from '../core/path.ts'
import * as must from '../conversions/arguments.ts'
import { NDArray } from '../trace/value.ts'

const carryStateDoor = must.door('carryState', { before: must.anything, fresh: must.anything })

/**
 * The state `fresh`, with the arrays of `before` wherever that has one with the same path, shape and dtype: moments of leaves
 * that stay, and counts of steps. The paths are those of the whole parameter tree, as `partition` and adapters keep them.
 *
 * Counts belong to an optimizer: leaves added later share the count of the others, so Adam's bias correction for the first
 * steps does not apply to them. With `optim.multiTransform`, and one more part for each stage, new leaves have a count of their
 * own.
 *
 * @param before - the state of an optimizer.
 * @param fresh - `init` of the same optimizer, for the leaves trained from now on.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * import { carryState, partition } from 'pullback/train'
 * const params = { body: np.ones([2]), head: np.ones([2]) }
 * const optimizer = optim.trace(0.9)
 * const [head] = partition(params, 'head')
 * const [, state] = optimizer.update(head, optimizer.init(head))
 * const [both] = partition(params, '**')
 * const { trace } = carryState(state, optimizer.init(both)) as { readonly trace: typeof both }
 * trace.head // => [1. 1.]
 * trace.body // => [0. 0.]
 * ```
 */
export const carryState = <S>(before: unknown, fresh: S): S => {
  carryStateDoor(before, fresh)
  const old = flatten(before)
  const byPath = new Map(leafPaths(old.treedef).map((path, i) => [keystr(path), old.leaves[i]]))
  const { leaves, treedef } = flatten(fresh)
  const paths = leafPaths(treedef)
  const carried = leaves.map((leaf, i) => {
    const was = byPath.get(keystr(paths[i]!))
    return was instanceof NDArray && leaf instanceof NDArray && was.aval.matches(leaf.aval) ? was : leaf
  })
  return unflatten(treedef, carried) as S
}
