/**
 * Arrays of one's own. A step that is compiled with `donateArgnums` gives up the arrays of its state; one that is also an array of the base
 * would be lost to the base. An array of one's own has the same elements, in the same memory, which both look at until one of them
 * gives it up: nothing is copied.
 */
import { flatten, unflatten } from '../core/tree.ts'
import { ConcreteBody } from '../trace/body.ts'
import { NDArray } from '../trace/value.ts'

/** The same elements as an array that can be given up for itself. Tracers are as they are. */
export const ownArray = (x: NDArray): NDArray =>
  x.body instanceof ConcreteBody ? new NDArray(x.aval, x.body.share()) : x

/** A tree of such arrays. */
export const ownTree = <T>(tree: T): T => {
  const { leaves, treedef } = flatten(tree)
  return unflatten(
    treedef,
    leaves.map((leaf) => (leaf instanceof NDArray ? ownArray(leaf) : leaf)),
  ) as T
}
