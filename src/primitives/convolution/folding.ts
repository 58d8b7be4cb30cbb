/** Folds axes of groups into other axes, and unfolds them: this is how convolutions are batched and transposed. */
import { insertAt } from '../../core/shape.ts'
import { moveAxis, reshape } from '../../ops/movement.ts'
import type { NDArray } from '../../trace/value.ts'

/**
 * Axis `from` folded into axis `into` (of the array without `from`): of extents m and groups · n they become one of
 * groups · m · n, in this order.
 */
export const fold = (x: NDArray, from: number, into: number, groups = 1): NDArray => {
  const front = moveAxis(x, from, 0)
  const [size, ...shape] = front.shape
  const rest = shape[into]! / groups
  const split = reshape(front, insertAt(front.shape.with(into + 1, rest), into + 1, groups))
  return reshape(moveAxis(split, 0, into + 1), shape.with(into, groups * size! * rest))
}

/** The inverse of `fold`: an axis of extent groups · size · n leaves one of groups · n, and `size` at the front. */
export const unfold = (x: NDArray, axis: number, size: number, groups = 1): NDArray => {
  const rest = x.shape[axis]! / (groups * size)
  const before = x.shape.slice(0, axis)
  const after = x.shape.slice(axis + 1)
  const front = moveAxis(reshape(x, [...before, groups, size, rest, ...after]), axis + 1, 0)
  return reshape(front, [size, ...before, groups * rest, ...after])
}

/** The outer factor `groups` of axis `from` becomes the outer factor of axis `to`. */
export const moveGroups = (x: NDArray, from: number, to: number, groups: number): NDArray =>
  groups === 1 ? x : fold(unfold(x, from, groups), 0, to)
